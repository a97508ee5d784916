/*
 * The software TLB: host mappings of the guest window.  A page that is not mapped faults on the
 * host; if the page tables of the active root allow the access, the fault is a TLB miss and is
 * filled here with one host mapping for the whole physically contiguous extent.
 *
 * Another address space finds in the window what both have in common.  Of the rest, the pages that
 * it came back for the last times (working_set.c) are mapped before it asks, if possible over those
 * that it must not see, but no more than that: where two spaces take turns, each maps what only one
 * of them has and both use, and nothing else.
 *
 * Invariant: while user code runs, what is mapped in the window is a subset of what the active
 * tables allow.  The kernel flushes after it took permissions away; as the window matters to user
 * code alone, that is looked at once before user code goes on.
 */
#include <sys/mman.h>

#include "sim.h"
#include "window.h"
#include "working_set.h"
#include "wrong.h"

#define PAGE_SIZE 4096u
#define FILL_WINDOW (UINT64_C(2) << 20)        /* bytes to either side of the fault */
#define FAULT_AROUND (UINT64_C(64) << 10)      /* what the host maps at a read fault, aligned */
#define TOUCH_AHEAD (UINT64_C(128) << 10)      /* when a space comes back: it must be quick */
#define STALE_MAX 4

/* Page-table entries: the hardware's bits (memory/page_table.h). */
#define ENTRY_PRESENT (UINT64_C(1) << 0)
#define ENTRY_WRITE (UINT64_C(1) << 1)
#define ENTRY_USER (UINT64_C(1) << 2)
#define ENTRY_RESERVED (UINT64_C(1) << 11)     /* software: not the host's before it is touched */
#define ENTRY_NO_EXECUTE (UINT64_C(1) << 63)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

struct extent {
    user_address start, end;
};

static physical_address active_root;           /* 0: nobody's, what the window shows is stale */
static struct extent stale[STALE_MAX];         /* the tables changed there since user code ran */
static unsigned stale_count;
static bool read_only;                         /* nothing is mapped for writing */

static user_address page_of(user_address address)
{
    return address & ~(user_address)(PAGE_SIZE - 1);
}

static bool entry_allows(uint64_t entry, uint32_t access)
{
    if (!(entry & ENTRY_PRESENT) || !(entry & ENTRY_USER))
        return false;
    if ((access & ACCESS_WRITE) && !(entry & ENTRY_WRITE))
        return false;
    return !((access & ACCESS_EXECUTE) && (entry & ENTRY_NO_EXECUTE));
}

static int protection_of(uint64_t entry)
{
    if (!(entry & ENTRY_PRESENT) || !(entry & ENTRY_USER))
        return PROT_NONE;
    return PROT_READ | (entry & ENTRY_WRITE && !read_only ? PROT_WRITE : 0) |
           (entry & ENTRY_NO_EXECUTE ? 0 : PROT_EXEC);
}

/* What the tables show around the address, in one piece, as far as the window does not.  The entry
 * of the page, or 0: they do not allow the access. */
static uint64_t find_piece(user_address address, uint32_t access, struct window_piece *piece)
{
    if (active_root == 0 || address >= GUEST_END)
        return 0;

    uint64_t entry = page_table_lookup(active_root, address, FILL_WINDOW, &piece->start,
                                       &piece->end);

    if (!entry_allows(entry, access))
        return 0;
    piece->physical = (entry & ENTRY_ADDRESS) - (page_of(address) - piece->start);
    piece->protection = protection_of(entry);
    window_trim(piece, address);
    return entry;
}

/* Lets the host map pages of the memory file; they exist (machine_memory_prepare).  A read fault
 * maps all of them around it, for a quarter of what MAP_POPULATE costs.  Only for what will be
 * written: a write fault maps its own page alone, but the guest's first read does as well as this
 * one, and most of a large extent of zeros may never be read. */
static void touch(const struct window_piece *piece, uint64_t entry)
{
    if (!(piece->protection & PROT_WRITE) || (entry & ENTRY_RESERVED))
        return;
    for (user_address at = piece->start; at < piece->end; at = (at | (FAULT_AROUND - 1)) + 1)
        (void)*(const volatile char *)(uintptr_t)at;
}

/* `wrong`: what is mapped over need not be put right. */
static bool fill(user_address address, uint32_t access, struct wrong *wrong)
{
    struct window_piece piece;
    uint64_t entry = find_piece(address, access, &piece);

    if (entry == 0)
        return false;
    window_map(&piece, false);
    wrong_remove(wrong, piece.start, piece.end);
    touch(&piece, entry);
    return true;
}

bool soft_tlb_fill(user_address address, uint32_t access)
{
    struct wrong none = WRONG_NONE;

    if (!fill(address, access, &none))
        return false;
    working_set_note(active_root, address, access);
    return true;
}

physical_address soft_tlb_constant_page(user_address address)
{
    user_address start, end;
    uint64_t entry = active_root && address < GUEST_END
                         ? page_table_lookup(active_root, address, 0, &start, &end) : 0;

    return entry_allows(entry, ACCESS_EXECUTE) && !(entry & ENTRY_WRITE) ? entry & ENTRY_ADDRESS
                                                                          : 0;
}

/* ---- What the tables do not allow any more -------------------------------------------------- */

