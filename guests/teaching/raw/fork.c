/*
 * Forks: what is shared (data, both heaps, descriptors, semaphores), pids, grandchildren, children
 * of others, and waiting for any of them, any number of times.
 */
#include "raw.h"

enum { KEY = 1, WAITERS = 4, LARGE = 0x23456789 };

static volatile uint64_t shared = 1;
static volatile int64_t pid_told;
static volatile int64_t grandchild;
static volatile int64_t descriptor;
static volatile uint64_t allocated;
static volatile bool go;

static int64_t code_of(int64_t code)
{
    return code;
}

static int64_t share(int64_t unused)
{
    static const char random[] = "/dev/random";
    uint64_t layout[2] = { 8, 64 };

    (void)unused;
    shared = 2;
    pid_told = raw(GETPID, 0, 0, 0);
    descriptor = raw(OPEN, at(random), 11, 0);
    (void)raw(BRK, HEAP_START + 2 * PAGE, 0, 0);
    *(volatile uint64_t *)(HEAP_START + PAGE) = 3;
    allocated = (uint64_t)raw(ALLOCATE, at(layout), 0, 0);
    *(volatile uint64_t *)allocated = 4;
    (void)raw_sem(SEM_NEW, KEY, 7);
    return 0;
}

static void shares(void)
{
    static char buffer[8];
    int64_t child = raw_start(share, 0);

    check("child_ends", raw_wait(child) == 0);
    check("data_is_shared", shared == 2);
    check("fork_gives_the_pid", pid_told == child && child > raw(GETPID, 0, 0, 0));
    check("descriptors_are_shared", raw(READ, (uint64_t)descriptor, at(buffer), 8) == 8);
    check("end_of_heap_is_shared", raw(BRK, 0, 0, 0) == HEAP_START + 2 * PAGE);
    check("heap_is_shared", *(volatile uint64_t *)(HEAP_START + PAGE) == 3);
    check("heap_of_all_is_shared", *(volatile uint64_t *)allocated == 4);
    check("semaphores_are_shared", raw_sem(SEM_REMOVE, KEY, 0) == 0);
    (void)raw(CLOSE, (uint64_t)descriptor, 0, 0);
}

static void codes(void)
{
    int64_t first = raw_start(code_of, 42), second = raw_start(code_of, -5);
    int64_t third = raw_start(code_of, (int64_t)LARGE << 20);

    check("waitpid", raw_wait(first) == 42);
    check("waitpid_again", raw_wait(first) == 42 && raw_wait(first) == 42);
    check("waitpid_of_negative_code", raw_wait(second) == -5);
    check("waitpid_of_large_code", raw_wait(third) == (int64_t)LARGE << 20);
    check("waitpid_first_once_more", raw_wait(first) == 42);
    check("pids_count_up", first < second && second < third);
}

static int64_t wait_until_go(int64_t code)
{
    while (!go)
        raw_pass_time(1);
    return code;
}

static int64_t wait_for(int64_t pid)
{
    return raw_wait(pid);
}

/* Not the parent only, and several at once. */
static void waiters(void)
{
    int64_t target, pids[WAITERS], good = 0;

    go = false;
    target = raw_start(wait_until_go, 17);
    for (int i = 0; i < WAITERS; i++)
        pids[i] = raw_start(wait_for, target);
    raw_pass_time(2);
    go = true;
    for (int i = 0; i < WAITERS; i++)
        good += raw_wait(pids[i]) == 17;
    check("any_process_may_wait", good == WAITERS);
    check("and_the_parent_too", raw_wait(target) == 17);
}

static int64_t be_parent(int64_t unused)
{
    (void)unused;
    grandchild = raw_start(wait_until_go, 23);
    return 5;
}

static void orphan(void)
{
    int64_t child;

    go = false;
    child = raw_start(be_parent, 0);
    check("parent_ends_before_its_child", raw_wait(child) == 5);
    go = true;
    check("orphan_goes_on", raw_wait(grandchild) == 23);
}

static int64_t nest(int64_t depth)
{
    if (depth == 0)
        return 1;
    return raw_wait(raw_start(nest, depth - 1)) + 1;
}

/* A child that nobody waits for, of the process that was the first. */
static int64_t outlive(int64_t unused)
{
    (void)unused;
    raw_pass_time(5);
    check("child_of_the_first_process_goes_on", true);
    return 0;
}

int64_t raw_main(void)
{
    shares();
    codes();
    waiters();
    orphan();
    check("forks_in_forks", nest(20) == 21);
    (void)raw_start(outlive, 0);
    return raw_failed;
}
