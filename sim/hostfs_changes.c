/*
 * Changes of the host's files, below roots that the user shares with the guest.
 *
 * All names are single components of a directory's descriptor, so no link and no ".." leads out,
 * whatever others do to the tree meanwhile.  Only regular files are opened; device nodes are
 * neither opened nor made.  Files get the mode that the guest wants, not what the host's umask
 * leaves of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostfs_nodes.h"
#include "sim.h"

#define KEEP_ID UINT32_MAX
#define MODE_BITS 07777u

static int result_of(int result)
{
    return result < 0 ? -errno : 0;
}

/* May something be changed there? */
static int check(uint64_t directory, const char *name)
{
    if (!hostfs_node(directory)->is_shared)
        return -EROFS;
    return hostfs_is_component(name) ? 0 : -EINVAL;
}

/* ---- Making -------------------------------------------------------------------------------- */

/* A new file has the owner that we have; only root can give it away.  Set-id bits go with that. */
static void finish_new(int path, const struct hostfs_new *what)
{
    char link[HOSTFS_LINK_SIZE];
    struct stat status;

    hostfs_link_of(path, link);
    if (geteuid() == 0 && fstat(path, &status) == 0 &&
        (status.st_uid != what->user_id || status.st_gid != what->group_id) &&
        fchownat(path, "", what->user_id, what->group_id, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (!S_ISLNK(what->mode) && fstat(path, &status) == 0 &&
        (status.st_mode & MODE_BITS) != (what->mode & MODE_BITS))
        (void)!chmod(link, what->mode & MODE_BITS);
}

/* The descriptor of a new regular file becomes the node's for its contents. */
static int node_of_file(int file, const struct hostfs_new *what, uint64_t *node)
{
    char link[HOSTFS_LINK_SIZE];
    int path, error;

    if (file < 0)
        return -errno;
    hostfs_link_of(file, link);
    path = open(link, O_PATH | O_CLOEXEC);
    if (path < 0) {
        error = -errno;
        close(file);
        return error;
    }
    finish_new(path, what);
    error = hostfs_new_node(path, true, node);
    if (error)
        close(file);
    else
        hostfs_node(*node)->data = hostfs_node(*node)->output = file;
    return error;
}

static int create_file(int directory, const char *name, const struct hostfs_new *what,
                       uint64_t *node)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_LARGEFILE;
    mode_t before = umask(0);
    int file = name ? openat(directory, name, flags | O_CREAT | O_EXCL, what->mode & MODE_BITS)
                    : openat(directory, ".", flags | O_TMPFILE, what->mode & MODE_BITS);

    umask(before);
    return node_of_file(file, what, node);
}

static int create_other(int directory, const char *name, const struct hostfs_new *what)
{
    mode_t before = umask(0);
    int result;

    switch (what->mode & S_IFMT) {
    case S_IFDIR:
        result = mkdirat(directory, name, what->mode & MODE_BITS);
        break;
    case S_IFLNK:
        result = symlinkat(what->target, directory, name);
        break;
    case S_IFIFO:
    case S_IFSOCK:
        result = mknodat(directory, name, what->mode & (S_IFMT | MODE_BITS), 0);
        break;
    default:    /* devices of the guest are none of the host */
        result = -1;
        errno = EPERM;
    }
    umask(before);
    return result_of(result);
}

int hostfs_create(uint64_t directory, const char *name, const struct hostfs_new *what,
                  uint64_t *node)
{
    int at = hostfs_node(directory)->path;
    int error = check(directory, name ? name : "x");
    int path;

    if (error)
        return error;
    if (S_ISREG(what->mode))
        return create_file(at, name, what, node);
    error = create_other(at, name, what);
    if (error)
        return error;
    path = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (path < 0)
        return -errno;
    finish_new(path, what);
    return hostfs_new_node(path, true, node);
}

/* ---- Names --------------------------------------------------------------------------------- */

int hostfs_link(uint64_t node, uint64_t directory, const char *name)
{
    char link[HOSTFS_LINK_SIZE];
    int error = check(directory, name);

    if (error)
        return error;
    hostfs_link_of(hostfs_node(node)->path, link);
    return result_of(linkat(AT_FDCWD, link, hostfs_node(directory)->path, name, AT_SYMLINK_FOLLOW));
}

int hostfs_remove(uint64_t directory, const char *name, bool is_directory)
{
    int error = check(directory, name);

    if (error)
        return error;
    return result_of(unlinkat(hostfs_node(directory)->path, name,
                              is_directory ? AT_REMOVEDIR : 0));
}

int hostfs_rename(const struct hostfs_rename *rename)
{
    int error = check(rename->old_directory, rename->old_name);

    if (!error)
        error = check(rename->new_directory, rename->new_name);
    if (error)
        return error;
    return result_of((int)syscall(SYS_renameat2, hostfs_node(rename->old_directory)->path,
                                  rename->old_name, hostfs_node(rename->new_directory)->path,
                                  rename->new_name, rename->flags));
}

/* ---- Contents and attributes --------------------------------------------------------------- */

/* A descriptor to write to, for regular files only. */
static int open_output(uint64_t number)
{
    struct host_node *node = hostfs_node(number);
    char link[HOSTFS_LINK_SIZE];
    struct stat status;

    if (!node->is_shared)
        return -EROFS;
    if (node->output >= 0)
        return node->output;
    if (fstat(node->path, &status) != 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    hostfs_link_of(node->path, link);
    node->output = open(link, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return node->output < 0 ? -errno : node->output;
}

int64_t hostfs_write(uint64_t node, const void *buffer, size_t size, uint64_t offset)
{
    int output = open_output(node);
    ssize_t count;

    if (output < 0)
        return output;
    do
        count = pwrite(output, buffer, size, (off_t)offset);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int hostfs_sync(uint64_t node)
{
    int output = hostfs_node(node)->output;

    return output < 0 ? 0 : result_of(fsync(output));
}

static int change_owner(int path, const struct hostfs_attributes *attributes)
{
    uint32_t user = attributes->changes & HOSTFS_CHANGE_USER ? attributes->user_id : KEEP_ID;
    uint32_t group = attributes->changes & HOSTFS_CHANGE_GROUP ? attributes->group_id : KEEP_ID;

    if (user == KEEP_ID && group == KEEP_ID)
        return 0;
    return result_of(fchownat(path, "", user, group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

static struct timespec time_of(uint32_t changes, uint32_t change, int64_t ns)
{
    int64_t rest = ns % 1000000000, seconds = ns / 1000000000;

    if (!(changes & change))
        return (struct timespec){ .tv_nsec = UTIME_OMIT };
    if (rest < 0) {
        rest += 1000000000;
        seconds--;
    }
    return (struct timespec){ .tv_sec = seconds, .tv_nsec = rest };
}

static int change_times(int path, const struct hostfs_attributes *attributes)
{
    const struct timespec times[2] = {
        time_of(attributes->changes, HOSTFS_CHANGE_ACCESS_TIME, attributes->access_ns),
        time_of(attributes->changes, HOSTFS_CHANGE_MODIFY_TIME, attributes->modify_ns),
    };

    if (!(attributes->changes & (HOSTFS_CHANGE_ACCESS_TIME | HOSTFS_CHANGE_MODIFY_TIME)))
        return 0;
    return result_of(utimensat(path, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

static int change_size(uint64_t node, uint64_t size)
{
    int output = open_output(node);

    return output < 0 ? output : result_of(ftruncate(output, (off_t)size));
}

/* The owner before the mode: a change of the owner takes set-id bits away. */
int hostfs_change(uint64_t number, const struct hostfs_attributes *attributes)
{
    const struct host_node *node = hostfs_node(number);
    char link[HOSTFS_LINK_SIZE];
    int error = node->is_shared ? 0 : -EROFS;

    hostfs_link_of(node->path, link);
    if (!error && (attributes->changes & HOSTFS_CHANGE_SIZE))
        error = change_size(number, attributes->size);
    if (!error)
        error = change_owner(node->path, attributes);
    if (!error && (attributes->changes & HOSTFS_CHANGE_MODE))
        error = result_of(chmod(link, attributes->mode & MODE_BITS));
    return error ? error : change_times(node->path, attributes);
}
