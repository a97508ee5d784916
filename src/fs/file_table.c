/*
 * The descriptors of a process: an array of files with two bit sets, `used` and `close_on_exec`.
 *
 * Invariants: every number below `lowest_free` is used; a number that is not used has no file; a
 * used number without a file is reserved.  The array is replaced by a larger one when it is too
 * small, outside of the lock because copying may be long.
 */
#include "fs/file_table.h"

#include "config.h"
#include "fs/file.h"
#include "fs/record_lock.h"
#include "lib/assert.h"
#include "lib/bitmap.h"
#include "lib/memory.h"
#include "lib/refcount.h"
#include "memory/pool.h"
#include "sync/spinlock.h"

#define FIRST_CAPACITY 256u    /* as most programs find it on Linux, where shells have used 255 */

/* One allocation: the files, then the two bit sets. */
struct descriptors {
    uint32_t capacity;    /* a multiple of 64 */
    struct file **files;
    uint64_t *used;
    uint64_t *close_on_exec;
};

struct file_table {
    struct refcount references;
    struct spinlock lock;    /* RANK_FILE_TABLE */

    /* Protected by `lock`. */
    struct descriptors descriptors;
    uint32_t lowest_free;    /* no free number is lower */
};

static struct pool table_pool = POOL_INITIAL("file table", struct file_table, 0);

/* ---- The array ----------------------------------------------------------------------------- */

static size_t descriptors_size(uint32_t capacity)
{
    return capacity * sizeof(struct file *) + 2 * (capacity / 8);
}

MUST_CHECK static int descriptors_allocate(uint32_t capacity, struct descriptors *descriptors)
{
    char *memory = memory_allocate(descriptors_size(capacity));

    ASSERT(capacity % 64 == 0);
    if (!memory)
        return -ENOMEM;
    descriptors->capacity = capacity;
    descriptors->files = (struct file **)(void *)memory;
    descriptors->used = (uint64_t *)(void *)(memory + capacity * sizeof(struct file *));
    descriptors->close_on_exec = descriptors->used + capacity / 64;
    return 0;
}

static void descriptors_free(struct descriptors *descriptors)
{
    memory_free(descriptors->files, descriptors_size(descriptors->capacity));
}

static void descriptors_copy(struct descriptors *to, const struct descriptors *from)
{
    ASSERT(to->capacity >= from->capacity);
    memcpy(to->files, from->files, from->capacity * sizeof(struct file *));
    memcpy(to->used, from->used, from->capacity / 8);
    memcpy(to->close_on_exec, from->close_on_exec, from->capacity / 8);
}

static uint32_t capacity_for(uint32_t fd)
{
    uint32_t capacity = FIRST_CAPACITY;

    while (capacity <= fd)
        capacity *= 2;
    return capacity;
}

/* Makes room for this number, which is below OPEN_FILES_MAX.  The lock is not held. */
MUST_CHECK static int grow(struct file_table *table, uint32_t fd)
{
    struct descriptors larger, unneeded;

    ASSERT(fd < OPEN_FILES_MAX);

    int error = descriptors_allocate(capacity_for(fd), &larger);

    if (error)
        return error;
    spin_lock(&table->lock);
    if (table->descriptors.capacity <= fd) {
        descriptors_copy(&larger, &table->descriptors);
        unneeded = table->descriptors;
        table->descriptors = larger;
    } else {
        unneeded = larger;    /* somebody else was faster */
    }
    spin_unlock(&table->lock);
    descriptors_free(&unneeded);
    return 0;
}

/* ---- Small steps, all with the lock held --------------------------------------------------- */

static void set_close_on_exec(struct file_table *table, uint32_t fd, bool close_on_exec)
{
    if (close_on_exec)
        bitmap_set(table->descriptors.close_on_exec, fd);
    else
        bitmap_clear(table->descriptors.close_on_exec, fd);
}

/* The file at a number, or NULL. */
static struct file *file_at(struct file_table *table, int fd) REQUIRES(&table->lock)
{
    ASSERT(spin_is_held(&table->lock));
    if (fd < 0 || (uint32_t)fd >= table->descriptors.capacity)
        return NULL;
    return table->descriptors.files[fd];
}

/* Frees an open number; the caller gets the table's reference to the file. */
static struct file *take_out(struct file_table *table, uint32_t fd)
{
    struct file *file = table->descriptors.files[fd];

    ASSERT(file);
    table->descriptors.files[fd] = NULL;
    bitmap_clear(table->descriptors.used, fd);
    bitmap_clear(table->descriptors.close_on_exec, fd);
    if (fd < table->lowest_free)
        table->lowest_free = fd;
    return file;
}

/* What was taken out: with the descriptor go the record locks.  The lock is not held. */
static void let_go(struct file_table *table, struct file *file)
{
    if (!(file_flags(file) & OPEN_PATH))
        record_lock_drop_all(file->inode, table);
    if (file->operations && file->operations->descriptor_closed)
        file->operations->descriptor_closed(file);
    file_release(file);
}

