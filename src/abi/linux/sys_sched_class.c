/*
 * Scheduling classes and their parameters: sched_setscheduler and its like.  All of them come
 * together in `change_thread`, whose order of checks is Linux's.
 *
 * SCHED_DEADLINE is known, and nobody gets it: as on a Linux that keeps no bandwidth for it.
 */
#include "abi/linux/scheduling.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "lib/memory.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "sched/priority.h"

#define POLICY_RESET_ON_FORK 0x40000000
#define POLICY_AS_IT_IS (-1)

#define FLAG_RESET_ON_FORK 0x01u
#define FLAG_KEEP_POLICY 0x08u
#define FLAG_KEEP_PARAMETERS 0x10u
#define FLAGS_CLAMP 0x60u
#define FLAGS_KNOWN 0x7fu
#define FLAG_OF_KERNEL 0x10000000u

#define DEADLINE_RUNTIME_MIN 1024u
#define DEADLINE_PERIOD_MIN_NS UINT64_C(100000)
#define DEADLINE_PERIOD_MAX_NS (UINT64_C(4194304) * 1000)

/* ---- The change ---------------------------------------------------------------------------- */

static bool has_nice_value(uint8_t class)
{
    return class == CLASS_OTHER || class == CLASS_BATCH;
}

static bool is_known_policy(int32_t policy)
{
    return policy == CLASS_OTHER || policy == CLASS_FIFO || policy == CLASS_ROUND_ROBIN ||
           policy == CLASS_BATCH || policy == CLASS_IDLE || policy == POLICY_DEADLINE;
}

static bool is_valid_deadline(const struct linux_sched_attributes *wanted)
{
    uint64_t period = wanted->period ? wanted->period : wanted->deadline;

    if (wanted->deadline == 0 || wanted->runtime < DEADLINE_RUNTIME_MIN ||
        (int64_t)wanted->deadline < 0 || (int64_t)wanted->period < 0)
        return false;
    return period >= wanted->deadline && wanted->deadline >= wanted->runtime &&
           period >= DEADLINE_PERIOD_MIN_NS && period <= DEADLINE_PERIOD_MAX_NS;
}

static int check(const struct linux_sched_attributes *wanted, int32_t policy)
{
    bool is_real_time = policy == CLASS_FIFO || policy == CLASS_ROUND_ROBIN;

    if (!is_known_policy(policy))
        return -EINVAL;
    if (wanted->flags & ~(uint64_t)(FLAGS_KNOWN | FLAG_OF_KERNEL))
        return -EINVAL;
    if (wanted->priority > PRIORITY_MAX)
        return -EINVAL;
    if (policy == POLICY_DEADLINE && !is_valid_deadline(wanted))
        return -EINVAL;
    return is_real_time == (wanted->priority != 0) ? 0 : -EINVAL;
}

/* Needs no capability. */
static bool is_allowed_to_all(struct thread *thread, const struct scheduling *now,
                              const struct linux_sched_attributes *wanted, int32_t policy)
{
    uint64_t limit = process_limit(thread->process, LIMIT_REALTIME_PRIORITY).soft;
    bool is_fair = policy != POLICY_DEADLINE && has_nice_value((uint8_t)policy);

    if (is_fair && wanted->nice < now->nice && !scheduling_nice_is_in_limit(thread, wanted->nice))
        return false;
    if (policy == CLASS_FIFO || policy == CLASS_ROUND_ROBIN) {
        if (policy != now->class && limit == 0)
            return false;
        if (wanted->priority > now->own && wanted->priority > limit)
            return false;
    }
    if (policy == POLICY_DEADLINE)
        return false;
    if (now->class == CLASS_IDLE && policy != CLASS_IDLE &&
        !scheduling_nice_is_in_limit(thread, now->nice))
        return false;
    return scheduling_is_same_owner(thread);
}

static int change_thread(struct thread *thread, const struct linux_sched_attributes *wanted)
{
    int32_t policy = (int32_t)wanted->policy;
    struct scheduling now, next;
    bool resets;
    int error;

    priority_get(thread, &now);
    next = now;
    resets = wanted->flags & FLAG_RESET_ON_FORK;
    if (policy < 0) {
        resets = now.reset_on_fork;
        policy = now.class;
    }
    error = check(wanted, policy);
    if (error)
        return error;
    if (!scheduling_may_always() && (!is_allowed_to_all(thread, &now, wanted, policy) ||
                                     (now.reset_on_fork && !resets)))
        return -EPERM;
    if (wanted->flags & FLAG_OF_KERNEL)
        return -EINVAL;
    if (wanted->flags & FLAGS_CLAMP)
        return -EOPNOTSUPP;
    if (policy == POLICY_DEADLINE)
        return -EPERM;
    next.reset_on_fork = resets;
    if (!(wanted->flags & FLAG_KEEP_PARAMETERS)) {
        next.class = (uint8_t)policy;
        next.own = (uint8_t)wanted->priority;
        if (has_nice_value(next.class))
            next.nice = (int8_t)wanted->nice;
    }
    priority_change(thread, &next);
    return 0;
}

/* ---- sched_setscheduler, sched_setparam ---------------------------------------------------- */

