/*
 * System V shared memory.
 *
 * A segment has one open file that stands for it in memory maps.  The file's references count who
 * has it: one is the segment's own until it is removed, the others are of regions of memory, so
 * there are as many as regions (fork makes more, munmap of a middle makes two of one), as on Linux.
 *
 *   removes                                attaches by id
 *                                          finds the segment, locks it
 *   drops the last reference to the file
 *                                          takes one   <- forbidden: not from zero; the file goes
 *                                                         only when its release had the lock
 */
#include "ipc/shared_segment.h"

#include "fs/anonymous_file.h"
#include "fs/file.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/container.h"
#include "lib/format.h"
#include "memory/memory_object.h"
#include "memory/pool.h"

#define DESCRIPTION_SIZE 32

struct shared_segment {
    struct ipc_object object;
    uint64_t size;                        /* constant, as the next three */
    struct memory_object *memory;         /* a reference */
    int32_t creator_id;
    char description[DESCRIPTION_SIZE];
    struct file *file;                    /* protected by the object's lock, with a reference ... */
    bool is_doomed;                       /* ... until it is removed; the same */
    /* Whoever maps or unmaps it writes these. */
    _Atomic uint64_t attached_s, detached_s, changed_s;
    _Atomic int32_t last_id;
};

static struct ipc_table segments;
static struct pool segment_pool = POOL_INITIAL("shared segment", struct shared_segment, 0);
static _Atomic uint64_t pages;            /* of all segments */

static uint64_t pages_of(uint64_t size)
{
    return size / PAGE_SIZE + (size % PAGE_SIZE != 0);
}

static struct shared_segment *segment_of(struct ipc_object *object)
{
    return CONTAINER_OF(object, struct shared_segment, object);
}

/* ---- The file ------------------------------------------------------------------------------ */

static void file_unmapped(struct file *file)
{
    struct shared_segment *segment = file->contents;

    atomic_store(&segment->detached_s, ipc_now_s());
    atomic_store(&segment->last_id, ipc_process_id());
}

/* Nobody has it, and it was removed. */
static void file_released(struct file *file)
{
    struct shared_segment *segment = file->contents;

    mutex_lock(&segment->object.lock);
    if (!segment->object.removed && segment->is_doomed)
        ipc_remove(&segments, &segment->object);
    ipc_unlock(&segments, &segment->object);
}

static const struct file_operations segment_operations = {
    .seek = anonymous_file_seek,
    .release = file_released,
    .unmapped = file_unmapped,
};

/* ---- Life ---------------------------------------------------------------------------------- */

static void destroy(struct ipc_object *object)
{
    struct shared_segment *segment = segment_of(object);

    atomic_fetch_sub(&pages, pages_of(segment->size));
    memory_object_release(segment->memory);
    pool_free(&segment_pool, segment);
}

static int make_file(struct shared_segment *segment)
{
    int error;

    (void)format(segment->description, sizeof(segment->description), "/SYSV%08x (deleted)",
                 (uint32_t)segment->object.key);
    refcount_take(&segment->object.references);    /* the file's */
    error = anonymous_file_create(&segment_operations, segment->description, 0, segment,
                                  &segment->file);
    if (error)
        ipc_release(&segments, &segment->object);
    return error;
}

static int create(const struct ipc_request *request, struct ipc_object **object)
{
    struct shared_segment *segment;
    int error;

    if (request->size == 0 || request->size > SHARED_SIZE_MAX)
        return -EINVAL;
    segment = pool_allocate(&segment_pool);
    if (!segment)
        return -ENOMEM;
    error = memory_object_create_anonymous(request->size, &segment->memory);
    if (error) {
        pool_free(&segment_pool, segment);
        return error;
    }
    segment->size = request->size;
    atomic_fetch_add(&pages, pages_of(request->size));
    ipc_object_init(&segment->object, request);
    segment->creator_id = request->caller->process_id;
    atomic_store(&segment->changed_s, ipc_now_s());
    error = make_file(segment);
    if (error)
        ipc_release(&segments, &segment->object);
    *object = &segment->object;
    return error;
}

