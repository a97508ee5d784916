/*
 * Extended attributes of files: none of the filesystems keeps any, so after Linux's checks there
 * is nothing to find, and nothing can be set.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define NAME_SIZE 256u            /* with the NUL */
#define VALUE_SIZE_MAX 65536u
#define CREATE_ONLY 1
#define REPLACE_ONLY 2

struct question {
    bool is_change;
    bool is_user;     /* of the names that only files and directories may have */
    int answer;       /* where nothing is in the way */
};

/* -EFAULT; -ERANGE: empty or too long. */
static int read_name(user_address address, struct question *question)
{
    char name[NAME_SIZE];
    int64_t length = user_copy_string(current_space(), name, address, sizeof(name));

    if (length == -EFAULT)
        return -EFAULT;
    if (length <= 0)
        return -ERANGE;
    question->is_user = text_starts_with(name, "user.");
    return 0;
}

static int answer(const struct question *question, const struct mount *mount,
                  const struct inode *inode)
{
    uint32_t type = inode_type(inode);

    if (question->is_change && mount_is_read_only(mount))
        return -EROFS;
    if (question->is_user && type != MODE_REGULAR && type != MODE_DIRECTORY)
        return question->is_change ? -EPERM : -ENODATA;
    return question->answer;
}

static int64_t by_path(user_address text, bool follow, const struct question *question)
{
    struct file_name name;
    struct path path;
    int error = file_name_open(&name, AT_WORKING_DIRECTORY, text, false);

    if (error)
        return error;
    error = file_name_walk(&name, follow ? LOOKUP_FOLLOW : 0, &path);
    if (!error) {
        error = answer(question, path.mount, path_inode(&path));
        path_release(&path);
    }
    file_name_close(&name);
    return error;
}

static int64_t by_fd(int32_t fd, const struct question *question)
{
    struct file *file;
    int error = fd_get(fd, &file);

    if (error)
        return error;
    error = answer(question, file->path.mount, file->inode);
    file_release(file);
    return error;
}

/* The value is read before the file is looked for. */
static int check_set(user_address name, user_address value, uint64_t size, int32_t flags,
                     struct question *question)
{
    int error;
    void *copy;

    *question = (struct question){ .is_change = true, .answer = -EOPNOTSUPP };

    if (flags & ~(CREATE_ONLY | REPLACE_ONLY))
        return -EINVAL;
    error = read_name(name, question);
    if (error || size == 0)
        return error;
    if (size > VALUE_SIZE_MAX)
        return -E2BIG;
    copy = memory_allocate(size);
    if (!copy)
        return -ENOMEM;
    error = user_copy_in(current_space(), copy, value, size);
    memory_free(copy, size);
    return error;
}

int64_t sys_setxattr(user_address path, user_address name, user_address value, uint64_t size,
                     int32_t flags)
{
    struct question question;
    int error = check_set(name, value, size, flags, &question);

    return error ? error : by_path(path, true, &question);
}

int64_t sys_lsetxattr(user_address path, user_address name, user_address value, uint64_t size,
                      int32_t flags)
{
    struct question question;
    int error = check_set(name, value, size, flags, &question);

    return error ? error : by_path(path, false, &question);
}

int64_t sys_fsetxattr(int32_t fd, user_address name, user_address value, uint64_t size,
                      int32_t flags)
{
    struct question question;
    int error = check_set(name, value, size, flags, &question);

    return error ? error : by_fd(fd, &question);
}

int64_t sys_getxattr(user_address path, user_address name, user_address value, uint64_t size)
{
    struct question question = { .answer = -EOPNOTSUPP };
    int error = read_name(name, &question);

    (void)value;
    (void)size;
    return error ? error : by_path(path, true, &question);
}

int64_t sys_lgetxattr(user_address path, user_address name, user_address value, uint64_t size)
{
    struct question question = { .answer = -EOPNOTSUPP };
    int error = read_name(name, &question);

    (void)value;
    (void)size;
    return error ? error : by_path(path, false, &question);
}

int64_t sys_fgetxattr(int32_t fd, user_address name, user_address value, uint64_t size)
{
    struct question question = { .answer = -EOPNOTSUPP };
    int error = read_name(name, &question);

    (void)value;
    (void)size;
    return error ? error : by_fd(fd, &question);
}

int64_t sys_listxattr(user_address path, user_address list, uint64_t size)
{
    const struct question question = { .answer = 0 };

    (void)list;
    (void)size;
    return by_path(path, true, &question);
}

int64_t sys_llistxattr(user_address path, user_address list, uint64_t size)
{
    const struct question question = { .answer = 0 };

    (void)list;
    (void)size;
    return by_path(path, false, &question);
}

int64_t sys_flistxattr(int32_t fd, user_address list, uint64_t size)
{
    const struct question question = { .answer = 0 };

    (void)list;
    (void)size;
    return by_fd(fd, &question);
}

int64_t sys_removexattr(user_address path, user_address name)
{
    struct question question = { .is_change = true, .answer = -EOPNOTSUPP };
    int error = read_name(name, &question);

    return error ? error : by_path(path, true, &question);
}

int64_t sys_lremovexattr(user_address path, user_address name)
{
    struct question question = { .is_change = true, .answer = -EOPNOTSUPP };
    int error = read_name(name, &question);

    return error ? error : by_path(path, false, &question);
}

int64_t sys_fremovexattr(int32_t fd, user_address name)
{
    struct question question = { .is_change = true, .answer = -EOPNOTSUPP };
    int error = read_name(name, &question);

    return error ? error : by_fd(fd, &question);
}
