/*
 * Tests of rename: what is refused, and many threads that rename, create and remove in one tree.
 * Results of single renames are compared with Linux's in linux_test.c.
 */
#include "fs/names.h"

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "lib/random.h"
#include "sched/scheduler.h"
#include "sched/thread.h"
#include "unit/fs/fs_fixture.h"

START_TEST(rename_refuses_loops)
{
    fixture_begin();
    ck_assert_int_eq(make_directory("/a"), 0);
    ck_assert_int_eq(make_directory("/a/b"), 0);
    ck_assert_int_eq(make_directory("/a/b/c"), 0);
    ck_assert_int_eq(rename_file("/a", "/a/b/x", 0), -EINVAL);
    ck_assert_int_eq(rename_file("/a", "/a/x", 0), -EINVAL);
    ck_assert_int_eq(rename_file("/a", "/a/b", 0), -EINVAL);
    ck_assert_int_eq(rename_file("/a/b/c", "/a", 0), -ENOTEMPTY);
    ck_assert_int_eq(rename_file("/a/b/c", "/a", RENAME_SWAP), -EINVAL);
    ck_assert_int_eq(rename_file("/a", "/a", 0), 0);
    ck_assert_int_eq(rename_file("/a", "/", 0), -EBUSY);
    ck_assert_int_eq(rename_file("/", "/x", 0), -EBUSY);
    ck_assert_int_eq(rename_file("/a/.", "/x", 0), -EBUSY);
    ck_assert_int_eq(rename_file("/a", "/a/b/..", RENAME_NO_REPLACE), -EEXIST);
    ck_assert_int_eq(rename_file("/a", "/x", 8), -EINVAL);
    ck_assert_int_eq(rename_file("/a", "/x", RENAME_NO_REPLACE | RENAME_SWAP), -EINVAL);
    fixture_end();
}
END_TEST

START_TEST(rename_of_two_links_to_one_file_does_nothing)
{
    struct path path;

    fixture_begin();
    make_file("/one", "");
    ck_assert_int_eq(path_walk(&context, NULL, "/one", 0, &path), 0);
    ck_assert_int_eq(fs_link(&context, &path, NULL, "/two"), 0);
    path_release(&path);
    ck_assert_int_eq(rename_file("/one", "/two", 0), 0);
    ck_assert_int_eq(walk("/one", 0), 0);
    ck_assert_int_eq(walk("/two", 0), 0);
    fixture_end();
}
END_TEST

/* ---- Many threads -------------------------------------------------------------------------- */

#define THREADS 6
#define STEPS 3000

static struct random generator;
static struct inode_operations yielding;
static struct inode_operations original;
static unsigned finished, waits;

static uint64_t below(uint64_t limit)
{
    return random_below(&generator, limit);
}

/* Lets others run in the middle of an operation, with its locks held. */
static void maybe_yield(void)
{
    if (below(3) == 0) {
        waits++;
        scheduler_yield();
    }
}

static int yielding_lookup(struct inode *directory, const char *name, struct inode **inode)
{
    maybe_yield();
    return original.lookup(directory, name, inode);
}

static int yielding_create(struct inode *directory, const char *name,
                           const struct inode_request *request, struct inode **inode)
{
    int error;

    maybe_yield();
    error = original.create(directory, name, request, inode);
    if (!error && inode_is_directory(*inode))
        (*inode)->operations = &yielding;
    maybe_yield();
    return error;
}

static int yielding_unlink(struct inode *directory, const char *name, struct inode *inode)
{
    maybe_yield();
    return original.unlink(directory, name, inode);
}

static int yielding_rmdir(struct inode *directory, const char *name, struct inode *inode)
{
    maybe_yield();
    return original.rmdir(directory, name, inode);
}

static int yielding_rename(const struct rename_operation *rename)
{
    int error;

    maybe_yield();
    error = original.rename(rename);
    maybe_yield();
    return error;
}

static void pick_path(char *text)
{
    unsigned depth = 1 + (unsigned)below(4);

    text[0] = '\0';
    for (unsigned i = 0; i < depth; i++) {
        strcat(text, "/");
        strcat(text, (const char *const[]){ "a", "b", "c" }[below(3)]);
    }
}

