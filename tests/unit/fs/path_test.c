/* Tests of the path walk: what a text leads to, and all the ways in which it can fail. */
#include "unit/fs/fs_fixture.h"
#include "harness/test.h"

/* /d/e/f, /file, and a few links. */
static void make_tree(void)
{
    fixture_begin();
    ck_assert_int_eq(make_directory("/d"), 0);
    ck_assert_int_eq(make_directory("/d/e"), 0);
    make_file("/d/e/f", "deep");
    make_file("/file", "contents");
    ck_assert_int_eq(make_link("d/e", "/to_e"), 0);
    ck_assert_int_eq(make_link("/d/e/f", "/to_f"), 0);
    ck_assert_int_eq(make_link("nowhere", "/dangling"), 0);
    ck_assert_int_eq(make_link("loop2", "/loop1"), 0);
    ck_assert_int_eq(make_link("loop1", "/loop2"), 0);
    ck_assert_int_eq(make_link("self", "/self"), 0);
}

START_TEST(path_finds_what_is_there)
{
    make_tree();
    ck_assert_int_eq(walk("/", 0), 0);
    ck_assert_int_eq(walk("d/e/f", 0), 0);
    ck_assert_int_eq(walk("//d///e//.//f", 0), 0);
    ck_assert_int_eq(walk("/d/../d/e/../e/f", 0), 0);
    ck_assert_uint_eq(inode_number_at("/d/e", 0), inode_number_at("/d/./e/", 0));
    ck_assert_uint_eq(inode_number_at("/to_f", LOOKUP_FOLLOW), inode_number_at("/d/e/f", 0));
    ck_assert_uint_ne(inode_number_at("/to_f", 0), inode_number_at("/d/e/f", 0));
    ck_assert_uint_eq(inode_number_at("/to_e/f", 0), inode_number_at("/d/e/f", 0));
    fixture_end();
}
END_TEST

START_TEST(path_refuses_what_is_not_there)
{
    make_tree();
    ck_assert_int_eq(walk("", 0), -ENOENT);
    ck_assert_int_eq(walk("", LOOKUP_EMPTY_PATH), 0);
    ck_assert_int_eq(walk("x", 0), -ENOENT);
    ck_assert_int_eq(walk("x", 0), -ENOENT);    /* from the cache */
    ck_assert_int_eq(walk("/d/x/y", 0), -ENOENT);
    ck_assert_int_eq(walk("/dangling", LOOKUP_FOLLOW), -ENOENT);
    ck_assert_int_eq(walk("/dangling", 0), 0);
    ck_assert_int_eq(walk("/dangling/", 0), -ENOENT);
    fixture_end();
}
END_TEST

START_TEST(path_wants_directories)
{
    make_tree();
    ck_assert_int_eq(walk("/file/x", 0), -ENOTDIR);
    ck_assert_int_eq(walk("/file/", 0), -ENOTDIR);
    ck_assert_int_eq(walk("/file/.", 0), -ENOTDIR);
    ck_assert_int_eq(walk("/file/..", 0), -ENOTDIR);
    ck_assert_int_eq(walk("/file", LOOKUP_DIRECTORY), -ENOTDIR);
    ck_assert_int_eq(walk("/to_f/", 0), -ENOTDIR);
    ck_assert_int_eq(walk("/to_f/x", 0), -ENOTDIR);
    ck_assert_int_eq(walk("/to_e/", 0), 0);
    ck_assert_int_eq(walk("/to_e", LOOKUP_DIRECTORY), -ENOTDIR);
    ck_assert_int_eq(walk("/to_e", LOOKUP_DIRECTORY | LOOKUP_FOLLOW), 0);
    fixture_end();
}
END_TEST

START_TEST(path_stops_at_loops)
{
    make_tree();
    ck_assert_int_eq(walk("/loop1", LOOKUP_FOLLOW), -ELOOP);
    ck_assert_int_eq(walk("/loop1/x", 0), -ELOOP);
    ck_assert_int_eq(walk("/self", LOOKUP_FOLLOW), -ELOOP);
    ck_assert_int_eq(walk("/self", 0), 0);
    ck_assert_int_eq(try_open("/self", OPEN_WRITE | OPEN_CREATE), -ELOOP);
    fixture_end();
}
END_TEST

