/*
 * A worker says by a flag that its result is there; the first process looks at the flag until it is
 * set.  It clears the flag before the work begins, but after the worker was started: a worker that
 * comes first has set it already.  Then the flag stays clear and the first process looks at it for
 * ever.  No thread is blocked: that is a hang, and no deadlock.
 *
 *     first process                worker
 *     starts the worker
 *                                  stores its result, sets the flag
 *     clears the flag
 *     looks, looks, looks ...
 *
 * Repaired: the flag is cleared before the worker is started.
 */
#include "classic.h"

#define RESULT 42

static volatile bool is_ready = true;    /* of the work before */
static volatile int result;

static REPORTED void result_store(int value)
{
    result = value;
    is_ready = true;
}

static REPORTED void result_wait(void)
{
    while (!is_ready)
        sleep_ms(1);
}

static void worker_run(int value)
{
    result_store(value);
}

int main(int argc, char **argv)
{
    int worker;

    (void)argc;
    (void)argv;
    if (REPAIRED)
        is_ready = false;
    worker = process_start(worker_run, RESULT);
    if (!REPAIRED)
        is_ready = false;
    result_wait();
    (void)process_wait_all(&worker, 1);
    print("the result is %d\n", result);
    return result == RESULT ? 0 : 1;
}
