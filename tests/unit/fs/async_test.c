/* Owners of files: who is told, what goes with the file, nothing when there is no memory. */
#include "fs/async.h"

#include <stdio.h>

#include "config.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/page.h"

static struct async_files files;
static struct file input, output, plain;
static char told[200];

static struct async_files *find_files(struct file *file, bool begins)
{
    (void)file;
    (void)begins;
    return &files;
}

static const struct file_operations telling = { .async = find_files };
static const struct file_operations mute = { 0 };

static void note(const struct file_owner *owner, enum async_event event)
{
    size_t length = strlen(told);

    (void)snprintf(told + length, sizeof(told) - length, "%d:%d:%d:%d ", (int)owner->ids.id,
                   (int)event, owner->signal, owner->fd);
}

static void own(struct file *file, int32_t id)
{
    const struct file_owner_ids ids = { .kind = OWNER_PROCESS, .id = id };

    ck_assert_int_eq(file_set_owner(file, &ids, true), 0);
}

static void begin(void)
{
    fake_scheduler_init(1);
    async_files_init(&files);
    async_set_sender(note);
    input = (struct file){ .operations = &telling, .flags = OPEN_READ };
    output = (struct file){ .operations = &telling, .flags = OPEN_WRITE };
    plain = (struct file){ .operations = &mute, .flags = OPEN_READ_WRITE };
}

START_TEST(those_are_told_that_could_use_it)
{
    begin();
    own(&input, 5);
    own(&output, 6);
    ck_assert_int_eq(file_set_async(&input, 3, true), 0);
    ck_assert_int_eq(file_set_async(&output, 4, true), 0);
    ck_assert_int_eq(file_set_signal(&output, 40), 0);
    async_tell(&files, ASYNC_INPUT);
    async_tell(&files, ASYNC_OUTPUT);
    async_tell(&files, ASYNC_HANGUP);
    ck_assert_str_eq(told, "5:1:0:3 6:2:40:4 5:6:0:3 6:6:40:4 ");
    ck_assert_uint_eq(output.flags, OPEN_WRITE | OPEN_ASYNC);
    file_drop_owner(&input);
    file_drop_owner(&output);
}
END_TEST

START_TEST(nobody_is_told_without_an_owner_or_afterwards)
{
    begin();
    ck_assert_int_eq(file_set_async(&input, 3, true), 0);
    async_tell(&files, ASYNC_INPUT);
    own(&input, 5);
    ck_assert_int_eq(file_set_async(&input, 3, false), 0);
    async_tell(&files, ASYNC_INPUT);
    ck_assert_uint_eq(atomic_load(&files.count), 0);
    ck_assert_int_eq(file_set_async(&input, 3, true), 0);
    file_drop_owner(&input);
    ck_assert_uint_eq(atomic_load(&files.count), 0);
    async_tell(&files, ASYNC_INPUT);
    ck_assert_str_eq(told, "");
    ck_assert_int_eq(file_set_async(&plain, 3, true), -ENOTTY);
}
END_TEST

START_TEST(an_owner_stays_unless_it_is_replaced)
{
    const struct file_owner_ids other = { .kind = OWNER_GROUP, .id = 9 };

    begin();
    ck_assert_int_eq(file_get_owner(&plain).id, 0);
    ck_assert_int_eq(file_get_signal(&plain), 0);
    own(&plain, 5);
    ck_assert_int_eq(file_set_owner(&plain, &other, false), 0);
    ck_assert_int_eq(file_get_owner(&plain).id, 5);
    ck_assert_int_eq(file_set_owner(&plain, &other, true), 0);
    ck_assert_int_eq(file_get_owner(&plain).id, 9);
    ck_assert_int_eq(file_get_owner(&plain).kind, OWNER_GROUP);
    file_drop_owner(&plain);
}
END_TEST

START_TEST(there_is_a_most)
{
    static struct file many[ASYNC_FILES_MAX];

    begin();
    for (int i = 0; i < ASYNC_FILES_MAX; i++) {
        many[i] = (struct file){ .operations = &telling, .flags = OPEN_READ };
        ck_assert_int_eq(file_set_async(&many[i], i, true), 0);
    }
    ck_assert_int_eq(file_set_async(&input, 3, true), -ENOMEM);
    ck_assert_uint_eq(input.flags, OPEN_READ);
    ck_assert_int_eq(file_set_async(&many[0], 3, true), 0);
    file_drop_owner(&many[1]);
    ck_assert_int_eq(file_set_async(&input, 3, true), 0);
    ck_assert_uint_eq(atomic_load(&files.count), ASYNC_FILES_MAX);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
    const struct file_owner_ids ids = { .id = 5 };

    begin();
    while (page_allocate(0))
        ;
    ck_assert_int_eq(file_set_owner(&input, &ids, true), -ENOMEM);
    ck_assert_int_eq(file_set_signal(&input, 10), -ENOMEM);
    ck_assert_int_eq(file_set_async(&input, 3, true), -ENOMEM);
    ck_assert_uint_eq(input.flags, OPEN_READ);
    ck_assert_ptr_null(input.owner);
}
END_TEST

TEST_MAIN("fs/async", those_are_told_that_could_use_it,
          nobody_is_told_without_an_owner_or_afterwards, an_owner_stays_unless_it_is_replaced,
          there_is_a_most, without_memory_nothing_changes)