/* A chain c0 -> c1 -> ... -> c<length> = directory; each link's target goes on with "/.". */
static void make_chain(unsigned length)
{
    char name[32], target[32];

    for (unsigned i = 0; i < length; i++) {
        snprintf(name, sizeof(name), "/c%u", i);
        snprintf(target, sizeof(target), "c%u/.", i + 1);
        ck_assert_int_eq(make_link(target, name), 0);
    }
    snprintf(name, sizeof(name), "/c%u", length);
    ck_assert_int_eq(make_directory(name), 0);
}

START_TEST(path_follows_just_as_many_links_as_allowed)
{
    fixture_begin();
    make_chain(SYMLINKS_MAX + 1);
    ck_assert_int_eq(walk("/c1", LOOKUP_FOLLOW), 0);
    ck_assert_int_eq(walk("/c0", LOOKUP_FOLLOW), -ELOOP);
    ck_assert_int_eq(walk("/c1/.", 0), 0);
    ck_assert_int_eq(walk("/c0/.", 0), -ELOOP);
    /* Links beside one another count as well. */
    ck_assert_int_eq(walk("/c21/../c21/../c1", LOOKUP_FOLLOW), -ELOOP);
    fixture_end();
}
END_TEST

START_TEST(path_heeds_the_limits_of_lengths)
{
    static char text[PATH_MAX + 16];

    make_tree();
    memset(text, 'n', NAME_MAX);
    text[NAME_MAX] = '\0';
    ck_assert_int_eq(walk(text, 0), -ENOENT);
    ck_assert_int_eq(make_directory(text), 0);
    ck_assert_int_eq(walk(text, 0), 0);
    text[NAME_MAX] = 'n';
    text[NAME_MAX + 1] = '\0';
    ck_assert_int_eq(walk(text, 0), -ENAMETOOLONG);
    ck_assert_int_eq(make_directory(text), -ENAMETOOLONG);
    ck_assert_int_eq(fs_unlink(&context, NULL, text), -ENAMETOOLONG);
    ck_assert_int_eq(try_open(text, OPEN_CREATE | OPEN_WRITE), -ENAMETOOLONG);
    memset(text, '/', PATH_MAX - 1);
    text[PATH_MAX - 1] = '\0';
    ck_assert_int_eq(walk(text, 0), 0);
    text[PATH_MAX - 1] = '/';
    text[PATH_MAX] = '\0';
    ck_assert_int_eq(walk(text, 0), -ENAMETOOLONG);
    ck_assert_int_eq(make_link(text, "/l"), -ENAMETOOLONG);
    fixture_end();
}
END_TEST

START_TEST(path_dot_dot_stops_at_the_root)
{
    struct path outside;

    make_tree();
    ck_assert_uint_eq(inode_number_at("/../../..", 0), inode_number_at("/", 0));
    ck_assert_uint_eq(inode_number_at("/../d", 0), inode_number_at("/d", 0));
    /* With /d as the root. */
    outside = context.root;
    ck_assert_int_eq(path_walk(&context, NULL, "/d", 0, &context.root), 0);
    ck_assert_uint_eq(inode_number_at("/..", 0), inode_number_at("/", 0));
    ck_assert_int_eq(walk("/../file", 0), -ENOENT);
    ck_assert_int_eq(walk("/e/../../../e/f", 0), 0);
    path_release(&context.root);
    context.root = outside;
    fixture_end();
}
END_TEST

START_TEST(path_needs_search_permission)
{
    make_tree();
    ck_assert_int_eq(change_mode("/d", 0700), 0);
    ck_assert_int_eq(walk("/d/e/f", 0), 0);
    become(1000, 1000);
    ck_assert_int_eq(walk("/d", 0), 0);
    ck_assert_int_eq(walk("/d/e", 0), -EACCES);
    ck_assert_int_eq(walk("/d/.", 0), -EACCES);
    ck_assert_int_eq(walk("/d/..", 0), -EACCES);
    ck_assert_int_eq(walk("/to_e", LOOKUP_FOLLOW), -EACCES);
    ck_assert_int_eq(walk("/d/nothing", 0), -EACCES);
    become(0, 0);
    ck_assert_int_eq(change_mode("/d", 0711), 0);
    become(1000, 1000);
    ck_assert_int_eq(walk("/d/e/f", 0), 0);
    ck_assert_int_eq(try_open("/d", OPEN_READ), -EACCES);
    become(0, 0);
    fixture_end();
}
END_TEST

