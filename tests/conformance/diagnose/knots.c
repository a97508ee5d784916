/*
 * Programs that cannot go on, one by each name: what the kernel says about them is checked by
 * run_diagnose.py.  The sleeps make sure that all are where they shall be.  Memory is shared.
 */
#include "teaching.h"

enum semaphore { LOCK_A = 1, LOCK_B = 2, LOCK_C = 3, EVENT = 0x2000, REPLY = 0x2001 };
enum { CIRCLE = 3, SHORT_MS = 20, LONG_MS = 200, NO_PROCESS = 999, ROUNDS = 50 };

static int circle_size;
static _Atomic int holders;    /* members of a circle that have what they hold */

static REPORTED void take(uint32_t key)
{
    (void)semaphore_wait(key);
}

static REPORTED void take_second(uint32_t key)
{
    __asm__ volatile("# not the same as take: the compiler would make one function of them");
    (void)semaphore_wait(key);
}

/* ---- Circles --------------------------------------------------------------------------------- */

static void member_run(int number)
{
    take(LOCK_A + (uint32_t)number);
    holders++;
    while (holders < circle_size)
        sleep_ms(1);
    take_second(LOCK_A + (uint32_t)(number + 1) % (uint32_t)circle_size);
}

static void circle_start(int size, int *children)
{
    circle_size = size;
    for (int i = 0; i < size; i++)
        (void)semaphore_new(LOCK_A + (uint32_t)i, 1);
    for (int i = 0; i < size; i++)
        children[i] = process_start(member_run, i);
}

static void circle(void)
{
    int children[CIRCLE];

    circle_start(CIRCLE, children);
    (void)process_wait_all(children, CIRCLE);
}

static void runner_run(int unused)
{
    (void)unused;
    sleep_ms(LONG_MS);
    print("the runner is done\n");
}

/* Two are in a circle, and one that has nothing to do with them runs on. */
static void beside(void)
{
    int children[CIRCLE];

    children[0] = process_start(runner_run, 0);
    circle_start(2, children + 1);
    (void)process_wait_all(children, CIRCLE);
}

static void locked_child_run(int unused)
{
    (void)unused;
    take(LOCK_A);
}

/* A parent waits for its child, and the child for a lock that the parent holds. */
static void mixed(void)
{
    (void)semaphore_new(LOCK_A, 1);
    take(LOCK_A);
    (void)process_wait(process_start(locked_child_run, 0));
}

static void itself(void)
{
    (void)process_wait(process_id());
}

/* The same lock twice. */
static void twice(void)
{
    (void)semaphore_new(LOCK_A, 1);
    take(LOCK_A);
    take_second(LOCK_A);
}

/* ---- Waits that nobody ends ------------------------------------------------------------------ */

static void event_child_run(int unused)
{
    (void)unused;
    take(EVENT);
}

static void dead_holder(void)
{
    (void)semaphore_new(LOCK_A, 1);
    (void)process_wait(process_start(locked_child_run, 0));
    take_second(LOCK_A);
}

/* The same while another one runs. */
static void dead_holder_beside(void)
{
    int runner = process_start(runner_run, 0);

    (void)semaphore_new(EVENT, 1);
    (void)process_wait(process_start(event_child_run, 0));
    (void)process_wait(process_start(event_child_run, 0));
    (void)process_wait(runner);
}

static void sleeping_holder_run(int unused)
{
    (void)unused;
    take(LOCK_A);
    sleep_ms(LONG_MS);
}

static void killed_holder(void)
{
    int child;

    (void)semaphore_new(LOCK_A, 1);
    child = process_start(sleeping_holder_run, 0);
    sleep_ms(SHORT_MS);
    process_kill(child);
    take_second(LOCK_A);
}

/* The signal comes before there is a semaphore. */
static void lost(void)
{
    (void)semaphore_signal(EVENT);
    (void)semaphore_new(EVENT, 0);
    take(EVENT);
}

static void never(void)
{
    (void)semaphore_new(EVENT, 0);
    take(EVENT);
}

static void once_too_often(void)
{
    (void)semaphore_new(EVENT, 0);
    (void)semaphore_signal(EVENT);
    take(EVENT);
    take_second(EVENT);
}

static void nobody(void)
{
    (void)process_wait(NO_PROCESS);
}

/* A process that never ends. */
static void endless(void)
{
    (void)semaphore_new(EVENT, 0);
    (void)semaphore_new(LOCK_A, 0);
    (void)process_wait(process_start(locked_child_run, 0));
}

/* ---- Nothing is wrong with these ------------------------------------------------------------- */

static void ping_run(int number)
{
    for (int i = 0; i < ROUNDS; i++) {
        take(number == 0 ? EVENT : REPLY);
        (void)semaphore_signal(number == 0 ? REPLY : EVENT);
    }
}

/* Two wait for each other in turns, while a third one runs. */
static void ping_pong(void)
{
    int children[CIRCLE];

    (void)semaphore_new(EVENT, 1);
    (void)semaphore_new(REPLY, 0);
    children[0] = process_start(ping_run, 0);
    children[1] = process_start(ping_run, 1);
    children[2] = process_start(runner_run, 0);
    (void)process_wait_all(children, CIRCLE);
}

static void sleeper(void)
{
    for (;;)
        sleep_ms(LONG_MS);
}

static void spinner(void)
{
    for (;;)
        cpu_relax();
}

static const struct {
    const char *name;
    void (*run)(void);
} knots[] = {
    { "circle", circle }, { "beside", beside }, { "mixed", mixed }, { "itself", itself },
    { "twice", twice }, { "dead_holder", dead_holder }, { "killed_holder", killed_holder },
    { "dead_holder_beside", dead_holder_beside },
    { "lost", lost }, { "never", never }, { "once_too_often", once_too_often },
    { "nobody", nobody }, { "endless", endless }, { "ping_pong", ping_pong },
    { "sleeper", sleeper }, { "spinner", spinner },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof(knots) / sizeof(knots[0]); i++) {
        if (text_equal(argv[1], knots[i].name)) {
            knots[i].run();
            return 0;
        }
    }
    print("knots: one of these names is needed:");
    for (size_t i = 0; i < sizeof(knots) / sizeof(knots[0]); i++)
        print(" %s", knots[i].name);
    print("\n");
    return 2;
}
