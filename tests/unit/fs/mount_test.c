/* The mount table: binds, moves, new roots, removal; that nothing is left behind. */
#include "fs/mount.h"

#include "config.h"
#include "fs/mount_internal.h"
#include "harness/test.h"
#include "lib/namespace.h"
#include "unit/fs/fs_fixture.h"

static struct path at(const char *text)
{
    struct path path;

    ck_assert_int_eq(path_walk(&context, NULL, text, LOOKUP_FOLLOW, &path), 0);
    return path;
}

/* Mounts a tmpfs with a file `name` there. */
static void mount_tmpfs(const char *place, const char *name)
{
    struct filesystem *filesystem;
    struct mount *mount;
    struct path path = at(place);
    char text[64];

    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    ck_assert_int_eq(mount_add_as(&(struct mount_request){ filesystem, &path, 0, "source" },
                                  &mount), 0);
    ck_assert_str_eq(mount->source, "source");
    mount_release(mount);
    filesystem_release(filesystem);
    path_release(&path);
    snprintf(text, sizeof(text), "%s/%s", place, name);
    make_file(text, "text");
}

static int bind(const char *from, const char *to, bool recursive)
{
    struct path source = at(from), place = at(to);
    int error = mount_bind(&source, &place, recursive);

    path_release(&source);
    path_release(&place);
    return error;
}

static int move(const char *from, const char *to)
{
    struct path source = at(from), place = at(to);
    int error = mount_move(&source, &place);

    path_release(&source);
    path_release(&place);
    return error;
}

/* By one of the functions that take a mount out of the table. */
static int leave(const char *place, int (*function)(struct mount *mount))
{
    struct path path = at(place);
    int error = function(path.mount);

    path_release(&path);
    return error;
}

static int change_flags(const char *place, uint32_t flags)
{
    struct path path = at(place);
    int error = mount_change_flags(&path, flags);

    path_release(&path);
    return error;
}

static void begin(void)
{
    fixture_begin();
    ck_assert_int_eq(make_directory("/a"), 0);
    ck_assert_int_eq(make_directory("/b"), 0);
    make_file("/file", "file");
}

START_TEST(binds_show_the_same)
{
    begin();
    ck_assert_int_eq(make_directory("/a/sub"), 0);
    ck_assert_int_eq(bind("/a/sub", "/b", false), 0);
    make_file("/b/one", "one");
    ck_assert_int_eq(walk("/a/sub/one", 0), 0);
    ck_assert_uint_eq(inode_number_at("/b/..", 0), inode_number_at("/", 0));
    ck_assert_int_eq(bind("/file", "/b", false), -ENOTDIR);
    ck_assert_int_eq(bind("/b", "/file", false), -ENOTDIR);
    ck_assert_int_eq(bind("/b/one", "/file", false), 0);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/file"), -EBUSY);
    ck_assert_int_eq(leave("/b", mount_remove), 0);
    ck_assert_int_eq(leave("/file", mount_remove), 0);
    ck_assert_int_eq(walk("/b/one", 0), -ENOENT);
    fixture_end();
}
END_TEST

START_TEST(recursive_binds_take_what_is_below)
{
    begin();
    mount_tmpfs("/a", "one");
    ck_assert_int_eq(make_directory("/a/deep"), 0);
    mount_tmpfs("/a/deep", "two");
    ck_assert_int_eq(bind("/a", "/b", false), 0);
    ck_assert_int_eq(walk("/b/deep/two", 0), -ENOENT);
    ck_assert_int_eq(leave("/b", mount_remove), 0);
    ck_assert_int_eq(bind("/a", "/b", true), 0);
    ck_assert_int_eq(walk("/b/deep/two", 0), 0);
    ck_assert_int_eq(bind("/a", "/a/deep", true), 0);    /* below itself */
    ck_assert_int_eq(walk("/a/deep/deep/two", 0), 0);
    ck_assert_int_eq(leave("/b", mount_remove), -EBUSY);
    ck_assert_int_eq(leave("/b", mount_detach), 0);
    ck_assert_int_eq(leave("/a", mount_detach), 0);
    ck_assert_int_eq(leave("/", mount_detach), -EINVAL);
    fixture_end();
}
END_TEST

START_TEST(moves_keep_what_is_below)
{
    begin();
    mount_tmpfs("/a", "one");
    ck_assert_int_eq(make_directory("/a/deep"), 0);
    mount_tmpfs("/a/deep", "two");
    ck_assert_int_eq(move("/a", "/b"), 0);
    ck_assert_int_eq(walk("/a/one", 0), -ENOENT);
    ck_assert_int_eq(walk("/b/deep/two", 0), 0);
    ck_assert_int_eq(move("/b", "/b/deep"), -ELOOP);
    ck_assert_int_eq(move("/b", "/file"), -EINVAL);
    ck_assert_int_eq(move("/file", "/b"), -EINVAL);
    ck_assert_int_eq(move("/", "/a"), -EINVAL);
    ck_assert_int_eq(leave("/b", mount_detach), 0);
    fixture_end();
}
END_TEST

