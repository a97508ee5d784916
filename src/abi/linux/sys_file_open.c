/* System calls that make and close descriptors: open and its kin, creat, memfd_create, close. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/file_structures.h"
#include "abi/linux/syscalls.h"
#include "fs/file_table.h"
#include "fs/open.h"
#include "fs/seal.h"
#include "fs/tmpfs.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define OPEN_TEMPORARY_ALONE (OPEN_TEMPORARY & ~OPEN_DIRECTORY)
#define OPEN_SYNC_ALONE (OPEN_SYNC & ~OPEN_DSYNC)
#define OPEN_KNOWN                                                                            \
    (OPEN_ACCESS_MODE | OPEN_CREATE | OPEN_EXCLUSIVE | OPEN_NO_TERMINAL | OPEN_TRUNCATE |     \
     OPEN_APPEND | OPEN_NONBLOCK | OPEN_SYNC_ALONE | OPEN_DSYNC | OPEN_ASYNC | OPEN_DIRECT |  \
     OPEN_LARGEFILE | OPEN_DIRECTORY | OPEN_NOFOLLOW | OPEN_NOATIME | OPEN_CLOSE_ON_EXEC |    \
     OPEN_PATH | OPEN_TEMPORARY_ALONE)
/* What OPEN_PATH leaves of the others. */
#define OPEN_WITH_PATH (OPEN_DIRECTORY | OPEN_NOFOLLOW | OPEN_PATH | OPEN_CLOSE_ON_EXEC)
#define MODE_ALL 07777u

/* openat2's resolve bits */
#define RESOLVE_NO_XDEV UINT64_C(0x01)
#define RESOLVE_NO_MAGICLINKS UINT64_C(0x02)
#define RESOLVE_NO_SYMLINKS UINT64_C(0x04)
#define RESOLVE_BENEATH UINT64_C(0x08)
#define RESOLVE_IN_ROOT UINT64_C(0x10)
#define RESOLVE_CACHED UINT64_C(0x20)
#define RESOLVE_KNOWN UINT64_C(0x3f)

#define MEMFD_CLOSE_ON_EXEC 0x01u
#define MEMFD_ALLOW_SEALING 0x02u
#define MEMFD_NOT_EXECUTABLE 0x08u
#define MEMFD_EXECUTABLE 0x10u
#define MEMFD_NAME_MAX 249u

/* ---- Opening ------------------------------------------------------------------------------- */

static bool creates(uint64_t flags)
{
    return (flags & (OPEN_CREATE | OPEN_TEMPORARY_ALONE)) != 0;
}

/* Linux's checks before it looks at anything else. */
static int check_open(const struct linux_open_how *how)
{
    uint64_t flags = how->flags;

    if ((flags & ~(uint64_t)OPEN_KNOWN) || (how->resolve & ~RESOLVE_KNOWN))
        return -EINVAL;
    if ((how->resolve & RESOLVE_BENEATH) && (how->resolve & RESOLVE_IN_ROOT))
        return -EINVAL;
    if (how->mode & ~(creates(flags) ? (uint64_t)MODE_ALL : 0))
        return -EINVAL;
    if ((flags & OPEN_DIRECTORY) && (flags & OPEN_CREATE))
        return -EINVAL;
    if (flags & OPEN_TEMPORARY_ALONE) {
        if (!(flags & OPEN_DIRECTORY) || (flags & OPEN_ACCESS_MODE) == OPEN_READ)
            return -EINVAL;
    }
    if ((flags & OPEN_PATH) && (flags & ~(uint64_t)OPEN_WITH_PATH))
        return -EINVAL;
    if (how->resolve & RESOLVE_CACHED)
        return -EAGAIN;    /* allowed at any time: "cannot be done without waiting" */
    return 0;
}

static uint32_t lookup_of_resolve(uint64_t resolve)
{
    uint32_t lookup = 0;

    lookup |= resolve & RESOLVE_NO_XDEV ? LOOKUP_NO_MOUNTS : 0;
    lookup |= resolve & RESOLVE_NO_MAGICLINKS ? LOOKUP_NO_MAGIC_LINKS : 0;
    lookup |= resolve & RESOLVE_NO_SYMLINKS ? LOOKUP_NO_SYMLINKS : 0;
    lookup |= resolve & RESOLVE_BENEATH ? LOOKUP_BENEATH : 0;
    lookup |= resolve & RESOLVE_IN_ROOT ? LOOKUP_IN_ROOT : 0;
    return lookup;
}

