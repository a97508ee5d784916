/* Calls about signals: decoding and layouts; the work is in signal/. */
#include "abi/linux/signal_frame.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "sched/choice.h"

#define CHANGE_BLOCK 0
#define CHANGE_UNBLOCK 1
#define CHANGE_SET 2

static int read_action(user_address address, struct signal_action *action)
{
    struct linux_sigaction layout;
    int error = user_copy_in(current_space(), &layout, address, sizeof(layout));

    if (!error)
        *action = (struct signal_action){
            .handler = layout.handler,
            .flags = layout.flags,
            .restorer = layout.restorer,
            .mask = layout.mask,
        };
    return error;
}

static int write_action(user_address address, const struct signal_action *action)
{
    const struct linux_sigaction layout = {
        .handler = action->handler,
        .flags = action->flags,
        .restorer = action->restorer,
        .mask = action->mask,
    };

    return user_copy_out(current_space(), address, &layout, sizeof(layout));
}

int64_t sys_rt_sigaction(int32_t number, user_address action, user_address before,
                         uint64_t set_size)
{
    struct signal_action wanted, old;
    int error = 0;

    if (set_size != sizeof(signal_set))
        return -EINVAL;
    if (action)
        error = read_action(action, &wanted);
    if (!error)
        error = signal_action_change(number, action ? &wanted : NULL, &old);
    if (!error && before)
        error = write_action(before, &old);
    return error;
}

static int change_mask(int32_t how, signal_set set)
{
    signal_set blocked = signal_blocked();

    if (how == CHANGE_BLOCK)
        blocked |= set;
    else if (how == CHANGE_UNBLOCK)
        blocked &= ~set;
    else if (how == CHANGE_SET)
        blocked = set;
    else
        return -EINVAL;
    signal_set_blocked(blocked);
    return 0;
}

int64_t sys_rt_sigprocmask(int32_t how, user_address set, user_address before, uint64_t set_size)
{
    signal_set old = signal_blocked();
    signal_set wanted;
    int error = 0;

    if (set_size != sizeof(signal_set))
        return -EINVAL;
    if (set) {
        error = user_copy_in(current_space(), &wanted, set, sizeof(wanted));
        if (!error)
            error = change_mask(how, wanted & ~SIGNALS_UNBLOCKABLE);
    }
    if (!error && before)
        error = user_copy_out(current_space(), before, &old, sizeof(old));
    return error;
}

int64_t sys_rt_sigpending(user_address set, uint64_t set_size)
{
    signal_set pending;

    if (set_size > sizeof(signal_set))
        return -EINVAL;
    pending = signal_pending_blocked();
    return user_copy_out(current_space(), set, &pending, set_size);
}

static int64_t wait_for_signal(void)
{
    /* Somebody outside can send one (kill, Ctrl-C), except in a run that repeats. */
    const struct wait_reason reason = {
        .kind = WAIT_SIGNAL,
        .external = !choice_is_observed(),
    };
    int error = wait_entries_wait(NULL, 0, &reason, WAIT_FOREVER);

    ASSERT(error == -EINTR);    /* nothing else ends a wait for nothing */
    return -CALL_RESTART_NO_HANDLER;
}

int64_t sys_pause(void)
{
    return wait_for_signal();
}

int64_t sys_rt_sigsuspend(user_address set, uint64_t set_size)
{
    signal_set blocked;

    if (set_size != sizeof(signal_set))
        return -EINVAL;
    if (user_copy_in(current_space(), &blocked, set, sizeof(blocked)) != 0)
        return -EFAULT;
    signal_set_blocked_for_call(blocked);
    return wait_for_signal();
}

int64_t sys_sigaltstack(user_address stack, user_address before)
{
    struct linux_sigstack layout;
    struct signal_stack wanted, old;
    int error = 0;

    if (stack) {
        error = user_copy_in(current_space(), &layout, stack, sizeof(layout));
        if (error)
            return error;
        wanted = (struct signal_stack){
            .base = layout.base,
            .size = layout.size,
            .flags = (uint32_t)layout.flags,
        };
    }
    error = signal_stack_change(stack ? &wanted : NULL, current_thread()->registers.rsp, &old);
    if (error || !before)
        return error;
    layout = (struct linux_sigstack){
        .base = old.base,
        .flags = (int32_t)old.flags,
        .size = old.size,
    };
    return user_copy_out(current_space(), before, &layout, sizeof(layout));
}

/* The result is what the program had in rax when the signal came. */
int64_t sys_rt_sigreturn(void)
{
    struct thread *thread = current_thread();

    if (signal_frame_restore(thread) != 0) {
        signal_force(SIGNAL_SEGV, "broken signal frame");
        return 0;
    }
    signal_check_program_counter();
    return (int64_t)thread->registers.rax;
}

int64_t sys_kill(int32_t id, int32_t number)
{
    return signal_kill(id, number);
}

int64_t sys_tkill(int32_t id, int32_t number)
{
    return id <= 0 ? -EINVAL : signal_thread_kill(0, id, number);
}

int64_t sys_tgkill(int32_t group, int32_t id, int32_t number)
{
    return id <= 0 || group <= 0 ? -EINVAL : signal_thread_kill(group, id, number);
}

int64_t sys_restart_syscall(void)
{
    struct interrupted_call *call = &user_thread_of(current_thread())->interrupted;

    return call->resume ? call->resume(call) : -EINTR;
}
