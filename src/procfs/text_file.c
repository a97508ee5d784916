/*
 * Open text files of procfs: the text is written when its beginning is read, and stays as it is
 * until the next time, so that what is read in pieces fits together.
 */
#include "fs/path.h"
#include "fs/read_write.h"
#include "memory/pool.h"
#include "procfs/procfs_internal.h"

#define TEXT_SIZE_FIRST 4096u
#define TEXT_SIZE_MAX (16u << 20)
#define SETTING_SIZE 128u    /* bytes of what is written that count */

/* Contents of an open file: the text as it was when the beginning was last read. */
struct proc_text {
    struct mutex lock;    /* RANK_PROC_TEXT; held while user memory is written */

    /* Protected by `lock`. */
    struct proc_output output;
    bool is_filled;
};

static struct pool text_pool = POOL_INITIAL("proc text", struct proc_text, 0);

/* Makes the buffer larger as long as the text does not fit, and starts again. */
static int write_until_it_fits(struct proc_output *output, const struct proc_entry *entry,
                               const struct proc_subject *subject)
{
    for (;;) {
        output->length = 0;
        if (output->size > 0)
            entry->write(output, subject);
        if (output->size > 0 && output->length < output->size)
            return 0;

        size_t size = output->size == 0 ? TEXT_SIZE_FIRST : 2 * (output->length + 1);

        memory_free(output->bytes, output->size);
        output->bytes = size <= TEXT_SIZE_MAX ? memory_allocate(size) : NULL;
        output->size = output->bytes ? size : 0;
        if (!output->bytes)
            return -ENOMEM;
    }
}

static int fill(struct proc_text *text, const struct proc_node *node)
{
    struct proc_subject subject;
    struct fs_context reader;
    int error = proc_subject_of(node, &subject);

    if (error)
        return error;
    error = proc_is_checked_at_open(node->entry) ? 0 : proc_check(node->entry, &subject);
    if (error) {
        proc_subject_release(&subject);
        return error;
    }
    current_fs_context(&reader);
    text->output.root = &reader.root;
    error = write_until_it_fits(&text->output, node->entry, &subject);
    text->output.root = NULL;
    text->is_filled = !error;
    fs_context_release(&reader);
    proc_subject_release(&subject);
    return error;
}

static void proc_release(struct file *file)
{
    struct proc_text *text = file->contents;

    memory_free(text->output.bytes, text->output.size);
    pool_free(&text_pool, text);
}

/* The process must be there when a file about it is opened. */
static int check_open(const struct proc_node *node)
{
    struct proc_subject subject;
    int error = proc_subject_of(node, &subject);

    if (error)
        return error;
    if (proc_is_checked_at_open(node->entry))
        error = proc_check(node->entry, &subject);
    proc_subject_release(&subject);
    return error;
}

int proc_text_open(struct inode *inode, struct file *file)
{
    const struct proc_node *node = inode->contents;
    int error = check_open(node);
    struct proc_text *text;

    if (error)
        return error;
    text = pool_allocate(&text_pool);
    if (!text)
        return -ENOMEM;
    mutex_init(&text->lock, RANK_PROC_TEXT, "proc text");
    file->contents = text;
    if (node->entry->is_snapshot)
        error = fill(text, node);
    if (error)
        proc_release(file);
    return error;
}

static int64_t proc_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    const struct proc_node *node = file->inode->contents;
    struct proc_text *text = file->contents;
    int64_t result = 0;

    mutex_lock(&text->lock);
    if (!text->is_filled || (*position == 0 && !node->entry->is_snapshot))
        result = fill(text, node);
    if (result == 0 && *position < text->output.length)
        result = io_buffer_put(buffer, text->output.bytes + *position,
                               text->output.length - *position);
    mutex_unlock(&text->lock);
    if (result > 0)
        *position += (uint64_t)result;
    return result;
}

/* Any position from the start on: the length is not known before the text is read. */
static int64_t proc_seek(struct file *file, int64_t offset, int whence)
{
    if (whence == SEEK_FROM_CURRENT && __builtin_add_overflow(offset, (int64_t)file->position,
                                                              &offset))
        return -EOVERFLOW;
    if ((whence != SEEK_FROM_START && whence != SEEK_FROM_CURRENT) || offset < 0)
        return -EINVAL;
    file->position = (uint64_t)offset;
    return offset;
}

static int store(const struct proc_node *node, char *text, size_t length)
{
    struct proc_subject subject;
    int error = proc_subject_of(node, &subject);

    if (error)
        return error;
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
        length--;
    text[length] = '\0';
    error = node->entry->store(&subject, text);
    proc_subject_release(&subject);
    return error;
}

/* A setting is written in one piece; what does not fit is cut.  Where nothing can be changed, Linux
 * has this error. */
static int64_t proc_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    const struct proc_node *node = file->inode->contents;
    int64_t size = (int64_t)buffer->remaining;
    char text[SETTING_SIZE + 1];
    int64_t length;
    int error;

    if (!node->entry->store)
        return -EIO;
    length = io_buffer_get(buffer, text, SETTING_SIZE);
    if (length < 0)
        return length;
    error = store(node, text, (size_t)length);
    if (error)
        return error;
    *position += (uint64_t)size;
    return size;
}

const struct file_operations proc_text_operations = {
    .read = proc_read, .write = proc_write, .seek = proc_seek, .release = proc_release,
};
