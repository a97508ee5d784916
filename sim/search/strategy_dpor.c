/*
 * Source-DPOR with sleep sets (Abdulla, Aronis, Jonsson, Sagonas).
 *
 * A node is the state before an operation: who could go on, what everybody had announced, whom the
 * runs have chosen here (`done`), whom they still should (`backtrack`), and who need not be chosen
 * because another run has covered that (`sleep`).  The nodes of the present run are a stack; a run
 * repeats the choices of the stack and then goes on by itself.
 *
 * An operation of a thread p races with an earlier one, e, if they depend on each other and nothing
 * that p did before has to come after e.  Then a run in which p's operation comes first is wanted,
 * which begins, in the node of e, with one of the initials of what does not come after e.
 *
 * What is easy to get wrong:
 *  - A wait that could not be executed in the node of e was no alternative to it (the signal that
 *    made it possible).  It is passed over, and the search for races goes on behind it: an earlier
 *    wait is the one to be reversed with.
 *  - Threads that still wait when the run ends race as well, and also when it is given up: who has
 *    taken what they wait for might have come second.
 *  - If an initial is in the sleep set, that order has been covered.
 */
#include <string.h>

#include "search/array.h"
#include "search/dpor.h"
#include "search/happens_before.h"

#define THREADS_MAX 64
#define NODES_MAX 8192

struct node {
    uint64_t enabled, done, backtrack, sleep;
    uint32_t chosen;
    struct operation next[THREADS_MAX];
    uint64_t announced;               /* who has an entry in `next` */
};

static struct node *nodes;
static uint32_t node_room;
static uint32_t node_count;           /* of the present run */
static uint32_t fixed_count;          /* nodes at the beginning whose choice is given */
static uint32_t first_step;
static struct order order;
static struct dpor_counts counts;
static bool is_blocked;               /* this run only repeats another one's order */
static uint32_t sleeper;              /* whose operation came although it was asleep, because nobody
                                       * else could go on; RUN_NOBODY: none */

static uint64_t bit(uint32_t thread)
{
    return UINT64_C(1) << thread;
}

void dpor_begin(uint32_t step)
{
    first_step = step;
    node_count = fixed_count = 0;
    counts = (struct dpor_counts){ 0 };
}

struct dpor_counts dpor_counts(void)
{
    return counts;
}

static void begin(uint64_t seed)
{
    (void)seed;
    node_count = fixed_count;
    is_blocked = false;
    sleeper = RUN_NOBODY;
}

/* ---- Nodes --------------------------------------------------------------------------------- */

static bool too_large(const struct run *run)
{
    if (run->thread_count <= THREADS_MAX && run->step_count - first_step < NODES_MAX)
        return false;
    counts.gaps |= DPOR_SIZE;
    return true;
}

/* What the threads had announced, whether or not they can go on. */
static struct node *add_node(const struct run *run, uint64_t enabled)
{
    uint64_t sleep = 0;
    struct node *node;

    if (node_count > 0) {
        const struct node *before = &nodes[node_count - 1];
        const struct operation *done = &run->steps[first_step + node_count - 1].operation;
        uint64_t asleep = (before->sleep | before->done) & ~bit(before->chosen);

        for (uint32_t i = 0; i < run->thread_count; i++) {
            if ((asleep & bit(i)) && !operations_depend(&before->next[i], done))
                sleep |= bit(i);
        }
    }
    ARRAY_GROW(nodes, node_room, node_count + 1);
    node = &nodes[node_count++];
    node->enabled = enabled;
    node->done = node->backtrack = node->announced = 0;
    node->sleep = sleep;
    for (uint32_t i = 0; i < run->thread_count; i++) {
        if (!run->threads[i].present || !run->threads[i].announced)
            continue;
        node->announced |= bit(i);
        node->next[i] = run->threads[i].next;
    }
    return node;
}

static void node_choose(struct node *node, uint32_t thread)
{
    node->chosen = thread;
    node->backtrack |= bit(thread);
}

/* ---- Choosing ------------------------------------------------------------------------------ */

static int index_of(const struct turn *turn, uint32_t thread)
{
    for (unsigned i = 0; i < turn->count; i++) {
        if (turn->threads[i] == thread)
            return (int)i;
    }
    return -1;
}

/* Computations of their own come first: nobody notices them.  -1: there is none. */
static int choose_computation(const struct turn *turn)
{
    int own = -1;

    for (unsigned i = 0; i < turn->count; i++) {
        const struct operation *next = &turn->candidates[i].next;

        if (next->object_kind != OBJECT_NONE)
            continue;
        if (turn->threads[i] != turn->current || !operation_is_computation(next))
            return (int)i;
        own = (int)i;
    }
    if (own < 0)
        return -1;
    counts.gaps |= DPOR_IRREGULAR;    /* it spins, or is stopped between blocks */
    return own == 0 && turn->count > 1 ? 1 : 0;
}

