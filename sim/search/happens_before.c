/*
 * Vector clocks over the steps of a run.
 *
 * Step b comes directly after step a if they are of one thread, if their operations depend on each
 * other, or if a started the thread of b.  (The end of a process and the wait for it depend on each
 * other like any two operations on one object.)
 */
#include "search/happens_before.h"

#include <string.h>

#include "search/array.h"

#define CLOCKS_MAX (UINT32_C(1) << 24)
#define STEPS_MAX 20000u    /* every step is compared with all before it */

static bool console_matters;

void operations_order_console(bool matters)
{
    console_matters = matters;
}

bool operations_depend(const struct operation *a, const struct operation *b)
{
    if (a->object_kind == OBJECT_NONE || b->object_kind == OBJECT_NONE)
        return false;
    if (a->object_kind == OBJECT_EVERYTHING || b->object_kind == OBJECT_EVERYTHING)
        return true;
    if (a->object_kind != b->object_kind || a->object != b->object)
        return false;
    if (a->access == OPERATION_READ && b->access == OPERATION_READ)
        return false;
    if (a->access == OPERATION_GIVE && b->access == OPERATION_GIVE)
        return false;    /* a count goes up by two, in any order */
    return a->object_kind != OBJECT_CONSOLE || console_matters;
}

/* ---- Building ------------------------------------------------------------------------------ */

void order_init(struct order *order)
{
    memset(order, 0, sizeof(*order));
}

void order_destroy(struct order *order)
{
    free(order->clocks);
    free(order->last_of_thread);
}

static uint32_t *clock_at(const struct order *order, uint32_t step)
{
    return order->clocks + (size_t)step * order->threads;
}

const uint32_t *order_clock(const struct order *order, uint32_t step)
{
    return clock_at(order, step);
}

static void join(const struct order *order, uint32_t *clock, uint32_t step)
{
    const uint32_t *other = clock_at(order, step);

    for (uint32_t i = 0; i < order->threads; i++) {
        if (other[i] > clock[i])
            clock[i] = other[i];
    }
}

/* The first step of a thread comes after what its parent did before it was born. */
static void join_birth(const struct order *order, const struct run *run, uint32_t step,
                       uint32_t *clock)
{
    const struct run_thread *thread = &run->threads[run->steps[step].thread];

    if (thread->parent == RUN_NOBODY || thread->birth == 0)
        return;
    for (uint32_t i = step; i > 0; i--) {
        const struct run_step *before = &run->steps[i - 1];

        if (before->thread == thread->parent && before->nth < thread->birth) {
            join(order, clock, i - 1);
            return;
        }
    }
}

static void build_step(struct order *order, const struct run *run, uint32_t step)
{
    const struct run_step *this = &run->steps[step];
    uint32_t *clock = clock_at(order, step);

    memset(clock, 0, order->threads * sizeof(*clock));
    if (order->last_of_thread[this->thread])
        join(order, clock, order->last_of_thread[this->thread] - 1);
    else
        join_birth(order, run, step, clock);
    for (uint32_t i = step; i > 0; i--) {
        const struct run_step *before = &run->steps[i - 1];

        if (clock[before->thread] <= before->nth &&
            operations_depend(&before->operation, &this->operation))
            join(order, clock, i - 1);
    }
    clock[this->thread] = this->nth + 1;
    order->last_of_thread[this->thread] = step + 1;
}

bool order_build(struct order *order, const struct run *run)
{
    if (run->step_count > STEPS_MAX ||
        (uint64_t)run->step_count * run->thread_count > CLOCKS_MAX)
        return false;
    order->steps = run->step_count;
    order->threads = run->thread_count;
    ARRAY_GROW(order->clocks, order->room, run->step_count * run->thread_count + 1);
    ARRAY_GROW(order->last_of_thread, order->thread_room, run->thread_count + 1);
    memset(order->last_of_thread, 0, run->thread_count * sizeof(*order->last_of_thread));
    for (uint32_t step = 0; step < run->step_count; step++)
        build_step(order, run, step);
    return true;
}

bool order_before(const struct order *order, const struct run *run, uint32_t a, uint32_t b)
{
    return a != b && clock_at(order, b)[run->steps[a].thread] > run->steps[a].nth;
}

/* ---- The form ------------------------------------------------------------------------------ */

/* FNV alone is too regular for sums: changes of the last bytes could cancel out. */
static uint64_t mix(uint64_t hash)
{
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
    return hash ^ (hash >> 31);
}

