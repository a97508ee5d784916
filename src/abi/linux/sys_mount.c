/*
 * System calls about what is mounted where, and where the root is.
 *
 * Mounts of different namespaces know nothing of each other, so marking them private, shared or
 * slave changes nothing.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "config.h"
#include "fs/devfs.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/tmpfs.h"
#include "lib/text.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/namespace_file.h"
#include "process/namespaces.h"
#include "process/places.h"
#include "process/process.h"
#include "procfs/procfs.h"
#include "tty/devpts.h"

#define MAGIC 0xc0ed0000u       /* in front of the flags of old programs */
#define MAGIC_MASK 0xffff0000u
#define FLAG_READ_ONLY 0x1u
#define FLAG_NO_SET_ID 0x2u
#define FLAG_NO_DEVICES 0x4u
#define FLAG_NO_PROGRAMS 0x8u
#define FLAG_REMOUNT 0x20u
#define FLAG_BIND 0x1000u
#define FLAG_MOVE 0x2000u
#define FLAG_RECURSIVE 0x4000u
#define FLAG_SILENT 0x8000u
#define FLAG_UNBINDABLE 0x20000u
#define FLAG_PRIVATE 0x40000u
#define FLAG_SLAVE 0x80000u
#define FLAG_SHARED 0x100000u
#define FLAGS_OF_PROPAGATION (FLAG_UNBINDABLE | FLAG_PRIVATE | FLAG_SLAVE | FLAG_SHARED)

#define UNMOUNT_FORCE 1
#define UNMOUNT_DETACH 2
#define UNMOUNT_EXPIRE 4
#define UNMOUNT_NO_FOLLOW 8

/* The texts of a mount call, one page each or NULL, and what it acts on. */
struct mounting {
    char *type, *source, *options;
    uint32_t flags;                /* as the program gave them, without the magic */
    struct file_name name;         /* of the target */
    const struct fs_context *context;
    struct path target;
};

/* ---- Arguments ----------------------------------------------------------------------------- */

static void free_text(char *text)
{
    if (text)
        memory_free(text, PATH_MAX);
}

/* NULL for a NULL.  -EFAULT, -EINVAL (too long), -ENOMEM. */
static int copy_text(user_address address, char **text)
{
    int64_t length;

    *text = NULL;
    if (!address)
        return 0;
    *text = memory_allocate(PATH_MAX);
    if (!*text)
        return -ENOMEM;
    length = user_copy_string(current_space(), *text, address, PATH_MAX);
    return length == -ENAMETOOLONG ? -EINVAL : length < 0 ? (int)length : 0;
}

/* As much as there is of a page; nothing of it: -EFAULT. */
static int copy_options(user_address address, char **text)
{
    *text = NULL;
    if (!address)
        return 0;
    *text = memory_allocate(PATH_MAX);
    if (!*text)
        return -ENOMEM;
    return user_copy_in_partial(current_space(), *text, address, PATH_MAX - 1) ? 0 : -EFAULT;
}

static uint32_t mount_flags(uint32_t flags)
{
    return (flags & FLAG_READ_ONLY ? MOUNT_READ_ONLY : 0) |
           (flags & FLAG_NO_SET_ID ? MOUNT_NO_SET_ID : 0) |
           (flags & FLAG_NO_DEVICES ? MOUNT_NO_DEVICES : 0) |
           (flags & FLAG_NO_PROGRAMS ? MOUNT_NO_PROGRAMS : 0);
}

/* ---- New filesystems ----------------------------------------------------------------------- */

struct tmpfs_options {
    uint32_t mode, user_id, group_id;
    uint64_t pages, files;    /* 0 pages: as many as the rule is */
    bool limits_files;
};

static int parse_octal(const char *text, uint32_t *value)
{
    uint32_t result = 0;

    if (!*text)
        return -EINVAL;
    for (; *text >= '0' && *text <= '7' && result < 010000; text++)
        result = result * 8 + (uint32_t)(*text - '0');
    *value = result;
    return *text ? -EINVAL : 0;
}

