/*
 * The trees of procfs and sysfs: inodes made on demand from the tables of the other files of this
 * folder.
 *
 * Nothing is cached (the stamp of every directory is 0): processes and descriptors come and go.
 * An inode names its subject by numbers and looks it up at each use, so it keeps nothing alive.
 */
#include "procfs/procfs.h"

#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/path.h"
#include "fs/read_write.h"
#include "lib/container.h"
#include "lib/format.h"
#include "lib/text.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "process/pid_names.h"
#include "procfs/procfs_internal.h"
#include "sched/pid_namespace.h"

#define PROCFS_MAGIC 0x9fa0u
#define SYSFS_MAGIC 0x62656572u
#define LINK_PERMISSIONS 0777u
#define DESCRIPTOR_LINK_SIZE 64u
/* Inode numbers: the places in the tables from the root on, each with so many bits. */
#define CHILD_SHIFT_STEP 7u
#define CHILD_SHIFT_FIRST 21u           /* for three levels of tables ... */
#define CHILD_SHIFT_FIRST_SYSTEM 42u    /* ... and for six */
#define PROCESS_SHIFT 28u
#define TASK_NUMBERS (UINT64_C(1) << 62)
#define MAPPING_NUMBERS (UINT64_C(1) << 61)
#define MAPPING_PROCESS_SHIFT 36u

static struct pool node_pool = POOL_INITIAL("proc node", struct proc_node, 0);

static const struct proc_entry root_entry = {
    .name = "", .kind = PROC_PROCESSES, .permissions = 0555, .children = proc_root_entries,
};
static const struct proc_entry process_root_entry = {
    .name = "", .kind = PROC_PROCESSES, .permissions = 0555, .children = proc_process_links,
};
static const struct proc_entry system_root_entry = {
    .name = "", .kind = PROC_DIRECTORY, .permissions = 0555, .children = sysfs_root_entries,
};
static const struct proc_entry process_entry = {
    .name = "", .kind = PROC_DIRECTORY, .permissions = 0555, .children = proc_process_entries,
};
static const struct proc_entry thread_entry = {
    .name = "", .kind = PROC_DIRECTORY, .permissions = 0555, .children = proc_thread_entries,
};

static int make_inode(struct filesystem *filesystem, const struct proc_node *node,
                      uint64_t number, struct inode **inode);

/* ---- Subjects ------------------------------------------------------------------------------ */

void proc_subject_release(struct proc_subject *subject)
{
    if (subject->thread)
        thread_release(subject->thread);
    if (subject->process)
        process_release(subject->process);
}

int proc_subject_of(const struct proc_node *node, struct proc_subject *subject)
{
    *subject = (struct proc_subject){
        .space = node->view->space, .number = node->number,
        .start = node->start, .end = node->end,
    };
    if (node->process_id == 0)
        return 0;
    subject->process = process_find(node->process_id);
    if (!subject->process)
        return -ESRCH;
    if (node->thread_id == 0)
        return 0;
    subject->thread = thread_find(node->thread_id);
    if (subject->thread && subject->thread->process == subject->process)
        return 0;
    proc_subject_release(subject);
    return -ESRCH;
}

int proc_check(const struct proc_entry *entry, const struct proc_subject *subject)
{
    int32_t id = subject->thread ? subject->thread->id
                                 : subject->process ? subject->process->id : 0;

    switch (entry->check) {
    case PROC_FOR_ALL:
        return 0;
    case PROC_FOR_SCHEDULERS:
        return id == current_thread()->id || current_can(CAPABILITY_NICE) ? 0 : -EPERM;
    case PROC_FOR_ADMINISTRATORS:
        return current_can(CAPABILITY_ADMINISTRATION) ? 0 : -EACCES;
    case PROC_CHECKED_AT_OPEN:
    case PROC_CHECKED_AT_READ:
    case PROC_CHECKED_PERMITTED:
        break;
    }
    if (!subject->process || process_may_inspect(subject->process, subject->thread, true))
        return 0;
    return entry->check == PROC_CHECKED_PERMITTED ? -EPERM : -EACCES;
}

