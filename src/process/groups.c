/*
 * Process groups and sessions: changing them, and groups that nobody is left to continue.
 *
 * A group is orphaned when no member has a parent in another group of the same session: the shell
 * that could continue it is gone.  It does not stop by SIGTSTP and its like, and if it is stopped
 * when it becomes one it gets SIGHUP and SIGCONT.
 *
 * All of it happens with the process table locked.
 */
#include "process/process_internal.h"
#include "process/relatives.h"

static struct process *parent_of(const struct process *process) REQUIRES(process_table_lock())
{
    return process->parent_id ? process_table_find(process->parent_id) : NULL;
}

/* Is the parent a process that may continue its child: in another group of the session?  That of
 * the first process is whoever started the machine. */
static bool is_in_care(const struct process *process, const struct process *parent)
    REQUIRES(process_table_lock())
{
    if (!parent)
        return process == process_table_first();
    return parent->group_id != process->group_id && parent->session_id == process->session_id;
}

static bool is_orphaned(int32_t group) REQUIRES(process_table_lock())
{
    for (struct process *at = process_table_next(NULL); at; at = process_table_next(at)) {
        if (at->group_id == group && !at->ended && is_in_care(at, parent_of(at)))
            return false;
    }
    return true;
}

static bool has_stopped_members(int32_t group) REQUIRES(process_table_lock())
{
    for (struct process *at = process_table_next(NULL); at; at = process_table_next(at)) {
        if (at->group_id == group && !at->ended && signal_is_stopped(at))
            return true;
    }
    return false;
}

static void send_to_members(int32_t group, int number) REQUIRES(process_table_lock())
{
    for (struct process *at = process_table_next(NULL); at; at = process_table_next(at)) {
        if (at->group_id == group)
            signal_send_kernel(at, number);
    }
}

void process_group_parted(const struct process *process, const struct process *parent)
{
    int32_t group = process->group_id;

    ASSERT(spin_is_held(process_table_lock()));
    if (!is_in_care(process, parent) || !is_orphaned(group) || !has_stopped_members(group))
        return;
    send_to_members(group, SIGNAL_HUP);
    send_to_members(group, SIGNAL_CONT);
}

bool process_group_is_orphaned(void)
{
    spin_lock(process_table_lock());

    bool is_orphan = is_orphaned(current_process()->group_id);

    spin_unlock(process_table_lock());
    return is_orphan;
}

/* ---- Changing them ------------------------------------------------------------------------- */

static void set_group(struct process *process, int32_t group, bool new_session)
{
    spin_lock(&process->lock);
    process->group_id = group;
    if (new_session) {
        process->session_id = process->id;
        process->terminal = 0;
    }
    spin_unlock(&process->lock);
}

/* Is there a process of this group in the session? */
static bool group_exists(int32_t group, int32_t session) REQUIRES(process_table_lock())
{
    for (struct process *at = process_table_next(NULL); at; at = process_table_next(at)) {
        if (at->group_id == group && (session == 0 || at->session_id == session))
            return true;
    }
    return false;
}

/* In Linux's order; the table is locked. */
static int change_group(int32_t id, int32_t group) REQUIRES(process_table_lock())
{
    struct process *caller = current_process();
    struct process *target = process_table_find(id);

    if (!target)
        return -ESRCH;
    if (target->parent_id == caller->id) {
        if (target->session_id != caller->session_id)
            return -EPERM;
        if (target->has_executed)
            return -EACCES;
    } else if (target != caller) {
        return -ESRCH;
    }
    if (target->session_id == target->id)
        return -EPERM;
    if (group != id && !group_exists(group, caller->session_id))
        return -EPERM;
    set_group(target, group, false);
    return 0;
}

/* Of a thread that its process is not named after. */
static bool is_of_further_thread(int32_t id)
{
    struct thread *thread = thread_find(id);
    bool is_further = thread && thread->process && thread->process->id != id;

    if (thread)
        thread_release(thread);
    return is_further;
}

int process_set_group(int32_t id, int32_t group)
{
    int32_t own = current_process()->id;
    int error;

    if (id == 0)
        id = own;
    if (group == 0)
        group = id;
    if (group < 0)
        return -EINVAL;
    spin_lock(process_table_lock());
    error = change_group(id, group);
    spin_unlock(process_table_lock());
    return error == -ESRCH && is_of_further_thread(id) ? -EINVAL : error;
}

int process_new_session(void)
{
    struct process *process = current_process();
    int error = 0;

    spin_lock(process_table_lock());
    if (process->session_id == process->id || group_exists(process->id, 0))
        error = -EPERM;
    else
        set_group(process, process->id, true);
    spin_unlock(process_table_lock());
    return error;
}
