/*
 * Kernel contexts for tests.
 *
 * One that was prepared with a stack keeps its fiber at the low end of that stack (above the word
 * where the scheduler has its canary); the contexts that the program began in have theirs in an
 * array.  So nothing needs to be freed when a thread ends.
 */
#include "harness/fake_contexts.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/fiber.h"
#include "machine/machine.h"

#define FIBER_OFFSET 64    /* from the low end of the stack */
#define BOOT_FIBERS 256

static struct fiber boot_fibers[BOOT_FIBERS];
static _Atomic unsigned boot_fiber_count;

void fake_contexts_reset(void)
{
    boot_fiber_count = 0;
}

static void fail(const char *why)
{
    fprintf(stderr, "fake contexts: %s\n", why);
    abort();
}

static struct fiber *fiber_of(struct machine_context *context)
{
    if (context->opaque[0] == 0) {
        unsigned index = boot_fiber_count++;

        if (index >= BOOT_FIBERS)
            fail("too many boot contexts");
        context->opaque[0] = (uintptr_t)&boot_fibers[index];
    }
    return (struct fiber *)context->opaque[0];
}

void machine_context_init(struct machine_context *context, void *stack, size_t stack_size,
                          void (*entry)(void))
{
    size_t reserved = FIBER_OFFSET + ((sizeof(struct fiber) + 63) & ~(size_t)63);
    struct fiber *fiber = (struct fiber *)((char *)stack + FIBER_OFFSET);

    *context = (struct machine_context){ .opaque[0] = (uintptr_t)fiber };
    fiber_init(fiber, (char *)stack + reserved, stack_size - reserved, entry);
}

void *machine_stack_place(void *memory, size_t size)
{
    (void)size;
    return memory;
}

void machine_context_switch(struct machine_context *from, struct machine_context *to)
{
    if (machine_interrupts_enabled())
        fail("machine_context_switch with interrupts on");
    fiber_switch(fiber_of(from), fiber_of(to));
}
