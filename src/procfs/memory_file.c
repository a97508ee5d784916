/*
 * /proc/<pid>/mem: the memory of a process, where the position is the address.
 *
 * The open file keeps the address space that it was opened for: after exec it is that of a program
 * that is gone, and there is nothing to read.
 */
#include "fs/file.h"
#include "fs/read_write.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "procfs/procfs_internal.h"

#define COPY_SIZE 4096u

int proc_memory_open(struct inode *inode, struct file *file)
{
    const struct proc_node *node = inode->contents;
    struct proc_subject subject;
    int error = proc_subject_of(node, &subject);

    if (error)
        return error;
    error = proc_check(node->entry, &subject);
    if (!error)
        file->contents = process_space(subject.process);
    proc_subject_release(&subject);
    return error;
}

static void memory_release(struct file *file)
{
    if (file->contents)
        address_space_release(file->contents);
}

/* One piece: how many bytes, or an error. */
static int64_t move(struct address_space *space, struct io_buffer *buffer, char *bytes,
                    user_address address, bool is_write)
{
    size_t wanted = buffer->remaining < COPY_SIZE ? (size_t)buffer->remaining : COPY_SIZE;
    int64_t size = (int64_t)wanted;

    if (!is_write)
        size = (int64_t)user_copy_in_partial(space, bytes, address, wanted);
    if (size > 0)
        size = is_write ? io_buffer_get(buffer, bytes, (size_t)size)
                        : io_buffer_put(buffer, bytes, (size_t)size);
    if (size > 0 && is_write)
        size = (int64_t)user_copy_out_partial(space, address, bytes, (size_t)size);
    return size ? size : -EIO;
}

static int64_t transfer(struct file *file, struct io_buffer *buffer, uint64_t *position,
                        bool is_write)
{
    char *bytes = memory_allocate(COPY_SIZE);
    int64_t total = 0, moved = 0;

    if (!bytes)
        return -ENOMEM;
    while (file->contents && buffer->remaining > 0) {
        moved = move(file->contents, buffer, bytes, *position, is_write);
        if (moved <= 0)
            break;
        total += moved;
        *position += (uint64_t)moved;
    }
    memory_free(bytes, COPY_SIZE);
    return total ? total : moved;
}

static int64_t memory_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    return transfer(file, buffer, position, false);
}

static int64_t memory_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    return transfer(file, buffer, position, true);
}

static int64_t memory_seek(struct file *file, int64_t offset, int whence)
{
    if (whence == SEEK_FROM_CURRENT)
        offset = (int64_t)(file->position + (uint64_t)offset);
    else if (whence != SEEK_FROM_START)
        return -EINVAL;
    file->position = (uint64_t)offset;
    return offset;
}

const struct file_operations proc_memory_operations = {
    .read = memory_read, .write = memory_write, .seek = memory_seek, .release = memory_release,
};
