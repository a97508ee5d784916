/* Nice values: getpriority and setpriority, of a thread, a group of processes or a user. */
#include "abi/linux/scheduling.h"
#include "abi/linux/syscalls.h"
#include "process/process.h"
#include "sched/priority.h"

#define WHICH_PROCESS 0    /* in truth a thread */
#define WHICH_GROUP 1
#define WHICH_USER 2

#define LIMIT_OF_NICE(nice) ((uint64_t)(20 - (nice)))    /* RLIMIT_NICE; also what is returned */

bool scheduling_nice_is_in_limit(struct thread *thread, int nice)
{
    return LIMIT_OF_NICE(nice) <= process_limit(thread->process, LIMIT_NICE).soft;
}

/* What is asked of each thread that is meant. */
struct request {
    int which;
    int32_t group_id;
    uint32_t user_id;
    bool sets;
    int nice;
    struct credentials who;    /* the caller's */
    bool may_always;
    int64_t result;            /* -ESRCH until one was found */
};

static bool may_set(const struct request *request, const struct credentials *owner)
{
    return owner->user_id == request->who.effective_user_id ||
           owner->effective_user_id == request->who.effective_user_id || request->may_always;
}

static void set_nice(struct request *request, struct thread *thread,
                     const struct credentials *owner, uint64_t limit)
{
    struct scheduling setting;

    if (!may_set(request, owner)) {
        request->result = -EPERM;
        return;
    }
    priority_get(thread, &setting);
    if (request->nice < setting.nice && LIMIT_OF_NICE(request->nice) > limit &&
        !request->may_always) {
        request->result = -EACCES;
        return;
    }
    if (request->result == -ESRCH)
        request->result = 0;
    setting.nice = (int8_t)request->nice;
    priority_change(thread, &setting);
}

static void get_nice(struct request *request, const struct thread *thread)
{
    struct scheduling setting;
    int64_t value;

    priority_get(thread, &setting);
    value = (int64_t)LIMIT_OF_NICE(setting.nice);
    if (value > request->result)
        request->result = value;
}

static bool is_meant(const struct request *request, const struct process *process)
{
    if (request->which == WHICH_GROUP)
        return process->group_id == request->group_id;
    return process->credentials.user_id == request->user_id;
}

/* All threads of one process, if it is meant. */
static void visit(struct process *process, void *context)
{
    struct request *request = context;

    spin_lock(&process->lock);
    if (is_meant(request, process)) {
        LIST_FOR_EACH(node, &process->threads) {
            struct thread *thread = LIST_ENTRY(node, struct thread, sibling_node);

            if (request->sets)
                set_nice(request, thread, &user_thread_of(thread)->credentials,
                         process->limits.of[LIMIT_NICE].soft);
            else
                get_nice(request, thread);
        }
    }
    spin_unlock(&process->lock);
}

static void visit_one(struct request *request, int32_t id)
{
    struct thread *thread = scheduling_find(id);

    if (!thread)
        return;

    const struct credentials owner = process_credentials(thread->process, thread);

    if (request->sets)
        set_nice(request, thread, &owner, process_limit(thread->process, LIMIT_NICE).soft);
    else
        get_nice(request, thread);
    thread_release(thread);
}

static int64_t serve(struct request *request, int32_t who)
{
    request->who = current_credentials();
    request->may_always = scheduling_may_always();
    request->result = -ESRCH;
    request->group_id = who ? pid_named(who) : current_process()->group_id;
    request->user_id = who ? (uint32_t)who : request->who.user_id;
    if (request->which == WHICH_PROCESS)
        visit_one(request, pid_named(who));
    else
        process_for_each(visit, request);
    return request->result;
}

int64_t sys_getpriority(int32_t which, int32_t who)
{
    struct request request = { .which = which };

    if (which < WHICH_PROCESS || which > WHICH_USER)
        return -EINVAL;
    return serve(&request, who);
}

int64_t sys_setpriority(int32_t which, int32_t who, int32_t priority)
{
    struct request request = { .which = which, .sets = true, .nice = priority };

    if (which < WHICH_PROCESS || which > WHICH_USER)
        return -EINVAL;
    if (request.nice < NICE_MIN)
        request.nice = NICE_MIN;
    if (request.nice > NICE_MAX)
        request.nice = NICE_MAX;
    return serve(&request, who);
}
