/*
 * Random operations on files, done twice: by the services of fs, on a tmpfs or on a hostfs, and by
 * system calls in a temporary directory of the host.  Linux is the oracle: every result must be the
 * same.
 *
 * Both sides begin with a directory "r" as the working directory, one level below the top: empty on
 * a tmpfs, with some files on a hostfs, whose host must be the same at the end as at the beginning;
 * or, if that is shared, the same as the other side.
 * Paths have at most one ".." and link targets none, so that no walk leaves the top.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/syscall.h>

#include "fs/names.h"
#include "fs/hostfs_mount.h"
#include "harness/test.h"
#include "unit/fs/linux_extended.h"
#include "unit/fs/linux_fixture.h"
#include "unit/fs/linux_listing.h"
#include "unit/fs/real_host.h"

#define OPEN_MAX 6        /* files that are open at once */
#define STEPS 60000
#define USER 4711

static bool on_hostfs, is_shared;
static char lower[64];    /* the host's directory below it */

static struct open_pair {
    int host;             /* -1: free */
    struct file *file;
} pairs[OPEN_MAX];

static struct open_pair *pick_pair(void)
{
    struct open_pair *pair = &pairs[pick(OPEN_MAX)];

    return pair->host < 0 ? NULL : pair;
}

/* ---- Operations on paths ------------------------------------------------------------------- */

static void do_make_directory(void)
{
    char text[TEXT_SIZE];
    uint32_t mode = pick_mode();

    pick_path(text);
    note("mkdir %s %o", text, mode);
    check_same(fs_make_directory(&context, NULL, text, mode), host_result(mkdir(text, mode)),
               "mkdir");
}

static void do_remove_directory(void)
{
    char text[TEXT_SIZE];

    pick_path(text);
    note("rmdir %s", text);
    check_same(fs_remove_directory(&context, NULL, text), host_result(rmdir(text)), "rmdir");
}

static void do_unlink(void)
{
    char text[TEXT_SIZE];

    pick_path(text);
    note("unlink %s", text);
    check_same(fs_unlink(&context, NULL, text), host_result(unlink(text)), "unlink");
}

static void do_symlink(void)
{
    char text[TEXT_SIZE], target[TEXT_SIZE];

    pick_path(text);
    pick_target(target);
    note("symlink %s -> %s", text, target);
    check_same(fs_symlink(&context, target, NULL, text), host_result(symlink(target, text)),
               "symlink");
}

static void do_link(void)
{
    char old[TEXT_SIZE], new[TEXT_SIZE];
    bool follow = pick(2);
    struct path path;
    int error;

    if (!links_are_protected && geteuid() != 0)
        return;
    pick_path(old);
    pick_path(new);
    note("link %s %s follow %d", old, new, follow);
    error = path_walk(&context, NULL, old, follow ? LOOKUP_FOLLOW : 0, &path);
    if (!error) {
        error = fs_link(&context, &path, NULL, new);
        path_release(&path);
    }
    check_same(error, host_result(linkat(AT_FDCWD, old, AT_FDCWD, new,
                                         follow ? AT_SYMLINK_FOLLOW : 0)), "link");
}

/* Of an open file, with or without a name. */
static void do_link_open(void)
{
    struct open_pair *pair = pick_pair();
    char old[TEXT_SIZE], new[TEXT_SIZE];

    if (!pair || (!links_are_protected && geteuid() != 0))
        return;
    snprintf(old, sizeof(old), "/proc/self/fd/%d", pair->host);
    pick_path(new);
    note("link of %d: %s", pair->host, new);
    check_same(fs_link(&context, &pair->file->path, NULL, new),
               host_result(linkat(AT_FDCWD, old, AT_FDCWD, new, AT_SYMLINK_FOLLOW)), "link");
}

static void do_rename(void)
{
    char old[TEXT_SIZE], new[TEXT_SIZE];
    uint32_t flags = pick(2) ? 0 : pick(4);

    pick_path(old);
    pick_path(new);
    note("rename %s %s flags %u", old, new, flags);
    check_same(rename_file(old, new, flags),
               host_result(syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, flags)), "rename");
}