bool proc_is_hidden(const struct proc_view *view, struct process *process,
                    enum proc_hiding hiding)
{
    const struct proc_options *options = &view->options;

    if (options->hiding < hiding)
        return false;
    if (options->hiding != PROC_HIDES_ALL) {
        const struct credentials who = current_credentials();

        if (credentials_in_group(&who, options->group_id))
            return false;
    }
    return !process_may_inspect(process, NULL, true);
}

/* Of the directory of a process; the mount says how. */
static int check_hidden(const struct proc_node *node)
{
    struct process *process = node->entry == &process_entry &&
                              node->view->options.hiding != PROC_HIDES_NOTHING
                                  ? process_find(node->process_id) : NULL;
    int error = 0;

    if (!process)
        return 0;
    if (proc_is_hidden(node->view, process, PROC_HIDES_CONTENTS))
        error = node->view->options.hiding == PROC_HIDES_CONTENTS ? -EPERM : -ENOENT;
    process_release(process);
    return error;
}

bool proc_is_checked_at_open(const struct proc_entry *entry)
{
    return entry->check == PROC_CHECKED_AT_OPEN;
}

/* ---- Looking up ---------------------------------------------------------------------------- */

/* A decimal number without sign or leading zeros; -1: not one. */
static int32_t parse_number(const char *name)
{
    uint64_t value;

    if (name[0] < '0' || name[0] > '9' || (name[0] == '0' && name[1]))
        return -1;
    if (text_parse_number(name, &value) != 0 || value > INT32_MAX)
        return -1;
    return (int32_t)value;
}

static int look_up_child(struct inode *directory, const char *name, struct inode **inode)
{
    const struct proc_node *node = directory->contents;
    const struct proc_entry *entry = node->entry->children;
    uint64_t index = 0;

    if (!entry->name)
        return -ENOENT;
    for (; entry; entry = proc_entry_next(entry)) {
        index++;
        if (!text_equal(entry->name, name))
            continue;

        struct proc_node child = *node;

        child.entry = entry;
        if (entry->number)
            child.number = entry->number - 1;
        child.child_shift = node->child_shift - CHILD_SHIFT_STEP;
        return make_inode(directory->filesystem, &child,
                          directory->number + (index << node->child_shift), inode);
    }
    return -ENOENT;
}

static int look_up_process(struct inode *directory, const char *name, struct inode **inode)
{
    struct proc_node node = *(const struct proc_node *)directory->contents;
    int32_t id = parse_number(name);

    if (id <= 0)
        return -ENOENT;
    node.entry = &process_entry;
    node.process_id = pid_named_in(node.view->space, id);
    node.child_shift = CHILD_SHIFT_FIRST;
    if (check_hidden(&node) == -ENOENT)
        return -ENOENT;
    return make_inode(directory->filesystem, &node, (uint64_t)node.process_id << PROCESS_SHIFT,
                      inode);
}

/* The link to an open file shows how that was opened; its size is Linux's. */
static void describe_descriptor(struct inode *link, struct file *file)
{
    uint32_t mode = MODE_LINK;

    mode |= file_is_readable(file) ? 0500 : 0;
    mode |= file_is_writable(file) ? 0300 : 0;
    link->mode = mode;
    link->size = DESCRIPTOR_LINK_SIZE;
}

static int look_up_descriptor(struct inode *directory, const char *name, struct inode **inode)
{
    struct proc_node node = *(const struct proc_node *)directory->contents;
    struct proc_subject subject;
    int error;

    node.entry = node.entry->kind == PROC_DESCRIPTORS ? &proc_descriptor_entry
                                                      : &proc_descriptor_info_entry;
    node.number = parse_number(name);
    if (node.number < 0)
        return -ENOENT;
    error = proc_subject_of(&node, &subject);
    if (error)
        return -ENOENT;

    struct file *file = proc_file(&subject);

    proc_subject_release(&subject);
    if (!file)
        return -ENOENT;
    error = make_inode(directory->filesystem, &node, directory->number + (uint64_t)node.number + 1,
                       inode);
    if (!error && node.entry == &proc_descriptor_entry)
        describe_descriptor(*inode, file);
    file_release(file);
    return error;
}

