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

#include "lib/memory.h"
#include "memory/user_memory.h"
#include "process/fork.h"
#include "process/process_internal.h"
#include "sched/priority.h"

/* What threads of one process share at least, and what this kernel cannot give each its own of. */
#define THREAD_FLAGS (CLONE_THREAD | CLONE_ACTIONS | CLONE_MEMORY)
#define SHARED_ALWAYS (CLONE_PLACES | CLONE_FILES)
#define NEW_NAMESPACES                                                                          \
    (CLONE_NEW_MOUNTS | CLONE_NEW_CONTROL_GROUP | CLONE_NEW_NAMES | CLONE_NEW_IPC |             \
     CLONE_NEW_NETWORK)

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
    if ((flags & CLONE_SIBLING) && process->id == 1)
        return -EINVAL;
    if ((flags & CLONE_THREAD) && (flags & (CLONE_NEW_USERS | CLONE_NEW_PROCESSES)))
        return -EINVAL;
    if ((flags & CLONE_PROCESS_FD) && (flags & CLONE_DETACHED))
        return -EINVAL;
    return 0;
}

/* Linux without the parts that are missing here would say the same of namespaces. */
static int check_supported(uint64_t flags)
{
    if (flags & NEW_NAMESPACES)
        return -EINVAL;
    if (!(flags & CLONE_THREAD))
        return 0;
    if ((flags & THREAD_FLAGS) != THREAD_FLAGS || (flags & SHARED_ALWAYS) != SHARED_ALWAYS)
        return -ENOSYS;
    return flags & (CLONE_PROCESS_FD | CLONE_SUSPEND | CLONE_INTO_CONTROL_GROUP) ? -ENOSYS : 0;
}

struct user_count {
    uint32_t user_id;
    uint64_t threads;
};

static void count_threads(struct process *process, void *context)
{
    struct user_count *count = context;

    spin_lock(&process->lock);
    if (process->fs.credentials.user_id == count->user_id)
        count->threads += process->live_threads;
    spin_unlock(&process->lock);
}

/* RLIMIT_NPROC: all threads of the user.  It does not hold for root. */
static int check_limit(struct process *process)
{
    struct user_count count = { .user_id = current_credentials().user_id };
    uint64_t limit = process_limit(process, LIMIT_PROCESSES).soft;

    if (count.user_id == 0 || process->capabilities.effective != 0 || limit == LIMIT_INFINITY)
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
    part->signals.blocked = from->signals.blocked;
    if (!shares)
        part->signals.stack = from->signals.stack;
    part->affinity = from->affinity;
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
static bool join_process(struct process *process, struct thread *thread)
{
    spin_lock(&process->lock);
    bool joins = !process->exiting && !process->executing;

    if (joins) {
        list_append(&process->threads, &thread->sibling_node);
        process->live_threads++;
    }
    spin_unlock(&process->lock);
    return joins;
}

int64_t process_clone(const struct clone_request *request)
{
    struct thread *maker = current_thread();
    struct process *process = current_process();
    struct thread *thread;
    int error = check_flags(request);

    if (!error)
        error = check_supported(request->flags);
    if (!error)
        error = check_limit(process);
    if (!error && !(request->flags & CLONE_THREAD))
        return process_fork(request);
    if (!error)
        error = process_thread_create(process, maker->name, maker->entry, &thread);
    if (error)
        return error;

    /* Only now: Linux, too, has made the thread when it finds this out. */
    if ((request->flags & CLONE_THREAD_AREA) && request->thread_area >= THREAD_AREA_END) {
        thread_release(thread);
        return -EPERM;
    }
    thread_inherit(thread, request);

    int32_t id = thread->id;

    if (!join_process(process, thread)) {
        thread_release(thread);
        return -CALL_RESTART_ALWAYS;    /* which this thread will not live to see */
    }
    tell_id(request->flags & CLONE_SET_PARENT_ID, request->parent_id, id);
    tell_id(request->flags & CLONE_SET_CHILD_ID, request->child_id, id);
    thread_start(thread);
    thread_release(thread);
    return id;
}
