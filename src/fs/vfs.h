#pragma once
/*
 * The virtual filesystem: inodes, open files, filesystems and the contracts between them.
 *
 * Lifetimes: names (struct name, fs/directory_cache.c) hold inodes, open files and working
 * directories hold paths (mount + name), mounts hold filesystems.  Everything is reference
 * counted.  An inode holds no reference to its filesystem: whoever holds an inode holds a mount
 * of it as well, or the filesystem itself.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "memory/io_buffer.h"
#include "memory/memory_object.h"
#include "sync/mutex.h"
#include "sync/wait_queue.h"

struct inode;
struct file;
struct file_owner;
struct async_files;
struct filesystem;
struct mount;
struct name;
struct notify_watch;
struct pipe;
struct poll_table;
struct socket;
struct allocation;
struct credentials;
struct epoll_item;

/* st_mode */
#define MODE_TYPE 0170000u
#define MODE_SOCKET 0140000u
#define MODE_LINK 0120000u
#define MODE_REGULAR 0100000u
#define MODE_BLOCK 0060000u
#define MODE_DIRECTORY 0040000u
#define MODE_CHARACTER 0020000u
#define MODE_FIFO 0010000u
#define MODE_SET_UID 04000u
#define MODE_SET_GID 02000u
#define MODE_STICKY 01000u

enum permission {    /* as access(2) */
    PERMISSION_EXECUTE = 1,    /* of directories: search */
    PERMISSION_WRITE = 2,
    PERMISSION_READ = 4,
};

/* open flags, Linux's values for x86-64 */
#define OPEN_READ 00u
#define OPEN_WRITE 01u
#define OPEN_READ_WRITE 02u
#define OPEN_ACCESS_MODE 03u
#define OPEN_CREATE 0100u
#define OPEN_EXCLUSIVE 0200u
#define OPEN_NO_TERMINAL 0400u
#define OPEN_TRUNCATE 01000u
#define OPEN_APPEND 02000u
#define OPEN_NONBLOCK 04000u
#define OPEN_DSYNC 010000u
#define OPEN_ASYNC 020000u
#define OPEN_DIRECT 040000u
#define OPEN_LARGEFILE 0100000u
#define OPEN_DIRECTORY 0200000u
#define OPEN_NOFOLLOW 0400000u
#define OPEN_NOATIME 01000000u
#define OPEN_CLOSE_ON_EXEC 02000000u
#define OPEN_SYNC 04010000u
#define OPEN_PATH 010000000u
#define OPEN_TEMPORARY 020200000u

struct file_status {
    uint64_t device, inode, device_id;
    uint32_t mode, links, user_id, group_id;
    uint64_t size, block_size, blocks;
    int64_t access_ns, modify_ns, change_ns, birth_ns;    /* since 1970 */
    uint64_t mount_id;
};

struct filesystem_statistics {
    uint64_t type, block_size, blocks, blocks_free, blocks_available, files, files_free;
    uint64_t id, name_max, fragment_size, flags;
};

/* What setattr-like calls change: fields named by `changes`. */
enum attribute_changes {
    CHANGE_MODE = 1 << 0,
    CHANGE_USER = 1 << 1,
    CHANGE_GROUP = 1 << 2,
    CHANGE_SIZE = 1 << 3,
    CHANGE_ACCESS_TIME = 1 << 4,
    CHANGE_MODIFY_TIME = 1 << 5,
};
struct attribute_request {
    uint32_t changes, mode, user_id, group_id;
    uint64_t size;
    int64_t access_ns, modify_ns;
};

struct inode_request {    /* what to create */
    uint32_t mode;        /* type and permissions, umask already applied */
    uint32_t user_id, group_id;
    uint64_t device_id;
};

enum rename_flags {    /* Linux's values */
    RENAME_NO_REPLACE = 1 << 0,
    RENAME_SWAP = 1 << 1,
    RENAME_LEAVE_WHITEOUT = 1 << 2,    /* character device 0:0 takes the old name */
};
struct rename_operation {
    struct inode *old_directory;
    const char *old_name;
    struct inode *inode;             /* what is renamed */
    struct inode *new_directory;
    const char *new_name;
    struct inode *target;            /* what has the new name now, or NULL */
    uint32_t flags;                  /* enum rename_flags */
    struct inode_request whiteout;   /* of RENAME_LEAVE_WHITEOUT: what takes the old name */
};

