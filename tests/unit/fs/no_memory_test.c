/*
 * Memory that runs out, on each kind of filesystem: for each pool in turn there is no object of it
 * and no page.  What a call does then is refused as a whole, and nothing is lost.
 */
#include <stdlib.h>

#include "fs/extended.h"
#include "fs/hostfs_mount.h"
#include "fs/notify.h"
#include "fs/record_lock.h"
#include "harness/test.h"
#include "unit/fs/fs_fixture.h"
#include "unit/fs/real_host.h"

#define POOLS_MAX 128
#define LONG_NAME "a-name-that-is-longer-than-what-fits-in-the-structure-itself"

/* ---- Memory -------------------------------------------------------------------------------- */

static struct pool *pools[POOLS_MAX];
static size_t pool_count;

/* What was taken away, in a row through the objects themselves. */
struct taken {
    struct taken *next;
};

static void note_pool(const struct pool *pool, void *unused)
{
    (void)unused;
    ck_assert_uint_lt(pool_count, POOLS_MAX);
    pools[pool_count++] = (struct pool *)(uintptr_t)pool;
}

static struct taken *take_all(struct pool *pool)
{
    struct taken *taken = NULL;

    for (struct taken *one; (one = pool_allocate(pool));) {
        one->next = taken;
        taken = one;
    }
    return taken;
}

static void give_back(struct pool *pool, struct taken *taken)
{
    while (taken) {
        struct taken *next = taken->next;

        pool_free(pool, taken);
        taken = next;
    }
}

static struct page *take_pages(void)
{
    struct page *pages = NULL;

    for (struct page *page; (page = page_allocate(PAGE_DIRTY));) {
        *(struct page **)page_data(page) = pages;
        pages = page;
    }
    return pages;
}

static void give_back_pages(struct page *pages)
{
    while (pages) {
        struct page *next = *(struct page **)page_data(pages);

        page_release(pages);
        pages = next;
    }
}

/* ---- Calls: each undoes what it did -------------------------------------------------------- */

static int call_create(void)
{
    int error = try_open("/" LONG_NAME, OPEN_WRITE | OPEN_CREATE);

    return error ? error : fs_unlink(&context, NULL, "/" LONG_NAME);
}

static int call_make_directory(void)
{
    int error = make_directory("/d/made");

    return error ? error : fs_remove_directory(&context, NULL, "/d/made");
}

static int call_symlink(void)
{
    int error = make_link("somewhere/" LONG_NAME, "/link");

    return error ? error : fs_unlink(&context, NULL, "/link");
}

static int call_link(void)
{
    struct path path;
    int error = path_walk(&context, NULL, "/file", 0, &path);

    if (error)
        return error;
    error = fs_link(&context, &path, NULL, "/d/second");
    path_release(&path);
    return error ? error : fs_unlink(&context, NULL, "/d/second");
}

/* The way back may find no memory, either: then once more with all of it. */
static bool is_moved;

static int call_rename(void)
{
    int error = rename_file("/file", "/d/" LONG_NAME, 0);

    if (error)
        return error;
    is_moved = true;
    error = rename_file("/d/" LONG_NAME, "/file", 0);
    is_moved = error != 0;
    return error;
}

static int call_temporary(void)
{
    struct file *file;
    int error = open_file("/d", OPEN_READ_WRITE | OPEN_TEMPORARY, 0600, &file);

    if (!error)
        file_release(file);
    return error;
}

static int call_write(void)
{
    struct file *file;
    int error = open_file("/file", OPEN_WRITE, 0, &file);
    int64_t done;

    if (error)
        return error;
    done = file_write_kernel(file, "text", 4, 0);
    file_release(file);
    ck_assert(done == 4 || done < 0);
    return done < 0 ? (int)done : 0;
}

static int take_name(void *unused, const struct directory_entry *entry)
{
    (void)unused;
    (void)entry;
    return 0;
}

static int call_list(void)
{
    struct file *file;
    int error = open_file("/", OPEN_READ | OPEN_DIRECTORY, 0, &file);

    if (error)
        return error;
    error = file_read_directory(file, take_name, NULL);
    file_release(file);
    return error;
}

static int call_bind(void)
{
    struct path root_path = context.root, place;
    int error = path_walk(&context, NULL, "/d", LOOKUP_FOLLOW, &place);

    if (error)
        return error;
    error = mount_bind(&root_path, &place, true);
    path_release(&place);
    if (error)
        return error;
    ck_assert_int_eq(path_walk(&context, NULL, "/d", LOOKUP_FOLLOW, &place), 0);
    ck_assert_ptr_ne(place.mount, root);
    error = mount_detach(place.mount);
    path_release(&place);
    return error;
}

/* And all of it once more below that. */
static int call_mount(void)
{
    struct filesystem *filesystem;
    struct mount *mount;
    struct path place, top;
    int error = tmpfs_create(0755, 0, &filesystem);

    if (error)
        return error;
    error = path_walk(&context, NULL, "/d", LOOKUP_FOLLOW, &place);
    if (!error) {
        error = mount_add_as(&(struct mount_request){ filesystem, &place, 0, "source" }, &mount);
        path_release(&place);
    }
    filesystem_release(filesystem);
    if (error)
        return error;
    top = mount_root(mount);
    error = mount_bind(&context.root, &top, true);
    ck_assert_int_eq(mount_detach(mount), 0);
    mount_release(mount);
    return error;
}

