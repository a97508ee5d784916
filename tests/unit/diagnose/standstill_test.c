/*
 * Standing still, on real host threads, each of which acts as a CPU: all others stop and go on, two
 * that report do so one after the other, and one that does not answer holds up nobody.
 *
 * This file is the machine.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "diagnose/diagnose.h"
#include "diagnose/diagnose_internal.h"
#include "harness/test.h"
#include "machine/machine.h"
#include "memory/tlb.h"

#define CPUS 4
#define REPORTS 50

static _Thread_local unsigned cpu_index;
static struct machine_info info = { .cpu_count = CPUS };
static _Atomic bool notified[CPUS], is_over, has_reported;
static _Atomic unsigned notifications, translations_forgotten;
static _Atomic uint64_t steps[CPUS];    /* what each has done while it was not stopped */
static _Atomic uint64_t time_ns;
static _Atomic unsigned reporting;

const struct machine_info *machine_info(void)
{
    return &info;
}

unsigned machine_cpu_index(void)
{
    return cpu_index;
}

bool machine_interrupts_enabled(void)
{
    return false;
}

void machine_cpu_notify(unsigned cpu)
{
    atomic_fetch_add(&notifications, 1);
    atomic_store(&notified[cpu], true);
}

void machine_cpu_relax(void)
{
    sched_yield();
}

/* Only moves when a test says so. */
uint64_t machine_time_ns(void)
{
    return atomic_load(&time_ns);
}

void tlb_notified(void)
{
    atomic_fetch_add(&translations_forgotten, 1);
}

static void step(void)
{
    if (atomic_exchange(&notified[cpu_index], false))
        diagnose_notified();
    atomic_fetch_add(&steps[cpu_index], 1);
    sched_yield();
}

static void *work(void *index)
{
    cpu_index = (unsigned)(uintptr_t)index;
    while (!atomic_load(&is_over))
        step();
    return NULL;
}

/* What the others have done does not change while this one reports. */
static void report(void)
{
    uint64_t before[CPUS];

    ck_assert(standstill_begin());
    ck_assert_uint_eq(atomic_fetch_add(&reporting, 1), 0);
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        before[cpu] = atomic_load(&steps[cpu]);
    usleep(100);
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        ck_assert_uint_eq(atomic_load(&steps[cpu]), before[cpu]);
    atomic_fetch_sub(&reporting, 1);
    standstill_end();
}

static void *report_often(void *index)
{
    cpu_index = (unsigned)(uintptr_t)index;
    for (unsigned i = 0; i < REPORTS; i++) {
        report();
        step();
    }
    atomic_store(&has_reported, true);
    while (!atomic_load(&is_over))
        step();
    return NULL;
}

static void start(pthread_t *threads, unsigned first, void *(*entry)(void *index))
{
    for (unsigned cpu = first; cpu < CPUS; cpu++)
        ck_assert_int_eq(pthread_create(&threads[cpu], NULL, entry, (void *)(uintptr_t)cpu), 0);
}

static void stop(const pthread_t *threads, unsigned first)
{
    atomic_store(&is_over, true);
    for (unsigned cpu = first; cpu < CPUS; cpu++)
        pthread_join(threads[cpu], NULL);
}

START_TEST(nobody_stops_who_is_not_asked)
{
    diagnose_notified();    /* of something else */
    ck_assert_uint_eq(translations_forgotten, 0);
}
END_TEST

START_TEST(all_others_stand_still_and_go_on)
{
    pthread_t threads[CPUS];

    start(threads, 1, work);
    for (unsigned i = 0; i < REPORTS; i++)
        report();
    ck_assert_uint_eq(notifications, REPORTS * (CPUS - 1));
    ck_assert_uint_gt(translations_forgotten, 0);    /* who waits answers others meanwhile */

    uint64_t before = atomic_load(&steps[1]);

    while (atomic_load(&steps[1]) == before)
        sched_yield();
    stop(threads, 1);
}
END_TEST

/* The last one of the two has to stop for the other before its own turn comes. */
START_TEST(reports_of_two_cpus_come_one_after_the_other)
{
    pthread_t threads[CPUS];

    start(threads, 2, work);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, report_often, (void *)1), 0);
    for (unsigned i = 0; i < REPORTS; i++) {
        report();
        step();
    }
    while (!atomic_load(&has_reported))
        step();
    ck_assert_uint_eq(notifications, 2 * REPORTS * (CPUS - 1));
    stop(threads, 2);
    pthread_join(threads[1], NULL);
}
END_TEST

static void *let_time_go_by(void *nothing)
{
    usleep(2000);
    atomic_store(&time_ns, UINT64_C(2000000000));
    return nothing;
}

START_TEST(one_that_does_not_answer_holds_up_nobody)
{
    pthread_t watch;

    ck_assert_int_eq(pthread_create(&watch, NULL, let_time_go_by, NULL), 0);
    ck_assert(!standstill_begin());
    pthread_join(watch, NULL);
    ck_assert_uint_eq(notifications, CPUS - 1);
    /* The late ones do not stop any more, and the next report may begin. */
    cpu_index = 1;
    diagnose_notified();
    info.cpu_count = 1;
    ck_assert(standstill_begin());
    standstill_end();
}
END_TEST

TEST_MAIN("diagnose/standstill", nobody_stops_who_is_not_asked, all_others_stand_still_and_go_on,
          reports_of_two_cpus_come_one_after_the_other, one_that_does_not_answer_holds_up_nobody)