/* There is no place for it in the table. */
static void abandon(struct ipc_object *object)
{
    file_release(segment_of(object)->file);
}

static int check(const struct ipc_request *request, struct ipc_object *object)
{
    return request->size > segment_of(object)->size ? -EINVAL : 0;
}

int64_t shared_segment_get(const struct ipc_caller *caller, int32_t key, uint64_t size,
                           uint32_t flags)
{
    const struct ipc_request request = {
        .key = key,
        .flags = flags,
        .caller = caller,
        .create = create,
        .abandon = abandon,
        .check = check,
        .size = size,
    };

    return ipc_get(&segments, &request);
}

static int find(int32_t id, struct shared_segment **segment)
    TRIES_TO_ACQUIRE(0, &(*segment)->object.lock) LOCKS_UNCHECKED
{
    struct ipc_object *object;
    int error = ipc_find(&segments, id, &object);

    if (!error)
        *segment = segment_of(object);
    return error;
}

static void put(struct shared_segment *segment) RELEASES(&segment->object.lock)
{
    ipc_unlock(&segments, &segment->object);
}

/* The segment is locked.  Its file, for which the caller gives the reference back when it has
 * unlocked the segment; NULL: it was removed before. */
static struct file *doom(struct shared_segment *segment) REQUIRES(&segment->object.lock)
{
    if (segment->is_doomed)
        return NULL;
    segment->is_doomed = true;
    segment->object.mode |= SHARED_IS_REMOVED;
    ipc_forget_key(&segments, &segment->object);
    return segment->file;
}

int shared_segment_remove(int32_t id, const struct ipc_caller *caller)
{
    struct shared_segment *segment;
    struct file *file = NULL;
    int error = find(id, &segment);

    if (error)
        return error;
    error = ipc_check_owner(&segment->object, caller);
    if (!error)
        file = doom(segment);
    put(segment);
    if (file)
        file_release(file);
    return error;
}

static void remove_at_end(struct ipc_object *object) LOCKS_UNCHECKED
{
    struct file *file = doom(segment_of(object));

    mutex_unlock(&object->lock);
    if (file)
        file_release(file);
    mutex_lock(&object->lock);
}

void shared_segments_init(void)
{
    ipc_table_init(&segments, SHARED_SEGMENTS_MAX, destroy);
}

void shared_segments_end(uint64_t space)
{
    ipc_table_clear(&segments, space, remove_at_end);
}

/* ---- Attaching ----------------------------------------------------------------------------- */

/* With references to both. */
static int begin_attach(int32_t id, const struct ipc_caller *caller,
                        const struct shared_attach *attach, struct shared_segment **found)
{
    uint32_t wanted = IPC_READ | (attach->writable ? IPC_WRITE : 0u) |
                      (attach->executable ? IPC_EXECUTE : 0u);
    struct shared_segment *segment;
    int error = find(id, &segment);

    if (error)
        return error;
    error = ipc_check_permission(&segment->object, caller, wanted);
    if (!error && !refcount_take_unless_zero(&segment->file->references))
        error = -EIDRM;
    mutex_unlock(&segment->object.lock);
    if (error)
        ipc_release(&segments, &segment->object);
    *found = segment;
    return error;
}

int64_t shared_segment_attach(int32_t id, const struct ipc_caller *caller,
                              const struct shared_attach *attach)
{
    struct map_request request = {
        .address = attach->address,
        .protection = PROTECTION_READ | (attach->writable ? PROTECTION_WRITE : 0u) |
                      (attach->executable ? PROTECTION_EXECUTE : 0u),
        .maximum_protection = attach->writable ? 0u : PROTECTION_READ | PROTECTION_EXECUTE,
        .flags = MAP_SHARED_PAGES | (attach->address == 0    ? 0u
                               : attach->replaces ? MAP_AT_ADDRESS
                                                  : MAP_AT_ADDRESS | MAP_NOT_REPLACE),
    };
    struct shared_segment *segment;
    user_address address;
    int64_t result = begin_attach(id, caller, attach, &segment);

    if (result)
        return result;
    request.length = segment->size;
    request.object = segment->memory;
    request.file = segment->file;
    result = address_space_map(attach->space, &request, &address);
    if (result == -EEXIST)
        result = -EINVAL;
    if (!result) {
        atomic_store(&segment->attached_s, ipc_now_s());
        atomic_store(&segment->last_id, caller->process_id);
        result = (int64_t)address;
    }
    file_release(segment->file);
    ipc_release(&segments, &segment->object);
    return result;
}