static void do_change_mode(void)
{
    char text[TEXT_SIZE];
    uint32_t mode = pick_mode();

    pick_path(text);
    note("chmod %s %o", text, mode);
    check_same(change_mode(text, mode), host_result(chmod(text, mode)), "chmod");
}

static void do_change_owner(void)
{
    char text[TEXT_SIZE];
    uint32_t user = pick(3) ? UINT32_MAX : pick(2) ? 0 : USER;
    uint32_t group = pick(3) ? UINT32_MAX : pick(2) ? 0 : USER;
    struct path path;
    int error;

    pick_path(text);
    note("lchown %s %u %u", text, user, group);
    error = path_walk(&context, NULL, text, 0, &path);
    if (!error) {
        error = attributes_set_owner(&context, &(struct attribute_target){
            path.mount, path_inode(&path), NULL }, user, group);
        path_release(&path);
    }
    check_same(error, host_result(lchown(text, user, group)), "lchown");
}

static void do_truncate(void)
{
    char text[TEXT_SIZE];
    uint64_t size = pick_offset();
    struct path path;
    int error;

    pick_path(text);
    note("truncate %s %llu", text, (unsigned long long)size);
    error = path_walk(&context, NULL, text, LOOKUP_FOLLOW, &path);
    if (!error) {
        error = path_truncate(&context, &path, (int64_t)size, UINT64_MAX);
        path_release(&path);
    }
    check_same(error, host_result(truncate(text, (off_t)size)), "truncate");
}

static void do_access(void)
{
    char text[TEXT_SIZE];
    uint32_t wanted = pick(8);
    struct path path;
    int error;

    pick_path(text);
    note("access %s %u", text, wanted);
    error = path_walk(&context, NULL, text, LOOKUP_FOLLOW, &path);
    if (!error) {
        error = path_access(&context, &path, wanted);
        path_release(&path);
    }
    check_same(error, host_result(faccessat(AT_FDCWD, text, (int)wanted, AT_EACCESS)), "access");
}

static void do_read_link(void)
{
    char text[TEXT_SIZE], ours[TEXT_SIZE] = "", theirs[TEXT_SIZE] = "";
    size_t size = 1 + pick(8);
    struct path path;
    int64_t result;

    pick_path(text);
    note("readlink %s", text);
    result = path_walk(&context, NULL, text, 0, &path);
    if (!result) {
        result = fs_read_link(&path, ours, size);
        path_release(&path);
    }
    check_same(result, host_result(readlink(text, theirs, size)), "readlink");
    check_same(strcmp(ours, theirs), 0, "text of the link");
}

/* ---- Status -------------------------------------------------------------------------------- */

static void compare_status(const struct file_status *ours, const struct stat *theirs)
{
    check_same(ours->mode, theirs->st_mode, "mode");
    check_same(ours->links, (int64_t)theirs->st_nlink, "links");
    check_same(ours->user_id, theirs->st_uid, "owner");
    check_same(ours->group_id, theirs->st_gid, "group");
    if (!S_ISDIR(theirs->st_mode) || (host_is_tmpfs && !on_hostfs))
        check_same((int64_t)ours->size, theirs->st_size, "size");
}

static void do_status(void)
{
    char text[TEXT_SIZE];
    bool follow = pick(2);
    struct file_status ours;
    struct stat theirs;
    struct path path;
    int error;

    pick_path(text);
    note("stat %s follow %d", text, follow);
    error = path_walk(&context, NULL, text, follow ? LOOKUP_FOLLOW : 0, &path);
    if (!error) {
        error = path_status(&path, &ours);
        path_release(&path);
    }
    check_same(error, host_result(fstatat(AT_FDCWD, text, &theirs,
                                          follow ? 0 : AT_SYMLINK_NOFOLLOW)), "stat");
    if (!error)
        compare_status(&ours, &theirs);
}