START_TEST(detached_mounts_go_on_without_a_place)
{
    struct path inside, above;

    begin();
    mount_tmpfs("/a", "one");
    inside = at("/a");
    ck_assert_int_eq(leave("/a", mount_detach), 0);
    ck_assert_int_eq(mount_detach(inside.mount), -EINVAL);
    ck_assert_int_eq(path_walk(&context, &inside, "one", 0, &above), 0);
    path_release(&above);
    ck_assert_int_eq(path_walk(&context, &inside, "../one", 0, &above), 0);
    path_release(&above);
    path_release(&inside);
    fixture_end();
}
END_TEST

START_TEST(flags_are_checked)
{
    struct file *file;

    begin();
    mount_tmpfs("/a", "one");
    ck_assert_int_eq(open_file("/a/one", OPEN_WRITE, 0, &file), 0);
    ck_assert_int_eq(change_flags("/a", MOUNT_READ_ONLY), -EBUSY);
    ck_assert_int_eq(change_flags("/a", MOUNT_NO_PROGRAMS), 0);
    file_release(file);
    ck_assert_int_eq(change_flags("/a", MOUNT_READ_ONLY), 0);
    ck_assert_int_eq(try_open("/a/one", OPEN_WRITE), -EROFS);
    ck_assert_int_eq(change_flags("/b", 0), -EINVAL);
    ck_assert_int_eq(leave("/a", mount_expire), -EAGAIN);
    ck_assert_int_eq(try_open("/a/one", OPEN_READ), 0);
    ck_assert_int_eq(leave("/a", mount_expire), -EAGAIN);
    ck_assert_int_eq(leave("/a", mount_expire), 0);
    fixture_end();
}
END_TEST

START_TEST(another_root)
{
    struct path old_root, new_root, place;

    begin();
    mount_tmpfs("/a", "one");
    ck_assert_int_eq(make_directory("/a/old"), 0);
    old_root = at("/");
    new_root = at("/a");
    place = at("/a/old");
    ck_assert_int_eq(mount_pivot(&old_root, &new_root, &old_root), -EBUSY);
    ck_assert_int_eq(mount_pivot(&old_root, &place, &place), -EINVAL);
    ck_assert_int_eq(mount_pivot(&old_root, &new_root, &place), 0);
    path_release(&context.root);
    context.root = new_root;
    path_reference(&context.root);
    ck_assert_int_eq(walk("/one", 0), 0);
    ck_assert_int_eq(walk("/old/file", 0), 0);
    ck_assert_uint_eq(inode_number_at("/old/..", 0), inode_number_at("/", 0));

    /* And back. */
    path_release(&place);
    place = at("/old/a");
    ck_assert_int_eq(mount_pivot(&new_root, &old_root, &place), 0);
    path_release(&context.root);
    context.root = old_root;
    path_reference(&context.root);
    path_release(&place);
    path_release(&old_root);
    path_release(&new_root);
    ck_assert_int_eq(leave("/a", mount_remove), 0);
    fixture_end();
}
END_TEST

static struct path removed_directory(const char *text)
{
    struct path path;

    ck_assert_int_eq(make_directory(text), 0);
    path = at(text);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, text), 0);
    return path;
}

START_TEST(nothing_goes_to_removed_directories)
{
    struct path gone, mounted, tree;

    begin();
    mount_tmpfs("/a", "one");
    gone = removed_directory("/gone");
    mounted = at("/a");
    tree = at("/");
    ck_assert_int_eq(mount_bind(&tree, &gone, true), -ENOENT);
    ck_assert_int_eq(mount_move(&mounted, &gone), -ENOENT);
    ck_assert_int_eq(walk("/a/one", 0), 0);    /* where it was */
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/a"), -EBUSY);
    path_release(&gone);
    gone = removed_directory("/a/gone");
    ck_assert_int_eq(mount_pivot(&tree, &mounted, &gone), -ENOENT);
    ck_assert_int_eq(walk("/a/one", 0), 0);
    ck_assert_int_eq(walk("/file", 0), 0);
    path_release(&gone);
    path_release(&tree);
    path_release(&mounted);
    ck_assert_int_eq(leave("/a", mount_remove), 0);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/a"), 0);
    fixture_end();
}
END_TEST

START_TEST(a_root_that_is_mounted_somewhere_is_replaced)
{
    struct path inner, new_root, place;

    begin();
    mount_tmpfs("/a", "one");
    ck_assert_int_eq(make_directory("/a/new"), 0);
    mount_tmpfs("/a/new", "two");
    inner = at("/a");
    new_root = at("/a/new");
    place = removed_directory("/a/new/gone");
    ck_assert_int_eq(mount_pivot(&inner, &new_root, &place), -ENOENT);
    ck_assert_int_eq(walk("/a/one", 0), 0);
    ck_assert_int_eq(walk("/a/new/two", 0), 0);
    path_release(&place);
    ck_assert_int_eq(make_directory("/a/new/old"), 0);
    place = at("/a/new/old");
    ck_assert_int_eq(mount_pivot(&inner, &new_root, &place), 0);
    ck_assert_int_eq(walk("/a/two", 0), 0);
    ck_assert_int_eq(walk("/a/old/one", 0), 0);
    ck_assert_int_eq(walk("/a/one", 0), -ENOENT);
    path_release(&place);
    path_release(&inner);
    path_release(&new_root);
    ck_assert_int_eq(leave("/a", mount_detach), 0);
    fixture_end();
}
END_TEST

