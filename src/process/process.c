/* Processes: creation, threads that belong to one, references, accounting. */
#include "process/process.h"

#include "debug/options.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "process/process_internal.h"
#include "time/clock.h"

static struct pool process_pool = POOL_INITIAL("process", struct process, 0);
static struct pool user_thread_pool = POOL_INITIAL("user thread", struct user_thread, THREADS_MAX);

#define TIMER_SLACK_NS 50000    /* what Linux begins with */

struct process *current_process(void)
{
    struct process *process = current_thread()->process;

    ASSERT(process);
    return process;
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
    process->timer_slack_ns = TIMER_SLACK_NS;
    process->traced = option_is_set("trace");
    process->started_ns = clock_monotonic_ns();
    signals_init(&process->signals);
    list_init(&process->children_list);
    list_init(&process->child_node);
    wait_queue_init(&process->children_queue);
    wait_queue_init(&process->returned_queue);
    wait_queue_init(&process->alone_queue);
    process->exit_signal = SIGNAL_CHLD;
    interval_timer_init(process);
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
    ASSERT(!process->space && !process->files && !process->executable);
    pool_free(&process_pool, process);
}

/* The last reference to one of our threads was dropped. */
static void thread_released(struct thread *thread)
{
    struct user_thread *part = user_thread_of(thread);

    thread_signals_destroy(&part->signals);
    pool_free(&user_thread_pool, part);
    process_release(thread->process);
}

int process_thread_create(struct process *process, const char *name,
                          void (*entry)(void *argument), struct thread **thread)
{
    struct user_thread *part = pool_allocate(&user_thread_pool);

    if (!part)
        return -ENOMEM;
    thread_signals_init(&part->signals);

    const struct thread_request request = {
        .name = name,
        .entry = entry,
        .argument = part,
        .process = process,
        .released = thread_released,
    };
    int error = thread_create(&request, thread);

    if (error) {
        pool_free(&user_thread_pool, part);
        return error;
    }
    process_reference(process);
    return 0;
}

void process_thread_add(struct process *process, struct thread *thread)
{
    spin_lock(&process->lock);
    ASSERT(!process->ended);
    list_append(&process->threads, &thread->sibling_node);
    process->live_threads++;
    spin_unlock(&process->lock);
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
        const struct thread *thread = LIST_ENTRY(node, struct thread, sibling_node);
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
