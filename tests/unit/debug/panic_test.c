/* Panic: what it prints, once; what happens when it panics itself.  Links the real panic(). */
#include "debug/panic.h"

#include <setjmp.h>
#include <string.h>

#include "debug/trace.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "lib/assert.h"
#include "sched/per_cpu.h"
#include "sched/scheduler.h"
#include "sync/mutex.h"

static jmp_buf halted;
static enum machine_halt halted_why;
static int halted_status;

static void remember_halt(enum machine_halt why, int status)
{
    halted_why = why;
    halted_status = status;
    longjmp(halted, 1);
}

static const char *output(void)
{
    return fake_machine.log.text;
}

static void begin(void)
{
    fake_scheduler_init(2);
    fake_machine_info.random_seed = 4711;
    fake_machine.halt = remember_halt;
}

/* Executes something that must panic on this stack. */
#define CATCH_PANIC(statement)  \
    do {                        \
        if (setjmp(halted) == 0) \
            statement;          \
    } while (0)

START_TEST(panic_prints_the_message_and_halts_with_its_status)
{
    begin();
    CATCH_PANIC(panic("number %d of %s", 7, "something"));
    ck_assert_int_eq(halted_why, MACHINE_HALT_PANIC);
    ck_assert_int_eq(halted_status, 120);
    ck_assert_int_eq(strncmp(output(), "eft: panic: number 7 of something\n", 34), 0);
}
END_TEST

START_TEST(panic_prints_seed_and_backtrace)
{
    begin();
    CATCH_PANIC(panic("x"));
    ck_assert_ptr_nonnull(strstr(output(), "eft: seed 4711\n"));
    ck_assert_ptr_nonnull(strstr(output(), "eft: backtrace:\neft:   0x"));
}
END_TEST

START_TEST(panic_works_before_the_scheduler)
{
    fake_machine_init(0);
    fake_machine.halt = remember_halt;
    CATCH_PANIC(panic("early"));
    ck_assert_int_eq(strncmp(output(), "eft: panic: early\n", 18), 0);
    ck_assert_ptr_nonnull(strstr(output(), "eft: backtrace:\neft:   0x"));
}
END_TEST

START_TEST(panic_of_an_assertion_says_where)
{
    begin();
    CATCH_PANIC(ASSERT(1 + 1 == 3));
    ck_assert_ptr_nonnull(strstr(output(), "panic_test.c:"));
    ck_assert_ptr_nonnull(strstr(output(), ": 1 + 1 == 3 does not hold\n"));
}
END_TEST

START_TEST(panic_cuts_a_message_that_is_too_long)
{
    static char text[5000];

    begin();
    memset(text, 'x', sizeof(text) - 1);
    CATCH_PANIC(panic("%s", text));

    const char *end = strchr(output(), '\n');

    ck_assert_int_gt(end - output(), 250);
    ck_assert_int_lt(end - output(), 400);
    ck_assert_int_eq(strncmp(end, "\neft: cpu 0", 11), 0);
}
END_TEST

START_TEST(panic_prints_the_last_events)
{
    begin();
    for (unsigned i = 0; i < 100; i++)
        trace_record(TRACE_interrupt, i, 0, 0);
    CATCH_PANIC(panic("x"));
    ck_assert_ptr_null(strstr(output(), "interrupt 67\n"));
    ck_assert_ptr_nonnull(strstr(output(), "interrupt 68\n"));
    ck_assert_ptr_nonnull(strstr(output(), "interrupt 99\n"));
}
END_TEST

static struct mutex mutex;
static struct spinlock first = SPINLOCK_INITIAL(RANK_SIGNAL, "first lock");
static struct spinlock second = SPINLOCK_INITIAL(RANK_CONSOLE, "second lock");

static void panic_with_locks(void *argument)
{
    (void)argument;
    mutex_lock(&mutex);
    spin_lock(&first);
    spin_lock(&second);
    CATCH_PANIC(panic("with locks"));
    spin_unlock(&second);
    spin_unlock(&first);
    mutex_unlock(&mutex);
}

START_TEST(panic_prints_cpus_threads_and_held_locks)
{
    begin();
    mutex_init(&mutex, RANK_INODE, "some mutex");
    fake_thread_start("culprit", panic_with_locks, NULL);
    fake_scheduler_run();
    ck_assert_ptr_nonnull(strstr(output(), "eft: panic: with locks\n"
                                           "eft: cpu 0 (this one): thread 1 (culprit) running, "
                                           "0 ready\n"
                                           "eft:   spin lock second lock, rank 150\n"
                                           "eft:   spin lock first lock, rank 120\n"
                                           "eft:   mutex some mutex, rank 50\n"
                                           "eft: cpu 1: thread 0 (idle) running, 0 ready\n"));
}
END_TEST

static bool describe_panics;

static size_t describe_and_panic(physical_address root, uint64_t address, char *text, size_t size)
{
    (void)root;
    (void)address;
    (void)text;
    (void)size;
    describe_panics = true;
    panic("second");
}

START_TEST(panic_inside_a_panic_prints_one_line_and_halts)
{
    begin();
    fake_machine.describe = describe_and_panic;
    CATCH_PANIC(panic("first"));
    ck_assert(describe_panics);
    ck_assert_int_eq(halted_status, 120);
    ck_assert_ptr_nonnull(strstr(output(), "eft: panic: first\n"));

    const char *last = strstr(output(), "eft: panic while panicking: second\n");

    ck_assert_ptr_nonnull(last);
    ck_assert_str_eq(strchr(last, '\n'), "\n");
}
END_TEST

static void first_cpu_halts(void)
{
    if (fake_machine.relaxations == 3)
        longjmp(halted, 1);
}

START_TEST(panic_of_a_second_cpu_waits_for_the_first)
{
    begin();
    CATCH_PANIC(panic("first"));
    fake_machine.cpu = 1;
    fake_machine.relax = first_cpu_halts;
    CATCH_PANIC(panic("second"));
    ck_assert_uint_eq(fake_machine.relaxations, 3);
    ck_assert_ptr_null(strstr(output(), "second"));
}
END_TEST

TEST_MAIN("debug/panic", panic_prints_the_message_and_halts_with_its_status,
          panic_prints_seed_and_backtrace, panic_works_before_the_scheduler,
          panic_of_an_assertion_says_where, panic_cuts_a_message_that_is_too_long,
          panic_prints_the_last_events, panic_prints_cpus_threads_and_held_locks,
          panic_inside_a_panic_prints_one_line_and_halts,
          panic_of_a_second_cpu_waits_for_the_first)