static int choose_fixed(const struct turn *turn, const struct node *node)
{
    int index = index_of(turn, node->chosen);

    if (index >= 0)
        return index;
    counts.gaps |= DPOR_UNSTABLE;
    return STRATEGY_ABANDON;
}

/* The thread that ran goes on, if nothing speaks against it. */
static int choose_new(const struct run *run, const struct turn *turn)
{
    uint64_t enabled = 0;
    uint64_t awake;
    uint32_t thread;
    struct node *node;

    for (unsigned i = 0; i < turn->count; i++)
        enabled |= bit(turn->threads[i]);
    node = add_node(run, enabled);
    awake = enabled & ~node->sleep;
    if (awake == 0) {
        is_blocked = true;
        node->chosen = turn->threads[0];
        return STRATEGY_ABANDON;
    }
    thread = turn->current_can_go_on && (awake & bit(turn->current))
                 ? turn->current : (uint32_t)__builtin_ctzll(awake);
    node_choose(node, thread);
    return index_of(turn, thread);
}

static int choose(const struct run *run, const struct turn *turn)
{
    uint32_t position = run->step_count - first_step;
    int computation = choose_computation(turn);

    if (computation >= 0)
        return computation;
    if (too_large(run))
        return STRATEGY_ABANDON;
    if (position < node_count && position < fixed_count)
        return choose_fixed(turn, &nodes[position]);
    if (position < node_count) {
        /* Asked twice before one operation: who was chosen has to wait for something else. */
        counts.gaps |= DPOR_IRREGULAR;
        return (int)turn->usual;
    }
    return choose_new(run, turn);
}

/* ---- Races --------------------------------------------------------------------------------- */

/* A race that is being looked at: `operation` of `thread`, which comes at step `now`. */
struct late {
    const struct run *run;
    uint32_t thread, now;
    const struct operation *operation;
    uint32_t last;                 /* the thread's step before, RUN_NOBODY: none */
    uint32_t past[THREADS_MAX];    /* clock of what the thread had done before */
};

static bool in_past(const struct late *late, uint32_t step)
{
    const struct run_step *before = &late->run->steps[step];

    return late->past[before->thread] > before->nth;
}

/* Step of `v`: between the race's first operation and now, and not after that one. */
static bool in_between(const struct late *late, uint32_t first, uint32_t step)
{
    return step > first && !order_before(&order, late->run, first, step);
}

static bool is_initial(const struct late *late, uint32_t first, uint32_t step)
{
    for (uint32_t i = first + 1; i < step; i++) {
        if (in_between(late, first, i) && order_before(&order, late->run, i, step))
            return false;
    }
    return true;
}

/* Threads that could begin what does not come after `first`, with the late operation at its end. */
static uint64_t initials_of(const struct late *late, uint32_t first)
{
    uint64_t seen = 0;
    uint64_t initials = 0;
    bool late_is_initial = true;

    for (uint32_t i = first + 1; i < late->now; i++) {
        const struct run_step *step = &late->run->steps[i];

        if (!in_between(late, first, i))
            continue;
        if (!(seen & bit(step->thread)) && is_initial(late, first, i))
            initials |= bit(step->thread);
        seen |= bit(step->thread);
        if (in_past(late, i) || step->thread == late->thread ||
            operations_depend(&step->operation, late->operation))
            late_is_initial = false;
    }
    if (late_is_initial)
        initials |= bit(late->thread);
    return initials;
}

static void want_reversal(const struct late *late, uint32_t first)
{
    struct node *node = &nodes[first - first_step];
    uint64_t initials = initials_of(late, first);
    uint64_t possible = initials & node->enabled;

    if ((initials & (node->backtrack | node->sleep)) || possible == 0)
        return;
    if (possible & bit(late->thread))
        node->backtrack |= bit(late->thread);
    else
        node->backtrack |= possible & -possible;
}

/* Had the thread announced the late operation already in the node of step `first`? */
static bool was_announced(const struct late *late, uint32_t first)
{
    return (late->last == RUN_NOBODY || late->last < first) &&
           (nodes[first - first_step].announced & bit(late->thread));
}

static bool was_possible(const struct late *late, uint32_t first)
{
    return was_announced(late, first) && (nodes[first - first_step].enabled & bit(late->thread));
}

/* It was no alternative in that node, and nothing that could come before it makes it one. */
static bool stays_impossible(const struct late *late, uint32_t first)
{
    if (!was_announced(late, first) || was_possible(late, first))
        return false;
    for (uint32_t i = first + 1; i < late->now; i++) {
        if (in_between(late, first, i) &&
            operations_depend(&late->run->steps[i].operation, late->operation))
            return false;
    }
    return true;
}

/* Nothing can keep the late operation from coming first: it never has to wait, takes what the
 * first one takes, or was an alternative. */
static bool is_reversible(const struct late *late, uint32_t first)
{
    return late->operation->access != OPERATION_TAKE ||
           late->run->steps[first].operation.access == OPERATION_TAKE ||
           was_possible(late, first);
}

