/*
 * Timers on processor time.
 *
 * A thread looks when it has used so much processor time that something could be due.  For its own
 * timers, and for those of a process that it has for itself, that is exact.  While a process with
 * timers has several threads, each looks again after SHARED_LOOK_NS at the latest, so a timer is
 * late by at most that much on each CPU.
 *
 *   thread                                     arms a timer
 *   looks: nothing is armed; will not look
 *                                              arms it, marks the threads
 *   runs user code for ever                    <- forbidden: the mark is one that threads look at
 *                                                 before they run user code, and interrupts it
 *
 * Invariant: a timer is in a tree if and only if `is_armed`; the trees of what has ended are empty.
 */
#include "process/processor_timer.h"

#include "lib/assert.h"
#include "process/process_internal.h"
#include "sync/wait_queue.h"
#include "time/clock.h"

#define SHARED_LOOK_NS UINT64_C(4000000)
#define NS_PER_MICROSECOND 1000u
#define MICROSECONDS_PER_SECOND 1000000u
/* Linux looks at each tick of its clock.  More often than a look itself takes, a program with a
 * timer of a few microseconds would not get on. */
#define LOOK_NS_MIN 100000

/* ---- How much was used --------------------------------------------------------------------- */

struct measured {
    uint64_t of_thread[PROCESSOR_TIMES], of_process[PROCESSOR_TIMES];
};

static void measure_thread(struct thread *thread, uint64_t times[PROCESSOR_TIMES])
{
    uint64_t system_ns;

    thread_times(thread, &times[PROCESSOR_TIME_USER], &system_ns);
    times[PROCESSOR_TIME_ALL] = times[PROCESSOR_TIME_USER] + system_ns;
}

static void measure_process(struct process *process, uint64_t times[PROCESSOR_TIMES])
{
    struct process_times used;

    process_times(process, &used);
    times[PROCESSOR_TIME_USER] = used.user_ns;
    times[PROCESSOR_TIME_ALL] = used.user_ns + used.system_ns;
}

uint64_t processor_time(struct process *process, struct thread *thread, enum processor_time kind)
{
    uint64_t times[PROCESSOR_TIMES];

    if (thread)
        measure_thread(thread, times);
    else
        measure_process(process, times);
    return times[kind];
}

/* ---- Arming -------------------------------------------------------------------------------- */

static struct processor_timer *timer_of(struct tree_node *node)
{
    return node ? TREE_ENTRY(node, struct processor_timer, node) : NULL;
}

static struct processor_timers *timers_of(const struct processor_timer *timer)
{
    return timer->thread ? &user_thread_of(timer->thread)->processor_timers
                         : &timer->process->processor_timers;
}

void processor_timer_init(struct processor_timer *timer, struct process *process,
                          struct thread *thread, enum processor_time kind,
                          void (*expired)(struct processor_timer *timer))
{
    process_reference(process);
    if (thread)
        refcount_take(&thread->references);
    *timer = (struct processor_timer){
        .process = process,
        .thread = thread,
        .kind = kind,
        .expired = expired,
    };
}

void processor_timer_destroy(struct processor_timer *timer)
{
    spin_lock(&timer->process->processor_lock);
    processor_timer_disarm(timer);
    spin_unlock(&timer->process->processor_lock);
    if (timer->thread)
        thread_release(timer->thread);
    process_release(timer->process);
}

void processor_timer_disarm(struct processor_timer *timer)
    REQUIRES(&timer->process->processor_lock)
{
    ASSERT(spin_is_held(&timer->process->processor_lock));
    if (timer->is_armed)
        tree_remove(&timers_of(timer)->trees[timer->kind], &timer->node);
    timer->is_armed = false;
}

/* Behind those of the same time. */
static void insert(struct tree *tree, struct processor_timer *timer)
{
    struct tree_node **link = &tree->root;
    struct tree_node *parent = NULL;

    while (*link) {
        parent = *link;
        link = timer->expires_ns < timer_of(parent)->expires_ns ? &parent->left : &parent->right;
    }
    tree_insert(tree, &timer->node, parent, link);
}

int processor_timer_arm(struct processor_timer *timer, uint64_t expires_ns)
    REQUIRES(&timer->process->processor_lock)
{
    struct processor_timers *timers = timers_of(timer);

    processor_timer_disarm(timer);
    timer->expires_ns = expires_ns;
    if (timers->ended)
        return -ESRCH;
    timer->is_armed = true;
    insert(&timers->trees[timer->kind], timer);
    if (timer->thread)
        thread_set_work(timer->thread, THREAD_WORK_PROCESSOR_TIME);
    else
        processor_timers_look(timer->process);
    return 0;
}

