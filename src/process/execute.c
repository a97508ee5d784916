/*
 * exec: another program in the same process.
 *
 * The image is built beside the old one, so that all errors of the file come out while the old
 * program can still be told.  Then the other threads leave, and from there on there is no way back.
 *
 *   thread in exec                            another thread
 *   waits until it is alone
 *                                             is in clone, makes a third one
 *   runs the new program beside it            <- forbidden: a process that is `executing` takes no
 *                                                more threads, and both happen with it locked
 */
#include "process/execute.h"

#include "fs/attributes.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/inode.h"
#include "fs/open.h"
#include "fs/path.h"
#include "fs/read_write.h"
#include "lib/memory.h"
#include "memory/pool.h"
#include "process/exec.h"
#include "process/fork.h"
#include "process/posix_timer.h"
#include "process/process_internal.h"
#include "process/script.h"

#define SCRIPTS_MAX 5    /* interpreters that are scripts themselves, as Linux */

/* ---- Finding the program ------------------------------------------------------------------- */

int program_open(const struct fs_context *context, const struct path *start, const char *text,
                 uint32_t lookup, struct file **file)
{
    struct path path;
    int error = path_walk(context, start, text, lookup, &path);

    if (error)
        return error;
    if (inode_type(path_inode(&path)) == MODE_LINK)
        error = -ELOOP;    /* not to be followed */
    if (!error)
        error = path_executable(context, &path);
    if (!error)
        error = file_open_program(context, &path, file);
    path_release(&path);
    if (error)
        return error;
    error = file_deny_writing(*file);
    if (error)
        file_release(*file);
    return error;
}

/* The file at hand becomes the one that a script asks for.  0: it is no script; 1: once more. */
static int follow_script(struct execution *execution, struct file **file, const char **path)
{
    struct script *script = memory_allocate(sizeof(*script));
    struct file *interpreter;
    const char *others[3];
    unsigned count = 0;
    int error;

    if (!script)
        return -ENOMEM;
    error = script_read(*file, script);
    if (error <= 0 || execution->is_hidden) {
        memory_free(script, sizeof(*script));
        return error > 0 ? -ENOENT : error;
    }
    others[count++] = script->interpreter;
    if (script->argument)
        others[count++] = script->argument;
    others[count++] = *path;
    error = exec_strings_replace_first(execution->strings, others, count);
    if (!error)
        error = program_open(execution->context, NULL, script->interpreter, LOOKUP_FOLLOW,
                             &interpreter);
    memory_free(script, sizeof(*script));
    if (error)
        return error;
    file_release(*file);
    *file = interpreter;
    *path = execution->strings->bytes;    /* its first argument */
    return 1;
}

int program_follow_scripts(struct execution *execution, struct file **file)
{
    const char *path = execution->path;
    int more = 1;

    file_reference(execution->file);
    *file = execution->file;
    for (unsigned depth = 0; more > 0; depth++) {
        more = follow_script(execution, file, &path);
        if (more > 0 && depth >= SCRIPTS_MAX)
            more = -ELOOP;
    }
    if (more < 0)
        file_release(*file);
    return more;
}

/* ---- The point of no return ---------------------------------------------------------------- */

/* The current thread becomes the only one.  False: the process ends anyway, or another thread is
 * faster. */
static bool become_alone(struct process *process, struct thread *thread)
{
    const struct wait_reason reason = { .kind = WAIT_CHILD, .uninterruptible = true };

    spin_lock(&process->lock);

    bool first = !process->exiting && !process->executing;

    if (first) {
        process->executing = thread;
        LIST_FOR_EACH(node, &process->threads) {
            struct thread *other = LIST_ENTRY(node, struct thread, sibling_node);

            if (other != thread)
                thread_interrupt(other, THREAD_WORK_SIGNAL);
        }
        signal_stop_look(process);
        wait_queue_wake_all(&process->returned_queue);
        while (process->live_threads > 1) {
            int error = wait_queue_wait(&process->alone_queue, &process->lock, &reason,
                                        WAIT_FOREVER);

            ASSERT(!error);
        }
        process->executing = NULL;
    }

    bool goes_on = first && !process->exiting;

    spin_unlock(&process->lock);
    return goes_on;
}

