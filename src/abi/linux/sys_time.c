/* Calls about clocks. */
#include "abi/linux/clocks.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define PROCESSOR_CLOCK_EXACT_BITS 2    /* the others count in ticks, they say */
#define TICK_NS (NS_PER_SECOND / 250)
#define MINUTES_WEST_MAX (15 * 60)
/* A clock that is set beyond could not run for thirty years more. */
#define SECONDS_SET_MAX ((int64_t)(CLOCK_NEVER / NS_PER_SECOND) - INT64_C(30) * 365 * 24 * 3600)

static struct linux_timezone zone;    /* one for all, as on Linux */
static struct spinlock zone_lock = SPINLOCK_INITIAL(RANK_CLOCK_TIMERS, "time zone");

int64_t sys_clock_gettime(int32_t clock, user_address time)
{
    uint64_t ns;
    int error = clock_number_read(clock, &ns);

    return error ? error : timespec_put(time, ns);
}

static uint64_t resolution_of(int32_t clock)
{
    if (clock == CLOCK_REAL_COARSE || clock == CLOCK_MONOTONIC_COARSE)
        return COARSE_NS;
    return clock < 0 && (clock & 3) != PROCESSOR_CLOCK_EXACT_BITS ? TICK_NS : 1;
}

int64_t sys_clock_getres(int32_t clock, user_address resolution)
{
    struct processor_clock found;
    int error = 0;

    switch (clock_sort(clock)) {
    case CLOCK_UNKNOWN:
    case CLOCK_DEVICE:
        return -EINVAL;
    case CLOCK_PROCESSOR:
        error = processor_clock_find(clock, false, &found);
        if (!error)
            processor_clock_release(&found);
        break;
    case CLOCK_TIME:
    case CLOCK_READ_ONLY:
        break;
    }
    if (error || !resolution)
        return error;
    return timespec_put(resolution, resolution_of(clock));
}

int64_t sys_gettimeofday(user_address time, user_address zone_address)
{
    uint64_t now_ns = clock_real_ns();
    const struct linux_timeval now = {
        .seconds = (int64_t)(now_ns / NS_PER_SECOND),
        .microseconds = (int64_t)(now_ns % NS_PER_SECOND / 1000),
    };
    int error = 0;

    if (time)
        error = user_copy_out(current_space(), time, &now, sizeof(now));
    if (!error && zone_address) {
        spin_lock(&zone_lock);
        struct linux_timezone value = zone;

        spin_unlock(&zone_lock);
        error = user_copy_out(current_space(), zone_address, &value, sizeof(value));
    }
    return error;
}

int64_t sys_time(user_address seconds)
{
    const int64_t now = (int64_t)(clock_real_ns() / NS_PER_SECOND);
    int error = 0;

    if (seconds)
        error = user_copy_out(current_space(), seconds, &now, sizeof(now));
    return error ? error : now;
}

/* ---- Setting ------------------------------------------------------------------------------- */

static bool may_set_clock(void)
{
    return current_can(CAPABILITY_TIME);
}

/* Real time must not be less than the time since boot: then it would have begun before 1970. */
static int set_real_time(const struct linux_timespec *time)
{
    uint64_t ns;
    int error = timespec_ns(time, &ns);

    if (!error && time->seconds >= SECONDS_SET_MAX)
        error = -EINVAL;
    if (!error && !may_set_clock())
        error = -EPERM;
    if (!error && ns < clock_monotonic_ns())
        error = -EINVAL;
    if (!error)
        clock_set_real_ns(ns);
    return error;
}

int64_t sys_clock_settime(int32_t clock, user_address address)
{
    struct processor_clock found;
    struct linux_timespec time;
    int error;

    if (clock != CLOCK_REAL && clock >= 0 && clock != CLOCK_PROCESS_TIME &&
        clock != CLOCK_THREAD_TIME)
        return -EINVAL;
    error = user_copy_in(current_space(), &time, address, sizeof(time));
    if (error)
        return error;
    if (clock == CLOCK_REAL)
        return set_real_time(&time);
    if (clock >= 0)
        return -EINVAL;
    error = processor_clock_find(clock, false, &found);
    if (error)
        return error;
    processor_clock_release(&found);
    return -EPERM;
}

static void set_zone(const struct linux_timezone *value)
{
    spin_lock(&zone_lock);
    zone = *value;
    spin_unlock(&zone_lock);
}

int64_t sys_settimeofday(user_address time, user_address zone_address)
{
    struct linux_timeval value;
    struct linux_timespec wanted;
    struct linux_timezone new_zone;
    int error = 0;

    if (time) {
        error = user_copy_in(current_space(), &value, time, sizeof(value));
        if (!error && (value.microseconds < 0 || value.microseconds > 1000000))
            error = -EINVAL;
        if (error)
            return error;
        wanted = (struct linux_timespec){ value.seconds, value.microseconds * 1000 };
        if (timespec_ns(&wanted, &(uint64_t){ 0 }) != 0 || wanted.seconds >= SECONDS_SET_MAX)
            error = -EINVAL;
    }
    if (zone_address) {
        int fault = user_copy_in(current_space(), &new_zone, zone_address, sizeof(new_zone));

        if (fault)
            return fault;
    }
    if (error)
        return error;
    if (!may_set_clock())
        return -EPERM;
    if (zone_address && (new_zone.minutes_west > MINUTES_WEST_MAX ||
                         new_zone.minutes_west < -MINUTES_WEST_MAX))
        return -EINVAL;
    if (zone_address)
        set_zone(&new_zone);
    return time ? set_real_time(&wanted) : 0;
}
