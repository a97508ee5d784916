/* futex: what each operation does and what it returns (waiting, waking, requeueing). */
#include "with_threads.h"

#define MANY 8

static uint32_t word, other;
static int flags;
static unsigned order[MANY], finished;
static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;

struct waiter {
    unsigned number;
    uint32_t bits;
    pthread_t thread;
};
static struct waiter waiters[MANY];

static void *wait_with_bits(void *argument)
{
    const struct waiter *waiter = argument;
    long result = futex(&word, FUTEX_WAIT_BITSET | flags, 0, NULL, NULL, waiter->bits);
    void *value = answer(result);

    (void)pthread_mutex_lock(&order_lock);
    order[finished++] = waiter->number;
    (void)pthread_mutex_unlock(&order_lock);
    return value;
}

/* One after the other, so that their order is known. */
static void start_waiters(unsigned count, const uint32_t *bits)
{
    finished = 0;
    for (unsigned i = 0; i < count; i++) {
        waiters[i].number = i;
        waiters[i].bits = bits ? bits[i] : FUTEX_BITSET_MATCH_ANY;
        waiters[i].thread = start(wait_with_bits, &waiters[i]);
        await_waiters(&word, flags, i + 1);
    }
}

static void join_waiters(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        long result = join(waiters[i].thread);

        if (result)
            show("a waiter ends with", result);
    }
}

static void await_finished(unsigned count)
{
    for (int i = 0; i < MEMBER_PATIENCE_MS; i++) {
        (void)pthread_mutex_lock(&order_lock);
        bool done = finished >= count;
        (void)pthread_mutex_unlock(&order_lock);
        if (done)
            return;
        sleep_ms(1);
    }
    (void)printf("they are not woken\n");
}

static void waking(void)
{
    SECTION("waking");
    CALL(futex(&word, FUTEX_WAKE | flags, 1));
    start_waiters(5, NULL);
    CALL(futex(&word, FUTEX_WAKE | flags, 0));
    await_finished(1);
    CALL(futex(&word, FUTEX_WAKE | flags, -1));
    await_finished(2);
    CALL(futex(&word, FUTEX_WAKE | flags, 2));
    await_finished(4);
    CALL(waiters_of(&word, flags));
    CALL(futex(&word, FUTEX_WAKE | flags, INT_MAX));
    CALL(futex(&word, FUTEX_WAKE | flags, INT_MAX));
    join_waiters(5);
}

static void waking_one_by_one(void)
{
    SECTION("the oldest first");
    start_waiters(4, NULL);
    for (unsigned i = 0; i < 4; i++) {
        CALL(futex(&word, FUTEX_WAKE | flags, 1));
        await_finished(i + 1);
    }
    join_waiters(4);
    for (unsigned i = 0; i < 4; i++)
        VALUE(order[i]);
}

static void waking_by_bits(void)
{
    const uint32_t bits[] = { 1, 2, 4, 3, 0x80000000 };

    SECTION("bit sets");
    start_waiters(5, bits);
    CALL(futex(&word, FUTEX_WAKE_BITSET | flags, INT_MAX, NULL, NULL, 8));
    CALL(futex(&word, FUTEX_WAKE_BITSET | flags, INT_MAX, NULL, NULL, 0));
    CALL(futex(&word, FUTEX_WAKE_BITSET | flags, 1, NULL, NULL, 2));
    await_finished(1);
    CALL(futex(&word, FUTEX_WAKE_BITSET | flags, INT_MAX, NULL, NULL, 6));
    await_finished(3);
    CALL(futex(&word, FUTEX_WAKE | flags, INT_MAX));
    join_waiters(5);
    VALUE(order[0]);
}

static void requeueing(void)
{
    SECTION("requeueing");
    start_waiters(6, NULL);
    CALL(futex(&word, FUTEX_REQUEUE | flags, 1, 2, &other));
    await_finished(1);
    CALL(waiters_of(&word, flags));
    CALL(waiters_of(&other, flags));
    CALL(futex(&word, FUTEX_CMP_REQUEUE | flags, 0, 1, &other, 1));
    CALL(futex(&word, FUTEX_CMP_REQUEUE | flags, 0, 1, &other, 0));
    CALL(futex(&word, FUTEX_CMP_REQUEUE | flags, 0, 0, &other, 0));
    CALL(futex(&other, FUTEX_WAKE | flags, 1));
    CALL(futex(&word, FUTEX_REQUEUE | flags, 1, INT_MAX, &other));
    CALL(futex(&word, FUTEX_WAKE | flags, INT_MAX));
    CALL(futex(&other, FUTEX_WAKE | flags, INT_MAX));
    join_waiters(6);
    CALL(futex(&word, FUTEX_REQUEUE | flags, 1, 1, &word));
    CALL(futex(&word, FUTEX_REQUEUE | flags, -1, 1, &other));
    CALL(futex(&word, FUTEX_REQUEUE | flags, 1, -1, &other));
    CALL(futex(&word, FUTEX_CMP_REQUEUE | flags, 1, -1, &other, 7));
}

static void requeueing_keeps_bits(void)
{
    const uint32_t bits[] = { 1, 2 };

    SECTION("what is requeued keeps its bit set");
    start_waiters(2, bits);
    CALL(futex(&word, FUTEX_REQUEUE | flags, 0, 2, &other));
    CALL(futex(&other, FUTEX_WAKE_BITSET | flags, INT_MAX, NULL, NULL, 4));
    CALL(futex(&other, FUTEX_WAKE_BITSET | flags, INT_MAX, NULL, NULL, 2));
    CALL(futex(&other, FUTEX_WAKE_BITSET | flags, INT_MAX, NULL, NULL, 1));
    join_waiters(2);
}

static void requeueing_to_itself(void)
{
    SECTION("requeueing to the same word");
    start_waiters(3, NULL);
    CALL(futex(&word, FUTEX_REQUEUE | flags, 1, 1, &word));
    CALL(futex(&word, FUTEX_REQUEUE | flags, 0, 9, &word));
    CALL(futex(&word, FUTEX_WAKE | flags, 9));
    join_waiters(3);
}

static void unknown(void)
{
    SECTION("unknown operations");
    CALL(futex(&word, FUTEX_FD | flags, 1));
    for (int operation = 14; operation < 20; operation++)
        show("operation", answer(futex(&word, operation | flags, 1)) ? -errno : 0);
    CALL(futex(&word, 512 | FUTEX_WAKE | flags, 1));
    CALL(futex(&word, 1024 | FUTEX_UNLOCK_PI | flags, 1));
    CALL(futex(&word, -1, 1));
}

static void all(void)
{
    waking();
    waking_one_by_one();
    waking_by_bits();
    requeueing();
    requeueing_keeps_bits();
    requeueing_to_itself();
    unknown();
}

int main(void)
{
    private_and_shared(all, &flags);
    return 0;
}
