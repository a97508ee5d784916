/*
 * Circles of threads that wait for each other.
 *
 * Each thread waits for at most one owner, so from each leads one path: it ends at a thread that
 * waits for nobody known, or runs into a circle.
 *
 * While others run, the path is walked thread by thread, and nothing holds those on it still.  So
 * it is walked twice.  If both walks saw each thread in the same wait, none has run in between, so
 * none has given back what it held, and at the end of the first walk all of it was true at once.
 */
#include "diagnose/diagnose_internal.h"
#include "process/process.h"
#include "process/semaphore_set.h"
#include "sched/watch.h"

#define HOPS_MAX 128    /* longer circles are found when nothing else runs any more */

/* ---- In a picture -------------------------------------------------------------------------- */

/* Numbers the members of the circle that `start` is in. */
static void number_cycle(struct view *views, int32_t start, unsigned number)
{
    for (int32_t i = start; views[i].cycle == 0; i = views[i].owner)
        views[i].cycle = number;
}

unsigned cycles_find(struct view *views, unsigned count)
{
    unsigned cycles = 0;

    for (unsigned i = 0; i < count; i++) {
        views[i].mark = 0;
        views[i].cycle = 0;
    }
    for (unsigned i = 0; i < count; i++) {
        int32_t at = (int32_t)i;

        while (at != NOBODY && views[at].mark == 0) {
            views[at].mark = i + 1;
            at = views[at].owner;
        }
        if (at != NOBODY && views[at].mark == i + 1)
            number_cycle(views, at, ++cycles);
    }
    return cycles;
}

int32_t cycle_first(const struct picture *picture, unsigned cycle)
{
    for (unsigned i = 0; i < picture->count; i++) {
        if (picture->views[i].cycle == cycle)
            return (int32_t)i;
    }
    return NOBODY;
}

/* ---- While others run ---------------------------------------------------------------------- */

struct hop {
    int32_t thread_id;
    enum wait_kind kind;
    uint64_t object, since_ns;
    int32_t owner_id;
    bool is_certain;    /* nobody else could end this wait, as far as anybody can know */
};

static int32_t owner_of_child_wait(uint64_t object)
{
    struct process *process =
        object > 0 && object <= THREAD_ID_MAX ? process_find((int32_t)object) : NULL;
    int32_t owner_id = 0;

    if (!process)
        return 0;
    spin_lock(&process->lock);
    struct list *first = list_first(&process->threads);

    if (first && process->live_threads == 1)
        owner_id = LIST_ENTRY(first, struct thread, sibling_node)->id;
    spin_unlock(&process->lock);
    process_release(process);
    return owner_id;
}

/* A lock that its holders have given back so far is one whose holder will be waited for. */
static int32_t owner_of_semaphore_wait(struct hop *hop)
{
    struct semaphore_report report;

    if (!semaphore_sets_find(hop->object, &report) || report.removed)
        return 0;
    hop->is_certain = report.statistics.signalled.thread != 0;
    /* What it was given after it had begun to wait ends its wait. */
    if (report.statistics.acquired.at_ns >= hop->since_ns)
        return report.statistics.holder == hop->thread_id ? 0 : report.statistics.holder;
    return report.statistics.holder;
}

static void take_hop(const struct thread *thread, struct hop *hop)
{
    *hop = (struct hop){
        .thread_id = thread->id,
        .kind = thread->waiting_for.kind,
        .object = thread->waiting_for.object,
        .since_ns = thread->waiting_since_ns,
        .is_certain = true,
    };
    if (hop->kind == WAIT_CHILD)
        hop->owner_id = owner_of_child_wait(hop->object);
    else if (hop->kind == WAIT_SEMAPHORE)
        hop->owner_id = owner_of_semaphore_wait(hop);
}

/* From the current thread along the owners: the length of the circle if it comes back to it, else
 * 0. */
static unsigned walk(struct thread *start, struct hop *hops)
{
    take_hop(start, &hops[0]);
    for (unsigned length = 1; hops[length - 1].owner_id != 0; length++) {
        int32_t owner_id = hops[length - 1].owner_id;

        if (owner_id == start->id)
            return length;
        if (length == HOPS_MAX || owner_id == hops[length - 1].thread_id)
            return 0;

        struct thread *owner = thread_find(owner_id);

        if (!owner)
            return 0;
        take_hop(owner, &hops[length]);
        thread_release(owner);
    }
    return 0;
}

static bool is_same(const struct hop *a, const struct hop *b)
{
    return a->thread_id == b->thread_id && a->kind == b->kind && a->object == b->object &&
           a->since_ns == b->since_ns && a->owner_id == b->owner_id;
}

bool cycle_is_closed_by(struct thread *thread)
{
    struct hop first[HOPS_MAX], second[HOPS_MAX];
    unsigned length = walk(thread, first);

    if (length == 0 || (length == 1 && !first[0].is_certain) || walk(thread, second) != length)
        return false;
    for (unsigned i = 0; i < length; i++) {
        if (!is_same(&first[i], &second[i]))
            return false;
    }
    return true;
}
