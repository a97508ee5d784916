/*
 * The search's strategies on small models of threads and semaphores, where all can be known: DPOR
 * must run each partial order exactly once.  The oracle is a random walk: the order of each of its
 * runs must be among those of DPOR.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/dpor.h"
#include "search/happens_before.h"

#define THREADS 8
#define OPERATIONS 16
#define OBJECTS 8
#define RANDOM_RUNS 10000
#define FORMS_MAX 100000

/* One letter each: an operation of a thread on the object with that number. */
struct model {
    const char *name;
    int counts[OBJECTS];                 /* of semaphores, at the beginning */
    const char *threads[THREADS];        /* "t0 g0": take and give 0; r, c: read, change; f: starts
                                          * thread N; w, e: waits for thread N, ends */
    unsigned started;                    /* how many run from the beginning */
    unsigned forms, deadlocks;           /* what DPOR must find; 0 forms: not known */
};

static const struct model models[] = {
    { "one thread", { 1 }, { "t0 g0" }, 1, 1, 0 },
    { "four writers of their own", { 0 }, { "c0", "c1", "c2", "c3" }, 4, 1, 0 },
    { "two readers, one writer", { 0 }, { "r0", "r0", "c0" }, 3, 4, 0 },
    { "three writers", { 0 }, { "c0", "c0", "c0" }, 3, 6, 0 },
    { "abba", { 1, 1 }, { "t0 t1 g1 g0", "t1 t0 g0 g1" }, 2, 3, 1 },
    { "three philosophers, left first", { 1, 1, 1 },
      { "t0 t1 g0 g1", "t1 t2 g1 g2", "t2 t0 g2 g0" }, 3, 7, 1 },
    { "three philosophers, ordered", { 1, 1, 1 },
      { "t0 t1 g0 g1", "t1 t2 g1 g2", "t0 t2 g2 g0" }, 3, 6, 0 },
    { "five philosophers, left first", { 1, 1, 1, 1, 1 },
      { "t0 t1 g0 g1", "t1 t2 g1 g2", "t2 t3 g2 g3", "t3 t4 g3 g4", "t4 t0 g4 g0" }, 5, 31, 1 },
    { "five philosophers, ordered", { 1, 1, 1, 1, 1 },
      { "t0 t1 g0 g1", "t1 t2 g1 g2", "t2 t3 g2 g3", "t3 t4 g3 g4", "t0 t4 g4 g0" }, 5, 30, 0 },
    { "started by a parent", { 1, 1, 1, 1, 1 },
      { "f1 f2 f3 f4 f5 w1 w2 w3 w4 w5", "t0 t1 g0 g1 e1", "t1 t2 g1 g2 e2", "t2 t3 g2 g3 e3",
        "t3 t4 g3 g4 e4", "t4 t0 g4 g0 e5" }, 1, 31, 1 },
    { "one place", { 1, 0, 1 }, { "t0 t2 g2 g1 t0 t2 g2 g1", "t1 t2 g2 g0 t1 t2 g2 g0" }, 2, 0, 0 },
    { "one place, lock first", { 1, 0, 1 },
      { "t2 t0 g1 g2 t2 t0 g1 g2", "t2 t1 g0 g2 t2 t1 g0 g2" }, 2, 0, 0 },
    { "two places", { 2, 0, 1 }, { "t0 t2 g2 g1 t0 g1", "t1 t2 g2 g0 t1 g0" }, 2, 0, 0 },
    { "given twice", { 0 }, { "g0", "g0", "t0", "t0" }, 4, 0, 0 },
    { "given too rarely", { 1 }, { "t0", "t0", "t0 g0" }, 3, 0, 0 },
    { "lost wake-up", { 1, 0 }, { "t0 r3 g0 t0 c4 g0 t1", "t0 c3 r4 g0" }, 2, 0, 0 },
    { "read and write across", { 0 }, { "c0 r1 c2", "c1 r0 c2", "r2 c0" }, 3, 0, 0 },
    { "started late", { 1 }, { "c0 f2 c0", "c0 c0", "t0 c0 g0" }, 2, 0, 0 },
    { "one wakes two", { 0, 1 }, { "t0 t1 g1", "t0 t1 g1", "c2 g0 g0 t1 c2 g1" }, 3, 0, 0 },
    { "a count of two", { 2 }, { "t0 c1 g0", "t0 c2 g0", "t0 c1 g0" }, 3, 0, 0 },
};
#define MODEL_COUNT (sizeof(models) / sizeof(models[0]))

static struct run run;
static struct order order;
static uint64_t forms[FORMS_MAX];
static unsigned form_count;

/* ---- Running a model ----------------------------------------------------------------------- */

static struct {
    int counts[OBJECTS];
    bool alive[THREADS], ended[THREADS];
    unsigned next[THREADS];    /* operation of each */
} state;