/* What the active tables allow of a piece from `address` up to *end. */
static int allowed(const struct window_piece *piece, user_address address, user_address *end)
{
    user_address start;
    uint64_t entry = page_table_lookup(active_root, address, piece->end - address, &start, end);

    if (!(entry & ENTRY_PRESENT) || *end > piece->end)
        *end = piece->end;
    if ((entry & ENTRY_ADDRESS) != piece->physical + (address - piece->start))
        return PROT_NONE;
    return protection_of(entry) & piece->protection;
}

/* Finds what the window shows and the active tables do not; false: it is too much. */
static bool find_wrong(struct wrong *wrong, user_address start, user_address end)
{
    const struct window_piece *pieces;
    unsigned count;

    if (!window_pieces(&pieces, &count))
        return false;
    for (unsigned i = 0; i < count; i++) {
        user_address next = pieces[i].start > start ? pieces[i].start : start;
        user_address last = pieces[i].end < end ? pieces[i].end : end;

        for (user_address from = next; from < last; from = next) {
            int protection = allowed(&pieces[i], from, &next);

            if (protection == pieces[i].protection) {
                wrong->is_all = false;
                continue;
            }
            if (wrong->count == WRONG_MAX)
                return false;
            wrong_add(wrong, from, next < last ? next : last, protection);
        }
    }
    return true;
}

/* Looks at all that was flushed.  `handled`: what user code could not do there, or NULL; mapping
 * over what goes away saves an unmapping. */
static void settle(const struct trap *handled)
{
    struct wrong wrong = WRONG_NONE;
    bool is_known = true;

    for (unsigned i = 0; i < stale_count && is_known; i++)
        is_known = find_wrong(&wrong, stale[i].start, stale[i].end);
    for (unsigned i = 0; i < stale_count && !is_known; i++)
        window_unmap(stale[i].start, stale[i].end);
    if (!is_known)
        wrong.count = 0;
    wrong_begin(&wrong);
    stale_count = 0;
    if (handled && !window_allows(handled->address, handled->access))
        (void)fill(handled->address, handled->access, &wrong);
    wrong_put_right(&wrong);
}

/* ---- From one address space to another ----------------------------------------------------- */

/* Leaves out what lies beyond all that is wanted or wrong: the other space would have to unmap
 * it. */
static void narrow(struct window_piece *piece, const struct working_set *set,
                   const struct wrong *wrong)
{
    user_address start = piece->end, end = piece->start;

    for (unsigned i = 0; i < set->count; i++) {
        user_address page = page_of(set->faults[i].address);

        if (page < piece->start || page >= piece->end)
            continue;
        start = page < start ? page : start;
        end = page + PAGE_SIZE > end ? page + PAGE_SIZE : end;
    }
    for (unsigned i = 0; i < wrong->count; i++) {
        const struct wrong_extent *extent = &wrong->extents[i];

        if (extent->end <= piece->start || extent->start >= piece->end)
            continue;
        start = extent->start < start ? extent->start : start;
        end = extent->end > end ? extent->end : end;
    }
    window_cut(piece, start, end);
}

/* What user code came back for the last times. */
static void bring(struct wrong *wrong, const struct working_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        user_address address = set->faults[i].address;
        uint32_t access = set->faults[i].access;
        struct window_piece piece;
        uint64_t entry = window_allows(address, access) ? 0 : find_piece(address, access, &piece);

        if (entry == 0)
            continue;
        narrow(&piece, set, wrong);
        window_map(&piece, true);
        wrong_remove(wrong, piece.start, piece.end);
        window_cut(&piece, address > TOUCH_AHEAD ? address - TOUCH_AHEAD : 0,
                   address + TOUCH_AHEAD);
        touch(&piece, entry);
    }
}

static void switch_to(physical_address root)
{
    struct wrong wrong = WRONG_NONE;

    active_root = root;
    stale_count = 0;
    if (!find_wrong(&wrong, 0, GUEST_END) || wrong.is_all) {
        window_empty();
        wrong.count = 0;
    }
    wrong_begin(&wrong);
    bring(&wrong, working_set_of(root));
    wrong_put_right(&wrong);
}

bool soft_tlb_enter(physical_address root, const struct trap *handled)
{
    bool is_other = root != active_root;

    if (is_other)
        switch_to(root);
    if (handled || stale_count > 0)
        settle(handled);
    return is_other;
}

void soft_tlb_leave(void)
{
    window_empty();
    active_root = 0;
    stale_count = 0;
}

void soft_tlb_read_only(bool on)
{
    window_empty();
    read_only = on;
}

/* The window follows when user code runs (soft_tlb_enter): several CPUs with address spaces of
 * their own take turns in the kernel without touching it.  But a root that no CPU uses any more may
 * be freed and used again. */
void machine_address_space_activate(physical_address root)
{
    cpu_current()->root = root;
    if (active_root != root && !cpu_uses_root(active_root))
        active_root = 0;
}

/* No user code runs before soft_tlb_enter has looked at it, on none of the CPUs. */
void machine_tlb_flush(user_address start, user_address end)
{
    if (cpu_current()->root != active_root)
        return;
    for (unsigned i = 0; i < stale_count; i++) {
        if (start >= stale[i].start && end <= stale[i].end)
            return;
    }
    if (stale_count == STALE_MAX) {
        stale_count = 1;
        stale[0] = (struct extent){ 0, GUEST_END };
    } else {
        stale[stale_count++] = (struct extent){ start, end };
    }
}
