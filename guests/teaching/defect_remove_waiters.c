/*
 * A semaphore is removed while processes wait for it.  They must not wait for ever for something
 * that does not exist: each is told, by result 1.
 */
#include "defect.h"

enum { WAITERS = 5 };
enum semaphore { DOOR = 3 };

static _Atomic int told;

static void waiter_run(int unused)
{
    (void)unused;
    if (semaphore_wait(DOOR) == 1)
        told++;
}

int main(int argc, char **argv)
{
    int children[WAITERS];

    (void)argc;
    (void)argv;
    (void)semaphore_new(DOOR, 0);
    for (int i = 0; i < WAITERS; i++)
        children[i] = process_start(waiter_run, i);
    defect_let_others_run();
    (void)semaphore_remove(DOOR);
    (void)process_wait_all(children, WAITERS);
    return defect_check("remove_waiters", told == WAITERS);
}
