#pragma once
/* What poll and select have in common: timeouts that are written back, and signal masks. */
#include <stdbool.h>
#include <stdint.h>

#include "fs/poll.h"
#include "lib/error.h"
#include "machine/machine.h"

/* How long to wait, and where the program wants to read how much of that is left. */
struct poll_timeout {
    uint64_t deadline_ns;      /* WAIT_FOREVER; 0: do not wait */
    user_address address;      /* 0: it is not written back */
    bool is_timeval;           /* microseconds, not nanoseconds */
};

/* Relative times of a program; 0 is no limit.  -EFAULT, -EINVAL. */
MUST_CHECK int poll_timeout_read(struct poll_timeout *timeout, user_address address,
                                 bool is_timeval);
/* Writes what is left; the result of the call (`result` was it so far). */
int64_t poll_timeout_finish(const struct poll_timeout *timeout, int64_t result);

/* The mask of ppoll and pselect6 until the call ends; 0: none.  -EINVAL, -EFAULT. */
MUST_CHECK int poll_mask_set(user_address mask, uint64_t size);

/* Fills one request: takes a reference to the file, or marks it as invalid. */
void poll_request_open(struct poll_request *request, int32_t fd, uint32_t events);
void poll_requests_close(struct poll_request *requests, uint32_t count);
