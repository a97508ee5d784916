/*
 * PID namespaces of programs: see pid_names.h.
 *
 * A thread is in a namespace for good.  What it may choose is the one of the processes that it
 * makes (user_thread.children_space): its own, or after unshare one below, whose first process is
 * then the next that it makes.
 */
#include "process/pid_names.h"

#include "lib/assert.h"
#include "memory/pool.h"
#include "process/clone.h"
#include "process/process_internal.h"
#include "sched/pid_namespace.h"

/* ---- Memory -------------------------------------------------------------------------------- */

static int make_space(struct pid_namespace *parent, struct pid_namespace **space)
{
    if (parent->level == PID_LEVELS_MAX)
        return -ENOSPC;
    *space = memory_allocate(sizeof(**space));
    if (!*space)
        return -ENOMEM;
    pid_namespace_init(*space, parent);
    return 0;
}

void pid_namespace_release(struct pid_namespace *space)
{
    while (pid_namespace_drop(space)) {
        struct pid_namespace *parent = space->parent;

        memory_free(space, sizeof(*space));
        space = parent;
    }
}

static size_t names_size(const struct pid_namespace *space)
{
    return space->level * sizeof(struct pid_name);
}

void pid_names_release(struct pid_namespace *space, struct pid_name *names)
{
    if (names)
        memory_free(names, names_size(space));
    pid_namespace_release(space);
}

/* ---- What a clone asks for ----------------------------------------------------------------- */

/* Of the processes that the current thread makes. */
static struct pid_namespace *children_space(void)
{
    struct thread *thread = current_thread();

    return thread->process ? user_thread_of(thread)->children_space : pid_namespace_own();
}

int pid_names_check(const struct clone_request *request)
{
    bool is_split = children_space() != pid_namespace_current();
    bool wants_new = (request->flags & CLONE_NEW_PROCESSES) != 0;

    if ((request->flags & CLONE_THREAD) && is_split)
        return -EINVAL;
    if (wants_new && !current_can(CAPABILITY_ADMINISTRATION))
        return -EPERM;
    return wants_new && is_split ? -EINVAL : 0;
}

/* The ids that the request wants, from that of the thread's own namespace upwards.  In Linux's
 * order, which is that of the namespaces. */
static int check_ids(const struct clone_request *request, const struct pid_namespace *space)
{
    if (request->id_count > space->level + 1)
        return -EINVAL;
    for (unsigned i = 0; i < request->id_count; i++) {
        if (request->ids[i] < 1 || request->ids[i] > THREAD_ID_MAX)
            return -EINVAL;
        if (request->ids[i] != 1 && space->level > 0 && space->first_id == 0)
            return -EINVAL;
        if (!current_can(CAPABILITY_ADMINISTRATION))
            return -EPERM;
        space = space->parent;
    }
    return 0;
}

static void set_ids(struct thread_request *thread, const struct clone_request *request)
{
    unsigned level = thread->pid_namespace->level;

    for (unsigned i = 0; request && i < request->id_count; i++) {
        if (i == level)
            thread->id = request->ids[i];
        else
            thread->names[level - 1 - i].id = request->ids[i];
    }
}

/* With a reference. */
static int choose_space(const struct process *process, const struct clone_request *request,
                        struct pid_namespace **space)
{
    if (request && (request->flags & CLONE_NEW_PROCESSES))
        return make_space(pid_namespace_current(), space);
    *space = process == current_thread()->process ? pid_namespace_current() : children_space();
    pid_namespace_reference(*space);
    return 0;
}

int pid_names_prepare(struct thread_request *thread, const struct process *process,
                      const struct clone_request *request)
{
    int error = choose_space(process, request, &thread->pid_namespace);

    if (error)
        return error;
    if (request)
        error = check_ids(request, thread->pid_namespace);
    if (!error && thread->pid_namespace->level > 0) {
        thread->names = memory_allocate(names_size(thread->pid_namespace));
        error = thread->names ? 0 : -ENOMEM;
    }
    if (error)
        pid_namespace_release(thread->pid_namespace);
    else
        set_ids(thread, request);
    return error;
}

int pid_names_unshare(void)
{
    struct user_thread *part = user_thread_of(current_thread());
    struct pid_namespace *space;
    int error;

    if (!current_can(CAPABILITY_ADMINISTRATION))
        return -EPERM;
    if (part->children_space != pid_namespace_current())
        return -EINVAL;
    error = make_space(pid_namespace_current(), &space);
    if (!error)
        children_space_set(space);
    return error;
}

void children_space_set(struct pid_namespace *space)
{
    struct user_thread *part = user_thread_of(current_thread());
    struct process *process = current_process();

    spin_lock(&process->lock);

    struct pid_namespace *before = part->children_space;

    part->children_space = space;
    spin_unlock(&process->lock);
    pid_namespace_release(before);
}

struct pid_namespace *children_space_of(struct process *process, struct thread *thread)
{
    struct pid_namespace *space = NULL;

    spin_lock(&process->lock);
    if (!thread)
        thread = process->leader;
    if (thread && user_thread_of(thread)->shares.namespaces)
        space = user_thread_of(thread)->children_space;
    if (space && space->level > 0 && space->first_id == 0)
        space = NULL;
    if (space)
        pid_namespace_reference(space);
    spin_unlock(&process->lock);
    return space;
}
