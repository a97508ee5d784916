/* Calls about scheduling.  Threads are not tied to CPUs yet: masks are kept and read back. */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "sched/scheduler.h"

#define POLICY_OTHER 0
#define POLICY_FIFO 1
#define POLICY_ROUND_ROBIN 2
#define POLICY_BATCH 3
#define POLICY_IDLE 5
#define POLICY_DEADLINE 6
#define PRIORITY_REAL_TIME_MAX 99

_Static_assert(CPUS_MAX <= 64, "a mask of CPUs is one word");

int64_t sys_sched_yield(void)
{
    scheduler_yield();
    return 0;
}

static uint64_t all_cpus(void)
{
    unsigned count = machine_info()->cpu_count;

    return count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* A thread of a process, with a reference; id 0: the caller. */
static struct thread *find_user_thread(int32_t id)
{
    struct thread *thread = thread_find(id ? id : current_thread()->id);

    if (thread && !thread->process) {
        thread_release(thread);
        return NULL;
    }
    return thread;
}

int64_t sys_sched_getaffinity(int32_t id, uint32_t size, user_address mask)
{
    struct thread *thread;
    uint64_t cpus;
    int error;

    if (size * UINT64_C(8) < machine_info()->cpu_count || size % sizeof(uint64_t) != 0)
        return -EINVAL;
    thread = find_user_thread(id);
    if (!thread)
        return -ESRCH;
    cpus = user_thread_of(thread)->affinity;
    if (cpus == 0)
        cpus = all_cpus();
    thread_release(thread);
    error = user_copy_out(current_space(), mask, &cpus, sizeof(cpus));
    return error ? error : (int64_t)sizeof(cpus);
}

int64_t sys_sched_setaffinity(int32_t id, uint32_t size, user_address mask)
{
    uint64_t cpus = 0;
    struct thread *thread;
    int error = user_copy_in(current_space(), &cpus, mask,
                             size < sizeof(cpus) ? size : sizeof(cpus));

    if (error)
        return error;
    thread = find_user_thread(id);
    if (!thread)
        return -ESRCH;
    cpus &= all_cpus();
    if (cpus == 0)
        error = -EINVAL;
    else
        user_thread_of(thread)->affinity = cpus;
    thread_release(thread);
    return error;
}

static bool is_ordinary_policy(int32_t policy)
{
    return policy == POLICY_OTHER || policy == POLICY_BATCH || policy == POLICY_IDLE ||
           policy == POLICY_DEADLINE;
}

int64_t sys_sched_get_priority_max(int32_t policy)
{
    if (policy == POLICY_FIFO || policy == POLICY_ROUND_ROBIN)
        return PRIORITY_REAL_TIME_MAX;
    return is_ordinary_policy(policy) ? 0 : -EINVAL;
}

int64_t sys_sched_get_priority_min(int32_t policy)
{
    if (policy == POLICY_FIFO || policy == POLICY_ROUND_ROBIN)
        return 1;
    return is_ordinary_policy(policy) ? 0 : -EINVAL;
}
