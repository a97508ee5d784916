/*
 * Host files for the kernel's hostfs: nodes are O_PATH descriptors.
 *
 * Only regular files and directories are opened: opening a device or a FIFO can block or have
 * effects.  Names are single components and links are not followed here, so that a path cannot
 * leave the root.  Changes are in hostfs_changes.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/hostfs.h"
#include "chooser.h"
#include "code_copy.h"
#include "hostfs_nodes.h"
#include "outside.h"
#include "sim.h"

#define DIRECTORY_BUFFER_SIZE 4096    /* on a stack of the kernel */
#define NODES_PER_STEP 256
#define FIXED_DEVICE 2049u    /* 8:1 */
#define FIXED_ROOM (UINT64_C(1) << 20)

#define ROOTS_MAX (HOST_BINDS_MAX + 2)    /* --root, --save-changes */

static struct host_node *nodes;
static uint64_t node_count;
static uint64_t first_free;    /* 0: none; node 0 is never used */
static struct hostfs_root roots[ROOTS_MAX];
static int root_descriptors[ROOTS_MAX];

/* The source that the host's mount table names for the filesystem of a root; NULL: not known. */
static const char *find_source(int root)
{
    char source[256];
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    unsigned major, minor, wanted_major, wanted_minor;
    struct statx status;
    char line[4096];
    bool found = false;

    if (!mounts || statx(root, "", AT_EMPTY_PATH, 0, &status) != 0)
        return NULL;
    wanted_major = status.stx_dev_major;
    wanted_minor = status.stx_dev_minor;
    while (!found && fgets(line, sizeof(line), mounts)) {
        const char *rest = strstr(line, " - ");

        found = rest && sscanf(line, "%*d %*d %u:%u", &major, &minor) == 2 &&
                major == wanted_major && minor == wanted_minor &&
                sscanf(rest, " - %*s %255s", source) == 1;
    }
    fclose(mounts);
    return found ? strdup(source) : NULL;
}

static void begin(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    signal(SIGXFSZ, SIG_IGN);    /* a write beyond the host's limit is an error of the write */
    hostfs_operations.roots = roots;
    info_edit()->hostfs = &hostfs_operations;
}

void hostfs_add(int descriptor, const char *place, enum hostfs_sharing sharing)
{
    size_t index = hostfs_operations.root_count++;

    if (index == 0)
        begin();
    root_descriptors[index] = descriptor;
    roots[index] = (struct hostfs_root){ place, find_source(descriptor), sharing };
}

/* ---- Nodes --------------------------------------------------------------------------------- */

static int grow(void)
{
    uint64_t count = node_count + NODES_PER_STEP;
    struct host_node *grown = realloc(nodes, count * sizeof(*grown));

    if (!grown)
        return -ENOMEM;
    nodes = grown;
    for (uint64_t i = count - 1; i >= node_count && i > 0; i--) {
        nodes[i] = (struct host_node){ -1, -1, -1, first_free, false, false };
        first_free = i;
    }
    node_count = count;
    return 0;
}

int hostfs_new_node(int path, bool is_shared, uint64_t *number)
{
    int error = first_free ? 0 : grow();

    if (error) {
        close(path);
        return error;
    }
    *number = first_free;
    first_free = nodes[*number].next_free;
    nodes[*number] = (struct host_node){ path, -1, -1, 0, false, is_shared };
    return 0;
}

struct host_node *hostfs_node(uint64_t number)
{
    return &nodes[number];
}

bool hostfs_is_component(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, "..") != 0 && strcmp(name, ".") != 0;
}

void hostfs_link_of(int descriptor, char link[HOSTFS_LINK_SIZE])
{
    snprintf(link, HOSTFS_LINK_SIZE, "/proc/self/fd/%d", descriptor);
}

static int hostfs_root(size_t index, uint64_t *number)
{
    int path = fcntl(root_descriptors[index], F_DUPFD_CLOEXEC, 0);

    return path < 0 ? -errno
                    : hostfs_new_node(path, roots[index].sharing == HOSTFS_SHARED, number);
}

