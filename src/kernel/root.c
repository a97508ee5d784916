/* The first mounts: what the first program finds. */
#include "kernel/root.h"

#include "config.h"
#include "debug/log.h"
#include "fs/archive.h"
#include "fs/devfs.h"
#include "fs/filesystem.h"
#include "fs/hostfs_mount.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/names.h"
#include "fs/path.h"
#include "fs/tmpfs.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "procfs/procfs.h"
#include "tty/devpts.h"

#define MODE_PUBLIC 0755u
#define MODE_SHARED (MODE_STICKY | 0777u)

static bool has_host_root(void)
{
    const struct hostfs_operations *host = machine_info()->hostfs;

    return host && host->root_count > 0 && host->roots[0].place &&
           text_equal(host->roots[0].place, "/");
}

static int create_root_filesystem(struct filesystem **filesystem)
{
    if (has_host_root())
        return hostfs_create(machine_info()->hostfs, 0, filesystem);
    return tmpfs_create(MODE_PUBLIC, 0, filesystem);
}

/* The archive's files, and the directories that programs expect. */
static int fill(const struct fs_context *context)
{
    static const struct {
        const char *path;
        uint32_t mode;
    } directories[] = {
        { "/dev", MODE_PUBLIC }, { "/proc", MODE_PUBLIC }, { "/sys", MODE_PUBLIC },
        { "/tmp", MODE_SHARED },
    };
    const struct machine_info *info = machine_info();

    if (info->boot_archive) {
        int error = archive_unpack(context, info->boot_archive, info->boot_archive_size);

        if (error)
            return error;
    }
    for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
        int error = fs_make_directory(context, NULL, directories[i].path, directories[i].mode);

        if (error && error != -EEXIST)
            return error;
    }
    return 0;
}

/* Mounts a filesystem on a directory if that exists.  Takes over the reference. */
static int mount_on(const struct fs_context *context, const char *text,
                    struct filesystem *filesystem)
{
    struct mount *mount;
    struct path path;
    int error = path_walk(context, NULL, text, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

    if (!error) {
        error = mount_add(filesystem, &path, false, &mount);
        if (!error)
            mount_release(mount);
        path_release(&path);
    } else {
        log_line(LOG_INFO, "the root has no directory %s", text);
        error = 0;
    }
    filesystem_release(filesystem);
    return error;
}

/* What POSIX's shared memory and named semaphores are files of. */
static int mount_shared_memory(const struct fs_context *context)
{
    struct filesystem *filesystem;
    int error = fs_make_directory(context, NULL, "/dev/shm", MODE_SHARED);

    if (error)
        return error == -ENOENT ? 0 : error;    /* a root without /dev */
    error = tmpfs_create(MODE_SHARED, 0, &filesystem);
    return error ? error : mount_on(context, "/dev/shm", filesystem);
}

/* Pseudo terminals. */
static int mount_terminals(const struct fs_context *context)
{
    struct filesystem *filesystem;
    int error = fs_make_directory(context, NULL, "/dev/pts", MODE_PUBLIC);

    if (error)
        return error == -ENOENT ? 0 : error;    /* a root without /dev */
    error = devpts_create(&filesystem);
    return error ? error : mount_on(context, "/dev/pts", filesystem);
}

static int mount_kernel_filesystems(const struct fs_context *context)
{
    struct filesystem *filesystem;
    int error = devfs_create(&filesystem);

    if (!error)
        error = mount_on(context, "/dev", filesystem);
    if (!error)
        error = mount_shared_memory(context);
    if (!error)
        error = mount_terminals(context);
    if (!error)
        error = procfs_create(&(struct proc_options){ 0 }, &filesystem);
    if (!error)
        error = mount_on(context, "/proc", filesystem);
    if (!error)
        error = sysfs_create(&filesystem);
    if (!error)
        error = mount_on(context, "/sys", filesystem);
    return error;
}

/* ---- What else the host shows --------------------------------------------------------------- */

/* The directories on the way to a place, and what is there itself, as far as they do not exist. */
static int make_place(const struct fs_context *context, const char *place, bool is_directory)
{
    const struct node_request node = { .text = place, .mode = MODE_REGULAR | 0644 };
    char *text = memory_allocate(PATH_MAX);
    int error = 0;

    if (!text)
        return -ENOMEM;
    for (size_t i = 0; place[i]; i++) {
        if (i > 0 && place[i] == '/' && (!error || error == -EEXIST))
            error = fs_make_directory(context, NULL, text, MODE_PUBLIC);
        text[i] = place[i];
    }
    memory_free(text, PATH_MAX);
    if (error && error != -EEXIST)
        return error;
    error = is_directory ? fs_make_directory(context, NULL, place, MODE_PUBLIC)
                         : fs_make_node(context, &node);
    return error == -EEXIST ? 0 : error;
}

static int show_root(const struct fs_context *context, size_t index)
{
    const char *place = machine_info()->hostfs->roots[index].place;
    struct filesystem *filesystem;
    struct mount *mount;
    struct path path;
    int error = hostfs_create(machine_info()->hostfs, index, &filesystem);

    if (error)
        return error;
    error = make_place(context, place, inode_is_directory(filesystem->root));
    if (!error)
        error = path_walk(context, NULL, place, LOOKUP_FOLLOW, &path);
    if (!error) {
        error = mount_add(filesystem, &path, false, &mount);
        path_release(&path);
    }
    if (!error)
        mount_release(mount);
    filesystem_release(filesystem);
    if (error)
        log_line(LOG_ERROR, "cannot show what --bind names at %s (error %d)", place, -error);
    return error;
}

static int mount_others(const struct fs_context *context, struct filesystem *root)
{
    const struct hostfs_operations *host = machine_info()->hostfs;
    int error = 0;

    for (size_t i = has_host_root() ? 1 : 0; host && i < host->root_count && !error; i++) {
        if (host->roots[i].place)
            error = show_root(context, i);
        else
            hostfs_save_at_end(root, i);
    }
    return error;
}

int root_mount(struct path *root)
{
    struct fs_context context = { .credentials = CREDENTIALS_OF_ROOT };
    struct filesystem *filesystem;
    struct mount *mount;
    int error = create_root_filesystem(&filesystem);

    if (error)
        return error;
    error = mount_add(filesystem, NULL, false, &mount);
    filesystem_release(filesystem);
    if (error)
        return error;
    *root = mount_root(mount);
    path_reference(root);
    mount_release(mount);
    context.root = *root;
    context.working_directory = *root;
    if (!has_host_root())
        error = fill(&context);
    if (!error)
        error = mount_kernel_filesystems(&context);
    if (!error)
        error = mount_others(&context, root->mount->filesystem);
    if (error)
        path_release(root);
    return error;
}
