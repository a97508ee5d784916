/*
 * The software TLB: host mappings of the guest window.  A page that is not mapped faults on the
 * host; if the page tables of the active root allow the access, the fault is a TLB miss and is
 * filled here with one host mapping for the whole physically contiguous extent.
 *
 * Another address space finds in the window what both have in common: the rest is unmapped, and
 * the pages that it came back for the last times are mapped before it asks (working_set.c).
 *
 * Invariant: while user code runs, what is mapped in the window is a subset of what the active
 * tables allow.  The kernel flushes after it took permissions away; as the window matters to user
 * code alone, that is looked at once before user code goes on.
 */
#include <sys/mman.h>

#include "sim.h"
#include "window.h"
#include "working_set.h"

#define PAGE_SIZE 4096u
#define FILL_WINDOW (UINT64_C(2) << 20)        /* bytes to either side of the fault */
#define FAULT_AROUND (UINT64_C(64) << 10)      /* what the host maps at a read fault, aligned */
#define TOUCH_AHEAD (UINT64_C(128) << 10)      /* when a space comes back: it must be quick */
#define WRONG_MAX 48                           /* more of them are cheaper to unmap together */
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
struct wrong {
    unsigned count;
    bool is_all;           /* nothing of the rest is right */
    struct wrong_extent {
        user_address start, end;
        int protection;    /* what is allowed */
    } extents[WRONG_MAX];
};

static physical_address active_root;           /* 0: nobody's, what the window shows is stale */
static struct extent stale[STALE_MAX];         /* the tables changed there since user code ran */
static unsigned stale_count;
static bool read_only;                         /* nothing is mapped for writing */

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

/* Lets the host map pages of the memory file; they exist (machine_memory_prepare).  A read fault
 * maps all of them around it, for a quarter of what MAP_POPULATE costs.  Only for what will be
 * written: a write fault maps its own page alone, but the guest's first read does as well as this
 * one, and most of a large extent of zeros may never be read. */
static void touch_around(user_address start, user_address end)
{
    for (user_address next = start; next < end; next = (next | (FAULT_AROUND - 1)) + 1)
        (void)*(const volatile char *)(uintptr_t)next;
}

/* What was just mapped as the tables say is right whatever was there. */
static void forget_stale(user_address start, user_address end)
{
    for (unsigned i = 0; i < stale_count; i++) {
        if (stale[i].start >= start && stale[i].end <= end)
            stale[i--] = stale[--stale_count];
    }
}

/* `touched`: how many bytes to either side of the address.  `is_new`: what the window shows may be
 * another space's, so the extent goes over it. */
static bool fill(user_address address, uint32_t access, uint64_t touched, bool is_new)
{
    struct window_piece piece;

    if (active_root == 0 || address >= GUEST_END)
        return false;

    uint64_t entry = page_table_lookup(active_root, address, FILL_WINDOW, &piece.start, &piece.end);

    if (!entry_allows(entry, access))
        return false;
    if (!is_new)
        window_trim(address, &piece.start, &piece.end);
    piece.physical = (entry & ENTRY_ADDRESS) -
                     ((address & ~(user_address)(PAGE_SIZE - 1)) - piece.start);
    piece.protection = protection_of(entry);
    window_map(&piece);
    forget_stale(piece.start, piece.end);
    if ((piece.protection & PROT_WRITE) && !(entry & ENTRY_RESERVED))
        touch_around(address - piece.start > touched ? address - touched : piece.start,
                     piece.end - address > touched ? address + touched : piece.end);
    return true;
}

bool soft_tlb_fill(user_address address, uint32_t access)
{
    if (!fill(address, access, FILL_WINDOW, false))
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
    wrong->is_all = true;
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
            wrong->extents[wrong->count++] =
                (struct wrong_extent){ from, next < last ? next : last, protection };
        }
    }
    return true;
}

static void sort_by_address(struct wrong *wrong)
{
    for (unsigned i = 1; i < wrong->count; i++) {
        struct wrong_extent extent = wrong->extents[i];
        unsigned place = i;

        for (; place > 0 && wrong->extents[place - 1].start > extent.start; place--)
            wrong->extents[place] = wrong->extents[place - 1];
        wrong->extents[place] = extent;
    }
}

/* What lies between is not wrong, so it is nothing or to be kept. */
static bool is_nothing_between(user_address start, user_address end)
{
    const struct window_piece *pieces;
    unsigned count;

    window_pieces(&pieces, &count);
    for (unsigned i = 0; i < count; i++) {
        if (pieces[i].start < end && pieces[i].end > start)
            return false;
    }
    return true;
}

/* What goes away is unmapped together, as far as nothing lies between that stays. */
static void put_right(struct wrong *wrong)
{
    unsigned next;

    sort_by_address(wrong);
    for (unsigned i = 0; i < wrong->count; i = next) {
        struct wrong_extent *extent = &wrong->extents[i];

        for (next = i + 1; extent->protection == PROT_NONE && next < wrong->count &&
                           wrong->extents[next].protection == PROT_NONE &&
                           is_nothing_between(extent->end, wrong->extents[next].start); next++)
            extent->end = wrong->extents[next].end;
        window_protect(extent->start, extent->end, extent->protection);
    }
}

/* Looks at all that was flushed. */
static void settle(void)
{
    struct wrong wrong = { 0 };
    bool is_known = true;

    for (unsigned i = 0; i < stale_count && is_known; i++)
        is_known = find_wrong(&wrong, stale[i].start, stale[i].end);
    if (is_known)
        put_right(&wrong);
    for (unsigned i = 0; i < stale_count && !is_known; i++)
        window_unmap(stale[i].start, stale[i].end);
    stale_count = 0;
}

/* ---- From one address space to another ----------------------------------------------------- */

static bool is_mapped(user_address address, const struct wrong *wrong)
{
    const struct window_piece *pieces;
    unsigned count;

    for (unsigned i = 0; i < wrong->count; i++) {
        if (address >= wrong->extents[i].start && address < wrong->extents[i].end)
            return false;
    }
    window_pieces(&pieces, &count);
    for (unsigned i = 0; i < count; i++) {
        if (address >= pieces[i].start && address < pieces[i].end)
            return true;
    }
    return false;
}

/* Mapping over what is wrong saves an unmapping. */
static void fill_working_set(const struct wrong *wrong)
{
    const struct working_set *set = working_set_of(active_root);

    for (unsigned i = 0; i < set->count; i++) {
        if (!is_mapped(set->faults[i].address, wrong))
            fill(set->faults[i].address, set->faults[i].access, TOUCH_AHEAD, true);
    }
}

static void switch_to(physical_address root)
{
    struct wrong wrong = { 0 };

    active_root = root;
    stale_count = 0;
    if (!find_wrong(&wrong, 0, GUEST_END) || wrong.is_all) {
        window_empty();
        wrong.count = 0;
    }
    fill_working_set(&wrong);
    if (wrong.count == 0)
        return;
    wrong.count = 0;
    if (find_wrong(&wrong, 0, GUEST_END))
        put_right(&wrong);
    else
        window_empty();
}

bool soft_tlb_enter(physical_address root, const struct trap *handled)
{
    bool is_other = root != active_root;

    if (is_other)
        switch_to(root);
    if (handled)
        fill(handled->address, handled->access, FILL_WINDOW, false);
    if (stale_count > 0)
        settle();
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