static int hostfs_lookup(uint64_t directory, const char *name, uint64_t *number)
{
    if (!hostfs_is_component(name))
        return -EINVAL;

    int path = openat(nodes[directory].path, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    return path < 0 ? -errno : hostfs_new_node(path, nodes[directory].is_shared, number);
}

static void hostfs_release(uint64_t number)
{
    if (nodes[number].is_kept)
        return;
    close(nodes[number].path);
    if (nodes[number].data >= 0)
        close(nodes[number].data);
    if (nodes[number].output >= 0 && nodes[number].output != nodes[number].data)
        close(nodes[number].output);
    nodes[number] = (struct host_node){ -1, -1, -1, first_free, false, false };
    first_free = number;
}

void hostfs_keep_nodes(void)
{
    for (uint64_t i = 0; i < node_count; i++)
        nodes[i].is_kept = nodes[i].path >= 0;
}

void hostfs_drop_nodes(void)
{
    for (uint64_t i = 0; i < node_count; i++) {
        if (nodes[i].path >= 0 && !nodes[i].is_kept)
            hostfs_release(i);
    }
}

/* A descriptor to read from, for regular files and directories only. */
static int open_data(uint64_t number)
{
    struct host_node *node = &nodes[number];
    struct stat status;
    char path[HOSTFS_LINK_SIZE];

    if (node->data >= 0)
        return node->data;
    if (fstat(node->path, &status) != 0)
        return -errno;
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return -EINVAL;
    hostfs_link_of(node->path, path);
    node->data = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (node->data < 0)
        return -errno;
    outside_file_opened(node->data);
    return node->data;
}

/* ---- Attributes ---------------------------------------------------------------------------- */

static int64_t time_ns(struct statx_timestamp time)
{
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

static uint64_t device_number(uint32_t major, uint32_t minor)
{
    return (uint64_t)(minor & 0xff) | (uint64_t)(major & 0xfff) << 8 |
           (uint64_t)(minor & ~0xffu) << 12 | (uint64_t)(major & ~0xfffu) << 32;
}

/* In runs that repeat: what changes although nobody changes the file, or with its filesystem. */
static void hide_circumstances(struct hostfs_status *status)
{
    status->access_ns = status->modify_ns;
    status->change_ns = status->modify_ns;
    status->birth_ns = status->modify_ns;
    status->device = FIXED_DEVICE;
}

static int hostfs_status(uint64_t number, struct hostfs_status *result)
{
    struct statx status;

    if (statx(nodes[number].path, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
              STATX_BASIC_STATS | STATX_BTIME, &status) != 0)
        return -errno;
    *result = (struct hostfs_status){
        .mode = status.stx_mode,
        .links = status.stx_nlink,
        .user_id = status.stx_uid,
        .group_id = status.stx_gid,
        .inode = status.stx_ino,
        .device = device_number(status.stx_dev_major, status.stx_dev_minor),
        .device_id = device_number(status.stx_rdev_major, status.stx_rdev_minor),
        .size = status.stx_size,
        .blocks = status.stx_blocks,
        .block_size = status.stx_blksize,
        .access_ns = time_ns(status.stx_atime),
        .modify_ns = time_ns(status.stx_mtime),
        .change_ns = time_ns(status.stx_ctime),
        .birth_ns = status.stx_mask & STATX_BTIME ? time_ns(status.stx_btime) : 0,
    };
    if (chooser_is_active())
        hide_circumstances(result);
    return 0;
}

static int hostfs_statistics(uint64_t number, struct hostfs_statistics *result)
{
    struct statfs status;

    if (fstatfs(nodes[number].path, &status) != 0)
        return -errno;
    *result = (struct hostfs_statistics){
        .type = (uint64_t)status.f_type,
        .block_size = (uint64_t)status.f_bsize,
        .blocks = status.f_blocks,
        .blocks_free = status.f_bfree,
        .blocks_available = status.f_bavail,
        .files = status.f_files,
        .files_free = status.f_ffree,
        .name_max = (uint64_t)status.f_namelen,
        .fragment_size = (uint64_t)status.f_frsize,
        .flags = (uint64_t)status.f_flags,
    };
    memcpy(&result->id, &status.f_fsid, sizeof(result->id));
    if (chooser_is_active()) {
        result->id = FIXED_DEVICE;
        result->blocks = result->files = FIXED_ROOM;
        result->blocks_free = result->blocks_available = result->files_free = FIXED_ROOM / 2;
    }
    return 0;
}

static int hostfs_access(uint64_t number, uint32_t mode)
{
    if (syscall(SYS_faccessat2, nodes[number].path, "", (int)mode, AT_EMPTY_PATH | AT_EACCESS) == 0)
        return 0;
    return -errno;
}

/* ---- Contents ------------------------------------------------------------------------------ */

static int64_t hostfs_read(uint64_t number, void *buffer, size_t size, uint64_t offset)
{
    int data = open_data(number);
    ssize_t count;

    if (data < 0)
        return data;
    code_copy_host_writes(buffer, size);
    do
        count = pread(data, buffer, size, (off_t)offset);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

static int64_t hostfs_read_link(uint64_t number, char *target, size_t size)
{
    code_copy_host_writes(target, size);

    ssize_t length = readlinkat(nodes[number].path, "", target, size);

    return length < 0 ? -errno : length;
}

static int hostfs_read_directory(uint64_t number, int64_t position, hostfs_name_sink sink,
                                 void *context)
{
    /* The sink may let other threads on, which read other directories. */
    _Alignas(struct dirent64) char buffer[DIRECTORY_BUFFER_SIZE];
    int data = open_data(number);

    if (data < 0)
        return data;
    if (lseek(data, position, SEEK_SET) < 0)
        return -errno;
    for (;;) {
        ssize_t size = getdents64(data, buffer, sizeof(buffer));

        if (size <= 0)
            return size < 0 ? -errno : 0;
        for (char *place = buffer; place < buffer + size;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)place;

            const struct hostfs_name name = {
                .name = entry->d_name,
                .length = strlen(entry->d_name),
                .inode = entry->d_ino,
                .type = entry->d_type,
                .next = entry->d_off,
            };

            if (sink(context, &name))
                return 0;
            place += entry->d_reclen;
        }
    }
}

/* Does the path lead there, or below? */
static bool leads_to(const char *path, const char *place)
{
    size_t length = place ? strlen(place) : 0;

    while (length > 0 && place[length - 1] == '/')
        length--;
    return place && strncmp(path, place, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

/* What is mounted last covers the others. */
static size_t find_root(const char *path)
{
    for (size_t i = hostfs_operations.root_count; i > 0; i--) {
        if (leads_to(path, roots[i - 1].place))
            return i - 1;
    }
    return hostfs_operations.root_count;
}

int hostfs_open_path(const char *guest_path)
{
    size_t index = find_root(guest_path);
    const struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    char link[HOSTFS_LINK_SIZE];

    if (index == hostfs_operations.root_count)
        return -1;

    const char *place = roots[index].place;
    const char *below = guest_path + strlen(place) - (place[1] == '\0');

    if (below[0] != '\0')
        return (int)syscall(SYS_openat2, root_descriptors[index], below, &how, sizeof(how));
    hostfs_link_of(root_descriptors[index], link);
    return open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

struct hostfs_operations hostfs_operations = {
    .root = hostfs_root,
    .lookup = hostfs_lookup,
    .release = hostfs_release,
    .status = hostfs_status,
    .statistics = hostfs_statistics,
    .access = hostfs_access,
    .read = hostfs_read,
    .read_link = hostfs_read_link,
    .read_directory = hostfs_read_directory,
    .create = hostfs_create,
    .link = hostfs_link,
    .remove = hostfs_remove,
    .rename = hostfs_rename,
    .write = hostfs_write,
    .change = hostfs_change,
    .sync = hostfs_sync,
};
