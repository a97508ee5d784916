/*
 * A process is killed while it holds a lock, for which another one waits: for ever, and nobody
 * knows why, where a lock has no owner.  The kernel cannot repair the program; it has to say what
 * happened, so this program ends with a report, not by itself.
 *
 *     defect_kill_holder [spin]     with a spin lock, whose waiter is busy for ever
 */
#include "defect.h"

enum semaphore { LOCK = 0x77 };

static struct spin_lock spin;
static bool with_spin_lock;
static volatile bool held;

static REPORTED void lock_take(void)
{
    if (with_spin_lock)
        spin_acquire(&spin);
    else
        (void)semaphore_wait(LOCK);
}

static void holder_run(int unused)
{
    (void)unused;
    lock_take();
    held = true;
    for (;;)
        sleep_ms(1);
}

static void waiter_run(int unused)
{
    (void)unused;
    lock_take();
}

int main(int argc, char **argv)
{
    int holder, waiter;

    with_spin_lock = argc > 1 && text_equal(argv[1], "spin");
    (void)semaphore_new(LOCK, 1);
    holder = process_start(holder_run, 0);
    while (!held)
        sleep_ms(1);
    process_kill(holder);
    (void)process_wait(holder);
    print("the holder is dead\n");
    waiter = process_start(waiter_run, 0);
    (void)process_wait(waiter);
    return defect_check("kill_holder: the waiter has got the lock of a dead process", false);
}
