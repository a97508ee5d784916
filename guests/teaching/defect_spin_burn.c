/*
 * Who waits for a spin lock burns the CPU until its slice ends, although it cannot get anywhere; in
 * a round with many who wait, the one who holds the lock runs rarely.  Here a holder sleeps with
 * the lock, by asking for the time, while seven others spin.  It must not be starved: from the end
 * of its sleep to the release may pass a few slices of each, no more.
 */
#include "defect.h"

enum { SPINNERS = 7, SLEEPS = 3, SLEEP_MS = 10, LATE_MS = 1000, NS_PER_MS = 1000000 };

static struct spin_lock lock;
static volatile bool held;
static int64_t latest;

static void spinner_run(int unused)
{
    (void)unused;
    while (!held)
        cpu_relax();
    SPIN_GUARD(&lock);
}

static REPORTED void hold(void)
{
    SPIN_GUARD(&lock);
    held = true;
    for (int i = 0; i < SLEEPS; i++) {
        int64_t end = time_now_ns() + (int64_t)SLEEP_MS * NS_PER_MS, late;

        sleep_ms(SLEEP_MS);
        late = time_now_ns() - end;
        if (late > latest)
            latest = late;
    }
}

int main(int argc, char **argv)
{
    int children[SPINNERS];

    (void)argc;
    (void)argv;
    for (int i = 0; i < SPINNERS; i++)
        children[i] = process_start(spinner_run, i);
    hold();
    (void)process_wait_all(children, SPINNERS);
    return defect_check("spin_burn", latest < (int64_t)LATE_MS * NS_PER_MS);
}