/* Like Linux, takes the descriptor before it opens: so EMFILE comes before what opening says. */
static int64_t open_name(const struct file_name *name, const struct linux_open_how *how)
{
    const struct open_request request = {
        .start = file_name_start(name),
        .path = name->text,
        .flags = (uint32_t)how->flags,
        .mode = (uint32_t)how->mode,
        .resolve = lookup_of_resolve(how->resolve),
    };
    struct file_table *files = current_files();
    struct file *file;
    int fd = file_table_reserve(files, 0, open_files_limit());

    if (fd < 0)
        return fd;

    int error = file_open(&name->context, &request, &file);

    if (error) {
        file_table_unreserve(files, fd);
        return error;
    }
    file_table_install(files, fd, file, how->flags & OPEN_CLOSE_ON_EXEC);
    return fd;
}

static int64_t open_checked(int32_t directory, user_address path, const struct linux_open_how *how)
{
    struct file_name name;
    int64_t result = check_open(how);

    if (!result)
        result = file_name_open(&name, directory, path, false);
    if (result)
        return result;
    result = open_name(&name, how);
    file_name_close(&name);
    return result;
}

int64_t sys_openat(int32_t directory, user_address path, uint32_t flags, uint32_t mode)
{
    struct linux_open_how how = { .flags = flags & OPEN_KNOWN, .mode = mode & MODE_ALL };

    if (flags & OPEN_PATH)
        how.flags &= OPEN_WITH_PATH;
    else
        how.flags |= OPEN_LARGEFILE;
    if (!creates(how.flags))
        how.mode = 0;
    return open_checked(directory, path, &how);
}

int64_t sys_open(user_address path, uint32_t flags, uint32_t mode)
{
    return sys_openat(AT_WORKING_DIRECTORY, path, flags, mode);
}

int64_t sys_creat(user_address path, uint32_t mode)
{
    return sys_openat(AT_WORKING_DIRECTORY, path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, mode);
}

/* A structure that grows with time: what we do not know of it must be zero. */
static int read_open_how(user_address source, uint64_t size, struct linux_open_how *how)
{
    uint8_t bytes[64];

    if (size < sizeof(*how))
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    for (uint64_t done = sizeof(*how); done < size; done += sizeof(bytes)) {
        uint64_t step = size - done < sizeof(bytes) ? size - done : sizeof(bytes);

        if (user_copy_in(current_space(), bytes, source + done, step) != 0)
            return -EFAULT;
        for (uint64_t i = 0; i < step; i++) {
            if (bytes[i] != 0)
                return -E2BIG;
        }
    }
    return user_copy_in(current_space(), how, source, sizeof(*how));
}

int64_t sys_openat2(int32_t directory, user_address path, user_address how_address, uint64_t size)
{
    struct linux_open_how how;
    int error = read_open_how(how_address, size, &how);

    return error ? error : open_checked(directory, path, &how);
}

/* ---- Files without a path ------------------------------------------------------------------ */

static uint32_t seals_of_memory_file(uint32_t flags)
{
    if (flags & MEMFD_NOT_EXECUTABLE)
        return SEAL_EXECUTE;
    return flags & MEMFD_ALLOW_SEALING ? 0 : SEAL_SEAL;
}

/* Sizes of huge pages stand in the upper flags; there are none here. */
int64_t sys_memfd_create(user_address name_address, uint32_t flags)
{
    const uint32_t known = MEMFD_CLOSE_ON_EXEC | MEMFD_ALLOW_SEALING | MEMFD_NOT_EXECUTABLE |
                           MEMFD_EXECUTABLE;
    char name[MEMFD_NAME_MAX + 1];
    struct fs_context context;
    struct file *file;
    int64_t result;

    if (flags & ~known)
        return -EINVAL;
    if ((flags & MEMFD_NOT_EXECUTABLE) && (flags & MEMFD_EXECUTABLE))
        return -EINVAL;
    result = user_copy_string(current_space(), name, name_address, sizeof(name));
    if (result < 0)
        return result == -ENAMETOOLONG ? -EINVAL : result;
    fs_context_of_process(&context);
    result = tmpfs_create_memory_file(&context.credentials, name, seals_of_memory_file(flags),
                                      &file);
    fs_context_release(&context);
    return result ? result : fd_install(file, flags & MEMFD_CLOSE_ON_EXEC);
}

/* ---- Closing ------------------------------------------------------------------------------- */

int64_t sys_close(int32_t fd)
{
    return file_table_close(current_files(), fd);
}

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_FLAG_ONLY 4u

int64_t sys_close_range(uint32_t first, uint32_t last, uint32_t flags)
{
    int error = 0;

    if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_FLAG_ONLY)) || first > last)
        return -EINVAL;
    if (flags & CLOSE_RANGE_UNSHARE)
        error = files_unshare();
    if (error)
        return error;
    if (flags & CLOSE_RANGE_FLAG_ONLY)
        file_table_set_flag_range(current_files(), first, last);
    else
        file_table_close_range(current_files(), first, last);
    return 0;
}
