/*
 * Calls about scheduling.  Threads are not tied to CPUs yet: masks are kept and read back.  Of the
 * classes only the real-time ones make a difference.
 */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "sched/priority.h"
#include "sched/scheduler.h"

#define POLICY_OTHER 0
#define POLICY_FIFO 1
#define POLICY_ROUND_ROBIN 2
#define POLICY_BATCH 3
#define POLICY_IDLE 5
#define POLICY_DEADLINE 6
#define POLICY_RESET_ON_FORK 0x40000000
#define POLICY_AS_IT_IS (-1)
#define CAPABILITY_NICE (UINT64_C(1) << 23)

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
        return PRIORITY_MAX;
    return is_ordinary_policy(policy) ? 0 : -EINVAL;
}

int64_t sys_sched_get_priority_min(int32_t policy)
{
    if (policy == POLICY_FIFO || policy == POLICY_ROUND_ROBIN)
        return 1;
    return is_ordinary_policy(policy) ? 0 : -EINVAL;
}

/* ---- Classes and priorities ---------------------------------------------------------------- */

static bool is_known_policy(int32_t policy)
{
    return policy == POLICY_OTHER || policy == POLICY_FIFO || policy == POLICY_ROUND_ROBIN ||
           policy == POLICY_BATCH || policy == POLICY_IDLE;
}

/* May the current process give this thread that class and priority?  In Linux's order. */
static bool may_change(struct thread *thread, const struct priority *wanted)
{
    const struct credentials from = current_credentials();
    const struct credentials to = process_credentials(thread->process);
    uint64_t limit = process_limit(thread->process, LIMIT_REALTIME_PRIORITY).soft;
    const struct priority *now = &thread->priority;

    if (current_process()->capabilities.effective & CAPABILITY_NICE)
        return true;
    if (class_is_real_time(wanted->class)) {
        if (wanted->class != now->class && limit == 0)
            return false;
        if (wanted->own > now->own && wanted->own > limit)
            return false;
    }
    if (from.effective_user_id != to.effective_user_id && from.effective_user_id != to.user_id)
        return false;
    return !now->reset_on_fork || wanted->reset_on_fork;
}

static int change_thread(struct thread *thread, int32_t policy, int32_t own)
{
    struct priority wanted = { .reset_on_fork = (policy & POLICY_RESET_ON_FORK) != 0 };
    int32_t class = policy & ~POLICY_RESET_ON_FORK;

    if (policy == POLICY_AS_IT_IS) {
        class = thread->priority.class;
        wanted.reset_on_fork = thread->priority.reset_on_fork;
    }
    if (!is_known_policy(class) || own < 0 || own > PRIORITY_MAX)
        return -EINVAL;
    wanted.class = (uint8_t)class;
    wanted.own = (uint8_t)own;
    if (class_is_real_time(wanted.class) != (own != PRIORITY_NORMAL))
        return -EINVAL;
    if (!may_change(thread, &wanted))
        return -EPERM;
    thread->priority.reset_on_fork = wanted.reset_on_fork;
    priority_set_own(thread, (enum scheduling_class)class, wanted.own);
    return 0;
}

static int64_t change_by_id(int32_t id, int32_t policy, user_address parameters)
{
    struct thread *thread;
    int32_t own;
    int error;

    if (!parameters || id < 0)
        return -EINVAL;
    if (user_copy_in(current_space(), &own, parameters, sizeof(own)) != 0)
        return -EFAULT;
    thread = find_user_thread(id);
    if (!thread)
        return -ESRCH;
    error = change_thread(thread, policy, own);
    thread_release(thread);
    return error;
}

int64_t sys_sched_setscheduler(int32_t id, int32_t policy, user_address parameters)
{
    return policy < 0 ? -EINVAL : change_by_id(id, policy, parameters);
}

int64_t sys_sched_setparam(int32_t id, user_address parameters)
{
    return change_by_id(id, POLICY_AS_IT_IS, parameters);
}

int64_t sys_sched_getscheduler(int32_t id)
{
    struct thread *thread = id < 0 ? NULL : find_user_thread(id);

    if (!thread)
        return id < 0 ? -EINVAL : -ESRCH;

    const struct priority *priority = &thread->priority;
    int64_t policy = priority->class | (priority->reset_on_fork ? POLICY_RESET_ON_FORK : 0);

    thread_release(thread);
    return policy;
}

int64_t sys_sched_getparam(int32_t id, user_address parameters)
{
    struct thread *thread;
    int32_t own;

    if (!parameters || id < 0)
        return -EINVAL;
    thread = find_user_thread(id);
    if (!thread)
        return -ESRCH;
    own = thread->priority.own;
    thread_release(thread);
    return user_copy_out(current_space(), parameters, &own, sizeof(own));
}
