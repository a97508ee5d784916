/* SCHED_FIFO and SCHED_RR: which end of its list a thread goes to, by POSIX's rules. */
#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/per_cpu.h"
#include "sched/priority.h"
#include "sched/scheduler.h"

static char story[128];

static void tell(char letter)
{
    ck_assert_uint_lt(strlen(story), sizeof(story) - 1);
    story[strlen(story)] = letter;
}

static char letter(void)
{
    return current_thread()->name[0];
}

static void begin(const char *ordinary)
{
    fake_scheduler_init(1);
    ck_assert_int_eq(scheduler_choose_policy(ordinary), 0);
    memset(story, 0, sizeof(story));
}

static struct thread *make(const char *name, void (*entry)(void *argument), void *argument,
                           enum scheduling_class class, uint8_t priority)
{
    const struct thread_request request = { .name = name, .entry = entry, .argument = argument };
    struct thread *thread;

    ck_assert_int_eq(thread_create(&request, &thread), 0);
    priority_set_own(thread, class, priority);
    thread_start(thread);
    return thread;
}

static void start(const char *name, void (*entry)(void *argument), enum scheduling_class class,
                  uint8_t priority)
{
    thread_release(make(name, entry, NULL, class, priority));
}

static void tell_once(void *argument)
{
    (void)argument;
    tell(letter());
}

static void tell_and_yield(void *argument)
{
    for (int i = 0; i < 3; i++) {
        tell_once(argument);
        scheduler_yield();
    }
}

static void compute(uint64_t ns)
{
    for (; ns > 0; ns -= 1000000)
        fake_machine_advance(1000000);
}

/* Tells its name every 50 ms. */
static void tell_and_compute(void *argument)
{
    (void)argument;
    for (int i = 0; i < 4; i++) {
        tell(letter());
        compute(REAL_TIME_QUANTUM_NS / 2);
    }
}

START_TEST(real_time_higher_ones_go_first)
{
    begin("fair");
    start("o", tell_once, CLASS_OTHER, 0);
    start("a", tell_once, CLASS_FIFO, 1);
    start("z", tell_once, CLASS_FIFO, 99);
    start("m", tell_once, CLASS_ROUND_ROBIN, 50);
    start("n", tell_once, CLASS_FIFO, 64);
    fake_scheduler_run();
    ck_assert_str_eq(story, "znmao");
}
END_TEST

START_TEST(real_time_fifo_keeps_the_processor)
{
    begin("fair");
    start("a", tell_and_compute, CLASS_FIFO, 5);
    start("b", tell_and_compute, CLASS_FIFO, 5);
    start("o", tell_once, CLASS_OTHER, 0);
    fake_scheduler_run();
    ck_assert_str_eq(story, "aaaabbbbo");
}
END_TEST

START_TEST(real_time_round_robin_takes_turns)
{
    begin("fair");
    start("a", tell_and_compute, CLASS_ROUND_ROBIN, 5);
    start("b", tell_and_compute, CLASS_ROUND_ROBIN, 5);
    start("f", tell_and_compute, CLASS_FIFO, 5);
    fake_scheduler_run();
    ck_assert_str_eq(story, "aabbffffaabb");
}
END_TEST

START_TEST(real_time_yield_goes_to_the_tail)
{
    begin("fair");
    start("a", tell_and_yield, CLASS_FIFO, 5);
    start("b", tell_and_yield, CLASS_FIFO, 5);
    start("c", tell_and_yield, CLASS_FIFO, 4);
    fake_scheduler_run();
    ck_assert_str_eq(story, "abababccc");
}
END_TEST

/* ---- Preemption ---------------------------------------------------------------------------- */

static struct thread *sleeper;

static void sleep_then_tell(void *argument)
{
    (void)argument;
    for (int i = 0; i < 2; i++) {
        scheduler_block();
        tell(letter());
    }
}

static void look_as_on_the_way_to_user_code(void)
{
    machine_interrupts_disable();
    scheduler_preempt_if_due();
    machine_interrupts_restore(true);
}

