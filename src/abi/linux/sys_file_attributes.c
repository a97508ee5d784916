/* System calls that change attributes of files: modes, owners, times, sizes; and the umask. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/file_structures.h"
#include "abi/linux/syscalls.h"
#include "fs/inode.h"
#include "fs/read_write.h"
#include "memory/user_memory.h"
#include "process/places.h"
#include "process/process.h"
#include "time/clock.h"

/* ---- One shape for all --------------------------------------------------------------------- */

/* What to do with the file once it is found. */
struct change {
    int (*apply)(const struct fs_context *context, const struct attribute_target *target,
                 const struct change *change);
    uint32_t mode;
    bool refuses_links;      /* -EOPNOTSUPP for a symbolic link */
    uint32_t user_id, group_id;
    const struct time_change *times;
};

static int change_path(int32_t directory, user_address path_address, uint32_t flags,
                       const struct change *change)
{
    struct attribute_target target;
    struct file_name name;
    struct path path;
    int error = file_name_open(&name, directory, path_address, flags & AT_EMPTY);

    if (error)
        return error;
    error = file_name_walk(&name, lookup_of(flags), &path);
    if (!error) {
        target = file_name_target(&name, &path);
        error = change->refuses_links && inode_type(target.inode) == MODE_LINK
                    ? -EOPNOTSUPP
                    : change->apply(&name.context, &target, change);
        path_release(&path);
    }
    file_name_close(&name);
    return error;
}

static int change_file(int32_t fd, const struct change *change)
{
    struct fs_context context;
    struct file *file;
    int error = fd_get(fd, &file);

    if (error)
        return error;

    const struct attribute_target target = {
        .mount = file->path.mount, .inode = file->inode, .name = file->path.name,
    };

    fs_context_of_process(&context);
    error = change->apply(&context, &target, change);
    fs_context_release(&context);
    file_release(file);
    return error;
}

/* ---- Modes --------------------------------------------------------------------------------- */

static int apply_mode(const struct fs_context *context, const struct attribute_target *target,
                      const struct change *change)
{
    return attributes_set_mode(context, target, change->mode);
}

int64_t sys_fchmodat2(int32_t directory, user_address path, uint32_t mode, uint32_t flags)
{
    const struct change change = {
        .apply = apply_mode, .mode = mode, .refuses_links = flags & AT_NO_FOLLOW,
    };

    if (flags & ~(AT_NO_FOLLOW | AT_EMPTY))
        return -EINVAL;
    return change_path(directory, path, flags, &change);
}

int64_t sys_fchmodat(int32_t directory, user_address path, uint32_t mode)
{
    return sys_fchmodat2(directory, path, mode, 0);
}

int64_t sys_chmod(user_address path, uint32_t mode)
{
    return sys_fchmodat2(AT_WORKING_DIRECTORY, path, mode, 0);
}

int64_t sys_fchmod(int32_t fd, uint32_t mode)
{
    return change_file(fd, &(struct change){ .apply = apply_mode, .mode = mode });
}

int64_t sys_umask(uint32_t mask)
{
    return places_set_umask(current_places(), mask & 0777);
}

/* ---- Owners -------------------------------------------------------------------------------- */

static int apply_owner(const struct fs_context *context, const struct attribute_target *target,
                       const struct change *change)
{
    return attributes_set_owner(context, target, change->user_id, change->group_id);
}

int64_t sys_fchownat(int32_t directory, user_address path, uint32_t user, uint32_t group,
                     uint32_t flags)
{
    const struct change change = { .apply = apply_owner, .user_id = user, .group_id = group };

    if (flags & ~(AT_NO_FOLLOW | AT_EMPTY))
        return -EINVAL;
    return change_path(directory, path, flags, &change);
}

int64_t sys_chown(user_address path, uint32_t user, uint32_t group)
{
    return sys_fchownat(AT_WORKING_DIRECTORY, path, user, group, 0);
}

int64_t sys_lchown(user_address path, uint32_t user, uint32_t group)
{
    return sys_fchownat(AT_WORKING_DIRECTORY, path, user, group, AT_NO_FOLLOW);
}

int64_t sys_fchown(int32_t fd, uint32_t user, uint32_t group)
{
    const struct change change = { .apply = apply_owner, .user_id = user, .group_id = group };

    return change_file(fd, &change);
}

/* ---- Times --------------------------------------------------------------------------------- */

#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe
#define SECONDS_LIMIT (INT64_MAX / (int64_t)NS_PER_SECOND - 1)

static bool is_valid_time(const struct linux_timespec *time)
{
    return time->nanoseconds == UTIME_NOW || time->nanoseconds == UTIME_OMIT ||
           (time->nanoseconds >= 0 && time->nanoseconds < (int64_t)NS_PER_SECOND);
}

