/* What poll and select have in common. */
#include "abi/linux/poll_arguments.h"

#include "abi/linux/file_arguments.h"
#include "abi/linux/structures.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "signal/signal.h"
#include "time/clock.h"

#define SECONDS_MAX ((int64_t)(UINT64_MAX / NS_PER_SECOND / 4))

/* Both structures are two 64-bit numbers. */
int poll_timeout_read(struct poll_timeout *timeout, user_address address, bool is_timeval)
{
    struct linux_timespec time;
    int error;

    *timeout = (struct poll_timeout){
        .deadline_ns = WAIT_FOREVER, .address = address, .is_timeval = is_timeval,
    };
    if (address == 0)
        return 0;
    error = user_copy_in(current_space(), &time, address, sizeof(time));
    if (error)
        return error;
    if (is_timeval) {
        int64_t seconds = time.nanoseconds / 1000000;

        if (__builtin_add_overflow(time.seconds, seconds, &time.seconds))
            return -EINVAL;
        time.nanoseconds = time.nanoseconds % 1000000 * 1000;
    }
    if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= (int64_t)NS_PER_SECOND)
        return -EINVAL;
    timeout->deadline_ns = 0;
    if (time.seconds > SECONDS_MAX)
        timeout->deadline_ns = WAIT_FOREVER - 1;
    else if (time.seconds > 0 || time.nanoseconds > 0)
        timeout->deadline_ns = machine_time_ns() + (uint64_t)time.seconds * NS_PER_SECOND +
                               (uint64_t)time.nanoseconds;
    return 0;
}

int64_t poll_timeout_finish(const struct poll_timeout *timeout, int64_t result)
{
    /* What became pending under the mask of the call waits, if the call has another result. */
    if (result != -CALL_RESTART_NO_HANDLER)
        signal_restore_blocked();

    uint64_t now_ns = machine_time_ns();
    uint64_t left_ns = timeout->deadline_ns > now_ns ? timeout->deadline_ns - now_ns : 0;
    struct linux_timespec left = {
        .seconds = (int64_t)(left_ns / NS_PER_SECOND),
        .nanoseconds = (int64_t)(left_ns % NS_PER_SECOND),
    };

    if (timeout->address == 0 || timeout->deadline_ns == 0)
        return result;
    if (timeout->is_timeval)
        left.nanoseconds /= 1000;
    if (user_copy_out(current_space(), timeout->address, &left, sizeof(left)) == 0)
        return result;
    /* Repeating would begin with the whole time again. */
    return result == -CALL_RESTART_NO_HANDLER ? -EINTR : result;
}

int poll_mask_set(user_address mask, uint64_t size)
{
    signal_set blocked;
    int error;

    if (mask == 0)
        return 0;
    if (size != sizeof(blocked))
        return -EINVAL;
    error = user_copy_in(current_space(), &blocked, mask, sizeof(blocked));
    if (!error)
        signal_set_blocked_for_call(blocked);
    return error;
}

void poll_request_open(struct poll_request *request, int32_t fd, uint32_t events)
{
    *request = (struct poll_request){ .events = events };
    request->is_invalid = fd_get(fd, &request->file) != 0;
    if (request->is_invalid)
        request->file = NULL;
}

void poll_requests_close(struct poll_request *requests, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (requests[i].file)
            file_release(requests[i].file);
    }
}
