/* timerfd: conversions to and from ipc/timer_file.c. */
#include "abi/linux/clocks.h"
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "abi/linux/timer_arguments.h"
#include "ipc/timer_file.h"
#include "process/process.h"

#define CREATE_FLAGS (OPEN_CLOSE_ON_EXEC | OPEN_NONBLOCK)
#define CANCEL_ON_SET 2u

static bool is_alarm(int32_t clock)
{
    return clock == CLOCK_REAL_ALARM || clock == CLOCK_BOOT_ALARM;
}

int64_t sys_timerfd_create(int32_t clock, uint32_t flags)
{
    enum clock_base base = clock == CLOCK_REAL || clock == CLOCK_REAL_ALARM
                               ? CLOCK_BASE_REAL : CLOCK_BASE_MONOTONIC;
    struct file *file;
    int error;

    if (flags & ~CREATE_FLAGS)
        return -EINVAL;
    if (clock != CLOCK_REAL && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOT && !is_alarm(clock))
        return -EINVAL;
    if (is_alarm(clock) && !current_can(CAPABILITY_WAKE_ALARM))
        return -EPERM;
    error = timer_file_create(base, flags & OPEN_NONBLOCK, &file);
    return error ? error : fd_install(file, flags & OPEN_CLOSE_ON_EXEC);
}

static int write_setting(user_address address, const struct timer_file_setting *setting)
{
    return itimerspec_put(address, setting->expires_ns, setting->interval_ns);
}

int64_t sys_timerfd_settime(int32_t fd, uint32_t flags, user_address value, user_address before)
{
    struct timer_file_setting old;
    struct timer_file_change change = {
        .is_absolute = flags & TIME_ABSOLUTE,
        .ends_when_clock_is_set = flags & CANCEL_ON_SET,
    };
    struct file *file;
    int error = itimerspec_get(value, &change.setting.expires_ns, &change.setting.interval_ns);

    if (error == -EFAULT)
        return error;
    if (error || (flags & ~(TIME_ABSOLUTE | CANCEL_ON_SET)))
        return -EINVAL;
    error = fd_get(fd, &file);
    if (error)
        return error;
    error = timer_file_set(file, &change, &old);
    file_release(file);
    if (error || !before)
        return error;
    return write_setting(before, &old);
}

int64_t sys_timerfd_gettime(int32_t fd, user_address value)
{
    struct timer_file_setting setting;
    struct file *file;
    int error = fd_get(fd, &file);

    if (error)
        return error;
    error = timer_file_get(file, &setting);
    file_release(file);
    return error ? error : write_setting(value, &setting);
}
