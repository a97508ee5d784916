/* Processes: creation, threads that belong to one, references, accounting. */
#include "process/process.h"

#include "debug/options.h"
#include "ipc/semaphore_array.h"
#include "lib/text.h"
#include "memory/pool.h"
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

struct address_space *current_space(void)
{
    return current_process()->space;
}

size_t process_describe_address(const struct process *process, user_address address, char *text,
                                size_t size)
{
    size_t length = 0;

    if (process->abi->describe_address)
        length = process->abi->describe_address(process, address, text, size);
    if (length == 0)
        length = machine_describe_address(address_space_root(process->space), address, text, size);
    return length;
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
    ASSERT(!list_is_linked(&process->table_node) && !list_is_linked(&process->child_node));
    ASSERT(list_is_empty(&process->children_list));
    ASSERT(!process->space && !process->beginning.files && !process->executable);
    signals_release(&process->signals);
    pool_free(&process_pool, process);
}

/* The last reference to one of our threads was dropped. */
static void thread_released(struct thread *thread)
{
    struct user_thread *part = user_thread_of(thread);

    semaphore_undo_forget(part->semaphore_undo);
    thread_signals_destroy(&part->signals);
    pool_free(&user_thread_pool, part);
    process_release(thread->process);
}

static int create_thread(struct process *process, struct thread_request *request,
                         struct thread **thread)
{
    struct user_thread *part = pool_allocate(&user_thread_pool);
    int error;

    if (!part)
        return -ENOMEM;
    thread_signals_init(&part->signals);
    request->argument = part;
    request->process = process;
    request->released = thread_released;
    error = thread_create(request, thread);
    if (error) {
        pool_free(&user_thread_pool, part);
        return error;
    }
    process_reference(process);
    (*thread)->timer_slack_ns = (*thread)->timer_slack_default_ns =
        current_thread()->timer_slack_ns;
    return 0;
}

int process_thread_create(struct process *process, const char *name,
                          void (*entry)(void *argument), struct thread **thread)
{
    struct thread_request request = { .name = name, .entry = entry };

    return create_thread(process, &request, thread);
}

int process_thread_clone(struct process *process, int32_t id, struct thread **thread)
{
    struct thread_request request = {
        .name = current_thread()->name, .entry = current_thread()->entry, .id = id,
    };

    return create_thread(process, &request, thread);
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

struct limit process_limit(struct process *process, unsigned which)
{
    ASSERT(which < LIMITS_COUNT);
    spin_lock(&process->lock);
    struct limit limit = process->limits.of[which];

    spin_unlock(&process->lock);
    return limit;
}
