#pragma once
/*
 * Futexes: words of user memory that threads wait on.
 *
 * A futex is named by its address space and address.  (Words in memory that two spaces share are
 * to get names of their own; so far there is one space.)  All calls may sleep and hold no lock.
 */
#include <stdint.h>

#include "lib/error.h"
#include "memory/address_space.h"

#define FUTEX_ANY UINT32_MAX    /* the bit set that meets every other */

/* Boot. */
void futex_init(void);

struct futex_request {
    struct address_space *space;
    user_address word;        /* aligned to 4 bytes: -EINVAL */
    uint32_t bits;            /* waiters and wakers meet if they share a bit; 0: -EINVAL */
};

/* Sleeps if the word still holds `expected`.  0: woken; -EAGAIN: it does not; -EFAULT, -EINTR,
 * -ETIMEDOUT at the absolute deadline (machine_time_ns). */
MUST_CHECK int futex_wait(const struct futex_request *request, uint32_t expected,
                          uint64_t deadline_ns);
/* Wakes up to `count` waiters, oldest first; at least one, as Linux.  How many there were, or an
 * error. */
int64_t futex_wake(const struct futex_request *request, uint32_t count);
