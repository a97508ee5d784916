/*
 * Timers of programs.
 *
 * A timer with an interval is not started again when it expires but when a thread takes its signal,
 * which says how many expiries have been missed; so a program that does not look costs nothing, as
 * on Linux.
 *
 * Locks: which timers a process has is protected by its posix_timers_lock, a mutex that all calls
 * and whoever takes a signal of a timer hold throughout, so a timer stays while it is looked at.
 * The state of a timer has a lock of its own (RANK_POSIX_TIMER) against its expiry, inside the
 * processor_lock of the process that it measures.
 *
 *   sets the timer                               takes the signal of its last expiry
 *                                                takes it from the queue
 *   sets it anew, with another interval
 *                                                starts it again with the old idea of when
 *                                                <- forbidden: setting it moves `sequence` on, and
 *                                                   a signal of before counts as never sent
 */
#include "process/posix_timer.h"

#include "config.h"
#include "lib/assert.h"
#include "memory/pool.h"
#include "process/process_internal.h"
#include "signal/timer_signal.h"
#include "time/clock_timer.h"

enum timer_state {
    TIMER_OFF,
    TIMER_ARMED,
    TIMER_SIGNALED,    /* with an interval: starts again when its signal is taken */
};

struct posix_timer {
    struct timer_signal signal;       /* counts the references */

    /* Protected by the owner's posix_timers_lock. */
    struct tree_node id_node;
    bool is_deleted;

    /* Constant after creation. */
    int32_t id;
    struct process *owner;            /* which deletes it before it ends */
    struct thread *target;            /* referenced; NULL: the process */
    bool is_silent, is_of_processor;
    enum clock_base clock_base;       /* else */

    struct spinlock lock;             /* RANK_POSIX_TIMER */

    /* Protected by `lock`. */
    enum timer_state state;
    enum clock_base base;             /* what expires_ns is a time of */
    uint64_t expires_ns;              /* 0: never set */
    uint64_t interval_ns;
    uint64_t sequence, signal_sequence;    /* of settings; of the one that the signal is of */
    int64_t overrun, overrun_last;    /* since the last signal, less one; of the last signal */
    struct clock_timer clock_timer;
    struct processor_timer processor_timer;
};

static struct pool timer_pool = POOL_INITIAL("timer", struct posix_timer, POSIX_TIMERS_MAX);

/* ---- Locking ------------------------------------------------------------------------------- */

static void lock_timer(struct posix_timer *timer) LOCKS_UNCHECKED
{
    if (timer->is_of_processor)
        spin_lock(&timer->processor_timer.process->processor_lock);
    spin_lock(&timer->lock);
}

static void unlock_timer(struct posix_timer *timer) LOCKS_UNCHECKED
{
    spin_unlock(&timer->lock);
    if (timer->is_of_processor)
        spin_unlock(&timer->processor_timer.process->processor_lock);
}

/* ---- Its clock ----------------------------------------------------------------------------- */

/* The two differ only in what they measure; the timer is locked. */

static uint64_t timer_now(const struct posix_timer *timer)
{
    const struct processor_timer *processor = &timer->processor_timer;

    if (timer->is_of_processor)
        return processor_time(processor->process, processor->thread, processor->kind);
    return clock_read(timer->base);
}

static void timer_expire(struct posix_timer *timer)
{
    bool is_periodic = timer->interval_ns != 0;

    timer->state = is_periodic ? TIMER_SIGNALED : TIMER_OFF;
    timer->signal_sequence = timer->sequence;
    (void)timer_signal_send(&timer->signal, timer->owner, timer->target, is_periodic);
}

/* -ESRCH. */
static int timer_start(struct posix_timer *timer)
{
    int error = 0;

    timer->state = TIMER_ARMED;
    if (!timer->is_of_processor)
        clock_timer_arm(&timer->clock_timer, timer->base, timer->expires_ns);
    else if (timer_now(timer) >= timer->expires_ns)
        timer_expire(timer);    /* even if that clock does not go on */
    else
        error = processor_timer_arm(&timer->processor_timer, timer->expires_ns);
    if (error)
        timer->state = TIMER_OFF;
    return error;
}

static void timer_stop(struct posix_timer *timer)
{
    timer->state = TIMER_OFF;
    if (timer->is_of_processor)
        processor_timer_disarm(&timer->processor_timer);
    else
        clock_timer_disarm(&timer->clock_timer);
}

static void clock_expired(struct clock_timer *clock_timer)
{
    struct posix_timer *timer = CONTAINER_OF(clock_timer, struct posix_timer, clock_timer);

    spin_lock(&timer->lock);
    if (timer->state == TIMER_ARMED && timer_now(timer) >= timer->expires_ns)
        timer_expire(timer);
    spin_unlock(&timer->lock);
}

