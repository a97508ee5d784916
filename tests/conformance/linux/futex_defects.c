/*
 * futex: mistakes that other kernels made, where the other programs do not show them.  Each section
 * is named after one.
 */
#include "with_threads.h"

#define WORDS 64
#define ROUNDS 3000

static uint32_t words[WORDS], target;
static struct timespec zero;

static void *wait_on(void *argument)
{
    return answer(futex(argument, FUTEX_WAIT | PRIVATE, 0));
}

static void requeue_takes_other_words(void)
{
    pthread_t threads[WORDS];
    long moved = 0;

    SECTION("REQUEUE takes waiters of other words along");
    for (unsigned i = 0; i < WORDS; i++) {
        threads[i] = start(wait_on, &words[i]);
        await_waiters(&words[i], PRIVATE, 1);
    }
    CALL(futex(&words[5], FUTEX_REQUEUE | PRIVATE, 0, INT_MAX, &target));
    for (unsigned i = 0; i < WORDS; i++)
        moved += waiters_of(&words[i], PRIVATE) == 0;
    VALUE(moved);
    CALL(futex(&target, FUTEX_WAKE | PRIVATE, INT_MAX));
    for (unsigned i = 0; i < WORDS; i++) {
        (void)futex(&words[i], FUTEX_WAKE | PRIVATE, 1);
        (void)join(threads[i]);
    }
}

static void zero_is_no_timeout(void)
{
    SECTION("a time of zero is taken for none, or a count for a pointer");
    CALL(futex(&words[0], FUTEX_WAIT | PRIVATE, 0, &zero));
    CALL(futex(&words[0], FUTEX_WAKE | PRIVATE, 1, 0x7fffffff));
    CALL(futex(&words[0], FUTEX_REQUEUE | PRIVATE, 1, 0x7ffffff0, &target));
}

/* ---- Lost wake-ups ------------------------------------------------------------------------- */

static uint32_t ping, pong;

static void *answer_pings(void *argument)
{
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        while (__atomic_load_n(&ping, __ATOMIC_SEQ_CST) != i)
            (void)futex(&ping, FUTEX_WAIT | PRIVATE, i - 1);
        __atomic_store_n(&pong, i, __ATOMIC_SEQ_CST);
        (void)futex(&pong, FUTEX_WAKE | PRIVATE, 1);
    }
    return argument;
}

static void lost_wake_ups(void)
{
    pthread_t thread = start(answer_pings, NULL);

    SECTION("a wake-up between the look and the sleep is lost");
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        __atomic_store_n(&ping, i, __ATOMIC_SEQ_CST);
        (void)futex(&ping, FUTEX_WAKE | PRIVATE, 1);
        while (__atomic_load_n(&pong, __ATOMIC_SEQ_CST) != i)
            (void)futex(&pong, FUTEX_WAIT | PRIVATE, i - 1);
    }
    (void)join(thread);
    VALUE(pong);
}

/* ---- Memory that changes under a call ------------------------------------------------------ */

static char *page;
static volatile bool stop;

static void *map_again(void *argument)
{
    while (!stop) {
        (void)mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                   0);
        (void)mprotect(page, 4096, PROT_NONE);
        (void)mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
                   0);
    }
    return argument;
}

static void memory_changes(void)
{
    pthread_t thread;
    unsigned odd = 0;

    SECTION("memory that goes away under a call breaks the kernel");
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    thread = start(map_again, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        static const int operations[] = { FUTEX_WAIT, FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI,
                                          FUTEX_UNLOCK_PI, FUTEX_WAKE, FUTEX_WAKE_OP };
        int operation = operations[i % 6] | (i & 8 ? PRIVATE : 0);
        long result = futex(page, operation, 1, operations[i % 6] == FUTEX_WAKE_OP ? NULL : &zero,
                            page + 8, FUTEX_OP_ADD << 28 | 1 << 12);

        odd += result < -1 || result > 1;
    }
    stop = true;
    (void)join(thread);
    VALUE(odd);
}

/* ---- Waiting without a CPU ----------------------------------------------------------------- */

static void *wait_a_while(void *argument)
{
    struct timespec soon = { 0, 200000000 }, used;

    (void)argument;
    (void)futex(&words[0], FUTEX_WAIT | PRIVATE, 0, &soon);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (void *)(used.tv_sec == 0 && used.tv_nsec < 100000000 ? 1L : 0L);
}

static void waiting_burns_time(void)
{
    SECTION("waiting uses the processor");
    FACT(join(start(wait_a_while, NULL)) == 1);
}

int main(void)
{
    requeue_takes_other_words();
    zero_is_no_timeout();
    lost_wake_ups();
    memory_changes();
    waiting_burns_time();
    return 0;
}
