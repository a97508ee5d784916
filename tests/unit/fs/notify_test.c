/* inotify: the order of events, what is said once, overflow, limits, watches that go. */
#include "fs/notify.h"

#include "fs/file.h"
#include "fs/user_account.h"
#include "fs_fixture.h"
#include "harness/test.h"

#define EVENTS_MAX 16384u

struct record {
    int32_t watch;
    uint32_t mask, cookie, length;
};

static struct file *queue;
static char bytes[65536] __attribute__((aligned(8)));

static void begin(void)
{
    fixture_begin();
    ck_assert_int_eq(notify_create(3, OPEN_NONBLOCK, &queue), 0);
}

static void finish(void)
{
    file_release(queue);
    fixture_end();
}

static int watch(const char *text, uint32_t mask)
{
    struct path path;
    int result;

    ck_assert_int_eq(path_walk(&context, NULL, text, LOOKUP_FOLLOW, &path), 0);
    result = notify_watch(queue, path_inode(&path), mask);
    path_release(&path);
    return result;
}

static int64_t read_events(size_t size)
{
    const struct io_segment segment = { (uintptr_t)bytes, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return file_read(queue, &buffer);
}

static uint64_t next;

/* The next of what was read. */
static const struct record *take(void)
{
    const struct record *record = (const void *)(bytes + next);

    next += sizeof(*record) + record->length;
    return record;
}

static void expect(uint32_t mask, const char *name)
{
    const struct record *record = take();

    ck_assert_uint_eq(record->mask, mask);
    if (name)
        ck_assert_str_eq((const char *)(record + 1), name);
    else
        ck_assert_uint_eq(record->length, 0);
}

static void read_all(void)
{
    next = 0;
    ck_assert_int_gt(read_events(sizeof(bytes)), 0);
}

START_TEST(a_directory_says_what_happens_in_it)
{
    begin();
    ck_assert_int_eq(make_directory("/place"), 0);
    ck_assert_int_eq(watch("/place", NOTIFY_ALL_EVENTS), 1);
    make_file("/place/file", "x");
    read_all();
    expect(NOTIFY_CREATE, "file");
    expect(NOTIFY_OPEN, "file");
    expect(NOTIFY_MODIFY, "file");
    expect(NOTIFY_CLOSE_WRITE, "file");
    ck_assert_int_eq(make_directory("/place/inner"), 0);
    ck_assert_int_eq(make_link("file", "/place/link"), 0);
    ck_assert_int_eq(change_mode("/place/file", 0600), 0);
    read_all();
    expect(NOTIFY_CREATE | NOTIFY_DIRECTORY, "inner");
    expect(NOTIFY_CREATE, "link");
    expect(NOTIFY_ATTRIBUTES, "file");
    ck_assert_int_eq(fs_unlink(&context, NULL, "/place/file"), 0);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/place/link"), 0);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/place/inner"), 0);
    read_all();
    expect(NOTIFY_DELETE, "file");
    expect(NOTIFY_DELETE, "link");
    expect(NOTIFY_DELETE | NOTIFY_DIRECTORY, "inner");
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/place"), 0);
    read_all();
    expect(NOTIFY_DELETE_SELF, NULL);
    expect(NOTIFY_IGNORED, NULL);
    ck_assert_int_eq(read_events(100), -EAGAIN);
    finish();
}
END_TEST

START_TEST(moves_have_cookies)
{
    uint32_t cookie;

    begin();
    ck_assert_int_eq(make_directory("/a"), 0);
    ck_assert_int_eq(make_directory("/b"), 0);
    make_file("/a/file", "x");
    watch("/a", NOTIFY_ALL_EVENTS);
    watch("/b", NOTIFY_ALL_EVENTS);
    watch("/a/file", NOTIFY_ALL_EVENTS);
    ck_assert_int_eq(rename_file("/a/file", "/b/other", 0), 0);
    read_all();
    cookie = ((const struct record *)bytes)->cookie;
    ck_assert_uint_ne(cookie, 0);
    expect(NOTIFY_MOVED_FROM, "file");
    ck_assert_uint_eq(((const struct record *)(bytes + next))->cookie, cookie);
    expect(NOTIFY_MOVED_TO, "other");
    expect(NOTIFY_MOVE_SELF, NULL);
    finish();
}
END_TEST

