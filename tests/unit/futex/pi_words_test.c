/*
 * Locks that hand on priority: words that do not fit what the kernel knows, or change while it
 * looks; owners that are ending; memory that is gone.
 */
#include "memory/pool.h"
#include "harness/marks.h"
#include "unit/futex/futex_fixture.h"

#define NOBODY UINT32_C(0x3ffffff0)

static size_t locks_in_use;

static void count_locks(const struct pool *pool, void *context)
{
    (void)context;
    if (strcmp(pool->name, "futex lock") == 0)
        locks_in_use = pool->in_use;
}

static size_t kept_locks(void)
{
    locks_in_use = 0;
    pool_for_each(count_locks, NULL);
    return locks_in_use;
}

/* ---- Words that do not fit ----------------------------------------------------------------- */

FUTEX_TEST(an_ordinary_waiter_is_in_the_way)
{
    struct caller *waiter = start(&(struct caller){ .call = call_wait, .word = WORD });

    put(WORD, 0);
    ck_assert_int_eq(lock(WORD), -EINVAL);
    ck_assert_int_eq(try_lock(WORD), -EINVAL);
    put(WORD, own_id());
    ck_assert_int_eq(unlock(WORD), -EINVAL);
    ck_assert_uint_eq(get(WORD), own_id());
    ck_assert(!waiter->is_over);
    ck_assert_int_eq(wake(WORD, 1), 1);
}

FUTEX_TEST(a_word_must_name_the_owner_that_is_known)
{
    struct caller *holder = start(&(struct caller){ .call = call_hold, .word = LOCK,
                                                    .other = OTHER });
    struct caller *waiter = start(&(struct caller){ .call = call_lock, .word = LOCK });

    put(LOCK, 0);
    ck_assert_int_eq(lock(LOCK), -EINVAL);
    put(LOCK, id_of(waiter) | FUTEX_WAITERS);
    ck_assert_int_eq(try_lock(LOCK), -EINVAL);
    put(LOCK, id_of(waiter) | FUTEX_OWNER_DIED);
    ck_assert_int_eq(try_lock(LOCK), -EINVAL);
    put(LOCK, own_id());
    ck_assert_int_eq(unlock(LOCK), -EINVAL);
    /* These may wait: the owner is the right one, or is just ending. */
    put(LOCK, id_of(holder) | FUTEX_OWNER_DIED);
    ck_assert_int_eq(try_lock(LOCK), -EAGAIN);
    put(LOCK, FUTEX_OWNER_DIED);
    ck_assert_int_eq(try_lock(LOCK), -EAGAIN);
    put(LOCK, id_of(holder) | FUTEX_WAITERS);
    ck_assert_int_eq(wake(OTHER, 1), 1);
    settle();
    ck_assert_int_eq(holder->result, 0);
    ck_assert_int_eq(waiter->result, 0);
}

static void sleep_for_ever(void *argument)
{
    const struct wait_reason reason = { .kind = WAIT_SLEEP };

    (void)argument;
    ck_assert_int_eq(wait_entries_wait(NULL, 0, &reason, WAIT_FOREVER), -EINTR);
}

FUTEX_TEST(owners_that_cannot_be_waited_for)
{
    struct thread *kernel_thread = fake_thread_start("kernel", sleep_for_ever, NULL);
    uint32_t id = (uint32_t)kernel_thread->id;

    settle();
    put(LOCK, id);
    ck_assert_int_eq(lock(LOCK), -EPERM);
    ck_assert_uint_eq(get(LOCK), id | FUTEX_WAITERS);
    ck_assert_int_eq(try_lock(LOCK), -EPERM);
    put(LOCK, NOBODY);
    ck_assert_int_eq(try_lock(LOCK), -ESRCH);
    ck_assert_uint_eq(get(LOCK), NOBODY | FUTEX_WAITERS);
    ck_assert_uint_eq(kept_locks(), 0);
    thread_interrupt(kernel_thread, 0);
    thread_release(kernel_thread);
}

/* ---- Words that change while the kernel looks ---------------------------------------------- */

static uint32_t change_to;
static unsigned changes_left;

