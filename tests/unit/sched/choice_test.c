/* Operations that others could notice: what the observer is told, and what it may choose. */
#include "sched/choice.h"

#include <setjmp.h>
#include <string.h>

#include "debug/trace.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"

#define THREADS 3

static unsigned wanted;               /* what is chosen next, if it is there */
static struct candidate offered[THREADS];
static unsigned offered_count, choices, number_asked;
static uint64_t done_objects[8];
static unsigned done_count;

static unsigned choose_thread(int32_t current, const struct candidate *candidates, unsigned count)
{
    (void)current;
    ck_assert_uint_ge(count, 2);
    ck_assert_uint_le(count, THREADS);
    memcpy(offered, candidates, count * sizeof(*candidates));
    offered_count = count;
    choices++;
    return wanted < count ? wanted : 0;
}

static uint64_t choose_number(uint64_t count)
{
    number_asked = (unsigned)count;
    return count - 1;
}

static void event(const struct observer_event *happened)
{
    if (happened->kind == TRACE_operation)
        done_objects[done_count++] = happened->numbers[1];
}

static const struct observer_operations observer = {
    .choose_thread = choose_thread, .choose_number = choose_number, .event = event
};

static void begin(unsigned cpus, bool observed)
{
    fake_scheduler_init(cpus);
    if (!observed)
        return;
    fake_machine_info.observer = &observer;
    for (unsigned cpu = 0; cpu < cpus; cpu++)
        idle_init(cpu);    /* once more, now that somebody chooses */
}

static char story[32];

static void tell(char letter)
{
    ck_assert_uint_lt(strlen(story), sizeof(story) - 1);
    story[strlen(story)] = letter;
}

static struct operation operation_of(uint64_t object, uint8_t access)
{
    return (struct operation){
        .object_kind = OBJECT_SEMAPHORE, .access = access, .object = object
    };
}

static void change_own_object(void *name)
{
    const struct operation operation = operation_of((uintptr_t)name, OPERATION_CHANGE);

    choice_before(&operation, NULL);
    tell((char)(uintptr_t)name);
    choice_done(&operation);
    ck_assert_uint_eq(current_thread()->next_operation.object_kind, OBJECT_NONE);
}

START_TEST(without_an_observer_nothing_is_chosen)
{
    begin(1, false);
    for (char name = 'a'; name <= 'c'; name++)
        thread_release(fake_thread_start("t", change_own_object, (void *)(uintptr_t)name));
    fake_scheduler_run();
    ck_assert_str_eq(story, "abc");    /* no one gave way */
    ck_assert_uint_eq(choices, 0);
    ck_assert_uint_eq(done_count, 0);
    ck_assert_uint_eq(choice_number(5), 0);
    ck_assert_uint_eq(number_asked, 0);
}
END_TEST

