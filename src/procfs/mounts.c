/* /proc/<pid>/mounts and mountinfo. */
#include "config.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "memory/pool.h"
#include "process/namespaces.h"
#include "procfs/procfs_internal.h"

static void print_options(struct proc_output *output, const struct mount *mount)
{
    proc_print(output, "%s%s%s%s,relatime", mount_is_read_only(mount) ? "ro" : "rw",
               mount->flags & MOUNT_NO_SET_ID ? ",nosuid" : "",
               mount->flags & MOUNT_NO_DEVICES ? ",nodev" : "",
               mount->flags & MOUNT_NO_PROGRAMS ? ",noexec" : "");
}

static void print_source(struct proc_output *output, const struct mount *mount)
{
    const char *source = mount->source ? mount->source : mount->filesystem->source;

    proc_print_escaped(output, source ? source : mount->filesystem->type, ESCAPED_IN_FIELDS);
}

/* Is it below the root? */
static bool is_reachable(const struct proc_output *output, struct mount *mount)
{
    const struct path place = mount_root(mount);
    char *text = memory_allocate(PATH_MAX);
    int64_t length = text ? path_text_below(&place, output->root, text, PATH_MAX) : -ENOMEM;

    if (text)
        memory_free(text, PATH_MAX);
    return length >= 0;
}

/* Where it is, seen from the root. */
static void print_place(struct proc_output *output, struct mount *mount)
{
    const struct path place = mount_root(mount);

    proc_print_path(output, &place, ESCAPED_IN_FIELDS);
}

/* What of its filesystem is mounted. */
static void print_part(struct proc_output *output, struct mount *mount)
{
    char *text = memory_allocate(PATH_MAX);
    struct name_text_request request = { .text = text, .end = PATH_MAX - 1 };
    int64_t start = text ? name_prepend_text(mount->root, &request) : -ENOMEM;

    if (start >= 0)
        proc_print_escaped(output, request.end < PATH_MAX - 1 ? text + request.end : "/",
                           ESCAPED_IN_FIELDS);
    if (text)
        memory_free(text, PATH_MAX);
}

uint64_t proc_mount_id(const struct mount *mount)
{
    return mount->id;
}

static void print_mount(struct mount *mount, void *context)
{
    struct proc_output *output = context;

    if (!is_reachable(output, mount))
        return;
    print_source(output, mount);
    proc_print(output, " ");
    print_place(output, mount);
    proc_print(output, " %s ", mount->filesystem->type);
    print_options(output, mount);
    proc_print(output, " 0 0\n");
}

/* All of the process's namespace that are below its root, at the places where it has them. */
static void print_mounts(struct proc_output *output, const struct proc_subject *subject,
                         void (*print)(struct mount *mount, void *context))
{
    uint64_t space =
        process_namespace_number(subject->process, subject->thread, NAMESPACE_MOUNTS);
    const struct path *root = output->root;
    struct fs_context context;

    process_fs_context(subject->process, subject->thread, &context);
    output->root = &context.root;
    if (context.root.name)
        mount_for_each(space, print, output);
    output->root = root;
    fs_context_release(&context);
}

void proc_write_mounts(struct proc_output *output, const struct proc_subject *subject)
{
    print_mounts(output, subject, print_mount);
}

static void print_mount_information(struct mount *mount, void *context)
{
    struct proc_output *output = context;
    uint64_t device = mount->filesystem->device;

    if (!is_reachable(output, mount))
        return;
    proc_print(output, "%llu %llu %u:%u ", (unsigned long long)mount->id,
               (unsigned long long)(mount->parent ? mount->parent->id : mount->id),
               (unsigned)(device >> 8 & 0xfff), (unsigned)(device & 0xff));
    print_part(output, mount);
    proc_print(output, " ");
    print_place(output, mount);
    proc_print(output, " ");
    print_options(output, mount);
    proc_print(output, " - %s ", mount->filesystem->type);
    print_source(output, mount);
    proc_print(output, " %s\n", mount->filesystem->read_only ? "ro" : "rw");
}

void proc_write_mount_info(struct proc_output *output, const struct proc_subject *subject)
{
    print_mounts(output, subject, print_mount_information);
}
