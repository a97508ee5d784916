/*
 * The program break: the end of the heap that brk() moves.
 *
 * Invariant: break_start <= break_end; [round_up(break_start), round_up(break_end)) was mapped by
 * brk; the guest may have unmapped or replaced parts of it since, which brk does not notice.
 */
#include "config.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/memory_internal.h"

static const char heap_label[] = "[heap]";

void address_space_set_break_start(struct address_space *space, user_address start)
{
    space_lock(space);
    space->break_start = start;
    space->break_end = start;
    space_unlock(space);
}

/* Is [start, end) free, with a page and a stack's guard behind it? */
static bool is_free(const struct address_space *space, user_address start, user_address end)
{
    const struct region *above = region_find_from(&space->regions, start);

    return !above || end + PAGE_SIZE <= region_guarded_start(above);
}

static int grow(struct address_space *space, user_address start, user_address end)
    REQUIRES(&space->lock)
{
    uint64_t pages = (end - start) / PAGE_SIZE;
    const struct region model = {
        .start = start,
        .end = end,
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .maximum_protection = PROTECTION_ALL,
        .flags = space->lock_future,
        .label = heap_label,
    };
    struct region *region;

    ASSERT(start < end);
    ASSERT(is_aligned(start, PAGE_SIZE));
    ASSERT(is_aligned(end, PAGE_SIZE));
    if (!space_range_allowed(start, end - start) || !is_free(space, start, end))
        return -ENOMEM;
    if (space->regions.count > REGIONS_MAX || space_is_overcommitted(pages) ||
        !space_may_grow(space, model.protection, model.flags, pages))
        return -ENOMEM;

    int error = region_insert(&space->regions, &model, &region);

    if (error)
        return error;
    space_account(space, &model, (int64_t)pages);
    if (region_is_populated(&model))
        (void)space_populate(space, region, start, end);
    return 0;
}

static int move_break(struct address_space *space, user_address wanted, uint64_t data_limit)
    REQUIRES(&space->lock)
{
    user_address old_end = round_up(space->break_end, PAGE_SIZE);
    user_address new_end;

    ASSERT(space->break_start <= space->break_end);
    if (wanted < space->break_start || wanted - space->break_start > data_limit)
        return -ENOMEM;
    if (round_up_overflows(wanted, PAGE_SIZE, &new_end) || new_end > USER_ADDRESS_LIMIT)
        return -ENOMEM;
    if (new_end > old_end)
        return grow(space, old_end, new_end);
    return new_end < old_end ? space_unmap(space, new_end, old_end) : 0;
}

user_address address_space_break(struct address_space *space, user_address wanted,
                                 uint64_t data_limit)
{
    space_lock(space);
    if (move_break(space, wanted, data_limit) == 0)
        space->break_end = wanted;

    user_address end = space->break_end;

    space_unlock(space);
    return end;
}
