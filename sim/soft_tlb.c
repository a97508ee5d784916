/*
 * The software TLB: host mappings of the guest window.  A page that is not mapped faults on the
 * host; if the page tables of the active root allow the access, the fault is a TLB miss and is
 * filled here with one host mapping for the whole physically contiguous extent.
 *
 * Invariants: what is mapped in the window is a subset of what the active tables allow (the
 * kernel flushes before it takes permissions away); the number of mappings is bounded, because the
 * host allows a process 65,530: after FILLS_MAX fills the window is emptied and fills anew.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim.h"

#define PAGE_SIZE 4096u
#define FILLS_MAX 16384                        /* each splits at most one other: 32,769 mappings */
#define RECENT_EXTENTS 8
#define FILL_WINDOW (UINT64_C(2) << 20)        /* bytes to either side of the fault */
#define FAULT_AROUND (UINT64_C(64) << 10)      /* what the host maps at a read fault, aligned */

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

static struct extent recent[RECENT_EXTENTS];    /* a ring of the last fills */
static unsigned fills;                          /* since the window was last empty */
static physical_address active_root;
static bool read_only;                          /* nothing is mapped for writing */

static void unmap(user_address start, user_address end)
{
    int80_forget(start, end);
    munmap((void *)(uintptr_t)start, end - start);
}

static void flush_all(void)
{
    const struct machine_info *info = machine_info();

    if (fills == 0)
        return;
    for (size_t i = 0; i < info->user_range_count; i++)
        unmap(info->user_ranges[i].start, info->user_ranges[i].end);
    fills = 0;
}

static void remember(user_address start, user_address end)
{
    if (fills == FILLS_MAX)
        flush_all();
    recent[fills % RECENT_EXTENTS] = (struct extent){ start, end };
    fills++;
}

static bool entry_allows(uint64_t entry, uint32_t access)
{
    if (!(entry & ENTRY_PRESENT) || !(entry & ENTRY_USER))
        return false;
    if ((access & ACCESS_WRITE) && !(entry & ENTRY_WRITE))
        return false;
    return !((access & ACCESS_EXECUTE) && (entry & ENTRY_NO_EXECUTE));
}

/* Leaves out what the last fills have mapped beside the address: mapping it again would cost
 * as much as the first time.  Trimming too much is harmless. */
static void trim(user_address address, user_address *start, user_address *end)
{
    unsigned count = fills < RECENT_EXTENTS ? fills : RECENT_EXTENTS;

    for (unsigned i = 0; i < count; i++) {
        if (recent[i].end <= address && recent[i].end > *start)
            *start = recent[i].end;
        if (recent[i].start > address && recent[i].start < *end)
            *end = recent[i].start;
    }
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

bool soft_tlb_fill(user_address address, uint32_t access)
{
    user_address start, end;

    if (active_root == 0 || address >= GUEST_END)
        return false;

    uint64_t entry = page_table_lookup(active_root, address, FILL_WINDOW, &start, &end);

    if (!entry_allows(entry, access))
        return false;

    user_address page = address & ~UINT64_C(4095);
    int protection = PROT_READ | (entry & ENTRY_WRITE ? PROT_WRITE : 0) |
                     (entry & ENTRY_NO_EXECUTE ? 0 : PROT_EXEC);

    if (read_only)
        protection &= ~PROT_WRITE;
    trim(address, &start, &end);
    remember(start, end);
    int80_forget(start, end);
    if (mmap((void *)(uintptr_t)start, end - start, protection, MAP_SHARED | MAP_FIXED,
             memory_descriptor(), (off_t)((entry & ENTRY_ADDRESS) - (page - start))) == MAP_FAILED)
        kernel_fault("the host refuses a mapping of guest memory", address, 0);
    if ((protection & PROT_WRITE) && !(entry & ENTRY_RESERVED))
        touch_around(start, end);
    return true;
}

void soft_tlb_unmap(user_address start, user_address end)
{
    unmap(start, end);
}

physical_address soft_tlb_constant_page(user_address address)
{
    user_address start, end;
    uint64_t entry = active_root && address < GUEST_END
                         ? page_table_lookup(active_root, address, 0, &start, &end) : 0;

    return entry_allows(entry, ACCESS_EXECUTE) && !(entry & ENTRY_WRITE) ? entry & ENTRY_ADDRESS
                                                                          : 0;
}

void soft_tlb_switch(physical_address root)
{
    if (root == active_root)
        return;
    flush_all();
    active_root = root;
}

void soft_tlb_read_only(bool on)
{
    flush_all();
    read_only = on;
}

/* The window follows when user code runs (machine_user_run): several CPUs with address spaces of
 * their own take turns in the kernel without touching it.  But a root that no CPU uses any more may
 * be freed and used again, so its translations are forgotten at once. */
void machine_address_space_activate(physical_address root)
{
    cpu_current()->root = root;
    if (active_root != root && !cpu_uses_root(active_root))
        soft_tlb_switch(root);
}

void machine_tlb_flush(user_address start, user_address end)
{
    if (cpu_current()->root == active_root)
        unmap(start, end);
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

bool soft_tlb_window_is_empty(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long long start, end;
    bool is_empty = true;
    char line[512];

    if (!maps)
        refuse("/proc is not mounted on this host");
    while (fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%llx-%llx", &start, &end) == 2 && overlaps_window(start, end))
            is_empty = false;
    }
    fclose(maps);
    return is_empty;
}
