/*
 * Telling those who watch: see sched/watch.h.
 *
 * When can nothing ever run again?  Threads become ready by other threads, by timers, or by the
 * world outside.  The looks at these cannot be taken at one instant, so they are made to add up:
 *
 *   this CPU                                another CPU
 *   sees no timer armed
 *                                           a thread arms a timer and goes to sleep
 *   sees nobody ready: "stalled"            <- forbidden: the queues are looked at first and last,
 *                                              and if nobody was made ready in between, nobody ran
 *                                              who could have armed a timer after that look
 *
 * A timer's function that is running counts as armed until it has returned (timer_any_armed).
 *
 * A run that hangs is noticed by a timer, armed when the last CPU goes idle and gone before anybody
 * asks whether timers are armed.  When it goes off, and still nothing has become ready since,
 * nothing has run in between.
 */
#include "sched/watch.h"

#include "lib/assert.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"
#include "sync/spinlock.h"
#include "time/timer.h"

static const struct thread_watch *watch;    /* constant after boot */
static bool has_times;                      /* the same */
static _Atomic unsigned external_waits;     /* threads that wait for the world outside */

void watch_set(const struct thread_watch *watcher)
{
    watch = watcher;
}

void watch_external(bool begins)
{
    if (begins) {
        atomic_fetch_add_explicit(&external_waits, 1, memory_order_relaxed);
        return;
    }

    unsigned before = atomic_fetch_sub_explicit(&external_waits, 1, memory_order_relaxed);

    ASSERT(before > 0);
}

/* ---- Nothing can run ----------------------------------------------------------------------- */

static void lock_all_queues(unsigned count) LOCKS_UNCHECKED
{
    spin_lock(&cpu_at(0)->runqueue.lock);
    for (unsigned cpu = 1; cpu < count; cpu++)
        spin_lock_same_rank(&cpu_at(cpu)->runqueue.lock);
}

static void unlock_all_queues(unsigned count) LOCKS_UNCHECKED
{
    for (unsigned cpu = count; cpu > 0; cpu--)
        spin_unlock(&cpu_at(cpu - 1)->runqueue.lock);
}

/* Whether no CPU runs a thread or has one ready.  *moment counts how often one became ready. */
static bool is_quiet(uint64_t *moment)
{
    unsigned count = machine_info()->cpu_count;
    bool quiet = true;

    *moment = 0;
    lock_all_queues(count);
    for (unsigned index = 0; index < count; index++) {
        const struct per_cpu *cpu = cpu_at(index);

        quiet = quiet && cpu->current == cpu->idle && cpu->runqueue.ready_count == 0;
        *moment += cpu->runqueue.enqueued;
    }
    unlock_all_queues(count);
    return quiet;
}

static bool waits_for_world(void)
{
    return atomic_load_explicit(&external_waits, memory_order_relaxed) > 0;
}

/* ---- Nothing has run for long -------------------------------------------------------------- */

static struct {
    struct spinlock lock;    /* RANK_STATISTICS: who arms or cancels the timer */
    uint64_t after_ns;       /* constant after boot; 0: nobody wants to know */

    /* Protected by `lock`. */
    struct timer timer;
    uint64_t moment;         /* nothing has become ready since ... */
    uint64_t since_ns;       /* ... this time */
    bool was_reported;
    _Atomic bool is_due;     /* the timer has gone off since the last look */
} hang = { .lock = SPINLOCK_INITIAL(RANK_STATISTICS, "hang") };

/* The report is made by the idle thread: who wants to cancel a timer waits for its function, and
 * the report for all CPUs. */
static void hang_expired(struct timer *timer)
{
    (void)timer;
    atomic_store(&hang.is_due, true);
}

static void hang_look(void)
{
    uint64_t moment;
    bool hangs;

    if (hang.after_ns == 0 || !atomic_exchange(&hang.is_due, false))
        return;
    spin_lock(&hang.lock);
    hangs = !hang.was_reported && is_quiet(&moment) && moment == hang.moment;
    hang.was_reported = hang.was_reported || hangs;
    spin_unlock(&hang.lock);
    if (hangs)
        watch->hangs(hang.since_ns);
}

void watch_hang_after(uint64_t ns)
{
    timer_init(&hang.timer, hang_expired);
    hang.moment = UINT64_MAX;
    hang.after_ns = ns;
}

static void hang_cancel(void)
{
    if (hang.after_ns == 0)
        return;
    spin_lock(&hang.lock);
    (void)timer_cancel(&hang.timer);
    spin_unlock(&hang.lock);
}

static void hang_arm(void)
{
    uint64_t moment;

    if (hang.after_ns == 0)
        return;
    spin_lock(&hang.lock);
    (void)timer_cancel(&hang.timer);
    if (!hang.was_reported && is_quiet(&moment)) {
        if (moment != hang.moment)
            hang.since_ns = machine_time_ns();
        hang.moment = moment;
        timer_arm(&hang.timer, hang.since_ns + hang.after_ns);
    }
    spin_unlock(&hang.lock);
}

/* ---- Looking ------------------------------------------------------------------------------- */

void watch_look(void)
{
    uint64_t moment;

    ASSERT(!machine_interrupts_enabled());
    if (!watch || !watch->stalled || !idle_is_everywhere())
        return;
    hang_cancel();
    if (!waits_for_world() && is_quiet(&moment) && watch_is_stalled(moment))
        watch->stalled(moment);
    hang_look();
    hang_arm();
}

bool watch_is_stalled(uint64_t moment)
{
    uint64_t now;

    return !timer_any_armed() && !waits_for_world() && is_quiet(&now) && now == moment;
}

/* Of this CPU only the current thread, which is about to block. */
bool watch_others_run(void)
{
    hang_cancel();

    bool others = timer_any_armed() || waits_for_world();
    bool were_on = machine_interrupts_disable();
    unsigned count = machine_info()->cpu_count;
    unsigned self = machine_cpu_index();

    lock_all_queues(count);
    for (unsigned index = 0; index < count && !others; index++) {
        const struct per_cpu *cpu = cpu_at(index);

        others = cpu->runqueue.ready_count > 0 || (index != self && cpu->current != cpu->idle);
    }
    unlock_all_queues(count);
    machine_interrupts_restore(were_on);
    return others;
}

/* ---- The rest ------------------------------------------------------------------------------ */

void watch_blocks(struct thread *thread)
{
    if (watch && watch->blocks)
        watch->blocks(thread);
}

void watch_removed(const struct semaphore *semaphore)
{
    if (watch && watch->removed)
        watch->removed(semaphore);
}

void watch_ended(struct thread *thread)
{
    if (watch && watch->ended)
        watch->ended(thread);
}

void watch_stops(void)
{
    if (watch && watch->stops)
        watch->stops();
}

void watch_asked(void)
{
    if (watch && watch->asked)
        watch->asked();
}

void watch_times(void)
{
    has_times = true;
}

bool watch_has_times(void)
{
    return has_times;
}

void thread_acquired(struct thread *thread, uint64_t waited_ns, uint64_t overtaken)
{
    thread->acquisitions++;
    thread->overtaken += overtaken;
    if (waited_ns > thread->longest_wait_ns)
        thread->longest_wait_ns = waited_ns;
    if (watch && watch->acquired)
        watch->acquired(thread, overtaken);
}
