/*
 * What the window shows and the page tables do not.  Each host call costs more than looking twice,
 * so what goes away is unmapped together as far as nothing lies between that stays.
 */
#include "wrong.h"

#include <string.h>
#include <sys/mman.h>

#include "window.h"

void wrong_add(struct wrong *wrong, user_address start, user_address end, int protection)
{
    if (start < end)
        wrong->extents[wrong->count++] = (struct wrong_extent){ start, end, protection };
}

static void sort(struct wrong *wrong)
{
    struct wrong_extent *extents = wrong->extents;

    for (unsigned i = 1; i < wrong->count; i++) {
        struct wrong_extent extent = extents[i];
        unsigned place = i;

        for (; place > 0 && extents[place - 1].start > extent.start; place--)
            extents[place] = extents[place - 1];
        extents[place] = extent;
    }
}

/* What was flushed twice was found twice. */
static void drop_repeated(struct wrong *wrong)
{
    unsigned count = wrong->count;
    user_address done = 0;

    wrong->count = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct wrong_extent extent = wrong->extents[i];

        wrong_add(wrong, extent.start > done ? extent.start : done, extent.end,
                  extent.protection);
        done = extent.end > done ? extent.end : done;
    }
}

void wrong_begin(struct wrong *wrong)
{
    sort(wrong);
    drop_repeated(wrong);
    for (unsigned i = 0; i < wrong->count; i++) {
        if (wrong->extents[i].protection == PROT_NONE)
            window_forget(wrong->extents[i].start, wrong->extents[i].end);
    }
}

void wrong_remove(struct wrong *wrong, user_address start, user_address end)
{
    struct wrong before;

    before.count = wrong->count;
    memcpy(before.extents, wrong->extents, wrong->count * sizeof(wrong->extents[0]));
    wrong->count = 0;
    for (unsigned i = 0; i < before.count; i++) {
        const struct wrong_extent *extent = &before.extents[i];

        wrong_add(wrong, extent->start, extent->end < start ? extent->end : start,
                  extent->protection);
        wrong_add(wrong, extent->start > end ? extent->start : end, extent->end,
                  extent->protection);
    }
}

/* The last one that ends before the address, or the first of all. */
static unsigned find_before(const struct wrong *wrong, user_address address)
{
    unsigned low = 0, high = wrong->count;

    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;

        if (wrong->extents[middle].end <= address)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Which are followed by something that stays before the next one begins. */
static void find_followed(const struct wrong *wrong, bool *is_followed)
{
    const struct window_piece *pieces;
    unsigned count;

    window_pieces(&pieces, &count);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned n = find_before(wrong, pieces[i].start);
             n + 1 < wrong->count && wrong->extents[n].end < pieces[i].end; n++) {
            if (pieces[i].start < wrong->extents[n + 1].start)
                is_followed[n] = true;
        }
    }
}

void wrong_put_right(const struct wrong *wrong)
{
    const struct wrong_extent *extents = wrong->extents;
    bool is_followed[WRONG_ROOM] = { false };
    unsigned last;

    if (wrong->count > 1)
        find_followed(wrong, is_followed);
    for (unsigned i = 0; i < wrong->count; i = last + 1) {
        last = i;
        while (extents[i].protection == PROT_NONE && last + 1 < wrong->count &&
               extents[last + 1].protection == PROT_NONE && !is_followed[last])
            last++;
        window_protect(extents[i].start, extents[last].end, extents[i].protection);
    }
}