static void change_word_once(user_address word)
{
    uint32_t value;

    if (changes_left == 0)
        return;
    changes_left--;
    ck_assert_int_eq(user_word_read(current_space(), word, &value), WORD_DONE);
    ck_assert_int_eq(unobserved_user_word_exchange(current_space(), word, &value, change_to),
                     WORD_DONE);
}

/* The next exchange finds this instead of what was read. */
static void change_next(uint32_t value)
{
    change_to = value;
    changes_left = 1;
    before_exchange = change_word_once;
}

FUTEX_TEST(a_lock_that_is_unlocked_just_then_is_taken)
{
    struct caller *holder = start(&(struct caller){ .call = call_hold, .word = LOCK,
                                                    .other = OTHER });

    change_next(0);    /* without the kernel, as nobody waited */
    ck_assert_int_eq(lock(LOCK), 0);
    ck_assert_uint_eq(changes_left, 0);
    ck_assert_uint_eq(get(LOCK), own_id());
    ck_assert(!holder->is_over);
    EXPECT_MARK(futex_word_changed);
}

FUTEX_TEST(a_lock_that_is_taken_just_then_is_waited_for)
{
    const struct futex_word word = private_word(LOCK);
    const struct futex_deadline past = { 0, false };
    struct caller *other = start(&(struct caller){ .call = call_wait, .word = WORD });

    change_next(id_of(other));
    ck_assert_int_eq(futex_lock(&word, &past), -ETIMEDOUT);
    ck_assert_uint_eq(get(LOCK), id_of(other) | FUTEX_WAITERS);
    ck_assert_uint_eq(kept_locks(), 0);
}

FUTEX_TEST(who_changes_his_word_while_he_unlocks_it_is_told)
{
    struct caller *waiter;

    put(LOCK, own_id());
    change_next(own_id() | FUTEX_OWNER_DIED);
    ck_assert_int_eq(unlock(LOCK), -EAGAIN);
    put(LOCK, own_id());
    waiter = start(&(struct caller){ .call = call_lock, .word = LOCK });
    change_next(NOBODY);
    ck_assert_int_eq(unlock(LOCK), -EINVAL);
    ck_assert(!waiter->is_over);
    put(LOCK, own_id());
    change_next(own_id() | FUTEX_WAITERS);    /* still ours: once more */
    ck_assert_int_eq(unlock(LOCK), 0);
    settle();
    ck_assert_int_eq(waiter->result, 0);
    EXPECT_MARK(futex_word_changed_before_hand_over);
}

static struct caller *becoming_urgent;

static void make_urgent(user_address word)
{
    (void)word;
    before_exchange = NULL;
    priority_set_own(becoming_urgent->thread, CLASS_FIFO, 50);
}

FUTEX_TEST(whom_the_word_names_gets_it_whoever_is_more_urgent_by_then)
{
    struct caller *first, *second;

    ck_assert_int_eq(lock(LOCK), 0);
    first = start(&(struct caller){ .call = call_lock_and_unlock, .word = LOCK });
    second = start(&(struct caller){ .call = call_lock_and_unlock, .word = LOCK });
    becoming_urgent = second;
    before_exchange = make_urgent;
    ck_assert_int_eq(unlock(LOCK), 0);
    ck_assert_ptr_null(before_exchange);
    ck_assert_int_eq(pi_thread_waits_for(second->thread), first->thread->id);
    ck_assert_uint_eq(get(LOCK), id_of(first) | FUTEX_WAITERS);
    ck_assert_uint_eq(priority_effective(first->thread), 50);
    settle();
    ck_assert_int_eq(first->result, 0);
    ck_assert_int_eq(second->result, 0);
    ck_assert_uint_eq(get(LOCK), 0);
}

/* ---- Owners that end ----------------------------------------------------------------------- */

static int64_t pause_at_other(const struct caller *caller)
{
    const struct futex_wait wait = { .word = word_of(caller, caller->other),
                                     .expected = EXPECTED,
                                     .bits = FUTEX_ANY,
                                     .deadline = { WAIT_FOREVER, false } };

    return futex_wait(&wait);
}

/* Has begun to end, but ends only when `other` is woken. */
static int64_t call_leave_slowly(const struct caller *caller)
{
    const struct futex_word word = word_of(caller, caller->word);
    int error = futex_try_lock(&word);

    if (error)
        return error;
    pi_thread_leave();
    return pause_at_other(caller);
}

