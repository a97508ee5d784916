/*
 * Kill: of processes that wait for semaphores or for others, that spin, that hold what others wait
 * for, of oneself.  Whoever waits next gets what the dead one would have got.
 */
#include "raw.h"

enum { KEY = 1, OTHER = 2, SPINNERS = 3 };

static volatile int steps;

static int64_t block(int64_t unused)
{
    (void)unused;
    return raw_sem(SEM_WAIT, KEY, 0);
}

static _Noreturn int64_t spin(int64_t unused)
{
    (void)unused;
    steps++;
    for (;;)
        __asm__ volatile("pause");
}

static int64_t wait_for(int64_t pid)
{
    return raw_wait(pid);
}

static int64_t kill_self(int64_t unused)
{
    (void)unused;
    (void)raw(KILL, (uint64_t)raw(GETPID, 0, 0, 0), 0, 0);
    return 1;
}

static _Noreturn int64_t hold(int64_t unused)
{
    (void)unused;
    (void)raw_sem(SEM_WAIT, OTHER, 0);
    steps++;
    for (;;)
        (void)raw(TIME, 0, 0, 0);
}

static void kill(int64_t pid)
{
    (void)raw(KILL, (uint64_t)pid, 0, 0);
}

static void blocked(void)
{
    int64_t children[3], killed;

    (void)raw_sem(SEM_NEW, KEY, 0);
    for (int i = 0; i < 3; i++) {
        children[i] = raw_start(block, i);
        raw_pass_time(4);
    }
    kill(children[0]);
    killed = raw_wait(children[0]);
    check("killed_while_blocked", killed == CODE_KILLED);
    check("signals_after_kill", raw_sem(SEM_SIGNAL, KEY, 0) == 0 &&
          raw_sem(SEM_SIGNAL, KEY, 0) == 0);
    check("the_others_get_them", raw_wait(children[1]) == 0 && raw_wait(children[2]) == 0);
    check("killed_again", (kill(children[0]), raw_wait(children[0])) == CODE_KILLED);
    (void)raw_sem(SEM_REMOVE, KEY, 0);
}

static void waiting(void)
{
    int64_t target = raw_start(spin, 0), waiter = raw_start(wait_for, target);

    raw_pass_time(4);
    kill(waiter);
    check("killed_in_waitpid", raw_wait(waiter) == CODE_KILLED);
    kill(target);
    check("killed_while_it_spins", raw_wait(target) == CODE_KILLED);
    check("kill_of_oneself", raw_wait(raw_start(kill_self, 0)) == CODE_KILLED);
}

static void holding(void)
{
    int64_t holder, waiter;

    steps = 0;
    (void)raw_sem(SEM_NEW, OTHER, 1);
    (void)raw_sem(SEM_NEW, KEY, 0);
    holder = raw_start(hold, 0);
    while (steps == 0)
        raw_pass_time(1);
    kill(holder);
    check("killed_while_it_holds", raw_wait(holder) == CODE_KILLED);
    (void)raw_sem(SEM_SIGNAL, OTHER, 0);
    waiter = raw_start(hold, 0);
    while (steps == 1)
        raw_pass_time(1);
    check("what_it_held_can_be_given_back", steps == 2);
    kill(waiter);
    (void)raw_wait(waiter);
}

static void spinning(void)
{
    int64_t children[SPINNERS], dead = 0;

    for (int i = 0; i < SPINNERS; i++)
        children[i] = raw_start(spin, i);
    raw_pass_time(2);
    for (int i = 0; i < SPINNERS; i++)
        kill(children[i]);
    for (int i = 0; i < SPINNERS; i++)
        dead += raw_wait(children[i]) == CODE_KILLED;
    check("spinning_processes_are_killed", dead == SPINNERS);
}

static int64_t wait_for_nobody(int64_t pid)
{
    (void)raw_wait(pid);
    return 1;
}

static void nobody(void)
{
    int64_t child = raw_start(wait_for_nobody, 65000);

    raw_pass_time(4);
    kill(child);
    check("waitpid_of_nobody_blocks", raw_wait(child) == CODE_KILLED);
    child = raw_start(wait_for_nobody, 0);
    raw_pass_time(4);
    kill(child);
    check("waitpid_of_pid_0_blocks", raw_wait(child) == CODE_KILLED);
}

int64_t raw_main(void)
{
    blocked();
    waiting();
    holding();
    spinning();
    nobody();
    return raw_failed;
}
