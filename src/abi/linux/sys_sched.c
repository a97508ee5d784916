/*
 * Calls about processors and about what scheduling classes there are: who runs where, and for how
 * long.  The classes of threads are in sys_sched_class.c, nice values in sys_sched_nice.c.
 */
#include "abi/linux/scheduling.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "sched/priority.h"
#include "sched/scheduler.h"
#include "time/clock.h"

_Static_assert(CPUS_MAX <= 64, "a mask of CPUs is one word");

int64_t sys_sched_yield(void)
{
    scheduler_yield();
    return 0;
}

struct thread *scheduling_find(int32_t id)
{
    struct thread *thread = thread_find(id ? id : current_thread()->id);

    if (thread && !thread->process) {
        thread_release(thread);
        return NULL;
    }
    return thread;
}

bool scheduling_may_always(void)
{
    return current_can(CAPABILITY_NICE);
}

bool scheduling_is_same_owner(struct thread *thread)
{
    const struct credentials from = current_credentials();
    const struct credentials to = process_credentials(thread->process, thread);

    return from.effective_user_id == to.effective_user_id || from.effective_user_id == to.user_id;
}

/* ---- Processors ---------------------------------------------------------------------------- */

int64_t sys_sched_getaffinity(int32_t id, uint32_t size, user_address mask)
{
    struct thread *thread;
    uint64_t cpus;
    int error;

    /* Linux multiplies in 32 bits, too. */
    if (size * UINT32_C(8) < machine_info()->cpu_count || size % sizeof(uint64_t) != 0)
        return -EINVAL;
    thread = scheduling_find(id);
    if (!thread)
        return -ESRCH;
    cpus = thread_cpus(thread);
    thread_release(thread);
    error = user_copy_out(current_space(), mask, &cpus, sizeof(cpus));
    return error ? error : (int64_t)sizeof(cpus);
}

int64_t sys_sched_setaffinity(int32_t id, uint32_t size, user_address mask)
{
    uint64_t all = UINT64_MAX >> (64 - machine_info()->cpu_count);
    uint64_t cpus = 0;
    struct thread *thread;
    int error = user_copy_in(current_space(), &cpus, mask,
                             size < sizeof(cpus) ? size : sizeof(cpus));

    if (error)
        return error;
    thread = scheduling_find(id);
    if (!thread)
        return -ESRCH;
    if (!scheduling_is_same_owner(thread) && !scheduling_may_always())
        error = -EPERM;
    else if ((cpus & all) == 0)
        error = -EINVAL;
    else
        thread_set_cpus(thread, cpus & all);
    thread_release(thread);
    return error;
}

/* ---- Classes ------------------------------------------------------------------------------- */

static bool is_ordinary_policy(int32_t policy)
{
    return policy == CLASS_OTHER || policy == CLASS_BATCH || policy == CLASS_IDLE ||
           policy == POLICY_DEADLINE;
}

int64_t sys_sched_get_priority_max(int32_t policy)
{
    if (policy == CLASS_FIFO || policy == CLASS_ROUND_ROBIN)
        return PRIORITY_MAX;
    return is_ordinary_policy(policy) ? 0 : -EINVAL;
}

int64_t sys_sched_get_priority_min(int32_t policy)
{
    if (policy == CLASS_FIFO || policy == CLASS_ROUND_ROBIN)
        return 1;
    return is_ordinary_policy(policy) ? 0 : -EINVAL;
}

int64_t sys_sched_rr_get_interval(int32_t id, user_address interval)
{
    struct linux_timespec time;
    struct thread *thread;
    uint64_t slice_ns;

    if (id < 0)
        return -EINVAL;
    thread = scheduling_find(id);
    if (!thread)
        return -ESRCH;
    slice_ns = priority_slice_ns(thread);
    thread_release(thread);
    time = (struct linux_timespec){
        .seconds = (int64_t)(slice_ns / NS_PER_SECOND),
        .nanoseconds = (int64_t)(slice_ns % NS_PER_SECOND),
    };
    return user_copy_out(current_space(), interval, &time, sizeof(time));
}
