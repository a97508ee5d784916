/* The scheduler: switches, placing, slices, preemption, rules that panic. */
#include "sched/scheduler.h"

#include <setjmp.h>

#include "harness/fake_scheduler.h"
#include "harness/marks.h"
#include "harness/test.h"
#include "sched/per_cpu.h"

/* What threads did, in order. */
static char story[256];
static size_t story_length;

static void tell(char event)
{
    story[story_length++] = event;
    story[story_length] = '\0';
}

static void begin(unsigned cpu_count)
{
    story_length = 0;
    story[0] = '\0';
    fake_scheduler_init(cpu_count);
}

/* Threads tell the first letter of their name. */
static char letter(void)
{
    return current_thread()->name[0];
}

static void tell_once(void *argument)
{
    (void)argument;
    tell(letter());
}

static void tell_and_yield(void *argument)
{
    (void)argument;
    for (int i = 0; i < 3; i++) {
        tell(letter());
        scheduler_yield();
    }
}

static void tell_and_block(void *argument)
{
    (void)argument;
    tell(letter());
    scheduler_block();
    tell((char)(letter() - 'a' + 'A'));
}

/* ---- Switching ----------------------------------------------------------------------------- */

START_TEST(scheduler_runs_threads_in_the_order_they_were_started)
{
    begin(1);
    thread_release(fake_thread_start("a", tell_once, NULL));
    thread_release(fake_thread_start("b", tell_once, NULL));
    thread_release(fake_thread_start("c", tell_once, NULL));
    ck_assert_str_eq(story, "");
    fake_scheduler_run();
    ck_assert_str_eq(story, "abc");
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

START_TEST(scheduler_yield_goes_round)
{
    begin(1);
    thread_release(fake_thread_start("a", tell_and_yield, NULL));
    thread_release(fake_thread_start("b", tell_and_yield, NULL));
    fake_scheduler_run();
    ck_assert_str_eq(story, "ababab");
}
END_TEST

START_TEST(scheduler_blocked_thread_runs_only_after_wake)
{
    begin(1);

    struct thread *thread = fake_thread_start("a", tell_and_block, NULL);

    fake_scheduler_run();
    ck_assert_str_eq(story, "a");
    ck_assert_int_eq(thread->state, THREAD_BLOCKED);
    fake_scheduler_run();
    ck_assert_str_eq(story, "a");
    ck_assert(scheduler_wake(thread));
    ck_assert_int_eq(thread->state, THREAD_READY);
    ck_assert(!scheduler_wake(thread));
    fake_scheduler_run();
    ck_assert_str_eq(story, "aA");
    ck_assert_int_eq(thread->state, THREAD_DEAD);
    thread_release(thread);
}
END_TEST

START_TEST(scheduler_wake_before_block_is_not_lost)
{
    begin(1);

    struct thread *thread = fake_thread_start("a", tell_and_block, NULL);

    ck_assert(!scheduler_wake(thread));    /* READY: leaves a mark */
    fake_scheduler_run();
    ck_assert_str_eq(story, "aA");
    thread_release(thread);
    EXPECT_MARK(sched_woken_before_it_slept);
}
END_TEST

START_TEST(scheduler_counts_switches)
{
    begin(1);

    struct thread *a = fake_thread_start("a", tell_and_yield, NULL);
    struct thread *b = fake_thread_start("b", tell_and_block, NULL);

    fake_scheduler_run();
    ck_assert_uint_eq(a->involuntary_switches, 1);    /* later it was alone */
    ck_assert_uint_eq(a->voluntary_switches, 1);      /* its end */
    ck_assert_uint_eq(b->involuntary_switches, 0);
    ck_assert_uint_eq(b->voluntary_switches, 1);
    thread_release(a);
}
END_TEST

static void check_interrupts(void *argument)
{
    (void)argument;
    ck_assert(machine_interrupts_enabled());
    scheduler_yield();
    ck_assert(machine_interrupts_enabled());
    tell('i');
}

START_TEST(scheduler_threads_run_with_interrupts_on)
{
    begin(1);
    thread_release(fake_thread_start("a", check_interrupts, NULL));
    thread_release(fake_thread_start("b", check_interrupts, NULL));
    fake_scheduler_run();
    ck_assert(!machine_interrupts_enabled());
    ck_assert_str_eq(story, "ii");
}
END_TEST

static void use_address_space(void *argument)
{
    current_thread()->user_address_space = *(const uint64_t *)argument;
    for (int i = 0; i < 2; i++)
        scheduler_yield();
}

START_TEST(scheduler_activates_an_address_space_only_when_it_differs)
{
    static const uint64_t roots[] = { 0x1000, 0x1000, 0x2000, 0 };

    begin(1);
    for (int i = 0; i < 4; i++)
        thread_release(fake_thread_start("user", use_address_space, (void *)(uintptr_t)&roots[i]));
    fake_scheduler_run();

    /* Two rounds of 0x1000 0x1000 0x2000 and one without. */
    ck_assert_uint_eq(fake_machine.cpus[0].activations, 4);
    ck_assert_uint_eq(fake_machine.cpus[0].active_root, 0x2000);
    ck_assert_uint_eq(this_cpu()->active_root, 0x2000);
}
END_TEST

/* ---- Slices -------------------------------------------------------------------------------- */

/* Uses the CPU; interrupts are on, so a timer that is due preempts it. */
static void compute(uint64_t ns)
{
    while (ns > 0) {
        uint64_t step = ns < 1000000 ? ns : 1000000;

        fake_machine_advance(step);
        ns -= step;
    }
}

static void tell_and_compute(void *argument)
{
    (void)argument;
    for (int i = 0; i < 3; i++) {
        tell(letter());
        compute(TIME_SLICE_NS);
    }
}

START_TEST(scheduler_slice_ends_when_another_is_ready)
{
    begin(1);
    thread_release(fake_thread_start("a", tell_and_compute, NULL));
    thread_release(fake_thread_start("b", tell_and_compute, NULL));
    fake_scheduler_run();
    ck_assert_str_eq(story, "ababab");
}
END_TEST

START_TEST(scheduler_takes_no_ticks_for_a_lone_thread)
{
    begin(1);
    thread_release(fake_thread_start("a", tell_and_compute, NULL));
    fake_scheduler_run();
    ck_assert_str_eq(story, "aaa");
    ck_assert_uint_eq(fake_machine.cpus[0].timer_sets, 0);
    ck_assert_uint_eq(fake_machine.cpus[0].delivered[INTERRUPT_TIMER], 0);
}
END_TEST

static void wake_after_long_run(void *argument)
{
    compute(5 * TIME_SLICE_NS);
    tell('a');
    (void)scheduler_wake(argument);
    tell('b');
    machine_interrupts_disable();
    scheduler_preempt_if_due();    /* as on the way to user code */
    machine_interrupts_restore(true);
    tell('c');
}

START_TEST(scheduler_lone_thread_gives_way_when_its_slice_is_long_over)
{
    begin(1);

    struct thread *sleeper = fake_thread_start("sleeper", tell_and_block, NULL);

    fake_scheduler_run();
    thread_release(fake_thread_start("worker", wake_after_long_run, sleeper));
    fake_scheduler_run();
    ck_assert_str_eq(story, "sabSc");
    ck_assert_uint_eq(fake_machine.cpus[0].timer_sets, 1);    /* for the slice of the other */
    thread_release(sleeper);
}
END_TEST

static void wake_each_other(void *argument)
{
    struct thread *const *other = argument;

    for (int i = 0; i < 100; i++) {
        (void)scheduler_wake(*other);
        scheduler_block();
    }
    (void)scheduler_wake(*other);
}

START_TEST(scheduler_ping_pong_does_not_arm_the_timer_each_time)
{
    struct thread *a;
    struct thread *b;

    begin(1);
    a = fake_thread_start("a", wake_each_other, &b);
    b = fake_thread_start("b", wake_each_other, &a);
    fake_scheduler_run();
    ck_assert_int_eq(a->state, THREAD_DEAD);
    ck_assert_int_eq(b->state, THREAD_DEAD);
    ck_assert_uint_le(fake_machine.cpus[0].timer_sets, 1);
    thread_release(a);
    thread_release(b);
}
END_TEST

static void hold_a_lock_over_the_slice(void *argument)
{
    struct spinlock lock = SPINLOCK_INITIAL(RANK_PROCESS, "test");

    (void)argument;
    spin_lock(&lock);
    compute(3 * TIME_SLICE_NS);
    tell('l');
    spin_unlock(&lock);
    tell('u');
}

START_TEST(scheduler_does_not_preempt_with_a_spin_lock_held)
{
    begin(1);
    thread_release(fake_thread_start("a", hold_a_lock_over_the_slice, NULL));
    thread_release(fake_thread_start("b", tell_once, NULL));
    fake_scheduler_run();
    ck_assert_str_eq(story, "lbu");
}
END_TEST

/* ---- Several CPUs -------------------------------------------------------------------------- */

START_TEST(scheduler_wakes_on_the_last_cpu)
{
    begin(2);
    fake_machine.cpu = 1;

    struct thread *thread = fake_thread_start("a", tell_and_block, NULL);

    fake_scheduler_run();
    ck_assert_uint_eq(thread->cpu, 1);
    fake_machine.cpu = 0;
    ck_assert(scheduler_wake(thread));
    ck_assert_uint_eq(thread->cpu, 1);
    ck_assert_uint_eq(fake_machine.cpus[1].notifications, 1);
    fake_scheduler_run();
    ck_assert_str_eq(story, "a");
    fake_scheduler_run_on(1);
    ck_assert_str_eq(story, "aA");
    ck_assert_uint_eq(fake_machine.cpus[1].delivered[INTERRUPT_NOTIFY], 1);
    thread_release(thread);
}
END_TEST

START_TEST(scheduler_notifies_only_for_the_first_thread_of_a_queue)
{
    struct thread *threads[3];

    begin(2);
    fake_machine.cpu = 1;
    for (int i = 0; i < 3; i++)
        threads[i] = fake_thread_start("a", tell_and_block, NULL);
    fake_scheduler_run();
    fake_machine.cpu = 0;
    for (int i = 0; i < 3; i++)
        ck_assert(scheduler_wake(threads[i]));
    ck_assert_uint_eq(cpu_at(1)->runqueue.ready_count, 3);
    ck_assert_uint_eq(fake_machine.cpus[1].notifications, 1);
    fake_scheduler_run_on(1);
    ck_assert_str_eq(story, "aaaAAA");
    for (int i = 0; i < 3; i++)
        thread_release(threads[i]);
}
END_TEST

static struct thread *to_wake;

/* Another CPU makes a thread ready here while this one runs alone. */
static void be_joined(void *argument)
{
    (void)argument;
    fake_machine.cpu = 1;
    (void)scheduler_wake(to_wake);
    fake_machine.cpu = 0;
    ck_assert_uint_eq(fake_machine.cpus[0].pending, 1u << INTERRUPT_NOTIFY);
    machine_interrupts_disable();
    machine_interrupts_restore(true);    /* takes the notification: the slice now has an end */
    ck_assert_uint_eq(fake_machine.cpus[0].timer_deadline_ns, current_thread()->slice_end_ns);
    tell('1');
    compute(TIME_SLICE_NS);
    tell('2');
}

START_TEST(scheduler_notified_cpu_arms_the_slice)
{
    begin(2);
    to_wake = fake_thread_start("sleeper", tell_and_block, NULL);
    fake_scheduler_run();
    thread_release(fake_thread_start("worker", be_joined, NULL));
    fake_scheduler_run();
    ck_assert_str_eq(story, "s1S2");
    thread_release(to_wake);
}
END_TEST

/* machine_cpu_idle of scheduler_run_idle: the test goes on here. */
static jmp_buf idle_reached;

static void leave_idle(void)
{
    longjmp(idle_reached, 1);
}

static void run_idle_on(unsigned cpu)
{
    fake_machine.cpu = cpu;
    fake_machine.idle = leave_idle;
    if (setjmp(idle_reached) == 0)
        scheduler_run_idle();
    fake_machine.idle = NULL;
}

START_TEST(scheduler_run_idle_runs_what_is_ready_then_idles)
{
    begin(1);
    thread_release(fake_thread_start("a", tell_and_yield, NULL));
    thread_release(fake_thread_start("b", tell_and_yield, NULL));
    run_idle_on(0);
    ck_assert_str_eq(story, "ababab");
    ck_assert_ptr_eq(current_thread(), this_cpu()->idle);
}
END_TEST

START_TEST(scheduler_prefers_an_idle_cpu)
{
    struct thread *threads[3];

    begin(3);
    for (int i = 0; i < 3; i++)
        threads[i] = fake_thread_start("a", tell_and_block, NULL);
    fake_scheduler_run();
    run_idle_on(1);
    run_idle_on(2);
    fake_machine.cpu = 0;

    /* CPU 0 is not idle: it runs this test.  An idle CPU that has got a thread is idle no more. */
    for (int i = 0; i < 3; i++)
        ck_assert(scheduler_wake(threads[i]));
    ck_assert_uint_eq(threads[0]->cpu, 1);
    ck_assert_uint_eq(threads[1]->cpu, 2);
    ck_assert_uint_eq(threads[2]->cpu, 0);
    ck_assert_uint_eq(fake_machine.cpus[1].notifications, 1);
    ck_assert_uint_eq(fake_machine.cpus[2].notifications, 1);
    for (unsigned cpu = 0; cpu < 3; cpu++)
        fake_scheduler_run_on(cpu);
    ck_assert_str_eq(story, "aaaAAA");
}
END_TEST

START_TEST(scheduler_keeps_a_thread_on_its_own_idle_cpu)
{
    begin(3);
    fake_machine.cpu = 2;

    struct thread *thread = fake_thread_start("a", tell_and_block, NULL);

    fake_scheduler_run();
    run_idle_on(1);
    run_idle_on(2);
    fake_machine.cpu = 0;
    ck_assert(scheduler_wake(thread));
    ck_assert_uint_eq(thread->cpu, 2);
}
END_TEST

/* ---- Interrupting threads ------------------------------------------------------------------ */

START_TEST(thread_interrupt_notifies_the_cpu_that_may_run_it)
{
    begin(2);
    fake_machine.cpu = 1;

    struct thread *thread = fake_thread_start("a", tell_once, NULL);

    fake_machine.cpu = 0;
    thread_interrupt(thread, THREAD_WORK_SIGNAL);
    ck_assert(thread->interrupted);
    ck_assert_uint_eq(thread->work, THREAD_WORK_SIGNAL);
    ck_assert_uint_ge(fake_machine.cpus[1].notifications, 1);
    fake_scheduler_run_on(1);
    thread_release(thread);
}
END_TEST

/* ---- Rules that panic ---------------------------------------------------------------------- */

START_TEST(scheduler_idle_thread_may_not_block)
{
    begin(1);
    scheduler_block();
}
END_TEST

static void yield_with_lock(void *argument)
{
    struct spinlock lock = SPINLOCK_INITIAL(RANK_PROCESS, "test");

    (void)argument;
    spin_lock(&lock);
    scheduler_yield();
}

START_TEST(scheduler_sleeping_with_a_spin_lock_panics)
{
    begin(1);
    fake_thread_start("a", yield_with_lock, NULL);
    fake_scheduler_run();
}
END_TEST

START_TEST(scheduler_sleeping_in_an_interrupt_panics)
{
    begin(1);
    scheduler_interrupt_enter();
    scheduler_yield();
}
END_TEST

START_TEST(scheduler_schedule_with_interrupts_on_panics)
{
    begin(1);
    machine_interrupts_restore(true);
    schedule(THREAD_READY);
}
END_TEST

static void overrun_stack(void *argument)
{
    (void)argument;
    *(uint64_t *)current_thread()->stack = 0;
    scheduler_yield();
    scheduler_block();
}

START_TEST(scheduler_overrun_stack_panics_at_the_switch)
{
    begin(1);
    fake_thread_start("a", overrun_stack, NULL);
    fake_scheduler_run();
}
END_TEST

START_TEST(scheduler_starting_a_thread_twice_panics)
{
    begin(1);

    struct thread *thread = fake_thread_start("a", tell_once, NULL);

    thread_start(thread);
}
END_TEST

TEST_MAIN_WITH_PANICS("sched/scheduler",
                      PANICS(scheduler_idle_thread_may_not_block,
                             scheduler_sleeping_with_a_spin_lock_panics,
                             scheduler_sleeping_in_an_interrupt_panics,
                             scheduler_schedule_with_interrupts_on_panics,
                             scheduler_overrun_stack_panics_at_the_switch,
                             scheduler_starting_a_thread_twice_panics),
                      scheduler_runs_threads_in_the_order_they_were_started,
                      scheduler_yield_goes_round,
                      scheduler_blocked_thread_runs_only_after_wake,
                      scheduler_wake_before_block_is_not_lost,
                      scheduler_counts_switches,
                      scheduler_threads_run_with_interrupts_on,
                      scheduler_activates_an_address_space_only_when_it_differs,
                      scheduler_slice_ends_when_another_is_ready,
                      scheduler_takes_no_ticks_for_a_lone_thread,
                      scheduler_lone_thread_gives_way_when_its_slice_is_long_over,
                      scheduler_ping_pong_does_not_arm_the_timer_each_time,
                      scheduler_does_not_preempt_with_a_spin_lock_held,
                      scheduler_wakes_on_the_last_cpu,
                      scheduler_notifies_only_for_the_first_thread_of_a_queue,
                      scheduler_notified_cpu_arms_the_slice,
                      scheduler_run_idle_runs_what_is_ready_then_idles,
                      scheduler_prefers_an_idle_cpu,
                      scheduler_keeps_a_thread_on_its_own_idle_cpu,
                      thread_interrupt_notifies_the_cpu_that_may_run_it)
