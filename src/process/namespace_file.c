/*
 * Files of namespaces: see namespace_file.h.
 *
 * Each link that is followed makes an inode of its own, with the number of the namespace; its file
 * has no name but that of the link.
 */
#include "process/namespace_file.h"

#include "fs/anonymous_file.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/container.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "process/clone.h"
#include "process/pid_names.h"
#include "process/process.h"
#include "sched/pid_namespace.h"

#define TEXT_SIZE 40
#define NAMESPACE_MODE (MODE_REGULAR | 0444u)
#define FILESYSTEM_TYPE 0x6e736673u
#define ASK_KIND 0xb703u    /* NS_GET_NSTYPE */

struct namespace_contents {
    enum namespace_link which;
    struct namespace_target target;    /* this one alone */
    uint64_t number;
    char text[TEXT_SIZE];
};

static struct pool contents_pool = POOL_INITIAL("namespace file", struct namespace_contents, 0);
static struct filesystem *filesystem;    /* constant after boot */

static const struct {
    const char *name;
    enum namespace_kind kind;    /* NAMESPACES: of processes */
} links[] = {
    [LINK_IPC] = { "ipc", NAMESPACE_IPC },
    [LINK_MOUNTS] = { "mnt", NAMESPACE_MOUNTS },
    [LINK_NETWORK] = { "net", NAMESPACE_NETWORK },
    [LINK_PROCESSES] = { "pid", NAMESPACES },
    [LINK_CHILDREN] = { "pid", NAMESPACES },
    [LINK_NAMES] = { "uts", NAMESPACE_NAMES },
};

static uint64_t flag_of(enum namespace_link which)
{
    enum namespace_kind kind = links[which].kind;

    return kind == NAMESPACES ? CLONE_NEW_PROCESSES : namespace_flag(kind);
}

/* ---- What a link stands for ---------------------------------------------------------------- */

static int look_at_processes(struct process *process, struct thread *thread,
                             struct namespace_contents *contents)
{
    struct pid_namespace *space = process->pid_namespace;

    if (contents->which == LINK_CHILDREN)
        space = children_space_of(process, thread);
    else
        pid_namespace_reference(space);
    if (!space)
        return -ENOENT;
    contents->target.processes = space;
    contents->number = space->number;
    return 0;
}

/* With a reference to the namespace. */
static int look(struct process *process, struct thread *thread, enum namespace_link which,
                struct namespace_contents *contents)
{
    enum namespace_kind kind = links[which].kind;
    struct namespaces *set;
    int error = 0;

    *contents = (struct namespace_contents){ .which = which };
    if (kind == NAMESPACES) {
        error = look_at_processes(process, thread, contents);
    } else {
        set = process_namespaces(process, thread);
        if (!set)
            return -ENOENT;
        contents->target.of[kind] = set->of[kind];
        contents->number = set->of[kind]->number;
        namespace_reference(set->of[kind]);
        namespaces_release(set);
    }
    if (!error)
        format(contents->text, sizeof(contents->text), "%s:[%llu]", links[which].name,
               (unsigned long long)contents->number);
    return error;
}

int64_t namespace_link_text(struct process *process, struct thread *thread,
                            enum namespace_link which, char *text, size_t size)
{
    struct namespace_contents contents;
    int error = look(process, thread, which, &contents);
    size_t length;

    if (error)
        return error;
    length = text_length_bounded(contents.text, size);
    memcpy(text, contents.text, length);
    namespace_target_release(&contents.target);
    return (int64_t)length;
}

/* ---- Files --------------------------------------------------------------------------------- */

static int64_t control(struct file *file, uint32_t request, uint64_t argument)
{
    const struct namespace_contents *contents = file->inode->contents;

    (void)argument;
    return request == ASK_KIND ? (int64_t)flag_of(contents->which) : -ENOTTY;
}

static const struct file_operations file_operations = { .control = control };

static int open_namespace(struct inode *inode, struct file *file)
{
    const struct namespace_contents *contents = inode->contents;

    file->description = contents->text;
    return 0;
}

static int refuse_attributes(struct inode *inode, const struct attribute_request *request)
{
    (void)inode;
    (void)request;
    return -EPERM;
}

static void destroy(struct inode *inode)
{
    struct namespace_contents *contents = inode->contents;

    namespace_target_release(&contents->target);
    pool_free(&contents_pool, contents);
}

static const struct inode_operations inode_operations = {
    .open = open_namespace, .set_attributes = refuse_attributes, .destroy = destroy,
};

static int statistics(struct filesystem *of, struct filesystem_statistics *result)
{
    (void)of;
    *result = (struct filesystem_statistics){
        .type = FILESYSTEM_TYPE, .block_size = PAGE_SIZE, .fragment_size = PAGE_SIZE,
        .name_max = NAME_MAX,
    };
    return 0;
}

static const struct filesystem_operations filesystem_operations = { .statistics = statistics };

void namespace_files_init(void)
{
    int error = filesystem_create("nsfs", &filesystem_operations, &filesystem);

    ASSERT(!error);
}

static int make_path(struct inode *inode, const char *text, struct path *path)
{
    struct fs_context context;
    int error;

    current_fs_context(&context);
    error = anonymous_path_create(&context.root, text, inode, path);
    if (!error)
        mount_reference(path->mount);
    fs_context_release(&context);
    return error;
}

int namespace_link_follow(struct process *process, struct thread *thread,
                          enum namespace_link which, struct path *path)
{
    static const struct inode_kind kind = { &inode_operations, &file_operations };
    static const struct inode_request request = { .mode = NAMESPACE_MODE };

    struct namespace_contents *contents = pool_allocate(&contents_pool);
    struct inode *inode;
    int error = contents ? look(process, thread, which, contents) : -ENOMEM;

    if (error)
        goto free_contents;
    error = inode_create(filesystem, &kind, &request, &inode);
    if (error)
        goto release_target;
    inode->contents = contents;
    inode->number = contents->number;
    error = make_path(inode, contents->text, path);
    inode_release(inode);    /* the name has a reference */
    return error;

release_target:
    namespace_target_release(&contents->target);
free_contents:
    if (contents)
        pool_free(&contents_pool, contents);
    return error;
}

bool namespace_may_be_mounted(const struct inode *inode)
{
    const struct namespace_contents *contents = inode->contents;

    return inode->operations != &inode_operations || contents->which != LINK_MOUNTS;
}

int namespace_of_file(const struct file *file, struct namespace_target *target, uint64_t *flag)
{
    const struct namespace_contents *contents = file->inode->contents;
    enum namespace_kind kind;

    if (file->operations != &file_operations)
        return -EINVAL;
    kind = links[contents->which].kind;
    *target = contents->target;
    *flag = flag_of(contents->which);
    if (kind == NAMESPACES)
        pid_namespace_reference(target->processes);
    else
        namespace_reference(target->of[kind]);
    return 0;
}
