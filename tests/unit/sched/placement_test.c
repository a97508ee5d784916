/* Where threads run: their CPUs, moves when these change, real-time threads on several CPUs, and
 * the balance between busy CPUs. */
#include <setjmp.h>
#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/marks.h"
#include "harness/test.h"
#include "sched/per_cpu.h"
#include "sched/priority.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"

#define CPU(index) (UINT64_C(1) << (index))

static char story[64];

static void tell(char letter)
{
    ck_assert_uint_lt(strlen(story), sizeof(story) - 1);
    story[strlen(story)] = letter;
}

static void tell_cpu(void *argument)
{
    (void)argument;
    tell((char)('0' + machine_cpu_index()));
}

static void block_and_tell_cpu(void *argument)
{
    for (int i = 0; i < 4; i++) {
        scheduler_block();
        tell_cpu(argument);
    }
}

static jmp_buf has_nothing_to_do;

static void come_back(void)
{
    longjmp(has_nothing_to_do, 1);
}

/* Each CPU from `first` on runs its idle loop until there is nothing to do. */
static void let_idle(unsigned first, unsigned cpus)
{
    fake_machine.idle = come_back;
    for (volatile unsigned cpu = first; cpu < cpus; cpu++) {
        fake_machine.cpu = cpu;
        if (!setjmp(has_nothing_to_do))
            scheduler_run_idle();
    }
    fake_machine.idle = NULL;
    fake_machine.cpu = 0;
}

static void begin(unsigned cpus, const char *ordinary)
{
    fake_scheduler_init(cpus);
    ck_assert_int_eq(scheduler_choose_policy(ordinary), 0);
    memset(story, 0, sizeof(story));
    let_idle(0, cpus);
}

static struct thread *make(void (*entry)(void *argument), uint64_t cpus, uint8_t priority)
{
    const struct thread_request request = { .name = "t", .entry = entry };
    struct thread *thread;

    ck_assert_int_eq(thread_create(&request, &thread), 0);
    thread_set_cpus(thread, cpus);
    if (priority > 0)
        priority_set_own(thread, CLASS_FIFO, priority);
    thread_start(thread);
    return thread;
}

static void start(void (*entry)(void *argument), uint64_t cpus, uint8_t priority)
{
    thread_release(make(entry, cpus, priority));
}

static unsigned ready_on(unsigned cpu)
{
    return cpu_at(cpu)->runqueue.ready_count;
}

/* ---- CPUs of a thread ---------------------------------------------------------------------- */

START_TEST(a_new_thread_starts_where_it_may)
{
    begin(4, "fair");
    start(tell_cpu, CPU(2), 0);
    start(tell_cpu, CPU(3), 0);
    start(tell_cpu, CPU(2) | CPU(3), 7);
    ck_assert_uint_eq(ready_on(0) + ready_on(1), 0);
    let_idle(0, 4);
    ck_assert_uint_eq(strlen(story), 3);
    ck_assert_ptr_null(strpbrk(story, "01"));
}
END_TEST

START_TEST(a_blocked_thread_wakes_where_it_may)
{
    begin(4, "fair");

    struct thread *thread = make(block_and_tell_cpu, CPU(0), 0);

    let_idle(0, 4);
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        thread_set_cpus(thread, CPU(3 - cpu));
        (void)scheduler_wake(thread);
        let_idle(0, 4);
    }
    ck_assert_str_eq(story, "3210");
    thread_release(thread);
}
END_TEST

START_TEST(a_ready_thread_moves_at_once)
{
    begin(4, "fair");

    struct thread *thread = make(tell_cpu, CPU(1), 0);

    ck_assert_uint_eq(ready_on(1), 1);
    thread_set_cpus(thread, CPU(2));
    ck_assert_uint_eq(ready_on(1), 0);
    ck_assert_uint_eq(ready_on(2), 1);
    ck_assert_uint_gt(fake_machine.cpus[2].notifications, 0);
    let_idle(0, 4);
    ck_assert_str_eq(story, "2");
    thread_release(thread);
}
END_TEST

