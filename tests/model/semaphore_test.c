/*
 * Semaphores: the hand-over against the end of a waiting process and against removal, in the
 * interleavings of two CPUs; and with a copy of the wait that is broken, which must be found.
 */
#include "sync/semaphore.h"

#include <stdio.h>

#include "harness/model.h"
#include "harness/model_locks.h"
#include "harness/test.h"
#include "sched/thread.h"

static struct semaphore semaphore;
static struct thread *victim;
static unsigned taken, interrupted, removed;

static void begin(int64_t initial)
{
    semaphore_init(&semaphore, 1, initial);
    taken = interrupted = removed = 0;
}

static void explore(const struct model *model)
{
    struct model_result result = model_explore(model);

    printf("%llu runs of at most %u choices\n", (unsigned long long)result.runs,
           result.choices_max);
    ck_assert_msg(!result.failure, "%s in run %llu, choices %s", result.failure,
                  (unsigned long long)result.runs, result.choices);
    ck_assert_uint_gt(result.runs, 20);
}

/* ---- What threads do ----------------------------------------------------------------------- */

static void take_one(void *argument)
{
    int result = semaphore_wait(&semaphore, NULL);

    (void)argument;
    if (result == 0)
        taken++;
    else if (result == -EINTR)
        interrupted++;
    else if (result == -EIDRM)
        removed++;
}

static void give(void *argument)
{
    (void)argument;
    if (semaphore_signal(&semaphore) != 0)
        removed++;
}

static void kill_victim(void *argument)
{
    (void)argument;
    thread_interrupt(victim, THREAD_WORK_SIGNAL);
    thread_release(victim);
}

static void remove_it(void *argument)
{
    (void)argument;
    semaphore_remove(&semaphore);
}

static int64_t count(void)
{
    struct semaphore_report report;

    semaphore_report(&semaphore, &report);
    return report.count;
}

/* ---- Nothing is lost to a thread that is killed -------------------------------------------- */

static void signal_against_kill(void)
{
    begin(0);
    victim = model_thread(0, "victim", take_one, NULL);
    refcount_take(&victim->references);
    model_thread(0, "other", take_one, NULL);
    model_thread(1, "giver", give, NULL);
    model_thread(1, "killer", kill_victim, NULL);
}

/* The one signal was taken by exactly one of the two. */
static const char *check_one_taken(void)
{
    if (taken + (unsigned)count() != 1)
        return "the signal was lost or doubled";
    if (taken + interrupted > 2)
        return "a wait ended twice";
    return count() > 0 && interrupted < 2 ? "a thread waits beside a count" : NULL;
}

static void give_the_rest(void)
{
    for (int i = 0; i < 2; i++) {
        int error = semaphore_signal(&semaphore);

        (void)error;    /* it may be removed by now */
    }
}

START_TEST(model_no_signal_is_lost_to_the_dead)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = signal_against_kill,
                             .check = check_one_taken,
                             .clean_up = give_the_rest,
                             .preemptions_max = 3 });
}
END_TEST

static void two_signals_against_kill(void)
{
    signal_against_kill();
    model_thread(1, "giver", give, NULL);
}

/* One may be left over if the victim took none. */
static const char *check_both_served(void)
{
    if (taken + (unsigned)count() != 2)
        return "a signal was lost or doubled";
    return taken + interrupted == 2 ? NULL : "a thread waits beside a count";
}

START_TEST(model_two_signals_serve_whoever_lives)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = two_signals_against_kill,
                             .check = check_both_served,
                             .preemptions_max = 2 });
}
END_TEST

/* ---- Removal ------------------------------------------------------------------------------- */

static void signal_against_removal(void)
{
    begin(0);
    model_thread(0, "taker", take_one, NULL);
    model_thread(0, "taker", take_one, NULL);
    model_thread(1, "giver", give, NULL);
    model_thread(1, "remover", remove_it, NULL);
}

/* All waits have ended; the signal counts for one of them or came too late. */
static const char *check_all_ended(void)
{
    if (taken > 1)
        return "one signal was taken twice";
    return taken + removed >= 2 ? NULL : "a wait has not ended";
}

START_TEST(model_removal_ends_every_wait)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = signal_against_removal,
                             .check = check_all_ended,
                             .preemptions_max = 3 });
}
END_TEST

static void kill_against_removal(void)
{
    begin(0);
    victim = model_thread(0, "victim", take_one, NULL);
    refcount_take(&victim->references);
    model_thread(1, "killer", kill_victim, NULL);
    model_thread(1, "remover", remove_it, NULL);
    model_thread(1, "giver", give, NULL);
}

static const char *check_victim_ended(void)
{
    return taken + interrupted + removed >= 1 ? NULL : "the victim still waits";
}

START_TEST(model_removal_against_kill)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = kill_against_removal,
                             .check = check_victim_ended,
                             .preemptions_max = 3 });
}
END_TEST

/* ---- As a lock on two CPUs ----------------------------------------------------------------- */

static unsigned inside, most_inside;

static void enter_and_leave(void *argument)
{
    (void)argument;
    ck_assert_int_eq(semaphore_wait(&semaphore, NULL), 0);
    inside++;
    most_inside = inside > most_inside ? inside : most_inside;
    inside--;
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    taken++;
}

static void three_through_one_door(void)
{
    begin(1);
    inside = most_inside = 0;
    model_thread(0, "a", enter_and_leave, NULL);
    model_thread(1, "b", enter_and_leave, NULL);
    model_thread(1, "c", enter_and_leave, NULL);
}

static const char *check_one_at_a_time(void)
{
    if (taken != 3)
        return "somebody did not get in";
    if (most_inside != 1)
        return "two were inside";
    return count() == 1 ? NULL : "the count is wrong";
}

START_TEST(model_one_at_a_time)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = three_through_one_door,
                             .check = check_one_at_a_time,
                             .preemptions_max = 3 });
}
END_TEST

/* ---- What is broken must be found ---------------------------------------------------------- */

/* As if an interrupted thread kept what it was given: what it died with is gone. */
static void take_and_die_with_it(void *argument)
{
    struct thread *thread = current_thread();
    int result = semaphore_wait(&semaphore, NULL);

    (void)argument;
    if (result == -EINTR) {
        interrupted++;
        if (count() > 0) {    /* had been its own before it was given back */
            atomic_store(&thread->interrupted, false);
            ck_assert_int_eq(semaphore_wait(&semaphore, NULL), 0);
        }
    } else if (result == 0) {
        taken++;
    }
}

static void signal_against_broken_kill(void)
{
    begin(0);
    victim = model_thread(0, "victim", take_and_die_with_it, NULL);
    refcount_take(&victim->references);
    model_thread(1, "giver", give, NULL);
    model_thread(1, "killer", kill_victim, NULL);
}

static const char *check_signal_is_somewhere(void)
{
    return taken + (unsigned)count() == 1 ? NULL : "the signal was lost";
}

START_TEST(model_finds_a_signal_lost_to_the_dead)
{
    struct model_result result = model_explore(&(struct model){
        .cpu_count = 2,
        .setup = signal_against_broken_kill,
        .check = check_signal_is_somewhere,
        .preemptions_max = 3,
    });

    ck_assert_msg(result.failure, "not found in %llu runs", (unsigned long long)result.runs);
    ck_assert_str_eq(result.failure, "the signal was lost");
}
END_TEST

TEST_MAIN("model/semaphore", model_no_signal_is_lost_to_the_dead,
          model_two_signals_serve_whoever_lives, model_removal_ends_every_wait,
          model_removal_against_kill, model_one_at_a_time, model_finds_a_signal_lost_to_the_dead)
