/*
 * Timers as files: a read takes the number of expiries since the last one.
 *
 * A timer with an interval goes off once and is started again when somebody looks, who computes how
 * many expiries there have been; so one that nobody reads costs nothing, as on Linux.
 *
 *   reader                                    timer
 *   no expiries
 *                                             counts one; wakes: nobody waits
 *   waits for ever                            <- forbidden: the look and joining the queue are one
 *                                                step under `lock`, and so is counting
 */
#include "ipc/timer_file.h"

#include "config.h"
#include "fs/anonymous_file.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "lib/assert.h"
#include "lib/container.h"
#include "memory/io_buffer.h"
#include "memory/pool.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"
#include "time/clock_timer.h"

struct timer_file {
    enum clock_base clock_base;      /* constant */
    struct wait_queue readable;
    struct spinlock lock;            /* RANK_TIMER_FILE */

    /* Protected by `lock`. */
    enum clock_base base;            /* what expires_ns is a time of */
    uint64_t expires_ns;             /* 0: disarmed */
    uint64_t interval_ns;
    uint64_t count;                  /* expiries that nobody has read */
    bool is_stopped;                 /* went off, and those since then are not counted yet */
    bool watches_clock;              /* its end, when the clock is set, is still to be told */
    uint64_t clock_change_count;     /* as of when it was set */
    struct clock_timer timer;
};

static struct pool timer_pool = POOL_INITIAL("timer file", struct timer_file, TIMER_FILES_MAX);
static const struct file_operations timer_operations;

static struct timer_file *timer_of(const struct file *file)
{
    return file->contents;
}

/* ---- Expiring ------------------------------------------------------------------------------ */

static void expired(struct clock_timer *clock_timer)
{
    struct timer_file *timer = CONTAINER_OF(clock_timer, struct timer_file, timer);

    spin_lock(&timer->lock);
    if (timer->expires_ns && !timer->is_stopped && clock_read(timer->base) >= timer->expires_ns) {
        timer->is_stopped = true;
        timer->count++;
        wait_queue_wake_all(&timer->readable);
    }
    spin_unlock(&timer->lock);
}

static void start(struct timer_file *timer)
{
    timer->is_stopped = false;
    clock_timer_arm(&timer->timer, timer->base, timer->expires_ns);
}

/* Counts the expiries since the one at which it stopped, and starts it again. */
static void catch_up(struct timer_file *timer)
{
    uint64_t now_ns = clock_read(timer->base);
    uint64_t passed;

    if (!timer->is_stopped || timer->interval_ns == 0)
        return;
    passed = now_ns < timer->expires_ns
                 ? 0 : (now_ns - timer->expires_ns) / timer->interval_ns + 1;
    /* The first of them has been counted.  None, if the clock was set back meanwhile. */
    timer->count += passed > 0 ? passed - 1 : 0;
    timer->expires_ns = clock_add_saturated(timer->expires_ns, passed * timer->interval_ns);
    start(timer);
}

/* The clock was set: told once. */
static bool take_clock_change(struct timer_file *timer)
{
    if (!timer->watches_clock || timer->clock_change_count == clock_change_count())
        return false;
    timer->clock_change_count = clock_change_count();
    return true;
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* Returns what a read gives: above 0, or -EAGAIN: nothing yet, or -ECANCELED. */
static int64_t take_count(struct timer_file *timer)
{
    int64_t count;

    if (take_clock_change(timer)) {
        timer->count = 0;
        return -ECANCELED;
    }
    if (timer->count == 0)
        return -EAGAIN;
    catch_up(timer);
    count = (int64_t)timer->count;
    timer->count = 0;
    return count;
}

/* On the queues of both that can end the wait before the look. */
static int64_t attempt_read(struct timer_file *timer, bool may_wait)
{
    const struct wait_reason reason = { .kind = WAIT_INPUT };
    struct wait_entry entries[2];
    int64_t result;
    int error = 0;

    wait_entry_add(&entries[0], &timer->readable);
    wait_entry_add(&entries[1], clock_changes());
    spin_lock(&timer->lock);
    result = take_count(timer);
    spin_unlock(&timer->lock);
    if (result == -EAGAIN && may_wait)
        error = wait_entries_wait(entries, 2, &reason, WAIT_FOREVER);
    wait_entry_remove(&entries[1]);
    wait_entry_remove(&entries[0]);
    return error ? error : result;
}

static int64_t timer_file_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    bool may_wait = !(file_flags(file) & OPEN_NONBLOCK) && !buffer->may_not_wait;
    uint64_t count;
    int64_t result;

    (void)position;
    if (buffer->remaining < sizeof(count))
        return -EINVAL;
    do {
        result = attempt_read(timer_of(file), may_wait);
    } while (result == -EAGAIN && may_wait);
    if (result < 0)
        return result;
    count = (uint64_t)result;
    return io_buffer_put(buffer, &count, sizeof(count)) == sizeof(count) ? (int64_t)sizeof(count)
                                                                        : -EFAULT;
}