static int parse_size(char *text, uint64_t *pages)
{
    size_t length = text_length(text);
    uint64_t value;
    int error;

    if (length > 0 && text[length - 1] == '%') {
        text[length - 1] = '\0';
        error = text_parse_number(text, &value);
        *pages = error || value > 100 ? 0 : page_statistics().total / 100 * value;
        return error;
    }
    error = text_parse_size(text, &value);
    *pages = (value + PAGE_SIZE - 1) / PAGE_SIZE;
    return error;
}

/* One of "name" and "name=value". */
static int parse_tmpfs_option(char *option, void *context)
{
    struct tmpfs_options *options = context;
    char *equals = (char *)(uintptr_t)text_find(option, '=');
    char *value = equals ? equals + 1 : option + text_length(option);
    uint64_t number = 0;
    int error = 0;

    if (equals)
        *equals = '\0';
    if (text_equal(option, "mode"))
        return parse_octal(value, &options->mode);
    if (text_equal(option, "size"))
        return parse_size(value, &options->pages);
    if (text_equal(option, "nr_blocks"))
        return text_parse_size(value, &options->pages);
    options->limits_files |= text_equal(option, "nr_inodes");
    if (text_equal(option, "nr_inodes"))
        return text_parse_size(value, &options->files);
    if (!text_equal(option, "uid") && !text_equal(option, "gid"))
        return -EINVAL;
    error = text_parse_number(value, &number);
    if (!error && number >= UINT32_MAX)
        error = -EINVAL;
    *(option[0] == 'u' ? &options->user_id : &options->group_id) = (uint32_t)number;
    return error;
}

/* Each of those that commas part, with what `parse` makes of it. */
static int parse_options(char *text, int (*parse)(char *option, void *options), void *options)
{
    while (text && *text) {
        char *end = (char *)(uintptr_t)text_find(text, ',');
        int error;

        if (end)
            *end = '\0';
        error = *text ? parse(text, options) : 0;
        if (error)
            return -EINVAL;
        text = end ? end + 1 : NULL;
    }
    return 0;
}

/* Only there may it change anything. */
static bool is_in_own_space(const struct path *path)
{
    return mount_is_in(path->mount, current_namespace(NAMESPACE_MOUNTS)->number);
}

static int make_tmpfs(struct mounting *mounting, struct filesystem **filesystem)
{
    const struct credentials *who = &mounting->context->credentials;
    struct tmpfs_options options = {
        .mode = 01777, .user_id = who->file_user_id, .group_id = who->file_group_id,
    };
    int error = parse_options(mounting->options, parse_tmpfs_option, &options);

    if (!error)
        error = tmpfs_create(options.mode, options.pages, filesystem);
    if (error)
        return error;
    if (options.limits_files)
        tmpfs_limit_files(*filesystem, options.files > 0 ? options.files : UINT64_MAX);
    (*filesystem)->root->user_id = options.user_id;
    (*filesystem)->root->group_id = options.group_id;
    return 0;
}

static int parse_hiding(const char *value, enum proc_hiding *hiding)
{
    static const struct {
        const char *number, *name;
        enum proc_hiding hiding;
    } words[] = {
        { "0", "off", PROC_HIDES_NOTHING }, { "1", "noaccess", PROC_HIDES_CONTENTS },
        { "2", "invisible", PROC_HIDES_PROCESSES }, { "4", "ptraceable", PROC_HIDES_ALL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!text_equal(value, words[i].number) && !text_equal(value, words[i].name))
            continue;
        *hiding = words[i].hiding;
        return 0;
    }
    return -EINVAL;
}

static int parse_proc_option(char *option, void *context)
{
    struct proc_options *options = context;
    uint64_t number;

    if (text_starts_with(option, "hidepid="))
        return parse_hiding(option + text_length("hidepid="), &options->hiding);
    if (text_starts_with(option, "gid=") &&
        text_parse_number(option + text_length("gid="), &number) == 0 && number < UINT32_MAX) {
        options->group_id = (uint32_t)number;
        return 0;
    }
    if (!text_equal(option, "subset=pid"))
        return -EINVAL;
    options->shows_only_processes = true;
    return 0;
}

