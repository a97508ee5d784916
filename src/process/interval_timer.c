/*
 * The interval timers of a process (alarm, setitimer).  Exec keeps them, a fork does not copy them.
 *
 * That of real time is a kernel timer that sends SIGALRM and arms itself again; the others are
 * looked at with the timers on processor time (processor_timer.c).
 *
 * Invariant: `alarm_deadline_ns` is what programs see; while it is not 0 the kernel timer is armed
 * for it.  Turning it off leaves the kernel timer alone, because waiting for a running expiry with
 * the process locked would be a deadlock; the expiry looks at the deadline again.
 */
#include "lib/container.h"
#include "process/process_internal.h"
#include "time/clock.h"

static void expired(struct timer *timer)
{
    struct process *process = CONTAINER_OF(timer, struct process, alarm);
    uint64_t now_ns = clock_monotonic_ns();
    bool due = false;

    spin_lock(&process->lock);
    if (process->alarm_deadline_ns != 0 && process->alarm_deadline_ns <= now_ns) {
        due = true;
        if (process->alarm_interval_ns != 0) {
            uint64_t late_ns = now_ns - process->alarm_deadline_ns;
            uint64_t missed = late_ns / process->alarm_interval_ns;

            process->alarm_deadline_ns += (missed + 1) * process->alarm_interval_ns;
            timer_arm(timer, process->alarm_deadline_ns);
        } else {
            process->alarm_deadline_ns = 0;
        }
    }
    spin_unlock(&process->lock);
    if (due)
        signal_send_kernel(process, SIGNAL_ALRM);
}

void interval_timer_init(struct process *process)
{
    timer_init(&process->alarm, expired);
}

void interval_timer_end(struct process *process)
{
    const struct interval never = { 0, 0 };

    interval_timer_set(process, INTERVAL_TIMER_REAL, &never, NULL);
    (void)timer_cancel(&process->alarm);    /* also waits for one that is running */
}

/* ---- Real time ----------------------------------------------------------------------------- */

static void read_real(const struct process *process, struct interval *interval)
{
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t deadline_ns = process->alarm_deadline_ns;

    interval->interval_ns = process->alarm_interval_ns;
    interval->remaining_ns = 0;
    if (deadline_ns != 0)    /* due, but not yet sent: as little as can be said */
        interval->remaining_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 1000;
}

static void set_real(struct process *process, const struct interval *wanted,
                     struct interval *before)
{
    spin_lock(&process->lock);
    read_real(process, before);
    process->alarm_interval_ns = 0;    /* of one that is off, nothing is kept */
    process->alarm_deadline_ns = 0;
    if (wanted->remaining_ns != 0) {
        process->alarm_interval_ns = wanted->interval_ns;
        process->alarm_deadline_ns =
            clock_add_saturated(clock_monotonic_ns(), wanted->remaining_ns);
        timer_arm(&process->alarm, process->alarm_deadline_ns);
    }
    spin_unlock(&process->lock);
}

/* ---- Processor time ------------------------------------------------------------------------ */

static enum processor_time kind_of(enum interval_timer which)
{
    return which == INTERVAL_TIMER_VIRTUAL ? PROCESSOR_TIME_USER : PROCESSOR_TIME_ALL;
}

static void read_processor(const struct processor_interval *timer, uint64_t used_ns,
                           struct interval *interval)
{
    interval->interval_ns = timer->interval_ns;
    interval->remaining_ns = 0;
    if (timer->expires_ns != 0)
        interval->remaining_ns = timer->expires_ns > used_ns ? timer->expires_ns - used_ns : 1000;
}

static void set_processor(struct process *process, enum processor_time kind,
                          const struct interval *wanted, struct interval *before)
{
    struct processor_interval *timer = &process->processor_intervals[kind];

    spin_lock(&process->processor_lock);
    uint64_t used_ns = processor_time(process, NULL, kind);

    read_processor(timer, used_ns, before);
    timer->interval_ns = wanted->interval_ns;
    timer->expires_ns =
        wanted->remaining_ns ? clock_add_saturated(used_ns, wanted->remaining_ns) : 0;
    if (timer->expires_ns)
        processor_timers_look(process);
    spin_unlock(&process->processor_lock);
}

/* ---- All of them --------------------------------------------------------------------------- */

void interval_timer_get(struct process *process, enum interval_timer which,
                        struct interval *interval)
{
    if (which == INTERVAL_TIMER_REAL) {
        spin_lock(&process->lock);
        read_real(process, interval);
        spin_unlock(&process->lock);
        return;
    }

    enum processor_time kind = kind_of(which);

    spin_lock(&process->processor_lock);
    read_processor(&process->processor_intervals[kind], processor_time(process, NULL, kind),
                   interval);
    spin_unlock(&process->processor_lock);
}

void interval_timer_set(struct process *process, enum interval_timer which,
                        const struct interval *wanted, struct interval *before)
{
    struct interval unwanted;

    if (!before)
        before = &unwanted;
    if (which == INTERVAL_TIMER_REAL)
        set_real(process, wanted, before);
    else
        set_processor(process, kind_of(which), wanted, before);
}
