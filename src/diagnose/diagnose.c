/*
 * When reports are made: see diagnose.h.
 *
 * A run that cannot go on any more is recognised by sched/watch.c; here it is only made sure that
 * no program waits for a signal that a person could still send.
 */
#include "diagnose/diagnose.h"

#include <stdatomic.h>

#include "debug/log.h"
#include "debug/options.h"
#include "diagnose/diagnose_internal.h"
#include "lib/text.h"
#include "process/process.h"
#include "process/semaphore_set.h"
#include "sched/watch.h"

#define DEADLOCK_STATUS 121
#define TIME_LIMIT_STATUS 122
#define CYCLES_REPORTED 16u

/* ---- Nothing can ever run again ------------------------------------------------------------ */

/* Those that a terminal or whoever started the machine can send. */
#define SIGNALS_FROM_OUTSIDE                                                                 \
    (SIGNAL_BIT(SIGNAL_INT) | SIGNAL_BIT(SIGNAL_QUIT) | SIGNAL_BIT(SIGNAL_TSTP) |             \
     SIGNAL_BIT(SIGNAL_CONT) | SIGNAL_BIT(SIGNAL_WINCH))

/* Has the program a handler that such a signal would run? */
static bool handles_outside(const struct signals *signals, signal_set blocked)
{
    for (int number = 1; number <= SIGNAL_MAX; number++) {
        if ((SIGNALS_FROM_OUTSIDE & ~blocked & SIGNAL_BIT(number)) &&
            signals->actions->of[number - 1].handler > SIGNAL_IGNORE)
            return true;
    }
    return false;
}

static void look_for_hope(struct thread *thread, void *context)
{
    bool *hope = context;

    if (thread->state != THREAD_BLOCKED || !thread->process || thread->waiting_for.uninterruptible)
        return;
    if (thread->waiting_for.external ||
        handles_outside(&thread->process->signals, user_thread_of(thread)->signals.blocked))
        *hope = true;
}

static void write_down(const struct picture *picture)
{
    report_text(picture);
    report_json(picture);
    report_graph(picture);
}

static void report(enum picture_kind kind)
{
    struct picture picture;

    picture_take(&picture, kind);
    write_down(&picture);
    picture_free(&picture);
}

/* Several CPUs may find it out at the same time. */
static void stalled(uint64_t moment)
{
    static _Atomic bool is_told;
    bool hope = false;

    if (process_count() == 0)
        return;
    thread_for_each(look_for_hope, &hope);
    if (hope || !watch_is_stalled(moment) || atomic_exchange(&is_told, true))
        return;
    report(PICTURE_DEADLOCK);
    statistics_print();
    machine_halt(MACHINE_HALT_DEADLOCK, DEADLOCK_STATUS);
}

/* ---- Circles while others run -------------------------------------------------------------- */

static struct {
    struct spinlock lock;    /* RANK_STATISTICS */

    /* Protected by `lock`. */
    uint64_t seen[CYCLES_REPORTED];
    unsigned count;
} reported = { .lock = SPINLOCK_INITIAL(RANK_STATISTICS, "reported circles") };

/* Whether this is the first time, and there was room to remember it. */
static bool is_new(uint64_t sum)
{
    bool is_known = false;

    spin_lock(&reported.lock);
    for (unsigned i = 0; i < reported.count; i++)
        is_known = is_known || reported.seen[i] == sum;
    bool is_new = !is_known && reported.count < CYCLES_REPORTED;
    if (is_new)
        reported.seen[reported.count++] = sum;
    spin_unlock(&reported.lock);
    return is_new;
}

/* The same from whatever member the circle is looked at. */
static uint64_t sum_of(const struct picture *picture)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < picture->count; i++) {
        const struct view *view = &picture->views[i];

        if (view->cycle != 0)
            sum += ((uint64_t)view->id << 32 ^ view->object) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return sum;
}

static void report_cycle(void)
{
    bool were_on = machine_interrupts_disable();
    struct picture picture;

    if (standstill_begin()) {
        picture_take(&picture, PICTURE_CYCLE);
        if (picture.cycles > 0 && is_new(sum_of(&picture)))
            write_down(&picture);
        picture_free(&picture);
        standstill_end();
    }
    machine_interrupts_restore(were_on);
}

/* It holds the semaphore for which another one is about to wait, and has ended. */
static void warn_of_dead_holder(const struct thread *thread)
{
    struct semaphore_report semaphore;
    const struct ended_thread *gone;
    char what[WHAT_SIZE];

    if (!semaphore_sets_find(thread->waiting_for.object, &semaphore))
        return;
    gone = ended_find(semaphore.statistics.holder);
    if (!gone || gone->ended_ns < semaphore.statistics.acquired.at_ns ||
        !watch_others_run() || !is_new(~thread->waiting_for.object))
        return;
    log_line(LOG_WARNING, "process %d (%s) waits for %s, which process %d (%s) held when it ended",
             thread->process ? thread->process->id : 0, thread->name,
             semaphore_text(thread->waiting_for.object, what, sizeof(what)), gone->process_id,
             gone->name);
}

static void blocks(struct thread *thread)
{
    enum wait_kind kind = thread->waiting_for.kind;

    statistics_blocks(thread);
    if (kind == WAIT_SEMAPHORE)
        warn_of_dead_holder(thread);
    if ((kind != WAIT_SEMAPHORE && kind != WAIT_CHILD) || !cycle_is_closed_by(thread))
        return;
    /* If nothing else runs, all is reported in a moment. */
    if (watch_others_run())
        report_cycle();
}

/* ---- Nothing runs for long, or somebody asks ----------------------------------------------- */

static void hangs(uint64_t since_ns)
{
    struct picture picture;

    if (!standstill_begin())
        return;
    picture_take(&picture, PICTURE_HANG);
    picture.quiet_since_ns = since_ns;
    write_down(&picture);
    picture_free(&picture);
    standstill_end();
}

static void asked(void)
{
    bool were_on = machine_interrupts_disable();

    if (standstill_begin()) {
        report(PICTURE_ASKED);
        standstill_end();
    }
    machine_interrupts_restore(were_on);
}

/* The option `hang-after`: a number of nanoseconds. */
static void watch_for_hang(void)
{
    const char *value = option_value("hang-after");
    uint64_t after_ns;

    if (value && text_parse_number(value, &after_ns) == 0 && after_ns > 0)
        watch_hang_after(after_ns);
}

/* ---- The rest ------------------------------------------------------------------------------ */

static void ended(struct thread *thread)
{
    ended_add(thread);
    statistics_ended(thread);
}

void diagnose_init(void)
{
    static const struct thread_watch watch = {
        .stalled = stalled,
        .blocks = blocks,
        .acquired = statistics_acquired,
        .removed = statistics_removed,
        .ended = ended,
        .stops = statistics_print,
        .hangs = hangs,
        .asked = asked,
    };

    statistics_init();
    watch_set(&watch);
    watch_for_hang();
}

_Noreturn void diagnose_time_limit(void)
{
    (void)standstill_begin();    /* what does not answer is in the report all the same */
    report(PICTURE_TIME_LIMIT);
    statistics_print();
    machine_halt(MACHINE_HALT_TIME_LIMIT, TIME_LIMIT_STATUS);
}