static unsigned length_of(const struct model *model, unsigned thread)
{
    return ((unsigned)strlen(model->threads[thread]) + 1) / 3;
}

static const char *letter_of(const struct model *model, unsigned thread)
{
    return model->threads[thread] + 3 * state.next[thread];
}

static struct operation operation_of(const struct model *model, unsigned thread)
{
    const char *text = letter_of(model, thread);
    struct operation operation = { .object_kind = OBJECT_SEMAPHORE, .object = (uint64_t)text[1] };

    switch (text[0]) {
    case 't':
        operation.access = OPERATION_TAKE;
        break;
    case 'g':
        operation.access = OPERATION_GIVE;
        break;
    case 'r':
    case 'c':
        operation.object_kind = OBJECT_FILE;
        operation.access = text[0] == 'r' ? OPERATION_READ : OPERATION_CHANGE;
        break;
    case 'f':
    case 'w':
    case 'e':
        operation.object_kind = OBJECT_PROCESS;
        operation.access = text[0] == 'f' ? OPERATION_CHANGE
                           : text[0] == 'w' ? OPERATION_TAKE : OPERATION_GIVE;
        if (text[0] == 'f')
            operation.object = 0;
        break;
    default:
        abort();
    }
    return operation;
}

static bool is_over(const struct model *model, unsigned thread)
{
    return state.next[thread] == length_of(model, thread);
}

static bool is_possible(const struct model *model, unsigned thread)
{
    const char *text = letter_of(model, thread);
    unsigned object = (unsigned)(text[1] - '0');

    if (text[0] == 't')
        return state.counts[object] > 0;
    return text[0] != 'w' || state.ended[object];
}

static void announce(const struct model *model, unsigned thread)
{
    if (!is_over(model, thread)) {
        struct operation next = operation_of(model, thread);

        run_announce(&run, run_thread_of_id(&run, (int32_t)thread + 1), &next);
    }
}

static void start_thread(const struct model *model, unsigned thread, int32_t parent)
{
    state.alive[thread] = true;
    run_add_thread(&run, (int32_t)thread + 1, parent);
    announce(model, thread);
}

static void perform(const struct model *model, unsigned thread)
{
    const char *text = letter_of(model, thread);
    unsigned object = (unsigned)(text[1] - '0');
    struct operation operation = operation_of(model, thread);

    if (text[0] == 't')
        state.counts[object]--;
    else if (text[0] == 'g')
        state.counts[object]++;
    else if (text[0] == 'e')
        state.ended[object] = true;
    else if (text[0] == 'f')
        start_thread(model, object, (int32_t)thread + 1);
    run_add_step(&run, run_thread_of_id(&run, (int32_t)thread + 1), &operation);
    state.next[thread]++;
    announce(model, thread);
}

static void begin_run(const struct model *model)
{
    memset(&state, 0, sizeof(state));
    memcpy(state.counts, model->counts, sizeof(state.counts));
    run_clear(&run);
    for (unsigned i = 0; i < model->started; i++)
        start_thread(model, i, 0);
}

static unsigned collect(const struct model *model, struct candidate *candidates, bool *all_over)
{
    unsigned count = 0;

    *all_over = true;
    for (unsigned i = 0; i < THREADS; i++) {
        if (!state.alive[i] || is_over(model, i))
            continue;
        *all_over = false;
        if (is_possible(model, i))
            candidates[count++] = (struct candidate){ (int32_t)i + 1, operation_of(model, i) };
    }
    return count;
}

/* The thread that goes on, -1: the strategy gives up. */
static int choose(const struct strategy *strategy, const struct candidate *candidates,
                  unsigned count, int32_t current)
{
    uint32_t threads[THREADS];
    struct turn turn = run_turn(&run, current, candidates, count, threads);
    int chosen = strategy->choose(&run, &turn);

    if (chosen < 0)
        return -1;
    ck_assert_int_lt(chosen, (int)count);
    run_decided(&run, &turn, (unsigned)chosen);
    return candidates[chosen].thread - 1;
}

static void run_once(const struct model *model, const struct strategy *strategy, uint64_t seed)
{
    struct candidate candidates[THREADS];
    int32_t current = 0;
    bool all_over;

    begin_run(model);
    strategy->begin(seed);
    while (run.outcome == OUTCOME_NONE) {
        unsigned count = collect(model, candidates, &all_over);
        int thread = count == 1 ? candidates[0].thread - 1 : -1;

        if (count > 1)
            thread = choose(strategy, candidates, count, current);
        if (count == 0) {
            run.outcome = all_over ? OUTCOME_PASSED : OUTCOME_DEADLOCK;
        } else if (thread < 0) {
            run.outcome = OUTCOME_ABANDONED;
        } else {
            perform(model, (unsigned)thread);
            current = thread + 1;
            if (strategy->step && !strategy->step(&run))
                run.outcome = OUTCOME_ABANDONED;
        }
    }
    if (strategy->end)
        strategy->end(&run);
}

