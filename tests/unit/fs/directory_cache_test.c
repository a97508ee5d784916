/* Tests of the directory cache: what is found without asking, limits, and names that move. */
#include "fs/directory_cache.h"

#include "config.h"
#include "harness/test.h"
#include "unit/fs/fs_fixture.h"

/* ---- A directory that changes behind the kernel's back ------------------------------------- */

static struct {
    unsigned lookups;
    uint64_t stamp;
    struct inode *answer;    /* NULL: no such name */
    bool valid;
    int error;
} fake;

static int fake_lookup(struct inode *directory, const char *name, struct inode **inode)
{
    (void)directory;
    (void)name;
    fake.lookups++;
    if (fake.error)
        return fake.error;
    if (!fake.answer)
        return -ENOENT;
    inode_reference(fake.answer);
    *inode = fake.answer;
    return 0;
}

static uint64_t fake_stamp(struct inode *directory)
{
    (void)directory;
    return fake.stamp;
}

static bool fake_is_valid(struct inode *inode)
{
    (void)inode;
    return fake.valid;
}

static const struct inode_operations fake_directory_operations = {
    .lookup = fake_lookup, .stamp = fake_stamp, .is_valid = fake_is_valid,
};
static const struct file_operations no_operations = { 0 };
static const struct filesystem_operations fake_filesystem_operations = { 0 };

static struct inode *fake_inode(struct filesystem *filesystem, uint32_t mode)
{
    const struct inode_kind kind = { &fake_directory_operations, &no_operations };
    const struct inode_request request = { .mode = mode };
    struct inode *inode;

    ck_assert_int_eq(inode_create(filesystem, &kind, &request, &inode), 0);
    return inode;
}

static struct filesystem *fake_filesystem;

static void begin_fake(void)
{
    fixture_begin_machine();
    ck_assert_int_eq(filesystem_create("fake", &fake_filesystem_operations, &fake_filesystem), 0);
    fake_filesystem->root = fake_inode(fake_filesystem, MODE_DIRECTORY | 0755);
    fixture_mount_root(fake_filesystem);
    fake.stamp = 1;
    fake.valid = true;
}

START_TEST(name_is_asked_for_once)
{
    begin_fake();
    fake.answer = fake_inode(fake_filesystem, MODE_REGULAR);
    ck_assert_int_eq(walk("a", 0), 0);
    ck_assert_int_eq(walk("a", 0), 0);
    ck_assert_uint_eq(fake.lookups, 1);
    ck_assert_int_eq(walk("b", 0), 0);
    ck_assert_uint_eq(fake.lookups, 2);
    inode_release(fake.answer);
    fixture_end();
}
END_TEST

START_TEST(name_absence_is_kept_if_the_filesystem_allows)
{
    begin_fake();
    ck_assert_int_eq(walk("a", 0), -ENOENT);
    ck_assert_int_eq(walk("a", 0), -ENOENT);
    ck_assert_uint_eq(fake.lookups, 1);
    fake_filesystem->keeps_absent_names = false;
    ck_assert_int_eq(walk("b", 0), -ENOENT);
    ck_assert_int_eq(walk("b", 0), -ENOENT);
    ck_assert_uint_eq(fake.lookups, 3);
    fixture_end();
}
END_TEST

START_TEST(name_of_another_stamp_is_looked_up_again)
{
    struct path path, again;

    begin_fake();
    fake.answer = fake_inode(fake_filesystem, MODE_DIRECTORY);
    ck_assert_int_eq(path_walk(&context, NULL, "a", 0, &path), 0);
    fake.stamp = 2;
    ck_assert_int_eq(path_walk(&context, NULL, "a", 0, &again), 0);
    ck_assert_uint_eq(fake.lookups, 2);
    ck_assert_ptr_eq(path.name, again.name);    /* the same file: the same name */
    ck_assert_int_eq(walk("a", 0), 0);
    ck_assert_uint_eq(fake.lookups, 2);         /* it has the new stamp */
    path_release(&again);

    /* Another file under this name: the old name is out. */
    struct inode *old = fake.answer;

    fake.answer = fake_inode(fake_filesystem, MODE_DIRECTORY);
    fake.stamp = 3;
    ck_assert_int_eq(path_walk(&context, NULL, "a", 0, &again), 0);
    ck_assert_ptr_ne(path.name, again.name);
    ck_assert(name_is_removed(path.name));
    ck_assert(!name_is_removed(again.name));
    path_release(&again);
    path_release(&path);
    inode_release(fake.answer);
    inode_release(old);

    fake.answer = NULL;
    fake.stamp = 4;
    ck_assert_int_eq(walk("a", 0), -ENOENT);
    fixture_end();
}
END_TEST