static int make_proc(struct mounting *mounting, struct filesystem **filesystem)
{
    struct proc_options options = { .hiding = PROC_HIDES_NOTHING };
    int error = parse_options(mounting->options, parse_proc_option, &options);

    return error ? error : procfs_create(&options, filesystem);
}

static int make_filesystem(struct mounting *mounting, struct filesystem **filesystem)
{
    static const struct {
        const char *name;
        int (*create)(struct filesystem **filesystem);
    } types[] = {
        { "sysfs", sysfs_create }, { "devtmpfs", devfs_create }, { "devpts", devpts_create },
    };

    if (text_equal(mounting->type, "tmpfs") || text_equal(mounting->type, "ramfs"))
        return make_tmpfs(mounting, filesystem);
    if (text_equal(mounting->type, "proc"))
        return make_proc(mounting, filesystem);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (text_equal(mounting->type, types[i].name))
            return types[i].create(filesystem);
    }
    return -ENODEV;
}

static int mount_new(struct mounting *mounting)
{
    struct mount_request request = {
        .at = &mounting->target, .flags = mount_flags(mounting->flags),
        .source = mounting->source ? mounting->source : "none",
    };
    struct mount *mount;
    int error;

    if (!mounting->type)
        return -EINVAL;
    error = make_filesystem(mounting, &request.filesystem);
    if (error)
        return error;
    error = is_in_own_space(request.at) ? mount_add_as(&request, &mount) : -EINVAL;
    if (!error)
        mount_release(mount);
    filesystem_release(request.filesystem);
    return error;
}

/* ---- mount --------------------------------------------------------------------------------- */

static int mount_old(struct mounting *mounting)
{
    struct path source;
    int error;

    if (!mounting->source || !*mounting->source)
        return -EINVAL;
    error = path_walk(mounting->context, NULL, mounting->source, LOOKUP_FOLLOW, &source);
    if (error)
        return error;
    if (!is_in_own_space(&source) || !is_in_own_space(&mounting->target) ||
        !namespace_may_be_mounted(path_inode(&source)))
        error = -EINVAL;
    else if (mounting->flags & FLAG_BIND)
        error = mount_bind(&source, &mounting->target, mounting->flags & FLAG_RECURSIVE);
    else
        error = mount_move(&source, &mounting->target);
    path_release(&source);
    return error;
}

static int change_propagation(const struct mounting *mounting)
{
    uint32_t kind = mounting->flags & ~(FLAG_RECURSIVE | FLAG_SILENT);

    if (kind == FLAG_UNBINDABLE || (kind & (kind - 1)))
        return -EINVAL;
    return mounting->target.name == mounting->target.mount->root ? 0 : -EINVAL;
}

static int mount_by_flags(struct mounting *mounting)
{
    uint32_t flags = mounting->flags;

    if (flags & FLAG_REMOUNT)
        return is_in_own_space(&mounting->target)
                   ? mount_change_flags(&mounting->target, mount_flags(flags)) : -EINVAL;
    if (flags & FLAG_BIND)
        return mount_old(mounting);
    if (flags & FLAGS_OF_PROPAGATION)
        return change_propagation(mounting);
    return flags & FLAG_MOVE ? mount_old(mounting) : mount_new(mounting);
}

static int64_t mount_at(struct mounting *mounting, user_address target)
{
    int error = file_name_open(&mounting->name, AT_WORKING_DIRECTORY, target, false);

    if (error)
        return error;
    mounting->context = &mounting->name.context;
    error = file_name_walk(&mounting->name, LOOKUP_FOLLOW, &mounting->target);
    if (!error) {
        error = current_can(CAPABILITY_ADMINISTRATION) ? mount_by_flags(mounting) : -EPERM;
        path_release(&mounting->target);
    }
    file_name_close(&mounting->name);
    return error;
}

