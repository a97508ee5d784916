/* Descriptors and places of threads: shared or copied, left, unshared, and looked at by others. */
#include "process/shares.h"

#include <errno.h>

#include "fs/file_table.h"
#include "fs/path.h"
#include "memory/pool.h"
#include "process/places.h"
#include "unit/process/process_fixture.h"

/* What a second thread sees, and may change. */
static uint32_t mask_there;
static struct file_table *files_there;
static bool unshares;

static void look_and_change(void *argument)
{
    (void)argument;
    if (unshares) {
        ck_assert_int_eq(files_unshare(), 0);
        ck_assert_int_eq(places_unshare(), 0);
    }
    mask_there = places_set_umask(current_places(), 077);
    files_there = current_files();
    process_exit_thread(0);
}

static void run_second(void)
{
    struct thread *thread = fixture_thread(look_and_change);

    while (thread->state != THREAD_DEAD)
        scheduler_yield();
    thread_release(thread);
}

static uint32_t own_mask(void)
{
    uint32_t mask = places_set_umask(current_places(), 0);

    (void)places_set_umask(current_places(), mask);
    return mask;
}

static void share(void)
{
    (void)places_set_umask(current_places(), 022);
    run_second();
    ck_assert_uint_eq(mask_there, 022);
    ck_assert_ptr_eq(files_there, current_files());
    ck_assert_uint_eq(own_mask(), 077);    /* the other one changed it */
    ck_assert(!places_are_shared(current_places()));    /* it has left */
}

START_TEST(threads_share_places_and_files)
{
    fixture_run(share);
    ck_assert(fixture_halted);
}
END_TEST

static void unshare(void)
{
    (void)places_set_umask(current_places(), 022);
    unshares = true;
    run_second();
    ck_assert_uint_eq(mask_there, 022);    /* a copy */
    ck_assert_ptr_ne(files_there, current_files());
    ck_assert_uint_eq(own_mask(), 022);
}

START_TEST(who_unshares_has_copies)
{
    fixture_run(unshare);
    ck_assert(fixture_halted);
}
END_TEST

static void unshare_alone(void)
{
    struct places *places = current_places();
    struct file_table *files = current_files();

    ck_assert_int_eq(files_unshare(), 0);
    ck_assert_int_eq(places_unshare(), 0);
    ck_assert_ptr_eq(current_places(), places);    /* they were nobody else's */
    ck_assert_ptr_eq(current_files(), files);
}

START_TEST(who_is_alone_unshares_nothing)
{
    fixture_run(unshare_alone);
    ck_assert(fixture_halted);
}
END_TEST

static void inherit(void)
{
    struct thread_shares shares;

    ck_assert_int_eq(shares_inherit(&shares, CLONE_PLACES), 0);
    ck_assert_ptr_eq(shares.places, current_places());
    ck_assert(places_are_shared(shares.places));
    ck_assert_ptr_ne(shares.files, current_files());
    shares_release(&shares);
    ck_assert_ptr_null(shares.places);
    ck_assert_ptr_null(shares.files);
    ck_assert(!places_are_shared(current_places()));
    ck_assert_int_eq(shares_inherit(&shares, CLONE_FILES), 0);
    ck_assert_ptr_eq(shares.files, current_files());
    ck_assert(file_table_is_shared(current_files()));
    (void)places_set_umask(current_places(), 027);
    ck_assert_uint_ne(places_set_umask(shares.places, 0), 027);
    shares_release(&shares);
    shares_release(&shares);    /* nothing is left to be given back */
    ck_assert(!file_table_is_shared(current_files()));
}

START_TEST(flags_of_clone_choose_what_is_shared)
{
    fixture_run(inherit);
    ck_assert(fixture_halted);
}
END_TEST

static void look(void)
{
    struct thread *thread = fixture_thread(look_and_change);
    struct fs_context context;
    struct file_table *files;

    (void)places_set_umask(current_places(), 022);
    files = process_files(current_process(), thread);
    ck_assert_ptr_eq(files, current_files());
    file_table_release(files);
    process_fs_context(current_process(), thread, &context);
    ck_assert_uint_eq(context.umask, 022);
    fs_context_release(&context);
    while (thread->state != THREAD_DEAD)
        scheduler_yield();
    ck_assert_ptr_null(process_files(current_process(), thread));    /* it has left */
    process_fs_context(current_process(), thread, &context);
    ck_assert_uint_eq(context.umask, 0);
    ck_assert_ptr_null(context.root.mount);
    thread_release(thread);

    files = process_files(current_process(), NULL);    /* of the first thread, which is this one */
    ck_assert_ptr_eq(files, current_files());
    file_table_release(files);
    current_fs_context(&context);
    ck_assert_uint_eq(context.umask, 077);
    fs_context_release(&context);
}

START_TEST(others_look_until_a_thread_has_left)
{
    fixture_run(look);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("process/shares", threads_share_places_and_files, who_unshares_has_copies,
          who_is_alone_unshares_nothing, flags_of_clone_choose_what_is_shared,
          others_look_until_a_thread_has_left)
