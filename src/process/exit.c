/*
 * The end of threads and processes.
 *
 * A process ends with its last thread.  exit_group and fatal signals mark it `exiting`, which each
 * of its threads notices on its way to user mode.  The last one gives back the address space and
 * the files, because that may sleep; the structures go with their last references.
 */
#include "debug/trace.h"
#include "fs/file.h"
#include "fs/hostfs_mount.h"
#include "futex/futex.h"
#include "ipc/semaphore_array.h"
#include "memory/user_memory.h"
#include "process/family.h"
#include "process/fork.h"
#include "process/posix_timer.h"
#include "process/process_internal.h"
#include "sched/choice.h"
#include "sched/watch.h"

/* pthread_join and the like wait for this word to become 0. */
static void clear_child_id(struct process *process, struct user_thread *part)
{
    static const uint32_t zero;

    const struct futex_word word = { .space = process->space, .address = part->clear_child_id };

    if (!part->clear_child_id ||
        (process->live_threads < 2 && !address_space_is_shared(process->space)))
        return;    /* nobody is left to look */
    if (user_copy_out(process->space, part->clear_child_id, &zero, sizeof(zero)) != 0 ||
        futex_wake(&word, FUTEX_ANY, 1, false) < 0)
        return;    /* nobody is told */
}

void process_leave_words(struct process *process, struct thread *thread, bool ends)
{
    struct user_thread *part = user_thread_of(thread);

    if (ends)
        futex_thread_leave(process->space, part->robust_list);
    else
        futex_thread_leave_program(process->space, part->robust_list);
    clear_child_id(process, part);
    part->robust_list = 0;
    part->clear_child_id = 0;
}

/* Takes the current thread out of its process.  Returns whether it was the last one. */
static bool leave_process(struct process *process, struct thread *thread, int code)
{
    uint64_t user_ns, system_ns;

    spin_lock(&process->lock);
    thread_times(thread, &user_ns, &system_ns);
    process->dead_user_ns += user_ns;
    process->dead_system_ns += system_ns;
    process->dead_voluntary_switches += thread->voluntary_switches;
    process->dead_involuntary_switches += thread->involuntary_switches;
    process_keep_io(process, thread);
    signal_thread_leaves(process, thread);
    ASSERT(process->live_threads > 0);

    thread->user_address_space = 0;    /* preempted later, it would bring freed tables back */

    bool last = --process->live_threads == 0;

    wait_queue_wake_all(&process->alone_queue);

    if (last && !process->exiting) {
        process->exiting = true;
        process->exit_status = (code & 0xff) << 8;
        process->exit_code = code & 0xff;
    }
    spin_unlock(&process->lock);
    return last;
}

static void release_resources(struct process *process)
{
    struct address_space *space = process->space;
    struct family *family = process->family;
    struct file *executable = process->executable;

    interval_timer_end(process);
    posix_timers_delete_all(process);
    if (process->abi->leave)
        process->abi->leave(process);
    spin_lock(&process->lock);
    process->space = NULL;
    process->family = NULL;
    process->executable = NULL;
    spin_unlock(&process->lock);

    address_space_activate(NULL);
    address_space_release(space);
    if (family)
        family_release(family);
    if (executable)    /* a process of the kernel's own making may lack one */
        file_release(executable);
    signals_destroy(&process->signals);
}

/* The shell's number: the exit code, or 128 and the signal. */
static int shell_status(int status)
{
    return status & 0x7f ? 128 + (status & 0x7f) : (status >> 8) & 0xff;
}

/* The last process has ended: the run's status is the first one's. */
_Noreturn static void end_run(struct process *first, bool interrupted)
{
    int status = (int)(first->exit_code & 0xff);

    if (interrupted)
        status = 128 + SIGNAL_INT;
    process_release(first);
    hostfs_save();
    (void)process_end_check();
    watch_stops();
    machine_halt(MACHINE_HALT_OK, status);
}

static void (*leader_ends)(struct process *leader);    /* set once, at boot; NULL: nothing */

void process_set_leader_end(void (*ends)(struct process *leader))
{
    leader_ends = ends;
}

static void end_process(struct process *process)
{
    struct thread *thread = current_thread();
    int status = process->exit_status;
    struct process *first;

    if (process->traced)
        process->abi->observe_end(current_thread(), status);
    trace_record(TRACE_process_end, (uint64_t)process->id, (uint64_t)status, 0);
    process_usage(process, &process->usage);
    release_resources(process);
    if (leader_ends && process->session_id == process->id && process->parent_id != 0)
        leader_ends(process);
    process_end_namespace(process);

    bool was_last = process_finish(process, &first);

    choice_done(&thread->next_operation);
    if (was_last)
        end_run(first, first != process && (status & 0x7f) == SIGNAL_INT);
}

/* With an observer: the end is an operation, unless it is part of one that was announced. */
static void announce_end(const struct process *process, const struct thread *thread)
{
    const struct operation end = {
        .object_kind = OBJECT_PROCESS,
        .access = OPERATION_GIVE,
        .object = (uint64_t)process->id,
        .instruction = thread->registers.rip,
    };

    if (thread->next_operation.object_kind == OBJECT_NONE)
        choice_before(&end, NULL);
}

_Noreturn void process_exit_thread(int code)
{
    struct thread *thread = current_thread();
    struct process *process = current_process();

    announce_end(process, thread);
    semaphore_undo_leave(user_thread_of(thread)->semaphore_undo, process->id);
    user_thread_of(thread)->semaphore_undo = NULL;
    process_leave_words(process, thread, true);
    space_return();
    shares_leave();
    file_end_waiting();

    bool last = leave_process(process, thread, code);

    processor_timers_leave(process, thread, last);
    if (last) {
        end_process(process);
    } else {
        signal_retarget(process, ~UINT64_C(0));    /* what it would have taken */
        choice_done(&thread->next_operation);
    }
    thread_exit();
}

/* process->lock held: marks the process and makes its threads look. */
static void begin_exit(struct process *process, int status, int64_t code) REQUIRES(&process->lock)
{
    ASSERT(spin_is_held(&process->lock));
    if (process->exiting)
        return;
    process->exiting = true;
    process->exit_status = status;
    process->exit_code = code;
    signal_stop_end(process);
    LIST_FOR_EACH(node, &process->threads)
        thread_interrupt(LIST_ENTRY(node, struct thread, sibling_node), THREAD_WORK_SIGNAL);
    wait_queue_wake_all(&process->returned_queue);
}

_Noreturn void process_exit_all(int status)
{
    struct process *process = current_process();

    spin_lock(&process->lock);
    begin_exit(process, status, shell_status(status));
    spin_unlock(&process->lock);
    process_exit_thread(0);
}

_Noreturn void process_exit_code(int64_t code)
{
    struct process *process = current_process();

    spin_lock(&process->lock);
    begin_exit(process, (int)(code & 0xff) << 8, code);
    spin_unlock(&process->lock);
    process_exit_thread(0);
}

/* With an observer: what it had announced will not happen. */
static void redirect(struct process *process)
{
    const struct operation end = {
        .object_kind = OBJECT_PROCESS,
        .access = OPERATION_GIVE,
        .object = (uint64_t)process->id,
    };

    LIST_FOR_EACH(node, &process->threads)
        choice_replace(LIST_ENTRY(node, struct thread, sibling_node), &end);
}

void process_end(struct process *process, int status, int64_t code)
{
    spin_lock(&process->lock);
    if (!process->exiting) {
        begin_exit(process, status, code);
        redirect(process);
    }
    spin_unlock(&process->lock);
}
