/*
 * A consumer that finds nothing notes that it waits and sleeps on a semaphore; the producer wakes
 * it when somebody waits.  Between looking and noting nothing protects the consumer: the producer
 * may put its piece down just then, see nobody, and wake nobody.  The consumer sleeps for ever.
 *
 *     consumer                     producer
 *     finds nothing
 *                                  puts a piece down, nobody waits
 *     notes that it waits, sleeps
 *
 * Repaired: looking and noting are one step, under the lock that the producer takes as well.
 */
#include "classic.h"

enum semaphore { LOCK = 20, ARRIVAL = 21 };

static volatile int pieces;
static volatile bool waits;

static REPORTED void piece_produce(void)
{
    bool wake;

    {
        SEMAPHORE_GUARD(LOCK);
        pieces++;
        wake = waits;
        waits = false;
    }
    if (wake)
        (void)semaphore_signal(ARRIVAL);
}

/* True when there is none: then the caller has to sleep. */
static REPORTED bool piece_is_missing(void)
{
    bool missing;

    {
        SEMAPHORE_GUARD(LOCK);
        missing = pieces == 0;
        if (REPAIRED && missing)
            waits = true;
    }
    if (!REPAIRED && missing) {
        SEMAPHORE_GUARD(LOCK);    /* too late: the lock was free in between */
        waits = true;
    }
    return missing;
}

static REPORTED void arrival_wait(void)
{
    (void)semaphore_wait(ARRIVAL);
}

static void consumer_run(int unused)
{
    (void)unused;
    if (piece_is_missing())
        arrival_wait();

    SEMAPHORE_GUARD(LOCK);
    pieces--;
}

static void producer_run(int unused)
{
    (void)unused;
    piece_produce();
}

int main(int argc, char **argv)
{
    int children[2];

    (void)argc;
    (void)argv;
    (void)semaphore_new(LOCK, 1);
    (void)semaphore_new(ARRIVAL, 0);
    children[0] = process_start(consumer_run, 0);
    children[1] = process_start(producer_run, 0);
    (void)process_wait_all(children, 2);
    print("%d pieces are left\n", pieces);
    return pieces == 0 ? 0 : 1;
}