/* Where there are whiteouts. */
static int call_whiteout(void)
{
    int error = rename_file("/file", "/d/" LONG_NAME, RENAME_LEAVE_WHITEOUT);

    is_moved = error == 0;
    return error == -EINVAL ? 0 : error;
}

static int call_memory_file(void)
{
    struct file *file;
    int error = tmpfs_create_memory_file(&context.credentials, "file", 0, &file);

    if (!error)
        file_release(file);
    return error;
}

static int call_notify(void)
{
    struct file *queue;
    struct path path;
    int result = notify_create(3, OPEN_NONBLOCK, &queue);

    if (result)
        return result;
    result = path_walk(&context, NULL, "/file", 0, &path);
    if (!result) {
        result = notify_watch(queue, path_inode(&path), NOTIFY_ALL_EVENTS);
        path_release(&path);
    }
    file_release(queue);
    return result < 0 ? result : 0;
}

static const struct call {
    const char *name;
    int (*function)(void);
} calls[] = {
    { "create", call_create }, { "mkdir", call_make_directory }, { "symlink", call_symlink },
    { "link", call_link }, { "rename", call_rename }, { "temporary", call_temporary },
    { "write", call_write }, { "list", call_list }, { "bind", call_bind },
    { "mount", call_mount }, { "memory file", call_memory_file }, { "notify", call_notify },
    { "whiteout", call_whiteout },
};

/* ---- The test ------------------------------------------------------------------------------ */

static void nothing_stayed(void)
{
    static const char *const names[] = { "/" LONG_NAME, "/link", "/d/second" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        ck_assert_int_eq(fs_unlink(&context, NULL, names[i]), -ENOENT);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/d/made"), -ENOENT);
}

static void check_that_all_is_there(void)
{
    nothing_stayed();
    if (is_moved)
        ck_assert_int_eq(rename_file("/d/" LONG_NAME, "/file", 0), 0);
    is_moved = false;
    ck_assert_int_eq(walk("/file", 0), 0);
    ck_assert_int_eq(walk("/d", 0), 0);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/d"), 0);    /* it is empty */
    ck_assert_int_eq(make_directory("/d"), 0);
}

/* One call, one pool without objects.  Both results are right, but no third one. */
static bool is_refused(const struct call *call, struct pool *pool)
{
    struct page *pages = take_pages();
    struct taken *taken = take_all(pool);
    int error = call->function();

    give_back(pool, taken);
    give_back_pages(pages);
    ck_assert_msg(error == 0 || error == -ENOMEM || error == -ENOSPC, "%s without %s: %d",
                  call->name, pool->name, error);
    check_that_all_is_there();
    return error != 0;
}

/* A filesystem in the way of binds. */
static struct mount *mount_one(void)
{
    struct filesystem *filesystem;
    struct mount *mount;
    struct path place;

    ck_assert_int_eq(make_directory("/s"), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/s", 0, &place), 0);
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    ck_assert_int_eq(mount_add_as(&(struct mount_request){ filesystem, &place, 0, "source" },
                                  &mount), 0);
    filesystem_release(filesystem);
    path_release(&place);
    return mount;
}

/* Each call works, and is refused where one thing or another is missing. */
static void refuse_all(void)
{
    struct mount *mount = mount_one();

    ck_assert_int_eq(make_directory("/d"), 0);
    make_file("/file", "contents");
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        ck_assert_msg(calls[i].function() == 0, "%s", calls[i].name);
    pool_for_each(note_pool, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        unsigned refusals = 0;

        for (size_t which = 0; which < pool_count; which++)
            refusals += is_refused(&calls[i], pools[which]);
        ck_assert_msg(refusals > 0, "%s needs no memory?", calls[i].name);
        ck_assert_msg(calls[i].function() == 0, "%s afterwards", calls[i].name);
    }
    ck_assert_int_eq(mount_remove(mount), 0);
    mount_release(mount);
}

START_TEST(in_memory)
{
    fixture_begin();
    refuse_all();
    fixture_end();
}
END_TEST

/* Files of the host that we have open. */
static unsigned count_open(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;

    ck_assert_ptr_nonnull(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void refuse_on_host(enum hostfs_sharing sharing)
{
    unsigned open_before = count_open();
    struct filesystem *filesystem;
    char base[64], command[128];

    strcpy(base, "/tmp/eft-memory-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(base));
    fixture_begin_machine();
    real_host_root = base;
    real_host_roots[0].sharing = sharing;
    ck_assert_int_eq(hostfs_create(&real_host, 0, &filesystem), 0);
    fixture_mount_root(filesystem);
    become(geteuid(), getegid());
    refuse_all();
    fixture_end();
    ck_assert_uint_eq(count_open(), open_before);
    snprintf(command, sizeof(command), "rm -rf %s", base);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(on_a_copied_host)
{
    refuse_on_host(HOSTFS_COPIED);
}
END_TEST

START_TEST(on_a_shared_host)
{
    refuse_on_host(HOSTFS_SHARED);
}
END_TEST

TEST_MAIN("fs/no_memory", in_memory, on_a_copied_host, on_a_shared_host)
