/*
 * /proc/<pid>/mem: the memory of a process, where the position is the address; and pagemap: eight
 * bytes about each page of it, in Linux's format.
 *
 * The open file keeps the address space that it was opened for: after exec it is that of a program
 * that is gone, and there is nothing to read.
 */
#include "fs/file.h"
#include "fs/read_write.h"
#include "memory/page_table.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "procfs/procfs_internal.h"

#define COPY_SIZE 4096u

/* pagemap; bits that say what is not there (swap, huge pages, soft-dirty) are never set. */
#define MAP_PRESENT (UINT64_C(1) << 63)
#define MAP_OF_OBJECT (UINT64_C(1) << 61)
#define MAP_ALONE (UINT64_C(1) << 56)
#define MAP_ENTRY sizeof(uint64_t)
#define MAP_CHUNK 64u    /* pages asked for at a time */

struct open_memory {
    struct address_space *space;
    bool shows_frames;    /* who opened it may know where pages are */
};

int proc_memory_open(struct inode *inode, struct file *file)
{
    const struct proc_node *node = inode->contents;
    struct open_memory *memory;
    struct proc_subject subject;
    int error = proc_subject_of(node, &subject);

    if (error)
        return error;
    error = proc_check(node->entry, &subject);
    memory = error ? NULL : memory_allocate(sizeof(*memory));
    if (memory) {
        memory->space = process_space(subject.process);
        memory->shows_frames = current_can(CAPABILITY_ADMINISTRATION);
        file->contents = memory;
    }
    proc_subject_release(&subject);
    return error || memory ? error : -ENOMEM;
}

static void memory_release(struct file *file)
{
    struct open_memory *memory = file->contents;

    if (memory->space)
        address_space_release(memory->space);
    memory_free(memory, sizeof(*memory));
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
    struct address_space *space = ((struct open_memory *)file->contents)->space;
    char *bytes = memory_allocate(COPY_SIZE);
    int64_t total = 0, moved = 0;

    if (!bytes)
        return -ENOMEM;
    while (space && buffer->remaining > 0) {
        moved = move(space, buffer, bytes, *position, is_write);
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

/* ---- pagemap ------------------------------------------------------------------------------- */

static uint64_t map_entry(const struct page_report *page, bool shows_frame)
{
    uint64_t entry = shows_frame ? page->address >> PAGE_SHIFT : 0;

    if (!page->is_present)
        return 0;
    return entry | MAP_PRESENT | (page->of_object ? MAP_OF_OBJECT : 0) |
           (page->is_alone ? MAP_ALONE : 0);
}

/* As many as fit, of those from `first` on. */
static int64_t put_entries(const struct open_memory *memory, struct io_buffer *buffer,
                           uint64_t first)
{
    uint64_t left = USER_SPACE_END / PAGE_SIZE - first, wanted = buffer->remaining / MAP_ENTRY;
    struct page_report pages[MAP_CHUNK];
    uint64_t entries[MAP_CHUNK];
    size_t count = MAP_CHUNK;

    count = wanted < count ? (size_t)wanted : count;
    count = left < count ? (size_t)left : count;
    address_space_report_pages(memory->space, first * PAGE_SIZE, count, pages);
    for (size_t i = 0; i < count; i++)
        entries[i] = map_entry(&pages[i], memory->shows_frames);
    return io_buffer_put(buffer, entries, count * MAP_ENTRY);
}

static int64_t page_map_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    const struct open_memory *memory = file->contents;
    int64_t total = 0, put = 0;

    if (!memory->space)
        return 0;
    if (*position % MAP_ENTRY != 0 || buffer->remaining % MAP_ENTRY != 0)
        return -EINVAL;
    while (buffer->remaining > 0 && *position / MAP_ENTRY < USER_SPACE_END / PAGE_SIZE) {
        put = put_entries(memory, buffer, *position / MAP_ENTRY);
        if (put <= 0)
            break;
        total += put;
        *position += (uint64_t)put;
    }
    return total ? total : put;
}

const struct file_operations proc_page_map_operations = {
    .read = page_map_read, .seek = memory_seek, .release = memory_release,
};

const struct file_operations proc_memory_operations = {
    .read = memory_read, .write = memory_write, .seek = memory_seek, .release = memory_release,
};
