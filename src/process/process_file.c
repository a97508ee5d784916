/*
 * pidfds.
 *
 * Invariant: the file's reference keeps the process, and with it the queue that polls wait on; it
 * keeps nothing else that the process had.
 */
#include "process/process_file.h"

#include "fs/anonymous_file.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/poll.h"
#include "lib/format.h"
#include "memory/user_memory.h"
#include "process/process_internal.h"

bool process_is_gone(const struct process *process)
{
    bool is_gone;

    spin_lock(process_table_lock());
    is_gone = process->ended && !process->is_zombie;
    spin_unlock(process_table_lock());
    return is_gone;
}

/* Readable when all threads have left; hung up when the id is free again. */
static uint32_t process_file_poll(struct file *file, struct poll_table *table)
{
    struct process *process = file->contents;
    uint32_t events = 0;

    poll_table_add(table, &process->ended_queue);
    spin_lock(process_table_lock());
    if (process->ended)
        events = POLL_READABLE | POLL_READ_NORMAL | (process->is_zombie ? 0 : POLL_HANGUP);
    spin_unlock(process_table_lock());
    return events;
}

static size_t process_file_describe(struct file *file, char *text, size_t size)
{
    struct process *process = file->contents;
    unsigned level = pid_namespace_current()->level;
    bool is_gone = process_is_gone(process);
    int id = is_gone ? -1 : (int)pid_seen(process->id);
    size_t length = format(text, size, "Pid:\t%d\nNSpid:\t%d", id, id);

    /* In the namespaces between the reader's and its own. */
    while (id > 0 && ++level <= process->pid_namespace->level)
        length += format(text + length, size - length, "\t%d",
                         pid_seen_in(pid_namespace_above(process->pid_namespace, level),
                                     process->id));
    return length + format(text + length, size - length, "\n");
}

static void process_file_release(struct file *file)
{
    process_release(file->contents);
}

static const struct file_operations process_file_operations = {
    .poll = process_file_poll,
    .describe = process_file_describe,
    .release = process_file_release,
};

int process_file_create(struct process *process, uint32_t flags, struct file **file)
{
    int error = anonymous_file_create(&process_file_operations, "anon_inode:[pidfd]", flags,
                                      process, file);

    if (!error)
        process_reference(process);
    return error;
}

struct process *process_of_file(const struct file *file)
{
    return file->operations == &process_file_operations ? file->contents : NULL;
}

int process_file_open(struct process *process, uint64_t word)
{
    struct file *file;
    int fd = process_file_create(process, 0, &file);

    if (fd)
        return fd;
    fd = file_table_add(current_files(), file, true,
                        process_limit(current_process(), LIMIT_OPEN_FILES).soft);
    if (fd < 0) {
        file_release(file);
        return fd;
    }
    if (user_copy_out(current_space(), word, &fd, sizeof(fd)) == 0)
        return fd;
    return file_table_close(current_files(), fd) == 0 ? -EFAULT : -EBADF;
}