/* ---- DPOR against the random walk ---------------------------------------------------------- */

static uint64_t form_of_run(void)
{
    ck_assert(order_build(&order, &run));
    return order_form(&order, &run);
}

static int compare_forms(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static bool is_known(uint64_t form)
{
    return bsearch(&form, forms, form_count, sizeof(form), compare_forms) != NULL;
}

static unsigned explore(const struct model *model)
{
    unsigned deadlocks = 0;

    form_count = 0;
    dpor_begin(0);
    do {
        run_once(model, &strategy_dpor, 0);
        if (run.outcome == OUTCOME_ABANDONED)
            continue;
        deadlocks += run.outcome == OUTCOME_DEADLOCK;
        ck_assert_uint_lt(form_count, FORMS_MAX);
        forms[form_count++] = form_of_run();
    } while (dpor_advance());
    qsort(forms, form_count, sizeof(forms[0]), compare_forms);
    return deadlocks;
}

START_TEST(dpor_runs_each_order_once)
{
    const struct model *model = &models[_i];
    unsigned deadlocks;

    run_init(&run);
    order_init(&order);
    deadlocks = explore(model);
    for (unsigned i = 1; i < form_count; i++)
        ck_assert_msg(forms[i] != forms[i - 1], "%s: an order was run twice", model->name);
    ck_assert_uint_eq(dpor_counts().complete, form_count);
    ck_assert_uint_eq(dpor_counts().gaps, 0);
    if (model->forms) {
        ck_assert_msg(form_count == model->forms, "%s: %u orders", model->name, form_count);
        ck_assert_uint_eq(deadlocks, model->deadlocks);
    }
    printf("# %s: %u orders, %u deadlocks, %llu abandoned\n", model->name, form_count, deadlocks,
           (unsigned long long)dpor_counts().abandoned);
}
END_TEST

START_TEST(dpor_knows_the_order_of_every_random_run)
{
    const struct model *model = &models[_i];

    run_init(&run);
    order_init(&order);
    explore(model);
    for (uint64_t seed = 0; seed < RANDOM_RUNS; seed++) {
        run_once(model, &strategy_random, seed);
        ck_assert_msg(is_known(form_of_run()), "%s: seed %llu has an order that DPOR missed",
                      model->name, (unsigned long long)seed);
    }
}
END_TEST

/* ---- Models at random ---------------------------------------------------------------------- */

#define RANDOM_MODELS 400
#define WALKS 200
#define LENGTH_MAX 5

static char texts[THREADS][3 * LENGTH_MAX + 1];

/* Up to four threads with up to five operations on two semaphores and two variables. */
static struct model make_model(uint64_t seed)
{
    static const char letters[] = "tgrctg";
    struct model model = { .name = "random" };
    struct random_state random;

    random_begin(&random, seed);
    model.started = 2 + random_below(&random, 3);
    model.counts[0] = (int)random_below(&random, 3);
    model.counts[1] = (int)random_below(&random, 2);
    for (unsigned i = 0; i < model.started; i++) {
        unsigned length = 1 + random_below(&random, model.started == 4 ? 3 : LENGTH_MAX);
        char *next = texts[i];

        for (unsigned n = 0; n < length; n++) {
            *next++ = letters[random_below(&random, sizeof(letters) - 1)];
            *next++ = (char)('0' + random_below(&random, 2));
            *next++ = ' ';
        }
        next[-1] = '\0';
        model.threads[i] = texts[i];
    }
    return model;
}

START_TEST(dpor_is_complete_for_random_models)
{
    for (uint64_t number = 0; number < RANDOM_MODELS; number++) {
        struct model model = make_model(number);

        run_init(&run);
        order_init(&order);
        explore(&model);
        for (unsigned i = 1; i < form_count; i++)
            ck_assert_msg(forms[i] != forms[i - 1], "model %llu: an order was run twice",
                          (unsigned long long)number);
        for (uint64_t seed = 0; seed < WALKS; seed++) {
            run_once(&model, seed % 2 ? &strategy_random : &strategy_pos, seed);
            ck_assert_msg(is_known(form_of_run()), "model %llu (%s|%s|%s|%s), seed %llu: missed",
                          (unsigned long long)number, model.threads[0], model.threads[1],
                          model.threads[2] ? model.threads[2] : "",
                          model.threads[3] ? model.threads[3] : "", (unsigned long long)seed);
        }
        run_destroy(&run);
        order_destroy(&order);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("search");
    TCase *orders = tcase_create("orders");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(orders, dpor_runs_each_order_once, 0, (int)MODEL_COUNT);
    tcase_add_loop_test(orders, dpor_knows_the_order_of_every_random_run, 0, (int)MODEL_COUNT);
    tcase_add_test(orders, dpor_is_complete_for_random_models);
    tcase_set_timeout(orders, 60);
    suite_add_tcase(suite, orders);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
