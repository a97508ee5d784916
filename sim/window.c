/*
 * The guest window: host mappings of guest memory, and what is known of them.
 *
 * Invariants: while is_known, the window holds exactly the pieces of the list, which do not
 * overlap; afterwards, until it is emptied, it may hold more, and the list is only a ring of the
 * last ones.  The number of host mappings is bounded, because the host allows a process 65,530:
 * after MAPPINGS_MAX the window is emptied.
 */
#include "window.h"

#include <stdio.h>
#include <sys/mman.h>

#include "code_copy.h"
#include "direct_call.h"
#include "sim.h"

#define MAPPINGS_MAX 16384    /* each splits at most one other: 32,769 */
#define PIECES_MAX 256
#define RECENT_PIECES 8

static struct window_piece pieces[PIECES_MAX];
static unsigned piece_count;                      /* more than PIECES_MAX: it is a ring */
static bool is_known = true;
static unsigned mappings;                         /* since the window was last empty */

static void append(struct window_piece piece)
{
    if (piece_count == PIECES_MAX)
        is_known = false;
    pieces[piece_count++ % PIECES_MAX] = piece;
}

/* Takes [start, end) out of the list. */
static void forget(user_address start, user_address end)
{
    for (unsigned i = 0; is_known && i < piece_count; i++) {
        struct window_piece before = pieces[i];

        if (before.start >= end || before.end <= start)
            continue;
        pieces[i--] = pieces[--piece_count];
        if (before.start < start)
            append((struct window_piece){ before.start, start, before.physical,
                                          before.protection });
        if (before.end > end)
            append((struct window_piece){ end, before.end, before.physical + (end - before.start),
                                          before.protection });
    }
}

/* Between the ranges in which guests live there may be something of the host's. */
void window_unmap(user_address start, user_address end)
{
    const struct machine_info *info = machine_info();

    forget(start, end);
    code_copy_forget(start, end);
    for (size_t i = 0; i < info->user_range_count; i++) {
        const struct machine_range *range = &info->user_ranges[i];
        user_address first = start > range->start ? start : range->start;
        user_address last = end < range->end ? end : range->end;

        if (first < last)
            munmap((void *)(uintptr_t)first, last - first);
    }
}

/* What it says is done even when the list overflows meanwhile. */
void window_protect(user_address start, user_address end, int protection)
{
    unsigned i = 0;

    while (is_known && i < piece_count && (pieces[i].start > start || pieces[i].end < end))
        i++;
    if (is_known && i < piece_count && protection != PROT_NONE) {
        physical_address physical = pieces[i].physical + (start - pieces[i].start);

        forget(start, end);
        append((struct window_piece){ start, end, physical, protection });
    }
    if (protection == PROT_NONE || (!(protection & PROT_EXEC) && code_copy_is_within(start, end)) ||
        mprotect((void *)(uintptr_t)start, end - start, protection) != 0)
        window_unmap(start, end);
}

void window_empty(void)
{
    if (mappings == 0)
        return;
    mappings = 0;
    piece_count = 0;
    is_known = true;
    window_unmap(0, GUEST_END);
    direct_calls_cool();
}

void window_map(const struct window_piece *piece)
{
    if (mappings == MAPPINGS_MAX)
        window_empty();
    mappings++;
    forget(piece->start, piece->end);
    append(*piece);
    code_copy_forget(piece->start, piece->end);
    if (piece->protection & PROT_WRITE)
        code_copy_written(piece->physical, piece->physical + (piece->end - piece->start));
    if (mmap((void *)(uintptr_t)piece->start, piece->end - piece->start, piece->protection,
             MAP_SHARED | MAP_FIXED, memory_descriptor(), (off_t)piece->physical) == MAP_FAILED)
        kernel_fault("the host refuses a mapping of guest memory", piece->start, 0);
}

/* Only the last ones are looked at: leaving out too much or too little is harmless. */
void window_trim(user_address address, user_address *start, user_address *end)
{
    unsigned count = piece_count < RECENT_PIECES ? piece_count : RECENT_PIECES;

    for (unsigned i = 1; i <= count; i++) {
        const struct window_piece *piece = &pieces[(piece_count - i) % PIECES_MAX];

        if (piece->end <= address && piece->end > *start)
            *start = piece->end;
        if (piece->start > address && piece->start < *end)
            *end = piece->start;
    }
}

bool window_pieces(const struct window_piece **all, unsigned *count)
{
    *all = pieces;
    *count = piece_count < PIECES_MAX ? piece_count : PIECES_MAX;
    return is_known;
}

static bool overlaps_window(uint64_t start, uint64_t end)
{
    const struct machine_info *info = machine_info();

    for (size_t i = 0; i < info->user_range_count; i++) {
        if (start < info->user_ranges[i].end && end > info->user_ranges[i].start)
            return true;
    }
    return false;
}

bool window_is_free(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long long start, end;
    bool is_free = true;
    char line[512];

    if (!maps)
        refuse("/proc is not mounted on this host");
    while (fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%llx-%llx", &start, &end) == 2 && overlaps_window(start, end))
            is_free = false;
    }
    fclose(maps);
    return is_free;
}