static int64_t change_by_id(int32_t id, int32_t policy, user_address parameters)
{
    struct linux_sched_attributes wanted = { .policy = (uint32_t)policy };
    struct scheduling now;
    struct thread *thread;
    int32_t priority;
    int error;

    if (!parameters || id < 0)
        return -EINVAL;
    if (user_copy_in(current_space(), &priority, parameters, sizeof(priority)) != 0)
        return -EFAULT;
    thread = scheduling_find(id);
    if (!thread)
        return -ESRCH;
    priority_get(thread, &now);
    wanted.nice = now.nice;
    wanted.priority = (uint32_t)priority;
    if (policy != POLICY_AS_IT_IS && (policy & POLICY_RESET_ON_FORK)) {
        wanted.flags = FLAG_RESET_ON_FORK;
        wanted.policy = (uint32_t)(policy & ~POLICY_RESET_ON_FORK);
    }
    error = change_thread(thread, &wanted);
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
    struct thread *thread = id < 0 ? NULL : scheduling_find(id);
    struct scheduling now;

    if (!thread)
        return id < 0 ? -EINVAL : -ESRCH;
    priority_get(thread, &now);
    thread_release(thread);
    return now.class | (now.reset_on_fork ? POLICY_RESET_ON_FORK : 0);
}

int64_t sys_sched_getparam(int32_t id, user_address parameters)
{
    struct thread *thread;
    struct scheduling now;
    int32_t own;

    if (!parameters || id < 0)
        return -EINVAL;
    thread = scheduling_find(id);
    if (!thread)
        return -ESRCH;
    priority_get(thread, &now);
    thread_release(thread);
    own = now.own;
    return user_copy_out(current_space(), parameters, &own, sizeof(own));
}

/* ---- sched_setattr, sched_getattr ---------------------------------------------------------- */

/* All bytes from here on, which this kernel does not know, must be zero. */
static int check_rest(user_address rest, uint64_t size)
{
    uint8_t bytes[64];

    for (uint64_t done = 0; done < size; done += sizeof(bytes)) {
        uint64_t part = size - done < sizeof(bytes) ? size - done : sizeof(bytes);

        if (user_copy_in(current_space(), bytes, rest + done, part) != 0)
            return -EFAULT;
        for (uint64_t i = 0; i < part; i++) {
            if (bytes[i] != 0)
                return -E2BIG;
        }
    }
    return 0;
}

static int refuse_size(user_address attributes)
{
    const uint32_t known = sizeof(struct linux_sched_attributes);

    if (user_copy_out(current_space(), attributes, &known, sizeof(known)) != 0)
        return -E2BIG;
    return -E2BIG;
}

static int get_attributes(user_address from, struct linux_sched_attributes *attributes)
{
    uint32_t known = sizeof(*attributes);
    uint32_t size;
    int error;

    memset(attributes, 0, sizeof(*attributes));
    if (user_copy_in(current_space(), &size, from, sizeof(size)) != 0)
        return -EFAULT;
    if (size == 0)
        size = SCHED_ATTRIBUTES_SIZE_FIRST;
    if (size < SCHED_ATTRIBUTES_SIZE_FIRST || size > PAGE_SIZE)
        return refuse_size(from);
    error = size > known ? check_rest(from + known, size - known) : 0;
    if (error)
        return error == -E2BIG ? refuse_size(from) : error;
    if (user_copy_in(current_space(), attributes, from, size < known ? size : known) != 0)
        return -EFAULT;
    if ((attributes->flags & FLAGS_CLAMP) && size < known)
        return -EINVAL;
    if (attributes->nice < NICE_MIN)
        attributes->nice = NICE_MIN;
    if (attributes->nice > NICE_MAX)
        attributes->nice = NICE_MAX;
    return 0;
}

/* What of the parameters belongs to the thread's class. */
static void tell_parameters(const struct scheduling *now,
                            struct linux_sched_attributes *attributes)
{
    if (class_is_real_time(now->class))
        attributes->priority = now->own;
    else
        attributes->nice = now->nice;
}

int64_t sys_sched_setattr(int32_t id, user_address attributes, uint32_t flags)
{
    struct linux_sched_attributes wanted;
    struct scheduling now;
    struct thread *thread;
    int error;

    if (!attributes || id < 0 || flags != 0)
        return -EINVAL;
    error = get_attributes(attributes, &wanted);
    if (error)
        return error;
    if ((int32_t)wanted.policy < 0)
        return -EINVAL;
    if (wanted.flags & FLAG_KEEP_POLICY)
        wanted.policy = (uint32_t)POLICY_AS_IT_IS;
    thread = scheduling_find(id);
    if (!thread)
        return -ESRCH;
    if (wanted.flags & FLAG_KEEP_PARAMETERS) {
        priority_get(thread, &now);
        tell_parameters(&now, &wanted);
    }
    error = change_thread(thread, &wanted);
    thread_release(thread);
    return error;
}

int64_t sys_sched_getattr(int32_t id, user_address attributes, uint32_t size, uint32_t flags)
{
    struct linux_sched_attributes result = { .size = sizeof(result) };
    struct scheduling now;
    struct thread *thread;

    if (!attributes || id < 0 || size > PAGE_SIZE || size < SCHED_ATTRIBUTES_SIZE_FIRST ||
        flags != 0)
        return -EINVAL;
    thread = scheduling_find(id);
    if (!thread)
        return -ESRCH;
    priority_get(thread, &now);
    thread_release(thread);
    result.policy = now.class;
    if (now.reset_on_fork)
        result.flags = FLAG_RESET_ON_FORK;
    tell_parameters(&now, &result);
    if (result.size > size)
        result.size = size;
    return user_copy_out(current_space(), attributes, &result, result.size);
}