static void wake_in_the_middle(void *argument)
{
    (void)argument;
    tell(letter());
    (void)scheduler_wake(sleeper);
    look_as_on_the_way_to_user_code();
    tell(letter());
}

/* Whoever is preempted goes on before its equals. */
START_TEST(real_time_preempted_goes_to_the_head)
{
    begin("fair");
    sleeper = make("h", sleep_then_tell, NULL, CLASS_FIFO, 9);
    fake_scheduler_run();
    start("a", wake_in_the_middle, CLASS_FIFO, 5);
    start("b", wake_in_the_middle, CLASS_FIFO, 5);
    fake_scheduler_run();
    ck_assert_str_eq(story, "ahabhb");
    thread_release(sleeper);
}
END_TEST

START_TEST(real_time_equal_does_not_preempt)
{
    begin("fair");
    sleeper = make("e", sleep_then_tell, NULL, CLASS_FIFO, 5);
    fake_scheduler_run();
    start("a", wake_in_the_middle, CLASS_FIFO, 5);
    fake_scheduler_run();
    ck_assert_str_eq(story, "aae");
    (void)scheduler_wake(sleeper);
    fake_scheduler_run();
    thread_release(sleeper);
}
END_TEST

static void preempted_in_its_quantum(void *argument)
{
    (void)argument;
    for (int i = 0; i < 3; i++) {
        tell(letter());
        compute(REAL_TIME_QUANTUM_NS / 2);
        if (i == 0) {
            (void)scheduler_wake(sleeper);
            look_as_on_the_way_to_user_code();
        }
    }
}

/* The rest of a quantum is not lost by a preemption. */
START_TEST(real_time_quantum_goes_on_after_preemption)
{
    begin("fair");
    sleeper = make("h", sleep_then_tell, NULL, CLASS_FIFO, 9);
    fake_scheduler_run();
    start("a", preempted_in_its_quantum, CLASS_ROUND_ROBIN, 5);
    start("b", tell_and_compute, CLASS_ROUND_ROBIN, 5);
    fake_scheduler_run();
    ck_assert_str_eq(story, "ahabbabb");
    (void)scheduler_wake(sleeper);
    fake_scheduler_run();
    thread_release(sleeper);
}
END_TEST

/* ---- Changes of priority ------------------------------------------------------------------- */

static struct thread *group[3];

static void start_group(const char *ordinary)
{
    begin(ordinary);
    group[0] = make("a", tell_once, NULL, CLASS_FIFO, 5);
    group[1] = make("b", tell_once, NULL, CLASS_FIFO, 5);
    group[2] = make("c", tell_once, NULL, CLASS_FIFO, 7);
}

static void end_group(const char *expected)
{
    fake_scheduler_run();
    ck_assert_str_eq(story, expected);
    for (int i = 0; i < 3; i++)
        thread_release(group[i]);
}

START_TEST(real_time_lowered_goes_to_the_head)
{
    start_group("fair");
    priority_set_own(group[2], CLASS_FIFO, 5);
    end_group("cab");
}
END_TEST

START_TEST(real_time_raised_goes_to_the_tail)
{
    start_group("fair");
    priority_set_own(group[0], CLASS_FIFO, 7);
    end_group("cab");
}
END_TEST

START_TEST(real_time_unchanged_stays_in_its_place)
{
    start_group("fair");
    priority_set_own(group[0], CLASS_FIFO, 5);
    end_group("cab");
}
END_TEST

START_TEST(real_time_another_class_goes_to_the_tail)
{
    start_group("fair");
    priority_set_own(group[0], CLASS_ROUND_ROBIN, 5);
    end_group("cba");
}
END_TEST

START_TEST(real_time_made_ordinary_waits_for_the_others)
{
    start_group("fifo");
    priority_set_own(group[2], CLASS_OTHER, 0);
    end_group("abc");
}
END_TEST

static void lower_itself(void *argument)
{
    (void)argument;
    tell('1');
    priority_set_own(current_thread(), CLASS_FIFO, 5);
    look_as_on_the_way_to_user_code();
    tell('2');
    priority_set_own(current_thread(), CLASS_FIFO, 4);
    look_as_on_the_way_to_user_code();
    tell('3');
}