/* A process's only thread has the process's id. */
static void become_leader(struct process *process, struct thread *thread)
{
    struct thread *before = process->leader;

    if (!before || before == thread)
        return;
    thread->started_ns = before->started_ns;
    thread_take_id(before);
    refcount_take(&thread->references);
    spin_lock(&process->lock);
    process->leader = thread;
    spin_unlock(&process->lock);
    thread_release(before);
}

/* Descriptors of its own, without those that are closed, and signal actions.  -ENOMEM. */
static int separate(struct process *process)
{
    int error = signal_actions_unshare(&process->signals);

    if (!error)
        error = files_unshare();
    if (!error)
        file_table_close_on_exec(current_files());
    return error;
}

/* What a thread keeps of its program's conventions goes with it. */
static void leave_program(struct process *process, struct thread *thread)
{
    struct user_thread *part = user_thread_of(thread);

    posix_timers_delete_all(process);
    process_leave_words(process, thread, false);
    atomic_store(&process->memory_barriers, 0);
    memset(&part->signals.stack, 0, sizeof(part->signals.stack));
    part->interrupted.code = 0;
}

/* Others may look into it if it is who started it, and if that one could have read the file. */
static void become_user(struct process *process, const struct exec_request *request)
{
    const struct credentials *who = request->credentials;
    const struct credentials before = current_credentials();
    bool is_open = who->effective_user_id == who->user_id &&
                   who->effective_group_id == who->group_id &&
                   inode_permission(request->executable->inode, &before, PERMISSION_READ) == 0;

    credentials_set(who);
    process->dumpable = is_open;
    if (request->is_secure)
        process->parent_death_signal = 0;
}

static int commit(struct process *process, const struct exec_request *request,
                  struct exec_image *image)
{
    struct thread *thread = current_thread();

    if (!become_alone(process, thread)) {
        exec_discard(image);
        return -EINTR;    /* which this thread will not live to see */
    }
    if (separate(process) != 0) {
        exec_discard(image);
        signal_force(SIGNAL_KILL, "out of memory");
        return -ENOMEM;
    }
    leave_program(process, thread);
    become_leader(process, thread);
    exec_commit(process, thread, request, image);
    space_return();
    spin_lock(process_table_lock());
    process->has_executed = true;
    process->exit_signal = SIGNAL_CHLD;
    spin_unlock(process_table_lock());
    become_user(process, request);
    return 0;
}

static int execute_file(const struct execution *execution, struct file *file)
{
    struct process *process = current_process();
    struct credentials credentials = current_credentials();
    struct exec_image *image = memory_allocate(sizeof(*image));
    struct exec_request request = {
        .executable = file,
        .path = execution->path,
        .context = execution->context,
        .strings = execution->strings,
        .credentials = &credentials,
        .limits = &process->limits,
    };
    char complaint[EXEC_COMPLAINT_SIZE];
    int error;

    if (!image)
        return -ENOMEM;
    memcpy(request.random, execution->random, sizeof(request.random));
    request.is_secure = credentials_execute(&credentials, file);
    error = exec_prepare(&request, image, complaint, sizeof(complaint));
    if (!error && image->abi != process->abi) {
        exec_discard(image);
        error = -ENOEXEC;    /* a family cannot be left or joined this way */
    }
    if (!error)
        error = commit(process, &request, image);
    memory_free(image, sizeof(*image));
    return error;
}

int process_execute(struct execution *execution)
{
    struct file *file;
    int error = program_follow_scripts(execution, &file);

    if (error)
        return error;
    error = execute_file(execution, file);
    file_release(file);
    return error;
}
