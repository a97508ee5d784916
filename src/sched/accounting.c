/*
 * Processor time of threads.
 *
 * The sum is exact: every switch charges the time since the last one.  The split into user and
 * system time is an estimate, because two clock readings a trap would cost more than a fast system
 * call: one stay in the kernel in SAMPLE_INTERVAL is measured (in processor time, so sleeping does
 * not count) and counts for all of them.  After a long stay the next one is measured too, so
 * programs that make long calls are measured closely; a single long call may be missed.
 */
#include "lib/assert.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"
#include "sched/watch.h"
#include "time/timer.h"

#define SAMPLE_INTERVAL 16
#define SAMPLE_LONG_NS 20000
#define SAMPLE_NONE UINT64_MAX

/* Interrupts off; `now_ns` is when its time was charged last. */
static void set_alarm(struct thread *thread, uint64_t now_ns)
{
    ASSERT(!machine_interrupts_enabled());
    ASSERT(thread->run_since_ns == now_ns);
    if (thread->run_alarm_ns <= thread->run_ns) {
        thread->run_alarm_ns = UINT64_MAX;
        atomic_fetch_or(&thread->work, THREAD_WORK_PROCESSOR_TIME);
        return;
    }

    uint64_t left_ns = thread->run_alarm_ns - thread->run_ns;

    timer_set_processor_alarm(now_ns + left_ns < now_ns ? UINT64_MAX : now_ns + left_ns);
}

void accounting_start(struct thread *thread, uint64_t now_ns)
{
    ASSERT(thread->run_since_ns == UINT64_MAX);    /* accounting_stop was last */
    thread->run_since_ns = now_ns;
    if (thread->run_alarm_ns != UINT64_MAX)
        set_alarm(thread, now_ns);
}

void accounting_stop(struct thread *thread, uint64_t now_ns)
{
    ASSERT(thread->run_since_ns != UINT64_MAX);
    ASSERT(now_ns >= thread->run_since_ns);
    thread->run_ns += now_ns - thread->run_since_ns;
    thread->run_since_ns = UINT64_MAX;
    if (thread->run_alarm_ns != UINT64_MAX)
        timer_set_processor_alarm(UINT64_MAX);
}

/* Of the current thread, with its queue locked: what it ran until now counts. */
static uint64_t charge_now(struct thread *thread)
{
    uint64_t now_ns = machine_time_ns();

    ASSERT(thread->run_since_ns != UINT64_MAX);
    ASSERT(now_ns >= thread->run_since_ns);
    thread->run_ns += now_ns - thread->run_since_ns;
    thread->run_since_ns = now_ns;
    return now_ns;
}

void thread_set_run_alarm(uint64_t allowance_ns)
{
    struct thread *thread = current_thread();
    bool were_on = machine_interrupts_disable();
    struct runqueue *queue = scheduler_lock_queue_of(thread);
    uint64_t now_ns = charge_now(thread);

    spin_lock_taken(&queue->lock);
    thread->run_alarm_ns = thread->run_ns + allowance_ns < allowance_ns
                               ? UINT64_MAX : thread->run_ns + allowance_ns;
    if (thread->run_alarm_ns == UINT64_MAX)
        timer_set_processor_alarm(UINT64_MAX);
    else
        set_alarm(thread, now_ns);
    spin_unlock(&queue->lock);
    machine_interrupts_restore(were_on);
}

uint64_t thread_run_alarm_left(void)
{
    struct thread *thread = current_thread();
    bool were_on = machine_interrupts_disable();
    struct runqueue *queue = scheduler_lock_queue_of(thread);
    uint64_t left_ns = UINT64_MAX;

    spin_lock_taken(&queue->lock);
    (void)charge_now(thread);
    if (thread->run_alarm_ns != UINT64_MAX)
        left_ns = thread->run_alarm_ns > thread->run_ns ? thread->run_alarm_ns - thread->run_ns : 0;
    spin_unlock(&queue->lock);
    machine_interrupts_restore(were_on);
    return left_ns;
}

