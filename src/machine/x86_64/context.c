/*
 * New kernel contexts: a stack that looks as if machine_context_switch had saved it.
 *
 * The entry function is "returned" to with a zero return address above it, where backtraces end.
 */
#include "machine/machine.h"

#define CALLEE_SAVED 6    /* pushed by machine_context_switch */

void machine_context_init(struct machine_context *context, void *stack, size_t stack_size,
                          void (*entry)(void))
{
    uint64_t *top = (uint64_t *)(void *)((char *)stack + stack_size);

    *--top = 0;
    *--top = (uintptr_t)entry;
    for (int i = 0; i < CALLEE_SAVED; i++)
        *--top = 0;
    context->opaque[0] = (uintptr_t)top;
}
