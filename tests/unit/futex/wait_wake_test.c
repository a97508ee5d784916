/* Futexes: who sleeps, who is woken and in which order, and everything that ends a wait. */
#include "futex/futex.h"

#include <errno.h>

#include "memory/user_memory.h"
#include "time/clock.h"
#include "unit/process/process_fixture.h"

#define WORD FIXTURE_DATA
#define WAITERS 5

static int results[WAITERS];
static unsigned order[WAITERS], woken;
static uint32_t waiter_bits[WAITERS] = { 1, 2, 4, 1, FUTEX_ANY };
static unsigned started;

static struct futex_word word_at(user_address address)
{
    return (struct futex_word){ .space = current_space(), .address = address,
                                .is_private = true };
}

static int wait_with(user_address address, uint32_t expected, uint32_t bits, uint64_t deadline_ns)
{
    const struct futex_wait wait = {
        .word = word_at(address),
        .expected = expected,
        .bits = bits,
        .deadline = { deadline_ns, false },
    };

    return futex_wait(&wait);
}

static int wait_at(user_address address, uint32_t expected, uint64_t deadline_ns)
{
    return wait_with(address, expected, FUTEX_ANY, deadline_ns);
}

static int64_t wake_bits(user_address address, uint32_t bits, int32_t count)
{
    const struct futex_word word = word_at(address);

    return futex_wake(&word, bits, count, false);
}

static int64_t wake_at(user_address address, int32_t count)
{
    return wake_bits(address, FUTEX_ANY, count);
}

static void store(uint32_t value)
{
    ck_assert_int_eq(user_copy_out(current_space(), WORD, &value, sizeof(value)), 0);
}

static void wait_once(void *argument)
{
    unsigned index = started++;

    (void)argument;
    results[index] = wait_with(WORD, 1, waiter_bits[index], WAIT_FOREVER);
    order[woken++] = index;
    process_exit_thread(0);
}

static void start_waiters(void)
{
    futex_init();
    store(1);
    for (unsigned i = 0; i < WAITERS; i++)
        thread_release(fixture_thread(wait_once));
    while (started < WAITERS)
        scheduler_yield();
    scheduler_yield();
}

static void errors(void)
{
    futex_init();
    store(5);
    ck_assert_int_eq(wait_at(WORD, 4, WAIT_FOREVER), -EAGAIN);
    ck_assert_int_eq(wait_at(WORD + 2, 5, WAIT_FOREVER), -EINVAL);
    ck_assert_int_eq(wait_at(0x1000, 5, WAIT_FOREVER), -EFAULT);
    ck_assert_int_eq(wait_at((user_address)-4, 5, WAIT_FOREVER), -EFAULT);
    ck_assert_int_eq(wait_with(WORD, 5, 0, WAIT_FOREVER), -EINVAL);
    ck_assert_int_eq(wake_bits(WORD, 0, 1), -EINVAL);
    ck_assert_int_eq(wake_at(WORD + 1, 1), -EINVAL);
    ck_assert_int_eq(wake_at((user_address)-4, 1), -EFAULT);
    ck_assert_int_eq(wake_at(WORD, 1), 0);
}

START_TEST(wrong_requests_are_refused)
{
    fixture_run(errors);
    ck_assert(fixture_halted);
}
END_TEST

static void untouched_page(void)
{
    futex_init();
    ck_assert_int_eq(wait_at(WORD + 0x4000, 1, WAIT_FOREVER), -EAGAIN);
    ck_assert_int_eq(wait_at(WORD + 0x5000, 0, machine_time_ns() + 1), -ETIMEDOUT);
}

START_TEST(a_page_that_is_not_there_is_brought_in)
{
    fixture_run(untouched_page);
    fake_machine_advance(10);
    fake_scheduler_run();
    ck_assert(fixture_halted);
}
END_TEST

static void wake_in_order(void)
{
    start_waiters();
    ck_assert_int_eq(wake_at(WORD + 4, 9), 0);
    ck_assert_int_eq(wake_at(WORD, 2), 2);
    scheduler_yield();
    ck_assert_uint_eq(woken, 2);
    ck_assert_uint_eq(order[0], 0);
    ck_assert_uint_eq(order[1], 1);
    ck_assert_int_eq(wake_at(WORD, 0), 1);    /* as Linux: one at least */
    ck_assert_int_eq(wake_at(WORD, INT32_MAX), 2);
    ck_assert_int_eq(wake_at(WORD, 1), 0);
    while (woken < WAITERS)
        scheduler_yield();
    for (unsigned i = 0; i < WAITERS; i++) {
        ck_assert_uint_eq(order[i], i);
        ck_assert_int_eq(results[i], 0);
    }
}

START_TEST(the_oldest_are_woken_first)
{
    fixture_run(wake_in_order);
    ck_assert(fixture_halted);
}
END_TEST

