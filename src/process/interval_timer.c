/*
 * The real-time interval timer of a process (alarm, setitimer): a kernel timer that sends SIGALRM
 * and arms itself again.
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

    interval_timer_set(process, &never, NULL);
    (void)timer_cancel(&process->alarm);    /* also waits for one that is running */
}

static void read_timer(const struct process *process, struct interval *interval)
{
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t deadline_ns = process->alarm_deadline_ns;

    interval->interval_ns = process->alarm_interval_ns;
    interval->remaining_ns = 0;
    if (deadline_ns != 0)    /* due, but not yet sent: as little as can be said */
        interval->remaining_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 1000;
}

void interval_timer_get(struct process *process, struct interval *interval)
{
    spin_lock(&process->lock);
    read_timer(process, interval);
    spin_unlock(&process->lock);
}

void interval_timer_set(struct process *process, const struct interval *wanted,
                        struct interval *before)
{
    uint64_t now_ns = clock_monotonic_ns();

    spin_lock(&process->lock);
    if (before)
        read_timer(process, before);
    process->alarm_interval_ns = wanted->interval_ns;
    process->alarm_deadline_ns = 0;
    if (wanted->remaining_ns != 0 &&
        __builtin_add_overflow(now_ns, wanted->remaining_ns, &process->alarm_deadline_ns))
        process->alarm_deadline_ns = UINT64_MAX - 1;
    if (process->alarm_deadline_ns != 0)
        timer_arm(&process->alarm, process->alarm_deadline_ns);
    spin_unlock(&process->lock);
}