static int look_up_task(struct inode *directory, const char *name, struct inode **inode)
{
    struct proc_node node = *(const struct proc_node *)directory->contents;

    node.entry = &thread_entry;
    node.thread_id = parse_number(name);
    node.child_shift = CHILD_SHIFT_FIRST;
    if (node.thread_id <= 0)
        return -ENOENT;
    node.thread_id = pid_named_in(node.view->space, node.thread_id);
    return make_inode(directory->filesystem, &node,
                      TASK_NUMBERS + ((uint64_t)node.thread_id << PROCESS_SHIFT), inode);
}

static int look_up_mapping(struct inode *directory, const char *name, struct inode **inode)
{
    struct proc_node node = *(const struct proc_node *)directory->contents;
    uint32_t mode;
    int error;

    node.entry = &proc_mapping_entry;
    error = proc_look_up_mapping(name, &node, &mode);
    if (!error)
        error = make_inode(directory->filesystem, &node,
                           MAPPING_NUMBERS + ((uint64_t)node.process_id << MAPPING_PROCESS_SHIFT) +
                               (node.start >> PAGE_SHIFT), inode);
    if (!error)
        (*inode)->mode = mode;
    return error;
}

static int proc_lookup(struct inode *directory, const char *name, struct inode **inode)
{
    const struct proc_node *node = directory->contents;
    int error;

    switch (node->entry->kind) {
    case PROC_DIRECTORY:
        return look_up_child(directory, name, inode);
    case PROC_PROCESSES:
        error = look_up_child(directory, name, inode);
        return error == -ENOENT ? look_up_process(directory, name, inode) : error;
    case PROC_DESCRIPTORS:
    case PROC_DESCRIPTOR_INFO_DIRECTORY:
        return look_up_descriptor(directory, name, inode);
    case PROC_TASKS:
        return look_up_task(directory, name, inode);
    case PROC_MAPPINGS:
        return look_up_mapping(directory, name, inode);
    case PROC_TEXT:
    case PROC_MEMORY:
    case PROC_PAGE_MAP:
    case PROC_LINK:
    case PROC_DESCRIPTOR:
    case PROC_DESCRIPTOR_INFO:
        return -ENOTDIR;
    }
    UNREACHABLE();
}

/* Names that are not there cannot be made; Linux does not find them. */
static int proc_create(struct inode *directory, const char *name,
                       const struct inode_request *request, struct inode **inode)
{
    (void)directory;
    (void)name;
    (void)request;
    (void)inode;
    return -ENOENT;
}

static int proc_symlink(struct inode *directory, const char *name, const char *target,
                        const struct inode_request *request, struct inode **inode)
{
    (void)target;
    return proc_create(directory, name, request, inode);
}

static uint64_t proc_stamp(struct inode *directory)
{
    (void)directory;
    return 0;
}

/* ---- Links --------------------------------------------------------------------------------- */

static int64_t proc_read_link(struct inode *inode, char *target, size_t size)
{
    const struct proc_node *node = inode->contents;
    struct proc_subject subject;
    int64_t result = proc_subject_of(node, &subject);

    if (result)
        return -ENOENT;
    result = proc_check(node->entry, &subject);
    if (!result)
        result = node->entry->target(&subject, target, size);
    proc_subject_release(&subject);
    return result;
}

