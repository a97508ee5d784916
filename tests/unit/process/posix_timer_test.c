/* Timers of programs: states, overruns, settings of before, ids, and that all memory comes back. */
#include "process/posix_timer.h"

#include "memory/pool.h"
#include "signal/signal_internal.h"
#include "unit/process/process_fixture.h"

#define MS UINT64_C(1000000)

static const struct posix_timer_request plain = {
    .base = CLOCK_BASE_MONOTONIC, .number = SIGNAL_USR1, .has_value = true, .value = 4711,
};

static int32_t create(void)
{
    int32_t id = -1;

    ck_assert_int_eq(posix_timer_create(&plain, &id), 0);
    return id;
}

static void set(int32_t id, uint64_t first_ns, uint64_t interval_ns)
{
    const struct posix_timer_setting wanted = { first_ns, interval_ns };

    ck_assert_int_eq(posix_timer_set(id, &wanted, false, NULL), 0);
}

/* Delivers what is pending; the information of the newest frame, or NULL. */
static const struct signal_information *deliver(void)
{
    unsigned before = fixture_frame_count;

    signal_set_blocked(0);
    if (current_thread()->work & THREAD_WORK_SIGNAL)
        signal_deliver_pending();
    signal_set_blocked(UINT64_MAX);
    return fixture_frame_count > before ? &fixture_frames[fixture_frame_count - 1].information
                                        : NULL;
}

static void handle_user_1(void)
{
    const struct signal_action action = { .handler = 0x1000 };

    ck_assert_int_eq(signal_action_change(SIGNAL_USR1, &action, NULL), 0);
    signal_set_blocked(UINT64_MAX);
}

static void count_missed(void)
{
    const struct signal_information *information;
    int32_t id = create();

    handle_user_1();
    set(id, 10 * MS, 10 * MS);
    fake_machine_advance(10 * MS - 1);
    ck_assert_ptr_null(deliver());
    fake_machine_advance(1);
    fake_machine_advance(35 * MS);    /* three more go by, blocked */
    information = deliver();
    ck_assert_ptr_nonnull(information);
    ck_assert_int_eq(information->code, CODE_TIMER);
    ck_assert_int_eq(information->timer.timer_id, id);
    ck_assert_uint_eq(information->timer.value, 4711);
    ck_assert_int_eq(information->timer.overrun, 3);
    ck_assert_int_eq(posix_timer_overrun(id), 3);
    fake_machine_advance(5 * MS);     /* the next one is in time */
    information = deliver();
    ck_assert_ptr_nonnull(information);
    ck_assert_int_eq(information->timer.overrun, 0);
    ck_assert_int_eq(posix_timer_delete(id), 0);
}

START_TEST(missed_expiries_are_counted_when_the_signal_is_taken)
{
    fixture_run(count_missed);
    ck_assert(fixture_halted);
}
END_TEST

static void set_anew(void)
{
    int32_t id = create();

    handle_user_1();
    set(id, MS, 0);
    fake_machine_advance(MS);
    set(id, 500 * MS, 0);
    ck_assert_ptr_null(deliver());    /* of the setting before */
    fake_machine_advance(500 * MS);
    ck_assert_ptr_nonnull(deliver());
    set(id, MS, 0);
    fake_machine_advance(MS);
    ck_assert_int_eq(posix_timer_delete(id), 0);
    ck_assert_ptr_null(deliver());
    ck_assert_int_eq(posix_timer_delete(id), -EINVAL);
    ck_assert_int_eq(posix_timer_overrun(id), -EINVAL);
}

START_TEST(signal_of_a_setting_before_counts_as_never_sent)
{
    fixture_run(set_anew);
    ck_assert(fixture_halted);
}
END_TEST

static void read_settings(void)
{
    struct posix_timer_setting setting;
    const struct posix_timer_setting wanted = { 0, 0 };
    int32_t id = create();

    ck_assert_int_eq(posix_timer_get(id, &setting), 0);
    ck_assert_uint_eq(setting.expires_ns, 0);
    set(id, 20 * MS, 7 * MS);
    fake_machine_advance(5 * MS);
    ck_assert_int_eq(posix_timer_get(id, &setting), 0);
    ck_assert_uint_eq(setting.expires_ns, 15 * MS);
    ck_assert_uint_eq(setting.interval_ns, 7 * MS);
    fake_machine_advance(17 * MS);    /* due 2 ms ago, its signal is blocked */
    ck_assert_int_eq(posix_timer_get(id, &setting), 0);
    ck_assert_uint_eq(setting.expires_ns, 5 * MS);
    ck_assert_int_eq(posix_timer_set(id, &wanted, false, &setting), 0);
    ck_assert_uint_eq(setting.interval_ns, 7 * MS);
    ck_assert_int_eq(posix_timer_get(id, &setting), 0);
    ck_assert_uint_eq(setting.expires_ns + setting.interval_ns, 0);
    ck_assert_int_eq(posix_timer_delete(id), 0);
}

START_TEST(setting_can_be_read_in_every_state)
{
    fixture_run(read_settings);
    ck_assert(fixture_halted);
}
END_TEST

static size_t timers_in_use;

static void note_pool(const struct pool *pool, void *context)
{
    (void)context;
    if (strcmp(pool->name, "timer") == 0)
        timers_in_use = pool->in_use;
}

static void leave_many(void)
{
    int32_t first = create();

    handle_user_1();
    set(first, MS, MS);
    for (int i = 1; i < 100; i++) {
        ck_assert_int_eq(create(), first + i);
        set(first + i, MS, i % 2 ? MS : 0);
    }
    fake_machine_advance(MS);    /* all are pending */
    pool_for_each(note_pool, NULL);
    ck_assert_uint_eq(timers_in_use, 100);
    posix_timers_delete_all(current_process());
    ck_assert_int_eq(posix_timer_overrun(first), -EINVAL);
    ck_assert_ptr_null(deliver());
    pool_for_each(note_pool, NULL);
    ck_assert_uint_eq(timers_in_use, 0);
    ck_assert_int_eq(create(), first + 100);    /* ids rest */
}

START_TEST(deleted_timers_give_all_back_also_when_they_are_pending)
{
    fixture_run(leave_many);
    ck_assert(fixture_halted);
    pool_for_each(note_pool, NULL);
    ck_assert_uint_eq(timers_in_use, 0);    /* the end deleted the last */
}
END_TEST

static void reach_limit(void)
{
    int32_t id;

    for (int i = 0; i < 5; i++)
        (void)create();
    current_process()->limits.of[LIMIT_PENDING_SIGNALS].soft = 5;
    ck_assert_int_eq(posix_timer_create(&plain, &id), -EAGAIN);
    posix_timers_delete_all(current_process());
    ck_assert_int_eq(posix_timer_create(&plain, &id), 0);
}

START_TEST(timers_count_as_pending_signals)
{
    fixture_run(reach_limit);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("process/posix_timer", missed_expiries_are_counted_when_the_signal_is_taken,
          signal_of_a_setting_before_counts_as_never_sent, setting_can_be_read_in_every_state,
          deleted_timers_give_all_back_also_when_they_are_pending,
          timers_count_as_pending_signals)
