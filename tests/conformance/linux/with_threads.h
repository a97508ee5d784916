#pragma once
/*
 * For the programs about threads and futexes: the calls without a C library in between, and ways to
 * wait until another thread has come to its sleep.
 */
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define MEMBER_PATIENCE_MS 10000

/* Linux's names: not every C library comes with its headers. */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_FD 2
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_TRYLOCK_PI 8
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI 12
#define FUTEX_LOCK_PI2 13
#define FUTEX_CLOCK_REALTIME 256
#define PRIVATE 128
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu
#define FUTEX_BITSET_MATCH_ANY 0xffffffffu
#define FUTEX_OP_SET 0u
#define FUTEX_OP_ADD 1u
#define FUTEX_OP_CMP_EQ 0u
#define FUTEX_OP_CMP_NE 1u

#define CALL_FUTEX_WAITV 449
#define CALL_FUTEX_WAKE 454
#define CALL_FUTEX_WAIT 455
#define CALL_FUTEX_REQUEUE 456

struct futex_waitv {
    uint64_t val, uaddr;
    uint32_t flags, __reserved;
};

/* Without these two the calls below take what they need. */
#define futex(...) futex_pick(__VA_ARGS__, 0, 0, 0, 0)
#define futex_pick(word, operation, value, four, five, six, ...) \
    futex_call((const void *)(uintptr_t)(word), operation, (uint32_t)(value),              \
               (const void *)(uintptr_t)(four), (const void *)(uintptr_t)(five), (uint32_t)(six))

__attribute__((unused)) static long futex_call(const void *word, int operation, uint32_t value,
                                               const void *four, const void *five, uint32_t six)
{
    return syscall(SYS_futex, word, operation, value, four, five, six);
}

__attribute__((unused)) static int own_id(void)
{
    return (int)syscall(SYS_gettid);
}

__attribute__((unused)) static void sleep_ms(long ms)
{
    struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

__attribute__((unused)) static struct timespec from_now(clockid_t clock, long ms)
{
    struct timespec time;

    (void)clock_gettime(clock, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

__attribute__((unused)) static double now_ms(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* How many wait on the word, not for a lock: requeueing them to where they are changes nothing. */
__attribute__((unused)) static long waiters_of(const void *word, int flags)
{
    return futex(word, FUTEX_REQUEUE | flags, 0, INT_MAX, word);
}

/* Until so many wait on the word. */
__attribute__((unused)) static void await_waiters(const void *word, int flags, long count)
{
    for (int i = 0; i < MEMBER_PATIENCE_MS && waiters_of(word, flags) < count; i++)
        sleep_ms(1);
    if (waiters_of(word, flags) < count)
        (void)printf("they do not come to wait\n");
}

/* Until the word has such a value in these bits. */
__attribute__((unused)) static void await_bits(const uint32_t *word, uint32_t mask, uint32_t value)
{
    const volatile uint32_t *look = word;

    for (int i = 0; i < MEMBER_PATIENCE_MS && (*look & mask) != value; i++)
        sleep_ms(1);
    if ((*look & mask) != value)
        (void)printf("the word does not become %#x\n", value);
}

/* Until a thread of this process sleeps. */
__attribute__((unused)) static void await_asleep(int id)
{
    for (int i = 0; i < MEMBER_PATIENCE_MS && state_of_thread("self", id) != 'S'; i++)
        sleep_ms(1);
    if (state_of_thread("self", id) != 'S')
        (void)printf("it does not come to sleep\n");
}

__attribute__((unused)) static int count_running(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int running = 0;

    for (const struct dirent *task; tasks && (task = readdir(tasks));)
        running += task->d_name[0] != '.' && state_of_thread("self", atoi(task->d_name)) == 'R';
    if (tasks)
        (void)closedir(tasks);
    return running;
}

/* Until all other threads of the process sleep. */
__attribute__((unused)) static void await_others_asleep(void)
{
    for (int i = 0; i < MEMBER_PATIENCE_MS && count_running() != 1; i++)
        sleep_ms(1);
    if (count_running() != 1)
        (void)printf("they do not come to sleep\n");
}

/* Until all others wait, somebody of them for the lock: the bit comes before the sleep. */
__attribute__((unused)) static void await_lock_waiter(const uint32_t *word)
{
    await_bits(word, FUTEX_WAITERS, FUTEX_WAITERS);
    await_others_asleep();
}

/* Until a thread of the process is gone: who joins it may be earlier. */
__attribute__((unused)) static void await_end(int id)
{
    for (int i = 0; i < MEMBER_PATIENCE_MS; i++) {
        if (syscall(SYS_tgkill, getpid(), id, 0) == -1 && errno == ESRCH)
            return;
        sleep_ms(1);
    }
    (void)printf("it does not end\n");
}

__attribute__((unused)) static pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, argument);

    if (error) {
        (void)printf("no thread: %s\n", error_name(error));
        exit(1);
    }
    return thread;
}

__attribute__((unused)) static long join(pthread_t thread)
{
    void *result;
    int error = pthread_join(thread, &result);

    if (error)
        (void)printf("no join: %s\n", error_name(error));
    return (long)(intptr_t)result;
}

/* A number that a thread returns: of a call, negative with errno. */
__attribute__((unused)) static void *answer(long result)
{
    return (void *)(intptr_t)(result == -1 ? -errno : result);
}

__attribute__((unused)) static void show(const char *what, long result)
{
    if (result < 0)
        (void)printf("%s: %s\n", what, error_name((int)-result));
    else
        (void)printf("%s: %ld\n", what, result);
}

/* A word with its id replaced by the name of the thread that has it. */
__attribute__((unused)) static void show_lock(const char *what, uint32_t word, uint32_t owner)
{
    uint32_t id = word & FUTEX_TID_MASK;

    (void)printf("%s: %s%s%s\n", what, id == 0 ? "nobody" : id == owner ? "the owner" : "another",
                 word & FUTEX_WAITERS ? " waiters" : "", word & FUTEX_OWNER_DIED ? " died" : "");
}

/* The same with words of both kinds. */
__attribute__((unused)) static void private_and_shared(void (*test)(void), int *flags)
{
    SECTION("private");
    *flags = PRIVATE;
    test();
    SECTION("shared");
    *flags = 0;
    test();
}