/* ---- Open files ---------------------------------------------------------------------------- */

static struct open_pair *free_pair(void)
{
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        if (pairs[i].host < 0)
            return &pairs[i];
    }
    return NULL;
}

static uint32_t pick_open_flags(void)
{
    static const uint32_t options[] = {
        OPEN_CREATE, OPEN_EXCLUSIVE, OPEN_TRUNCATE, OPEN_APPEND, OPEN_DIRECTORY, OPEN_NOFOLLOW,
        OPEN_PATH, OPEN_NOATIME, OPEN_TEMPORARY,
    };
    uint32_t flags = pick(4);

    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        if (!pick(i == 0 ? 2 : 6))
            flags |= options[i];
    }
    return flags;
}

static void do_open(void)
{
    struct open_pair *pair = free_pair();
    uint32_t flags = pick_open_flags();
    uint32_t mode = pick_mode();
    char text[TEXT_SIZE];
    struct file *file = NULL;
    int error, host;

    if (!pair)
        return;
    if (flags & OPEN_CREATE)
        flags &= ~OPEN_NOFOLLOW;    /* links of others in sticky directories: 6.18 differs from
                                     * what Linux said before */
    pick_path(text);
    note("open %s flags %o mode %o", text, flags, mode);
    error = open_file(text, flags, mode, &file);
    host = open(text, (int)flags, mode);
    check_same(error, host < 0 ? -errno : 0, "open");
    if (error)
        return;
    *pair = (struct open_pair){ host, file };
    check_same(file_flags(file) & ~OPEN_LARGEFILE,
               host_result(fcntl(host, F_GETFL)) & ~(int64_t)OPEN_LARGEFILE, "flags");
}

static void close_pair(struct open_pair *pair)
{
    file_release(pair->file);
    close(pair->host);
    pair->host = -1;
}

static void do_close(void)
{
    struct open_pair *pair = pick_pair();

    note("close %d", pair ? pair->host : -1);
    if (pair)
        close_pair(pair);
}

static void do_write(void)
{
    static char data[DATA_SIZE];
    struct open_pair *pair = pick_pair();
    size_t size = pick(3) ? pick(100) : pick(DATA_SIZE);
    uint64_t position = pick_offset();
    bool at = pick(2);
    struct io_segment segment = { (uint64_t)(uintptr_t)data, size };
    struct io_buffer buffer;

    if (!pair || pair->file->opener_user_id != geteuid())
        return;    /* set-id bits: Linux asks who writes, we who opened */
    note("write %d size %zu at %d %llu", pair->host, size, at, (unsigned long long)position);
    memset(data, 'A' + (char)pick(26), size);
    io_buffer_init(&buffer, NULL, &segment, 1);
    if (at)
        check_same(file_write_at(pair->file, &buffer, position, UINT64_MAX),
                   host_result(pwrite(pair->host, data, size, (off_t)position)), "pwrite");
    else
        check_same(file_write(pair->file, &buffer, UINT64_MAX),
                   host_result(write(pair->host, data, size)), "write");
}

static void do_read(void)
{
    static char ours[DATA_SIZE * 3], theirs[DATA_SIZE * 3];
    struct open_pair *pair = pick_pair();
    size_t size = pick(sizeof(ours));
    uint64_t position = pick_offset();
    bool at = pick(2);
    struct io_segment segment = { (uint64_t)(uintptr_t)ours, size };
    struct io_buffer buffer;
    int64_t result;

    if (!pair)
        return;
    note("read %d size %zu at %d %llu", pair->host, size, at, (unsigned long long)position);
    io_buffer_init(&buffer, NULL, &segment, 1);
    result = at ? file_read_at(pair->file, &buffer, position) : file_read(pair->file, &buffer);
    check_same(result, host_result(at ? pread(pair->host, theirs, size, (off_t)position)
                                      : read(pair->host, theirs, size)), "read");
    if (result > 0)
        check_same(memcmp(ours, theirs, (size_t)result), 0, "bytes read");
}

