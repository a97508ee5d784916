/* Clocks as programs name them, and the times that they pass. */
#include "abi/linux/clocks.h"

#include "memory/user_memory.h"
#include "process/process.h"

/* Negative numbers are clocks of one process or thread: ~id in the upper bits. */
#define PROCESSOR_CLOCK_OF_THREAD 4
#define PROCESSOR_CLOCK_KIND 3
#define PROCESSOR_CLOCK_USER 1
#define PROCESSOR_CLOCK_EXACT 2
#define PROCESSOR_CLOCK_NONE 3

/* ---- Times --------------------------------------------------------------------------------- */

struct linux_timespec timespec_of(uint64_t ns)
{
    return (struct linux_timespec){
        .seconds = (int64_t)(ns / NS_PER_SECOND),
        .nanoseconds = (int64_t)(ns % NS_PER_SECOND),
    };
}

int timespec_ns(const struct linux_timespec *time, uint64_t *ns)
{
    if (time->seconds < 0 || time->nanoseconds < 0 ||
        time->nanoseconds >= (int64_t)NS_PER_SECOND)
        return -EINVAL;
    if ((uint64_t)time->seconds >= CLOCK_NEVER / NS_PER_SECOND)
        *ns = CLOCK_NEVER;
    else
        *ns = (uint64_t)time->seconds * NS_PER_SECOND + (uint64_t)time->nanoseconds;
    return 0;
}

int timespec_put(user_address address, uint64_t ns)
{
    const struct linux_timespec time = timespec_of(ns);

    return user_copy_out(current_space(), address, &time, sizeof(time));
}

int timespec_get(user_address address, uint64_t *ns)
{
    struct linux_timespec time;
    int error = user_copy_in(current_space(), &time, address, sizeof(time));

    return error ? error : timespec_ns(&time, ns);
}

struct thread *own_thread_find(int32_t id)
{
    struct process *process = current_process();
    struct thread *thread = thread_find(id);
    bool is_ours;

    if (!thread)
        return NULL;
    spin_lock(&process->lock);
    is_ours = thread->process == process && list_is_linked(&thread->sibling_node);
    spin_unlock(&process->lock);
    if (is_ours)
        return thread;
    thread_release(thread);
    return NULL;
}

/* ---- Clocks of processes and threads ------------------------------------------------------- */

static int find_thread(int32_t id, struct processor_clock *found)
{
    found->thread = own_thread_find(id ? pid_named(id) : current_thread()->id);
    if (!found->thread)
        return -EINVAL;
    found->process = current_process();
    process_reference(found->process);
    return 0;
}

static int find_process(int32_t id, bool for_reading, struct processor_clock *found)
{
    int32_t named = pid_named(id);

    if (id == 0 || (for_reading && named == current_thread()->id))
        named = current_process()->id;
    found->process = process_find(named);
    found->thread = NULL;
    return found->process ? 0 : -EINVAL;
}

/* The two without a sign, as one with. */
static int32_t signed_number(int32_t clock)
{
    if (clock == CLOCK_PROCESS_TIME)
        return ~INT32_C(7) | PROCESSOR_CLOCK_EXACT;
    if (clock == CLOCK_THREAD_TIME)
        return ~INT32_C(7) | PROCESSOR_CLOCK_EXACT | PROCESSOR_CLOCK_OF_THREAD;
    return clock;
}

int processor_clock_find(int32_t clock, bool for_reading, struct processor_clock *found)
{
    int32_t number = signed_number(clock);
    int32_t id = ~(number >> 3);
    int32_t kind = number & PROCESSOR_CLOCK_KIND;

    if (kind == PROCESSOR_CLOCK_NONE)
        return -EINVAL;
    found->kind = kind == PROCESSOR_CLOCK_USER ? PROCESSOR_TIME_USER : PROCESSOR_TIME_ALL;
    if (number & PROCESSOR_CLOCK_OF_THREAD)
        return find_thread(id, found);
    return find_process(id, for_reading, found);
}

void processor_clock_release(const struct processor_clock *found)
{
    if (found->thread)
        thread_release(found->thread);
    process_release(found->process);
}

static int read_processor_clock(int32_t clock, uint64_t *ns)
{
    struct processor_clock found;
    int error = processor_clock_find(clock, true, &found);

    if (error)
        return error;
    *ns = processor_time(found.process, found.thread, found.kind);
    processor_clock_release(&found);
    return 0;
}

/* ---- All clocks ---------------------------------------------------------------------------- */

enum clock_sort clock_sort(int32_t clock)
{
    switch (clock) {
    case CLOCK_REAL:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOT:
    case CLOCK_ATOMIC_TIME:
        return CLOCK_TIME;
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REAL_COARSE:
    case CLOCK_MONOTONIC_COARSE:
        return CLOCK_READ_ONLY;
    case CLOCK_REAL_ALARM:
    case CLOCK_BOOT_ALARM:
        return CLOCK_DEVICE;
    case CLOCK_PROCESS_TIME:
    case CLOCK_THREAD_TIME:
        return CLOCK_PROCESSOR;
    }
    return clock < 0 ? CLOCK_PROCESSOR : CLOCK_UNKNOWN;
}

int clock_number_read(int32_t clock, uint64_t *ns)
{
    switch (clock) {
    case CLOCK_REAL:
        *ns = clock_real_ns();
        return 0;
    case CLOCK_ATOMIC_TIME:
        *ns = clock_real_ns() + clock_atomic_offset_ns();
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
    }
    return clock_sort(clock) == CLOCK_PROCESSOR ? read_processor_clock(clock, ns) : -EINVAL;
}