static bool is_reserved(struct file_table *table, uint32_t fd)
{
    return bitmap_test(table->descriptors.used, fd) && !table->descriptors.files[fd];
}

/* ---- Life ---------------------------------------------------------------------------------- */

MUST_CHECK static int create(uint32_t capacity, struct file_table **table)
{
    struct file_table *created = pool_allocate(&table_pool);

    if (!created)
        return -ENOMEM;

    int error = descriptors_allocate(capacity, &created->descriptors);

    if (error) {
        pool_free(&table_pool, created);
        return error;
    }
    refcount_init(&created->references, 1);
    spin_init(&created->lock, RANK_FILE_TABLE, "file table");
    *table = created;
    return 0;
}

int file_table_create(struct file_table **table)
{
    return create(FIRST_CAPACITY, table);
}

bool file_table_is_shared(const struct file_table *table)
{
    return refcount_value(&table->references) > 1;
}

void file_table_reference(struct file_table *table)
{
    refcount_take(&table->references);
}

void file_table_release(struct file_table *table)
{
    if (!refcount_drop(&table->references))
        return;
    file_table_close_range(table, 0, UINT32_MAX);
    descriptors_free(&table->descriptors);
    pool_free(&table_pool, table);
}

/* Reservations are of the thread that made them and are not copied.  False: too small. */
static bool copy_into(struct file_table *source, struct file_table *target)
{
    bool fits;

    spin_lock(&source->lock);
    fits = source->descriptors.capacity <= target->descriptors.capacity;
    if (fits) {
        descriptors_copy(&target->descriptors, &source->descriptors);
        for (uint32_t fd = 0; fd < target->descriptors.capacity; fd++) {
            if (target->descriptors.files[fd])
                file_reference(target->descriptors.files[fd]);
            else
                bitmap_clear(target->descriptors.used, fd);
        }
    }
    spin_unlock(&source->lock);
    return fits;
}

int file_table_copy(struct file_table *source, struct file_table **copy)
{
    for (;;) {
        struct file_table *target;
        int error = create(file_table_capacity(source), &target);

        if (error)
            return error;
        if (copy_into(source, target)) {
            *copy = target;
            return 0;
        }
        file_table_release(target);    /* it grew in the meantime */
    }
}

/* ---- Numbers ------------------------------------------------------------------------------- */

/* Marks the lowest free number at or above `minimum` that the array has room for, and returns it.
 * -EAGAIN: the array must grow to hold the number *wanted. */
static int attempt_reserve(struct file_table *table, uint32_t minimum, uint32_t limit,
                           uint32_t *wanted) REQUIRES(&table->lock)
{
    uint32_t from = minimum > table->lowest_free ? minimum : table->lowest_free;
    uint32_t capacity = table->descriptors.capacity;
    size_t fd = bitmap_find_clear(table->descriptors.used, capacity, from);

    ASSERT(spin_is_held(&table->lock));
    if (fd == BITMAP_NONE)
        fd = from > capacity ? from : capacity;
    if (fd >= limit)
        return -EMFILE;
    if (fd >= capacity) {
        *wanted = (uint32_t)fd;
        return -EAGAIN;
    }
    bitmap_set(table->descriptors.used, fd);
    bitmap_clear(table->descriptors.close_on_exec, fd);
    if (minimum <= table->lowest_free)
        table->lowest_free = (uint32_t)fd + 1;
    return (int)fd;
}

int file_table_reserve(struct file_table *table, uint32_t minimum, uint64_t limit)
{
    uint32_t bound = limit < OPEN_FILES_MAX ? (uint32_t)limit : OPEN_FILES_MAX;

    for (;;) {
        uint32_t wanted = 0;

        spin_lock(&table->lock);
        int fd = attempt_reserve(table, minimum, bound, &wanted);
        spin_unlock(&table->lock);
        if (fd != -EAGAIN)
            return fd;

        int error = grow(table, wanted);

        if (error)
            return error;
    }
}

void file_table_install(struct file_table *table, int fd, struct file *file, bool close_on_exec)
{
    spin_lock(&table->lock);
    ASSERT(fd >= 0);
    ASSERT((uint32_t)fd < table->descriptors.capacity);
    ASSERT(is_reserved(table, (uint32_t)fd));
    table->descriptors.files[fd] = file;
    set_close_on_exec(table, (uint32_t)fd, close_on_exec);
    spin_unlock(&table->lock);
}

void file_table_unreserve(struct file_table *table, int fd)
{
    spin_lock(&table->lock);
    ASSERT(fd >= 0);
    ASSERT((uint32_t)fd < table->descriptors.capacity);
    ASSERT(is_reserved(table, (uint32_t)fd));
    bitmap_clear(table->descriptors.used, (size_t)fd);
    if ((uint32_t)fd < table->lowest_free)
        table->lowest_free = (uint32_t)fd;
    spin_unlock(&table->lock);
}

