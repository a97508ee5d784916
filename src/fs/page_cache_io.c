/*
 * Page caches: moving bytes in and out, and the sizes of files.
 *
 * A read or write takes a batch of pages under the lock, with a reference to each, gives the lock
 * back, and moves the bytes: user memory may fault, and a fault may need this same cache.
 *
 * Invariant: bytes beyond the file's size are zero unless somebody wrote them through a mapping;
 * they are made zero again before the file grows over them.
 */
#include "fs/fs_internal.h"
#include "fs/page_cache.h"
#include "fs/read_write.h"
#include "lib/memory.h"
#include "sched/thread.h"

#define BATCH_PAGES 32u

struct page_batch {
    struct page *pages[BATCH_PAGES];    /* with references; NULL: a hole */
    unsigned count;
};

/* ---- Batches ------------------------------------------------------------------------------- */

/* Pages for [index, index + wanted), as many as fit in a batch.  An error only if there is not
 * even the first. */
static int take_batch(struct page_cache *cache, uint64_t index, uint64_t wanted, bool make,
                      struct page_batch *batch) REQUIRES(&cache->lock)
{
    batch->count = 0;
    while (batch->count < BATCH_PAGES && batch->count < wanted) {
        uint64_t left = wanted - batch->count;
        struct page *page;
        int error = page_cache_find(cache, index + batch->count, left, make, &page);

        if (error)
            return batch->count > 0 ? 0 : error;
        if (page)
            page_reference(page);
        batch->pages[batch->count++] = page;
    }
    return 0;
}

static void release_batch(struct page_batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        if (batch->pages[i])
            page_release(batch->pages[i]);
    }
}

/* How many pages from `from` on lie behind one another in memory (or are all holes). */
static unsigned contiguous_pages(const struct page_batch *batch, unsigned from)
{
    unsigned i = from + 1;

    while (i < batch->count) {
        const struct page *previous = batch->pages[i - 1];
        const struct page *page = batch->pages[i];

        if (!previous != !page)
            break;
        if (page && page_address(page) != page_address(previous) + PAGE_SIZE)
            break;
        i++;
    }
    return i - from;
}

/* ---- The end of the file ------------------------------------------------------------------- */

/* Zeroes the last page behind the end of the file. */
static void zero_tail(struct page_cache *cache)
{
    size_t used = cache->size % PAGE_SIZE;
    struct page *page = page_tree_get(&cache->pages, cache->size / PAGE_SIZE);

    if (page && used > 0)
        memset((char *)page_data(page) + used, 0, PAGE_SIZE - used);
}

/* Drops what lies beyond the page of the file's end: nobody has that mapped. */
static void drop_beyond(struct page_cache *cache) REQUIRES(&cache->lock)
{
    uint64_t index = page_cache_pages_of(cache->size);

    ASSERT(mutex_is_held(&cache->lock));
    while (page_tree_next(&cache->pages, &index))
        page_cache_drop(cache, index);
}

void page_cache_resize(struct page_cache *cache, uint64_t size)
{
    mutex_lock(&cache->lock);

    bool shrinks = size < cache->size;

    if (!shrinks)
        zero_tail(cache);
    cache->size = size;
    zero_tail(cache);
    mutex_unlock(&cache->lock);
    if (!shrinks)
        return;

    /* From the new size on no fault gets a page beyond it; those that came before lose theirs. */
    memory_object_unmap(&cache->object, page_cache_pages_of(size), UINT64_MAX);
    mutex_lock(&cache->lock);
    drop_beyond(cache);
    mutex_unlock(&cache->lock);
}

/* ---- Reading and writing ------------------------------------------------------------------- */

static int64_t move_out(struct page *page, size_t offset, struct io_buffer *buffer, size_t size)
{
    if (!page)
        return io_buffer_put_zero(buffer, size);
    return io_buffer_put(buffer, (char *)page_data(page) + offset, size);
}

static int64_t move_in(struct page *page, size_t offset, struct io_buffer *buffer, size_t size)
{
    return io_buffer_get(buffer, (char *)page_data(page) + offset, size);
}

/* Moves `size` bytes between the batch, from `offset` in its first page on, and the buffer. */
static int64_t move_batch(const struct page_batch *batch, size_t offset,
                          struct io_buffer *buffer, size_t size, bool out)
{
    size_t done = 0;

    for (unsigned i = 0; i < batch->count && done < size;) {
        unsigned pages = contiguous_pages(batch, i);
        size_t part = (size_t)pages * PAGE_SIZE - offset;
        int64_t moved;

        if (part > size - done)
            part = size - done;
        moved = out ? move_out(batch->pages[i], offset, buffer, part)
                    : move_in(batch->pages[i], offset, buffer, part);
        if (moved < 0)
            return done > 0 ? (int64_t)done : moved;
        done += (size_t)moved;
        if ((size_t)moved < part)
            break;
        offset = 0;
        i += pages;
    }
    return (int64_t)done;
}