static void processor_expired(struct processor_timer *processor_timer)
{
    struct posix_timer *timer =
        CONTAINER_OF(processor_timer, struct posix_timer, processor_timer);

    spin_lock(&timer->lock);
    timer_expire(timer);
    spin_unlock(&timer->lock);
}

/* Moves the next expiry behind `now_ns` and counts those in between. */
static void skip_missed(struct posix_timer *timer, uint64_t now_ns)
{
    if (now_ns < timer->expires_ns)
        return;

    uint64_t missed = (now_ns - timer->expires_ns) / timer->interval_ns + 1;

    timer->overrun += (int64_t)missed;
    timer->expires_ns = clock_add_saturated(timer->expires_ns, missed * timer->interval_ns);
}

/* ---- Its signal ---------------------------------------------------------------------------- */

static int clamp_overrun(int64_t overrun)
{
    return overrun > INT32_MAX ? INT32_MAX : (int)overrun;
}

/* The timer is locked.  False: it has been set anew since. */
static bool restart(struct posix_timer *timer, struct signal_information *information)
{
    if (timer->sequence != timer->signal_sequence)
        return false;
    if (timer->state != TIMER_SIGNALED)
        return true;
    skip_missed(timer, timer_now(timer));
    timer->overrun_last = timer->overrun;
    timer->overrun = -1;
    timer->sequence++;
    information->timer.overrun = clamp_overrun(timer->overrun_last);
    return timer_start(timer) == 0 || timer->state == TIMER_OFF;    /* -ESRCH: it was the last */
}

/* A thread of the owner takes the signal. */
static bool signal_taken(struct timer_signal *signal, struct signal_information *information)
{
    struct posix_timer *timer = CONTAINER_OF(signal, struct posix_timer, signal);
    struct mutex *lock = &current_process()->posix_timers_lock;
    bool is_meant = false;

    mutex_lock(lock);
    if (!timer->is_deleted) {
        lock_timer(timer);
        is_meant = restart(timer, information);
        unlock_timer(timer);
    }
    mutex_unlock(lock);
    return is_meant;
}

/* Nobody can find the timer, and it is stopped: only the memory is left. */
static void signal_released(struct timer_signal *signal)
{
    pool_free(&timer_pool, CONTAINER_OF(signal, struct posix_timer, signal));
}

/* ---- Which there are ----------------------------------------------------------------------- */

static struct posix_timer *timer_of(struct tree_node *node)
{
    return node ? TREE_ENTRY(node, struct posix_timer, id_node) : NULL;
}

/* All of these: the owner's posix_timers_lock is held. */

static struct posix_timer *find_listed(struct process *owner, int32_t id)
{
    struct tree_node *node = owner->posix_timers.root;

    while (node && timer_of(node)->id != id)
        node = id < timer_of(node)->id ? node->left : node->right;
    return timer_of(node);
}

static void insert(struct process *owner, struct posix_timer *timer)
{
    struct tree_node **link = &owner->posix_timers.root;
    struct tree_node *parent = NULL;

    while (*link) {
        parent = *link;
        link = timer->id < timer_of(parent)->id ? &parent->left : &parent->right;
    }
    tree_insert(&owner->posix_timers, &timer->id_node, parent, link);
}

/* Ids rest before they are used again, like Linux's. */
static int32_t choose_id(struct process *owner)
{
    do {
        if (owner->next_posix_timer < 0)
            owner->next_posix_timer = 0;
        if (!find_listed(owner, owner->next_posix_timer))
            return owner->next_posix_timer++;
        owner->next_posix_timer = owner->next_posix_timer == INT32_MAX
                                      ? 0 : owner->next_posix_timer + 1;
    } while (true);
}

/* Both locked; NULL, and nothing is: there is none. */
static struct posix_timer *find(int32_t id) LOCKS_UNCHECKED
{
    struct process *owner = current_process();

    mutex_lock(&owner->posix_timers_lock);
    struct posix_timer *timer = find_listed(owner, id);

    if (timer)
        lock_timer(timer);
    else
        mutex_unlock(&owner->posix_timers_lock);
    return timer;
}

static void put(struct posix_timer *timer) LOCKS_UNCHECKED
{
    unlock_timer(timer);
    mutex_unlock(&timer->owner->posix_timers_lock);
}

/* ---- Creating and deleting ----------------------------------------------------------------- */

static void init_clock(struct posix_timer *timer, const struct posix_timer_request *request)
{
    spin_init(&timer->lock, RANK_POSIX_TIMER, "timer");
    timer->overrun = -1;
    timer->is_silent = request->is_silent;
    timer->is_of_processor = request->process != NULL;
    timer->clock_base = timer->base = request->base;
    if (timer->is_of_processor)
        processor_timer_init(&timer->processor_timer, request->process, request->thread,
                             request->kind, processor_expired);
    else
        clock_timer_init(&timer->clock_timer, clock_expired);
}

