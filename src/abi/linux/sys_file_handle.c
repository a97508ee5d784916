/*
 * name_to_handle_at and open_by_handle_at: twelve bytes that stand for a file, whatever its name
 * becomes.
 *
 * As on Linux's tmpfs they are a generation and the number of the inode.  Numbers are not used
 * again, so the generation only tells filesystems apart.  A handle is good as long as a name that
 * it was made from is in the directory cache.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/open.h"
#include "lib/memory.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define HANDLE_SIZE_MAX 128u
#define HANDLE_TYPE 1
#define AT_HANDLE_ID 0x200u    /* a handle that is not to be opened will do */
struct linux_file_handle {
    uint32_t size;
    int32_t type;
};
LINUX_LAYOUT(struct linux_file_handle, 8);

struct handle {
    uint32_t generation, number_low, number_high;
};
LINUX_LAYOUT(struct handle, 12);

static struct handle handle_of(const struct name *name)
{
    return (struct handle){
        .generation = (uint32_t)name->filesystem->device,
        .number_low = (uint32_t)name->inode->number,
        .number_high = (uint32_t)(name->inode->number >> 32),
    };
}

/* What pipes and the like are called lies in a filesystem that they are not of. */
static bool has_handles(const struct inode *inode, const struct filesystem *filesystem)
{
    return inode->filesystem == filesystem && filesystem->gives_handles;
}

/* ---- From a name --------------------------------------------------------------------------- */

static int put_handle(const struct path *path, user_address address, user_address mount_address)
{
    struct linux_file_handle header;
    struct handle handle;
    int32_t mount_id;
    int error = 0;

    if (!path->name || !has_handles(path_inode(path), path->name->filesystem))
        return -EOPNOTSUPP;
    if (user_copy_in(current_space(), &header, address, sizeof(header)) != 0)
        return -EFAULT;
    if (header.size > HANDLE_SIZE_MAX)
        return -EINVAL;
    mount_id = (int32_t)path->mount->id;
    if (header.size < sizeof(handle))
        error = -EOVERFLOW;    /* says how much room it takes */
    header = (struct linux_file_handle){ sizeof(handle), error ? 255 : HANDLE_TYPE };
    handle = handle_of(path->name);
    if (user_copy_out(current_space(), mount_address, &mount_id, sizeof(mount_id)) != 0 ||
        user_copy_out(current_space(), address, &header, sizeof(header)) != 0)
        return -EFAULT;
    if (error)
        return error;
    name_note_handle(path->name);
    return user_copy_out(current_space(), address + sizeof(header), &handle, sizeof(handle));
}

int64_t sys_name_to_handle_at(int32_t directory, user_address path_address, user_address handle,
                              user_address mount, int32_t flags)
{
    uint32_t known = AT_FOLLOW | AT_EMPTY | AT_HANDLE_ID;
    struct file_name name;
    struct path path;
    int error;

    if ((uint32_t)flags & ~known)
        return -EINVAL;
    error = file_name_open(&name, directory, path_address, ((uint32_t)flags & AT_EMPTY) != 0);
    if (error)
        return error;
    error = file_name_walk(&name, (uint32_t)flags & AT_FOLLOW ? LOOKUP_FOLLOW : 0, &path);
    if (!error) {
        error = put_handle(&path, handle, mount);
        path_release(&path);
    }
    file_name_close(&name);
    return error;
}

/* ---- Back to a file ------------------------------------------------------------------------ */

/* A handle of another kind is one that stands for nothing. */
static int get_handle(user_address address, struct handle *handle)
{
    uint8_t bytes[HANDLE_SIZE_MAX] = { 0 };
    struct linux_file_handle header;

    if (user_copy_in(current_space(), &header, address, sizeof(header)) != 0)
        return -EFAULT;
    if (header.size > HANDLE_SIZE_MAX || header.size == 0 || header.type < 0)
        return -EINVAL;
    if (user_copy_in(current_space(), bytes, address + sizeof(header), header.size) != 0)
        return -EFAULT;
    *handle = (struct handle){ 0 };
    if (header.size >= sizeof(*handle))
        memcpy(handle, bytes, sizeof(*handle));
    return 0;
}

/* The mount that a descriptor lies on, with a reference; NULL: on none that has handles. */
static int get_mount(int32_t fd, const struct fs_context *context, struct mount **mount)
{
    struct file *file = NULL;
    int error = fd == AT_WORKING_DIRECTORY ? 0 : fd_get(fd, &file);

    if (error)
        return error;
    *mount = file ? file->path.mount : context->working_directory.mount;
    if (file && *mount && !has_handles(file->inode, (*mount)->filesystem))
        *mount = NULL;
    if (*mount)
        mount_reference(*mount);
    if (file)
        file_release(file);
    return 0;
}

static int find_name(const struct mount *mount, const struct handle *handle, struct name **name)
{
    uint64_t number = (uint64_t)handle->number_high << 32 | handle->number_low;

    if (!mount || !mount->filesystem->gives_handles ||
        handle->generation != (uint32_t)mount->filesystem->device)
        return -ESTALE;
    *name = name_find_by_inode(mount->filesystem, number);
    return *name ? 0 : -ESTALE;
}

static int open_name(const struct fs_context *context, const struct path *path, uint32_t flags,
                     struct file **file)
{
    const struct open_request request = {
        .start = path,
        .path = "",
        .flags = (flags & ~(OPEN_CREATE | OPEN_EXCLUSIVE)) |
                 (flags & OPEN_PATH ? 0 : OPEN_LARGEFILE),
        .resolve = LOOKUP_EMPTY_PATH,
    };

    if ((flags & OPEN_CREATE) && (flags & OPEN_EXCLUSIVE))
        return -EEXIST;
    if ((flags & OPEN_CREATE) && inode_is_directory(path_inode(path)))
        return -EISDIR;
    return file_open(context, &request, file);
}

static int64_t open_handle(const struct fs_context *context, struct mount *mount,
                           const struct handle *handle, uint32_t flags)
{
    struct path path = { .mount = mount };
    struct file *file;
    int error;

    if (!credentials_can(&context->credentials, CAPABILITY_FILE_SEARCH))
        return -EPERM;
    error = find_name(mount, handle, &path.name);
    if (error)
        return error;
    error = open_name(context, &path, flags, &file);
    name_release(path.name);
    return error ? error : fd_install(file, (flags & OPEN_CLOSE_ON_EXEC) != 0);
}

int64_t sys_open_by_handle_at(int32_t mount_fd, user_address address, uint32_t flags)
{
    struct fs_context context;
    struct handle handle;
    struct mount *mount;
    int64_t result = get_handle(address, &handle);

    if (result)
        return result;
    fs_context_of_process(&context);
    result = get_mount(mount_fd, &context, &mount);
    if (!result) {
        result = open_handle(&context, mount, &handle, flags);
        if (mount)
            mount_release(mount);
    }
    fs_context_release(&context);
    return result;
}
