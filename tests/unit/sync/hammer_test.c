/*
 * Locks, reference counts and trace rings on real host threads, each of which acts as a CPU.  Built
 * with -fsanitize=thread it finds what is not ordered; without, what gets lost.
 *
 * This file is the machine: the CPU's index and its interrupt flag belong to the thread.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "debug/trace.h"
#include "harness/test.h"
#include "lib/refcount.h"
#include "machine/machine.h"
#include "sync/spinlock.h"

#define THREADS 4
#define ROUNDS 20000

static _Thread_local unsigned cpu_index;
static _Thread_local bool interrupts_enabled = true;

unsigned machine_cpu_index(void)
{
    return cpu_index;
}

bool machine_interrupts_disable(void)
{
    bool were_on = interrupts_enabled;

    interrupts_enabled = false;
    return were_on;
}

void machine_interrupts_restore(bool enabled)
{
    interrupts_enabled = enabled;
}

bool machine_interrupts_enabled(void)
{
    return interrupts_enabled;
}

/* The host may have fewer CPUs than we: the owner of a lock must get to run. */
void machine_cpu_relax(void)
{
    sched_yield();
}

void machine_cpu_notify(unsigned cpu)
{
    (void)cpu;    /* no thread of the kernel's waits here */
}

uint64_t machine_time_ns(void)
{
    return 0;    /* only observers ask, and there is none */
}

const struct machine_info *machine_info(void)
{
    static const struct machine_info info = { .cpu_count = THREADS };

    return &info;
}

struct job {
    unsigned cpu;
    void (*work)(unsigned cpu);
};

static void *run_job(void *argument)
{
    const struct job *job = argument;

    cpu_index = job->cpu;
    job->work(job->cpu);
    ck_assert(interrupts_enabled);
    return NULL;
}

static void run_on_all(void (*work)(unsigned cpu))
{
    pthread_t threads[THREADS];
    struct job jobs[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){ i, work };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* ---- Spin locks ---------------------------------------------------------------------------- */

static struct spinlock outer = SPINLOCK_INITIAL(RANK_PROCESS, "outer");
static struct spinlock inner = SPINLOCK_INITIAL(RANK_SIGNAL, "inner");
static uint64_t outer_count;
static uint64_t inner_count;

static void count_with_locks(unsigned cpu)
{
    for (int i = 0; i < ROUNDS; i++) {
        spin_lock(&outer);
        outer_count++;
        if (i % 3 == 0) {
            spin_lock(&inner);
            inner_count++;
            spin_unlock(i % 2 ? &outer : &inner);    /* in either order */
            spin_unlock(i % 2 ? &inner : &outer);
        } else {
            spin_unlock(&outer);
        }
        ck_assert(!spin_is_held(&outer) && !spin_is_held(&inner));
    }
    (void)cpu;
}

START_TEST(spinlock_counts_are_exact)
{
    run_on_all(count_with_locks);
    ck_assert_uint_eq(outer_count, THREADS * ROUNDS);
    ck_assert_uint_eq(inner_count, THREADS * ((ROUNDS + 2) / 3));
}
END_TEST

/* ---- References ---------------------------------------------------------------------------- */

struct object {
    struct refcount references;
    uint64_t contents;
};

static struct object object;
static _Atomic unsigned destroyed;

static void release(void)
{
    if (!refcount_drop(&object.references))
        return;
    object.contents = 0;    /* ordered after every use by every thread */
    destroyed++;
}

static void use_object(unsigned cpu)
{
    for (int i = 0; i < ROUNDS; i++) {
        refcount_take(&object.references);
        ck_assert_uint_eq(object.contents, 4711);
        release();
    }
    release();
    (void)cpu;
}

START_TEST(refcount_last_drop_owns_the_object)
{
    refcount_init(&object.references, THREADS);
    object.contents = 4711;
    run_on_all(use_object);
    ck_assert_uint_eq(destroyed, 1);
    ck_assert(!refcount_take_unless_zero(&object.references));
}
END_TEST

/* ---- Trace --------------------------------------------------------------------------------- */

static void check_line(const char *line)
{
    unsigned cpu;
    unsigned long long sequence, a, b, c;

    /* Of one record: its three numbers fit each other. */
    ck_assert_int_eq(sscanf(line, "[%u] %llu page fault at %llx, access %llx, ip %llx", &cpu,
                            &sequence, &a, &b, &c), 5);
    ck_assert_uint_eq(b, a + 1);
    ck_assert_uint_eq(c, a + 2);
}

static void record_or_read(unsigned cpu)
{
    if (cpu == 0) {
        for (int i = 0; i < 200; i++)
            trace_print_last(50, check_line);
        return;
    }
    for (uint64_t i = 0; i < ROUNDS; i++)
        trace_record(TRACE_page_fault, i, i + 1, i + 2);
}

START_TEST(trace_reader_sees_whole_records)
{
    run_on_all(record_or_read);
}
END_TEST

TEST_MAIN("sync/hammer", spinlock_counts_are_exact, refcount_last_drop_owns_the_object,
          trace_reader_sees_whole_records)
