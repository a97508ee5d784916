/*
 * The guest window: host mappings of guest memory, and what is known of them.
 *
 * Invariants: while is_known, the window holds exactly the pieces of the list, which do not
 * overlap, and what window_forget took out; afterwards, until it is emptied, it may hold more, and
 * the list is only a ring of the last ones.  The number of host mappings is bounded, because the
 * host allows a process 65,530: after MAPPINGS_MAX the window is emptied.
 */
#include "window.h"

#include <errno.h>
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

void window_forget(user_address start, user_address end)
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

    window_forget(start, end);
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

        window_forget(start, end);
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

/* The host joins mappings that go on in the memory file, unless their flags differ: of memory that
 * is shared, MAP_NORESERVE says nothing else. */
void window_map(const struct window_piece *piece, bool is_apart)
{
    int flags = MAP_SHARED | MAP_FIXED | (is_apart ? MAP_NORESERVE : 0);

    if (mappings == MAPPINGS_MAX)
        window_empty();
    mappings++;
    window_forget(piece->start, piece->end);
    append(*piece);
    code_copy_forget(piece->start, piece->end);
    if (piece->protection & PROT_WRITE)
        code_copy_written(piece->physical, piece->physical + (piece->end - piece->start));
    if (mmap((void *)(uintptr_t)piece->start, piece->end - piece->start, piece->protection, flags,
             memory_descriptor(), (off_t)piece->physical) == MAP_FAILED)
        kernel_fault("the host refuses a mapping of guest memory", piece->start, 0);
}

void window_cut(struct window_piece *piece, user_address start, user_address end)
{
    if (piece->start < start) {
        piece->physical += start - piece->start;
        piece->start = start;
    }
    if (piece->end > end)
        piece->end = end;
}

/* When there are more than are known, only the last ones are looked at: leaving out too much or too
 * little is harmless. */
void window_trim(struct window_piece *piece, user_address address)
{
    unsigned count = is_known ? piece_count : RECENT_PIECES;
    user_address start = piece->start, end = piece->end;

    for (unsigned i = 1; i <= count; i++) {
        const struct window_piece *other = &pieces[(piece_count - i) % PIECES_MAX];

        if (other->end <= address && other->end > start)
            start = other->end;
        if (other->start > address && other->start < end)
            end = other->start;
    }
    window_cut(piece, start, end);
}

bool window_allows(user_address address, uint32_t access)
{
    int protection = PROT_READ | (access & ACCESS_WRITE ? PROT_WRITE : 0) |
                     (access & ACCESS_EXECUTE ? PROT_EXEC : 0);

    for (unsigned i = 0; is_known && i < piece_count; i++) {
        if (address >= pieces[i].start && address < pieces[i].end)
            return (pieces[i].protection & protection) == protection;
    }
    return false;
}

bool window_pieces(const struct window_piece **all, unsigned *count)
{
    *all = pieces;
    *count = piece_count < PIECES_MAX ? piece_count : PIECES_MAX;
    return is_known;
}

/* A mapping that stays at the very end.  Where the host has only one mapping, its page tables go
 * and come with it, which takes as long again: the first stack lies just below. */
bool window_claim(void)
{
    const struct machine_info *info = machine_info();

    for (size_t i = 0; i < info->user_range_count; i++) {
        const struct machine_range *range = &info->user_ranges[i];
        uint64_t end = range->end == GUEST_TOP ? GUEST_END : range->end;

        if (mmap((void *)(uintptr_t)range->start, end - range->start, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
                 0) == MAP_FAILED && errno == EEXIST)
            return false;
        munmap((void *)(uintptr_t)range->start, range->end - range->start);
    }
    return true;
}
