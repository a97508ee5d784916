/*
 * Regions of one address space.
 *
 * Invariants:
 * - Regions do not overlap; no two neighbours that touch are alike (they would have been merged),
 *   except between an operation's split and its final merge.
 * - gap_before is the distance from the end of the region below (or 0) to region_guarded_start,
 *   never negative; largest_gap is the maximum of gap_before over the subtree.
 * - Each region holds one reference to its object and one to its file.
 * - A region whose pages are locked as they are touched counts as locked.
 */
#include "memory/region.h"

#include "config.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/memory_internal.h"
#include "memory/page.h"
#include "memory/pool.h"

static struct pool region_pool = POOL_INITIAL("region", struct region, 0);

static struct region *region_of(struct tree_node *node)
{
    return node ? TREE_ENTRY(node, struct region, node) : NULL;
}

static uint64_t largest_gap_of(struct tree_node *node)
{
    return node ? region_of(node)->largest_gap : 0;
}

static void region_augment(struct tree_node *node)
{
    struct region *region = region_of(node);
    uint64_t left = largest_gap_of(node->left);
    uint64_t right = largest_gap_of(node->right);

    region->largest_gap = left > right ? left : right;
    if (region->gap_before > region->largest_gap)
        region->largest_gap = region->gap_before;
}

void region_set_init(struct region_set *set)
{
    tree_init(&set->tree, region_augment);
    set->count = 0;
    set->removed = NULL;
}

/* ---- Finding ------------------------------------------------------------------------------- */

struct region *region_find_from(const struct region_set *set, user_address address)
{
    struct tree_node *node = set->tree.root;
    struct region *found = NULL;

