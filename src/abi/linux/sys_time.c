/* Calls about clocks and sleeping. */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "lib/container.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "time/clock.h"
#include "time/sleep.h"

#define CLOCK_REAL 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_TIME 2
#define CLOCK_THREAD_TIME 3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REAL_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOT 7
#define CLOCK_REAL_ALARM 8
#define CLOCK_BOOT_ALARM 9
#define CLOCK_ATOMIC_TIME 11

/* Negative numbers are clocks of one process or thread: ~id in the upper bits. */
#define PROCESSOR_CLOCK_OF_THREAD 4
#define PROCESSOR_CLOCK_KIND 3
#define PROCESSOR_CLOCK_USER 1
#define PROCESSOR_CLOCK_INVALID 3

#define COARSE_NS 4000000
#define SLEEP_ABSOLUTE 1u

/* ---- Conversions --------------------------------------------------------------------------- */

static struct linux_timespec timespec_of(uint64_t ns)
{
    return (struct linux_timespec){
        .seconds = (int64_t)(ns / NS_PER_SECOND),
        .nanoseconds = (int64_t)(ns % NS_PER_SECOND),
    };
}

/* Times beyond what 64 bits of nanoseconds hold mean "never".  -EINVAL. */
static int ns_of(const struct linux_timespec *time, uint64_t *ns)
{
    if (time->seconds < 0 || time->nanoseconds < 0 ||
        time->nanoseconds >= (int64_t)NS_PER_SECOND)
        return -EINVAL;
    if (__builtin_mul_overflow((uint64_t)time->seconds, NS_PER_SECOND, ns) ||
        __builtin_add_overflow(*ns, (uint64_t)time->nanoseconds, ns))
        *ns = UINT64_MAX;
    return 0;
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static int64_t put_timespec(user_address address, uint64_t ns)
{
    const struct linux_timespec time = timespec_of(ns);

    return user_copy_out(current_space(), address, &time, sizeof(time));
}

/* ---- Reading clocks ------------------------------------------------------------------------ */

static uint64_t process_time_ns(struct process *process, bool user_only)
{
    struct process_times times;

    process_times(process, &times);
    return times.user_ns + (user_only ? 0 : times.system_ns);
}

static uint64_t thread_time_ns(const struct thread *thread, bool user_only)
{
    uint64_t user_ns, system_ns;

    thread_times(thread, &user_ns, &system_ns);
    return user_ns + (user_only ? 0 : system_ns);
}

static int read_thread_clock(int32_t id, bool user_only, uint64_t *ns)
{
    struct thread *thread = thread_find(id ? id : current_thread()->id);
    int error = -EINVAL;

    if (thread && thread->process == current_process()) {
        *ns = thread_time_ns(thread, user_only);
        error = 0;
    }
    if (thread)
        thread_release(thread);
    return error;
}

static int read_process_clock(int32_t id, bool user_only, uint64_t *ns)
{
    struct process *process = process_find(id ? id : current_process()->id);

    if (!process)
        return -EINVAL;
    *ns = process_time_ns(process, user_only);
    process_release(process);
    return 0;
}

static int read_processor_clock(int32_t clock, uint64_t *ns)
{
    int32_t id = ~(clock >> 3);
    int32_t kind = clock & PROCESSOR_CLOCK_KIND;
    bool user_only = kind == PROCESSOR_CLOCK_USER;

    if (kind == PROCESSOR_CLOCK_INVALID)
        return -EINVAL;
    return clock & PROCESSOR_CLOCK_OF_THREAD ? read_thread_clock(id, user_only, ns)
                                             : read_process_clock(id, user_only, ns);
}

static int read_clock(int32_t clock, uint64_t *ns)
{
    if (clock < 0)
        return read_processor_clock(clock, ns);
    switch (clock) {
    case CLOCK_REAL:
    case CLOCK_ATOMIC_TIME:
        *ns = clock_real_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOT:
        *ns = clock_monotonic_ns();
        return 0;
    case CLOCK_REAL_COARSE:
        *ns = clock_real_ns() / COARSE_NS * COARSE_NS;
        return 0;
    case CLOCK_MONOTONIC_COARSE:
        *ns = clock_monotonic_ns() / COARSE_NS * COARSE_NS;
        return 0;
    case CLOCK_PROCESS_TIME:
        *ns = process_time_ns(current_process(), false);
        return 0;
    case CLOCK_THREAD_TIME:
        *ns = thread_time_ns(current_thread(), false);
        return 0;
    }
    return -EINVAL;
}

int64_t sys_clock_gettime(int32_t clock, user_address time)
{
    uint64_t ns;
    int error = read_clock(clock, &ns);

    return error ? error : put_timespec(time, ns);
}

int64_t sys_clock_getres(int32_t clock, user_address resolution)
{
    bool coarse = clock == CLOCK_REAL_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    uint64_t ns;
    int error = read_clock(clock, &ns);

    if (error || !resolution)
        return error;
    return put_timespec(resolution, coarse ? COARSE_NS : 1);
}

int64_t sys_gettimeofday(user_address time, user_address zone)
{
    const struct linux_timezone utc = { 0, 0 };
    uint64_t now_ns = clock_real_ns();
    const struct linux_timeval now = {
        .seconds = (int64_t)(now_ns / NS_PER_SECOND),
        .microseconds = (int64_t)(now_ns % NS_PER_SECOND / 1000),
    };
    int error = 0;

    if (time)
        error = user_copy_out(current_space(), time, &now, sizeof(now));
    if (!error && zone)
        error = user_copy_out(current_space(), zone, &utc, sizeof(utc));
    return error;
}

int64_t sys_time(user_address seconds)
{
    const int64_t now = (int64_t)(clock_real_ns() / NS_PER_SECOND);
    int error = 0;

    if (seconds)
        error = user_copy_out(current_space(), seconds, &now, sizeof(now));
    return error ? error : now;
}

int64_t sys_clock_settime(int32_t clock, user_address address)
{
    const struct credentials who = current_credentials();
    struct linux_timespec time;
    uint64_t ns;
    int error;

    if (clock != CLOCK_REAL)
        return -EINVAL;
    error = user_copy_in(current_space(), &time, address, sizeof(time));
    if (!error)
        error = ns_of(&time, &ns);
    if (error)
        return error;
    if (who.effective_user_id != 0)
        return -EPERM;
    clock_set_real_ns(ns);
    return 0;
}

/* ---- Sleeping ------------------------------------------------------------------------------ */

/* A relative sleep that was interrupted: says how much is left and remembers until when. */
static int64_t note_remaining(uint64_t deadline_ns, user_address remaining);

static int64_t resume_sleep(struct interrupted_call *call)
{
    uint64_t deadline_ns = call->deadline_ns;

    if (sleep_until(deadline_ns) == 0)
        return 0;
    return note_remaining(deadline_ns, call->remaining);
}

static int64_t note_remaining(uint64_t deadline_ns, user_address remaining)
{
    struct interrupted_call *call = &user_thread_of(current_thread())->interrupted;
    uint64_t now_ns = clock_monotonic_ns();
    int64_t error = 0;

    if (now_ns >= deadline_ns)    /* just in time after all */
        return 0;
    if (remaining)
        error = put_timespec(remaining, deadline_ns - now_ns);
    if (error)
        return error;
    call->resume = resume_sleep;
    call->deadline_ns = deadline_ns;
    call->remaining = remaining;
    return -CALL_RESUME;
}

static int64_t sleep_for(uint64_t ns, user_address remaining)
{
    uint64_t deadline_ns = add_saturated(clock_monotonic_ns(), ns);

    if (sleep_until(deadline_ns) == 0)
        return 0;
    return note_remaining(deadline_ns, remaining);
}

/* `ns` is a time of `clock`. */
static int64_t sleep_until_time(int32_t clock, uint64_t ns)
{
    uint64_t clock_ns, deadline_ns;
    int error = read_clock(clock, &clock_ns);

    if (error)
        return error;
    if (ns <= clock_ns)
        return 0;
    deadline_ns = add_saturated(clock_monotonic_ns(), ns - clock_ns);
    return sleep_until(deadline_ns) == 0 ? 0 : -CALL_RESTART_NO_HANDLER;
}

static int check_sleep_clock(int32_t clock)
{
    uint64_t ns;

    switch (clock) {
    case CLOCK_REAL:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOT:
    case CLOCK_ATOMIC_TIME:
        return 0;
    case CLOCK_REAL_ALARM:
    case CLOCK_BOOT_ALARM:
        return -EOPNOTSUPP;
    }
    return read_clock(clock, &ns) == 0 ? -EOPNOTSUPP : -EINVAL;
}

int64_t sys_nanosleep(user_address wanted, user_address remaining)
{
    struct linux_timespec time;
    uint64_t ns;
    int error = user_copy_in(current_space(), &time, wanted, sizeof(time));

    if (!error)
        error = ns_of(&time, &ns);
    return error ? error : sleep_for(ns, remaining);
}

int64_t sys_clock_nanosleep(int32_t clock, uint32_t flags, user_address wanted,
                            user_address remaining)
{
    struct linux_timespec time;
    uint64_t ns;
    int error = check_sleep_clock(clock);

    if (!error)
        error = user_copy_in(current_space(), &time, wanted, sizeof(time));
    if (!error)
        error = ns_of(&time, &ns);
    if (error)
        return error;
    return flags & SLEEP_ABSOLUTE ? sleep_until_time(clock, ns) : sleep_for(ns, remaining);
}
