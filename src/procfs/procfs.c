/*
 * The tree of procfs: inodes made on demand from the tables of the other files of this folder.
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
#include "memory/pool.h"
#include "procfs/procfs_internal.h"

#define FILESYSTEM_MAGIC 0x9fa0u
#define NUMBER_TEXT_SIZE 24
#define LINK_PERMISSIONS 0777u
#define DESCRIPTOR_LINK_SIZE 64u
#define CHILD_SHIFT_FIRST 18u    /* bits of the inode number for what is below */
#define CHILD_SHIFT_STEP 6u
#define PROCESS_SHIFT 24u

static struct pool node_pool = POOL_INITIAL("proc node", struct proc_node, 0);

static const struct proc_entry root_entry = {
    .name = "", .kind = PROC_DIRECTORY, .permissions = 0555, .children = proc_root_entries,
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
    *subject = (struct proc_subject){ .fd = node->fd };
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
    uint64_t index = 0;

    for (const struct proc_entry *entry = node->entry->children; entry->name; entry++) {
        index++;
        if (!text_equal(entry->name, name))
            continue;

        struct proc_node child = *node;

        child.entry = entry;
        child.child_shift = node->child_shift - CHILD_SHIFT_STEP;
        return make_inode(directory->filesystem, &child,
                          directory->number + (index << node->child_shift), inode);
    }
    return -ENOENT;
}

