/* timer_create and its like: conversions to and from process/posix_timer.c. */
#include "abi/linux/clocks.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "abi/linux/timer_arguments.h"
#include "memory/user_memory.h"
#include "process/posix_timer.h"
#include "process/process.h"

/* sigev_notify */
#define NOTIFY_SIGNAL 0
#define NOTIFY_NONE 1
#define NOTIFY_THREAD 2    /* the C library makes the threads */
#define NOTIFY_THREAD_ID 4

/* ---- Times --------------------------------------------------------------------------------- */

int itimerspec_get(user_address address, uint64_t *value_ns, uint64_t *interval_ns)
{
    struct linux_itimerspec setting;
    int error = user_copy_in(current_space(), &setting, address, sizeof(setting));

    if (!error)
        error = timespec_ns(&setting.value, value_ns);
    if (!error)
        error = timespec_ns(&setting.interval, interval_ns);
    return error;
}

int itimerspec_put(user_address address, uint64_t value_ns, uint64_t interval_ns)
{
    const struct linux_itimerspec setting = {
        .interval = timespec_of(interval_ns),
        .value = timespec_of(value_ns),
    };

    return user_copy_out(current_space(), address, &setting, sizeof(setting));
}

/* ---- timer_create -------------------------------------------------------------------------- */

/* -EINVAL; request->target has a reference. */
static int convert_event(const struct linux_sigevent *event, struct posix_timer_request *request)
{
    bool has_signal = event->number > 0 && event->number <= SIGNAL_MAX;

    request->has_value = true;
    request->value = event->value;
    request->number = event->number;
    switch (event->notify) {
    case NOTIFY_SIGNAL:
    case NOTIFY_THREAD:
        return has_signal ? 0 : -EINVAL;
    case NOTIFY_NONE:
        request->is_silent = true;
        return 0;
    case NOTIFY_THREAD_ID:
        request->target = has_signal ? own_thread_find(pid_named(event->thread_id)) : NULL;
        return request->target ? 0 : -EINVAL;
    }
    return -EINVAL;
}

/* -EINVAL, -EOPNOTSUPP: no timers on this clock. */
static int check_clock(int32_t clock)
{
    switch (clock_sort(clock)) {
    case CLOCK_UNKNOWN:
        return -EINVAL;
    case CLOCK_READ_ONLY:
    case CLOCK_DEVICE:
        return -EOPNOTSUPP;
    case CLOCK_PROCESSOR:    /* numbers that end in 3 are clocks of devices */
        return clock < 0 && (clock & 7) == 3 ? -EOPNOTSUPP : 0;
    case CLOCK_TIME:
        return 0;
    }
    UNREACHABLE();
}

static int64_t create(int32_t clock, struct posix_timer_request *request, user_address result)
{
    struct processor_clock measured = { .process = NULL };
    int32_t id;
    int error = 0;

    if (clock_sort(clock) == CLOCK_PROCESSOR)
        error = processor_clock_find(clock, false, &measured);
    if (error)
        return error;
    request->process = measured.process;
    request->thread = measured.thread;
    request->kind = measured.kind;
    if (!measured.process)
        request->base = clock_base_of(clock);
    error = posix_timer_create(request, &id);
    if (measured.process)
        processor_clock_release(&measured);
    if (error)
        return error;
    error = user_copy_out(current_space(), result, &id, sizeof(id));
    if (error && posix_timer_delete(id) != 0)
        return error;    /* another thread of the program was quicker */
    return error;
}

int64_t sys_timer_create(int32_t clock, user_address event, user_address timer)
{
    struct posix_timer_request request = { .number = SIGNAL_ALRM };
    struct linux_sigevent layout;
    int64_t result;
    int error = 0;

    if (event)
        error = user_copy_in(current_space(), &layout, event, sizeof(layout));
    if (!error)
        error = check_clock(clock);
    if (!error && event)
        error = convert_event(&layout, &request);
    if (error)
        return error;
    result = create(clock, &request, timer);
    if (request.target)
        thread_release(request.target);
    return result;
}

/* ---- The others ---------------------------------------------------------------------------- */

int64_t sys_timer_settime(int32_t timer, uint32_t flags, user_address value, user_address before)
{
    struct posix_timer_setting wanted, old;
    int error;

    if (!value)
        return -EINVAL;
    error = itimerspec_get(value, &wanted.expires_ns, &wanted.interval_ns);
    if (!error)
        error = posix_timer_set(timer, &wanted, flags & TIME_ABSOLUTE, before ? &old : NULL);
    if (error || !before)
        return error;
    return itimerspec_put(before, old.expires_ns, old.interval_ns);
}

int64_t sys_timer_gettime(int32_t timer, user_address value)
{
    struct posix_timer_setting setting;
    int error = posix_timer_get(timer, &setting);

    return error ? error : itimerspec_put(value, setting.expires_ns, setting.interval_ns);
}

int64_t sys_timer_getoverrun(int32_t timer)
{
    return posix_timer_overrun(timer);
}

int64_t sys_timer_delete(int32_t timer)
{
    return posix_timer_delete(timer);
}