int file_table_add(struct file_table *table, struct file *file, bool close_on_exec,
                   uint64_t limit)
{
    int fd = file_table_reserve(table, 0, limit);

    if (fd >= 0)
        file_table_install(table, fd, file, close_on_exec);
    return fd;
}

/* -EAGAIN: the array must grow. */
static int attempt_replace(struct file_table *table, uint32_t fd, struct file *file,
                           struct file **replaced) REQUIRES(&table->lock)
{
    ASSERT(spin_is_held(&table->lock));
    *replaced = NULL;
    if (fd >= table->descriptors.capacity)
        return -EAGAIN;
    if (is_reserved(table, fd))
        return -EBUSY;
    if (table->descriptors.files[fd])
        *replaced = take_out(table, fd);
    bitmap_set(table->descriptors.used, fd);
    table->descriptors.files[fd] = file;
    return 0;
}

int file_table_replace(struct file_table *table, int fd, struct file *file, bool close_on_exec,
                       uint64_t limit)
{
    if (fd < 0 || (uint32_t)fd >= limit || (uint32_t)fd >= OPEN_FILES_MAX)
        return -EBADF;
    for (;;) {
        struct file *replaced;

        spin_lock(&table->lock);
        int error = attempt_replace(table, (uint32_t)fd, file, &replaced);
        if (!error)
            set_close_on_exec(table, (uint32_t)fd, close_on_exec);
        spin_unlock(&table->lock);
        if (replaced)
            let_go(table, replaced);
        if (error == -EAGAIN)
            error = grow(table, (uint32_t)fd) ? -ENOMEM : -EAGAIN;
        if (error != -EAGAIN)
            return error;
    }
}

/* ---- Looking up and closing ---------------------------------------------------------------- */

struct file *file_table_get(struct file_table *table, int fd)
{
    spin_lock(&table->lock);
    struct file *file = file_at(table, fd);
    if (file)
        file_reference(file);
    spin_unlock(&table->lock);
    return file;
}

int file_table_close(struct file_table *table, int fd)
{
    struct file *file = NULL;

    spin_lock(&table->lock);
    if (file_at(table, fd))
        file = take_out(table, (uint32_t)fd);
    spin_unlock(&table->lock);
    if (!file)
        return -EBADF;
    let_go(table, file);
    return 0;
}

/* Takes out the first open number at or above *fd for which `only_marked` implies the
 * close-on-exec flag; NULL at the end. */
static struct file *take_next(struct file_table *table, uint32_t *fd, uint32_t last,
                              bool only_marked)
{
    struct file *file = NULL;

    spin_lock(&table->lock);
    for (; !file && *fd < table->descriptors.capacity && *fd <= last; (*fd)++) {
        bool wanted = !only_marked || bitmap_test(table->descriptors.close_on_exec, *fd);

        if (table->descriptors.files[*fd] && wanted)
            file = take_out(table, *fd);
    }
    spin_unlock(&table->lock);
    return file;
}

static void close_all(struct file_table *table, uint32_t first, uint32_t last, bool only_marked)
{
    struct file *file;

    while ((file = take_next(table, &first, last, only_marked)) != NULL)
        let_go(table, file);
}

void file_table_close_range(struct file_table *table, uint32_t first, uint32_t last)
{
    close_all(table, first, last, false);
}

void file_table_close_on_exec(struct file_table *table)
{
    close_all(table, 0, UINT32_MAX, true);
}

/* ---- Flags and reports --------------------------------------------------------------------- */

int file_table_flag(struct file_table *table, int fd)
{
    int result = -EBADF;

    spin_lock(&table->lock);
    if (file_at(table, fd))
        result = bitmap_test(table->descriptors.close_on_exec, (size_t)fd);
    spin_unlock(&table->lock);
    return result;
}

int file_table_set_flag(struct file_table *table, int fd, bool close_on_exec)
{
    int result = -EBADF;

    spin_lock(&table->lock);
    if (file_at(table, fd)) {
        set_close_on_exec(table, (uint32_t)fd, close_on_exec);
        result = 0;
    }
    spin_unlock(&table->lock);
    return result;
}

void file_table_set_flag_range(struct file_table *table, uint32_t first, uint32_t last)
{
    spin_lock(&table->lock);
    for (uint32_t fd = first; fd < table->descriptors.capacity && fd <= last; fd++) {
        if (table->descriptors.files[fd])
            bitmap_set(table->descriptors.close_on_exec, fd);
    }
    spin_unlock(&table->lock);
}

int file_table_next(struct file_table *table, uint32_t from)
{
    int result = -1;

    spin_lock(&table->lock);
    for (uint32_t fd = from; result < 0 && fd < table->descriptors.capacity; fd++) {
        if (table->descriptors.files[fd])
            result = (int)fd;
    }
    spin_unlock(&table->lock);
    return result;
}

uint32_t file_table_capacity(struct file_table *table)
{
    spin_lock(&table->lock);
    uint32_t capacity = table->descriptors.capacity;
    spin_unlock(&table->lock);
    return capacity;
}
