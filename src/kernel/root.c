/* The first mounts: what the first program finds. */
#include "kernel/root.h"

#include "debug/log.h"
#include "fs/archive.h"
#include "fs/devfs.h"
#include "fs/filesystem.h"
#include "fs/hostfs_mount.h"
#include "fs/mount.h"
#include "fs/names.h"
#include "fs/path.h"
#include "fs/tmpfs.h"
#include "procfs/procfs.h"

#define MODE_PUBLIC 0755u
#define MODE_SHARED (MODE_STICKY | 0777u)

static int create_root_filesystem(struct filesystem **filesystem)
{
    if (machine_info()->hostfs)
        return hostfs_create(machine_info()->hostfs, filesystem);
    return tmpfs_create(MODE_PUBLIC, 0, filesystem);
}

/* The archive's files, and the directories that programs expect. */
static int fill(const struct fs_context *context)
{
    static const struct {
        const char *path;
        uint32_t mode;
    } directories[] = {
        { "/dev", MODE_PUBLIC }, { "/proc", MODE_PUBLIC }, { "/tmp", MODE_SHARED },
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

static int mount_kernel_filesystems(const struct fs_context *context)
{
    struct filesystem *filesystem;
    int error = devfs_create(&filesystem);

    if (!error)
        error = mount_on(context, "/dev", filesystem);
    if (!error)
        error = mount_shared_memory(context);
    if (!error)
        error = procfs_create(&filesystem);
    if (!error)
        error = mount_on(context, "/proc", filesystem);
    return error;
}

int root_mount(struct path *root)
{
    struct fs_context context = { .umask = 0 };
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
    if (!machine_info()->hostfs)
        error = fill(&context);
    if (!error)
        error = mount_kernel_filesystems(&context);
    if (error)
        path_release(root);
    return error;
}