/* Lowered to the priority of others it is at the head: it goes on.  Below them, it gives way. */
START_TEST(real_time_running_thread_lowers_itself)
{
    begin("fair");
    start("x", lower_itself, CLASS_FIFO, 9);
    start("a", tell_once, CLASS_FIFO, 5);
    start("o", tell_once, CLASS_OTHER, 0);
    fake_scheduler_run();
    ck_assert_str_eq(story, "12a3o");
}
END_TEST

/* An ordinary thread to which a priority is lent is under the real-time policy meanwhile. */
static void be_lent(void *argument)
{
    (void)argument;
    tell('1');
    priority_set_effective(current_thread(), 50);
    (void)scheduler_wake(sleeper);
    look_as_on_the_way_to_user_code();
    compute(3 * REAL_TIME_QUANTUM_NS);
    tell('2');
    priority_set_effective(current_thread(), 0);
    look_as_on_the_way_to_user_code();
    tell('3');
}

static void lend(const char *ordinary)
{
    begin(ordinary);
    sleeper = make("h", sleep_then_tell, NULL, CLASS_FIFO, 40);
    fake_scheduler_run();
    start("x", be_lent, CLASS_OTHER, 0);
    start("o", tell_once, CLASS_OTHER, 0);
    fake_scheduler_run();
    (void)scheduler_wake(sleeper);
    fake_scheduler_run();
    thread_release(sleeper);
}

START_TEST(real_time_lent_priority_moves_a_fair_thread)
{
    lend("fair");
    ck_assert_int_eq(strncmp(story, "12h", 3), 0);
}
END_TEST

START_TEST(real_time_lent_priority_moves_a_fifo_thread)
{
    lend("fifo");
    ck_assert_str_eq(story, "12h3oh");
}
END_TEST

/* ---- The other ordinary policies ----------------------------------------------------------- */

START_TEST(fifo_runs_ordinary_threads_until_they_end)
{
    begin("fifo");
    start("a", tell_and_compute, CLASS_OTHER, 0);
    start("b", tell_and_compute, CLASS_OTHER, 0);
    fake_scheduler_run();
    ck_assert_str_eq(story, "aaaabbbb");
    ck_assert_uint_eq(fake_machine.cpus[0].timer_sets, 0);
}
END_TEST

START_TEST(fifo_yield_goes_round)
{
    begin("fifo");
    start("a", tell_and_yield, CLASS_OTHER, 0);
    start("b", tell_and_yield, CLASS_OTHER, 0);
    fake_scheduler_run();
    ck_assert_str_eq(story, "ababab");
}
END_TEST

START_TEST(there_are_three_ordinary_policies)
{
    fake_scheduler_init(1);
    ck_assert_int_eq(scheduler_choose_policy("rr"), 0);
    ck_assert_int_eq(scheduler_choose_policy("other"), -EINVAL);
    ck_assert_int_eq(scheduler_choose_policy(""), -EINVAL);
    ck_assert_str_eq(cpu_at(0)->runqueue.ordinary->name, "rr");
}
END_TEST

TEST_MAIN("sched/policy_real_time", real_time_higher_ones_go_first,
          real_time_fifo_keeps_the_processor, real_time_round_robin_takes_turns,
          real_time_yield_goes_to_the_tail, real_time_preempted_goes_to_the_head,
          real_time_equal_does_not_preempt, real_time_quantum_goes_on_after_preemption,
          real_time_lowered_goes_to_the_head, real_time_raised_goes_to_the_tail,
          real_time_unchanged_stays_in_its_place, real_time_another_class_goes_to_the_tail,
          real_time_made_ordinary_waits_for_the_others, real_time_running_thread_lowers_itself,
          real_time_lent_priority_moves_a_fair_thread,
          real_time_lent_priority_moves_a_fifo_thread, fifo_runs_ordinary_threads_until_they_end,
          fifo_yield_goes_round, there_are_three_ordinary_policies)
