/*
 * unshare: a thread that shares things, by the flags of the clone that made it, goes on without.
 * It is refused for what a thread cannot leave (its process, with its memory and its signal
 * actions) unless it is alone in it.
 */
#include "ipc/semaphore_array.h"
#include "process/clone.h"
#include "process/namespaces.h"
#include "process/pid_names.h"
#include "process/process.h"

#define OF_PROCESS (CLONE_THREAD | CLONE_ACTIONS | CLONE_MEMORY)
#define KNOWN                                                                              \
    (OF_PROCESS | CLONE_PLACES | CLONE_FILES | CLONE_UNDO | CLONE_NAMESPACES | CLONE_NEW_PROCESSES)

static bool is_alone(struct process *process)
{
    spin_lock(&process->lock);

    bool alone = process->live_threads == 1;

    spin_unlock(&process->lock);
    return alone;
}

/* In Linux's order. */
static int check(struct process *process, uint64_t flags)
{
    if (flags & ~KNOWN)
        return -EINVAL;
    if ((flags & OF_PROCESS) && !is_alone(process))
        return -EINVAL;
    if ((flags & CLONE_ACTIONS) && signal_actions_are_shared(&process->signals))
        return -EINVAL;
    if ((flags & CLONE_MEMORY) && address_space_is_shared(process->space))
        return -EINVAL;
    return flags & (CLONE_NAMESPACES | CLONE_NEW_PROCESSES) &&
                   !current_can(CAPABILITY_ADMINISTRATION) ? -EPERM : 0;
}

/* The changes that are to be undone are, if nobody else has them. */
void thread_leave_undo(void)
{
    struct user_thread *part = user_thread_of(current_thread());

    semaphore_undo_leave(part->semaphore_undo, current_process()->id);
    part->semaphore_undo = NULL;
}

/* What goes with namespaces: nobody is in two places of mounts with one working directory, and what
 * is undone is of semaphores that are seen. */
static uint64_t with_consequences(uint64_t flags)
{
    if (flags & CLONE_NEW_MOUNTS)
        flags |= CLONE_PLACES;
    return flags & CLONE_NEW_IPC ? flags | CLONE_UNDO : flags;
}

int thread_unshare(uint64_t flags)
{
    int error = check(current_process(), flags);

    flags = with_consequences(flags);
    if (!error && (flags & CLONE_NEW_PROCESSES))
        error = pid_names_unshare();
    if (!error && (flags & CLONE_PLACES))
        error = places_unshare();
    if (!error && (flags & CLONE_FILES))
        error = files_unshare();
    if (!error)
        error = namespaces_unshare(flags);
    if (!error && (flags & CLONE_UNDO))
        thread_leave_undo();
    return error;
}