static void check_error(int error)
{
    static const int expected[] = { 0, -ENOENT, -ENOTDIR, -EEXIST, -EINVAL, -ENOTEMPTY, -EISDIR };
    bool known = false;

    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
        known |= error == expected[i];
    ck_assert_msg(known, "unexpected error %d", error);
}

static void random_operation(void)
{
    char a[32], b[32];

    pick_path(a);
    pick_path(b);
    switch (below(8)) {
    case 0:
    case 1:
        check_error(make_directory(a));
        break;
    case 2:
        check_error(fs_remove_directory(&context, NULL, a));
        break;
    case 3:
        check_error(try_open(a, OPEN_WRITE | OPEN_CREATE));
        break;
    case 4:
        check_error(fs_unlink(&context, NULL, a));
        break;
    case 5:
        check_error(rename_file(a, b, RENAME_SWAP));
        break;
    default:
        check_error(rename_file(a, b, 0));
        break;
    }
}

static void work(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < STEPS; i++) {
        random_operation();
        if (below(2))
            scheduler_yield();
    }
    finished++;
    thread_exit();
}

/* ---- What must hold afterwards ------------------------------------------------------------- */

struct tally {
    unsigned entries, directories;
    char names[4][8];
    bool is_directory[4];
};

static int tally_entry(void *result, const struct directory_entry *entry)
{
    struct tally *tally = result;

    if (entry->name[0] == '.')
        return 0;
    ck_assert_uint_lt(tally->entries, 3);
    tally->is_directory[tally->entries] = entry->type == MODE_DIRECTORY >> 12;
    tally->directories += tally->is_directory[tally->entries];
    snprintf(tally->names[tally->entries++], 8, "%.*s", (int)entry->length, entry->name);
    return 0;
}

/* Link counts fit, every name leads where the directory says, and ".." leads back.  Removes all. */
static void check_and_clear(const char *text)
{
    struct tally tally = { .entries = 0 };
    struct file *file;
    struct file_status status;
    char child[1024], parent[1028];

    ck_assert_int_eq(open_file(text, OPEN_READ | OPEN_DIRECTORY, 0, &file), 0);
    ck_assert_int_eq(file_read_directory(file, tally_entry, &tally), 0);
    ck_assert_int_eq(file_get_status(file, &status), 0);
    ck_assert_uint_eq(status.links, 2 + tally.directories);
    ck_assert_uint_eq(status.size, 40 + 20 * tally.entries);
    file_release(file);
    for (unsigned i = 0; i < tally.entries; i++) {
        snprintf(child, sizeof(child), "%s%s%s", text, text[1] ? "/" : "", tally.names[i]);
        if (!tally.is_directory[i]) {
            ck_assert_int_eq(fs_unlink(&context, NULL, child), 0);
            continue;
        }
        snprintf(parent, sizeof(parent), "%s/..", child);
        ck_assert_uint_eq(inode_number_at(parent, 0), status.inode);
        check_and_clear(child);
        ck_assert_int_eq(fs_remove_directory(&context, NULL, child), 0);
    }
}

static void begin_with_threads(void)
{
    struct filesystem *filesystem;

    fake_scheduler_init(1);
    fs_init();
    random_init(&generator, 1);
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    original = *filesystem->root->operations;
    yielding = original;
    yielding.lookup = yielding_lookup;
    yielding.create = yielding_create;
    yielding.unlink = yielding_unlink;
    yielding.rmdir = yielding_rmdir;
    yielding.rename = yielding_rename;
    filesystem->root->operations = &yielding;
    fixture_mount_root(filesystem);
}

START_TEST(rename_by_many_threads_keeps_the_tree_whole)
{
    begin_with_threads();
    for (unsigned i = 0; i < THREADS; i++)
        thread_release(fake_thread_start("worker", work, NULL));
    fake_scheduler_run();
    ck_assert_uint_eq(finished, THREADS);    /* else they wait for one another for ever */
    ck_assert_uint_gt(waits, STEPS / 3);
    check_and_clear("/");
    fs_context_release(&context);
    ck_assert_int_eq(mount_remove(root), 0);    /* nobody holds anything any more */
    mount_release(root);
}
END_TEST

TEST_MAIN("fs/rename", rename_refuses_loops, rename_of_two_links_to_one_file_does_nothing,
          rename_by_many_threads_keeps_the_tree_whole)
