/*
 * ioprio_set and ioprio_get: classes and levels of input and output.  They are kept for each thread
 * and inherited; the machine's files come from the host, which orders the requests.
 */
#include "abi/linux/scheduling.h"
#include "abi/linux/syscalls.h"
#include "process/process.h"
#include "sched/priority.h"
#include "sched/thread.h"

#define WHICH_THREAD 1
#define WHICH_GROUP 2
#define WHICH_USER 3

/* A value: a class in the upper bits, a level in the lowest three. */
#define CLASS_SHIFT 13
#define CLASS_MASK 7
#define LEVEL_MASK 7
enum io_class {
    IO_CLASS_NONE,    /* never set: what follows from the nice value */
    IO_CLASS_REAL_TIME,
    IO_CLASS_BEST_EFFORT,
    IO_CLASS_IDLE,
};
#define IO_PRIORITY(class, level) ((uint32_t)(class) << CLASS_SHIFT | (uint32_t)(level))

static enum io_class class_of(uint32_t priority)
{
    return (enum io_class)(priority >> CLASS_SHIFT & CLASS_MASK);
}

/* What is asked of each thread that is meant. */
struct request {
    int which;
    int32_t group_id;
    uint32_t user_id;
    bool sets;
    uint16_t priority;
    struct credentials who;    /* the caller's */
    int64_t result;            /* -ESRCH until one was found */
};

static void set_one(struct request *request, struct thread *thread,
                    const struct credentials *owner)
{
    bool may = owner->user_id == request->who.effective_user_id ||
               owner->user_id == request->who.user_id ||
               credentials_can(&request->who, CAPABILITY_NICE);

    if (request->result != -ESRCH && request->result != 0)
        return;    /* the first refusal is the last */
    request->result = may ? 0 : -EPERM;
    if (may)
        atomic_store(&user_thread_of(thread)->io_priority, request->priority);
}

/* Of a thread that has set none, what others take it for. */
static uint32_t effective(const struct thread *thread, uint16_t priority)
{
    struct scheduling setting;
    enum io_class class = IO_CLASS_BEST_EFFORT;

    if (class_of(priority) != IO_CLASS_NONE)
        return priority;
    priority_get(thread, &setting);
    if (setting.class == CLASS_IDLE)
        class = IO_CLASS_IDLE;
    else if (class_is_real_time(setting.class))
        class = IO_CLASS_REAL_TIME;
    return IO_PRIORITY(class, (setting.nice - NICE_MIN) / 5);
}

/* The most urgent of them, which is the least number. */
static void get_one(struct request *request, struct thread *thread)
{
    uint32_t value = effective(thread, atomic_load(&user_thread_of(thread)->io_priority));

    if (request->result == -ESRCH || (int64_t)value < request->result)
        request->result = value;
}

/* All threads of one process, as far as they are meant. */
static void visit(struct process *process, void *context)
{
    struct request *request = context;

    spin_lock(&process->lock);
    LIST_FOR_EACH(node, &process->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, sibling_node);
        const struct credentials *owner = &user_thread_of(thread)->credentials;
        bool is_meant = request->which == WHICH_GROUP ? process->group_id == request->group_id
                                                      : owner->user_id == request->user_id;

        if (is_meant && request->sets)
            set_one(request, thread, owner);
        else if (is_meant)
            get_one(request, thread);
    }
    spin_unlock(&process->lock);
}

/* Only of a single one, what was set is told. */
static void visit_one(struct request *request, int32_t id)
{
    struct thread *thread = scheduling_find(id);

    if (!thread)
        return;
    if (request->sets) {
        const struct credentials owner = process_credentials(thread->process, thread);

        set_one(request, thread, &owner);
    } else {
        request->result = atomic_load(&user_thread_of(thread)->io_priority);
    }
    thread_release(thread);
}

static int64_t serve(struct request *request, int32_t who)
{
    request->who = current_credentials();
    request->result = -ESRCH;
    switch (request->which) {
    case WHICH_THREAD:
        visit_one(request, pid_named(who));
        return request->result;
    case WHICH_GROUP:
        request->group_id = who ? pid_named(who) : current_process()->group_id;
        break;
    case WHICH_USER:    /* to set, 0 is root and not the caller, as on Linux */
        request->user_id = who || request->sets ? (uint32_t)who : request->who.user_id;
        break;
    default:
        return -EINVAL;
    }
    process_for_each(visit, request);
    return request->result;
}

static int check(uint32_t priority)
{
    switch (class_of(priority)) {
    case IO_CLASS_REAL_TIME:
        return current_can(CAPABILITY_ADMINISTRATION) || current_can(CAPABILITY_NICE) ? 0 : -EPERM;
    case IO_CLASS_BEST_EFFORT:
    case IO_CLASS_IDLE:
        return 0;
    case IO_CLASS_NONE:
        return priority & LEVEL_MASK ? -EINVAL : 0;
    }
    return -EINVAL;
}

int64_t sys_ioprio_set(int32_t which, int32_t who, int32_t priority)
{
    struct request request = { .which = which, .sets = true, .priority = (uint16_t)priority };
    int error = check((uint32_t)priority);

    return error ? error : serve(&request, who);
}

int64_t sys_ioprio_get(int32_t which, int32_t who)
{
    struct request request = { .which = which };

    return serve(&request, who);
}
