/*
 * First come, first served: in the order in which processes began to wait for a semaphore, those
 * who were killed meanwhile left out.  (With a seed the order is one of the things that are
 * chosen, so this is for real time.)
 */
#include "raw.h"

enum { KEY = 4, WAITERS = 6, KILLED_FIRST = 0, KILLED_LATER = 3 };

static volatile int64_t order[WAITERS];
static volatile int order_count;

static int64_t wait_and_tell(int64_t number)
{
    int64_t result = raw_sem(SEM_WAIT, KEY, 0);

    order[__atomic_fetch_add(&order_count, 1, __ATOMIC_SEQ_CST)] = number;
    return result;
}

/* Lines up all, kills some (a bit for each), then lets the rest pass; whether in order. */
static bool passes_in_order(unsigned killed)
{
    int64_t children[WAITERS];
    int next = 0;

    (void)raw_sem(SEM_NEW, KEY, 0);
    order_count = 0;
    for (int i = 0; i < WAITERS; i++) {
        children[i] = raw_start(wait_and_tell, i);
        raw_pass_time(6);
    }
    for (int i = 0; i < WAITERS; i++) {
        if (killed >> i & 1)
            (void)raw(KILL, (uint64_t)children[i], 0, 0);
    }
    for (int i = 0; i < WAITERS; i++) {
        if (killed >> i & 1)
            continue;
        (void)raw_sem(SEM_SIGNAL, KEY, 0);
        (void)raw_wait(children[i]);
        if (order[next] != i)
            return false;
        next++;
    }
    return next == order_count;
}

int64_t raw_main(void)
{
    check("first_come_first_served", passes_in_order(0));
    check("the_dead_are_left_out", passes_in_order(1u << KILLED_FIRST | 1u << KILLED_LATER));
    return raw_failed;
}
