/* Work for all CPUs: where new threads start, and what idle CPUs take from busy ones. */
#include <setjmp.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"

static jmp_buf has_nothing_to_do;

static void do_nothing(void *argument)
{
    (void)argument;
}

static void come_back(void)
{
    longjmp(has_nothing_to_do, 1);
}

/* All CPUs from `first` on come up and go idle. */
static void begin(unsigned cpus, unsigned first)
{
    fake_scheduler_init(cpus);
    fake_machine.idle = come_back;
    for (volatile unsigned cpu = first; cpu < cpus; cpu++) {
        fake_machine.cpu = cpu;
        if (!setjmp(has_nothing_to_do))
            scheduler_run_idle();
    }
    fake_machine.idle = NULL;
    fake_machine.cpu = 0;
}

static unsigned ready_on(unsigned cpu)
{
    return cpu_at(cpu)->runqueue.ready_count;
}

static void start(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        thread_release(fake_thread_start("t", do_nothing, NULL));
}

START_TEST(new_threads_spread_over_all_cpus)
{
    begin(4, 0);
    start(8);
    for (unsigned cpu = 0; cpu < 4; cpu++)
        ck_assert_uint_eq(ready_on(cpu), 2);
}
END_TEST

START_TEST(a_cpu_that_never_came_up_gets_nothing)
{
    begin(4, 2);
    start(6);
    ck_assert_uint_eq(ready_on(1), 0);
    ck_assert_uint_eq(ready_on(0) + ready_on(2) + ready_on(3), 6);
}
END_TEST

START_TEST(a_lone_cpu_keeps_all)
{
    begin(1, 0);
    start(3);
    ck_assert_uint_eq(ready_on(0), 3);
    ck_assert(!balance_take(0));
    fake_scheduler_run();
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

/* As if it ran a thread that does not end. */
static void set_busy(unsigned cpu, bool is_busy)
{
    static struct thread running;

    cpu_at(cpu)->current = is_busy ? &running : cpu_at(cpu)->idle;
}

START_TEST(an_idle_cpu_takes_from_the_longest_queue)
{
    begin(3, 0);
    start(3);
    set_busy(1, true);
    set_busy(2, true);
    ck_assert(balance_take(0));    /* so that CPU 0 has the longest one */
    ck_assert(balance_take(0));
    ck_assert_uint_eq(ready_on(0), 3);
    set_busy(0, true);
    set_busy(2, false);
    fake_machine.cpu = 2;
    ck_assert(balance_take(2));
    fake_machine.cpu = 0;
    ck_assert_uint_eq(ready_on(0), 2);
    ck_assert_uint_eq(ready_on(1), 0);
    ck_assert_uint_eq(ready_on(2), 1);
    set_busy(0, false);
    set_busy(1, false);
    fake_scheduler_run();
    fake_scheduler_run_on(2);
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

START_TEST(idle_cpus_do_not_take_from_each_other)
{
    begin(2, 0);
    start(2);
    ck_assert_uint_eq(ready_on(1), 1);
    ck_assert(!balance_take(0));
    ck_assert_uint_eq(ready_on(1), 1);
    fake_scheduler_run();
    fake_scheduler_run_on(1);
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

START_TEST(an_idle_loop_runs_what_waits_elsewhere)
{
    begin(2, 0);
    start(4);
    set_busy(0, true);
    fake_machine.cpu = 1;
    fake_machine.idle = come_back;
    if (!setjmp(has_nothing_to_do))
        scheduler_run_idle();
    fake_machine.cpu = 0;
    set_busy(0, false);
    ck_assert_uint_eq(thread_count(), 0);    /* CPU 0 has run none of them */
}
END_TEST

TEST_MAIN("sched/balance", new_threads_spread_over_all_cpus, a_cpu_that_never_came_up_gets_nothing,
          a_lone_cpu_keeps_all, an_idle_cpu_takes_from_the_longest_queue,
          idle_cpus_do_not_take_from_each_other, an_idle_loop_runs_what_waits_elsewhere)