START_TEST(name_is_never_trusted_with_stamp_zero)
{
    begin_fake();
    fake.stamp = 0;
    ck_assert_int_eq(walk("a", 0), -ENOENT);
    fake.answer = fake_inode(fake_filesystem, MODE_REGULAR);
    ck_assert_int_eq(walk("a", 0), 0);
    inode_release(fake.answer);
    fake.answer = NULL;
    ck_assert_int_eq(walk("a", 0), -ENOENT);
    ck_assert_uint_eq(fake.lookups, 3);
    fixture_end();
}
END_TEST

START_TEST(name_that_is_not_valid_is_looked_up_again)
{
    begin_fake();
    fake.answer = fake_inode(fake_filesystem, MODE_REGULAR);
    ck_assert_int_eq(walk("a", 0), 0);
    fake.valid = false;
    inode_release(fake.answer);
    fake.answer = NULL;
    ck_assert_int_eq(walk("a", 0), -ENOENT);
    ck_assert_uint_eq(fake.lookups, 2);
    fixture_end();
}
END_TEST

START_TEST(name_lookup_errors_are_not_kept)
{
    begin_fake();
    fake.error = -EIO;
    ck_assert_int_eq(walk("a", 0), -EIO);
    fake.error = 0;
    ck_assert_int_eq(walk("a", 0), -ENOENT);
    ck_assert_uint_eq(fake.lookups, 2);
    fixture_end();
}
END_TEST

START_TEST(name_that_is_covered_stays_good)
{
    struct filesystem *filesystem;
    struct mount *mount;
    struct path path;

    begin_fake();
    fake.answer = fake_inode(fake_filesystem, MODE_DIRECTORY | 0755);
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "m", 0, &path), 0);
    ck_assert_int_eq(mount_add(filesystem, &path, false, &mount), 0);
    filesystem_release(filesystem);
    path_release(&path);
    inode_release(fake.answer);
    fake.answer = NULL;
    fake.stamp = 2;
    ck_assert_int_eq(walk("m", 0), 0);
    make_file("/m/file", "on the mount");
    ck_assert_int_eq(mount_remove(mount), 0);
    mount_release(mount);
    ck_assert_int_eq(walk("m", 0), -ENOENT);
    fixture_end();
}
END_TEST

/* ---- Limits -------------------------------------------------------------------------------- */

START_TEST(directory_cache_keeps_to_its_limit)
{
    char text[32];

    begin_fake();
    for (unsigned i = 0; i < DIRECTORY_CACHE_MAX + 1000; i++) {
        snprintf(text, sizeof(text), "name-%u", i);
        ck_assert_int_eq(walk(text, 0), -ENOENT);
    }
    ck_assert_uint_eq(directory_cache_unused(), DIRECTORY_CACHE_MAX);
    /* The oldest are gone, the newest are there. */
    fake.lookups = 0;
    ck_assert_int_eq(walk(text, 0), -ENOENT);
    ck_assert_uint_eq(fake.lookups, 0);
    ck_assert_int_eq(walk("name-0", 0), -ENOENT);
    ck_assert_uint_eq(fake.lookups, 1);
    fixture_end();
}
END_TEST

START_TEST(directory_cache_shrinks_but_keeps_what_is_used)
{
    char text[32];
    struct path used;

    fixture_begin();
    ck_assert_int_eq(make_directory("/d"), 0);
    ck_assert_int_eq(make_directory("/d/e"), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/d/e", 0, &used), 0);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "/d/e/n%u", i);
        ck_assert_int_eq(walk(text, 0), -ENOENT);
    }
    ck_assert_uint_eq(directory_cache_unused(), 100);
    ck_assert_uint_eq(directory_cache_shrink(30), 30);
    ck_assert_uint_eq(directory_cache_shrink(1000), 70);
    ck_assert_uint_eq(directory_cache_shrink(1000), 0);
    ck_assert(!name_is_removed(used.name));
    path_release(&used);
    ck_assert_uint_eq(directory_cache_shrink(1), 1);    /* e, then d has no users either */
    ck_assert_uint_eq(directory_cache_shrink(10), 1);
    ck_assert_int_eq(walk("/d/e", 0), 0);
    fixture_end();
}
END_TEST

START_TEST(directory_cache_gives_way_when_memory_is_short)
{
    char text[32];

    begin_fake();
    ck_assert_int_eq(walk("before", 0), -ENOENT);
    while (page_allocate(PAGE_DIRTY))
        continue;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "name-%u", i);
        ck_assert_int_eq(walk(text, 0), -ENOENT);
    }
    ck_assert_uint_lt(directory_cache_unused(), 200);
}
END_TEST

