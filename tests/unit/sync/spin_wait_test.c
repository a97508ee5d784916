/* Threads that go round in user code: what wakes them, and what does not. */
#include "sync/spin_wait.h"

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/choice.h"
#include "sched/scheduler.h"

static const struct trap spin = { .kind = TRAP_SPIN };
static const struct trap new_spin = { .kind = TRAP_SPIN, .spin_began = true };
static const struct trap call = { .kind = TRAP_SYSCALL };
static const struct trap interrupt = { .kind = TRAP_INTERRUPT };
static unsigned rounds;

static unsigned choose_first(int32_t current, const struct candidate *candidates, unsigned count)
{
    (void)current;
    (void)candidates;
    (void)count;
    return 0;
}

static uint64_t choose_zero(uint64_t count)
{
    (void)count;
    return 0;
}

static void ignore(const struct observer_event *event)
{
    (void)event;
}

static const struct observer_operations observer = {
    .choose_thread = choose_first,
    .choose_number = choose_zero,
    .event = ignore,
};

static void go_round(void *argument)
{
    (void)argument;
    for (rounds = 0; rounds < 3; rounds++)
        spin_wait(spin_wait_trapped(&spin), 0x1000);
}

static struct thread *begin(void)
{
    fake_scheduler_init(1);
    fake_machine_info.observer = &observer;

    struct thread *thread = fake_thread_start("spinner", go_round, NULL);

    fake_scheduler_run();
    ck_assert_uint_eq(rounds, 0);
    ck_assert_int_eq(thread->waiting_for.kind, WAIT_SPIN);
    ck_assert_uint_eq(thread->waiting_for.object, 0x1000);
    return thread;
}

static void happens(const struct trap *trap, unsigned expected)
{
    (void)spin_wait_trapped(trap);
    fake_scheduler_run();
    ck_assert_uint_eq(rounds, expected);
}

START_TEST(traps_of_others_wake)
{
    struct thread *thread = begin();

    happens(&call, 1);
    happens(&new_spin, 2);
    spin_wait_progress();
    fake_scheduler_run();
    ck_assert_uint_eq(rounds, 3);
    thread_release(thread);
}
END_TEST

START_TEST(what_changes_nothing_does_not_wake)
{
    struct thread *thread = begin();

    happens(&spin, 0);
    happens(&interrupt, 0);
    happens(&call, 1);
    happens(&call, 2);
    happens(&call, 3);
    thread_release(thread);
}
END_TEST

static void miss_nothing(void *argument)
{
    uint64_t seen = spin_wait_trapped(&spin);

    (void)argument;
    (void)spin_wait_trapped(&call);    /* another CPU, before this one sleeps */
    spin_wait(seen, 0x1000);
    rounds = 1;
}

START_TEST(a_change_before_the_sleep_is_not_lost)
{
    fake_scheduler_init(1);
    fake_machine_info.observer = &observer;
    rounds = 0;
    thread_release(fake_thread_start("spinner", miss_nothing, NULL));
    fake_scheduler_run();
    ck_assert_uint_eq(rounds, 1);
}
END_TEST

START_TEST(a_signal_ends_the_wait)
{
    struct thread *thread = begin();

    thread_interrupt(thread, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert_uint_ge(rounds, 1);
    thread_release(thread);
}
END_TEST

#define ALARM_NS UINT64_C(5000000)

static void go_round_with_alarm(void *argument)
{
    (void)argument;
    thread_set_run_alarm(ALARM_NS);
    spin_wait(spin_wait_trapped(&spin), 0x1000);
    rounds = 7;
    scheduler_block();
}

/* Its own processor time is something that changes by going round. */
START_TEST(time_that_it_uses_wakes)
{
    struct thread *thread;
    uint64_t user_ns, system_ns;

    fake_scheduler_init(1);
    fake_machine_info.observer = &observer;
    rounds = 0;
    thread = fake_thread_start("spinner", go_round_with_alarm, NULL);
    fake_scheduler_run();
    fake_machine_advance(ALARM_NS - 1);
    fake_scheduler_run();
    ck_assert_uint_eq(rounds, 0);
    fake_machine_advance(ALARM_NS);
    fake_scheduler_run();
    ck_assert_uint_eq(rounds, 7);
    ck_assert(thread->work & THREAD_WORK_PROCESSOR_TIME);
    thread_times(thread, &user_ns, &system_ns);
    ck_assert_uint_ge(user_ns + system_ns, ALARM_NS);
    thread_release(thread);
}
END_TEST

static void set_work_of(void *argument)
{
    thread_set_work(argument, THREAD_WORK_PROCESSOR_TIME);
    scheduler_block();    /* its end would be a change, too */
}

/* What is to be looked at on the way to user mode is looked at. */
START_TEST(work_wakes)
{
    struct thread *thread = begin();

    thread_release(fake_thread_start("other", set_work_of, thread));
    fake_scheduler_run();
    ck_assert_uint_ge(rounds, 1);
    thread_release(thread);
}
END_TEST

TEST_MAIN("sync/spin_wait", time_that_it_uses_wakes, work_wakes,
          traps_of_others_wake, what_changes_nothing_does_not_wake,
          a_change_before_the_sleep_is_not_lost, a_signal_ends_the_wait)
