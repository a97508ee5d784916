/*
 * memory/tlb: every CPU that may hold a translation is asked, no other; two that ask each other
 * do not wait for ever; a root that goes is left by all.
 */
#include "memory/tlb.h"

#include "harness/fake_machine.h"
#include "harness/marks.h"
#include "harness/test.h"
#include "sched/per_cpu.h"

#define CPUS 4u
#define ROOT 0x5000u
#define START 0x100000u
#define END 0x200000u

static void setup(void)
{
    fake_machine_init(0);
    fake_machine_info.cpu_count = CPUS;
}

static void interrupt(enum machine_interrupt which)
{
    ck_assert_int_eq(which, INTERRUPT_NOTIFY);
    tlb_notified();
}

/* Runs `action` as another CPU. */
static void act_as(unsigned cpu, void (*action)(void))
{
    unsigned before = fake_machine.cpu;

    fake_machine.cpu = cpu;
    action();
    fake_machine.cpu = before;
}

static void take_interrupts(void)
{
    machine_interrupts_restore(true);
    machine_interrupts_restore(machine_interrupts_disable() && false);
}

/* While one CPU spins, the others get their interrupts. */
static void relax(void)
{
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        if (cpu != fake_machine.cpu)
            act_as(cpu, take_interrupts);
}

static void activate(unsigned cpu, physical_address root)
{
    cpu_at(cpu)->active_root = root;
    fake_machine.cpus[cpu].active_root = root;
}

START_TEST(one_cpu_flushes_itself)
{
    activate(0, ROOT);
    tlb_flush(ROOT, START, END);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 1);
    ck_assert_uint_eq(fake_machine.cpus[0].flush_start, START);
    ck_assert_uint_eq(fake_machine.cpus[0].flush_end, END);
    ck_assert_uint_eq(fake_machine.relaxations, 0);
}
END_TEST

START_TEST(roots_that_are_not_active_need_nothing)
{
    activate(0, 0x7000);
    activate(1, 0x7000);
    tlb_flush(ROOT, START, END);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        ck_assert_uint_eq(fake_machine.cpus[cpu].flushes, 0);
        ck_assert_uint_eq(fake_machine.cpus[cpu].notifications, 0);
    }
}
END_TEST

START_TEST(all_cpus_with_the_root_are_asked)
{
    fake_machine.interrupt = interrupt;
    fake_machine.relax = relax;
    activate(0, ROOT);
    activate(1, ROOT);
    activate(3, ROOT);
    tlb_flush(ROOT, START, END);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        ck_assert_uint_eq(fake_machine.cpus[cpu].flushes, cpu != 2);
        ck_assert_uint_eq(fake_machine.cpus[cpu].notifications, cpu == 1 || cpu == 3);
    }
    ck_assert_uint_gt(fake_machine.relaxations, 0);
}
END_TEST

static bool done;

static void check_and_take_interrupts(void)
{
    ck_assert(!done);    /* nobody goes on before all have answered */
    relax();
}

START_TEST(flush_waits_for_the_answers)
{
    fake_machine.interrupt = interrupt;
    fake_machine.relax = check_and_take_interrupts;
    activate(2, ROOT);
    tlb_flush(ROOT, START, END);
    done = true;
    ck_assert_uint_eq(fake_machine.cpus[2].flushes, 1);
}
END_TEST

static unsigned nested;

static void flush_as_well(void)
{
    tlb_flush(ROOT, END, END + 0x1000);
}

/* CPU 1 begins a flush of its own, with interrupts off, before it answers CPU 0. */
static void relax_into_a_flush(void)
{
    if (nested++ == 0)
        act_as(1, flush_as_well);
    else
        ck_assert_uint_lt(nested, 100);
    /* CPU 1 spins: CPU 0, which waits too, serves its slot on its next turn, as on a real
     * machine. */
    if (fake_machine.cpu == 1)
        act_as(0, tlb_notified);
}

START_TEST(cpus_that_ask_each_other_get_on)
{
    fake_machine.interrupt = interrupt;
    fake_machine.relax = relax_into_a_flush;
    activate(0, ROOT);
    activate(1, ROOT);
    tlb_flush(ROOT, START, END);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 2);
    ck_assert_uint_eq(fake_machine.cpus[1].flushes, 2);
}
END_TEST

static void switch_away(void)
{
    activate(1, 0x9000);
    relax();
}

START_TEST(cpu_that_left_the_root_only_answers)
{
    fake_machine.interrupt = interrupt;
    fake_machine.relax = switch_away;
    activate(1, ROOT);
    tlb_flush(ROOT, START, END);
    ck_assert_uint_eq(fake_machine.cpus[1].flushes, 0);
    EXPECT_MARK(tlb_root_was_left);
}
END_TEST

START_TEST(forgotten_roots_are_left)
{
    fake_machine.interrupt = interrupt;
    fake_machine.relax = relax;
    activate(0, ROOT);
    activate(1, 0x9000);
    activate(2, ROOT);
    tlb_forget_root(ROOT);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        ck_assert_uint_eq(cpu_at(cpu)->active_root, cpu == 1 ? 0x9000 : 0);
        ck_assert_uint_eq(fake_machine.cpus[cpu].active_root, cpu == 1 ? 0x9000 : 0);
    }
}
END_TEST

START_TEST(notification_without_a_request_is_nothing)
{
    tlb_notified();
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 0);
}
END_TEST

START_TEST(interrupts_are_as_before)
{
    activate(0, ROOT);
    tlb_flush(ROOT, START, END);
    ck_assert(!machine_interrupts_enabled());
    machine_interrupts_restore(true);
    tlb_flush(ROOT, START, END);
    ck_assert(machine_interrupts_enabled());
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/tlb", setup, PANICS(NULL), one_cpu_flushes_itself,
                     roots_that_are_not_active_need_nothing, all_cpus_with_the_root_are_asked,
                     flush_waits_for_the_answers, cpus_that_ask_each_other_get_on,
                     cpu_that_left_the_root_only_answers, forgotten_roots_are_left,
                     notification_without_a_request_is_nothing, interrupts_are_as_before)
