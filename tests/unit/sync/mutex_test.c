/* Mutexes: exclusion, waiting, ranks, owners. */
#include "sync/mutex.h"

#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/scheduler.h"

static struct mutex mutex;
static struct mutex higher;
static struct mutex equal;
static char story[64];

static void tell(char event)
{
    story[strlen(story)] = event;
}

static void begin(void)
{
    fake_scheduler_init(1);
    mutex_init(&mutex, RANK_INODE, "mutex");
    mutex_init(&higher, RANK_PAGE_CACHE, "higher");
    mutex_init(&equal, RANK_INODE, "equal");
    memset(story, 0, sizeof(story));
}

START_TEST(mutex_works_before_the_scheduler_does)
{
    fake_machine_init(0);
    mutex_init(&mutex, RANK_INODE, "mutex");
    ck_assert(!mutex_is_held(&mutex));
    mutex_lock(&mutex);
    ck_assert(mutex_is_held(&mutex));
    ck_assert_ptr_eq(current_thread()->mutexes, &mutex);
    mutex_unlock(&mutex);
    ck_assert(!mutex_is_held(&mutex));
    ck_assert_ptr_null(current_thread()->mutexes);
}
END_TEST

static void enter_and_yield(void *argument)
{
    (void)argument;
    mutex_lock(&mutex);
    tell((char)(current_thread()->name[0] - 'a' + 'A'));
    scheduler_yield();
    scheduler_yield();
    tell(current_thread()->name[0]);
    mutex_unlock(&mutex);
}

START_TEST(mutex_excludes)
{
    begin();
    thread_release(fake_thread_start("a", enter_and_yield, NULL));
    thread_release(fake_thread_start("b", enter_and_yield, NULL));
    thread_release(fake_thread_start("c", enter_and_yield, NULL));
    fake_scheduler_run();
    ck_assert_str_eq(story, "AaBbCc");
    ck_assert_uint_eq(mutex.waiting, 0);
}
END_TEST

static void hold_until_woken(void *argument)
{
    (void)argument;
    mutex_lock(&mutex);
    scheduler_block();
    mutex_unlock(&mutex);
}

static void lock_and_tell(void *argument)
{
    (void)argument;
    mutex_lock(&mutex);
    tell('l');
    mutex_unlock(&mutex);
}

START_TEST(mutex_wait_names_the_owner_and_is_not_interruptible)
{
    begin();

    struct thread *owner = fake_thread_start("owner", hold_until_woken, NULL);
    struct thread *waiter = fake_thread_start("waiter", lock_and_tell, NULL);

    fake_scheduler_run();
    ck_assert_int_eq(waiter->state, THREAD_BLOCKED);
    ck_assert_int_eq(waiter->waiting_for.kind, WAIT_MUTEX);
    ck_assert_ptr_eq(waiter->waiting_for.owner, owner);
    thread_interrupt(waiter, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert_str_eq(story, "");
    (void)scheduler_wake(owner);
    fake_scheduler_run();
    ck_assert_str_eq(story, "l");
}
END_TEST

START_TEST(mutex_try_lock_never_waits)
{
    begin();
    ck_assert(mutex_try_lock(&higher));
    ck_assert(mutex_try_lock(&mutex));    /* against the order, which is allowed here */
    mutex_unlock(&higher);
    ck_assert_ptr_eq(current_thread()->mutexes, &mutex);
    mutex_unlock(&mutex);

    struct thread *owner = fake_thread_start("owner", hold_until_woken, NULL);

    fake_scheduler_run();
    ck_assert(!mutex_try_lock(&mutex));
    (void)scheduler_wake(owner);
    fake_scheduler_run();
    ck_assert(mutex_try_lock(&mutex));
}
END_TEST

START_TEST(mutex_unlock_in_any_order)
{
    begin();
    mutex_lock(&mutex);
    mutex_lock_same_rank(&equal);
    mutex_lock(&higher);
    mutex_unlock(&equal);
    ck_assert(mutex_is_held(&mutex) && mutex_is_held(&higher) && !mutex_is_held(&equal));
    mutex_unlock(&mutex);
    ck_assert_ptr_eq(current_thread()->mutexes, &higher);
    mutex_unlock(&higher);
    ck_assert_ptr_null(current_thread()->mutexes);
}
END_TEST

START_TEST(mutex_lower_rank_panics)
{
    begin();
    mutex_lock(&higher);
    mutex_lock(&mutex);
}
END_TEST

START_TEST(mutex_equal_rank_panics)
{
    begin();
    mutex_lock(&mutex);
    mutex_lock(&equal);
}
END_TEST

START_TEST(mutex_rank_below_any_held_panics)
{
    struct mutex lowest;

    begin();
    mutex_init(&lowest, RANK_MOUNT, "lowest");
    mutex_lock(&higher);
    ck_assert(mutex_try_lock(&lowest));
    mutex_lock(&mutex);    /* above the newest, below the first */
}
END_TEST

START_TEST(mutex_second_lock_panics)
{
    begin();
    mutex_lock(&mutex);
    mutex_lock(&mutex);
}
END_TEST

START_TEST(mutex_second_unlock_panics)
{
    begin();
    mutex_lock(&mutex);
    mutex_unlock(&mutex);
    mutex_unlock(&mutex);
}
END_TEST

START_TEST(mutex_unlock_by_another_thread_panics)
{
    begin();
    fake_thread_start("owner", hold_until_woken, NULL);
    fake_scheduler_run();
    mutex_unlock(&mutex);
}
END_TEST

START_TEST(mutex_lock_with_a_spin_lock_panics)
{
    struct spinlock spin = SPINLOCK_INITIAL(RANK_PROCESS, "spin");

    begin();
    spin_lock(&spin);
    mutex_lock(&mutex);
}
END_TEST

static void exit_with_mutex(void *argument)
{
    (void)argument;
    mutex_lock(&mutex);
}

START_TEST(mutex_held_at_the_end_of_a_thread_panics)
{
    begin();
    fake_thread_start("a", exit_with_mutex, NULL);
    fake_scheduler_run();
}
END_TEST

START_TEST(mutex_rank_of_a_spin_lock_panics)
{
    begin();
    mutex_init(&mutex, RANK_PROCESS, "not a mutex");
}
END_TEST

TEST_MAIN_WITH_PANICS("sync/mutex",
                      PANICS(mutex_lower_rank_panics, mutex_equal_rank_panics,
                             mutex_rank_below_any_held_panics, mutex_second_lock_panics,
                             mutex_second_unlock_panics, mutex_unlock_by_another_thread_panics,
                             mutex_lock_with_a_spin_lock_panics,
                             mutex_held_at_the_end_of_a_thread_panics,
                             mutex_rank_of_a_spin_lock_panics),
                      mutex_works_before_the_scheduler_does, mutex_excludes,
                      mutex_wait_names_the_owner_and_is_not_interruptible,
                      mutex_try_lock_never_waits, mutex_unlock_in_any_order)
