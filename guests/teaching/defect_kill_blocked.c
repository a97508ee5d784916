/*
 * A process that is killed while it waits for a semaphore, and stays in its queue, swallows the
 * next signal.  Here the first of two who wait is killed; the signal has to wake the second.
 */
#include "defect.h"

enum { ROUNDS = 20 };
enum semaphore { TURN = 1 };

static _Atomic int passed;

static void waiter_run(int unused)
{
    (void)unused;
    (void)semaphore_wait(TURN);
    passed++;
}

static REPORTED void round_run(void)
{
    int first, second;

    first = process_start(waiter_run, 0);
    defect_let_others_run();
    second = process_start(waiter_run, 1);
    defect_let_others_run();
    process_kill(first);
    (void)semaphore_signal(TURN);
    (void)process_wait(first);
    (void)process_wait(second);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)semaphore_new(TURN, 0);
    for (int round = 0; round < ROUNDS; round++)
        round_run();
    return defect_check("kill_blocked", passed == ROUNDS);
}