START_TEST(path_crosses_mounts)
{
    struct filesystem *filesystem;
    struct mount *mount;
    struct path at;
    uint64_t covered;

    make_tree();
    covered = inode_number_at("/d/e", 0);
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/file", 0, &at), 0);
    ck_assert_int_eq(mount_add(filesystem, &at, false, &mount), -ENOTDIR);
    path_release(&at);
    ck_assert_int_eq(path_walk(&context, NULL, "/d/e", 0, &at), 0);
    ck_assert_int_eq(mount_add(filesystem, &at, false, &mount), 0);
    path_release(&at);
    filesystem_release(filesystem);

    ck_assert_int_eq(walk("/d/e/f", 0), -ENOENT);
    make_file("/d/e/g", "on the mount");
    ck_assert_uint_eq(inode_number_at("/d/e/..", 0), inode_number_at("/d", 0));
    ck_assert_int_eq(walk("/d/e/g", LOOKUP_NO_MOUNTS), -EXDEV);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/d/e"), -EBUSY);
    ck_assert_int_eq(rename_file("/d/e", "/x", 0), -EBUSY);
    ck_assert_int_eq(rename_file("/d/e/g", "/x", 0), -EXDEV);
    ck_assert_int_eq(mount_remove(mount), 0);
    mount_release(mount);
    ck_assert_uint_eq(inode_number_at("/d/e", 0), covered);
    ck_assert_int_eq(walk("/d/e/f", 0), 0);
    fixture_end();
}
END_TEST

START_TEST(path_confines_walks)
{
    struct path start;

    make_tree();
    ck_assert_int_eq(path_walk(&context, NULL, "/d", 0, &start), 0);
    ck_assert_int_eq(make_link("../../file", "/d/up"), 0);
    ck_assert_int_eq(make_link("/e/f", "/d/absolute"), 0);
    struct path found;

    ck_assert_int_eq(path_walk(&context, &start, "e/../e/f", LOOKUP_BENEATH, &found), 0);
    path_release(&found);
    ck_assert_int_eq(path_walk(&context, &start, "../file", LOOKUP_BENEATH, &found), -EXDEV);
    ck_assert_int_eq(path_walk(&context, &start, "/d/e", LOOKUP_BENEATH, &found), -EXDEV);
    ck_assert_int_eq(path_walk(&context, &start, "absolute", LOOKUP_BENEATH | LOOKUP_FOLLOW,
                               &found), -EXDEV);
    ck_assert_int_eq(path_walk(&context, &start, "up", LOOKUP_IN_ROOT | LOOKUP_FOLLOW, &found),
                     -ENOENT);
    ck_assert_int_eq(path_walk(&context, &start, "absolute", LOOKUP_IN_ROOT | LOOKUP_FOLLOW,
                               &found), 0);
    path_release(&found);
    ck_assert_int_eq(path_walk(&context, &start, "../../e", LOOKUP_IN_ROOT, &found), 0);
    path_release(&found);
    ck_assert_int_eq(path_walk(&context, &start, "up", LOOKUP_NO_SYMLINKS | LOOKUP_FOLLOW,
                               &found), -ELOOP);
    path_release(&start);
    fixture_end();
}
END_TEST

/* ---- Texts --------------------------------------------------------------------------------- */

static void check_text(const char *walked, const char *expected)
{
    char text[256];
    struct path path;

    ck_assert_int_eq(path_walk(&context, NULL, walked, 0, &path), 0);
    ck_assert_int_eq(path_text(&path, &context.root, text, sizeof(text)),
                     (int64_t)strlen(expected));
    ck_assert_str_eq(text, expected);
    path_release(&path);
}

