/*
 * Threads: creation, end, and the states between.
 *
 * Invariants: a thread's state changes only here, by a move of the table below, with the run queue
 * locked.  One that ends has no mutex, waits for no lock, and is on no list; its structure goes
 * when it is dead and its stack is free, or when it was never started.
 */
#include "sched/thread.h"

#include "debug/trace.h"
#include "lib/assert.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "sched/choice.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"
#include "sync/spin_wait.h"
#include "sched/watch.h"

/*
 * Legal moves, and who makes them:
 *   NEW -> READY        thread_start
 *   READY -> RUNNING    schedule: it was picked
 *   RUNNING -> READY    schedule: its slice is over, or it yields
 *   RUNNING -> BLOCKED  schedule, for scheduler_block: it waits
 *   RUNNING -> DEAD     schedule, for thread_exit
 *   BLOCKED -> READY    scheduler_wake, from any CPU and any context
 */
static const bool thread_may_become[THREAD_STATES][THREAD_STATES] = {
    [THREAD_NEW] = { [THREAD_READY] = true },
    [THREAD_READY] = { [THREAD_RUNNING] = true },
    [THREAD_RUNNING] = { [THREAD_READY] = true, [THREAD_BLOCKED] = true, [THREAD_DEAD] = true },
    [THREAD_BLOCKED] = { [THREAD_READY] = true },
};

/* At the low end of every kernel stack: an overrun destroys it first. */
#define STACK_CANARY UINT64_C(0x7f4a7c159e3779b9)

const char *thread_state_name(enum thread_state state)
{
    switch (state) {
    case THREAD_NEW:
        return "new";
    case THREAD_READY:
        return "ready";
    case THREAD_RUNNING:
        return "running";
    case THREAD_BLOCKED:
        return "blocked";
    case THREAD_DEAD:
        return "dead";
    }
    return "in no legal state";
}

void thread_set_state(struct thread *thread, enum thread_state next) LOCKS_UNCHECKED
{
    ASSERT(spin_is_held(&cpu_at(thread->cpu)->runqueue.lock));
    ASSERT(thread->state < THREAD_STATES);
    if (!thread_may_become[thread->state][next])
        panic("thread %d (%s) may not go from %s to %s", thread->id, thread->name,
              thread_state_name(thread->state), thread_state_name(next));
    trace_record(TRACE_thread_state, (uint64_t)thread->id, thread->state, next);
    accounting_change(thread);
    thread->state = next;
}

void thread_check_stack(const struct thread *thread)
{
    if (thread->stack && *(const uint64_t *)thread->stack != STACK_CANARY)
        panic("thread %d (%s) has overrun its kernel stack", thread->id, thread->name);
}

/* The first code on a new stack; schedule() switched here. */
static void thread_begin(void)
{
    scheduler_finish_switch();
    machine_interrupts_restore(true);

    struct thread *thread = current_thread();

    thread->entry(thread->argument);
    thread_exit();
}

static void thread_init(struct thread *thread, const struct thread_request *request)
{
    refcount_init(&thread->references, 1);
    thread->entry = request->entry;
    thread->argument = request->argument;
    thread->process = request->process;
    thread->released = request->released;
    thread->own_name.id = request->id;
    thread->pid_namespace = request->pid_namespace ? request->pid_namespace : pid_namespace_own();
    thread->names = request->names;
    thread->state = THREAD_NEW;
    thread->cpu = machine_cpu_index();
    thread->run_since_ns = UINT64_MAX;
    thread->run_alarm_ns = UINT64_MAX;
    thread->sample_weight = 1;
    fair_init(&thread->fair);
    atomic_init(&thread->cpus, CPUS_ALL);
    list_init(&thread->run_node);
    list_init(&thread->sibling_node);
    (void)text_copy(thread->name, request->name, sizeof(thread->name));
}

int thread_create(const struct thread_request *request, struct thread **result)
{
    struct thread *thread = thread_memory_allocate();
    int error;

    ASSERT(request->entry);
    ASSERT(request->name);
    if (!thread)
        return thread_count() == THREADS_MAX ? -EAGAIN : -ENOMEM;
    thread_init(thread, request);
    error = thread_stack_allocate(thread);
    if (error)
        goto free_thread;
    *(uint64_t *)thread->stack = STACK_CANARY;
    machine_context_init(&thread->context, thread->stack, KERNEL_STACK_SIZE, thread_begin);
    /* Last, because others can find it from here on. */
    error = thread_table_add(thread);
    if (error)
        goto free_stack;
    *result = thread;
    return 0;

free_stack:
    thread_stack_free(thread);
free_thread:
    thread_memory_free(thread);
    return error;
}

static void record_start(const struct thread *thread)
{
    uint64_t words[THREAD_NAME_SIZE / sizeof(uint64_t)];

    memcpy(words, thread->name, sizeof(words));
    trace_record(TRACE_thread_start, (uint64_t)thread->id, (uint64_t)current_thread()->id, 0);
    trace_record(TRACE_thread_name, (uint64_t)thread->id, words[0], words[1]);
}

void thread_start(struct thread *thread)
{
    ASSERT(thread->stack);
    ASSERT(thread->id > 0);
    refcount_take(&thread->references);
    record_start(thread);
    thread->started_ns = machine_time_ns();
    scheduler_start(thread);
}

void thread_exit(void)
{
    ASSERT(!current_thread()->mutexes);
    ASSERT(!current_thread()->files_waiting);
    ASSERT(!current_thread()->priority.waits);
    watch_ended(current_thread());
    spin_wait_progress();
    machine_interrupts_disable();
    schedule(THREAD_DEAD);
    UNREACHABLE();
}

void thread_reap(struct thread *thread)
{
    ASSERT(thread->state == THREAD_DEAD);
    ASSERT(thread != current_thread());    /* or it would free the stack it runs on */
    thread_stack_free(thread);
    thread_release(thread);
}

void thread_release(struct thread *thread)
{
    if (!refcount_drop(&thread->references))
        return;
    ASSERT(thread->state == THREAD_DEAD || thread->state == THREAD_NEW);
    ASSERT_IMPLIES(thread->stack, thread->state == THREAD_NEW);
    ASSERT(!list_is_linked(&thread->run_node));
    ASSERT(!list_is_linked(&thread->sibling_node));
    thread_table_remove(thread);
    if (thread->released)
        thread->released(thread);
    if (thread->stack)    /* never started */
        thread_stack_free(thread);
    thread_memory_free(thread);
}

void thread_interrupt(struct thread *thread, uint32_t work)
{
    atomic_fetch_or(&thread->work, work);
    atomic_store(&thread->interrupted, true);
    choice_possible(thread);
    if (scheduler_wake(thread))
        return;

    /* Not blocked: if it runs user code on another CPU, that CPU must come into the kernel.  On
     * this CPU it is in the kernel already, and looks at `work` on its way out. */
    unsigned cpu = thread->cpu;

    if (cpu != machine_cpu_index())
        machine_cpu_notify(cpu);
}

void thread_set_work(struct thread *thread, uint32_t work)
{
    atomic_fetch_or(&thread->work, work);

    struct runqueue *queue = scheduler_lock_queue_of(thread);
    unsigned cpu = thread->cpu;
    /* On this CPU it is in the kernel, and looks on its way out. */
    bool tell = thread->state == THREAD_RUNNING && cpu != machine_cpu_index();

    spin_lock_taken(&queue->lock);
    spin_unlock(&queue->lock);
    if (tell)
        machine_cpu_notify(cpu);
    spin_wait_progress();    /* it may sleep instead of going round: it looks, too */
}