static int proc_follow(struct inode *inode, struct mount **mount, struct name **name)
{
    const struct proc_node *node = inode->contents;
    struct proc_subject subject;
    struct path path = { .mount = NULL };
    int error = proc_subject_of(node, &subject);

    if (error)
        return -ENOENT;
    error = proc_check(node->entry, &subject);
    if (!error)
        error = node->entry->follow(&subject, &path);
    proc_subject_release(&subject);
    if (!error) {
        *mount = path.mount;
        *name = path.name;
    }
    return error;
}

/* ---- Inodes -------------------------------------------------------------------------------- */

static void proc_destroy(struct inode *inode)
{
    pool_free(&node_pool, inode->contents);
}

/* Who may not look at a process may not look at its descriptors either; a process always may at its
 * own, whoever owns the directory. */
static int proc_access(struct inode *inode, const struct credentials *credentials, uint32_t wanted)
{
    const struct proc_node *node = inode->contents;
    int error = check_hidden(node);
    struct proc_subject subject;

    if (error)
        return error;
    error = inode_permission_by_mode(inode, credentials, wanted);
    if (!error && node->entry->check == PROC_FOR_ALL)
        return 0;
    if (error && (node->process_id == 0 || node->process_id != current_process()->id))
        return error;
    if (error)
        return inode_is_directory(inode) && !(wanted & PERMISSION_WRITE) ? 0 : error;
    if (proc_subject_of(node, &subject) != 0)
        return -ENOENT;
    error = proc_check(node->entry, &subject);
    proc_subject_release(&subject);
    return error;
}

static const struct inode_operations directory_operations = {
    .lookup = proc_lookup, .stamp = proc_stamp, .create = proc_create, .symlink = proc_symlink,
    .access = proc_access, .destroy = proc_destroy,
};
/* Opening with O_TRUNC changes nothing, and is no error. */
static int proc_set_attributes(struct inode *inode, const struct attribute_request *request)
{
    (void)inode;
    return request->changes & (CHANGE_MODE | CHANGE_USER | CHANGE_GROUP) ? -EPERM : 0;
}

static const struct inode_operations text_operations = {
    .open = proc_text_open, .set_attributes = proc_set_attributes, .destroy = proc_destroy,
};
static const struct inode_operations memory_operations = {
    .open = proc_memory_open, .set_attributes = proc_set_attributes, .destroy = proc_destroy,
};
static const struct inode_operations link_operations = {
    .read_link = proc_read_link, .destroy = proc_destroy,
};
static const struct inode_operations magic_link_operations = {
    .read_link = proc_read_link, .follow = proc_follow, .destroy = proc_destroy,
};

static struct inode_kind kind_of(const struct proc_entry *entry)
{
    if (entry->kind == PROC_MEMORY)
        return (struct inode_kind){ &memory_operations, &proc_memory_operations };
    if (entry->kind == PROC_PAGE_MAP)
        return (struct inode_kind){ &memory_operations, &proc_page_map_operations };
    switch (proc_type_of_kind(entry->kind) << 12) {
    case MODE_DIRECTORY:
        return (struct inode_kind){ &directory_operations, &proc_directory_operations };
    case MODE_LINK:
        return (struct inode_kind){ entry->follow ? &magic_link_operations : &link_operations,
                                    NULL };
    }
    return (struct inode_kind){ &text_operations, &proc_text_operations };
}

static uint32_t mode_of(const struct proc_entry *entry)
{
    uint32_t type = (uint32_t)proc_type_of_kind(entry->kind) << 12;

    if (entry->permissions)
        return type | entry->permissions;
    return type | (type == MODE_LINK ? LINK_PERMISSIONS : 0);
}

/* Owner of what is about a process: its effective user, or root if others may not look. */
static int set_owner(const struct proc_node *node, struct inode_request *request)
{
    struct proc_subject subject;
    int error = proc_subject_of(node, &subject);

    if (error)
        return -ENOENT;
    if (subject.process) {
        struct credentials who = process_credentials(subject.process, subject.thread);
        bool is_open = (subject.process->dumpable == 1 && !subject.process->ended) ||
                       request->mode == (MODE_DIRECTORY | 0555);

        request->user_id = is_open ? who.effective_user_id : 0;
        request->group_id = is_open ? who.effective_group_id : 0;
    }
    proc_subject_release(&subject);
    return 0;
}

