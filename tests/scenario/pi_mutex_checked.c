/* The kernel's lending of priorities, whose lock is taken from outside; for build/sim-checked. */
#include "../../src/sync/pi_mutex.c"

#include "invariants.h"

void invariants_lock_priorities(void)
{
    spin_lock(&lock);
}

void invariants_unlock_priorities(void)
{
    spin_unlock(&lock);
}