/* The other CPUs go on when they are looked at: this one has left. */
static void move_itself(void *argument)
{
    tell_cpu(argument);
    for (unsigned cpu = 1; cpu < 3; cpu++) {
        thread_set_cpus(current_thread(), CPU(cpu));
        tell_cpu(argument);
    }
}

START_TEST(a_thread_moves_itself)
{
    begin(3, "fair");
    start(move_itself, CPU(0), 0);
    let_idle(0, 3);
    ck_assert_str_eq(story, "012");
    ck_assert_uint_eq(thread_count(), 0);
    EXPECT_MARK(sched_may_not_stay);
}
END_TEST

/* Another CPU takes its CPU away while it runs: it leaves at the notification. */
static void be_moved(void *argument)
{
    tell_cpu(argument);
    fake_machine.cpu = 1;
    thread_set_cpus(cpu_at(0)->current, CPU(1));
    fake_machine.cpu = 0;
    ck_assert_uint_eq(fake_machine.cpus[0].pending, 1u << INTERRUPT_NOTIFY);
    machine_interrupts_disable();
    machine_interrupts_restore(true);
    tell_cpu(argument);
}

START_TEST(a_running_thread_is_moved)
{
    begin(2, "fair");
    start(be_moved, CPU(0), 0);
    let_idle(0, 2);
    ck_assert_str_eq(story, "01");
}
END_TEST

