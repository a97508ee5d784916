/*
 * The end of threads and processes.
 *
 * A process ends with its last thread.  exit_group and fatal signals mark it `exiting`, which each
 * of its threads notices on its way to user mode.  The last one gives back the address space and
 * the files, because that may sleep; the structures go with their last references.
 */
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/path.h"
#include "futex/futex.h"
#include "memory/user_memory.h"
#include "process/process_internal.h"

/* pthread_join and the like wait for this word to become 0. */
static void clear_child_id(struct process *process, struct user_thread *part)
{
    static const uint32_t zero;

    const struct futex_request request = {
        .space = process->space,
        .word = part->clear_child_id,
        .bits = FUTEX_ANY,
    };

    if (!part->clear_child_id || process->live_threads < 2)
        return;    /* nobody is left to look */
    if (user_copy_out(process->space, part->clear_child_id, &zero, sizeof(zero)) == 0)
        (void)futex_wake(&request, 1);
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
    list_remove(&thread->sibling_node);
    ASSERT(process->live_threads > 0);

    bool last = --process->live_threads == 0;

    if (last && !process->exiting) {
        process->exiting = true;
        process->exit_status = (code & 0xff) << 8;
    }
    spin_unlock(&process->lock);
    return last;
}

static void release_resources(struct process *process)
{
    struct address_space *space = process->space;
    struct file_table *files = process->files;
    struct file *executable = process->executable;
    struct fs_context fs;

    interval_timer_end(process);
    spin_lock(&process->lock);
    fs = process->fs;
    process->fs.root = (struct path){ NULL, NULL };
    process->fs.working_directory = (struct path){ NULL, NULL };
    process->space = NULL;
    process->files = NULL;
    process->executable = NULL;
    spin_unlock(&process->lock);

    file_table_release(files);
    address_space_activate(NULL);
    address_space_release(space);
    if (executable)    /* a process of the kernel's own making may lack one */
        file_release(executable);
    fs_context_release(&fs);
    signals_destroy(&process->signals);
}

/* The shell's number: the exit code, or 128 and the signal. */
static int shell_status(int status)
{
    return status & 0x7f ? 128 + (status & 0x7f) : (status >> 8) & 0xff;
}

static void end_process(struct process *process)
{
    int status = process->exit_status;

    if (process->traced)
        process->abi->observe_end(current_thread(), status);
    release_resources(process);
    spin_lock(&process->lock);
    process->ended = true;
    spin_unlock(&process->lock);
    wait_queue_wake_all(&process->ended_queue);
    if (process_table_remove(process)) {
        (void)process_end_check();
        machine_halt(MACHINE_HALT_OK, shell_status(status));
    }
}

_Noreturn void process_exit_thread(int code)
{
    struct thread *thread = current_thread();
    struct process *process = current_process();

    clear_child_id(process, user_thread_of(thread));
    if (leave_process(process, thread, code))
        end_process(process);
    else
        signal_retarget(process);    /* what it would have taken */
    thread_exit();
}

/* process->lock held: marks the process and makes its threads look. */
static void begin_exit(struct process *process, int status)
{
    ASSERT(spin_is_held(&process->lock));
    if (process->exiting)
        return;
    process->exiting = true;
    process->exit_status = status;
    LIST_FOR_EACH(node, &process->threads)
        thread_interrupt(LIST_ENTRY(node, struct thread, sibling_node), THREAD_WORK_SIGNAL);
}

_Noreturn void process_exit_all(int status)
{
    struct process *process = current_process();

    spin_lock(&process->lock);
    begin_exit(process, status);
    spin_unlock(&process->lock);
    process_exit_thread(0);
}
