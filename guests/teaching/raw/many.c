/*
 * A thousand processes at once; then forks until there can be no more, which gives -1 and harms
 * nobody.  Afterwards as many are possible again: nothing was lost.
 */
#include "raw.h"

enum { KEY = 1, THOUSAND = 1000, MOST = 65536 };

static volatile int64_t pids[MOST];

static int64_t wait_for_signal(int64_t unused)
{
    (void)unused;
    return raw_sem(SEM_WAIT, KEY, 0);
}

/* Starts at most `limit` processes; how many there are. */
static int64_t start_many(int64_t limit)
{
    int64_t count = 0;

    (void)raw_sem(SEM_NEW, KEY, 0);
    while (count < limit) {
        int64_t child = raw_start(wait_for_signal, 0);

        if (child == MINUS_ONE)
            break;
        pids[count++] = child;
    }
    return count;
}

/* Lets them go; how many ended well. */
static int64_t end_many(int64_t count)
{
    int64_t ended = 0;

    for (int64_t i = 0; i < count; i++)
        (void)raw_sem(SEM_SIGNAL, KEY, 0);
    for (int64_t i = 0; i < count; i++)
        ended += raw_wait(pids[i]) == 0;
    (void)raw_sem(SEM_REMOVE, KEY, 0);
    return ended;
}

int64_t raw_main(void)
{
    int64_t first, second;

    check("thousand_processes", start_many(THOUSAND) == THOUSAND);
    check("thousand_ended", end_many(THOUSAND) == THOUSAND);
    first = start_many(MOST);
    check("fork_fails_at_last", first < MOST && raw_fork() == MINUS_ONE);
    check("all_of_them_ended", end_many(first) == first);
    second = start_many(MOST);
    check("as_many_again", second >= first - 1 && second <= first + 1);
    check("and_ended", end_many(second) == second);
    return raw_failed;
}