static void do_seek(void)
{
    struct open_pair *pair = pick_pair();
    int whence = (int)pick(6);
    int64_t offset = pick(3) ? (int64_t)pick_offset() : -(int64_t)pick(5000);

    if (!pair)
        return;
    note("lseek %d %lld %d", pair->host, (long long)offset, whence);
    /* Directories have positions, and holes places, of their own in each filesystem. */
    if (inode_is_directory(pair->file->inode) ||
        (whence > SEEK_END && (!host_is_tmpfs || is_shared)))
        return;
    check_same(file_seek(pair->file, offset, whence),
               host_result(lseek(pair->host, offset, whence)), "lseek");
}

static void do_file_truncate(void)
{
    struct open_pair *pair = pick_pair();
    int64_t size = pick(20) ? (int64_t)pick_offset() : -1;

    if (!pair || pair->file->opener_user_id != geteuid())
        return;
    note("ftruncate %d %lld", pair->host, (long long)size);
    check_same(file_truncate(pair->file, size, UINT64_MAX),
               host_result(ftruncate(pair->host, size)), "ftruncate");
}

static void do_file_status(void)
{
    struct open_pair *pair = pick_pair();
    struct file_status ours;
    struct stat theirs;

    if (!pair)
        return;
    note("fstat %d", pair->host);
    check_same(file_get_status(pair->file, &ours), host_result(fstat(pair->host, &theirs)),
               "fstat");
    compare_status(&ours, &theirs);
}

/* ---- Directories --------------------------------------------------------------------------- */

static void do_list(void)
{
    struct listing ours = { .count = 0 }, theirs = { .count = 0 };
    char text[TEXT_SIZE];
    struct file *file;

    pick_path(text);
    note("list %s", text);
    if (open_file(text, OPEN_READ | OPEN_DIRECTORY, 0, &file))
        return;
    check_same(file_read_directory(file, add_ours, &ours), 0, "getdents");
    file_release(file);
    list_host(text, &theirs);
    check_same(ours.count, theirs.count, "number of names");
    qsort(ours.names, ours.count, sizeof(ours.names[0]), compare_names);
    qsort(theirs.names, theirs.count, sizeof(theirs.names[0]), compare_names);
    check_same(memcmp(ours.names, theirs.names, ours.count * sizeof(ours.names[0])), 0, "names");
}

/* ---- The test ------------------------------------------------------------------------------ */

static void shell(const char *format, const char *directory)
{
    char command[512];

    snprintf(command, sizeof(command), format, directory);
    ck_assert_int_eq(system(command), 0);
}

/* The same files below `directory` each time; changed long enough ago to be trusted. */
static void populate(const char *directory)
{
    shell("umask 022; cd %s && mkdir -p r && cd r && mkdir -p a/b c && seq 2000 >a/dd &&"
          " seq 9 >m && seq 9 >a/b/l && ln -sf a/dd l && ln -f m c/m && ln -sf nowhere c/l &&"
          " mkdir c/a && chmod 750 c", directory);
}

/* All that can be seen of a directory, for a comparison: with sizes of directories and times only
 * if nothing may have changed. */
static void print_tree(const char *directory, const char *name)
{
    char command[512];

    snprintf(command, sizeof(command), "cd %s && (find . -printf '%%p %%m %%u %%g %%n %%l %s\n' |"
             " sort; find . -type f -exec cksum {} + | sort) >%s.%s", directory,
             is_shared ? "" : "%s %T@", lower, name);
    ck_assert_int_eq(system(command), 0);
}

