/* alarm and interval timers: conversions to and from process/interval_timer.c. */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "time/clock.h"

#define NS_PER_MICROSECOND 1000
#define MICROSECONDS_PER_SECOND 1000000

static struct linux_timeval timeval_of(uint64_t ns)
{
    return (struct linux_timeval){
        .seconds = (int64_t)(ns / NS_PER_SECOND),
        .microseconds = (int64_t)(ns % NS_PER_SECOND / NS_PER_MICROSECOND),
    };
}

/* What is too long for 64 bits of nanoseconds is as good as never. */
static int ns_of(const struct linux_timeval *time, uint64_t *ns)
{
    if (time->seconds < 0 || time->microseconds < 0 ||
        time->microseconds >= MICROSECONDS_PER_SECOND)
        return -EINVAL;
    if (__builtin_mul_overflow((uint64_t)time->seconds, NS_PER_SECOND, ns) ||
        __builtin_add_overflow(*ns, (uint64_t)time->microseconds * NS_PER_MICROSECOND, ns))
        *ns = UINT64_MAX;
    return 0;
}

int64_t sys_alarm(uint32_t seconds)
{
    const struct interval wanted = { .remaining_ns = seconds * NS_PER_SECOND };
    struct interval before;

    interval_timer_set(current_process(), INTERVAL_TIMER_REAL, &wanted, &before);

    uint64_t left = before.remaining_ns / NS_PER_SECOND;
    uint64_t part_ns = before.remaining_ns % NS_PER_SECOND;

    /* Rounded, but never to 0 while something is left: 0 means that there was no alarm. */
    if (part_ns >= NS_PER_SECOND / 2 || (left == 0 && part_ns != 0))
        left++;
    return (int64_t)left;
}

static int64_t write_interval(user_address address, const struct interval *interval)
{
    const struct linux_itimerval value = {
        .interval = timeval_of(interval->interval_ns),
        .value = timeval_of(interval->remaining_ns),
    };

    return user_copy_out(current_space(), address, &value, sizeof(value));
}

/* The numbers of programs are ours. */
static int check_timer(int32_t which)
{
    return which < INTERVAL_TIMER_REAL || which > INTERVAL_TIMER_PROFILE ? -EINVAL : 0;
}

int64_t sys_getitimer(int32_t which, user_address value)
{
    struct interval interval;
    int error = check_timer(which);

    if (error)
        return error;
    interval_timer_get(current_process(), (enum interval_timer)which, &interval);
    return write_interval(value, &interval);
}

int64_t sys_setitimer(int32_t which, user_address value, user_address before)
{
    struct linux_itimerval layout = { .interval = { 0, 0 } };    /* no value: turned off */
    struct interval wanted, old;
    int error = 0;

    if (value)
        error = user_copy_in(current_space(), &layout, value, sizeof(layout));
    if (!error)
        error = ns_of(&layout.value, &wanted.remaining_ns);
    if (!error)
        error = ns_of(&layout.interval, &wanted.interval_ns);
    if (!error)
        error = check_timer(which);
    if (error)
        return error;
    interval_timer_set(current_process(), (enum interval_timer)which, &wanted, &old);
    return before ? write_interval(before, &old) : 0;
}