static int make_inode(struct filesystem *filesystem, const struct proc_node *node,
                      uint64_t number, struct inode **inode)
{
    struct inode_kind kind = kind_of(node->entry);
    struct inode_request request = { .mode = mode_of(node->entry) };
    struct proc_node *copy;
    int error = set_owner(node, &request);

    if (error)
        return error;
    copy = pool_allocate(&node_pool);
    if (!copy)
        return -ENOMEM;
    *copy = *node;
    error = inode_create(filesystem, &kind, &request, inode);
    if (error) {
        pool_free(&node_pool, copy);
        return error;
    }
    (*inode)->contents = copy;
    (*inode)->number = number;
    return 0;
}

static int statistics_of(uint64_t magic, struct filesystem_statistics *result)
{
    *result = (struct filesystem_statistics){
        .type = magic, .block_size = 4096, .fragment_size = 4096, .name_max = NAME_MAX,
    };
    return 0;
}

static int proc_statistics(struct filesystem *filesystem, struct filesystem_statistics *result)
{
    (void)filesystem;
    return statistics_of(PROCFS_MAGIC, result);
}

static int system_statistics(struct filesystem *filesystem, struct filesystem_statistics *result)
{
    (void)filesystem;
    return statistics_of(SYSFS_MAGIC, result);
}

static void proc_destroy_filesystem(struct filesystem *filesystem)
{
    struct proc_view *view = filesystem->contents;

    if (!view)
        return;
    pid_namespace_release(view->space);
    memory_free(view, sizeof(*view));
}

static const struct filesystem_operations proc_filesystem_operations = {
    .statistics = proc_statistics, .destroy = proc_destroy_filesystem,
};
static const struct filesystem_operations system_filesystem_operations = {
    .statistics = system_statistics, .destroy = proc_destroy_filesystem,
};

static int fill(struct filesystem *filesystem, const struct proc_options *options,
                struct proc_node *root)
{
    struct proc_view *view = memory_allocate(sizeof(*view));

    if (!view)
        return -ENOMEM;
    view->space = pid_namespace_current();
    pid_namespace_reference(view->space);
    view->options = *options;
    root->view = filesystem->contents = view;
    return make_inode(filesystem, root, 1, &filesystem->root);
}

static int create(const char *type, const struct filesystem_operations *operations,
                  const struct proc_options *options, struct proc_node *root,
                  struct filesystem **result)
{
    struct filesystem *filesystem;
    int error = filesystem_create(type, operations, &filesystem);

    if (error)
        return error;
    error = fill(filesystem, options, root);
    if (error)
        filesystem_release(filesystem);
    else
        *result = filesystem;
    return error;
}

int procfs_create(const struct proc_options *options, struct filesystem **filesystem)
{
    struct proc_node root = {
        .entry = options->shows_only_processes ? &process_root_entry : &root_entry,
        .child_shift = CHILD_SHIFT_FIRST,
    };

    return create("proc", &proc_filesystem_operations, options, &root, filesystem);
}

int sysfs_create(struct filesystem **filesystem)
{
    static const struct proc_options none = { .hiding = PROC_HIDES_NOTHING };
    struct proc_node root = { .entry = &system_root_entry,
                              .child_shift = CHILD_SHIFT_FIRST_SYSTEM };

    sysfs_init();
    return create("sysfs", &system_filesystem_operations, &none, &root, filesystem);
}

int procfs_process_of(const struct file *file, struct process **process)
{
    const struct proc_node *node = file->inode->contents;

    if (file->operations != &proc_directory_operations || node->entry != &process_entry)
        return -EBADF;
    *process = process_find(node->process_id);
    return *process ? 0 : -ESRCH;
}
