/*
 * System calls that change names: mkdir, mknod, rmdir, unlink, symlink, link, rename.
 *
 * With two names Linux looks at the first one completely (but for its last component) before an
 * error of the second counts, even one of copying its text.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/names.h"
#include "process/process.h"

/* ---- One name ------------------------------------------------------------------------------ */

int64_t sys_mkdirat(int32_t directory, user_address path, uint32_t mode)
{
    struct file_name name;
    int error = file_name_open(&name, directory, path, false);

    if (error)
        return error;
    error = fs_make_directory(&name.context, file_name_start(&name), name.text, mode);
    file_name_close(&name);
    return error;
}

int64_t sys_mkdir(user_address path, uint32_t mode)
{
    return sys_mkdirat(AT_WORKING_DIRECTORY, path, mode);
}

static int check_node_type(uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case 0:
    case MODE_REGULAR:
    case MODE_CHARACTER:
    case MODE_BLOCK:
    case MODE_FIFO:
    case MODE_SOCKET:
        return 0;
    case MODE_DIRECTORY:
        return -EPERM;
    }
    return -EINVAL;
}

int64_t sys_mknodat(int32_t directory, user_address path, uint32_t mode, uint32_t device)
{
    struct file_name name;
    int error = check_node_type(mode);

    if (!error)
        error = file_name_open(&name, directory, path, false);
    if (error)
        return error;

    const struct node_request request = {
        .start = file_name_start(&name), .text = name.text, .mode = mode, .device_id = device,
    };

    error = fs_make_node(&name.context, &request);
    file_name_close(&name);
    return error;
}

int64_t sys_mknod(user_address path, uint32_t mode, uint32_t device)
{
    return sys_mknodat(AT_WORKING_DIRECTORY, path, mode, device);
}

int64_t sys_unlinkat(int32_t directory, user_address path, uint32_t flags)
{
    struct file_name name;
    int error = flags & ~AT_REMOVE_DIRECTORY ? -EINVAL
                                             : file_name_open(&name, directory, path, false);

    if (error)
        return error;
    if (flags & AT_REMOVE_DIRECTORY)
        error = fs_remove_directory(&name.context, file_name_start(&name), name.text);
    else
        error = fs_unlink(&name.context, file_name_start(&name), name.text);
    file_name_close(&name);
    return error;
}

int64_t sys_unlink(user_address path)
{
    return sys_unlinkat(AT_WORKING_DIRECTORY, path, 0);
}

int64_t sys_rmdir(user_address path)
{
    return sys_unlinkat(AT_WORKING_DIRECTORY, path, AT_REMOVE_DIRECTORY);
}

/* ---- Two names ----------------------------------------------------------------------------- */

int64_t sys_symlinkat(user_address target, int32_t directory, user_address path)
{
    struct file_name target_name, name;
    int error = file_name_open(&target_name, AT_WORKING_DIRECTORY, target, false);

    if (error)
        return error;
    error = file_name_open(&name, directory, path, false);
    if (!error) {
        error = fs_symlink(&name.context, target_name.text, file_name_start(&name), name.text);
        file_name_close(&name);
    }
    file_name_close(&target_name);
    return error;
}

int64_t sys_symlink(user_address target, user_address path)
{
    return sys_symlinkat(target, AT_WORKING_DIRECTORY, path);
}

/* Only root may give a name to what it knows by a descriptor alone. */
static bool may_link_descriptor(const struct file_name *name)
{
    return name->text[0] != '\0' ||
           credentials_can(&name->context.credentials, CAPABILITY_FILE_SEARCH);
}

/* `old` has been walked. */
static int link_to(const struct file_name *old_name, const struct path *old, int32_t directory,
                   user_address path)
{
    struct file_name name;
    int error = file_name_open(&name, directory, path, false);

    if (error)
        return error;
    if (!old->name)
        error = -EXDEV;    /* a file without a path */
    else
        error = fs_link(&old_name->context, old, file_name_start(&name), name.text);
    file_name_close(&name);
    return error;
}

int64_t sys_linkat(int32_t old_directory, user_address old_path, int32_t new_directory,
                   user_address new_path, uint32_t flags)
{
    uint32_t lookup = flags & AT_FOLLOW ? LOOKUP_FOLLOW : 0;
    struct file_name old_name;
    struct path old;
    int error;

    if (flags & ~(AT_FOLLOW | AT_EMPTY))
        return -EINVAL;
    error = file_name_open(&old_name, old_directory, old_path, flags & AT_EMPTY);
    if (error)
        return error;
    error = may_link_descriptor(&old_name) ? file_name_walk(&old_name, lookup, &old) : -ENOENT;
    if (!error) {
        error = link_to(&old_name, &old, new_directory, new_path);
        path_release(&old);
    }
    file_name_close(&old_name);
    return error;
}

int64_t sys_link(user_address old_path, user_address new_path)
{
    return sys_linkat(AT_WORKING_DIRECTORY, old_path, AT_WORKING_DIRECTORY, new_path, 0);
}

/* The second name is bad; but what is wrong with the first one comes first. */
static int prefer_error_of(const struct file_name *name, int error)
{
    struct path_parent parent;
    int first = path_walk_parent(&name->context, file_name_start(name), name->text, 0, &parent);

    if (first)
        return first;
    path_parent_release(&parent);
    return error;
}

static int rename_to(const struct file_name *old_name, int32_t directory, user_address path,
                     uint32_t flags)
{
    struct file_name name;
    int error = file_name_open(&name, directory, path, false);

    if (error)
        return prefer_error_of(old_name, error);

    const struct rename_request request = {
        .old_start = file_name_start(old_name), .old_text = old_name->text,
        .new_start = file_name_start(&name), .new_text = name.text,
        .flags = flags,
    };

    error = fs_rename(&old_name->context, &request);
    file_name_close(&name);
    return error;
}

int64_t sys_renameat2(int32_t old_directory, user_address old_path, int32_t new_directory,
                      user_address new_path, uint32_t flags)
{
    struct file_name old_name;
    int error;

    if (flags & ~(uint32_t)(RENAME_NO_REPLACE | RENAME_SWAP | RENAME_LEAVE_WHITEOUT))
        return -EINVAL;
    if ((flags & RENAME_SWAP) && (flags & (RENAME_NO_REPLACE | RENAME_LEAVE_WHITEOUT)))
        return -EINVAL;
    error = file_name_open(&old_name, old_directory, old_path, false);
    if (error)
        return error;
    error = rename_to(&old_name, new_directory, new_path, flags);
    file_name_close(&old_name);
    return error;
}

int64_t sys_renameat(int32_t old_directory, user_address old_path, int32_t new_directory,
                     user_address new_path)
{
    return sys_renameat2(old_directory, old_path, new_directory, new_path, 0);
}

int64_t sys_rename(user_address old_path, user_address new_path)
{
    return sys_renameat2(AT_WORKING_DIRECTORY, old_path, AT_WORKING_DIRECTORY, new_path, 0);
}