void processor_timers_look(struct process *process)
{
    spin_lock(&process->lock);
    LIST_FOR_EACH(node, &process->threads)
        thread_set_work(LIST_ENTRY(node, struct thread, sibling_node), THREAD_WORK_PROCESSOR_TIME);
    spin_unlock(&process->lock);
}

/* ---- What is due --------------------------------------------------------------------------- */

static void run_due(struct processor_timers *timers, const uint64_t used_ns[PROCESSOR_TIMES])
    LOCKS_UNCHECKED
{
    for (unsigned kind = 0; kind < PROCESSOR_TIMES; kind++) {
        struct tree *tree = &timers->trees[kind];

        for (;;) {
            struct processor_timer *first = timer_of(tree_first(tree));

            if (!first || first->expires_ns > used_ns[kind])
                break;
            processor_timer_disarm(first);
            first->expired(first);
        }
    }
}

static uint64_t left_until(uint64_t expires_ns, uint64_t used_ns)
{
    return expires_ns > used_ns ? expires_ns - used_ns : 0;
}

/* Processor time until the first one can be due. */
static uint64_t first_left(const struct processor_timers *timers,
                           const uint64_t used_ns[PROCESSOR_TIMES])
{
    uint64_t left_ns = UINT64_MAX;

    for (unsigned kind = 0; kind < PROCESSOR_TIMES; kind++) {
        const struct processor_timer *first = timer_of(tree_first(&timers->trees[kind]));

        if (first && left_until(first->expires_ns, used_ns[kind]) < left_ns)
            left_ns = left_until(first->expires_ns, used_ns[kind]);
    }
    return left_ns;
}

/* ITIMER_VIRTUAL or ITIMER_PROF.  Returns how much is left. */
static uint64_t check_interval(struct process *process, enum processor_time kind, uint64_t used_ns,
                               int number)
{
    struct processor_interval *interval = &process->processor_intervals[kind];

    if (interval->expires_ns == 0)
        return UINT64_MAX;
    if (interval->expires_ns <= used_ns) {
        uint64_t late_ns = used_ns - interval->expires_ns;

        if (interval->interval_ns == 0)
            interval->expires_ns = 0;
        else
            interval->expires_ns += (late_ns / interval->interval_ns + 1) * interval->interval_ns;
        signal_send_kernel(process, number);
    }
    return interval->expires_ns ? left_until(interval->expires_ns, used_ns) : UINT64_MAX;
}

/* RLIMIT_CPU: from the soft limit on SIGXCPU each second, as Linux does it by moving the limit. */
static uint64_t check_limit(struct process *process, uint64_t used_ns)
{
    struct limit limit = process_limit(process, LIMIT_CPU);
    uint64_t seconds = used_ns / NS_PER_SECOND;

    if (limit.soft == LIMIT_INFINITY)
        return UINT64_MAX;
    if (seconds >= limit.hard) {
        signal_send_kernel(process, SIGNAL_KILL);
        return UINT64_MAX;
    }
    if (seconds >= limit.soft) {
        spin_lock(&process->lock);
        process->limits.of[LIMIT_CPU].soft = ++limit.soft;
        spin_unlock(&process->lock);
        signal_send_kernel(process, SIGNAL_XCPU);
    }
    if (limit.soft >= UINT64_MAX / NS_PER_SECOND)
        return UINT64_MAX;
    return left_until(limit.soft * NS_PER_SECOND, used_ns);
}

/* RLIMIT_RTTIME: how long a thread of a real-time class runs without a sleep.  Moves as the other.
 * Others look from time to time whether they are of such a class now. */
