/* futex: times and clocks of every operation that can end by itself. */
#include "with_threads.h"

static uint32_t word, lock_word;
static struct timespec zero, past = { 1, 0 };

/* About so many milliseconds, and what came of it. */
#define TAKES(expected_ms, expression)                                     \
    do {                                                                   \
        double before = now_ms();                                          \
        long result = (long)(intptr_t)answer(expression);                  \
                                                                           \
        takes(#expression, expected_ms, result, now_ms() - before);        \
    } while (0)

static void takes(const char *text, double expected, long result, double spent)
{
    bool fits = spent >= expected - 1 && spent < expected + 2000;

    show(text, result);
    if (!fits)
        (void)printf("%s takes %.1f ms instead of %.1f\n", text, spent, expected);
}

/* Not before the time has come, and what came of it. */
#define LASTS_UNTIL(clock, when, expression)                               \
    do {                                                                   \
        long result = (long)(intptr_t)answer(expression);                  \
                                                                           \
        show(#expression, result);                                         \
        if (is_before(clock, when))                                        \
            (void)printf("%s ends too early\n", #expression);              \
    } while (0)

static bool is_before(clockid_t clock, const struct timespec *when)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return now.tv_sec < when->tv_sec ||
           (now.tv_sec == when->tv_sec && now.tv_nsec < when->tv_nsec);
}

static void relative(void)
{
    struct timespec soon = { 0, 30000000 };

    SECTION("WAIT: how long");
    TAKES(0, futex(&word, FUTEX_WAIT, 0, &zero));
    TAKES(0, futex(&word, FUTEX_WAIT | PRIVATE, 0, &zero));
    TAKES(30, futex(&word, FUTEX_WAIT, 0, &soon));
    TAKES(30, futex(&word, FUTEX_WAIT | PRIVATE, 0, &soon));
    TAKES(0, futex(&word, FUTEX_WAIT, 1, &soon));
}

static void absolute(void)
{
    struct timespec soon = from_now(CLOCK_MONOTONIC, 30);

    SECTION("WAIT_BITSET: until when");
    LASTS_UNTIL(CLOCK_MONOTONIC, &soon, futex(&word, FUTEX_WAIT_BITSET, 0, &soon, NULL, -1));
    TAKES(0, futex(&word, FUTEX_WAIT_BITSET, 0, &soon, NULL, -1));
    TAKES(0, futex(&word, FUTEX_WAIT_BITSET, 0, &past, NULL, -1));
    TAKES(0, futex(&word, FUTEX_WAIT_BITSET, 0, &zero, NULL, -1));
    TAKES(0, futex(&word, FUTEX_WAIT_BITSET, 1, &past, NULL, -1));
    soon = from_now(CLOCK_REALTIME, 30);
    LASTS_UNTIL(CLOCK_REALTIME, &soon,
                futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, -1));
    TAKES(0, futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, -1));
    soon = from_now(CLOCK_MONOTONIC, 3600000);
    TAKES(0, futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, -1));
    /* As glibc does: a clock and no time. */
    TAKES(0, futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME | PRIVATE, 1, NULL, NULL, -1));
}

static void *hold_lock(void *argument)
{
    (void)argument;
    (void)futex(&lock_word, FUTEX_LOCK_PI, 0);
    (void)futex(&word, FUTEX_WAIT, 0);
    (void)futex(&lock_word, FUTEX_UNLOCK_PI, 0);
    return NULL;
}

