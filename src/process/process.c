/* Processes: creation, threads that belong to one, references, accounting. */
#include "process/process.h"

#include "debug/options.h"
#include "ipc/semaphore_array.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "process/pid_names.h"
#include "process/process_internal.h"
#include "time/clock.h"

static struct pool process_pool = POOL_INITIAL("process", struct process, 0);
static struct pool user_thread_pool = POOL_INITIAL("user thread", struct user_thread, THREADS_MAX);

struct process *current_process(void)
{
    struct process *process = current_thread()->process;

    ASSERT(process);
    return process;
}

int32_t process_id_of_current(void)
{
    const struct process *process = current_thread()->process;

    return process ? process->id : 0;
}

bool process_is_first_of_namespace(const struct process *process)
{
    return process->pid_namespace->level > 0 && process->pid_namespace->first_id == process->id;
}

struct address_space *current_space(void)
{
    return current_process()->space;
}

const char *process_name(const struct process *process)
{
    const char *base = process->executable_path;

    for (const char *slash = text_find(base, '/'); slash; slash = text_find(base, '/'))
        base = slash + 1;
    return base;
}

struct process *process_create(void)
{
    struct process *process = pool_allocate(&process_pool);

    if (!process)
        return NULL;
    refcount_init(&process->references, 1);
    spin_init(&process->lock, RANK_PROCESS, "process");
    list_init(&process->table_node);
    list_init(&process->threads);
    limits_init(&process->limits);
    process->dumpable = 1;
    process->traced = option_is_set("trace");
    process->started_ns = clock_monotonic_ns();
    if (signals_init(&process->signals) != 0) {
        pool_free(&process_pool, process);
        return NULL;
    }
    list_init(&process->children_list);
    list_init(&process->child_node);
    wait_queue_init(&process->children_queue);
    wait_queue_init(&process->ended_queue);
    wait_queue_init(&process->returned_queue);
    wait_queue_init(&process->alone_queue);
    process->exit_signal = SIGNAL_CHLD;
    interval_timer_init(process);
    processor_timers_init(process);
    mutex_init(&process->posix_timers_lock, RANK_POSIX_TIMERS, "posix timers");
    return process;
}

void process_reference(struct process *process)
{
    refcount_take(&process->references);
}

void process_release(struct process *process)
{
    if (!refcount_drop(&process->references))
        return;
    ASSERT(list_is_empty(&process->threads));
    ASSERT(!list_is_linked(&process->table_node));
    ASSERT(!list_is_linked(&process->child_node));
    ASSERT(list_is_empty(&process->children_list));
    ASSERT(!process->space);
    ASSERT(!process->beginning.files);
    ASSERT(!process->executable);
    signals_release(&process->signals);
    if (process->pid_namespace)
        pid_namespace_release(process->pid_namespace);
    pool_free(&process_pool, process);
}

/* The last reference to one of our threads was dropped. */
static void thread_released(struct thread *thread)
{
    struct user_thread *part = user_thread_of(thread);

    semaphore_undo_forget(part->semaphore_undo);
    pid_names_release(thread->pid_namespace, thread->names);
    if (part->children_space)
        pid_namespace_release(part->children_space);
    thread_signals_destroy(&part->signals);
    pool_free(&user_thread_pool, part);
    process_release(thread->process);
}

static int create_thread(struct process *process, struct thread_request *request,
                         const struct clone_request *clone, struct thread **thread)
{
    struct user_thread *part = pool_allocate(&user_thread_pool);
    int error;

    if (!part)
        return -ENOMEM;
    error = pid_names_prepare(request, process, clone);
    if (error)
        goto free_part;
    thread_signals_init(&part->signals);
    part->credentials = process == current_thread()->process ? current_credentials()
                                                             : process->credentials;
    request->argument = part;
    request->process = process;
    request->released = thread_released;
    error = thread_create(request, thread);
    if (error)
        goto release_names;
    process_reference(process);
    part->children_space = request->pid_namespace;
    pid_namespace_reference(part->children_space);
    (*thread)->timer_slack_ns = (*thread)->timer_slack_default_ns =
        current_thread()->timer_slack_ns;
    return 0;

release_names:
    pid_names_release(request->pid_namespace, request->names);
free_part:
    pool_free(&user_thread_pool, part);
    return error;
}

int process_thread_create(struct process *process, const char *name,
                          void (*entry)(void *argument), struct thread **thread)
{
    struct thread_request request = { .name = name, .entry = entry };

    return create_thread(process, &request, NULL, thread);
}

int process_thread_clone(struct process *process, const struct clone_request *clone,
                         struct thread **thread)
{
    struct thread_request request = {
        .name = current_thread()->name, .entry = current_thread()->entry,
    };

    return create_thread(process, &request, clone, thread);
}

void process_thread_add(struct process *process, struct thread *thread)
{
    spin_lock(&process->lock);
    ASSERT(!process->ended);
    list_append(&process->threads, &thread->sibling_node);
    process->live_threads++;
    spin_unlock(&process->lock);
    if (processor_timers_concern(process))
        processor_timers_look(process);
}

void process_times(struct process *process, struct process_times *times)
{
    spin_lock(&process->lock);
    *times = (struct process_times){
        .user_ns = process->dead_user_ns,
        .system_ns = process->dead_system_ns,
        .voluntary_switches = process->dead_voluntary_switches,
        .involuntary_switches = process->dead_involuntary_switches,
    };
    LIST_FOR_EACH(node, &process->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, sibling_node);
        uint64_t user_ns, system_ns;

        thread_times(thread, &user_ns, &system_ns);
        times->user_ns += user_ns;
        times->system_ns += system_ns;
        times->voluntary_switches += thread->voluntary_switches;
        times->involuntary_switches += thread->involuntary_switches;
    }
    spin_unlock(&process->lock);
}

struct address_space *process_space(struct process *process)
{
    spin_lock(&process->lock);
    struct address_space *space = process->space;

    if (space)
        address_space_reference(space);
    spin_unlock(&process->lock);
    return space;
}

static void add_io(struct thread_io *sum, const struct thread_io *io)
{
    sum->bytes_read += io->bytes_read;
    sum->bytes_written += io->bytes_written;
    sum->reads += io->reads;
    sum->writes += io->writes;
}

void process_io(struct process *process, const struct thread *thread, struct thread_io *io)
{
    if (thread) {
        *io = thread->io;
        return;
    }
    spin_lock(&process->lock);
    *io = process->dead_io;
    LIST_FOR_EACH(node, &process->threads)
        add_io(io, &LIST_ENTRY(node, struct thread, sibling_node)->io);
    spin_unlock(&process->lock);
}

void process_keep_io(struct process *process, const struct thread *thread)
{
    ASSERT(spin_is_held(&process->lock));
    add_io(&process->dead_io, &thread->io);
}

struct limit process_limit(struct process *process, unsigned which)
{
    ASSERT(which < LIMITS_COUNT);
    spin_lock(&process->lock);
    struct limit limit = process->limits.of[which];

    spin_unlock(&process->lock);
    return limit;
}
