/* System calls on directories: getdents and the working directory. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/file_structures.h"
#include "abi/linux/syscalls.h"
#include "config.h"
#include "fs/inode.h"
#include "fs/read_write.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/places.h"
#include "process/process.h"
#include "signal/signal.h"

/* ---- getdents ------------------------------------------------------------------------------ */

#define ENTRY_SIZE_MAX 288u    /* header, NAME_MAX bytes, NUL, type, rounded up to 8 */

_Static_assert(sizeof(struct linux_dirent64) + NAME_MAX + 2 + 7 <= ENTRY_SIZE_MAX, "an entry fits");

/* Entries on their way to the program. */
struct listing {
    user_address target;
    uint64_t size;       /* room there */
    uint64_t done;
    int error;           /* why it ended, if not for the end of the directory */
    bool is_old;         /* getdents: another header, the type behind the name */
};

/* Both lay an entry out (`bytes` is zero) and return its size. */
static size_t format_entry(const struct directory_entry *entry, uint8_t *bytes)
{
    const size_t header = offsetof(struct linux_dirent64, name);
    size_t size = round_up(header + entry->length + 1, 8);
    const struct linux_dirent64 fixed = {
        .inode = entry->inode, .next = entry->next, .size = (uint16_t)size, .type = entry->type,
    };

    memcpy(bytes, &fixed, header);
    memcpy(bytes + header, entry->name, entry->length);
    return size;
}

static size_t format_old_entry(const struct directory_entry *entry, uint8_t *bytes)
{
    const size_t header = offsetof(struct linux_dirent, name);
    size_t size = round_up(header + entry->length + 2, 8);
    const struct linux_dirent fixed = {
        .inode = entry->inode, .next = entry->next, .size = (uint16_t)size,
    };

    memcpy(bytes, &fixed, header);
    memcpy(bytes + header, entry->name, entry->length);
    bytes[size - 1] = entry->type;
    return size;
}

static int add_entry(void *context, const struct directory_entry *entry)
{
    struct listing *listing = context;
    uint8_t bytes[ENTRY_SIZE_MAX] = { 0 };
    size_t size;

    if (entry->length > NAME_MAX) {
        listing->error = -EIO;
        return 1;
    }
    size = listing->is_old ? format_old_entry(entry, bytes) : format_entry(entry, bytes);
    if (size > listing->size - listing->done)
        listing->error = -EINVAL;
    else if (listing->done > 0 && signal_is_pending())
        listing->error = -EINTR;
    else
        listing->error = user_copy_out(current_space(), listing->target + listing->done, bytes,
                                       size);
    if (!listing->error)
        listing->done += size;
    return listing->error != 0;
}

static int64_t list(int32_t fd, struct listing *listing)
{
    struct file *file;
    int error = fd_get(fd, &file);

    if (error)
        return error;
    error = file_read_directory(file, add_entry, listing);
    file_release(file);
    if (listing->done > 0)
        return (int64_t)listing->done;
    return error ? error : listing->error;
}

int64_t sys_getdents64(int32_t fd, user_address entries, uint32_t size)
{
    return list(fd, &(struct listing){ .target = entries, .size = size });
}

int64_t sys_getdents(int32_t fd, user_address entries, uint32_t size)
{
    return list(fd, &(struct listing){ .target = entries, .size = size, .is_old = true });
}

/* ---- The working directory ----------------------------------------------------------------- */

int64_t sys_getcwd(user_address buffer, uint64_t size)
{
    struct page *page = page_allocate(PAGE_DIRTY);
    struct fs_context context;
    int64_t length;

    if (!page)
        return -ENOMEM;
    fs_context_of_process(&context);
    length = path_working_directory(&context, page_data(page), PATH_MAX);
    fs_context_release(&context);
    if (length == -ERANGE)
        length = -ENAMETOOLONG;
    if (length >= 0) {
        length++;    /* the NUL counts */
        if ((uint64_t)length > size)
            length = -ERANGE;
        else if (user_copy_out(current_space(), buffer, page_data(page), (size_t)length) != 0)
            length = -EFAULT;
    }
    page_release(page);
    return length;
}

/* Goes there if that is allowed; takes a reference of its own. */
static int change_directory(const struct fs_context *context, const struct path *path)
{
    int error = inode_is_directory(path_inode(path)) ? 0 : -ENOTDIR;

    if (!error)
        error = inode_permission(path_inode(path), &context->credentials, PERMISSION_EXECUTE);
    if (error)
        return error;
    path_reference(path);
    places_set_working_directory(current_places(), path);
    return 0;
}

int64_t sys_chdir(user_address path_address)
{
    struct file_name name;
    struct path path;
    int error = file_name_open(&name, AT_WORKING_DIRECTORY, path_address, false);

    if (error)
        return error;
    error = file_name_walk(&name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
    if (!error) {
        error = change_directory(&name.context, &path);
        path_release(&path);
    }
    file_name_close(&name);
    return error;
}

int64_t sys_fchdir(int32_t fd)
{
    struct fs_context context;
    struct file *file;
    int error = fd_get_any(fd, &file);

    if (error)
        return error;
    fs_context_of_process(&context);
    error = file->path.name ? change_directory(&context, &file->path) : -ENOTDIR;
    fs_context_release(&context);
    file_release(file);
    return error;
}