static void wake_by_bits(void)
{
    start_waiters();
    ck_assert_int_eq(wake_bits(WORD, 4, 9), 2);    /* the third and the last */
    ck_assert_int_eq(wake_bits(WORD, 1, 9), 2);
    ck_assert_int_eq(wake_at(WORD, 9), 1);
}

START_TEST(bits_choose_waiters)
{
    fixture_run(wake_by_bits);
    ck_assert(fixture_halted);
}
END_TEST

static void time_is_up(void)
{
    futex_init();
    store(1);
    ck_assert_int_eq(wait_at(WORD, 1, 0), -ETIMEDOUT);
    ck_assert_int_eq(wait_at(WORD, 1, machine_time_ns() + 1000000), -ETIMEDOUT);
    ck_assert_int_eq(wake_at(WORD, 1), 0);    /* it has left the list */
}

START_TEST(a_wait_ends_with_its_time)
{
    fixture_run(time_is_up);
    fake_machine_advance(2000000);
    fake_scheduler_run();
    ck_assert(fixture_halted);
}
END_TEST

static void interrupted(void)
{
    start_waiters();
    LIST_FOR_EACH(node, &current_process()->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, sibling_node);

        if (thread != current_thread())
            thread_interrupt(thread, THREAD_WORK_SIGNAL);
    }
    while (woken < WAITERS)
        scheduler_yield();
    for (unsigned i = 0; i < WAITERS; i++)
        ck_assert_int_eq(results[i], -EINTR);
    ck_assert_int_eq(wake_at(WORD, 9), 0);
}

START_TEST(a_signal_ends_a_wait)
{
    fixture_run(interrupted);
    ck_assert(fixture_halted);
}
END_TEST

/* ---- Real time ----------------------------------------------------------------------------- */

#define LATER_NS UINT64_C(1000000000000)

static uint64_t real_deadline_ns;
static bool real_is_over;
static int real_result;

static void wait_for_real_time(void *argument)
{
    const struct futex_wait wait = {
        .word = word_at(WORD),
        .expected = 1,
        .bits = FUTEX_ANY,
        .deadline = { real_deadline_ns, true },
    };

    (void)argument;
    real_result = futex_wait(&wait);
    real_is_over = true;
    process_exit_thread(0);
}

static void set_the_clock(void)
{
    futex_init();
    store(1);
    real_deadline_ns = clock_real_ns() + LATER_NS;
    thread_release(fixture_thread(wait_for_real_time));
    scheduler_yield();
    clock_set_real_ns(clock_real_ns() + LATER_NS / 2);    /* not yet */
    scheduler_yield();
    ck_assert(!real_is_over);
    clock_set_real_ns(clock_real_ns() - LATER_NS);        /* and back again */
    scheduler_yield();
    ck_assert(!real_is_over);
    clock_set_real_ns(real_deadline_ns + 1);
    scheduler_yield();
    ck_assert(real_is_over);
    ck_assert_int_eq(real_result, -ETIMEDOUT);
    ck_assert_int_eq(wake_at(WORD, 1), 0);
}

START_TEST(a_wait_for_a_real_time_follows_the_clock)
{
    fixture_run(set_the_clock);
    ck_assert(fixture_halted);
}
END_TEST

/* ---- Several words ------------------------------------------------------------------------- */

static int many_result;

static void wait_for_three(void *argument)
{
    const struct futex_deadline never = { WAIT_FOREVER, false };
    struct futex_wait waits[3];

    (void)argument;
    for (unsigned i = 0; i < 3; i++)
        waits[i] = (struct futex_wait){ .word = word_at(WORD + 8 * i), .expected = 1 };
    many_result = futex_wait_many(waits, 3, &never);
    process_exit_thread(0);
}

static void wake_one_of_three(void)
{
    const uint32_t one = 1;

    futex_init();
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(user_copy_out(current_space(), WORD + 8 * i, &one, sizeof(one)), 0);
    many_result = -1;
    thread_release(fixture_thread(wait_for_three));
    scheduler_yield();
    ck_assert_int_eq(wake_at(WORD + 8, 9), 1);
    scheduler_yield();
    ck_assert_int_eq(many_result, 1);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(wake_at(WORD + 8 * i, 9), 0);
    ck_assert_int_eq(user_copy_out(current_space(), WORD + 16, "\0\0\0\0", 4), 0);
    thread_release(fixture_thread(wait_for_three));
    scheduler_yield();
    ck_assert_int_eq(many_result, -EAGAIN);
    ck_assert_int_eq(wake_at(WORD, 9), 0);    /* nothing stays queued */
}

START_TEST(one_of_several_words_is_enough)
{
    fixture_run(wake_one_of_three);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("futex/wait_wake", wrong_requests_are_refused, a_page_that_is_not_there_is_brought_in,
          the_oldest_are_woken_first, bits_choose_waiters, a_wait_ends_with_its_time,
          a_signal_ends_a_wait, a_wait_for_a_real_time_follows_the_clock,
          one_of_several_words_is_enough)