static enum time_choice choice_of(const struct linux_timespec *time)
{
    if (time->nanoseconds == UTIME_NOW)
        return TIME_NOW;
    return time->nanoseconds == UTIME_OMIT ? TIME_OMIT : TIME_GIVEN;
}

/* Times that do not fit become the nearest that do, as on Linux. */
static int64_t ns_of(const struct linux_timespec *time)
{
    int64_t seconds = time->seconds;

    if (choice_of(time) != TIME_GIVEN)
        return 0;
    if (seconds > SECONDS_LIMIT)
        seconds = SECONDS_LIMIT;
    if (seconds < -SECONDS_LIMIT)
        seconds = -SECONDS_LIMIT;
    return seconds * (int64_t)NS_PER_SECOND + time->nanoseconds;
}

static int apply_times(const struct fs_context *context, const struct attribute_target *target,
                       const struct change *change)
{
    return change->times ? attributes_set_times(context, target, change->times) : -EINVAL;
}

/* `times`: access and modification, or NULL for now.  Bad ones are found only after the file. */
static int64_t set_times(int32_t directory, user_address path, const struct linux_timespec *times,
                         uint32_t flags)
{
    struct time_change changes = { .access = TIME_NOW, .modify = TIME_NOW };
    struct change change = { .apply = apply_times, .times = &changes };

    if (times && is_valid_time(&times[0]) && is_valid_time(&times[1])) {
        changes.access = choice_of(&times[0]);
        changes.access_ns = ns_of(&times[0]);
        changes.modify = choice_of(&times[1]);
        changes.modify_ns = ns_of(&times[1]);
    } else if (times) {
        change.times = NULL;
    }
    if (path == 0 && directory != AT_WORKING_DIRECTORY)
        return flags ? -EINVAL : change_file(directory, &change);
    if (flags & ~(AT_NO_FOLLOW | AT_EMPTY))
        return -EINVAL;
    return change_path(directory, path, flags, &change);
}

int64_t sys_utimensat(int32_t directory, user_address path, user_address address, uint32_t flags)
{
    struct linux_timespec times[2];

    if (address == 0)
        return set_times(directory, path, NULL, flags);
    if (user_copy_in(current_space(), times, address, sizeof(times)) != 0)
        return -EFAULT;
    if (choice_of(&times[0]) == TIME_OMIT && choice_of(&times[1]) == TIME_OMIT)
        return 0;
    return set_times(directory, path, times, flags);
}

int64_t sys_futimesat(int32_t directory, user_address path, user_address address)
{
    struct linux_timeval given[2];
    struct linux_timespec times[2];

    if (address == 0)
        return set_times(directory, path, NULL, 0);
    if (user_copy_in(current_space(), given, address, sizeof(given)) != 0)
        return -EFAULT;
    for (unsigned i = 0; i < 2; i++) {
        if (given[i].microseconds < 0 || given[i].microseconds >= 1000000)
            return -EINVAL;
        times[i].seconds = given[i].seconds;
        times[i].nanoseconds = given[i].microseconds * 1000;
    }
    return set_times(directory, path, times, 0);
}

int64_t sys_utimes(user_address path, user_address times)
{
    return sys_futimesat(AT_WORKING_DIRECTORY, path, times);
}

int64_t sys_utime(user_address path, user_address address)
{
    struct linux_utimbuf given;
    struct linux_timespec times[2] = { { 0 } };

    if (address == 0)
        return set_times(AT_WORKING_DIRECTORY, path, NULL, 0);
    if (user_copy_in(current_space(), &given, address, sizeof(given)) != 0)
        return -EFAULT;
    times[0].seconds = given.access_seconds;
    times[1].seconds = given.modify_seconds;
    return set_times(AT_WORKING_DIRECTORY, path, times, 0);
}

/* ---- Sizes --------------------------------------------------------------------------------- */

int64_t sys_truncate(user_address path_address, int64_t length)
{
    struct file_name name;
    struct path path;
    int64_t result;

    if (length < 0)
        return -EINVAL;
    result = file_name_open(&name, AT_WORKING_DIRECTORY, path_address, false);
    if (result)
        return result;
    result = file_name_walk(&name, LOOKUP_FOLLOW, &path);
    if (!result) {
        result = write_result(path_truncate(&name.context, &path, length, file_size_limit()));
        path_release(&path);
    }
    file_name_close(&name);
    return result;
}

int64_t sys_ftruncate(int32_t fd, int64_t length)
{
    struct file *file;
    int64_t result;

    if (length < 0)
        return -EINVAL;
    result = fd_get(fd, &file);
    if (result)
        return result;
    result = write_result(file_truncate(file, length, file_size_limit()));
    file_release(file);
    return result;
}