START_TEST(path_texts_name_the_way_from_the_root)
{
    char text[64];
    struct path path;

    make_tree();
    check_text("/", "/");
    check_text("/d/e/f", "/d/e/f");
    check_text("/to_e/../e", "/d/e");
    ck_assert_int_eq(path_walk(&context, NULL, "/d/e", 0, &path), 0);
    ck_assert_int_eq(path_text(&path, NULL, text, 5), 4);
    ck_assert_str_eq(text, "/d/e");
    ck_assert_int_eq(path_text(&path, NULL, text, 4), -ENAMETOOLONG);
    ck_assert_int_eq(path_text(&path, NULL, text, 0), -ENAMETOOLONG);
    path_release(&path);

    ck_assert_int_eq(path_walk(&context, NULL, "/d/e/f", 0, &path), 0);
    ck_assert_int_eq(rename_file("/d/e", "/d/renamed", 0), 0);
    ck_assert_int_gt(path_text(&path, NULL, text, sizeof(text)), 0);
    ck_assert_str_eq(text, "/d/renamed/f");
    ck_assert_int_eq(fs_unlink(&context, NULL, "/d/renamed/f"), 0);
    ck_assert_int_gt(path_text(&path, NULL, text, sizeof(text)), 0);
    ck_assert_str_eq(text, "/d/renamed/f (deleted)");
    path_release(&path);
    fixture_end();
}
END_TEST

START_TEST(path_working_directory_is_found)
{
    char text[64];

    make_tree();
    ck_assert_int_eq(path_working_directory(&context, text, sizeof(text)), 1);
    ck_assert_str_eq(text, "/");
    ck_assert_int_eq(path_working_directory(&context, text, 1), -ERANGE);
    ck_assert_int_eq(change_directory("/to_e"), 0);
    ck_assert_int_eq(path_working_directory(&context, text, sizeof(text)), 4);
    ck_assert_str_eq(text, "/d/e");
    ck_assert_int_eq(path_working_directory(&context, text, 4), -ERANGE);
    ck_assert_int_eq(path_working_directory(&context, text, 5), 4);

    /* Outside of the root. */
    struct path outside = context.root;

    ck_assert_int_eq(make_directory("/other"), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/other", 0, &context.root), 0);
    ck_assert_int_gt(path_working_directory(&context, text, sizeof(text)), 0);
    ck_assert_str_eq(text, "(unreachable)/d/e");
    path_release(&context.root);
    context.root = outside;

    /* Removed. */
    ck_assert_int_eq(fs_unlink(&context, NULL, "f"), 0);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/d/e"), 0);
    ck_assert_int_eq(path_working_directory(&context, text, sizeof(text)), -ENOENT);
    ck_assert_int_eq(walk(".", 0), 0);
    ck_assert_int_eq(walk("..", 0), 0);
    ck_assert_int_eq(walk("x", 0), -ENOENT);
    ck_assert_int_eq(make_directory("x"), -ENOENT);
    ck_assert_int_eq(try_open("x", OPEN_CREATE | OPEN_WRITE), -ENOENT);
    ck_assert_int_eq(change_directory("/"), 0);
    fixture_end();
}
END_TEST

/* What is not below the root can still be named relatively: a process that was there before. */
START_TEST(path_deep_directories_need_no_stack)
{
    enum { DEPTH = 5000 };

    fixture_begin();
    for (unsigned i = 0; i < DEPTH; i++) {
        ck_assert_int_eq(make_directory("d"), 0);
        ck_assert_int_eq(change_directory("d"), 0);
    }
    static char text[PATH_MAX];

    ck_assert_int_eq(path_working_directory(&context, text, sizeof(text)), -ERANGE);
    ck_assert_int_eq(change_directory("/"), 0);
    fixture_end();    /* frees names and inodes of all of them, without recursion */
}
END_TEST

TEST_MAIN("fs/path", path_finds_what_is_there, path_refuses_what_is_not_there,
          path_wants_directories, path_stops_at_loops,
          path_follows_just_as_many_links_as_allowed, path_heeds_the_limits_of_lengths,
          path_dot_dot_stops_at_the_root, path_needs_search_permission, path_crosses_mounts,
          path_confines_walks, path_texts_name_the_way_from_the_root,
          path_working_directory_is_found, path_deep_directories_need_no_stack)