/*
 * Directory operations are called with the directory's lock held; names are checked (not empty,
 * no slash, at most NAME_MAX, not "." or ".."), permissions too.  unlink and rmdir also hold the
 * lock of the inode that goes, rename those of both directories and of the inodes that are
 * directories, link that of the inode.  What lookup, create and symlink return carries a
 * reference for the caller.  The operations keep `links` and the times of what they change.
 * NULL operations fail: -EPERM for changes (-EROFS on read-only filesystems is checked before),
 * -ENOTDIR for lookups.
 *
 * status, read_link, access, open and memory_object are called without locks; set_attributes
 * with the inode's lock held.
 */
struct inode_operations {
    /* -ENOENT when there is no such name. */
    MUST_CHECK int (*lookup)(struct inode *directory, const char *name, struct inode **inode);
    /* For directories that change without the kernel's doing: a number (not 0) that differs when
     * names may have changed since; cached names of another stamp are looked up again.  0: no
     * cached name is good.  NULL: names change only through the operations here.  Called with
     * and without the directory's lock. */
    uint64_t (*stamp)(struct inode *directory);
    /* Is a cached name of this inode still good (a process that may be gone)?  NULL: yes.  May
     * not sleep. */
    bool (*is_valid)(struct inode *inode);
    MUST_CHECK int (*create)(struct inode *directory, const char *name,
                             const struct inode_request *request, struct inode **inode);
    MUST_CHECK int (*symlink)(struct inode *directory, const char *name, const char *target,
                              const struct inode_request *request, struct inode **inode);
    MUST_CHECK int (*link)(struct inode *directory, const char *name, struct inode *inode);
    MUST_CHECK int (*unlink)(struct inode *directory, const char *name, struct inode *inode);
    MUST_CHECK int (*rmdir)(struct inode *directory, const char *name, struct inode *inode);
    /* The services have checked the flags and what POSIX asks; `target` is NULL if the new name
     * does not exist, else it is replaced or (RENAME_SWAP) exchanged. */
    MUST_CHECK int (*rename)(const struct rename_operation *rename);
    /* A new inode without a name (O_TMPFILE), links 0; NULL: -EOPNOTSUPP. */
    MUST_CHECK int (*temporary)(struct inode *directory, const struct inode_request *request,
                                struct inode **inode);
    /* Target of a symbolic link, not terminated; returns its length (cut at size). */
    int64_t (*read_link)(struct inode *inode, char *target, size_t size);
    /* For /proc/self/fd/N and the like: jumps to a path instead of reading a text; both come with
     * a reference for the caller.  A file without a name (a pipe): -ENXIO.  NULL: none. */
    MUST_CHECK int (*follow)(struct inode *inode, struct mount **mount, struct name **name);
    /* NULL: from the inode's fields (inode_status_from_fields). */
    MUST_CHECK int (*status)(struct inode *inode, struct file_status *status);
    MUST_CHECK int (*set_attributes)(struct inode *inode, const struct attribute_request *request);
    /* `wanted`: enum permission.  NULL: by mode bits. */
    MUST_CHECK int (*access)(struct inode *inode, const struct credentials *credentials,
                             uint32_t wanted);
    /* Permissions are checked; may replace file->operations and set file->contents and
     * is_stream, as nobody else has seen the file yet.  After an error `release` is not called.
     * NULL: nothing to do. */
    MUST_CHECK int (*open)(struct inode *inode, struct file *file);
    /* Object for mmap, with a reference for the caller; NULL operation: -ENODEV. */
    MUST_CHECK int (*memory_object)(struct inode *inode, struct memory_object **object);
    /* An extended attribute was set or removed; the lock is held.  NULL: nothing to do. */
    void (*extended_changed)(struct inode *inode);
    void (*destroy)(struct inode *inode);    /* last reference dropped */
};

struct inode {
    /* Constant after creation. */
    struct filesystem *filesystem;
    const struct inode_operations *operations;
    const struct file_operations *file_operations;
    uint64_t number;
    uint64_t device_id;              /* of a device node */

    struct refcount references;
    struct mutex lock;               /* RANK_INODE, RANK_DIRECTORY for directories */

    /* Files open for writing; or, below 0, those of programs that run, which deny it. */
    _Atomic int32_t writers;

    /* Written with `lock` held; may be read without (permission checks). */
    _Atomic uint32_t mode, user_id, group_id;

    /* Protected by `lock`. */
    uint32_t links;                  /* 0: no name is left; a directory takes no new ones */
    bool is_temporary;               /* made by O_TMPFILE: link may give it its first name */
    bool has_seals;                  /* of a filesystem in memory: `seals` counts */
    uint32_t seals;                  /* enum file_seal (fs/seal.h) */
    uint64_t size;
    int64_t access_ns, modify_ns, change_ns, birth_ns;
    void *contents;                  /* the filesystem's own */
    struct extended_attributes *extended;    /* NULL: none */
    struct notify_watch *_Atomic watches;    /* inotify: NULL: none; fs/notify.c protects it */
    union {
        struct pipe *pipe;           /* a FIFO that is open: what is in it (ipc/) */
        struct socket *socket;       /* a socket's name: who is bound to it (net/) */
    };
};