static uint64_t hash_step(const struct order *order, const struct run *run, uint32_t step)
{
    const struct run_step *this = &run->steps[step];
    const struct operation *operation = &this->operation;
    uint64_t numbers[] = { this->thread, this->nth, operation->object_kind, operation->access,
                           operation->object, operation->call };
    uint64_t hash = hash_bytes(HASH_START, numbers, sizeof(numbers));

    for (uint32_t i = 0; i < order->threads; i++) {
        uint64_t entry[] = { i, clock_at(order, step)[i] };

        if (entry[1])
            hash = hash_bytes(hash, entry, sizeof(entry));
    }
    return mix(hash);
}

/* A sum, because the order of the steps must not count. */
uint64_t order_form(const struct order *order, const struct run *run)
{
    uint64_t form = 0;

    for (uint32_t step = 0; step < order->steps; step++)
        form += hash_step(order, run, step);
    return form;
}

/* ---- The same order, written down in another way -------------------------------------------- */

struct walk {
    const struct order *order;
    const struct run *run;
    uint32_t *done;            /* operations of each thread that are written down */
    uint32_t *simulated;
    const uint32_t *of_thread; /* steps, sorted by thread */
    const uint32_t *first;     /* of each thread in that array; one more at the end */
};

/* The thread's next step, RUN_NOBODY if it has none that may come now. */
static uint32_t next_step(const struct walk *walk, const uint32_t *done, uint32_t thread)
{
    uint32_t count = walk->first[thread + 1] - walk->first[thread];
    uint32_t base = count ? walk->run->steps[walk->of_thread[walk->first[thread]]].nth : 0;
    uint32_t step;
    const uint32_t *clock;

    if (done[thread] < base || done[thread] - base >= count)
        return RUN_NOBODY;
    step = walk->of_thread[walk->first[thread] + done[thread] - base];
    clock = clock_at(walk->order, step);
    for (uint32_t i = 0; i < walk->order->threads; i++) {
        if (i != thread && clock[i] > done[i])
            return RUN_NOBODY;
    }
    return step;
}

/* How many steps in a row the thread could do. */
static uint32_t stretch_of(const struct walk *walk, uint32_t thread)
{
    uint32_t length = 0;

    memcpy(walk->simulated, walk->done, walk->order->threads * sizeof(*walk->done));
    while (next_step(walk, walk->simulated, thread) != RUN_NOBODY) {
        walk->simulated[thread]++;
        length++;
    }
    return length;
}

static uint32_t longest_stretch(const struct walk *walk)
{
    uint32_t best = RUN_NOBODY;
    uint32_t longest = 0;

    for (uint32_t thread = 0; thread < walk->order->threads; thread++) {
        uint32_t length = stretch_of(walk, thread);

        if (length > longest) {
            longest = length;
            best = thread;
        }
    }
    return best;
}

static void sort_by_thread(const struct run *run, uint32_t *of_thread, uint32_t *first)
{
    uint32_t count = 0;

    for (uint32_t thread = 0; thread < run->thread_count; thread++) {
        first[thread] = count;
        for (uint32_t step = 0; step < run->step_count; step++) {
            if (run->steps[step].thread == thread)
                of_thread[count++] = step;
        }
    }
    first[run->thread_count] = count;
}

/* All steps of a run are in its order, so there is always one that may come next. */
static void write_down(const struct walk *walk, uint32_t *threads)
{
    uint32_t current = RUN_NOBODY;

    for (uint32_t i = 0; i < walk->order->steps; i++) {
        if (current == RUN_NOBODY || next_step(walk, walk->done, current) == RUN_NOBODY)
            current = longest_stretch(walk);
        if (current == RUN_NOBODY)
            abort();
        threads[i] = current;
        walk->done[current]++;
    }
}

void order_relinearise(const struct order *order, const struct run *run, uint32_t *threads)
{
    size_t count = run->thread_count + 1;
    uint32_t *memory = calloc(3 * count + run->step_count, sizeof(*memory));
    struct walk walk = {
        .order = order,
        .run = run,
        .done = memory,
        .simulated = memory + count,
        .first = memory + 2 * count,
        .of_thread = memory + 3 * count,
    };

    if (!memory)
        abort();
    sort_by_thread(run, memory + 3 * count, memory + 2 * count);
    write_down(&walk, threads);
    free(memory);
}