/* The same of a program, and then it is in another one, where it unlocks what it has. */
static int64_t call_execute_slowly(const struct caller *caller)
{
    const struct futex_word word = word_of(caller, caller->word);
    int64_t error = call_leave_slowly(caller);

    if (error)
        return error;
    futex_thread_leave_program(current_space(), 0);
    error = pause_at_other(caller);
    return error ? error : futex_unlock(&word);
}

FUTEX_TEST(an_owner_that_is_ending_is_waited_for)
{
    struct caller *owner = start(&(struct caller){ .call = call_leave_slowly, .word = LOCK,
                                                   .other = OTHER });
    struct caller *first = start(&(struct caller){ .call = call_lock_and_unlock, .word = LOCK });

    ck_assert(!first->is_over);
    ck_assert_uint_eq(kept_locks(), 0);
    interrupt(first);
    ck_assert(!first->is_over);    /* the wait is for the kernel's own work */
    put(LOCK, FUTEX_OWNER_DIED);   /* as its robust list will say */
    ck_assert_int_eq(wake(OTHER, 1), 1);
    settle();
    ck_assert_int_eq(owner->result, 0);
    ck_assert_int_eq(first->result, 0);
    ck_assert_uint_eq(get(LOCK), 0);
    EXPECT_MARK(futex_owner_is_leaving);
}

FUTEX_TEST(an_owner_that_executes_a_program_owns_again)
{
    struct caller *owner = start(&(struct caller){ .call = call_execute_slowly, .word = LOCK,
                                                   .other = OTHER });
    struct caller *first = start(&(struct caller){ .call = call_lock_and_unlock, .word = LOCK });

    ck_assert_uint_eq(kept_locks(), 0);    /* it waits until that has left */
    ck_assert_int_eq(wake(OTHER, 1), 1);
    settle();
    ck_assert(!first->is_over);
    ck_assert_uint_eq(kept_locks(), 1);
    ck_assert_int_eq(wake(OTHER, 1), 1);
    settle();
    ck_assert_int_eq(owner->result, 0);
    ck_assert_int_eq(first->result, 0);
    ck_assert_uint_eq(get(LOCK), 0);
    ck_assert_uint_eq(kept_locks(), 0);
}

FUTEX_TEST(an_owner_that_has_ended_without_a_word_is_nobody)
{
    struct caller *owner = start(&(struct caller){ .call = call_leave_slowly, .word = LOCK,
                                                   .other = OTHER });
    struct caller *waiter = start(&(struct caller){ .call = call_lock, .word = LOCK });

    ck_assert_int_eq(wake(OTHER, 1), 1);
    settle();
    ck_assert_int_eq(waiter->result, -ESRCH);
    ck_assert_uint_eq(get(LOCK), id_of(owner) | FUTEX_WAITERS);
}

