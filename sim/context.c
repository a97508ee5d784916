/*
 * New kernel contexts: a stack that looks as if machine_context_switch had saved it.
 *
 * The entry function is "returned" to with a zero return address above it, where backtraces end.
 */
#include <sanitizer/asan_interface.h>

#include "sim.h"

#define CALLEE_SAVED 6    /* pushed by machine_context_switch */

void machine_context_init(struct machine_context *context, void *stack, size_t stack_size,
                          void (*entry)(void))
{
    uint64_t *top = (uint64_t *)(void *)((char *)stack + stack_size);

    /* Whoever had this stack before left it without returning from its functions. */
    ASAN_UNPOISON_MEMORY_REGION(stack, stack_size);
    *--top = 0;                       /* return address of entry: aligned as behind a call */
    *--top = (uintptr_t)entry;
    for (int i = 0; i < CALLEE_SAVED; i++)
        *--top = 0;
    context->opaque[0] = (uintptr_t)top;
}

/* The host gives no second view of a part of the direct map for nothing: a word at the end of each
 * stack tells of an overrun instead (thread_check_stack). */
void *machine_stack_place(void *memory, size_t size)
{
    (void)size;
    return memory;
}
