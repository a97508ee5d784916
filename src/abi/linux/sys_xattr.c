/*
 * Extended attributes of files: the twelve calls are four, by a path, by a path whose last link is
 * not followed, and by a descriptor.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/extended.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/path.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define NAME_SIZE (EXTENDED_NAME_MAX + 1)

/* Which file. */
enum place { BY_PATH, BY_LINK, BY_FD };
struct file_choice {
    enum place place;
    user_address path;
    int32_t fd;
};
#define PATH_OF(path) ((struct file_choice){ BY_PATH, (path), 0 })
#define LINK_OF(path) ((struct file_choice){ BY_LINK, (path), 0 })
#define FILE_OF(fd) ((struct file_choice){ BY_FD, 0, (fd) })

/* What to do with it. */
enum action { SET, GET, LIST, REMOVE };
struct question {
    enum action action;
    char name[NAME_SIZE];
    void *bytes;             /* a value or the list, `size` of them */
    size_t size;
    uint32_t flags;          /* enum extended_flags */
};

/* -EFAULT; -ERANGE: empty or too long. */
static int read_name(user_address address, struct question *question)
{
    int64_t length = user_copy_string(current_space(), question->name, address, NAME_SIZE);

    if (length == -EFAULT)
        return -EFAULT;
    return length <= 0 ? -ERANGE : 0;
}

static int64_t answer(const struct question *question, struct mount *mount, struct inode *inode)
{
    const struct credentials credentials = current_credentials();
    const struct extended_request request = { &credentials, mount, inode, question->name };

    switch (question->action) {
    case SET:
        return extended_set(&request, question->bytes, question->size, question->flags);
    case GET:
        return extended_get(&request, question->bytes, question->size);
    case LIST:
        return extended_list(&request, question->bytes, question->size);
    case REMOVE:
        return extended_remove(&request);
    }
    UNREACHABLE();
}

static int64_t ask_path(const struct file_choice *choice, const struct question *question)
{
    struct file_name name;
    struct path path;
    int64_t result = file_name_open(&name, AT_WORKING_DIRECTORY, choice->path, false);

    if (result)
        return result;
    result = file_name_walk(&name, choice->place == BY_PATH ? LOOKUP_FOLLOW : 0, &path);
    if (!result) {
        result = answer(question, path.mount, path_inode(&path));
        path_release(&path);
    }
    file_name_close(&name);
    return result;
}

static int64_t ask(struct file_choice choice, const struct question *question)
{
    struct file *file;
    int64_t result;

    if (choice.place != BY_FD)
        return ask_path(&choice, question);
    result = fd_get(choice.fd, &file);
    if (result)
        return result;
    result = answer(question, file->path.mount, file->inode);
    file_release(file);
    return result;
}

/* ---- The four ------------------------------------------------------------------------------ */

static int copy_value(struct question *question, user_address value, uint64_t size)
{
    if (size > EXTENDED_VALUE_MAX)
        return -E2BIG;
    question->size = (size_t)size;
    if (size == 0)
        return 0;
    question->bytes = memory_allocate(question->size);
    if (!question->bytes)
        return -ENOMEM;
    return user_copy_in(current_space(), question->bytes, value, question->size);
}

/* The value is read before the file is looked for. */
static int64_t set(struct file_choice choice, user_address name, user_address value, uint64_t size,
                   int32_t flags)
{
    struct question question = { .action = SET, .flags = (uint32_t)flags };
    int64_t result;

    if (flags & ~(EXTENDED_CREATE | EXTENDED_REPLACE))
        return -EINVAL;
    result = read_name(name, &question);
    if (!result)
        result = copy_value(&question, value, size);
    if (!result)
        result = ask(choice, &question);
    if (question.bytes)
        memory_free(question.bytes, question.size);
    return result;
}

/* By way of a buffer of the kernel, as large as the answer may be. */
static int64_t read_out(struct file_choice choice, struct question *question, user_address target,
                        uint64_t size, size_t size_max)
{
    int64_t result;

    question->size = size < size_max ? (size_t)size : size_max;
    if (question->size > 0) {
        question->bytes = memory_allocate(question->size);
        if (!question->bytes)
            return -ENOMEM;
    }
    result = ask(choice, question);
    if (result > 0 && size > 0 &&
        user_copy_out(current_space(), target, question->bytes, (size_t)result) != 0)
        result = -EFAULT;
    if (result == -ERANGE && size >= size_max)
        result = -E2BIG;
    if (question->bytes)
        memory_free(question->bytes, question->size);
    return result;
}

static int64_t get(struct file_choice choice, user_address name, user_address value, uint64_t size)
{
    struct question question = { .action = GET };
    int error = read_name(name, &question);

    return error ? error : read_out(choice, &question, value, size, EXTENDED_VALUE_MAX);
}

static int64_t list(struct file_choice choice, user_address names, uint64_t size)
{
    struct question question = { .action = LIST };

    return read_out(choice, &question, names, size, EXTENDED_LIST_MAX);
}

static int64_t remove_name(struct file_choice choice, user_address name)
{
    struct question question = { .action = REMOVE };
    int error = read_name(name, &question);

    return error ? error : ask(choice, &question);
}

/* ---- The twelve ---------------------------------------------------------------------------- */

int64_t sys_setxattr(user_address path, user_address name, user_address value, uint64_t size,
                     int32_t flags)
{
    return set(PATH_OF(path), name, value, size, flags);
}

int64_t sys_lsetxattr(user_address path, user_address name, user_address value, uint64_t size,
                      int32_t flags)
{
    return set(LINK_OF(path), name, value, size, flags);
}

int64_t sys_fsetxattr(int32_t fd, user_address name, user_address value, uint64_t size,
                      int32_t flags)
{
    return set(FILE_OF(fd), name, value, size, flags);
}

int64_t sys_getxattr(user_address path, user_address name, user_address value, uint64_t size)
{
    return get(PATH_OF(path), name, value, size);
}

int64_t sys_lgetxattr(user_address path, user_address name, user_address value, uint64_t size)
{
    return get(LINK_OF(path), name, value, size);
}

int64_t sys_fgetxattr(int32_t fd, user_address name, user_address value, uint64_t size)
{
    return get(FILE_OF(fd), name, value, size);
}

int64_t sys_listxattr(user_address path, user_address names, uint64_t size)
{
    return list(PATH_OF(path), names, size);
}

int64_t sys_llistxattr(user_address path, user_address names, uint64_t size)
{
    return list(LINK_OF(path), names, size);
}

int64_t sys_flistxattr(int32_t fd, user_address names, uint64_t size)
{
    return list(FILE_OF(fd), names, size);
}

int64_t sys_removexattr(user_address path, user_address name)
{
    return remove_name(PATH_OF(path), name);
}

int64_t sys_lremovexattr(user_address path, user_address name)
{
    return remove_name(LINK_OF(path), name);
}

int64_t sys_fremovexattr(int32_t fd, user_address name)
{
    return remove_name(FILE_OF(fd), name);
}