int64_t sys_mount(user_address source, user_address target, user_address type, uint64_t flags,
                  user_address data)
{
    struct mounting mounting = { .flags = (uint32_t)flags };
    int64_t result;

    if ((mounting.flags & MAGIC_MASK) == MAGIC)
        mounting.flags &= ~MAGIC_MASK;
    result = copy_text(type, &mounting.type);
    if (!result)
        result = copy_text(source, &mounting.source);
    if (!result)
        result = copy_options(data, &mounting.options);
    if (!result)
        result = mount_at(&mounting, target);
    free_text(mounting.type);
    free_text(mounting.source);
    free_text(mounting.options);
    return result;
}

/* ---- umount -------------------------------------------------------------------------------- */

static int unmount(const struct fs_context *context, const struct path *path, int32_t flags)
{
    struct mount *mount = path->mount;

    if (!current_can(CAPABILITY_ADMINISTRATION))
        return -EPERM;
    if (path->name != mount->root || !is_in_own_space(path))
        return -EINVAL;
    if (flags & UNMOUNT_EXPIRE) {
        if ((flags & (UNMOUNT_FORCE | UNMOUNT_DETACH)) || mount == context->root.mount)
            return -EINVAL;
        return mount_expire(mount);
    }
    if (flags & UNMOUNT_DETACH)
        return mount_detach(mount);
    return mount == context->root.mount ? -EBUSY : mount_remove(mount);
}

int64_t sys_umount2(user_address target, int32_t flags)
{
    struct file_name name;
    struct path path;
    int error;

    if (flags & ~(UNMOUNT_FORCE | UNMOUNT_DETACH | UNMOUNT_EXPIRE | UNMOUNT_NO_FOLLOW))
        return -EINVAL;
    error = file_name_open(&name, AT_WORKING_DIRECTORY, target, false);
    if (error)
        return error;
    error = file_name_walk(&name, flags & UNMOUNT_NO_FOLLOW ? 0 : LOOKUP_FOLLOW, &path);
    if (!error) {
        error = unmount(&name.context, &path, flags);
        path_release(&path);
    }
    file_name_close(&name);
    return error;
}

/* ---- Roots --------------------------------------------------------------------------------- */

int64_t sys_chroot(user_address path_address)
{
    struct file_name name;
    struct path path;
    int error = file_name_open(&name, AT_WORKING_DIRECTORY, path_address, false);

    if (error)
        return error;
    error = file_name_walk(&name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
    file_name_close(&name);
    if (error)
        return error;
    error = inode_permission(path_inode(&path), &name.context.credentials, PERMISSION_EXECUTE);
    if (!error && !current_can(CAPABILITY_CHROOT))
        error = -EPERM;
    if (error)
        path_release(&path);
    else
        places_set_root(current_places(), &path);
    return error;
}

static int64_t pivot(const struct file_name *new_name, const struct file_name *old_name)
{
    struct path new_root, old_root = { NULL, NULL };
    int error = file_name_walk(new_name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new_root);

    if (error)
        return error;
    error = file_name_walk(old_name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old_root);
    if (!error && (!is_in_own_space(&new_root) || !is_in_own_space(&new_name->context.root)))
        error = -EINVAL;
    if (!error)
        error = mount_pivot(&new_name->context.root, &new_root, &old_root);
    if (!error)
        places_replace(&new_name->context.root, &new_root);
    path_release(&new_root);
    path_release(&old_root);
    return error;
}

int64_t sys_pivot_root(user_address new_root, user_address old_root)
{
    struct file_name new_name, old_name;
    int64_t result;

    if (!current_can(CAPABILITY_ADMINISTRATION))
        return -EPERM;
    result = file_name_open(&new_name, AT_WORKING_DIRECTORY, new_root, false);
    if (result)
        return result;
    result = file_name_open(&old_name, AT_WORKING_DIRECTORY, old_root, false);
    if (!result) {
        result = pivot(&new_name, &old_name);
        file_name_close(&old_name);
    }
    file_name_close(&new_name);
    return result;
}
