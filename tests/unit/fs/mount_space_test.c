/* Namespaces of mounts: copies, what changes in one of them, their end; that nothing is left. */
#include "fs/mount.h"
#include "harness/test.h"
#include "lib/namespace.h"
#include "unit/fs/fs_fixture.h"

static struct path at(const char *text)
{
    struct path path;

    ck_assert_int_eq(path_walk(&context, NULL, text, LOOKUP_FOLLOW, &path), 0);
    return path;
}

static void mount_tmpfs(const char *place)
{
    struct filesystem *filesystem;
    struct mount *mount;
    struct path path = at(place);

    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    ck_assert_int_eq(mount_add_as(&(struct mount_request){ filesystem, &path, 0, "source" },
                                  &mount), 0);
    mount_release(mount);
    filesystem_release(filesystem);
    path_release(&path);
}

static void detach(const char *place)
{
    struct path path = at(place);

    ck_assert_int_eq(mount_detach(path.mount), 0);
    path_release(&path);
}

static void count_one(struct mount *mount, void *count)
{
    ck_assert(mount->attached && !mount->copy);
    ++*(unsigned *)count;
}

static unsigned mounts_of(uint64_t space)
{
    unsigned count = 0;

    mount_for_each(space, count_one, &count);
    return count;
}

/* /a with a tmpfs, and in that another one, where the working directory is. */
static void begin(void)
{
    fixture_begin();
    ck_assert_int_eq(make_directory("/a"), 0);
    mount_tmpfs("/a");
    ck_assert_int_eq(make_directory("/a/deep"), 0);
    mount_tmpfs("/a/deep");
    make_file("/a/deep/file", "file");
}

/* The context goes into a copy of the machine's own namespace. */
static int enter_copy(uint64_t space)
{
    struct path paths[MOUNT_SPACE_PATHS] = { context.root, context.working_directory };
    int error = mount_space_copy(NAMESPACE_OF_MOUNTS, space, paths);

    context.root = paths[0];
    context.working_directory = paths[1];
    return error;
}

/* ... and back. */
static void go_back(const struct path *before)
{
    path_release(&context.root);
    path_release(&context.working_directory);
    context.root = *before;
    context.working_directory = *before;
    path_reference(before);
}

START_TEST(a_copy_has_the_same_and_goes_its_own_way)
{
    uint64_t space = namespace_number_new();
    struct path before, root_there;

    begin();
    before = context.root;
    path_reference(&before);
    ck_assert_int_eq(enter_copy(space), 0);
    ck_assert_ptr_ne(context.root.mount, before.mount);
    ck_assert(mount_is_in(context.root.mount, space));
    ck_assert_uint_eq(mounts_of(space), 3);
    ck_assert_int_eq(walk("/a/deep/file", 0), 0);
    detach("/a/deep");
    ck_assert_int_eq(walk("/a/deep/file", 0), -ENOENT);
    ck_assert_uint_eq(mounts_of(space), 2);
    ck_assert_int_eq(make_directory("/new"), 0);    /* the files are the same ones */
    mount_tmpfs("/new");
    ck_assert_int_eq(make_directory("/new/inside"), 0);
    ck_assert_int_eq(mount_space_root(space, &root_there), 0);
    ck_assert(path_equal(&root_there, &context.root));
    path_release(&root_there);

    go_back(&before);
    ck_assert_int_eq(walk("/a/deep/file", 0), 0);
    ck_assert_int_eq(walk("/new", 0), 0);
    ck_assert_int_eq(walk("/new/inside", 0), -ENOENT);
    mount_space_end(space);
    ck_assert_uint_eq(mounts_of(space), 0);
    ck_assert_uint_eq(mounts_of(NAMESPACE_OF_MOUNTS), 3);
    ck_assert_int_eq(mount_space_root(space, &root_there), -EINVAL);
    detach("/a");
    fixture_end();
}
END_TEST

START_TEST(what_is_in_use_outlives_its_namespace)
{
    uint64_t space = namespace_number_new();
    struct path before, there;

    begin();
    before = context.root;
    path_reference(&before);
    ck_assert_int_eq(enter_copy(space), 0);
    there = at("/a/deep/file");
    go_back(&before);
    mount_space_end(space);
    ck_assert(!mount_is_in(there.mount, space));
    ck_assert_uint_eq(path_inode(&there)->size, 4);
    path_release(&there);
    detach("/a");
    fixture_end();
}
END_TEST

static void find_mounts(const struct pool *pool, void *found)
{
    if (strcmp(pool->name, "mount") == 0)
        *(struct pool **)found = (struct pool *)(uintptr_t)pool;
}

START_TEST(without_memory_nothing_changes)
{
    uint64_t space = namespace_number_new();
    struct pool *pool = NULL;
    struct path before;

    begin();
    before = context.root;
    pool_for_each(find_mounts, &pool);
    ck_assert_ptr_nonnull(pool);
    for (unsigned left = 0; left < 3; left++) {
        pool->objects_max = pool->in_use + left;
        ck_assert_int_eq(enter_copy(space), -ENOMEM);
        pool->objects_max = 0;
        ck_assert(path_equal(&before, &context.root));
        ck_assert_uint_eq(mounts_of(space), 0);
        ck_assert_uint_eq(mounts_of(NAMESPACE_OF_MOUNTS), 3);
    }
    detach("/a");
    fixture_end();
}
END_TEST

TEST_MAIN("fs/mount_space", a_copy_has_the_same_and_goes_its_own_way,
          what_is_in_use_outlives_its_namespace, without_memory_nothing_changes)