/* What shmdt looks for: the part that begins at `address`, then the rest of the same segment. */
struct search {
    user_address address, end;
    struct file *file;              /* of the first part: NULL: not found yet */
    user_address start, part_end;   /* the part found now */
    bool found;
};

static void look_at_region(const struct region_report *region, void *context)
{
    struct search *search = context;

    if (search->found || !region->file || region->file->operations != &segment_operations)
        return;
    if (region->start < search->address || region->start - search->address != region->offset ||
        (search->file && (region->file != search->file || region->start >= search->end)))
        return;
    search->found = true;
    search->start = region->start;
    search->part_end = region->end;
    if (!search->file) {
        const struct shared_segment *segment = region->file->contents;

        search->file = region->file;    /* only compared */
        search->end = search->address + segment->size;
    }
}

int shared_segment_detach(struct address_space *space, user_address address)
{
    struct search search = { .address = address };
    bool any = false;

    for (;;) {
        search.found = false;
        address_space_report(space, look_at_region, &search);
        if (!search.found)
            return any ? 0 : -EINVAL;
        any = true;

        int error = address_space_unmap(space, search.start, search.part_end - search.start);

        if (error)
            return error;
    }
}

/* ---- Control ------------------------------------------------------------------------------- */

int shared_segment_change_owner(int32_t id, const struct ipc_caller *caller, uint32_t user_id,
                                uint32_t group_id, uint32_t mode)
{
    struct shared_segment *segment;
    int error = find(id, &segment);

    if (error)
        return error;
    error = ipc_check_owner(&segment->object, caller);
    if (!error)
        error = ipc_change_owner(&segment->object, user_id, group_id, mode);
    if (!error)
        atomic_store(&segment->changed_s, ipc_now_s());
    put(segment);
    return error;
}

int shared_segment_set_locked(int32_t id, const struct ipc_caller *caller, bool locked)
{
    struct shared_segment *segment;
    int error = find(id, &segment);

    if (error)
        return error;
    error = ipc_check_owner(&segment->object, caller);
    if (!error)
        segment->object.mode = (segment->object.mode & ~SHARED_IS_LOCKED) |
                               (locked ? SHARED_IS_LOCKED : 0u);
    put(segment);
    return error;
}

int shared_segment_status(int32_t id, const struct ipc_caller *caller, enum ipc_lookup lookup,
                          struct shared_segment_status *status)
{
    struct ipc_object *object;
    int error = ipc_find_for_status(&segments, id, lookup, caller, &object);

    if (error)
        return error;

    struct shared_segment *segment = segment_of(object);

    *status = (struct shared_segment_status){
        .size = segment->size,
        .attached = refcount_value(&segment->file->references) - (segment->is_doomed ? 0 : 1),
        .attached_s = atomic_load(&segment->attached_s),
        .detached_s = atomic_load(&segment->detached_s),
        .changed_s = atomic_load(&segment->changed_s),
        .creator_id = segment->creator_id,
        .last_id = atomic_load(&segment->last_id),
    };
    ipc_status_get(object, &status->ipc);
    ipc_unlock(&segments, object);
    return 0;
}

void shared_segments_usage(struct shared_segments_usage *usage)
{
    usage->segments = ipc_count(&segments);
    usage->last_place = ipc_last_place(&segments);
    usage->pages = atomic_load(&pages);
}
