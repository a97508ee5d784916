/*
 * Waiting looks for the exit code and, if there is none, joins a queue.  If the process ends in
 * between, on another CPU, nobody wakes the one who waits.  Here processes end at the moment
 * in which several others begin to wait for them, three hundred times.
 */
#include "defect.h"

enum { ROUNDS = 300, WAITERS = 3, CODE = 29 };

static volatile int target;
static _Atomic int good;

static void waiter_run(int unused)
{
    (void)unused;
    if (process_wait(target) == CODE)
        good++;
}

static void target_run(int pauses)
{
    for (int i = 0; i < pauses; i++)
        cpu_relax();
    process_exit(CODE);
}

static REPORTED void round_run(int round)
{
    int waiters[WAITERS];

    target = process_start(target_run, round % 16 * 8);
    for (int i = 0; i < WAITERS; i++)
        waiters[i] = process_start(waiter_run, i);
    if (process_wait(target) == CODE)
        good++;
    (void)process_wait_all(waiters, WAITERS);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (int round = 0; round < ROUNDS; round++)
        round_run(round);
    return defect_check("wait_race", good == ROUNDS * (WAITERS + 1));
}
