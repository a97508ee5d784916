/* The alternate signal stack of a thread. */
#include "process/process.h"
#include "signal/signal.h"

#define STACK_SIZE_MIN 2048

bool signal_stack_holds(const struct signal_stack *stack, user_address pointer)
{
    return stack->size != 0 && !(stack->flags & STACK_AUTO_DISARM) && pointer > stack->base &&
           pointer - stack->base <= stack->size;
}

int signal_stack_change(const struct signal_stack *wanted, user_address pointer,
                        struct signal_stack *before)
{
    struct signal_stack *stack = &user_thread_of(current_thread())->signals.stack;
    bool inside = signal_stack_holds(stack, pointer);

    if (before) {
        *before = *stack;
        before->flags = (stack->size == 0 ? STACK_DISABLED : inside ? STACK_ON : 0u) |
                        (stack->flags & STACK_AUTO_DISARM);
    }
    if (!wanted)
        return 0;
    if (inside)
        return -EPERM;

    uint32_t mode = wanted->flags & ~STACK_AUTO_DISARM;

    if (mode != 0 && mode != STACK_ON && mode != STACK_DISABLED)
        return -EINVAL;
    if (wanted->base == stack->base && wanted->size == stack->size &&
        wanted->flags == stack->flags)
        return 0;    /* before the check of the size, as Linux */
    if (mode == STACK_DISABLED) {
        *stack = (struct signal_stack){ .flags = wanted->flags };
        return 0;
    }
    if (wanted->size < STACK_SIZE_MIN)
        return -ENOMEM;
    *stack = *wanted;
    return 0;
}
