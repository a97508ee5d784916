/*
 * A spin lock that is released by a relaxed store may be seen free before what was written under
 * it.  Here processes write and compare a row of numbers under a lock; if one is ever behind the
 * others, somebody saw the lock too early.
 */
#include "defect.h"

enum { PROCESSES = 4, ROUNDS = 2000, NUMBERS = 16 };

static struct spin_lock lock;
static uint64_t numbers[NUMBERS];
static _Atomic int differences;

static REPORTED void numbers_count(void)
{
    SPIN_GUARD(&lock);
    for (int i = 1; i < NUMBERS; i++) {
        if (numbers[i] != numbers[0])
            differences++;
    }
    for (int i = 0; i < NUMBERS; i++)
        numbers[i]++;
}

static void counter_run(int unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++)
        numbers_count();
}

int main(int argc, char **argv)
{
    int children[PROCESSES];

    (void)argc;
    (void)argv;
    for (int i = 0; i < PROCESSES; i++)
        children[i] = process_start(counter_run, i);
    (void)process_wait_all(children, PROCESSES);
    return defect_check("spin_release", differences == 0 &&
                        numbers[0] == (uint64_t)PROCESSES * ROUNDS);
}
