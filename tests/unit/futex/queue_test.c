/* Queues of waiters: order, moves and ends, against lists that do the same slowly; their cost. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "futex/futex_internal.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "lib/random.h"
#include "memory/page.h"
#include "sched/thread.h"

#define WAITERS 64
#define WORDS 12
#define MANY 10000

static struct futex_waiter waiters[MANY];
static struct wait_queue queue;
static struct random generator;

static struct futex_key key_of(unsigned word)
{
    return (struct futex_key){ .kind = (enum futex_key_kind)(word % 3),
                               .owner = (word / 3 % 2 + 1) * UINT64_C(4096),
                               .position = word / 6 * UINT64_C(4) };
}

static void begin(void)
{
    fake_scheduler_init(1);
    futex_init();
    wait_queue_init(&queue);
    random_init(&generator, 3);
}

static void put(struct futex_waiter *waiter, const struct futex_key *key, uint8_t priority)
{
    struct futex_bucket *bucket = futex_bucket_lock(key);

    futex_waiter_init(waiter, key, &queue);
    waiter->priority = priority;
    futex_enqueue(bucket, waiter);
    futex_bucket_unlock(bucket);
}

/* ---- The slow one -------------------------------------------------------------------------- */

static int rows[WORDS][WAITERS];    /* numbers of waiters, first to last */
static int lengths[WORDS];
static int word_of[WAITERS];        /* -1: not queued */
static uint8_t priorities[WAITERS];

static void row_insert(int word, int waiter)
{
    int at = lengths[word]++;

    while (at > 0 && priorities[rows[word][at - 1]] < priorities[waiter]) {
        rows[word][at] = rows[word][at - 1];
        at--;
    }
    rows[word][at] = waiter;
    word_of[waiter] = word;
}

static void row_remove(int waiter)
{
    int word = word_of[waiter], at = 0;

    while (rows[word][at] != waiter)
        at++;
    lengths[word]--;
    memmove(&rows[word][at], &rows[word][at + 1], (size_t)(lengths[word] - at) * sizeof(int));
    word_of[waiter] = -1;
}

static void check_rows(void)
{
    for (int word = 0; word < WORDS; word++) {
        struct futex_key key = key_of((unsigned)word);
        struct futex_bucket *bucket = futex_bucket_lock(&key);
        const struct futex_waiter *waiter = futex_first(bucket, &key);

        for (int i = 0; i < lengths[word]; i++) {
            if (waiter != &waiters[rows[word][i]])
                ck_abort_msg("word %d has another waiter at place %d", word, i);
            waiter = futex_next(waiter);
        }
        if (waiter)
            ck_abort_msg("word %d has more waiters", word);
        futex_bucket_unlock(bucket);
    }
}

/* ---- Steps --------------------------------------------------------------------------------- */

static void step_enqueue(int waiter)
{
    int word = (int)random_below(&generator, WORDS);
    struct futex_key key = key_of((unsigned)word);

    priorities[waiter] = (uint8_t)(random_below(&generator, 3) ? 0 : random_below(&generator, 4));
    put(&waiters[waiter], &key, priorities[waiter]);
    row_insert(word, waiter);
}

static void step_move(int waiter)
{
    int word = (int)random_below(&generator, WORDS);
    struct futex_key keys[2] = { key_of((unsigned)word_of[waiter]), key_of((unsigned)word) };
    struct futex_pair pair = futex_pair_lock(keys);

    if (word != word_of[waiter])
        futex_move_waiter(&waiters[waiter], &pair, &keys[1]);
    futex_pair_unlock(&pair);
    if (word == word_of[waiter])
        return;
    row_remove(waiter);
    row_insert(word, waiter);
}

static void step_wake(int waiter)
{
    struct futex_key key = key_of((unsigned)word_of[waiter]);
    struct futex_bucket *bucket = futex_bucket_lock(&key);

    futex_wake_waiter(&waiters[waiter]);
    futex_bucket_unlock(bucket);
    row_remove(waiter);
    if (futex_unqueue(&waiters[waiter]))
        ck_abort_msg("it was woken and is still queued");
}

