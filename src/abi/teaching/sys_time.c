/*
 * Time, and the pause of calls that poll.
 *
 * Programs of this ABI sleep by asking for the time until it has come, and wait for a key by
 * asking whether there is one.  A process that does so, call after call, is made to sleep a little
 * in each: at most an eighth of the time that it has been asking, so that it never oversleeps by
 * more.  In virtual time it is half of that time: nobody is there who would be kept waiting, and
 * each call less is a choice less for a search.  A key ends the pause of whoever asks for keys, so
 * that one may be longer.
 */
#include "abi/teaching/calls.h"
#include "fs/poll.h"
#include "process/process.h"
#include "sched/choice.h"
#include "time/clock.h"
#include "time/sleep.h"

#define PAUSE_SHARE 8u
#define PAUSE_SHARE_OBSERVED 2u
#define PAUSE_MAX_NS 1000000u
#define PAUSE_INPUT_MAX_NS 250000000u  /* of one that only looks for input, which ends it */
#define PAUSE_MIN_NS 20000u            /* shorter ones cost more than they save ... */
#define PAUSE_MIN_OBSERVED_NS 1000u    /* ... unless time is virtual */

/* Until the deadline, or until there is input.  0 or -EINTR. */
static int wait_for_input(struct file *input, uint64_t deadline_ns)
{
    struct poll_request request = {
        .file = input, .events = POLL_READABLE | POLL_HANGUP | POLL_ERROR,
    };
    int result = poll_wait(&request, 1, deadline_ns);

    return result < 0 ? result : 0;
}

/* An observed run has only the plain pause: its clock is virtual, and events are recorded. */
static bool pause_until_input(struct file *input, uint64_t now_ns, uint64_t pause_ns)
{
    uint64_t limit_ns = PAUSE_MAX_NS;

    if (!input || choice_is_observed())
        return sleep_until(now_ns + (pause_ns < limit_ns ? pause_ns : limit_ns)) == 0;
    if (!user_thread_of(current_thread())->polling.asks_time)
        limit_ns = PAUSE_INPUT_MAX_NS;
    return wait_for_input(input, now_ns + (pause_ns < limit_ns ? pause_ns : limit_ns)) == 0;
}

bool teaching_poll_pause(struct file *input)
{
    struct polling *polling = &user_thread_of(current_thread())->polling;
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t pause_ns;

    if (!polling->active)
        *polling = (struct polling){ .active = true, .since_ns = now_ns };
    if (!input)
        polling->asks_time = true;
    pause_ns = (now_ns - polling->since_ns) /
               (choice_is_observed() ? PAUSE_SHARE_OBSERVED : PAUSE_SHARE);
    if (pause_ns < (choice_is_observed() ? PAUSE_MIN_OBSERVED_NS : PAUSE_MIN_NS))
        return true;
    return pause_until_input(input, now_ns, pause_ns);
}

int64_t teaching_time(void)
{
    if (!teaching_poll_pause(NULL))
        return teaching_interrupted();
    return (int64_t)clock_real_ns();
}
