/* Processor time: the sum is exact, the split is sampled. */
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/scheduler.h"

/* Threads with a process have user time; nothing here looks into it. */
static struct process *const some_process = (struct process *)&fake_machine;

static struct thread *start_user_thread(void (*entry)(void *argument))
{
    const struct thread_request request = {
        .name = "user", .entry = entry, .process = some_process,
    };
    struct thread *thread;

    ck_assert_int_eq(thread_create(&request, &thread), 0);
    thread_start(thread);
    return thread;
}

/* User code for `user_ns`, then a stay in the kernel for `system_ns`. */
static void round_trip(uint64_t user_ns, uint64_t system_ns)
{
    machine_interrupts_disable();
    scheduler_account_user_enter();
    fake_machine.time_ns += user_ns;
    scheduler_account_user_leave();
    machine_interrupts_restore(true);
    fake_machine.time_ns += system_ns;
}

static void run_and_block(void *argument)
{
    (void)argument;
    fake_machine.time_ns += 700;
    scheduler_block();
    fake_machine.time_ns += 300;
}

START_TEST(accounting_charges_only_time_on_the_cpu)
{
    uint64_t user_ns, system_ns;

    fake_scheduler_init(1);

    struct thread *thread = fake_thread_start("a", run_and_block, NULL);

    fake_machine.time_ns += 5000;    /* ready, not running */
    fake_scheduler_run();
    thread_times(thread, &user_ns, &system_ns);
    ck_assert_uint_eq(user_ns, 0);
    ck_assert_uint_eq(system_ns, 700);
    fake_machine.time_ns += 9000;    /* blocked */
    (void)scheduler_wake(thread);
    fake_scheduler_run();
    thread_times(thread, &user_ns, &system_ns);
    ck_assert_uint_eq(user_ns + system_ns, 1000);
    ck_assert_uint_eq(thread->started_ns, 0);
}
END_TEST

static void look_at_own_times(void *argument)
{
    uint64_t user_ns, system_ns;

    (void)argument;
    fake_machine.time_ns += 123;
    thread_times(current_thread(), &user_ns, &system_ns);
    ck_assert_uint_eq(user_ns + system_ns, 123);
}

START_TEST(accounting_includes_the_running_stretch)
{
    fake_scheduler_init(1);
    thread_release(fake_thread_start("a", look_at_own_times, NULL));
    fake_scheduler_run();
}
END_TEST

static void make_short_calls(void *argument)
{
    (void)argument;
    for (int i = 0; i < 16000; i++)
        round_trip(3000, 1000);
}

START_TEST(accounting_splits_short_calls_by_sampling)
{
    uint64_t user_ns, system_ns;

    fake_scheduler_init(1);

    struct thread *thread = start_user_thread(make_short_calls);

    fake_scheduler_run();
    thread_times(thread, &user_ns, &system_ns);
    ck_assert_uint_eq(user_ns + system_ns, 16000 * 4000);
    ck_assert_uint_ge(system_ns, 15900 * 1000);
    ck_assert_uint_le(system_ns, 16100 * 1000);
    thread_release(thread);
}
END_TEST

static void make_long_calls(void *argument)
{
    (void)argument;
    for (int i = 0; i < 100; i++)
        round_trip(1000, 1000000);
}

START_TEST(accounting_measures_long_calls_closely)
{
    uint64_t user_ns, system_ns;

    fake_scheduler_init(1);

    struct thread *thread = start_user_thread(make_long_calls);

    fake_scheduler_run();
    thread_times(thread, &user_ns, &system_ns);
    ck_assert_uint_eq(user_ns + system_ns, 100 * 1001000);
    ck_assert_uint_ge(system_ns, 98 * 1000000);
    thread_release(thread);
}
END_TEST

static void compute(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20; i++)
        round_trip(100, 100);
    round_trip(1000000000, 100);
}

START_TEST(accounting_gives_computing_to_the_user)
{
    uint64_t user_ns, system_ns;

    fake_scheduler_init(1);

    struct thread *thread = start_user_thread(compute);

    fake_scheduler_run();
    thread_times(thread, &user_ns, &system_ns);
    ck_assert_uint_ge(user_ns, 999000000);
    thread_release(thread);
}
END_TEST

static void sleep_in_calls(void *argument)
{
    (void)argument;
    for (int i = 0; i < 32; i++) {
        round_trip(1000, 1000);
        scheduler_block();
    }
}

