/*
 * New threads.
 *
 *   maker                                  another thread
 *   makes a thread
 *                                          exit_group: marks the threads that are on the list
 *   puts it on the list; it runs for ever  <- forbidden: a process that is `exiting` takes no more
 *                                             threads, and both happen with the process locked
 *
 * What a signal does to all threads (a stop) cannot pass a new one by either: it begins with
 * THREAD_WORK_SIGNAL and looks before it runs any user code.
 */
#include "process/clone.h"

#include "ipc/semaphore_array.h"
#include "lib/memory.h"
#include "memory/user_memory.h"
#include "process/fork.h"
#include "process/namespaces.h"
#include "process/pid_names.h"
#include "process/process_internal.h"
#include "sched/priority.h"

#define UNKNOWN_NAMESPACES (CLONE_NEW_CONTROL_GROUP | CLONE_NEW_USERS | CLONE_NEW_TIME)

void thread_copy_registers(struct thread *thread, uint64_t result)
{
    const struct user_registers *from = &current_thread()->registers;
    void *vector = thread->registers.vector;

    thread->registers = *from;
    thread->registers.vector = vector;
    memcpy(vector, from->vector, machine_info()->vector_state_size);
    thread->registers.rax = result;
}

/* In Linux's order. */
static int check_flags(const struct clone_request *request)
{
    const struct process *process = current_process();
    uint64_t flags = request->flags;

    if ((flags & CLONE_PROCESS_FD) && (flags & CLONE_SET_PARENT_ID) &&
        request->process_fd == request->parent_id)
        return -EINVAL;
    if ((flags & CLONE_PLACES) && (flags & (CLONE_NEW_MOUNTS | CLONE_NEW_USERS)))
        return -EINVAL;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_ACTIONS))
        return -EINVAL;
    if ((flags & CLONE_ACTIONS) && !(flags & CLONE_MEMORY))
        return -EINVAL;
    if ((flags & CLONE_SIBLING) && process_is_first_of_namespace(process))
        return -EINVAL;
    if ((flags & CLONE_THREAD) && (flags & (CLONE_NEW_USERS | CLONE_NEW_PROCESSES)))
        return -EINVAL;
    if ((flags & CLONE_PROCESS_FD) && (flags & CLONE_DETACHED))
        return -EINVAL;
    return 0;
}

/* What Linux says without the parts that are missing here: some namespaces, descriptors of
 * threads; no descriptor is one of a control group. */
static int check_supported(uint64_t flags)
{
    if ((flags & UNKNOWN_NAMESPACES) || ((flags & CLONE_PROCESS_FD) && (flags & CLONE_THREAD)))
        return -EINVAL;
    return flags & CLONE_INTO_CONTROL_GROUP ? -EBADF : 0;
}

static int check_namespaces(uint64_t flags)
{
    if ((flags & CLONE_NAMESPACES) && !current_can(CAPABILITY_ADMINISTRATION))
        return -EPERM;
    return (flags & CLONE_NEW_IPC) && (flags & CLONE_UNDO) ? -EINVAL : 0;
}

struct user_count {
    uint32_t user_id;
    uint64_t threads;
};

static void count_threads(struct process *process, void *context)
{
    struct user_count *count = context;

    spin_lock(&process->lock);
    if (process->credentials.user_id == count->user_id)
        count->threads += process->live_threads;
    spin_unlock(&process->lock);
}

/* RLIMIT_NPROC: all threads of the user.  It does not hold for root. */
static int check_limit(struct process *process)
{
    struct user_count count = { .user_id = current_credentials().user_id };
    uint64_t limit = process_limit(process, LIMIT_PROCESSES).soft;

    if (count.user_id == 0 || limit == LIMIT_INFINITY || current_can(CAPABILITY_RESOURCES) ||
        current_can(CAPABILITY_ADMINISTRATION))
        return 0;
    process_for_each(count_threads, &count);
    return count.threads >= limit ? -EAGAIN : 0;
}

void thread_inherit(struct thread *thread, const struct clone_request *request)
{
    const struct user_thread *from = user_thread_of(current_thread());
    struct user_thread *part = user_thread_of(thread);
    bool shares = (request->flags & CLONE_MEMORY) && !(request->flags & CLONE_SUSPEND);

    thread_copy_registers(thread, 0);
    if (request->stack)
        thread->registers.rsp = request->stack;
    if (request->flags & CLONE_THREAD_AREA)
        thread->registers.fs_base = request->thread_area;
    if (request->flags & CLONE_CLEAR_CHILD_ID)
        part->clear_child_id = request->child_id;
    atomic_store(&part->io_priority, atomic_load(&from->io_priority));
    part->signals.blocked = from->signals.blocked;
    if (!shares)
        part->signals.stack = from->signals.stack;
    if (request->flags & CLONE_UNDO) {
        part->semaphore_undo = from->semaphore_undo;
        semaphore_undo_reference(part->semaphore_undo);
    }
    priority_inherit(thread);
    atomic_store(&thread->work, THREAD_WORK_SIGNAL);
}

/* Faults do not matter: as on Linux nobody is told. */
static void tell_id(uint64_t wanted, user_address word, int32_t id)
{
    if (wanted && user_copy_out(current_space(), word, &id, sizeof(id)) != 0)
        return;
}

/* The process takes the thread, unless all of its threads are on their way out. */
static bool join_process(struct process *process, struct thread *thread,
                         const struct thread_shares *shares)
{
    spin_lock(&process->lock);
    bool joins = !process->exiting && !process->executing;

    if (joins) {
        user_thread_of(thread)->shares = *shares;
        list_append(&process->threads, &thread->sibling_node);
        process->live_threads++;
    }
    spin_unlock(&process->lock);
    return joins;
}

/* The thread is made and has all but its shares.  Takes the reference to it over. */
static int64_t begin_thread(struct process *process, struct thread *thread,
                            const struct clone_request *request)
{
    bool suspends = (request->flags & CLONE_SUSPEND) != 0;
    struct thread_shares shares;
    int32_t id = pid_seen(thread->id);
    int error = shares_inherit(&shares, request->flags);

    if (!error && !join_process(process, thread, &shares)) {
        shares_release(&shares);
        error = -CALL_RESTART_ALWAYS;    /* which this thread will not live to see */
    }
    if (error) {
        thread_release(thread);
        return error;
    }
    tell_id(request->flags & CLONE_SET_PARENT_ID, request->parent_id, id);
    tell_id(request->flags & CLONE_SET_CHILD_ID, request->child_id, id);
    if (suspends)
        space_lend(thread);
    thread_start(thread);
    if (suspends)
        space_await_return(thread);
    thread_release(thread);
    return id;
}

int64_t process_clone(const struct clone_request *request)
{
    struct process *process = current_process();
    struct thread *thread;
    int error = check_flags(request);

    if (!error)
        error = check_supported(request->flags);
    if (!error)
        error = check_limit(process);
    if (!error)
        error = check_namespaces(request->flags);
    if (!error)
        error = pid_names_check(request);
    if (!error && (request->flags & CLONE_UNDO))
        error = semaphore_undo_share(&user_thread_of(current_thread())->semaphore_undo);
    if (!error && !(request->flags & CLONE_THREAD))
        return process_fork(request);
    if (!error)
        error = process_thread_clone(process, request, &thread);
    if (error)
        return error;

    /* Only now: Linux, too, has made the thread when it finds this out. */
    if ((request->flags & CLONE_THREAD_AREA) && request->thread_area >= THREAD_AREA_END) {
        thread_release(thread);
        return -EPERM;
    }
    thread_inherit(thread, request);
    return begin_thread(process, thread, request);
}