START_TEST(what_is_in_no_table_stays_out)
{
    struct path inside, place, tree;

    begin();
    mount_tmpfs("/a", "one");
    inside = at("/a");
    place = at("/b");
    tree = at("/");
    ck_assert_int_eq(leave("/a", mount_detach), 0);
    ck_assert_int_eq(mount_remove(inside.mount), -EINVAL);
    ck_assert_int_eq(mount_expire(inside.mount), -EINVAL);
    ck_assert_int_eq(mount_bind(&inside, &place, false), -EINVAL);
    ck_assert_int_eq(mount_bind(&place, &inside, false), -EINVAL);
    ck_assert_int_eq(mount_move(&inside, &place), -EINVAL);
    ck_assert_int_eq(mount_pivot(&tree, &inside, &place), -EINVAL);
    ck_assert_int_eq(mount_change_flags(&inside, 0), -EINVAL);
    path_release(&inside);
    path_release(&place);
    path_release(&tree);
    fixture_end();
}
END_TEST

static void count_one(struct mount *mount, void *count)
{
    ck_assert(mount->attached);
    ++*(unsigned *)count;
}

START_TEST(all_mounts_are_shown)
{
    unsigned count = 0;

    begin();
    mount_tmpfs("/a", "one");
    ck_assert_int_eq(bind("/a", "/b", false), 0);
    mount_for_each(NAMESPACE_OF_MOUNTS, count_one, &count);
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(leave("/b", mount_remove), 0);
    ck_assert_int_eq(leave("/a", mount_remove), 0);
    mount_for_each(NAMESPACE_OF_MOUNTS, count_one, &count);
    ck_assert_uint_eq(count, 4);
    fixture_end();
}
END_TEST

static unsigned mounts(void)
{
    unsigned count = 0;

    mount_for_each(NAMESPACE_OF_MOUNTS, count_one, &count);
    return count;
}

START_TEST(many_are_copied_and_go_at_once)
{
    char place[200] = "/a";

    begin();
    for (size_t i = 0; i < 20; i++) {
        mount_tmpfs(place, "one");
        strcat(place, "/s");
        ck_assert_int_eq(make_directory(place), 0);
    }
    for (size_t i = 0; i < 200; i++)
        ck_assert_int_eq(bind("/a/s", "/a/s", false), 0);
    ck_assert_uint_eq(mounts(), 221);
    ck_assert_int_eq(bind("/a", "/b", true), 0);
    ck_assert_uint_eq(mounts(), 441);
    ck_assert_int_eq(move("/b/s", "/b"), 0);    /* with nothing below, and over what was there */
    ck_assert_int_eq(leave("/b", mount_remove), 0);
    ck_assert_int_eq(leave("/b", mount_detach), 0);
    ck_assert_uint_eq(mounts(), 221);
    ck_assert_int_eq(leave("/a", mount_detach), 0);
    ck_assert_uint_eq(mounts(), 1);
    fixture_end();
}
END_TEST

START_TEST(there_is_a_most)
{
    uint32_t count;

    begin();
    count = mount_table()->count;
    mount_table()->count = MOUNTS_MAX - 1;
    ck_assert_int_eq(bind("/a", "/b", false), 0);
    ck_assert_int_eq(bind("/a", "/b", false), -ENOSPC);
    ck_assert_int_eq(leave("/b", mount_remove), 0);
    ck_assert_uint_eq(mount_table()->count, MOUNTS_MAX - 1);
    mount_table()->count = count;
    mount_tmpfs("/a", "one");
    ck_assert_int_eq(make_directory("/a/s"), 0);
    mount_tmpfs("/a/s", "two");
    mount_table()->count = MOUNTS_MAX - 1;
    ck_assert_int_eq(bind("/a", "/b", true), -ENOSPC);    /* and what was copied goes again */
    ck_assert_uint_eq(mount_table()->count, MOUNTS_MAX - 1);
    ck_assert_uint_eq(mounts(), count + 2);
    mount_table()->count = count + 2;
    ck_assert_int_eq(leave("/a", mount_detach), 0);
    fixture_end();
}
END_TEST

TEST_MAIN("fs/mount", binds_show_the_same, recursive_binds_take_what_is_below,
          moves_keep_what_is_below, detached_mounts_go_on_without_a_place, flags_are_checked,
          another_root, nothing_goes_to_removed_directories,
          a_root_that_is_mounted_somewhere_is_replaced, what_is_in_no_table_stays_out,
          all_mounts_are_shown, many_are_copied_and_go_at_once, there_is_a_most)