static uint32_t timer_file_poll(struct file *file, struct poll_table *table)
{
    struct timer_file *timer = timer_of(file);
    uint32_t events = 0;

    poll_table_add(table, &timer->readable);
    poll_table_add(table, clock_changes());
    spin_lock(&timer->lock);
    if (timer->count > 0 ||
        (timer->watches_clock && timer->clock_change_count != clock_change_count()))
        events = POLL_READABLE;
    spin_unlock(&timer->lock);
    return events;
}

/* ---- Setting ------------------------------------------------------------------------------- */

static void read_setting(struct timer_file *timer, struct timer_file_setting *setting)
{
    uint64_t now_ns;

    *setting = (struct timer_file_setting){ .interval_ns = timer->interval_ns };
    catch_up(timer);
    if (timer->expires_ns == 0 || timer->is_stopped)
        return;
    now_ns = clock_read(timer->base);
    setting->expires_ns = timer->expires_ns > now_ns ? timer->expires_ns - now_ns : 0;
}

static void apply(struct timer_file *timer, const struct timer_file_change *change)
{
    timer->base = change->is_absolute ? timer->clock_base : CLOCK_BASE_MONOTONIC;
    timer->expires_ns = change->setting.expires_ns;
    timer->interval_ns = change->setting.interval_ns;
    timer->count = 0;
    timer->is_stopped = false;
    if (timer->expires_ns == 0) {
        clock_timer_disarm(&timer->timer);
        return;
    }
    if (!change->is_absolute)
        timer->expires_ns = clock_add_saturated(clock_read(timer->base), timer->expires_ns);
    start(timer);
}

int timer_file_set(struct file *file, const struct timer_file_change *change,
                   struct timer_file_setting *before)
{
    struct timer_file *timer = timer_of(file);
    bool watched, changed;

    if (file->operations != &timer_operations)
        return -EINVAL;
    spin_lock(&timer->lock);
    watched = timer->watches_clock;
    timer->watches_clock = timer->clock_base == CLOCK_BASE_REAL && change->is_absolute &&
                           change->ends_when_clock_is_set;
    if (!watched)
        timer->clock_change_count = clock_change_count();
    read_setting(timer, before);
    apply(timer, change);
    changed = take_clock_change(timer);
    spin_unlock(&timer->lock);
    return changed ? -ECANCELED : 0;
}

int timer_file_get(struct file *file, struct timer_file_setting *setting)
{
    struct timer_file *timer = timer_of(file);

    if (file->operations != &timer_operations)
        return -EINVAL;
    spin_lock(&timer->lock);
    read_setting(timer, setting);
    spin_unlock(&timer->lock);
    return 0;
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void timer_file_release(struct file *file)
{
    struct timer_file *timer = timer_of(file);

    clock_timer_cancel(&timer->timer);
    pool_free(&timer_pool, timer);
}

static const struct file_operations timer_operations = {
    .read = timer_file_read,
    .seek = anonymous_file_seek,
    .poll = timer_file_poll,
    .release = timer_file_release,
};

int timer_file_create(enum clock_base base, uint32_t flags, struct file **file)
{
    struct timer_file *timer = pool_allocate(&timer_pool);
    int error;

    if (!timer)
        return -ENOMEM;
    timer->clock_base = timer->base = base;
    spin_init(&timer->lock, RANK_TIMER_FILE, "timer file");
    wait_queue_init(&timer->readable);
    clock_timer_init(&timer->timer, expired);
    error = anonymous_file_create(&timer_operations, "anon_inode:[timerfd]", flags, timer, file);
    if (error)
        pool_free(&timer_pool, timer);
    return error;
}