START_TEST(the_observer_chooses_among_announced_operations)
{
    begin(1, true);
    wanted = THREADS - 1;
    for (char name = 'a'; name <= 'c'; name++)
        thread_release(fake_thread_start("t", change_own_object, (void *)(uintptr_t)name));
    fake_scheduler_run();
    ck_assert_uint_eq(strlen(story), THREADS);
    ck_assert_uint_gt(choices, 0);
    /* The last choice was between operations, not between computations. */
    ck_assert_uint_eq(offered[0].next.object_kind, OBJECT_SEMAPHORE);
    ck_assert_uint_eq(offered[0].next.access, OPERATION_CHANGE);
    ck_assert_uint_eq(done_count, THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_uint_eq(done_objects[i], (unsigned char)story[i]);
}
END_TEST

START_TEST(a_number_is_the_observers)
{
    begin(1, true);
    ck_assert_uint_eq(choice_number(7), 6);
    ck_assert_uint_eq(number_asked, 7);
    ck_assert_uint_eq(choice_number(1), 0);
}
END_TEST

/* ---- Operations that are not possible yet -------------------------------------------------- */

static _Atomic int64_t count;
static struct thread *taker;

static void take(void *argument)
{
    const struct operation operation = operation_of('t', OPERATION_TAKE);

    (void)argument;
    choice_before(&operation, &count);
    tell('t');
    choice_done(&operation);
}

static void give(void *argument)
{
    const struct operation operation = operation_of('t', OPERATION_GIVE);

    (void)argument;
    choice_before(&operation, NULL);
    tell('g');
    atomic_store(&count, 1);
    choice_done(&operation);
}

START_TEST(what_is_not_possible_is_not_offered)
{
    begin(1, true);
    wanted = 0;
    thread_release(fake_thread_start("taker", take, NULL));
    thread_release(fake_thread_start("giver", give, NULL));
    thread_release(fake_thread_start("other", change_own_object, (void *)'o'));
    fake_scheduler_run();
    ck_assert_uint_eq(strlen(story), 3);
    ck_assert_ptr_nonnull(strchr(story, 'g'));
    ck_assert(strchr(story, 'g') < strchr(story, 't'));
}
END_TEST

static void announce_and_block(void *argument)
{
    const struct operation operation = operation_of('t', OPERATION_TAKE);

    (void)argument;
    choice_announce(&operation, &count);
    scheduler_block();
    tell('w');
    choice_give_up(&operation);
}

START_TEST(an_announcement_can_be_changed_from_outside)
{
    const struct operation end = operation_of('e', OPERATION_CHANGE);

    begin(1, true);
    taker = fake_thread_start("taker", announce_and_block, NULL);
    fake_scheduler_run();
    ck_assert_uint_eq(taker->next_operation.object, 't');
    ck_assert_ptr_eq(taker->next_needs, &count);
    choice_possible(taker);
    ck_assert_ptr_null(taker->next_needs);
    ck_assert_uint_eq(taker->next_operation.object, 't');
    choice_replace(taker, &end);
    ck_assert_uint_eq(taker->next_operation.object, 'e');
    ck_assert(scheduler_wake(taker));
    fake_scheduler_run();
    ck_assert_str_eq(story, "w");
    ck_assert_uint_eq(taker->next_operation.object, 'e');    /* that was not given up */
    thread_release(taker);
}
END_TEST

START_TEST(what_is_given_up_is_announced_no_more)
{
    begin(1, true);
    taker = fake_thread_start("taker", announce_and_block, NULL);
    fake_scheduler_run();
    ck_assert(scheduler_wake(taker));
    atomic_store(&count, 1);
    fake_scheduler_run();
    ck_assert_str_eq(story, "w");
    ck_assert_uint_eq(taker->next_operation.object_kind, OBJECT_NONE);
    ck_assert_ptr_null(taker->next_needs);
    thread_release(taker);
}
END_TEST

/* ---- CPUs ---------------------------------------------------------------------------------- */

static jmp_buf has_nothing_to_do;

static void come_back(void)
{
    longjmp(has_nothing_to_do, 1);
}

START_TEST(the_observer_chooses_among_idle_cpus)
{
    const uint64_t all = 0xe;    /* of four, all but the one that runs this */

    begin(4, true);
    fake_machine.idle = come_back;
    for (volatile unsigned cpu = 1; cpu < 4; cpu++) {
        fake_machine.cpu = cpu;
        if (!setjmp(has_nothing_to_do))
            scheduler_run_idle();
    }
    fake_machine.cpu = 0;
    ck_assert_uint_eq(idle_choose_cpu(1, all), 3);    /* the last, as choose_number says */
    ck_assert_uint_eq(number_asked, 3);
    number_asked = 0;
    ck_assert_uint_eq(idle_choose_cpu(0, 1 << 2), 2);
    ck_assert_uint_eq(number_asked, 0);    /* there is no choice */
    ck_assert_uint_eq(idle_choose_cpu(0, 1), CPUS_MAX);
}
END_TEST

TEST_MAIN("sched/choice", without_an_observer_nothing_is_chosen,
          the_observer_chooses_among_announced_operations, a_number_is_the_observers,
          what_is_not_possible_is_not_offered, an_announcement_can_be_changed_from_outside,
          what_is_given_up_is_announced_no_more, the_observer_chooses_among_idle_cpus)
