/* Sleeping: a wait for nothing but the deadline. */
#include "time/sleep.h"

#include <stddef.h>

#include "sync/wait_queue.h"

int sleep_until(uint64_t deadline_ns)
{
    const struct wait_reason reason = { .kind = WAIT_SLEEP, .object = deadline_ns };
    int error = wait_entries_wait(NULL, 0, &reason, deadline_ns);

    return error == -ETIMEDOUT ? 0 : error;
}
