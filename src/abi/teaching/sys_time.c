/*
 * Time, and the pause of calls that poll.
 *
 * Programs of this ABI sleep by asking for the time until it has come, and wait for a key by
 * asking whether there is one.  A process that does so, call after call, is made to sleep a little
 * in each: at most an eighth of the time that it has been asking, so that it never oversleeps by
 * more.
 */
#include "abi/teaching/calls.h"
#include "process/process.h"
#include "sched/choice.h"
#include "time/clock.h"
#include "time/sleep.h"

#define PAUSE_SHARE 8u
#define PAUSE_MAX_NS 1000000u
#define PAUSE_MIN_NS 20000u            /* shorter ones cost more than they save ... */
#define PAUSE_MIN_OBSERVED_NS 1000u    /* ... unless time is virtual */

bool teaching_poll_pause(void)
{
    struct polling *polling = &user_thread_of(current_thread())->polling;
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t pause_ns;

    if (!polling->active) {
        *polling = (struct polling){ .active = true, .since_ns = now_ns };
        return true;
    }
    pause_ns = (now_ns - polling->since_ns) / PAUSE_SHARE;
    if (pause_ns < (choice_is_observed() ? PAUSE_MIN_OBSERVED_NS : PAUSE_MIN_NS))
        return true;
    if (pause_ns > PAUSE_MAX_NS)
        pause_ns = PAUSE_MAX_NS;
    return sleep_until(now_ns + pause_ns) == 0;
}

int64_t teaching_time(void)
{
    if (!teaching_poll_pause())
        return teaching_interrupted();
    return (int64_t)clock_real_ns();
}