START_TEST(reads_take_whole_events)
{
    begin();
    make_file("/file", "x");
    watch("/", NOTIFY_OPEN);
    ck_assert_int_eq(try_open("/file", OPEN_READ), 0);
    ck_assert_int_eq(try_open("/file", OPEN_READ), 0);
    ck_assert_int_eq(notify_bytes(queue), 32);
    ck_assert_int_eq(notify_bytes(queue), 32);
    ck_assert_int_eq(read_events(31), -EINVAL);
    ck_assert_int_eq(read_events(33), 32);
    ck_assert_int_eq(read_events(33), -EAGAIN);
    finish();
}
END_TEST

START_TEST(a_full_queue_says_so_once)
{
    const struct record *record;
    unsigned count = 0;
    int64_t size;

    begin();
    make_file("/file", "x");
    watch("/file", NOTIFY_OPEN | NOTIFY_CLOSE_OTHER);
    for (unsigned i = 0; i < EVENTS_MAX; i++)
        ck_assert_int_eq(try_open("/file", OPEN_READ), 0);
    while ((size = read_events(sizeof(*record))) > 0) {
        count++;
        record = (const struct record *)bytes;
    }
    ck_assert_uint_eq(count, EVENTS_MAX + 1);
    ck_assert_uint_eq(record->mask, NOTIFY_OVERFLOW);
    ck_assert_int_eq(record->watch, -1);
    finish();
}
END_TEST

START_TEST(limits_are_of_users)
{
    struct user_account *account;
    struct file *others[128];
    unsigned made = 0;
    int error = 0;

    begin();
    while (made < 128 && (error = notify_create(3, 0, &others[made])) == 0)
        made++;
    ck_assert_int_eq(error, -EMFILE);
    ck_assert_uint_eq(made, 127);
    while (made > 0)
        file_release(others[--made]);
    account = user_account_open(3);
    for (uint64_t i = 0; i < notify_watches_max(); i++)
        ck_assert(user_account_charge(account, USER_NOTIFY_WATCHES, UINT64_MAX));
    ck_assert_int_eq(watch("/", NOTIFY_OPEN), -ENOSPC);
    user_account_give_back(account, USER_NOTIFY_WATCHES);
    ck_assert_int_eq(watch("/", NOTIFY_OPEN), 1);
    ck_assert_int_eq(watch("/", NOTIFY_CREATE), 1);
    ck_assert_int_eq(watch("/", NOTIFY_CREATE | NOTIFY_MASK_CREATE), -EEXIST);
    for (uint64_t i = 1; i < notify_watches_max(); i++)
        user_account_give_back(account, USER_NOTIFY_WATCHES);
    user_account_release(account);
    finish();
}
END_TEST

START_TEST(watches_go)
{
    begin();
    make_file("/file", "x");
    ck_assert_int_eq(watch("/file", NOTIFY_OPEN | NOTIFY_ONE_SHOT), 1);
    ck_assert_int_eq(try_open("/file", OPEN_READ), 0);
    read_all();
    expect(NOTIFY_OPEN, NULL);
    expect(NOTIFY_IGNORED, NULL);
    ck_assert_int_eq(notify_unwatch(queue, 1), -EINVAL);
    ck_assert_int_eq(watch("/file", NOTIFY_OPEN), 2);
    ck_assert_int_eq(watch("/", NOTIFY_OPEN), 3);
    ck_assert_int_eq(notify_unwatch(queue, 2), 0);
    ck_assert_int_eq(notify_unwatch(queue, 4), -EINVAL);
    finish();
}
END_TEST

TEST_MAIN("fs/notify", a_directory_says_what_happens_in_it, moves_have_cookies,
          reads_take_whole_events, a_full_queue_says_so_once, limits_are_of_users, watches_go)
