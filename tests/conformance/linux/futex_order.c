/* futex: errors, their order, and waits that end by themselves. */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define WILD ((void *)1)
#define KERNEL_WORD ((void *)-4L)
#define FUTEX(word, ...) CALL(syscall(SYS_futex, word, __VA_ARGS__))

static int word = 5;
static struct timespec soon = { 0, 10000000 };

static void waiting(void)
{
    struct timespec bad = { 0, -1 };
    char *bytes = (char *)&word;

    SECTION("waiting");
    FUTEX(&word, FUTEX_WAIT, 4, NULL, NULL, 0);
    FUTEX(&word, FUTEX_WAIT, 5, &soon, NULL, 0);
    FUTEX(&word, FUTEX_WAIT_PRIVATE, 5, &soon, NULL, 0);
    FUTEX(bytes + 1, FUTEX_WAIT, 5, &soon, NULL, 0);
    FUTEX(WILD, FUTEX_WAIT, 5, &soon, NULL, 0);
    FUTEX((void *)4, FUTEX_WAIT, 5, &soon, NULL, 0);
    FUTEX(KERNEL_WORD, FUTEX_WAIT_PRIVATE, 5, &soon, NULL, 0);
    FUTEX(&word, FUTEX_WAIT, 5, WILD, NULL, 0);
    FUTEX(&word, FUTEX_WAIT, 5, &bad, NULL, 0);
    FUTEX(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 5, &soon, NULL, 0);
    FUTEX(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 5, WILD, NULL, 0);
}

static void bits(void)
{
    struct timespec until;

    SECTION("with bit sets, until a time");
    FUTEX(&word, FUTEX_WAIT_BITSET, 5, &soon, NULL, 0);
    FUTEX(&word, FUTEX_WAIT_BITSET, 5, &soon, NULL, 1);
    FUTEX(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &soon, NULL, 1);
    FUTEX(&word, FUTEX_WAIT_BITSET, 4, &soon, NULL, 1);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += until.tv_nsec / 980000000;
    until.tv_nsec = (until.tv_nsec + 20000000) % 1000000000;
    FUTEX(&word, FUTEX_WAIT_BITSET, 5, &until, NULL, -1);
}

static void waking(void)
{
    char *bytes = (char *)&word;

    SECTION("waking");
    FUTEX(&word, FUTEX_WAKE, 1, NULL, NULL, 0);
    FUTEX(&word, FUTEX_WAKE, 0, NULL, NULL, 0);
    FUTEX(&word, FUTEX_WAKE_PRIVATE, -1, NULL, NULL, 0);
    FUTEX(bytes + 2, FUTEX_WAKE, 1, NULL, NULL, 0);
    FUTEX(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0);
    FUTEX(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 1);
    FUTEX((void *)4, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    FUTEX(KERNEL_WORD, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    FUTEX(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0);
    FUTEX(&word, 99, 1, NULL, NULL, 0);
}

int main(void)
{
    waiting();
    bits();
    waking();
    return 0;
}