START_TEST(nothing_is_taken_from_where_it_must_stay)
{
    static struct thread running;

    begin(2, "fair");
    start(tell_cpu, CPU(0), 0);
    start(tell_cpu, CPU(0), 3);
    cpu_at(0)->current = &running;
    ck_assert(!balance_take(1));
    start(tell_cpu, CPU(0) | CPU(1), 0);
    ck_assert_uint_eq(ready_on(0) + ready_on(1), 3);
    cpu_at(0)->current = cpu_at(0)->idle;
    let_idle(0, 2);
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

START_TEST(children_inherit_the_cpus)
{
    begin(2, "fair");

    struct thread *parent = make(tell_cpu, CPU(1), 0);
    const struct thread_request request = { .name = "child", .entry = tell_cpu };
    struct thread *child;

    cpu_at(0)->current = parent;
    ck_assert_int_eq(thread_create(&request, &child), 0);
    priority_inherit(child);
    cpu_at(0)->current = cpu_at(0)->idle;
    ck_assert_uint_eq(thread_cpus(child), CPU(1));
    thread_release(child);
    thread_release(parent);
    let_idle(0, 2);
}
END_TEST

/* ---- Real-time threads --------------------------------------------------------------------- */

static struct thread busy[4];

/* As if the CPU ran a thread of this priority. */
static void occupy(unsigned cpu, uint8_t priority)
{
    struct runqueue *queue = &cpu_at(cpu)->runqueue;

    fair_init(&busy[cpu].fair);
    list_init(&busy[cpu].run_node);
    busy[cpu].cpus = CPUS_ALL;
    busy[cpu].cpu = cpu;
    busy[cpu].state = THREAD_RUNNING;
    busy[cpu].priority.effective = priority;
    cpu_at(cpu)->current = &busy[cpu];
    idle_claim(cpu);
    spin_lock(&queue->lock);
    runqueue_begin_run(queue, &busy[cpu], machine_time_ns());
    spin_unlock(&queue->lock);
}

static void vacate(unsigned cpu)
{
    struct runqueue *queue = &cpu_at(cpu)->runqueue;

    spin_lock(&queue->lock);
    runqueue_end_run(queue, &busy[cpu], machine_time_ns());
    spin_unlock(&queue->lock);
    cpu_at(cpu)->current = cpu_at(cpu)->idle;
}

START_TEST(an_urgent_thread_goes_where_the_least_urgent_runs)
{
    begin(3, "fifo");
    occupy(0, 20);
    occupy(1, 5);
    occupy(2, 30);
    start(tell_cpu, CPUS_ALL, 10);
    ck_assert_uint_eq(ready_on(1), 1);
    ck_assert_uint_gt(fake_machine.cpus[1].notifications, 0);
    for (unsigned cpu = 0; cpu < 3; cpu++)
        vacate(cpu);
    let_idle(0, 3);
    ck_assert_str_eq(story, "1");
}
END_TEST

/* A CPU that is about to run something less urgent takes what waits elsewhere. */
START_TEST(an_urgent_thread_is_pulled)
{
    begin(2, "fifo");
    occupy(0, 20);
    occupy(1, 30);
    start(tell_cpu, CPU(1), 10);
    start(tell_cpu, CPU(0) | CPU(1), 15);
    ck_assert_uint_eq(ready_on(1) + ready_on(0), 2);
    vacate(0);
    fake_machine.cpu = 0;
    balance_pull(0, 15);
    ck_assert_uint_le(ready_on(0), 1);
    balance_pull(0, 14);
    ck_assert_uint_eq(ready_on(0), 1);
    ck_assert_uint_eq(ready_on(1), 1);
    balance_pull(0, 0);    /* that one may not leave */
    ck_assert_uint_eq(ready_on(1), 1);
    vacate(1);
    let_idle(0, 2);
    ck_assert_str_eq(story, "01");
}
END_TEST

/* ---- Balance ------------------------------------------------------------------------------- */

START_TEST(a_busy_cpu_gives_to_a_less_busy_one)
{
    begin(2, "fair");
    occupy(0, 0);
    occupy(1, 0);
    for (int i = 0; i < 2; i++)
        start(tell_cpu, CPU(0), 0);
    balance_push(0);
    ck_assert_uint_eq(ready_on(0), 2);    /* they may not go */
    start(tell_cpu, CPU(0), 0);

    struct thread *free = make(tell_cpu, CPU(0), 0);

    thread_set_cpus(free, CPUS_ALL);
    balance_push(0);
    ck_assert_uint_eq(ready_on(0), 4);    /* too soon after the last look */
    fake_machine_advance(BALANCE_INTERVAL_NS);
    balance_push(0);
    ck_assert_uint_eq(ready_on(0), 3);
    ck_assert_uint_eq(ready_on(1), 1);
    thread_release(free);
    vacate(0);
    vacate(1);
    let_idle(0, 2);
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

/* 2 and 1: moving one would only turn it round. */
START_TEST(a_difference_that_cannot_shrink_moves_nothing)
{
    begin(2, "fair");
    occupy(0, 0);
    occupy(1, 0);

    struct thread *thread = make(tell_cpu, CPU(0), 0);

    thread_set_cpus(thread, CPUS_ALL);
    balance_push(0);
    ck_assert_uint_eq(ready_on(0), 1);
    ck_assert_uint_eq(ready_on(1), 0);
    thread_release(thread);
    vacate(0);
    vacate(1);
    let_idle(0, 2);
}
END_TEST

/* Behind a real-time thread that never waits an ordinary one would wait for ever. */
START_TEST(what_waits_behind_an_urgent_thread_is_given_away)
{
    begin(2, "fair");
    occupy(0, 50);
    occupy(1, 0);

    struct thread *thread = make(tell_cpu, CPU(0), 0);

    thread_set_cpus(thread, CPUS_ALL);
    balance_push(0);
    ck_assert_uint_eq(ready_on(0), 0);
    ck_assert_uint_eq(ready_on(1), 1);
    thread_release(thread);
    vacate(0);
    vacate(1);
    let_idle(0, 2);
}
END_TEST

TEST_MAIN("sched/placement", a_new_thread_starts_where_it_may, a_blocked_thread_wakes_where_it_may,
          a_ready_thread_moves_at_once, a_thread_moves_itself, a_running_thread_is_moved,
          nothing_is_taken_from_where_it_must_stay, children_inherit_the_cpus,
          an_urgent_thread_goes_where_the_least_urgent_runs, an_urgent_thread_is_pulled,
          a_busy_cpu_gives_to_a_less_busy_one, a_difference_that_cannot_shrink_moves_nothing,
          what_waits_behind_an_urgent_thread_is_given_away)
