/* Fibers, and what the sanitizers want to know about them. */
#include "harness/fiber.h"

#include <stdint.h>

#include "harness/opaque.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>

static void note_leave(struct fiber *from, struct fiber *to)
{
    __sanitizer_start_switch_fiber(&from->sanitizer, to->stack, to->stack_size);
}

/* Back in `self`.  What stack `previous` was on is learned only here. */
static void note_arrive(struct fiber *self, struct fiber *previous)
{
    __sanitizer_finish_switch_fiber(self->sanitizer, &previous->stack, &previous->stack_size);
}

static void note_new_stack(struct fiber *fiber)
{
    fiber->sanitizer = NULL;
}
#elif defined(__SANITIZE_THREAD__)
#include <pthread.h>
#include <sanitizer/tsan_interface.h>

#define STACKS_MAX 1024
#define USES_MAX 500

/* The sanitizer's fiber of each stack that was ever used.  Making one is slow, so threads that use
 * a stack one after the other share it; not for ever, because each that ends leaves some frames on
 * the sanitizer's own stack. */
static struct {
    const void *stack;
    void *fiber;
    unsigned uses;
} stacks[STACKS_MAX];
static pthread_mutex_t stacks_lock = PTHREAD_MUTEX_INITIALIZER;

static void *fiber_of_stack_locked(const void *stack)
{
    unsigned slot = 0;

    while (stacks[slot].stack && stacks[slot].stack != stack) {
        if (++slot == STACKS_MAX)
            __builtin_trap();
    }
    stacks[slot].stack = stack;
    if (stacks[slot].uses++ % USES_MAX == 0) {
        if (stacks[slot].fiber)
            __tsan_destroy_fiber(stacks[slot].fiber);
        stacks[slot].fiber = __tsan_create_fiber(0);
    }
    return stacks[slot].fiber;
}

static void *fiber_of_stack(const void *stack)
{
    pthread_mutex_lock(&stacks_lock);
    void *fiber = fiber_of_stack_locked(stack);

    pthread_mutex_unlock(&stacks_lock);
    return fiber;
}

static void note_leave(struct fiber *from, struct fiber *to)
{
    from->sanitizer = __tsan_get_current_fiber();
    if (!to->sanitizer)    /* runs for the first time; many never do */
        to->sanitizer = fiber_of_stack(to->stack);
    __tsan_switch_to_fiber(to->sanitizer, 0);
}

static void note_arrive(struct fiber *self, struct fiber *previous)
{
    (void)self;
    (void)previous;
}

static void note_new_stack(struct fiber *fiber)
{
    fiber->sanitizer = NULL;
}
#else
static void note_leave(struct fiber *from, struct fiber *to)
{
    (void)from;
    (void)to;
}

static void note_arrive(struct fiber *self, struct fiber *previous)
{
    (void)self;
    (void)previous;
}

static void note_new_stack(struct fiber *fiber)
{
    (void)fiber;
}
#endif

/* Saves the registers that a call preserves on the stack, and continues where `to` did so. */
void fiber_swap(void **from, void *to);
__asm__(".text\n"
        ".type fiber_swap, @function\n"
        "fiber_swap:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size fiber_swap, . - fiber_swap\n");

#define SAVED_REGISTERS 6

/* Between leaving one fiber and arriving in another. */
struct switching {
    struct fiber *left, *arriving;
};
static _Thread_local struct switching of_this_thread;

/* A function of its own: a fiber may arrive on another host thread than it left, and the compiler
 * must not keep the address. */
OPAQUE static struct switching *switching(void)
{
    return &of_this_thread;
}

static void begin(void)
{
    struct fiber *self = switching()->arriving;

    note_arrive(self, switching()->left);
    self->entry();
    __builtin_trap();
}

void fiber_init(struct fiber *fiber, void *stack, size_t stack_size, void (*entry)(void))
{
    uintptr_t top = ((uintptr_t)stack + stack_size) & ~(uintptr_t)15;
    uintptr_t *at = (uintptr_t *)top;

    *--at = 0;    /* where begin() would return to: ends backtraces, aligns the stack */
    *--at = (uintptr_t)begin;
    for (int i = 0; i < SAVED_REGISTERS; i++)
        *--at = 0;
    fiber->stack_pointer = at;
    fiber->entry = entry;
    fiber->stack = stack;
    fiber->stack_size = stack_size;
    note_new_stack(fiber);
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
    *switching() = (struct switching){ .left = from, .arriving = to };
    note_leave(from, to);
    fiber_swap(&from->stack_pointer, to->stack_pointer);
    note_arrive(from, switching()->left);
}