static void locks(void)
{
    pthread_t holder = start(hold_lock, NULL);
    struct timespec soon;

    SECTION("LOCK_PI: the real clock; LOCK_PI2: as one likes");
    await_waiters(&word, 0, 1);
    soon = from_now(CLOCK_REALTIME, 30);
    LASTS_UNTIL(CLOCK_REALTIME, &soon, futex(&lock_word, FUTEX_LOCK_PI, 0, &soon));
    TAKES(0, futex(&lock_word, FUTEX_LOCK_PI, 0, &soon));
    soon = from_now(CLOCK_MONOTONIC, 3600000);
    TAKES(0, futex(&lock_word, FUTEX_LOCK_PI, 0, &soon));
    soon = from_now(CLOCK_MONOTONIC, 30);
    LASTS_UNTIL(CLOCK_MONOTONIC, &soon, futex(&lock_word, FUTEX_LOCK_PI2, 0, &soon));
    TAKES(0, futex(&lock_word, FUTEX_LOCK_PI2, 0, &past));
    soon = from_now(CLOCK_REALTIME, 30);
    LASTS_UNTIL(CLOCK_REALTIME, &soon,
                futex(&lock_word, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &soon));
    FACT((lock_word & FUTEX_WAITERS) != 0);
    (void)futex(&word, FUTEX_WAKE, 1);
    (void)join(holder);
    TAKES(0, futex(&lock_word, FUTEX_LOCK_PI, 0, &past));
    TAKES(0, futex(&lock_word, FUTEX_UNLOCK_PI, 0));
}

static void requeue_waits(void)
{
    struct timespec soon = from_now(CLOCK_MONOTONIC, 30);

    SECTION("WAIT_REQUEUE_PI: until when");
    LASTS_UNTIL(CLOCK_MONOTONIC, &soon,
                futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, &soon, &lock_word, 0));
    TAKES(0, futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, &past, &lock_word, 0));
    soon = from_now(CLOCK_REALTIME, 30);
    LASTS_UNTIL(CLOCK_REALTIME, &soon,
                futex(&word, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &soon, &lock_word));
}

static void newer_calls(void)
{
    struct futex_waitv one = { .uaddr = (uintptr_t)&word, .flags = 2 };
    struct timespec soon = from_now(CLOCK_MONOTONIC, 30);

    SECTION("calls with a clock");
    LASTS_UNTIL(CLOCK_MONOTONIC, &soon,
                syscall(CALL_FUTEX_WAITV, &one, 1, 0, &soon, CLOCK_MONOTONIC));
    TAKES(0, syscall(CALL_FUTEX_WAITV, &one, 1, 0, &soon, CLOCK_REALTIME));
    TAKES(0, syscall(CALL_FUTEX_WAITV, &one, 1, 0, &soon, CLOCK_BOOTTIME));
    soon = from_now(CLOCK_REALTIME, 30);
    LASTS_UNTIL(CLOCK_REALTIME, &soon,
                syscall(CALL_FUTEX_WAITV, &one, 1, 0, &soon, CLOCK_REALTIME));
    TAKES(0, syscall(CALL_FUTEX_WAIT, &word, 0, -1u, 2, &past, CLOCK_MONOTONIC));
    TAKES(0, syscall(CALL_FUTEX_WAIT, &word, 0, -1u, 2, &past, CLOCK_TAI));
    soon = from_now(CLOCK_MONOTONIC, 30);
    LASTS_UNTIL(CLOCK_MONOTONIC, &soon,
                syscall(CALL_FUTEX_WAIT, &word, 0, -1u, 2, &soon, CLOCK_MONOTONIC));
    TAKES(0, syscall(CALL_FUTEX_WAIT, &word, 1, -1u, 2, NULL, 77));
}

static void not_allowed(void)
{
    static const struct {
        const char *name;
        int operation;
    } operations[] = {
        { "WAIT", FUTEX_WAIT }, { "WAKE", FUTEX_WAKE }, { "REQUEUE", FUTEX_REQUEUE },
        { "CMP_REQUEUE", FUTEX_CMP_REQUEUE }, { "WAKE_OP", FUTEX_WAKE_OP },
        { "LOCK_PI", FUTEX_LOCK_PI }, { "UNLOCK_PI", FUTEX_UNLOCK_PI },
        { "TRYLOCK_PI", FUTEX_TRYLOCK_PI }, { "WAKE_BITSET", FUTEX_WAKE_BITSET },
        { "CMP_REQUEUE_PI", FUTEX_CMP_REQUEUE_PI },
    };

    SECTION("no clock to choose");
    for (size_t i = 0; i < COUNT(operations); i++) {
        long result = futex(&word, operations[i].operation | FUTEX_CLOCK_REALTIME, 1);

        show(operations[i].name, result == -1 ? -errno : result);
    }
}

int main(void)
{
    relative();
    absolute();
    locks();
    requeue_waits();
    newer_calls();
    not_allowed();
    return 0;
}