#define IO_SIZE_MAX UINT64_C(0x7ffff000)    /* bytes moved by one read or write, as Linux */
#define FILE_SIZE_MAX UINT64_C(0x7fffffffffffffff)

enum poll_events {    /* Linux's values */
    POLL_READABLE = 0x001, POLL_PRIORITY = 0x002, POLL_WRITABLE = 0x004, POLL_ERROR = 0x008,
    POLL_HANGUP = 0x010, POLL_INVALID = 0x020,
    POLL_READ_NORMAL = 0x040, POLL_WRITE_NORMAL = 0x100, POLL_WRITE_BAND = 0x200,
    POLL_READ_HANGUP = 0x2000,
};

struct directory_entry {
    const char *name;
    size_t length;
    uint64_t inode;
    uint8_t type;    /* st_mode >> 12 */
    int64_t next;    /* position behind this entry */
};
/* Takes an entry, or returns non-zero when it wants no more (this one included). */
typedef int (*directory_sink)(void *context, const struct directory_entry *entry);

/*
 * `position` is the file's own (with position_lock held, unless it is a stream) or the caller's
 * for pread and pwrite; it is advanced.  Reads and writes return bytes moved or an error; a signal
 * after the first byte gives a short count.  The services have checked the access mode, that
 * position + size does not overflow, and clipped the size to IO_SIZE_MAX.  `write` on an inode of
 * type MODE_REGULAR is called with inode->lock held and the position already moved to the end
 * for O_APPEND.  read_directory is called with inode->lock and position_lock held, in that
 * order; it starts at file->position, keeps it up to date, and stops with 0 when the sink returns
 * non-zero.  `poll` may be called with the lock of an epoll (RANK_EPOLL).  The other operations
 * are called without locks; `release` perhaps with the address space's (a mapping went away), so
 * it takes none that ranks below RANK_PAGE_CACHE.
 * NULL: read and write -EINVAL, read_directory -ENOTDIR, control -ENOTTY, sync -EINVAL, poll
 * always ready, and no epoll takes it.
 */
struct file_operations {
    int64_t (*read)(struct file *file, struct io_buffer *buffer, uint64_t *position);
    int64_t (*write)(struct file *file, struct io_buffer *buffer, uint64_t *position);
    /* NULL: the ordinary one, by the inode's size.  Streams give -ESPIPE.  position_lock held;
     * sets file->position. */
    int64_t (*seek)(struct file *file, int64_t offset, int whence);
    MUST_CHECK int (*read_directory)(struct file *file, directory_sink sink, void *context);
    /* Which events hold now; registers with the table (may be NULL) for changes. */
    uint32_t (*poll)(struct file *file, struct poll_table *table);
    int64_t (*control)(struct file *file, uint32_t request, uint64_t argument);    /* ioctl */
    /* Where those files of its object are that want signals (fs/async.h); `begins`: this one is
     * about to.  NULL: none can. */
    struct async_files *(*async)(struct file *file, bool begins);
    MUST_CHECK int (*sync)(struct file *file);
    /* What fallocate does; the request is checked, the inode's lock is held.  NULL: -EOPNOTSUPP. */
    MUST_CHECK int (*allocate)(struct file *file, const struct allocation *allocation);
    /* For mmap, with a reference for the caller.  NULL: the inode's. */
    MUST_CHECK int (*memory_object)(struct file *file, struct memory_object **object);
    /* What /proc/<pid>/fdinfo says about it, beside what it says about every file: lines of text.
     * Returns their length, at most `size`. */
    size_t (*describe)(struct file *file, char *text, size_t size);
    /* The current process has closed a descriptor; there may be others. */
    void (*descriptor_closed)(struct file *file);
    void (*release)(struct file *file);    /* last reference dropped */
    /* A region of memory that shows it is gone; its reference is dropped next.  May sleep, no lock
     * held.  NULL: nothing to do. */
    void (*unmapped)(struct file *file);
};

struct path {
    struct mount *mount;
    struct name *name;
};

/* An open file description. */
struct file {
    /* Constant after creation (inode_operations.open may still set them). */
    const struct file_operations *operations;
    struct inode *inode;
    struct path path;                /* both NULL: no name (pipes, channels) */
    bool is_stream;                  /* no position: read, write and seek ignore it */
    bool counts_as_writer;           /* of the inode, until the last reference is dropped */
    bool denies_writing;             /* the same: a program that runs */
    const char *description;         /* "pipe:[7]": what readlink of the descriptor shows when
                                      * there is no name; or NULL */
    uint32_t opener_user_id;         /* file_user_id of who opened it */

