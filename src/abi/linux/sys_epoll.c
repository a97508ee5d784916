/* System calls of epoll. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/poll_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/epoll.h"
#include "machine/machine.h"
#include "memory/io_buffer.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "signal/signal.h"

#define NS_PER_MILLISECOND UINT64_C(1000000)
#define EVENTS_MAX (INT32_MAX / (int32_t)sizeof(struct epoll_event))

/* ---- What is watched ----------------------------------------------------------------------- */

int64_t sys_epoll_create1(uint32_t flags)
{
    struct file *file;
    int error;

    if (flags & ~OPEN_CLOSE_ON_EXEC)
        return -EINVAL;
    error = epoll_create(current_credentials().user_id, &file);
    return error ? error : fd_install(file, flags & OPEN_CLOSE_ON_EXEC);
}

int64_t sys_epoll_create(int32_t size)
{
    return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

int64_t sys_epoll_ctl(int32_t fd, int32_t operation, int32_t target, user_address event)
{
    struct epoll_request request = { .operation = operation, .fd = target };
    struct file *file;
    int error = 0;

    if (operation != EPOLL_REMOVE)
        error = user_copy_in(current_space(), &request.event, event, sizeof(request.event));
    if (!error)
        error = fd_get(fd, &file);
    if (error)
        return error;
    error = fd_get(target, &request.target);
    if (!error) {
        error = epoll_control(file, &request);
        file_release(request.target);
    }
    file_release(file);
    return error;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static int64_t wait_until(int32_t fd, user_address events, int32_t count, uint64_t deadline_ns)
{
    struct io_segment segment = { .address = events };
    struct io_buffer buffer;
    struct file *file;
    int64_t result;

    result = fd_get(fd, &file);
    if (result)
        return result;
    segment.length = (uint32_t)count * sizeof(struct epoll_event);
    if (count <= 0 || count > EVENTS_MAX)
        result = -EINVAL;
    else if (!user_range_is_valid(events, segment.length))
        result = -EFAULT;
    if (!result) {
        io_buffer_init(&buffer, current_space(), &segment, 1);
        result = epoll_wait(file, &buffer, deadline_ns);
    }
    file_release(file);
    return result;
}

static uint64_t deadline_of(int32_t timeout)
{
    if (timeout < 0)
        return WAIT_FOREVER;
    return timeout == 0 ? 0 : machine_time_ns() + (uint64_t)timeout * NS_PER_MILLISECOND;
}

int64_t sys_epoll_wait(int32_t fd, user_address events, int32_t count, int32_t timeout)
{
    return wait_until(fd, events, count, deadline_of(timeout));
}

/* The old mask returns now, or after the handlers of what ended the wait. */
static int64_t with_old_mask(int64_t result)
{
    if (result != -EINTR)
        signal_restore_blocked();
    return result;
}

int64_t sys_epoll_pwait(int32_t fd, user_address events, int32_t count, int32_t timeout,
                        user_address mask, uint64_t mask_size)
{
    int error = poll_mask_set(mask, mask_size);

    return error ? error : with_old_mask(sys_epoll_wait(fd, events, count, timeout));
}

int64_t sys_epoll_pwait2(int32_t fd, user_address events, int32_t count, user_address time,
                         user_address mask, uint64_t mask_size)
{
    struct poll_timeout timeout;
    int error = poll_timeout_read(&timeout, time, false);

    if (!error)
        error = poll_mask_set(mask, mask_size);
    return error ? error : with_old_mask(wait_until(fd, events, count, timeout.deadline_ns));
}
