/*
 * What directories of procfs and sysfs list: the names of their table, then the numbers of
 * processes, threads or descriptors.
 *
 * A position is the number that comes next, so that reading in pieces misses nothing that is there
 * all the time, whatever comes and goes meanwhile; and each step finds its number in a tree.
 */
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/inode.h"
#include "lib/format.h"
#include "lib/text.h"
#include "memory/page.h"
#include "procfs/procfs_internal.h"
#include "sched/pid_namespace.h"

#define NUMBER_TEXT_SIZE 24

/* Positions: 2 and up are the entries of the table, then numbers + NUMBERS_START. */
#define NUMBERS_START (INT64_C(1) << 32)

/* The first one is shown as long as the process is there, others while they live. */
static bool is_shown(const struct thread *thread, const struct process *process)
{
    return thread->process == process &&
           (thread->state != THREAD_DEAD || thread->id == process->id);
}

/* Is it the first one of a process that is there? */
static bool is_process(const struct thread *thread, const struct process *unused)
{
    struct process *process = thread->process ? process_find(thread->id) : NULL;

    (void)unused;
    if (process)
        process_release(process);
    return process != NULL;
}

/* The lowest id in a namespace, at least `from`, of a thread that is wanted. */
static int32_t next_thread(struct pid_namespace *space, int32_t from,
                           bool (*is_wanted)(const struct thread *thread,
                                             const struct process *process),
                           const struct process *process)
{
    struct thread *thread;

    for (int32_t id = from; (thread = thread_find_next(space, id)); id++) {
        int32_t seen = pid_seen_in(space, thread->id);
        bool wanted = seen >= id && is_wanted(thread, process);

        thread_release(thread);
        if (wanted)
            return seen;
        if (seen > id)
            id = seen;
    }
    return INT32_MAX;
}

static bool is_listed(const struct proc_view *view, int32_t seen)
{
    struct process *process = process_find(pid_named_in(view->space, seen));
    bool is_listed = process && !proc_is_hidden(view, process, PROC_HIDES_PROCESSES);

    if (process)
        process_release(process);
    return is_listed;
}

/* Those of the machine's own namespace are in a table of their own. */
static int32_t next_process(const struct proc_view *view, int32_t from)
{
    int32_t id = from;

    for (;; id++) {
        id = view->space->level == 0 ? process_next_id(id)
                                     : next_thread(view->space, id, is_process, NULL);
        if (id == INT32_MAX || view->options.hiding < PROC_HIDES_PROCESSES || is_listed(view, id))
            return id;
    }
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
    if (node->entry->kind == PROC_PROCESSES)
        return next_process(node->view, from);
    if (node->entry->kind == PROC_TASKS)
        return next_thread(node->view->space, from, is_shown, subject->process);
    if (node->entry->kind != PROC_DIRECTORY)
        return next_descriptor(subject, from);
    return INT32_MAX;
}

uint8_t proc_type_of_kind(enum proc_kind kind)
{
    switch (kind) {
    case PROC_TEXT:
    case PROC_MEMORY:
    case PROC_PAGE_MAP:
    case PROC_DESCRIPTOR_INFO:
        return MODE_REGULAR >> 12;
    case PROC_LINK:
    case PROC_DESCRIPTOR:
        return MODE_LINK >> 12;
    case PROC_DIRECTORY:
    case PROC_PROCESSES:
    case PROC_DESCRIPTORS:
    case PROC_DESCRIPTOR_INFO_DIRECTORY:
    case PROC_TASKS:
    case PROC_MAPPINGS:
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

const struct proc_entry *proc_entry_next(const struct proc_entry *entry)
{
    entry++;
    if (!entry->name)
        entry = entry->children;
    return entry && entry->name ? entry : NULL;
}

/* False: the sink has had enough. */
static bool read_table(struct file *file, directory_sink sink, void *context)
{
    const struct proc_node *node = file->inode->contents;
    const struct proc_entry *entry = node->entry->children;
    uint64_t index = 1;

    if (entry && !entry->name)
        entry = NULL;
    for (; entry; entry = proc_entry_next(entry), index++) {
        const struct directory_entry line = {
            .name = entry->name,
            .length = text_length(entry->name),
            .inode = file->inode->number + (index << node->child_shift),
            .type = proc_type_of_kind(entry->kind),
            .next = (int64_t)index + 2,
        };

        if (file->position != index + 1)
            continue;
        if (sink(context, &line))
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

/* The links of map_files: a position is an address. */
static void read_mappings(struct file *file, const struct proc_subject *subject,
                          directory_sink sink, void *context)
{
    user_address start = file->position - (uint64_t)NUMBERS_START;
    char name[PROC_MAPPING_NAME];

    while (proc_next_mapping(subject->process, start, name, &start)) {
        const struct directory_entry entry = {
            .name = name,
            .length = text_length(name),
            .inode = file->inode->number + (start >> PAGE_SHIFT) + 1,
            .type = MODE_LINK >> 12,
            .next = NUMBERS_START + (int64_t)start + 1,
        };

        if (sink(context, &entry))
            return;
        file->position = (uint64_t)entry.next;
        start++;
    }
}

static int read_directory(struct file *file, directory_sink sink, void *context)
{
    const struct proc_node *node = file->inode->contents;
    struct proc_subject subject;
    int error = proc_subject_of(node, &subject);

    if (error)
        return -ENOENT;
    if (directory_read_dots(file, sink, context) && read_table(file, sink, context)) {
        if (node->entry->kind == PROC_MAPPINGS)
            read_mappings(file, &subject, sink, context);
        else
            read_numbers(file, &subject, sink, context);
    }
    proc_subject_release(&subject);
    return 0;
}

const struct file_operations proc_directory_operations = { .read_directory = read_directory };