    struct refcount references;
    struct file *next_waiting;       /* after the last reference: see fs/file.c */
    struct epoll_item *_Atomic watchers;    /* see fs/epoll.c */
    struct file_owner *owner;        /* NULL: nobody; see fs/async.c */
    struct mutex position_lock;      /* RANK_FILE */
    _Atomic uint32_t flags;          /* OPEN_ flags; F_SETFL changes some */

    /* Protected by `position_lock`. */
    uint64_t position;
    void *contents;                  /* the operations' own */
};

struct filesystem_operations {
    MUST_CHECK int (*statistics)(struct filesystem *filesystem,
                                 struct filesystem_statistics *statistics);
    void (*destroy)(struct filesystem *filesystem);
};

/* Made by filesystem_create (fs/filesystem.h). */
struct filesystem {
    /* Constant after creation. */
    const char *type;                /* "tmpfs", "proc", "hostfs" */
    const char *source;              /* as mounts shows it; NULL: the type */
    const struct filesystem_operations *operations;
    uint64_t device;                 /* st_dev of its files */
    bool read_only;
    bool keeps_absent_names;         /* that a name does not exist may be cached */
    bool keeps_extended;             /* attributes, fs/extended.h */
    bool gives_handles;              /* numbers of its inodes stay what they are */
    struct inode *root;              /* set by the filesystem before it is mounted; owned */
    void *contents;                  /* the filesystem's own */

    struct refcount references;
    _Atomic uint64_t last_inode_number;
    struct mutex rename_lock;        /* RANK_RENAME */
    struct name *root_name;          /* protected by RANK_MOUNT; see fs/mount.c */
};

/* ---- Who acts: what path walks and permission checks need of a process --------------------- */

/* What root may and others may not, by Linux's numbers: bits of the sets below. */
enum capability {
    CAPABILITY_CHOWN = 0,
    CAPABILITY_FILE_ACCESS = 1,       /* CAP_DAC_OVERRIDE */
    CAPABILITY_FILE_SEARCH = 2,       /* CAP_DAC_READ_SEARCH */
    CAPABILITY_FILE_OWNER = 3,
    CAPABILITY_FILE_SET_ID = 4,
    CAPABILITY_KILL = 5,
    CAPABILITY_SET_GROUPS = 6,
    CAPABILITY_SET_USERS = 7,
    CAPABILITY_SET_CAPABILITIES = 8,
    CAPABILITY_LOCK_MEMORY = 14,
    CAPABILITY_IPC_OWNER = 15,
    CAPABILITY_CHROOT = 18,
    CAPABILITY_TRACE = 19,
    CAPABILITY_ADMINISTRATION = 21,
    CAPABILITY_BOOT = 22,
    CAPABILITY_NICE = 23,
    CAPABILITY_RESOURCES = 24,
    CAPABILITY_TIME = 25,
    CAPABILITY_TERMINALS = 26,
    CAPABILITY_MAKE_NODES = 27,
    CAPABILITY_WAKE_ALARM = 35,
    CAPABILITY_LAST = 40,
};
#define CAPABILITY_BIT(capability) (UINT64_C(1) << (capability))
#define CAPABILITIES_ALL (CAPABILITY_BIT(CAPABILITY_LAST + 1) - 1)

struct capabilities {
    uint64_t effective, permitted, inheritable, bounding, ambient;
};
#define CAPABILITIES_OF_ROOT                                                       \
    { .effective = CAPABILITIES_ALL, .permitted = CAPABILITIES_ALL,                \
      .bounding = CAPABILITIES_ALL }

struct credentials {
    uint32_t user_id, effective_user_id, saved_user_id, file_user_id;
    uint32_t group_id, effective_group_id, saved_group_id, file_group_id;
    uint32_t groups[32];
    unsigned group_count;
    bool keeps_capabilities, no_new_privileges;    /* PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS */
    struct capabilities capabilities;
};
/* Of the kernel itself. */
#define CREDENTIALS_OF_ROOT { .capabilities = CAPABILITIES_OF_ROOT }

static inline bool credentials_can(const struct credentials *who, enum capability capability)
{
    return (who->capabilities.effective & CAPABILITY_BIT(capability)) != 0;
}

/* Root, working directory and umask; shared by threads, protected by the owner process. */
struct fs_context {
    struct path root;
    struct path working_directory;
    uint32_t umask;
    struct credentials credentials;
};