static bool comes_before_any(const struct late *late, uint32_t step, const uint32_t *reversed,
                             unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (order_before(&order, late->run, step, reversed[i]))
            return true;
    }
    return false;
}

/* A race behind another one that certainly can be reversed will be found in the run that does
 * so. */
static void find_races(const struct late *late)
{
    uint32_t reversed[THREADS_MAX];
    unsigned reversed_count = 0;

    for (uint32_t i = late->now; i > first_step; i--) {
        uint32_t first = i - 1;
        const struct run_step *step = &late->run->steps[first];

        if (step->thread == late->thread ||
            !operations_depend(&step->operation, late->operation) || in_past(late, first) ||
            stays_impossible(late, first) ||
            comes_before_any(late, first, reversed, reversed_count))
            continue;
        want_reversal(late, first);
        if (is_reversible(late, first) && reversed_count < THREADS_MAX)
            reversed[reversed_count++] = first;
    }
}

/* The last step before `now` of a thread, with a number below `limit`; RUN_NOBODY: none. */
static uint32_t last_step(const struct late *late, uint32_t thread, uint32_t limit)
{
    for (uint32_t i = late->now; i > 0; i--) {
        if (late->run->steps[i - 1].thread == thread && late->run->steps[i - 1].nth < limit)
            return i - 1;
    }
    return RUN_NOBODY;
}

/* The clock of the thread's last step, or of its birth. */
static void fill_past(struct late *late)
{
    const struct run_thread *thread = &late->run->threads[late->thread];
    uint32_t last = last_step(late, late->thread, UINT32_MAX);

    late->last = last;
    if (last == RUN_NOBODY && thread->parent != RUN_NOBODY)
        last = last_step(late, thread->parent, thread->birth);
    memset(late->past, 0, sizeof(late->past));
    if (last != RUN_NOBODY)
        memcpy(late->past, order_clock(&order, last), order.threads * sizeof(late->past[0]));
}

static void look_for_races(struct late *late, uint32_t thread, uint32_t now,
                           const struct operation *operation)
{
    late->thread = thread;
    late->now = now;
    late->operation = operation;
    fill_past(late);
    find_races(late);
}

/* ---- After an operation, after a run -------------------------------------------------------- */

static bool step(const struct run *run)
{
    uint32_t position = run->step_count - 1 - first_step;
    uint32_t thread = run->steps[run->step_count - 1].thread;

    if (too_large(run))
        return false;
    if (position == node_count) {    /* there was no choice */
        struct node *node = add_node(run, bit(thread));

        /* The step itself has been taken already. */
        node->next[thread] = run->steps[run->step_count - 1].operation;
        node->announced |= bit(thread);
        node_choose(node, thread);
        if (node->sleep & bit(thread)) {
            is_blocked = true;
            sleeper = thread;
            return false;
        }
    } else if (nodes[position].chosen != thread) {
        counts.gaps |= position < fixed_count ? DPOR_UNSTABLE : DPOR_IRREGULAR;
        if (position < fixed_count)
            return false;
        node_choose(&nodes[position], thread);
    }
    return true;
}

/* Races of all operations of the run that were not on the stack before, and of those that threads
 * still wait to do. */
static void find_all_races(const struct run *run)
{
    struct late late = { .run = run };
    uint32_t first_new = first_step + (fixed_count ? fixed_count - 1 : 0);

    for (uint32_t i = first_new; i < run->step_count; i++)
        look_for_races(&late, run->steps[i].thread, i, &run->steps[i].operation);
    for (uint32_t i = 0; i < run->thread_count; i++) {
        const struct run_thread *thread = &run->threads[i];

        if (thread->present && thread->announced && i != sleeper)
            look_for_races(&late, i, run->step_count, &thread->next);
    }
}

static void end(const struct run *run)
{
    struct run looked_at = *run;    /* its arrays are shared */

    if (sleeper != RUN_NOBODY)
        looked_at.step_count--;
    if (run->uses_time)
        counts.gaps |= DPOR_TIME;
    if (too_large(run) || !order_build(&order, &looked_at)) {
        counts.gaps |= DPOR_SIZE;
        return;
    }
    if (is_blocked)
        counts.abandoned++;
    else if (run->outcome != OUTCOME_ABANDONED)
        counts.complete++;
    find_all_races(&looked_at);
}

bool dpor_advance(void)
{
    while (node_count > 0) {
        struct node *node = &nodes[node_count - 1];
        uint64_t rest;

        node->done |= bit(node->chosen);
        rest = node->backtrack & ~node->done & ~node->sleep;
        if (rest) {
            node->chosen = (uint32_t)__builtin_ctzll(rest);
            fixed_count = node_count;
            return true;
        }
        node_count--;
    }
    return false;
}

const struct strategy strategy_dpor = {
    .name = "dpor", .begin = begin, .choose = choose, .step = step, .end = end,
};
