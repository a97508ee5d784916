/*
 * Copies of a process.
 *
 * All that can fail comes first; then the child begins in one step (process_begin), which a signal
 * that came meanwhile prevents: it was meant for the group as it was, and the call is repeated when
 * it has been handled.
 *
 * vfork: the child borrows the space of its parent, which waits until the child has given it back,
 * by exec or by its end.
 */
#include "process/fork.h"

#include "fs/file.h"
#include "fs/file_table.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/user_memory.h"
#include "process/clone.h"
#include "process/process_internal.h"

#define NOT_SUPPORTED (CLONE_PLACES | CLONE_ACTIONS | CLONE_PROCESS_FD | CLONE_INTO_CONTROL_GROUP)

/* ---- What the child has from its parent ---------------------------------------------------- */

static int give_space(struct process *child, struct process *parent, uint64_t flags)
{
    if (!(flags & CLONE_MEMORY))
        return address_space_copy(parent->space, &child->space);
    child->space = parent->space;
    address_space_reference(child->space);
    return 0;
}

static int give_files(struct process *child, struct process *parent, uint64_t flags)
{
    if (!(flags & CLONE_FILES))
        return file_table_copy(parent->files, &child->files);
    child->files = parent->files;
    file_table_reference(child->files);
    return 0;
}

static void give_actions(struct process *child, struct process *parent, uint64_t flags)
{
    spin_lock(&parent->signals.lock);
    memcpy(child->signals.actions, parent->signals.actions, sizeof(child->signals.actions));
    spin_unlock(&parent->signals.lock);
    if (flags & CLONE_DEFAULT_ACTIONS)
        signal_actions_reset(&child->signals);
}

/* What describes the program. */
static void give_program(struct process *child, const struct process *parent)
{
    child->abi = parent->abi;
    child->executable = parent->executable;
    if (child->executable)
        file_reference(child->executable);
    child->arguments_start = parent->arguments_start;
    child->arguments_end = parent->arguments_end;
    child->environment_start = parent->environment_start;
    child->environment_end = parent->environment_end;
    memcpy(child->auxiliary_vector, parent->auxiliary_vector, sizeof(child->auxiliary_vector));
    (void)text_copy(child->executable_path, parent->executable_path,
                    sizeof(child->executable_path));
}

static int build_child(struct process *child, struct process *parent,
                       const struct clone_request *request)
{
    int error;

    process_inherit(child, parent);
    give_program(child, parent);
    give_actions(child, parent, request->flags);
    child->exit_signal = (int)request->exit_signal;
    if (request->flags & CLONE_SIBLING) {
        spin_lock(process_table_lock());
        child->parent_id = parent->parent_id;
        child->exit_signal = parent->exit_signal;
        spin_unlock(process_table_lock());
    }
    error = give_files(child, parent, request->flags);
    return error ? error : give_space(child, parent, request->flags);
}

/* Faults do not matter: as on Linux nobody is told. */
static void tell_ids(const struct clone_request *request, struct process *child, int32_t id)
{
    if ((request->flags & CLONE_SET_PARENT_ID) &&
        user_copy_out(current_space(), request->parent_id, &id, sizeof(id)) != 0)
        return;
    if ((request->flags & CLONE_SET_CHILD_ID) &&
        user_copy_out(child->space, request->child_id, &id, sizeof(id)) != 0)
        return;
}

/* ---- vfork --------------------------------------------------------------------------------- */

void process_return_space(struct process *process)
{
    spin_lock(&process->lock);
    process->borrows_space = false;
    wait_queue_wake_all(&process->returned_queue);
    spin_unlock(&process->lock);
}

/* Not interruptible: the child runs on the memory, and maybe the stack, of this thread. */
static void wait_for_return(struct process *child)
{
    const struct wait_reason reason = {
        .kind = WAIT_CHILD, .object = (uint64_t)child->id, .uninterruptible = true,
    };

    spin_lock(&child->lock);
    while (child->borrows_space) {
        int error = wait_queue_wait(&child->returned_queue, &child->lock, &reason, WAIT_FOREVER);

        ASSERT(!error);
    }
    spin_unlock(&child->lock);
}

/* ---- fork ---------------------------------------------------------------------------------- */

/* The child is built.  Takes the reference to its thread over. */
static int64_t begin_child(struct process *child, struct thread *thread,
                           const struct clone_request *request)
{
    bool suspends = (request->flags & CLONE_SUSPEND) != 0;
    int32_t id = thread->id;

    thread_inherit(thread, request);
    process_take_id(child, thread);
    child->borrows_space = suspends;
    tell_ids(request, child, id);
    if (!process_thread_begin(child, thread, true)) {
        thread_release(thread);
        process_abandon(child);
        return -CALL_RESTART_ALWAYS;
    }
    if (suspends)
        wait_for_return(child);
    process_release(child);
    return id;
}

int64_t process_fork(const struct clone_request *request)
{
    struct process *parent = current_process();
    struct thread *thread = NULL;
    struct process *child;
    int error;

    if (request->flags & NOT_SUPPORTED)
        return -ENOSYS;
    child = process_create();
    if (!child)
        return -ENOMEM;
    error = build_child(child, parent, request);
    if (!error)
        error = process_thread_create(child, current_thread()->name, current_thread()->entry,
                                      &thread);
    /* Only now: Linux, too, has made the thread when it finds this out. */
    if (!error && (request->flags & CLONE_THREAD_AREA) &&
        request->thread_area >= THREAD_AREA_END) {
        thread_release(thread);
        error = -EPERM;
    }
    if (error) {
        process_abandon(child);
        return error;
    }
    return begin_child(child, thread, request);
}