    while (node) {
        struct region *region = region_of(node);

        if (region->end > address) {
            found = region;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return found;
}

struct region *region_find(const struct region_set *set, user_address address)
{
    struct region *region = region_find_from(set, address);

    return region && region->start <= address ? region : NULL;
}

struct region *region_first(const struct region_set *set)
{
    return region_of(tree_first(&set->tree));
}

struct region *region_last(const struct region_set *set)
{
    return region_of(tree_last(&set->tree));
}

struct region *region_next(const struct region *region)
{
    return region_of(tree_next(&region->node));
}

struct region *region_previous(const struct region *region)
{
    return region_of(tree_previous(&region->node));
}

user_address region_guarded_start(const struct region *region)
{
    uint64_t guard = (uint64_t)STACK_GUARD_PAGES * PAGE_SIZE;

    if (!(region->flags & REGION_GROWS_DOWN))
        return region->start;
    return region->start > guard ? region->start - guard : 0;
}

struct gap_search {
    uint64_t length;
    user_address low, high;
    user_address start;    /* the result */
};

/* Does the gap [from, to) hold one within the limits? */
static bool gap_fits(struct gap_search *search, user_address from, user_address to, bool at_end)
{
    user_address low = from > search->low ? from : search->low;
    user_address high = to < search->high ? to : search->high;

    if (high <= low || high - low < search->length)
        return false;
    search->start = at_end ? high - search->length : low;
    return true;
}

static bool own_gap_fits(struct gap_search *search, const struct region *region, bool at_end)
{
    user_address top = region_guarded_start(region);

    ASSERT(region->gap_before <= top);
    return gap_fits(search, top - region->gap_before, top, at_end);
}

/* Recursion is as deep as the tree: at most twice the logarithm of REGIONS_MAX.  A subtree whose
 * largest gap is too small, or that lies outside the limits, is not entered, so only the two gaps
 * that the limits cut can mislead the search. */
static bool search_high(struct gap_search *search, struct tree_node *node)
{
    struct region *region = region_of(node);

    if (!region || region->largest_gap < search->length)
        return false;
    if (region->end < search->high && search_high(search, node->right))
        return true;
    if (own_gap_fits(search, region, true))
        return true;
    return region->start > search->low && search_high(search, node->left);
}

static bool search_low(struct gap_search *search, struct tree_node *node)
{
    struct region *region = region_of(node);

    if (!region || region->largest_gap < search->length)
        return false;
    if (region->start > search->low && search_low(search, node->left))
        return true;
    if (own_gap_fits(search, region, false))
        return true;
    return region->end < search->high && search_low(search, node->right);
}

static user_address end_of_last(const struct region_set *set)
{
    struct region *last = region_last(set);

    return last ? last->end : 0;
}

bool region_find_gap_high(const struct region_set *set, uint64_t length, user_address low,
                          user_address high, user_address *start)
{
    struct gap_search search = { .length = length, .low = low, .high = high };

    if (!gap_fits(&search, end_of_last(set), high, true) && !search_high(&search, set->tree.root))
        return false;
    ASSERT(search.start >= low);
    ASSERT(search.start + length <= high);
    *start = search.start;
    return true;
}

bool region_find_gap_low(const struct region_set *set, uint64_t length, user_address low,
                         user_address high, user_address *start)
{
    struct gap_search search = { .length = length, .low = low, .high = high };

    if (!search_low(&search, set->tree.root) && !gap_fits(&search, end_of_last(set), high, false))
        return false;
    ASSERT(search.start >= low);
    ASSERT(search.start + length <= high);
    *start = search.start;
    return true;
}

/* ---- Changing ------------------------------------------------------------------------------ */

/* The distance to the region below changed. */
static void update_gap(struct region_set *set, struct region *region)
{
    struct region *below = region_previous(region);
    user_address floor = below ? below->end : 0;

    ASSERT(floor <= region->start);
    ASSERT(region->start < region->end);

    user_address top = region_guarded_start(region);

    region->gap_before = top > floor ? top - floor : 0;
    tree_augment_path(&set->tree, &region->node);
}

static void update_gap_of_next(struct region_set *set, struct region *region)
{
    struct region *next = region_next(region);

    if (next)
        update_gap(set, next);
}

static void link_region(struct region_set *set, struct region *region)
{
    struct tree_node **link = &set->tree.root;
    struct tree_node *parent = NULL;

    while (*link) {
        parent = *link;
        link = region->start < region_of(parent)->start ? &parent->left : &parent->right;
    }
    tree_insert(&set->tree, &region->node, parent, link);
    set->count++;
    update_gap(set, region);
    update_gap_of_next(set, region);
}

static struct region *create_like(struct region_set *set, const struct region *model)
{
    struct region *region = pool_allocate(&region_pool);

    if (!region)
        return NULL;
    ASSERT_IMPLIES(model->flags & REGION_ON_FAULT, model->flags & REGION_LOCKED);
    *region = *model;
    region->set = set;
    list_init(&region->object_node);
    if (region->object) {
        memory_object_reference(region->object);
        memory_object_add_region(region->object, region);
    }
    if (region->file)
        region_file_reference(region->file);
    return region;
}

/* Could `above`, which begins where `below` ends, be the same region?  As in Linux, not when pages
 * have moved there from somewhere else. */
static bool is_continued_by(const struct region *below, const struct region *above)
{
    if (below->end != above->start || below->protection != above->protection ||
        below->maximum_protection != above->maximum_protection || below->flags != above->flags ||
        below->object != above->object || below->file != above->file ||
        below->label != above->label || below->moved_by != above->moved_by)
        return false;
    return !below->object ||
           below->object_offset + (below->end - below->start) == above->object_offset;
}

void region_resize(struct region_set *set, struct region *region, user_address start,
                   user_address end)
{
    ASSERT(region->set == set);
    ASSERT(start < end);
    ASSERT(is_aligned(start, PAGE_SIZE));
    ASSERT(is_aligned(end, PAGE_SIZE));
    if (region->object)
        region->object_offset += start - region->start;
    region->start = start;
    region->end = end;
    update_gap(set, region);
    update_gap_of_next(set, region);
}

static void unlink_region(struct region_set *set, struct region *region)
{
    struct region *next = region_next(region);

    ASSERT(set->count > 0);
    tree_remove(&set->tree, &region->node);
    set->count--;
    if (next)
        update_gap(set, next);
}

uint64_t region_moved_by(const struct region *region, uint64_t distance)
{
    return region->owns_pages ? region->moved_by + distance : 0;
}

void region_relocate(struct region_set *set, struct region *region, user_address start,
                     user_address end)
{
    ASSERT(region->set == set);
    ASSERT(start < end);
    ASSERT(is_aligned(start, PAGE_SIZE));
    ASSERT(is_aligned(end, PAGE_SIZE));
    unlink_region(set, region);
    region->moved_by = region_moved_by(region, start - region->start);
    region->start = start;
    region->end = end;
    link_region(set, region);
}

void region_remove(struct region_set *set, struct region *region)
{
    ASSERT(region->set == set);
    unlink_region(set, region);
    if (region->object)
        memory_object_remove_region(region->object, region);
    region->next_removed = set->removed;
    set->removed = region;
}

void region_dispose(struct region *removed)
{
    while (removed) {
        struct region *region = removed;

        removed = region->next_removed;
        ASSERT(!list_is_linked(&region->object_node));
        if (region->object)
            memory_object_release(region->object);
        if (region->file)
            region_file_unmapped(region->file);
        pool_free(&region_pool, region);
    }
}

struct region *region_merge(struct region_set *set, struct region *region)
{
    struct region *below = region_previous(region);
    struct region *above = region_next(region);

    if (above && is_continued_by(region, above)) {
        user_address end = above->end;

        region->owns_pages |= above->owns_pages;
        region_remove(set, above);
        region_resize(set, region, region->start, end);
    }
    if (below && is_continued_by(below, region)) {
        user_address end = region->end;

        below->owns_pages |= region->owns_pages;
        region_remove(set, region);
        region_resize(set, below, below->start, end);
        region = below;
    }
    return region;
}

int region_insert(struct region_set *set, const struct region *model, struct region **region)
{
    struct region *above = region_find_from(set, model->start);
    struct region *below = above ? region_previous(above) : region_last(set);

    ASSERT(model->start < model->end);
    ASSERT(is_aligned(model->start, PAGE_SIZE));
    ASSERT(is_aligned(model->end, PAGE_SIZE));
    ASSERT(!below || below->end <= model->start);
    ASSERT(!above || model->end <= above->start);
    if (below && is_continued_by(below, model)) {
        below->owns_pages |= model->owns_pages;
        region_resize(set, below, below->start, model->end);
        *region = region_merge(set, below);
        return 0;
    }
    if (above && is_continued_by(model, above)) {
        above->owns_pages |= model->owns_pages;
        region_resize(set, above, model->start, above->end);
        *region = above;
        return 0;
    }

    struct region *created = create_like(set, model);

    if (!created)
        return -ENOMEM;
    link_region(set, created);
    *region = created;
    return 0;
}

int region_split(struct region_set *set, struct region *region, user_address at)
{
    ASSERT(region->set == set);
    ASSERT(at > region->start);
    ASSERT(at < region->end);
    ASSERT(is_aligned(at, PAGE_SIZE));
    if (set->count >= REGIONS_MAX)
        return -ENOMEM;

    struct region *upper = create_like(set, region);

    if (!upper)
        return -ENOMEM;
    if (upper->object)
        upper->object_offset += at - upper->start;
    upper->start = at;
    region->end = at;
    link_region(set, upper);
    return 0;
}