START_TEST(directory_cache_without_memory_is_an_error)
{
    struct path path;    /* never released: every name is in use */
    char text[32];
    int error = 0;

    begin_fake();
    fake.answer = fake_inode(fake_filesystem, MODE_REGULAR);
    while (page_allocate(PAGE_DIRTY))
        continue;
    for (unsigned i = 0; i < 1000 && !error; i++) {
        snprintf(text, sizeof(text), "name-%u", i);
        error = path_walk(&context, NULL, text, 0, &path);
    }
    ck_assert_int_eq(error, -ENOMEM);
}
END_TEST

/* ---- Moves --------------------------------------------------------------------------------- */

#define LONG_NAME "a-name-that-is-longer-than-what-fits-in-the-structure-itself"

static void check_name(const struct path *path, const char *expected)
{
    char text[256];

    ck_assert_int_gt(path_text(path, NULL, text, sizeof(text)), 0);
    ck_assert_str_eq(text, expected);
}

START_TEST(name_moves_keep_texts_right)
{
    struct path a, b;

    fixture_begin();
    ck_assert_int_eq(make_directory("/d"), 0);
    make_file("/short", "1");
    make_file("/d/" LONG_NAME, "2");
    ck_assert_int_eq(path_walk(&context, NULL, "/short", 0, &a), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/d/" LONG_NAME, 0, &b), 0);
    ck_assert_int_eq(rename_file("/short", "/d/" LONG_NAME, RENAME_SWAP), 0);
    check_name(&a, "/d/" LONG_NAME);
    check_name(&b, "/short");
    ck_assert_int_eq(rename_file("/short", "/d/" LONG_NAME "2", 0), 0);
    check_name(&b, "/d/" LONG_NAME "2");
    ck_assert_int_eq(rename_file("/d/" LONG_NAME, "/s", 0), 0);
    check_name(&a, "/s");
    ck_assert_int_eq(rename_file("/s", "/d/" LONG_NAME "2", 0), 0);
    check_name(&a, "/d/" LONG_NAME "2");
    check_name(&b, "/s (deleted)");
    ck_assert_int_eq(walk("/s", 0), -ENOENT);
    ck_assert_int_eq(walk("/short", 0), -ENOENT);
    path_release(&a);
    path_release(&b);
    fixture_end();
}
END_TEST

START_TEST(name_is_found_by_its_inode_while_it_is_cached)
{
    struct filesystem *other;
    struct path path;
    struct name *found;
    uint64_t number;

    begin_fake();
    fake.answer = fake_inode(fake_filesystem, MODE_REGULAR);
    number = fake.answer->number;
    ck_assert_int_eq(filesystem_create("other", &fake_filesystem_operations, &other), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/file", 0, &path), 0);
    ck_assert_ptr_null(name_find_by_inode(fake_filesystem, number));    /* nobody asked */
    name_note_handle(path.name);
    name_note_handle(path.name);
    ck_assert_ptr_null(name_find_by_inode(other, number));
    ck_assert_ptr_null(name_find_by_inode(fake_filesystem, number + 256));
    found = name_find_by_inode(fake_filesystem, number);
    ck_assert_ptr_eq(found, path.name);
    name_release(found);
    path_release(&path);
    found = name_find_by_inode(fake_filesystem, number);    /* unused, but cached */
    ck_assert_ptr_nonnull(found);
    name_remove(found);    /* the name goes, not its user */
    ck_assert_ptr_eq(name_find_by_inode(fake_filesystem, number), found);
    name_release(found);
    name_release(found);
    ck_assert_ptr_null(name_find_by_inode(fake_filesystem, number));
    inode_release(fake.answer);
    filesystem_release(other);
    fixture_end();
}
END_TEST

TEST_MAIN("fs/directory_cache", name_is_asked_for_once,
          name_absence_is_kept_if_the_filesystem_allows,
          name_of_another_stamp_is_looked_up_again, name_is_never_trusted_with_stamp_zero,
          name_that_is_not_valid_is_looked_up_again, name_lookup_errors_are_not_kept,
          name_that_is_covered_stays_good, directory_cache_keeps_to_its_limit,
          directory_cache_shrinks_but_keeps_what_is_used,
          directory_cache_gives_way_when_memory_is_short,
          directory_cache_without_memory_is_an_error, name_moves_keep_texts_right,
          name_is_found_by_its_inode_while_it_is_cached)