void thread_charge_user(uint64_t ns)
{
    struct thread *thread = current_thread();
    bool were_on = machine_interrupts_disable();
    struct runqueue *queue = scheduler_lock_queue_of(thread);
    uint64_t now_ns = charge_now(thread);

    spin_lock_taken(&queue->lock);
    thread->run_ns += ns;
    if (thread->sample_start_ns != SAMPLE_NONE)
        thread->sample_start_ns += ns;    /* no system time */
    if (thread->run_alarm_ns != UINT64_MAX)
        set_alarm(thread, now_ns);
    spin_unlock(&queue->lock);
    machine_interrupts_restore(were_on);
}

void accounting_change(struct thread *thread)
{
    if (!watch_has_times())
        return;

    uint64_t now_ns = machine_time_ns();
    uint64_t spent_ns = now_ns - thread->state_since_ns;

    if (thread->state == THREAD_READY)
        thread->ready_ns += spent_ns;
    else if (thread->state == THREAD_BLOCKED && thread->waiting_for.kind == WAIT_SLEEP)
        thread->asleep_ns += spent_ns;
    else if (thread->state == THREAD_BLOCKED)
        thread->blocked_ns += spent_ns;
    thread->state_since_ns = now_ns;
}

/* Of the current thread, interrupts off. */
static uint64_t processor_time(const struct thread *thread)
{
    return thread->run_ns + (machine_time_ns() - thread->run_since_ns);
}

void scheduler_account_user_leave(void)
{
    struct thread *thread = this_cpu()->current;

    if (thread->sample_countdown > 0) {
        thread->sample_countdown--;
        return;
    }
    thread->sample_start_ns = processor_time(thread);
}

void scheduler_account_user_enter(void)
{
    struct thread *thread = this_cpu()->current;

    if (thread->sample_countdown > 0 || thread->sample_start_ns == SAMPLE_NONE)
        return;

    uint64_t spent_ns = processor_time(thread) - thread->sample_start_ns;
    uint64_t system_ns = atomic_load_explicit(&thread->system_ns, memory_order_relaxed);

    atomic_store_explicit(&thread->system_ns, system_ns + spent_ns * thread->sample_weight,
                          memory_order_relaxed);
    thread->sample_start_ns = SAMPLE_NONE;
    thread->sample_weight = spent_ns >= SAMPLE_LONG_NS ? 1 : SAMPLE_INTERVAL;
    thread->sample_countdown = thread->sample_weight - 1;
}

/* The parts as they are said, from the sum and the estimate: neither becomes less than before. */
static void split(struct thread *thread, uint64_t total_ns, uint64_t system_ns)
{
    if (system_ns < thread->shown_system_ns)
        system_ns = thread->shown_system_ns;
    if (system_ns > total_ns - thread->shown_user_ns)
        system_ns = total_ns - thread->shown_user_ns;
    thread->shown_system_ns = system_ns;
    thread->shown_user_ns = total_ns - system_ns;
}

void thread_times(struct thread *thread, uint64_t *user_ns, uint64_t *system_ns)
{
    struct runqueue *queue = scheduler_lock_queue_of(thread);
    uint64_t total_ns = thread->run_ns;
    uint64_t now_ns = machine_time_ns();
    uint64_t estimate_ns = atomic_load_explicit(&thread->system_ns, memory_order_relaxed);

    spin_lock_taken(&queue->lock);
    if (thread->run_since_ns < now_ns)
        total_ns += now_ns - thread->run_since_ns;
    if (!thread->process || estimate_ns > total_ns)
        estimate_ns = total_ns;
    split(thread, total_ns, estimate_ns);
    *system_ns = thread->shown_system_ns;
    *user_ns = thread->shown_user_ns;
    spin_unlock(&queue->lock);
}