static uint64_t check_real_time(struct process *process, struct thread *thread, uint64_t used_ns)
{
    struct limit limit = process_limit(process, LIMIT_REALTIME_TIME);
    uint64_t awake_ns = thread_is_real_time(thread) ? used_ns - thread->run_at_wake_ns : 0;
    uint64_t awake_us = awake_ns / NS_PER_MICROSECOND;

    if (limit.soft == LIMIT_INFINITY)
        return UINT64_MAX;
    if (awake_us >= limit.hard) {
        signal_send_kernel(process, SIGNAL_KILL);
        return UINT64_MAX;
    }
    if (awake_us >= limit.soft) {
        limit.soft += MICROSECONDS_PER_SECOND;
        spin_lock(&process->lock);
        process->limits.of[LIMIT_REALTIME_TIME].soft = limit.soft;
        spin_unlock(&process->lock);
        signal_send_kernel(process, SIGNAL_XCPU);
    }
    if (limit.soft >= UINT64_MAX / NS_PER_MICROSECOND)
        return UINT64_MAX;
    return left_until(limit.soft * NS_PER_MICROSECOND, awake_ns);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What the process has left until it must look again. */
static uint64_t check_process(struct process *process, const uint64_t used_ns[PROCESSOR_TIMES])
{
    uint64_t left_ns;

    run_due(&process->processor_timers, used_ns);
    left_ns = first_left(&process->processor_timers, used_ns);
    left_ns = smaller(left_ns, check_interval(process, PROCESSOR_TIME_ALL,
                                              used_ns[PROCESSOR_TIME_ALL], SIGNAL_PROF));
    left_ns = smaller(left_ns, check_interval(process, PROCESSOR_TIME_USER,
                                              used_ns[PROCESSOR_TIME_USER], SIGNAL_VTALRM));
    left_ns = smaller(left_ns, check_limit(process, used_ns[PROCESSOR_TIME_ALL]));
    if (left_ns != UINT64_MAX && process->live_threads > 1)
        left_ns = smaller(left_ns, SHARED_LOOK_NS);
    return left_ns;
}

void processor_timers_check(void)
{
    struct thread *thread = current_thread();
    struct process *process = thread->process;
    struct processor_timers *own = &user_thread_of(thread)->processor_timers;
    struct measured used = { .of_thread = { 0 } };
    uint64_t left_ns;

    /* Before looking: what is armed from here on sets it again. */
    atomic_fetch_and(&thread->work, ~(uint32_t)THREAD_WORK_PROCESSOR_TIME);
    spin_lock(&process->processor_lock);
    measure_thread(thread, used.of_thread);
    measure_process(process, used.of_process);
    run_due(own, used.of_thread);
    left_ns = smaller(first_left(own, used.of_thread), check_process(process, used.of_process));
    left_ns = smaller(left_ns, check_real_time(process, thread,
                                               used.of_thread[PROCESSOR_TIME_ALL]));
    spin_unlock(&process->processor_lock);
    if (left_ns < LOOK_NS_MIN)
        left_ns = LOOK_NS_MIN;
    thread_set_run_alarm(left_ns);
}

/* ---- Beginning and end --------------------------------------------------------------------- */

void processor_timers_init(struct process *process)
{
    spin_init(&process->processor_lock, RANK_PROCESSOR_TIMERS, "processor timers");
}

bool processor_timers_concern(struct process *process)
{
    const struct processor_timers *timers = &process->processor_timers;

    spin_lock(&process->processor_lock);
    bool concern = timers->trees[PROCESSOR_TIME_ALL].root ||
                   timers->trees[PROCESSOR_TIME_USER].root ||
                   process->processor_intervals[PROCESSOR_TIME_ALL].expires_ns ||
                   process->processor_intervals[PROCESSOR_TIME_USER].expires_ns ||
                   process_limit(process, LIMIT_CPU).soft != LIMIT_INFINITY ||
                   process_limit(process, LIMIT_REALTIME_TIME).soft != LIMIT_INFINITY;

    spin_unlock(&process->processor_lock);
    return concern;
}

static void end(struct processor_timers *timers) LOCKS_UNCHECKED
{
    timers->ended = true;
    for (unsigned kind = 0; kind < PROCESSOR_TIMES; kind++) {
        struct tree *tree = &timers->trees[kind];

        for (struct tree_node *first = tree_first(tree); first; first = tree_first(tree))
            processor_timer_disarm(timer_of(first));
    }
}

void processor_timers_leave(struct process *process, struct thread *thread, bool last)
{
    spin_lock(&process->processor_lock);
    end(&user_thread_of(thread)->processor_timers);
    if (last)
        end(&process->processor_timers);
    spin_unlock(&process->processor_lock);
}

/* ---- Sleeping ------------------------------------------------------------------------------ */

struct processor_sleep {
    struct processor_timer timer;
    struct wait_queue queue;
    bool is_over;    /* protected by the process's processor_lock */
};

static void wake_sleeper(struct processor_timer *timer)
{
    struct processor_sleep *sleep = CONTAINER_OF(timer, struct processor_sleep, timer);

    sleep->is_over = true;
    wait_queue_wake_all(&sleep->queue);
}

int processor_timer_sleep(struct process *process, struct thread *thread,
                          enum processor_time kind, uint64_t expires_ns) LOCKS_UNCHECKED
{
    const struct wait_reason reason = { .kind = WAIT_SLEEP, .object = expires_ns };
    struct processor_sleep sleep = { .is_over = false };
    int error = 0;

    wait_queue_init(&sleep.queue);
    processor_timer_init(&sleep.timer, process, thread, kind, wake_sleeper);
    spin_lock(&process->processor_lock);
    sleep.is_over = processor_time(process, thread, kind) >= expires_ns;
    if (!sleep.is_over)
        error = processor_timer_arm(&sleep.timer, expires_ns);
    while (!error && !sleep.is_over)
        error = wait_queue_wait(&sleep.queue, &process->processor_lock, &reason, WAIT_FOREVER);
    if (sleep.is_over)
        error = 0;
    spin_unlock(&process->processor_lock);
    processor_timer_destroy(&sleep.timer);
    return error;
}