START_TEST(accounting_does_not_count_sleep_as_system_time)
{
    uint64_t user_ns, system_ns;

    fake_scheduler_init(1);

    struct thread *thread = start_user_thread(sleep_in_calls);

    while (thread->state != THREAD_DEAD) {
        fake_scheduler_run();
        fake_machine.time_ns += 1000000;
        (void)scheduler_wake(thread);
    }
    thread_times(thread, &user_ns, &system_ns);
    ck_assert_uint_eq(user_ns + system_ns, 32 * 2000);
    ck_assert_uint_ge(user_ns, 30 * 1000);
    thread_release(thread);
}
END_TEST

/* ---- The alarm ----------------------------------------------------------------------------- */

static bool has_alarm(void)
{
    return current_thread()->work & THREAD_WORK_PROCESSOR_TIME;
}

static void run_to_alarm(void *argument)
{
    (void)argument;
    thread_set_run_alarm(1000000);
    fake_machine_advance(400000);
    ck_assert(!has_alarm());
    scheduler_block();
    ck_assert(!has_alarm());    /* others ran meanwhile: that does not count */
    fake_machine_advance(599999);
    ck_assert(!has_alarm());
    fake_machine_advance(1);
    ck_assert(has_alarm());
}

START_TEST(accounting_alarm_comes_after_so_much_processor_time)
{
    fake_scheduler_init(1);

    struct thread *thread = fake_thread_start("a", run_to_alarm, NULL);

    fake_scheduler_run();
    ck_assert_int_eq(thread->state, THREAD_BLOCKED);
    fake_machine_advance(50000000);
    ck_assert(!(thread->work & THREAD_WORK_PROCESSOR_TIME));
    (void)scheduler_wake(thread);
    fake_scheduler_run();
    ck_assert(thread->work & THREAD_WORK_PROCESSOR_TIME);
}
END_TEST

static void pass_alarm_in_kernel(void *argument)
{
    (void)argument;
    thread_set_run_alarm(1000);
    machine_interrupts_disable();
    fake_machine.time_ns += 5000;    /* the interrupt does not come */
    schedule(THREAD_BLOCKED);
    machine_interrupts_restore(true);
}

START_TEST(accounting_alarm_that_was_passed_is_seen_when_it_runs_again)
{
    fake_scheduler_init(1);

    struct thread *thread = fake_thread_start("a", pass_alarm_in_kernel, NULL);

    fake_scheduler_run();
    (void)scheduler_wake(thread);
    fake_scheduler_run();
    ck_assert(thread->work & THREAD_WORK_PROCESSOR_TIME);
}
END_TEST

static void without_alarm(void *argument)
{
    (void)argument;
    thread_set_run_alarm(1000);
    thread_set_run_alarm(UINT64_MAX);
    fake_machine_advance(100000000);
    ck_assert(!has_alarm());
}

START_TEST(accounting_alarm_can_be_taken_back)
{
    fake_scheduler_init(1);
    (void)fake_thread_start("a", without_alarm, NULL);
    fake_scheduler_run();
}
END_TEST

static void look_often(void *argument)
{
    uint64_t last_user = 0, last_system = 0, user_ns, system_ns;

    (void)argument;
    for (int i = 0; i < 200; i++) {
        round_trip(1000, i % 16 == 0 ? 15000 : 10);    /* the samples are all wrong */
        thread_times(current_thread(), &user_ns, &system_ns);
        ck_assert_uint_ge(user_ns, last_user);
        ck_assert_uint_ge(system_ns, last_system);
        last_user = user_ns;
        last_system = system_ns;
    }
}

START_TEST(accounting_parts_never_become_less)
{
    fake_scheduler_init(1);

    struct thread *thread = start_user_thread(look_often);

    fake_scheduler_run();
    thread_release(thread);
}
END_TEST

TEST_MAIN("sched/accounting", accounting_charges_only_time_on_the_cpu,
          accounting_includes_the_running_stretch, accounting_splits_short_calls_by_sampling,
          accounting_measures_long_calls_closely, accounting_gives_computing_to_the_user,
          accounting_does_not_count_sleep_as_system_time,
          accounting_alarm_comes_after_so_much_processor_time,
          accounting_alarm_that_was_passed_is_seen_when_it_runs_again,
          accounting_alarm_can_be_taken_back, accounting_parts_never_become_less)