static int init_signal(struct posix_timer *timer, const struct posix_timer_request *request)
{
    const struct timer_signal_request signal = {
        .information = {
            .number = request->is_silent ? SIGNAL_ALRM : request->number,
            .code = CODE_TIMER,
            .timer = { .timer_id = timer->id,
                       .value = request->has_value ? request->value : (uint64_t)timer->id },
        },
        .taken = signal_taken,
        .released = signal_released,
    };

    return timer_signal_init(&timer->signal, &signal);
}

int posix_timer_create(const struct posix_timer_request *request, int32_t *id)
{
    struct process *owner = current_process();
    struct posix_timer *timer = pool_allocate(&timer_pool);
    int error;

    if (!timer)
        return -EAGAIN;
    mutex_lock(&owner->posix_timers_lock);
    timer->id = choose_id(owner);
    error = init_signal(timer, request);
    if (error) {
        mutex_unlock(&owner->posix_timers_lock);
        pool_free(&timer_pool, timer);
        return error;
    }
    timer->owner = owner;
    timer->target = request->target;
    if (timer->target)
        refcount_take(&timer->target->references);
    init_clock(timer, request);
    *id = timer->id;
    insert(owner, timer);
    mutex_unlock(&owner->posix_timers_lock);
    return 0;
}

/* Afterwards only a pending signal may know it. */
static void delete(struct process *owner, struct posix_timer *timer)
{
    tree_remove(&owner->posix_timers, &timer->id_node);
    timer->is_deleted = true;
    lock_timer(timer);
    timer_stop(timer);
    unlock_timer(timer);
    if (timer->is_of_processor)
        processor_timer_destroy(&timer->processor_timer);
    else
        clock_timer_cancel(&timer->clock_timer);
    if (timer->target)
        thread_release(timer->target);
    timer_signal_release(&timer->signal);
}

int posix_timer_delete(int32_t id)
{
    struct process *owner = current_process();

    mutex_lock(&owner->posix_timers_lock);
    struct posix_timer *timer = find_listed(owner, id);

    if (timer)
        delete(owner, timer);
    mutex_unlock(&owner->posix_timers_lock);
    return timer ? 0 : -EINVAL;
}

void posix_timers_delete_all(struct process *process)
{
    mutex_lock(&process->posix_timers_lock);
    while (process->posix_timers.root)
        delete(process, timer_of(process->posix_timers.root));
    mutex_unlock(&process->posix_timers_lock);
}

/* ---- Setting and reading ------------------------------------------------------------------- */

static void read_setting(struct posix_timer *timer, struct posix_timer_setting *setting)
{
    uint64_t now_ns;

    *setting = (struct posix_timer_setting){ .interval_ns = timer->interval_ns };
    if (timer->expires_ns == 0)
        return;
    if (timer->interval_ns == 0 && timer->state == TIMER_OFF && !timer->is_silent)
        return;
    now_ns = timer_now(timer);
    if (timer->interval_ns != 0 && timer->state != TIMER_ARMED)
        skip_missed(timer, now_ns);
    if (timer->expires_ns > now_ns)
        setting->expires_ns = timer->expires_ns - now_ns;
    else if (!timer->is_silent)
        setting->expires_ns = 1;    /* due: as little as can be said */
}

static int apply_setting(struct posix_timer *timer, const struct posix_timer_setting *wanted,
                         bool is_absolute)
{
    timer->sequence++;
    timer_stop(timer);
    timer->interval_ns = wanted->expires_ns ? wanted->interval_ns : 0;
    timer->overrun = -1;
    timer->overrun_last = 0;
    timer->expires_ns = wanted->expires_ns;
    if (wanted->expires_ns == 0)
        return 0;
    /* What is relative does not care when a clock is set. */
    timer->base = is_absolute ? timer->clock_base : CLOCK_BASE_MONOTONIC;
    if (!is_absolute)
        timer->expires_ns = clock_add_saturated(timer_now(timer), wanted->expires_ns);
    return timer->is_silent ? 0 : timer_start(timer);
}

int posix_timer_set(int32_t id, const struct posix_timer_setting *wanted, bool is_absolute,
                    struct posix_timer_setting *before)
{
    struct posix_timer *timer = find(id);
    int error;

    if (!timer)
        return -EINVAL;
    if (before)
        read_setting(timer, before);
    error = apply_setting(timer, wanted, is_absolute);
    put(timer);
    return error;
}

int posix_timer_get(int32_t id, struct posix_timer_setting *setting)
{
    struct posix_timer *timer = find(id);

    if (!timer)
        return -EINVAL;
    read_setting(timer, setting);
    put(timer);
    return 0;
}

int posix_timer_overrun(int32_t id)
{
    struct posix_timer *timer = find(id);
    int overrun;

    if (!timer)
        return -EINVAL;
    overrun = clamp_overrun(timer->overrun_last);
    put(timer);
    return overrun;
}
