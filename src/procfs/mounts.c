/* /proc/<pid>/mounts and mountinfo. */
#include "fs/mount.h"
#include "fs/path.h"
#include "procfs/procfs_internal.h"

static const char *options_of(const struct mount *mount)
{
    return mount_is_read_only(mount) ? "ro,relatime" : "rw,relatime";
}

static const char *source_of(const struct mount *mount)
{
    return mount->filesystem->source ? mount->filesystem->source : mount->filesystem->type;
}

/* The directory that the mount covers, as the reader sees it. */
static void print_place(struct proc_output *output, struct mount *mount)
{
    struct path place = { mount->parent, mount->covered };

    if (mount->parent)
        proc_print_path(output, &place, ESCAPED_IN_FIELDS);
    else
        proc_print(output, "/");
}

uint64_t proc_mount_id(const struct mount *mount)
{
    return mount->id;
}

static void print_mount(struct mount *mount, void *context)
{
    struct proc_output *output = context;

    proc_print(output, "%s ", source_of(mount));
    print_place(output, mount);
    proc_print(output, " %s %s 0 0\n", mount->filesystem->type, options_of(mount));
}

void proc_write_mounts(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    mount_for_each(print_mount, output);
}

static void print_mount_information(struct mount *mount, void *context)
{
    struct proc_output *output = context;
    uint64_t device = mount->filesystem->device;

    proc_print(output, "%llu %llu %u:%u / ", (unsigned long long)mount->id,
               (unsigned long long)(mount->parent ? mount->parent->id : mount->id),
               (unsigned)(device >> 8 & 0xfff), (unsigned)(device & 0xff));
    print_place(output, mount);
    proc_print(output, " %s - %s %s %s\n", options_of(mount), mount->filesystem->type,
               source_of(mount),
               mount_is_read_only(mount) ? "ro" : "rw");
}

void proc_write_mount_info(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    mount_for_each(print_mount_information, output);
}
