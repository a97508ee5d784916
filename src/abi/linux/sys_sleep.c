/*
 * nanosleep and clock_nanosleep.
 *
 * A relative sleep that is interrupted goes on until when it would have ended; an absolute one is
 * simply repeated.  Relative sleeps on real time do not care when the clock is set.
 */
#include "abi/linux/clocks.h"
#include "abi/linux/syscalls.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "time/sleep.h"

/* Remembers how the sleep goes on, and says how much of it is left. */
static int64_t note_remaining(int64_t (*resume)(struct interrupted_call *call), int32_t clock,
                              uint64_t deadline_ns, uint64_t now_ns, user_address remaining)
{
    struct interrupted_call *call = &user_thread_of(current_thread())->interrupted;
    int error = 0;

    if (now_ns >= deadline_ns)    /* just in time after all */
        return 0;
    if (remaining)
        error = timespec_put(remaining, deadline_ns - now_ns);
    if (error)
        return error;
    call->resume = resume;
    call->deadline_ns = deadline_ns;
    call->remaining = remaining;
    call->arguments[0] = (uint64_t)(int64_t)clock;
    return -CALL_RESUME;
}

/* ---- The time of the world ----------------------------------------------------------------- */

static int64_t sleep_to(uint64_t deadline_ns, user_address remaining);

static int64_t resume_sleep(struct interrupted_call *call)
{
    return sleep_to(call->deadline_ns, call->remaining);
}

static int64_t sleep_to(uint64_t deadline_ns, user_address remaining)
{
    if (sleep_until(deadline_ns) == 0)
        return 0;
    return note_remaining(resume_sleep, CLOCK_MONOTONIC, deadline_ns, clock_monotonic_ns(),
                          remaining);
}

static int64_t sleep_for(uint64_t ns, user_address remaining)
{
    return sleep_to(clock_add_saturated(clock_monotonic_ns(), ns), remaining);
}

/* `ns` is a time of `clock`. */
static int64_t sleep_until_time(int32_t clock, uint64_t ns)
{
    int error;

    if (clock == CLOCK_ATOMIC_TIME)
        ns -= ns < clock_atomic_offset_ns() ? ns : clock_atomic_offset_ns();
    if (clock_base_of(clock) == CLOCK_BASE_REAL)
        error = sleep_until_real(ns);
    else
        error = sleep_until(ns);
    return error == 0 ? 0 : -CALL_RESTART_NO_HANDLER;
}

/* ---- Processor time ------------------------------------------------------------------------ */

/* -EINTR: *used_ns says how much has been used. */
static int sleep_on_processor(int32_t clock, uint64_t expires_ns, uint64_t *used_ns)
{
    struct processor_clock found;
    int error = processor_clock_find(clock, false, &found);

    if (error)
        return error;
    error = processor_timer_sleep(found.process, found.thread, found.kind, expires_ns);
    *used_ns = processor_time(found.process, found.thread, found.kind);
    processor_clock_release(&found);
    return error;
}

static int64_t sleep_processor_to(int32_t clock, uint64_t expires_ns, user_address remaining);

static int64_t resume_processor_sleep(struct interrupted_call *call)
{
    return sleep_processor_to((int32_t)call->arguments[0], call->deadline_ns, call->remaining);
}

static int64_t sleep_processor_to(int32_t clock, uint64_t expires_ns, user_address remaining)
{
    uint64_t used_ns = 0;
    int error = sleep_on_processor(clock, expires_ns, &used_ns);

    if (error != -EINTR)
        return error;
    return note_remaining(resume_processor_sleep, clock, expires_ns, used_ns, remaining);
}

/* A thread that waits uses no time of its own. */
static bool is_own_thread(int32_t clock)
{
    int32_t id = ~(clock >> 3);

    return clock < 0 && (clock & 4) && (id == 0 || id == current_thread()->id);
}

static int64_t sleep_processor(int32_t clock, bool is_absolute, uint64_t ns,
                               user_address remaining)
{
    uint64_t used_ns;
    int64_t result;

    if (is_own_thread(clock))
        return -EINVAL;
    result = sleep_on_processor(clock, 0, &used_ns);    /* only reads it */
    if (result || ns == 0)
        return result;
    if (!is_absolute)
        return sleep_processor_to(clock, clock_add_saturated(used_ns, ns), remaining);
    result = sleep_on_processor(clock, ns, &used_ns);
    return result == -EINTR ? -CALL_RESTART_NO_HANDLER : result;
}

/* ---- The calls ----------------------------------------------------------------------------- */

int64_t sys_nanosleep(user_address wanted, user_address remaining)
{
    uint64_t ns;
    int error = timespec_get(wanted, &ns);

    return error ? error : sleep_for(ns, remaining);
}

static int check_sleep_clock(int32_t clock)
{
    switch (clock_sort(clock)) {
    case CLOCK_UNKNOWN:
        return -EINVAL;
    case CLOCK_READ_ONLY:
        return -EOPNOTSUPP;
    case CLOCK_PROCESSOR:
        /* One's own has its own number, and clocks of devices have one that ends in 3. */
        return clock == CLOCK_THREAD_TIME || (clock < 0 && (clock & 7) == 3) ? -EOPNOTSUPP : 0;
    case CLOCK_TIME:
    case CLOCK_DEVICE:
        return 0;
    }
    return -EINVAL;
}

int64_t sys_clock_nanosleep(int32_t clock, uint32_t flags, user_address wanted,
                            user_address remaining)
{
    bool is_absolute = flags & TIME_ABSOLUTE;
    uint64_t ns;
    int error = check_sleep_clock(clock);

    if (!error)
        error = timespec_get(wanted, &ns);
    if (error)
        return error;
    if (clock_sort(clock) == CLOCK_DEVICE)
        return -EOPNOTSUPP;
    if (clock_sort(clock) == CLOCK_PROCESSOR)
        return sleep_processor(clock, is_absolute, ns, remaining);
    return is_absolute ? sleep_until_time(clock, ns) : sleep_for(ns, remaining);
}
