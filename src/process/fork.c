/*
 * Copies of a process.
 *
 * All that can fail comes first; then the child begins in one step (process_begin), which a signal
 * that came meanwhile prevents: it was meant for the group as it was, and the call is repeated when
 * it has been handled.
 *
 * vfork: a thread borrows the space of its maker, which waits until the thread has given it back,
 * by exec or by its end.
 */
#include "process/fork.h"

#include "fs/file.h"
#include "fs/file_table.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/user_memory.h"
#include "process/clone.h"
#include "process/process_file.h"
#include "process/process_internal.h"

/* ---- What the child has from its parent ---------------------------------------------------- */

static int give_space(struct process *child, struct process *parent, uint64_t flags)
{
    const struct user_registers *registers = &current_thread()->registers;
    const struct address_space_use use = {
        .stack = registers->rsp, .thread_area = registers->fs_base,
    };

    if (!(flags & CLONE_MEMORY))
        return address_space_copy(parent->space, &use, &child->space);
    child->space = parent->space;
    address_space_reference(child->space);
    return 0;
}

static void give_actions(struct process *child, struct process *parent, uint64_t flags)
{
    if (flags & CLONE_ACTIONS)
        signal_actions_share(&child->signals, &parent->signals);
    else
        signal_actions_copy(&child->signals, &parent->signals);
    if (flags & CLONE_DEFAULT_ACTIONS)
        signal_actions_reset(&child->signals);
}

/* What describes the program. */
static void give_program(struct process *child, const struct process *parent)
{
    child->abi = parent->abi;
    atomic_store(&child->memory_barriers, atomic_load(&parent->memory_barriers));
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
    error = shares_inherit(&child->beginning, request->flags);
    return error ? error : give_space(child, parent, request->flags);
}

/* Faults do not matter: as on Linux nobody is told. */
static void tell_ids(const struct clone_request *request, struct process *child, int32_t id,
                     int32_t own_id)
{
    if ((request->flags & CLONE_SET_PARENT_ID) &&
        user_copy_out(current_space(), request->parent_id, &id, sizeof(id)) != 0)
        return;
    if ((request->flags & CLONE_SET_CHILD_ID) &&
        user_copy_out(child->space, request->child_id, &own_id, sizeof(own_id)) != 0)
        return;
}

/* ---- vfork --------------------------------------------------------------------------------- */

void space_lend(struct thread *thread)
{
    user_thread_of(thread)->lender = current_process();
    process_reference(current_process());
}

/* It never ran. */
static void space_take_back(struct thread *thread)
{
    if (user_thread_of(thread)->lender)
        process_release(current_process());
    user_thread_of(thread)->lender = NULL;
}

void space_return(void)
{
    struct user_thread *part = user_thread_of(current_thread());
    struct process *lender = part->lender;

    if (!lender)
        return;
    spin_lock(&lender->lock);
    part->lender = NULL;
    wait_queue_wake_all(&lender->returned_queue);
    spin_unlock(&lender->lock);
    process_release(lender);
}

/* No signal ends it: the other thread runs on the memory, and maybe the stack, of this one. */
void space_await_return(struct thread *thread)
{
    struct process *process = current_process();
    const struct wait_reason reason = {
        .kind = WAIT_CHILD, .object = (uint64_t)thread->id, .uninterruptible = true,
    };

    spin_lock(&process->lock);
    while (user_thread_of(thread)->lender && !process->exiting && !process->executing) {
        int error = wait_queue_wait(&process->returned_queue, &process->lock, &reason,
                                    WAIT_FOREVER);

        ASSERT(!error);
    }
    spin_unlock(&process->lock);
}

/* ---- fork ---------------------------------------------------------------------------------- */

/* The child is built.  Takes the reference to its thread over. */
static int64_t begin_child(struct process *child, struct thread *thread,
                           const struct clone_request *request)
{
    bool suspends = (request->flags & CLONE_SUSPEND) != 0;
    int32_t id = pid_seen(thread->id);

    thread_inherit(thread, request);
    process_take_id(child, thread);
    if (suspends)
        space_lend(thread);
    tell_ids(request, child, id, pid_own(thread));
    refcount_take(&thread->references);    /* to wait for it */
    if (!process_thread_begin(child, thread, true)) {
        space_take_back(thread);
        thread_release(thread);
        thread_release(thread);
        process_abandon(child);
        return -CALL_RESTART_ALWAYS;
    }
    if (suspends)
        space_await_return(thread);
    thread_release(thread);
    process_release(child);
    return id;
}

int64_t process_fork(const struct clone_request *request)
{
    struct process *parent = current_process();
    struct thread *thread = NULL;
    struct process *child;
    int error, fd = -1;

    child = process_create();
    if (!child)
        return -ENOMEM;
    error = build_child(child, parent, request);
    if (!error)
        error = process_thread_clone(child, request, &thread);
    /* Only now: Linux, too, has made the thread when it finds this out. */
    if (!error && (request->flags & CLONE_THREAD_AREA) &&
        request->thread_area >= THREAD_AREA_END) {
        thread_release(thread);
        error = -EPERM;
    }
    if (!error && (request->flags & CLONE_PROCESS_FD)) {
        fd = process_file_open(child, request->process_fd);
        error = fd < 0 ? fd : 0;
        if (error)
            thread_release(thread);
    }
    if (error) {
        process_abandon(child);
        return error;
    }

    int64_t id = begin_child(child, thread, request);

    if (id < 0 && fd >= 0)
        error = file_table_close(current_files(), fd);
    return error ? error : id;
}