static void begin_on_hostfs(void)
{
    struct filesystem *filesystem;

    strcpy(lower, "/tmp/eft-lower-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(lower));
    ck_assert_int_eq(chmod(lower, 0755), 0);
    populate(lower);
    populate("..");
    print_tree(lower, "before");
    fixture_begin_machine();
    real_host_root = lower;
    real_host_roots[0].sharing = is_shared ? HOSTFS_SHARED : HOSTFS_COPIED;
    ck_assert_int_eq(hostfs_create(&real_host, 0, &filesystem), 0);
    fixture_mount_root(filesystem);
}

static void end_on_hostfs(void)
{
    print_tree(lower, "after");
    shell("cmp %1$s.before %1$s.after && rm -r %1$s %1$s.before %1$s.after", lower);
}

/* Another sequence: SEED=n in the environment. */
static void begin(uint64_t seed)
{
    const char *chosen = getenv("SEED");

    if (chosen)
        seed += strtoull(chosen, NULL, 0);
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    make_host_directory();
    if (on_hostfs)
        begin_on_hostfs();
    else
        fixture_begin();
    become(geteuid(), getegid());
    context.umask = 022;
    look_for_extended(!is_shared);
    ck_assert_int_eq(attributes_set_owner(
                         &(struct fs_context){ .umask = 0 },
                         &(struct attribute_target){ root, root->root->inode, NULL }, geteuid(),
                         getegid()), 0);
    ck_assert_int_eq(make_directory("/r"), on_hostfs ? -EEXIST : 0);
    ck_assert_int_eq(change_directory("/r"), 0);
    for (unsigned i = 0; i < OPEN_MAX; i++)
        pairs[i].host = -1;
}

static void end(void)
{
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        if (pairs[i].host >= 0)
            close_pair(&pairs[i]);
    }
    fixture_end();
    if (is_shared)
        print_tree("..", "before");    /* what it should have become */
    remove_host_directory();
    if (on_hostfs)
        end_on_hostfs();
}

static void (*const operations[])(void) = {
    do_make_directory, do_make_directory, do_remove_directory, do_unlink, do_symlink, do_link,
    do_link_open, do_extended,
    do_rename, do_rename, do_rename, do_change_mode, do_truncate, do_access, do_read_link,
    do_status, do_status, do_open, do_open, do_open, do_open, do_close, do_write, do_write,
    do_write, do_read, do_read, do_seek, do_file_truncate, do_file_status, do_list,
    do_change_owner,
};

static void run_steps(void)
{
    for (step = 0; step < STEPS; step++)
        operations[pick(ARRAY_SIZE(operations))]();
}

START_TEST(linux_and_tmpfs_agree)
{
    begin(1);
    run_steps();
    end();
}
END_TEST

START_TEST(linux_and_hostfs_agree)
{
    if (geteuid() != 0)
        return;    /* the files of the host are root's */
    on_hostfs = true;
    begin(3);
    run_steps();
    end();
}
END_TEST

START_TEST(linux_and_shared_hostfs_agree)
{
    if (geteuid() != 0)
        return;
    on_hostfs = is_shared = true;
    begin(4);
    run_steps();
    end();
}
END_TEST

/* Now and then another user acts; the set-up belongs to root. */
static void change_user(void)
{
    bool to_user = geteuid() == 0;

    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(setegid(to_user ? USER : 0), 0);
    ck_assert_int_eq(seteuid(to_user ? USER : 0), 0);
    become(geteuid(), getegid());
    note("user %u", geteuid());
}

START_TEST(linux_and_tmpfs_agree_on_permissions)
{
    uint32_t mode;

    if (geteuid() != 0)
        return;    /* only root can try */
    adapt_to_host();
    mode = uses_sticky ? 01777 : 0777;
    begin(2);
    ck_assert_int_eq(setgroups(0, NULL), 0);
    ck_assert_int_eq(chmod(".", mode), 0);
    ck_assert_int_eq(change_mode(".", mode), 0);
    for (step = 0; step < STEPS; step++) {
        if (pick(12))
            operations[pick(ARRAY_SIZE(operations))]();
        else
            change_user();
    }
    ck_assert_int_eq(seteuid(0), 0);
    become(0, 0);
    end();
}
END_TEST

TEST_MAIN("fs/linux", linux_and_tmpfs_agree, linux_and_hostfs_agree,
          linux_and_shared_hostfs_agree, linux_and_tmpfs_agree_on_permissions)
