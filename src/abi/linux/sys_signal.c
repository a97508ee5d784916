/* Calls about signals: decoding and layouts; the work is in signal/. */
#include "abi/linux/signal_frame.h"
#include "abi/linux/signal_arguments.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "lib/container.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "sched/choice.h"
#include "time/clock.h"

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

/* ---- Taking one without a handler ---------------------------------------------------------- */

/* When the wait ends; address 0: never.  -EFAULT, -EINVAL. */
static int read_timeout(user_address address, uint64_t *deadline_ns)
{
    struct linux_timespec time;
    uint64_t ns;

    *deadline_ns = WAIT_FOREVER;
    if (address == 0)
        return 0;
    if (user_copy_in(current_space(), &time, address, sizeof(time)) != 0)
        return -EFAULT;
    if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= (int64_t)NS_PER_SECOND)
        return -EINVAL;
    *deadline_ns = 0;
    if (time.seconds == 0 && time.nanoseconds == 0)
        return 0;
    *deadline_ns = WAIT_FOREVER - 1;
    if (__builtin_mul_overflow((uint64_t)time.seconds, NS_PER_SECOND, &ns) ||
        __builtin_add_overflow(ns, (uint64_t)time.nanoseconds + machine_time_ns(), &ns))
        return 0;
    *deadline_ns = ns < WAIT_FOREVER ? ns : WAIT_FOREVER - 1;
    return 0;
}

int64_t sys_rt_sigtimedwait(user_address set, user_address information, user_address timeout,
                            uint64_t set_size)
{
    struct linux_siginfo layout = { .zero = { 0 } };
    uint64_t deadline_ns;
    signal_set wanted;
    int result;

    if (set_size != sizeof(signal_set))
        return -EINVAL;
    if (user_copy_in(current_space(), &wanted, set, sizeof(wanted)) != 0)
        return -EFAULT;
    result = read_timeout(timeout, &deadline_ns);
    if (result)
        return result;
    result = signal_await(wanted & ~SIGNALS_UNBLOCKABLE, deadline_ns, &layout.information);
    if (result > 0 && information &&
        user_copy_out(current_space(), information, &layout, sizeof(layout)) != 0)
        return -EFAULT;
    return result;
}

/* ---- Sending with information -------------------------------------------------------------- */

/* Is what the kernel knows of such a signal all that there is?  Codes above 0 differ by signal. */
static bool is_known_code(int32_t number, int32_t code)
{
    static const struct {
        int number, codes;
    } own_codes[] = {
        { SIGNAL_ILL, 11 },  { SIGNAL_FPE, 15 }, { SIGNAL_SEGV, 10 }, { SIGNAL_BUS, 5 },
        { SIGNAL_TRAP, 6 },  { SIGNAL_CHLD, 6 }, { SIGNAL_IO, 6 },    { SIGNAL_SYS, 2 },
    };

    if (code == CODE_KERNEL)
        return true;
    if (code <= CODE_USER)
        return code >= CODE_DETHREAD || code == CODE_NAME_LOOKUP;
    for (size_t i = 0; i < ARRAY_SIZE(own_codes); i++) {
        if (own_codes[i].number == number)
            return code <= own_codes[i].codes;
    }
    return code <= 6;    /* those of SIGIO may come with any other number */
}

static int read_information(user_address address, const int32_t *number,
                            struct signal_information *information)
{
    struct linux_siginfo layout;
    uint8_t any = 0;

    if (user_copy_in(current_space(), &layout, address, sizeof(layout.information)) != 0)
        return -EFAULT;
    if (number)
        layout.information.number = *number;
    *information = layout.information;
    if (is_known_code(information->number, information->code))
        return 0;
    if (user_copy_in(current_space(), layout.zero, address + sizeof(layout.information),
                     sizeof(layout.zero)) != 0)
        return -EFAULT;
    for (size_t i = 0; i < sizeof(layout.zero); i++)
        any |= layout.zero[i];
    return any ? -E2BIG : 0;
}

int signal_information_read(user_address address, struct signal_information *information)
{
    return read_information(address, NULL, information);
}

int64_t sys_rt_sigqueueinfo(int32_t id, int32_t number, user_address information)
{
    struct signal_information copy;
    int error = read_information(information, &number, &copy);

    return error ? error : signal_queue(id, &copy);
}

int64_t sys_rt_tgsigqueueinfo(int32_t group, int32_t id, int32_t number, user_address information)
{
    struct signal_information copy;
    int error = read_information(information, &number, &copy);

    if (error)
        return error;
    return id <= 0 || group <= 0 ? -EINVAL : signal_thread_queue(group, id, &copy);
}

/* ---- Stacks and frames --------------------------------------------------------------------- */

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