/* The pages that `size` bytes from `position` on touch. */
static uint64_t pages_touched(uint64_t position, uint64_t size)
{
    return (position % PAGE_SIZE + size + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* Bytes of the batch from `position` on, at most `size`. */
static size_t batch_bytes(const struct page_batch *batch, uint64_t position, uint64_t size)
{
    uint64_t bytes = (uint64_t)batch->count * PAGE_SIZE - position % PAGE_SIZE;

    return bytes < size ? (size_t)bytes : (size_t)size;
}

/* How much of `size` bytes from there on the file has.  The lock is held. */
static uint64_t size_left(const struct page_cache *cache, uint64_t position, uint64_t size)
{
    if (position >= cache->size)
        return 0;
    return size < cache->size - position ? size : cache->size - position;
}

/* One batch; 0 at the end of the file. */
static int64_t read_batch(struct page_cache *cache, struct io_buffer *buffer, uint64_t position)
{
    struct page_batch batch = { .count = 0 };
    uint64_t size = buffer->remaining;
    int64_t moved = 0;
    int error = 0;

    mutex_lock(&cache->lock);
    size = size_left(cache, position, size);
    if (size > 0)
        error = take_batch(cache, position / PAGE_SIZE, pages_touched(position, size), false,
                           &batch);
    size = size_left(cache, position, size);    /* it may have turned out to be shorter */
    mutex_unlock(&cache->lock);
    if (error)
        return error == -ENXIO ? 0 : error;    /* it became shorter meanwhile */
    if (size > 0)
        moved = move_batch(&batch, position % PAGE_SIZE, buffer,
                           batch_bytes(&batch, position, size), true);
    release_batch(&batch);
    return moved;
}

int64_t page_cache_read(struct page_cache *cache, struct io_buffer *buffer, uint64_t *position)
{
    int64_t done = 0;

    while (buffer->remaining > 0) {
        int64_t moved = read_batch(cache, buffer, *position);

        if (moved <= 0)
            return done > 0 ? done : moved;
        done += moved;
        *position += (uint64_t)moved;
    }
    return done;
}

static int64_t write_batch(struct page_cache *cache, struct io_buffer *buffer, uint64_t position)
{
    struct page_batch batch = { .count = 0 };
    uint64_t size = buffer->remaining;
    size_t planned;
    int64_t moved;
    int error;

    mutex_lock(&cache->lock);
    if (position > cache->size)
        zero_tail(cache);
    error = take_batch(cache, position / PAGE_SIZE, pages_touched(position, size), true, &batch);
    mutex_unlock(&cache->lock);
    if (error)
        return error;
    planned = batch_bytes(&batch, position, size);
    moved = move_batch(&batch, position % PAGE_SIZE, buffer, planned, false);
    release_batch(&batch);

    mutex_lock(&cache->lock);
    if (moved > 0 && position + (uint64_t)moved > cache->size)
        cache->size = position + (uint64_t)moved;
    if (moved < (int64_t)planned)
        drop_beyond(cache);
    mutex_unlock(&cache->lock);
    return moved;
}

int64_t page_cache_write(struct page_cache *cache, struct io_buffer *buffer, uint64_t *position)
{
    int64_t done = 0;

    ASSERT(!cache->operations->fill);
    while (buffer->remaining > 0) {
        int64_t moved = write_batch(cache, buffer, *position);

        if (moved <= 0)
            return done > 0 ? done : moved;
        done += moved;
        *position += (uint64_t)moved;
    }
    return done;
}

/* ---- Files that are written elsewhere ------------------------------------------------------- */

void page_cache_note_written(struct page_cache *cache, const void *bytes, size_t size,
                             uint64_t offset)
{
    const char *from = bytes;

    mutex_lock(&cache->lock);
    if (offset + size > cache->size) {
        zero_tail(cache);
        cache->size = offset + size;
    }
    while (size > 0) {
        size_t place = offset % PAGE_SIZE;
        size_t part = PAGE_SIZE - place < size ? PAGE_SIZE - place : size;
        struct page *page = page_tree_get(&cache->pages, offset / PAGE_SIZE);

        if (page)
            memcpy((char *)page_data(page) + place, from, part);
        from += part;
        offset += part;
        size -= part;
    }
    mutex_unlock(&cache->lock);
}

/* Bytes of the file in this page. */
static size_t bytes_in_page(const struct page_cache *cache, uint64_t index)
{
    uint64_t left = cache->size - index * PAGE_SIZE;

    return left < PAGE_SIZE ? (size_t)left : PAGE_SIZE;
}

/* As long as somebody maps the file he may write to the pages again without a fault, so they stay
 * noted until nobody does. */
int page_cache_write_back(struct page_cache *cache)
{
    uint64_t index = 0;
    struct page *page;
    int error = 0;

    mutex_lock(&cache->lock);

    bool is_mapped = memory_object_is_mapped(&cache->object);

    while (cache->written.root && (page = page_tree_next(&cache->written, &index))) {
        int part = cache->operations->write_back(cache, index, page, bytes_in_page(cache, index));

        if (part && !error)
            error = part;
        if (!is_mapped)
            page_release(page_tree_remove(&cache->written, index));
        index++;
    }
    mutex_unlock(&cache->lock);
    return error;
}

/* ---- Allocating and punching --------------------------------------------------------------- */

#define ALLOCATE_PAGES 512u    /* with the lock held */

int page_cache_allocate(struct page_cache *cache, uint64_t start, uint64_t end,
                        bool ends_by_signal)
{
    uint64_t index = start / PAGE_SIZE;
    int error = 0;

    if (end <= start)
        return 0;
    if (page_cache_pages_of(end) - index > page_statistics().total)
        return -ENOSPC;
    while (!error && index < page_cache_pages_of(end)) {
        uint64_t stop = index + ALLOCATE_PAGES;

        mutex_lock(&cache->lock);
        for (; !error && index < stop && index < page_cache_pages_of(end); index++) {
            struct page *page;

            error = page_cache_find(cache, index, page_cache_pages_of(end) - index, true, &page);
        }
        mutex_unlock(&cache->lock);
        if (!error && ends_by_signal && atomic_load(&current_thread()->interrupted))
            error = -EINTR;
    }
    return error;
}

/* Zeroes [start, end), which lies in one page. */
static void zero_part(struct page_cache *cache, uint64_t start, uint64_t end)
{
    struct page *page = page_tree_get(&cache->pages, start / PAGE_SIZE);

    if (page && end > start)
        memset((char *)page_data(page) + start % PAGE_SIZE, 0, end - start);
}

void page_cache_punch(struct page_cache *cache, uint64_t start, uint64_t end)
{
    uint64_t first = page_cache_pages_of(start), last = end / PAGE_SIZE;
    uint64_t index = first;

    mutex_lock(&cache->lock);
    if (first > last) {
        zero_part(cache, start, end);
    } else {
        zero_part(cache, start, first * PAGE_SIZE);
        zero_part(cache, last * PAGE_SIZE, end);
    }
    while (page_tree_next(&cache->pages, &index) && index < last)
        page_cache_drop(cache, index);
    mutex_unlock(&cache->lock);
    /* A fault in between finds a new page of zeroes, and comes again. */
    if (first < last)
        memory_object_unmap_shared(&cache->object, first, last - first);
}

/* ---- Sizes and holes ----------------------------------------------------------------------- */

uint64_t page_cache_size(struct page_cache *cache)
{
    uint64_t size;

    mutex_lock(&cache->lock);
    size = cache->size;
    mutex_unlock(&cache->lock);
    return size;
}

uint64_t page_cache_pages(struct page_cache *cache)
{
    uint64_t count;

    mutex_lock(&cache->lock);
    count = cache->page_count;
    mutex_unlock(&cache->lock);
    return count;
}

uint64_t page_cache_next_data(struct page_cache *cache, uint64_t position)
{
    uint64_t index = position / PAGE_SIZE;
    uint64_t found;

    mutex_lock(&cache->lock);
    found = cache->size;
    if (cache->operations->fill)
        found = position;
    else if (page_tree_next(&cache->pages, &index) && index < page_cache_pages_of(cache->size))
        found = index * PAGE_SIZE > position ? index * PAGE_SIZE : position;
    mutex_unlock(&cache->lock);
    return found;
}

uint64_t page_cache_next_hole(struct page_cache *cache, uint64_t position)
{
    uint64_t index = position / PAGE_SIZE;
    uint64_t found;

    mutex_lock(&cache->lock);
    found = cache->size;
    if (!cache->operations->fill && !page_tree_get(&cache->pages, index)) {
        found = position;
    } else if (!cache->operations->fill) {
        while (page_tree_get(&cache->pages, index))
            index++;
        if (index < page_cache_pages_of(cache->size))
            found = index * PAGE_SIZE;
    }
    mutex_unlock(&cache->lock);
    return found;
}

int64_t page_cache_seek(struct file *file, struct page_cache *cache, int64_t offset, int whence)
    REQUIRES(&file->position_lock)
{
    uint64_t size = page_cache_size(cache);
    uint64_t found;

    if (whence != SEEK_TO_DATA && whence != SEEK_TO_HOLE)
        return file_seek_by_size(file, offset, whence, size);
    if (offset < 0 || (uint64_t)offset >= size)
        return -ENXIO;
    found = whence == SEEK_TO_DATA ? page_cache_next_data(cache, (uint64_t)offset)
                                   : page_cache_next_hole(cache, (uint64_t)offset);
    if (whence == SEEK_TO_DATA && found >= size)
        return -ENXIO;
    file->position = found;
    return (int64_t)found;
}
