/*
 * Semaphores between processes: results after waiting; what becomes of those who wait for one that
 * is removed or replaced; ten thousand of them.
 */
#include "raw.h"

enum { KEY = 9, WAITERS = 5, MANY = 10000, FIRST = 100000 };

static volatile int passed;

static int64_t wait_in_line(int64_t unused)
{
    int64_t result = raw_sem(SEM_WAIT, KEY, 0);

    (void)unused;
    __atomic_fetch_add(&passed, 1, __ATOMIC_SEQ_CST);
    return result;
}

static void line_up(int64_t children[WAITERS])
{
    passed = 0;
    for (int i = 0; i < WAITERS; i++) {
        children[i] = raw_start(wait_in_line, i);
        raw_pass_time(4);
    }
}

static int64_t results_sum(const int64_t children[WAITERS])
{
    int64_t sum = 0;

    for (int i = 0; i < WAITERS; i++)
        sum += raw_wait(children[i]);
    return sum;
}

static void served(void)
{
    int64_t children[WAITERS];

    (void)raw_sem(SEM_NEW, KEY, 0);
    line_up(children);
    check("nobody_passes_at_0", passed == 0);
    for (int i = 0; i < WAITERS; i++) {
        (void)raw_sem(SEM_SIGNAL, KEY, 0);
        while (passed == i)
            raw_pass_time(1);
    }
    check("one_passes_for_each_signal", passed == WAITERS);
    check("results_after_blocking_are_0", results_sum(children) == 0);
}

static void removed(void)
{
    int64_t children[WAITERS];

    line_up(children);
    check("remove_with_waiters", raw_sem(SEM_REMOVE, KEY, 0) == 0);
    check("all_are_told", results_sum(children) == WAITERS);
    (void)raw_sem(SEM_NEW, KEY, 0);
    line_up(children);
    check("replace_with_waiters", raw_sem(SEM_NEW, KEY, 3) == 1);
    check("all_are_told_again", results_sum(children) == WAITERS);
    check("the_new_one_is_new", raw_sem(SEM_WAIT, KEY, 0) == 0 &&
          raw_sem(SEM_WAIT, KEY, 0) == 0 && raw_sem(SEM_WAIT, KEY, 0) == 0);
    (void)raw_sem(SEM_REMOVE, KEY, 0);
}

static void many(void)
{
    int64_t wrong = 0, left = 0;

    for (uint64_t i = 0; i < MANY; i++)
        wrong += raw_sem(SEM_NEW, FIRST + i * 7919, i % 3);
    check("ten_thousand", wrong == 0);
    for (uint64_t i = 0; i < MANY; i++) {
        if (i % 3 > 0)
            wrong += raw_sem(SEM_WAIT, FIRST + i * 7919, 0);
    }
    check("each_has_its_count", wrong == 0);
    for (uint64_t i = 0; i < MANY; i++)
        wrong += raw_sem(SEM_REMOVE, FIRST + i * 7919, 0);
    for (uint64_t i = 0; i < MANY; i++)
        left += raw_sem(SEM_SIGNAL, FIRST + i * 7919, 0) != 1;
    check("all_are_removed", wrong == 0 && left == 0);
}

/* Removed by one process while others signal and wait: everybody comes back. */
static int64_t play(int64_t number)
{
    for (uint64_t i = 0; i < 200; i++) {
        if (number % 3 == 0)
            (void)raw_sem(i % 2 ? SEM_REMOVE : SEM_NEW, KEY, 1);
        else
            (void)raw_sem(number % 3 == 1 ? SEM_SIGNAL : SEM_WAIT, KEY, 0);
    }
    return 0;
}

static void played_with(void)
{
    int64_t children[6];
    int ended = 0;

    for (int i = 0; i < 6; i++)
        children[i] = raw_start(play, i);
    for (int i = 0; i < 6; i += 3)
        (void)raw_wait(children[i]);
    (void)raw_sem(SEM_REMOVE, KEY, 0);
    for (int i = 0; i < 6; i++)
        ended += raw_wait(children[i]) == 0;
    check("all_come_back", ended == 6);
}

int64_t raw_main(void)
{
    served();
    removed();
    many();
    played_with();
    return raw_failed;
}