static int look_up_process(struct inode *directory, const char *name, struct inode **inode)
{
    struct proc_node node = { .entry = &process_entry, .process_id = parse_number(name),
                              .child_shift = CHILD_SHIFT_FIRST };

    if (node.process_id <= 0)
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
    node.fd = parse_number(name);
    if (node.fd < 0)
        return -ENOENT;
    error = proc_subject_of(&node, &subject);
    if (error)
        return -ENOENT;

    struct file *file = proc_file(&subject);

    proc_subject_release(&subject);
    if (!file)
        return -ENOENT;
    error = make_inode(directory->filesystem, &node, directory->number + (uint64_t)node.fd + 1,
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
    if (node.thread_id <= 0)
        return -ENOENT;
    return make_inode(directory->filesystem, &node,
                      directory->number + ((uint64_t)node.thread_id << PROCESS_SHIFT), inode);
}

static int proc_lookup(struct inode *directory, const char *name, struct inode **inode)
{
    const struct proc_node *node = directory->contents;
    int error;

    switch (node->entry->kind) {
    case PROC_DIRECTORY:
        error = look_up_child(directory, name, inode);
        if (error == -ENOENT && node->entry == &root_entry)
            error = look_up_process(directory, name, inode);
        return error;
    case PROC_DESCRIPTORS:
    case PROC_DESCRIPTOR_INFO_DIRECTORY:
        return look_up_descriptor(directory, name, inode);
    case PROC_TASKS:
        return look_up_task(directory, name, inode);
    case PROC_TEXT:
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

/* ---- Reading directories ------------------------------------------------------------------- */

/* Positions: 2 and up are the entries of the table, then numbers + NUMBERS_START. */
#define NUMBERS_START (INT64_C(1) << 32)

/* Gives the numbered names that are at least `from`, until the sink has had enough. */
struct number_search {
    int32_t from, found;    /* found: the lowest that is at least `from`, INT32_MAX: none */
};

static void note_number(struct number_search *search, int32_t number)
{
    if (number >= search->from && number < search->found)
        search->found = number;
}

static void visit_process(struct process *process, void *context)
{
    note_number(context, process->id);
}

static int32_t next_thread(struct process *process, int32_t from)
{
    struct number_search search = { from, INT32_MAX };

    spin_lock(&process->lock);
    LIST_FOR_EACH(node, &process->threads)
        note_number(&search, LIST_ENTRY(node, struct thread, sibling_node)->id);
    spin_unlock(&process->lock);
    return search.found;
}

static int32_t next_descriptor(const struct proc_subject *subject, int32_t from)
{
    struct file_table *files = process_files(subject->process, subject->thread);
    int next = -1;

    if (files) {
        next = file_table_next(files, (uint32_t)from);
        file_table_release(files);
    }
    return next < 0 ? INT32_MAX : next;
}

/* The lowest number at least `from` that the directory lists, INT32_MAX when there is none. */
static int32_t next_number(const struct proc_node *node, const struct proc_subject *subject,
                           int32_t from)
{
    struct number_search search = { from, INT32_MAX };

    if (node->entry == &root_entry)
        process_for_each(visit_process, &search);
    else if (node->entry->kind == PROC_TASKS)
        search.found = next_thread(subject->process, from);
    else if (node->entry->kind != PROC_DIRECTORY)
        search.found = next_descriptor(subject, from);
    return search.found;
}

static uint8_t type_of_kind(enum proc_kind kind)
{
    switch (kind) {
    case PROC_TEXT:
    case PROC_DESCRIPTOR_INFO:
        return MODE_REGULAR >> 12;
    case PROC_LINK:
    case PROC_DESCRIPTOR:
        return MODE_LINK >> 12;
    case PROC_DIRECTORY:
    case PROC_DESCRIPTORS:
    case PROC_DESCRIPTOR_INFO_DIRECTORY:
    case PROC_TASKS:
        return MODE_DIRECTORY >> 12;
    }
    UNREACHABLE();
}

static uint8_t type_of_numbers(enum proc_kind kind)
{
    if (kind == PROC_DESCRIPTORS)
        return MODE_LINK >> 12;
    return kind == PROC_DESCRIPTOR_INFO_DIRECTORY ? MODE_REGULAR >> 12 : MODE_DIRECTORY >> 12;
}

/* False: the sink has had enough. */
static bool read_table(struct file *file, directory_sink sink, void *context)
{
    const struct proc_node *node = file->inode->contents;
    const struct proc_entry *children = node->entry->children;
    uint64_t count = 0;

    while (children && children[count].name)
        count++;
    while (file->position >= 2 && file->position < 2 + count) {
        uint64_t index = file->position - 2;

        const struct directory_entry entry = {
            .name = children[index].name,
            .length = text_length(children[index].name),
            .inode = file->inode->number + ((index + 1) << node->child_shift),
            .type = type_of_kind(children[index].kind),
            .next = (int64_t)file->position + 1,
        };

        if (sink(context, &entry))
            return false;
        file->position++;
    }
    if (file->position < (uint64_t)NUMBERS_START)
        file->position = (uint64_t)NUMBERS_START;
    return true;
}

static void read_numbers(struct file *file, const struct proc_subject *subject,
                         directory_sink sink, void *context)
{
    const struct proc_node *node = file->inode->contents;
    uint8_t type = type_of_numbers(node->entry->kind);

    while (file->position < (uint64_t)NUMBERS_START + INT32_MAX) {
        int32_t from = (int32_t)(file->position - (uint64_t)NUMBERS_START);
        int32_t number = next_number(node, subject, from);
        char name[NUMBER_TEXT_SIZE];

        if (number == INT32_MAX)
            return;

        const struct directory_entry entry = {
            .name = name,
            .length = format(name, sizeof(name), "%d", number),
            .inode = file->inode->number + (uint64_t)number + 1,
            .type = type,
            .next = NUMBERS_START + number + 1,
        };

        if (sink(context, &entry))
            return;
        file->position = (uint64_t)entry.next;
    }
}

static int proc_read_directory(struct file *file, directory_sink sink, void *context)
{
    struct proc_subject subject;
    int error = proc_subject_of(file->inode->contents, &subject);

    if (error)
        return -ENOENT;
    if (directory_read_dots(file, sink, context) && read_table(file, sink, context))
        read_numbers(file, &subject, sink, context);
    proc_subject_release(&subject);
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
    result = node->entry->target(&subject, target, size);
    proc_subject_release(&subject);
    return result;
}

static int proc_follow(struct inode *inode, struct mount **mount, struct name **name)
{
    const struct proc_node *node = inode->contents;
    struct proc_subject subject;
    struct path path;
    int error = proc_subject_of(node, &subject);

    if (error)
        return -ENOENT;
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

static const struct inode_operations directory_operations = {
    .lookup = proc_lookup, .stamp = proc_stamp, .create = proc_create, .symlink = proc_symlink,
    .destroy = proc_destroy,
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
static const struct inode_operations link_operations = {
    .read_link = proc_read_link, .destroy = proc_destroy,
};
static const struct inode_operations magic_link_operations = {
    .read_link = proc_read_link, .follow = proc_follow, .destroy = proc_destroy,
};
static const struct file_operations directory_file_operations = {
    .read_directory = proc_read_directory,
};

static struct inode_kind kind_of(const struct proc_entry *entry)
{
    switch (type_of_kind(entry->kind) << 12) {
    case MODE_DIRECTORY:
        return (struct inode_kind){ &directory_operations, &directory_file_operations };
    case MODE_LINK:
        return (struct inode_kind){ entry->follow ? &magic_link_operations : &link_operations,
                                    NULL };
    }
    return (struct inode_kind){ &text_operations, &proc_text_operations };
}

static uint32_t mode_of(const struct proc_entry *entry)
{
    uint32_t type = (uint32_t)type_of_kind(entry->kind) << 12;

    if (entry->permissions)
        return type | entry->permissions;
    return type | (type == MODE_LINK ? LINK_PERMISSIONS : 0);
}

/* Owner of what is about a process: its effective user. */
static int set_owner(const struct proc_node *node, struct inode_request *request)
{
    struct proc_subject subject;
    int error = proc_subject_of(node, &subject);

    if (error)
        return -ENOENT;
    if (subject.process) {
        spin_lock(&subject.process->lock);
        request->user_id = subject.process->credentials.effective_user_id;
        request->group_id = subject.process->credentials.effective_group_id;
        spin_unlock(&subject.process->lock);
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

static int proc_statistics(struct filesystem *filesystem, struct filesystem_statistics *result)
{
    (void)filesystem;
    *result = (struct filesystem_statistics){
        .type = FILESYSTEM_MAGIC, .block_size = 4096, .fragment_size = 4096, .name_max = NAME_MAX,
    };
    return 0;
}

static const struct filesystem_operations filesystem_operations = {
    .statistics = proc_statistics,
};

int procfs_create(struct filesystem **result)
{
    struct proc_node root = { .entry = &root_entry, .child_shift = CHILD_SHIFT_FIRST };
    struct filesystem *filesystem;
    int error = filesystem_create("proc", &filesystem_operations, &filesystem);

    if (error)
        return error;
    error = make_inode(filesystem, &root, 1, &filesystem->root);
    if (error) {
        filesystem_release(filesystem);
        return error;
    }
    *result = filesystem;
    return 0;
}
