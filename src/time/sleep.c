/* Sleeping: a wait for nothing but the deadline, or for that and the clock's being set. */
#include "time/sleep.h"

#include <stdbool.h>
#include <stddef.h>

#include "sync/wait_queue.h"
#include "time/clock.h"

int sleep_until(uint64_t deadline_ns)
{
    const struct wait_reason reason = { .kind = WAIT_SLEEP, .object = deadline_ns };
    int error = wait_entries_wait(NULL, 0, &reason, deadline_ns);

    return error == -ETIMEDOUT ? 0 : error;
}

/* Returns -EAGAIN to look again. */
static int attempt_sleep_until_real(uint64_t real_ns)
{
    struct wait_entry entry;

    /* First on the queue, then a look: a clock that is set in between wakes it. */
    wait_entry_add(&entry, clock_changes());

    uint64_t now_ns = clock_real_ns();
    uint64_t deadline_ns = clock_monotonic_ns() + (real_ns - now_ns);
    const struct wait_reason reason = { .kind = WAIT_SLEEP, .object = deadline_ns };
    int error = now_ns >= real_ns ? 0 : wait_entries_wait(&entry, 1, &reason, deadline_ns);

    wait_entry_remove(&entry);
    if (now_ns >= real_ns)
        return 0;
    return error == -EINTR ? error : -EAGAIN;
}

int sleep_until_real(uint64_t real_ns)
{
    int error;

    do {
        error = attempt_sleep_until_real(real_ns);
    } while (error == -EAGAIN);
    return error;
}
