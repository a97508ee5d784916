/*
 * Three processes take turns at a semaphore that their parent removes when it believes them to be
 * done: too early, it waits only for the first.  Who comes later finds no semaphore, and goes on
 * without the lock that it believes to have.  Repaired: the parent waits for all of them.
 */
#include "classic.h"

enum { PROCESSES = 3, CODE_NOT_THERE = 3 };
enum semaphore { TURN = 30 };

static volatile int total;

static REPORTED void turn_take(void)
{
    if (semaphore_wait(TURN) != 0)
        process_exit(CODE_NOT_THERE);
    total++;
    if (semaphore_signal(TURN) != 0)
        process_exit(CODE_NOT_THERE);
}

static void worker_run(int unused)
{
    (void)unused;
    turn_take();
}

static REPORTED void turn_remove(void)
{
    (void)semaphore_remove(TURN);
}

int main(int argc, char **argv)
{
    int children[PROCESSES];
    int failed;

    (void)argc;
    (void)argv;
    (void)semaphore_new(TURN, 1);
    for (int i = 0; i < PROCESSES; i++)
        children[i] = process_start(worker_run, i);
    failed = process_wait_all(children, REPAIRED ? PROCESSES : 1);
    turn_remove();
    if (!REPAIRED)
        failed = process_wait_all(children, PROCESSES);
    print("%d of %d took their turn, %d found no semaphore\n", total, PROCESSES, failed);
    return failed == 0 ? 0 : 1;
}
