/*
 * POS: partial order sampling.  Every announced operation has a random priority and the highest
 * one goes first; when it has taken effect, those that depend on it draw again.  So orders of
 * operations that do not matter are not told apart as often as in a random walk.
 */
#include "search/array.h"
#include "search/strategy.h"

struct announced {
    uint64_t priority;
    struct operation operation;
    uint32_t serial;        /* which operation of its thread, plus 1; 0: none */
};

static struct random_state source;
static struct announced *announced;    /* by thread */
static uint32_t room;

static void begin(uint64_t seed)
{
    random_begin(&source, seed);
    for (uint32_t i = 0; i < room; i++)
        announced[i].serial = 0;
}

static uint64_t priority_of(const struct run *run, uint32_t thread, const struct operation *next)
{
    uint32_t serial = run->threads[thread].operations + 1;
    uint32_t old = room;

    ARRAY_GROW(announced, room, thread + 1);
    for (uint32_t i = old; i < room; i++)
        announced[i].serial = 0;
    if (announced[thread].serial != serial ||
        announced[thread].operation.object_kind != next->object_kind)
        announced[thread] = (struct announced){ random_bits(&source), *next, serial };
    return announced[thread].priority;
}

static int choose(const struct run *run, const struct turn *turn)
{
    unsigned best = 0;
    uint64_t best_priority = 0;

    for (unsigned i = 0; i < turn->count; i++) {
        uint64_t priority = priority_of(run, turn->threads[i], &turn->candidates[i].next);

        if (i == 0 || priority > best_priority) {
            best = i;
            best_priority = priority;
        }
    }
    /* A computation is chosen again and again: it draws each time. */
    if (turn->candidates[best].next.object_kind == OBJECT_NONE)
        announced[turn->threads[best]].serial = 0;
    return (int)best;
}

static bool step(const struct run *run)
{
    const struct operation *done = &run->steps[run->step_count - 1].operation;

    for (uint32_t i = 0; i < room; i++) {
        if (announced[i].serial && operations_depend(&announced[i].operation, done))
            announced[i].serial = 0;
    }
    return true;
}

const struct strategy strategy_pos = {
    .name = "pos", .begin = begin, .choose = choose, .step = step,
};