static void step(void)
{
    int waiter = (int)random_below(&generator, WAITERS);

    if (word_of[waiter] < 0) {
        step_enqueue(waiter);
        return;
    }
    switch (random_below(&generator, 3)) {
    case 0:
        step_move(waiter);
        return;
    case 1:
        step_wake(waiter);
        return;
    default:
        if (!futex_unqueue(&waiters[waiter]))
            ck_abort_msg("it was queued, and is not");
        row_remove(waiter);
    }
}

START_TEST(random_steps_agree_with_lists)
{
    begin();
    for (int i = 0; i < WAITERS; i++)
        word_of[i] = -1;
    for (int i = 0; i < 20000; i++) {
        step();
        check_rows();
    }
}
END_TEST

/* ---- Cost ---------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Looks for a word on which nobody waits, while so many wait on others. */
static double cost_of_looking(unsigned others)
{
    struct futex_key key = { .kind = KEY_PRIVATE, .owner = 4096, .position = 4 };
    double start;

    for (unsigned i = 0; i < others; i++) {
        struct futex_key other = { .kind = KEY_PRIVATE, .owner = 4096, .position = 128 + i * 4 };

        put(&waiters[i], &other, 0);
    }
    start = now();
    for (unsigned i = 0; i < 200000; i++) {
        struct futex_bucket *bucket = futex_bucket_lock(&key);

        if (futex_first(bucket, &key))
            ck_abort_msg("nobody waits there");
        futex_bucket_unlock(bucket);
        key.position = 4 + i % 16 * 4;
    }
    start = now() - start;
    for (unsigned i = 0; i < others; i++)
        ck_assert(futex_unqueue(&waiters[i]));
    return start;
}

START_TEST(waiters_on_other_words_cost_little)
{
    begin();

    double few = cost_of_looking(10);
    double many = cost_of_looking(MANY);

    printf("looks with 10 others %.1f ms, with %d others %.1f ms\n", few * 1e3, MANY, many * 1e3);
    ck_assert_msg(many < 5 * few + 0.05, "%f s instead of %f s", many, few);
}
END_TEST

/* All on one word: each joins at the end, and is woken from the front. */
START_TEST(many_waiters_on_one_word_cost_no_more_each)
{
    struct futex_key key = { .kind = KEY_PRIVATE, .owner = 4096, .position = 4 };
    struct futex_bucket *bucket;
    double start;

    begin();
    start = now();
    for (unsigned i = 0; i < MANY; i++)
        put(&waiters[i], &key, 0);
    bucket = futex_bucket_lock(&key);
    for (unsigned i = 0; i < MANY; i++) {
        if (futex_first(bucket, &key) != &waiters[i])
            ck_abort_msg("not the oldest");
        futex_wake_waiter(&waiters[i]);
    }
    ck_assert_ptr_null(futex_first(bucket, &key));
    futex_bucket_unlock(bucket);
    ck_assert_msg(now() - start < 1, "%f s", now() - start);
}
END_TEST

START_TEST(there_are_more_buckets_for_more_cpus)
{
    struct futex_key a, b;
    unsigned different = 0;

    fake_scheduler_init(4);
    futex_init();
    for (unsigned i = 0; i < 200; i++) {
        struct futex_bucket *first;

        a = (struct futex_key){ .owner = 4096, .position = i * 4 };
        b = (struct futex_key){ .owner = 8192, .position = i * 4 };
        first = futex_bucket_lock(&a);
        futex_bucket_unlock(first);

        struct futex_bucket *second = futex_bucket_lock(&b);

        different += second != first;
        futex_bucket_unlock(second);
    }
    ck_assert_uint_gt(different, 180);    /* two processes with the same addresses */
}
END_TEST

TEST_MAIN("futex/queue", random_steps_agree_with_lists, waiters_on_other_words_cost_little,
          many_waiters_on_one_word_cost_no_more_each, there_are_more_buckets_for_more_cpus)
