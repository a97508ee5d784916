/* Futexes: who sleeps, who is woken and in which order, and everything that ends a wait. */
#include "futex/futex.h"

#include <errno.h>

#include "memory/user_memory.h"
#include "unit/process/process_fixture.h"

#define WORD FIXTURE_DATA
#define WAITERS 5

static int results[WAITERS];
static unsigned order[WAITERS], woken;
static uint32_t waiter_bits[WAITERS] = { 1, 2, 4, 1, FUTEX_ANY };
static unsigned started;

static struct futex_request request_for(user_address word, uint32_t bits)
{
    return (struct futex_request){ .space = current_space(), .word = word, .bits = bits };
}

static int wait_at(user_address word, uint32_t expected, uint64_t deadline_ns)
{
    const struct futex_request request = request_for(word, FUTEX_ANY);

    return futex_wait(&request, expected, deadline_ns);
}

static int64_t wake_at(user_address word, uint32_t count)
{
    const struct futex_request request = request_for(word, FUTEX_ANY);

    return futex_wake(&request, count);
}

static void store(uint32_t value)
{
    ck_assert_int_eq(user_copy_out(current_space(), WORD, &value, sizeof(value)), 0);
}

static void wait_once(void *argument)
{
    unsigned index = started++;
    const struct futex_request request = request_for(WORD, waiter_bits[index]);

    (void)argument;
    results[index] = futex_wait(&request, 1, WAIT_FOREVER);
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
    const struct futex_request nobody = request_for(WORD, 0);

    futex_init();
    store(5);
    ck_assert_int_eq(wait_at(WORD, 4, WAIT_FOREVER), -EAGAIN);
    ck_assert_int_eq(wait_at(WORD + 2, 5, WAIT_FOREVER), -EINVAL);
    ck_assert_int_eq(wait_at(0x1000, 5, WAIT_FOREVER), -EFAULT);
    ck_assert_int_eq(wait_at((user_address)-4, 5, WAIT_FOREVER), -EFAULT);
    ck_assert_int_eq(futex_wait(&nobody, 5, WAIT_FOREVER), -EINVAL);
    ck_assert_int_eq(futex_wake(&nobody, 1), -EINVAL);
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
    ck_assert_int_eq(wake_at(WORD, UINT32_MAX), 2);
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

    const struct futex_request fours = request_for(WORD, 4);
    const struct futex_request ones = request_for(WORD, 1);

    ck_assert_int_eq(futex_wake(&fours, 9), 2);    /* the third and the last */
    ck_assert_int_eq(futex_wake(&ones, 9), 2);
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

TEST_MAIN("futex/wait_wake", wrong_requests_are_refused, a_page_that_is_not_there_is_brought_in,
          the_oldest_are_woken_first, bits_choose_waiters, a_wait_ends_with_its_time,
          a_signal_ends_a_wait)
