/*
 * The heap of Allocate: 1 MiB of memory that all programs of the ABI see at the same address, and
 * whose blocks the kernel hands out.
 *
 * It is handed out in units of 16 bytes.  All that the allocator knows is in two bits a unit, in
 * kernel memory, where no program can damage it: is it taken, and does a block begin there.  A
 * block ends where the next one begins or a free unit follows.
 *
 * The memory exists while a family of processes does; the next one finds an empty heap.
 */
#include "abi/teaching/calls.h"
#include "abi/teaching/layout.h"
#include "lib/assert.h"
#include "lib/bitmap.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/address_space.h"
#include "memory/memory_object.h"
#include "sync/spinlock.h"

#define UNIT_SIZE 16u
#define UNITS (TEACHING_HEAP_SIZE / UNIT_SIZE)

static struct {
    struct spinlock lock;    /* RANK_FAMILY_HEAP */

    /* Protected by `lock`. */
    struct memory_object *object;    /* NULL: there is no family; one reference */
    unsigned families;
    uint64_t taken[BITMAP_WORDS(UNITS)];
    uint64_t begins[BITMAP_WORDS(UNITS)];
    uint64_t taken_units;
} heap = { .lock = SPINLOCK_INITIAL(RANK_FAMILY_HEAP, "heap of Allocate") };

/* ---- Life ---------------------------------------------------------------------------------- */

/* The object with a reference for the caller. */
static int get_object(struct memory_object **object)
{
    int error = memory_object_create_anonymous(TEACHING_HEAP_SIZE, object);
    struct memory_object *unused = NULL;

    if (error)
        return error;
    spin_lock(&heap.lock);
    if (heap.object) {
        unused = *object;
        *object = heap.object;
    } else {
        heap.object = *object;
    }
    memory_object_reference(heap.object);
    heap.families++;
    spin_unlock(&heap.lock);
    if (unused)
        memory_object_release(unused);
    return 0;
}

int teaching_heap_map(struct address_space *space)
{
    struct map_request request = {
        .address = TEACHING_HEAP_START,
        .length = TEACHING_HEAP_SIZE,
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_NOT_REPLACE | MAP_SHARED_PAGES,
        .label = "[shared heap]",
    };
    user_address address;
    int error = get_object(&request.object);

    if (error)
        return error;
    error = address_space_map(space, &request, &address);
    memory_object_release(request.object);
    if (error)
        teaching_heap_leave();
    return error;
}

void teaching_heap_leave(void)
{
    struct memory_object *object = NULL;

    spin_lock(&heap.lock);
    ASSERT(heap.families > 0);
    heap.families--;
    if (heap.families == 0) {
        object = heap.object;
        heap.object = NULL;
        heap.taken_units = 0;
        memset(heap.taken, 0, sizeof(heap.taken));
        memset(heap.begins, 0, sizeof(heap.begins));
    }
    spin_unlock(&heap.lock);
    if (object)
        memory_object_release(object);
}

/* ---- Blocks: all with the lock held -------------------------------------------------------- */

/* The first taken unit of [from, end), or `end`. */
static size_t find_taken(size_t from, size_t end)
{
    while (from < end) {
        uint64_t bits = heap.taken[from / 64] >> (from % 64);

        if (bits) {
            size_t found = from + (size_t)__builtin_ctzll(bits);

            return found < end ? found : end;
        }
        from = (from / 64 + 1) * 64;
    }
    return end;
}

/* The first place for `units` at a multiple of `step`; UNITS: none. */
static size_t find_place(size_t units, size_t step)
{
    size_t at = bitmap_find_clear(heap.taken, UNITS, 0);

    while (at != BITMAP_NONE) {
        size_t obstacle;

        at = round_up(at, step);
        if (at > UNITS || units > UNITS - at)
            return UNITS;
        obstacle = find_taken(at, at + units);
        if (obstacle == at + units)
            return at;
        at = bitmap_find_clear(heap.taken, UNITS, obstacle);
    }
    return UNITS;
}

static void mark(size_t at, size_t units, bool taken)
{
    for (size_t i = at; i < at + units; i++) {
        if (taken)
            bitmap_set(heap.taken, i);
        else
            bitmap_clear(heap.taken, i);
    }
    if (taken)
        bitmap_set(heap.begins, at);
    else
        bitmap_clear(heap.begins, at);
    heap.taken_units += taken ? units : -units;
}

static size_t size_of_block(size_t at)
{
    size_t end = at + 1;

    while (end < UNITS && bitmap_test(heap.taken, end) && !bitmap_test(heap.begins, end))
        end++;
    return end - at;
}

/* ---- For the calls ------------------------------------------------------------------------- */

user_address teaching_heap_take(uint64_t size, uint64_t alignment)
{
    size_t units, place;

    ASSERT(is_aligned(alignment, alignment));
    if (size == 0 || size > TEACHING_HEAP_SIZE)
        return 0;
    units = (size_t)(round_up(size, UNIT_SIZE) / UNIT_SIZE);
    spin_lock(&heap.lock);
    place = find_place(units, alignment > UNIT_SIZE ? (size_t)(alignment / UNIT_SIZE) : 1);
    if (place < UNITS)
        mark(place, units, true);
    spin_unlock(&heap.lock);
    return place < UNITS ? TEACHING_HEAP_START + place * UNIT_SIZE : 0;
}

bool teaching_heap_give(user_address address)
{
    uint64_t offset = address - TEACHING_HEAP_START;
    size_t at = (size_t)(offset / UNIT_SIZE);
    bool is_block;

    if (address < TEACHING_HEAP_START || offset >= TEACHING_HEAP_SIZE || offset % UNIT_SIZE != 0)
        return false;
    spin_lock(&heap.lock);
    is_block = bitmap_test(heap.begins, at);
    if (is_block)
        mark(at, size_of_block(at), false);
    spin_unlock(&heap.lock);
    return is_block;
}

uint64_t teaching_heap_used(void)
{
    spin_lock(&heap.lock);
    uint64_t used = heap.taken_units * UNIT_SIZE;
    spin_unlock(&heap.lock);
    return used;
}