FUTEX_TEST(what_a_dead_owner_had_is_not_lost_to_a_signal)
{
    struct caller *waiter;

    ck_assert_int_eq(lock(LOCK), 0);
    waiter = start(&(struct caller){ .call = call_lock, .word = LOCK });
    futex_thread_leave(current_space(), 0);
    change_next(own_id() | FUTEX_OWNER_DIED);    /* whatever the word says: it is the waiter's */
    interrupt(waiter);
    ck_assert_int_eq(waiter->result, 0);
    ck_assert_uint_eq(get(LOCK), id_of(waiter) | FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

FUTEX_TEST(a_lock_in_transit_is_waited_for_whatever_its_word_says)
{
    struct caller *first, *second;

    ck_assert_int_eq(lock(LOCK), 0);
    first = start(&(struct caller){ .call = call_lock_and_unlock, .word = LOCK });
    futex_thread_leave(current_space(), 0);
    put(LOCK, NOBODY);
    ck_assert_int_eq(try_lock(LOCK), -EAGAIN);
    second = start(&(struct caller){ .call = call_lock_and_unlock, .word = LOCK });
    ck_assert_int_eq(first->result, 0);
    ck_assert(second->is_over);
    ck_assert_uint_eq(kept_locks(), 0);
}

/* ---- Memory -------------------------------------------------------------------------------- */

FUTEX_TEST(a_dead_owners_word_is_brought_in)
{
    struct caller *holder = start(&(struct caller){ .call = call_hold, .word = UNTOUCHED,
                                                    .other = OTHER });
    struct caller *waiter = start(&(struct caller){ .call = call_lock, .word = UNTOUCHED });

    ck_assert_int_eq(address_space_unmap(current_space(), UNTOUCHED, PAGE_SIZE), 0);
    const struct map_request request = {
        .address = UNTOUCHED,
        .length = PAGE_SIZE,
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .flags = MAP_AT_ADDRESS,
    };
    user_address address;

    ck_assert_int_eq(address_space_map(current_space(), &request, &address), 0);
    interrupt(holder);
    ck_assert_int_eq(holder->result, -EINTR);
    ck_assert_int_eq(waiter->result, 0);
    ck_assert_uint_eq(get(UNTOUCHED), id_of(waiter) | FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

FUTEX_TEST(a_lock_whose_memory_is_gone_is_nobodys)
{
    struct caller *holder = start(&(struct caller){ .call = call_hold, .word = UNTOUCHED,
                                                    .other = OTHER });
    struct caller *waiters[2];

    for (unsigned i = 0; i < 2; i++)
        waiters[i] = start(&(struct caller){ .call = call_lock, .word = UNTOUCHED });
    ck_assert_uint_eq(kept_locks(), 1);
    ck_assert_int_eq(address_space_unmap(current_space(), UNTOUCHED, PAGE_SIZE), 0);
    interrupt(holder);
    ck_assert_int_eq(holder->result, -EINTR);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(waiters[i]->result, -EFAULT);
    ck_assert_uint_eq(kept_locks(), 0);
    EXPECT_MARK(futex_lock_without_memory);
}

FUTEX_TEST(what_cannot_be_written_cannot_be_handed_over)
{
    struct caller *waiter;

    put(UNTOUCHED, 0);
    ck_assert_int_eq(lock(UNTOUCHED), 0);
    waiter = start(&(struct caller){ .call = call_lock, .word = UNTOUCHED });
    protect(UNTOUCHED, PROTECTION_READ);
    ck_assert_int_eq(unlock(UNTOUCHED), -EFAULT);
    ck_assert(!waiter->is_over);
    protect(UNTOUCHED, PROTECTION_READ | PROTECTION_WRITE);
    ck_assert_int_eq(unlock(UNTOUCHED), 0);
    settle();
    ck_assert_int_eq(waiter->result, 0);
}

FUTEX_TEST(without_memory_there_is_no_waiting)
{
    struct caller *holder = start(&(struct caller){ .call = call_hold, .word = LOCK,
                                                    .other = OTHER });

    take_all_memory();
    ck_assert_int_eq(lock(LOCK), -ENOMEM);
    ck_assert_int_eq(try_lock(LOCK), -ENOMEM);
    give_memory_back();
    ck_assert_int_eq(try_lock(LOCK), -EAGAIN);
    ck_assert_int_eq(wake(OTHER, 1), 1);
    settle();
    ck_assert_int_eq(holder->result, 0);
}

TEST_MAIN("futex/pi_words", an_ordinary_waiter_is_in_the_way,
          a_word_must_name_the_owner_that_is_known, owners_that_cannot_be_waited_for,
          a_lock_that_is_unlocked_just_then_is_taken,
          a_lock_that_is_taken_just_then_is_waited_for,
          who_changes_his_word_while_he_unlocks_it_is_told,
          whom_the_word_names_gets_it_whoever_is_more_urgent_by_then,
          an_owner_that_is_ending_is_waited_for, an_owner_that_executes_a_program_owns_again,
          an_owner_that_has_ended_without_a_word_is_nobody,
          what_a_dead_owner_had_is_not_lost_to_a_signal,
          a_lock_in_transit_is_waited_for_whatever_its_word_says,
          a_dead_owners_word_is_brought_in, a_lock_whose_memory_is_gone_is_nobodys,
          what_cannot_be_written_cannot_be_handed_over, without_memory_there_is_no_waiting)
