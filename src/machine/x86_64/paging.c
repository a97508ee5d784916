/*
 * The kernel's address space: image, direct map, devices, stacks (layout.h).
 *
 * Nothing is both writable and executable: text is, through the direct map, read-only like the
 * constants.  All of it is made before the kernel starts, except that stacks are shown a
 * second time when they are first used; entries only ever become present, so no processor needs to
 * forget a translation of the kernel's.
 *
 * The upper half of every program's root is a copy of the kernel root's: the tables below are
 * shared, so the root's own entries must all be there when the kernel starts.
 */
#include "config.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"

#define PAGE_SIZE UINT64_C(4096)
#define LARGE_PAGE UINT64_C(0x200000)
#define ENTRIES 512u
#define LEVELS 4u

#define ENTRY_PRESENT (UINT64_C(1) << 0)
#define ENTRY_WRITE (UINT64_C(1) << 1)
#define ENTRY_UNCACHED (UINT64_C(3) << 3)
#define ENTRY_LARGE (UINT64_C(1) << 7)
#define ENTRY_GLOBAL (UINT64_C(1) << 8)
#define ENTRY_NO_EXECUTE (UINT64_C(1) << 63)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)
#define ENTRY_TABLE (ENTRY_PRESENT | ENTRY_WRITE)

#define KERNEL_TEXT (ENTRY_PRESENT | ENTRY_GLOBAL)
#define KERNEL_CONSTANTS (ENTRY_PRESENT | ENTRY_GLOBAL | ENTRY_NO_EXECUTE)
#define KERNEL_DATA (KERNEL_CONSTANTS | ENTRY_WRITE)
#define KERNEL_DEVICE (KERNEL_DATA | ENTRY_UNCACHED)

#define STACKS_SIZE (DEVICES_BASE - STACKS_BASE)

/* The stacks of a processor: each at the upper end of its own slot, the rest is not mapped. */
#define CPU_STACK_SLOT UINT64_C(0x10000)
#define CPU_STACKS (CPU_FAULT_STACKS + 1)
#define FAULT_STACK_SIZE UINT64_C(0x2000)
#define IDLE_STACK_SIZE UINT64_C(0x8000)

#define FLUSH_PAGES_MAX 32    /* more: forget everything */

extern const char image_start[], image_text_end[], image_constants_end[], image_end[];

static uint64_t kernel_root[ENTRIES] __attribute__((aligned(4096)));
static physical_address image_distance;    /* from where the image is linked to where it is */
static uint64_t devices_next = DEVICES_BASE;
static physical_address stack_tables;

physical_address paging_image_address(const void *symbol)
{
    return (uint64_t)(uintptr_t)symbol - KERNEL_BASE + image_distance;
}

static physical_address paging_kernel_root(void)
{
    return paging_image_address(kernel_root);
}

/* ---- Building ------------------------------------------------------------------------------ */

static uint64_t *table_at(physical_address address)
{
    return (uint64_t *)(uintptr_t)(DIRECT_MAP_BASE + address);
}

static uint64_t level_span(unsigned level)
{
    return PAGE_SIZE << (9 * (level - 1));
}

static unsigned level_index(uint64_t virtual, unsigned level)
{
    return (unsigned)(virtual / level_span(level)) % ENTRIES;
}

/* The entry of this level for the address; the tables above it are made. */
static uint64_t *entry_for(uint64_t *root, uint64_t virtual, unsigned wanted)
{
    uint64_t *table = root;

    for (unsigned level = LEVELS; level > wanted; level--) {
        uint64_t *entry = &table[level_index(virtual, level)];

        if (!(*entry & ENTRY_PRESENT))
            *entry = memory_take(PAGE_SIZE) | ENTRY_TABLE;
        ASSERT(!(*entry & ENTRY_LARGE));
        table = table_at(*entry & ENTRY_ADDRESS);
    }
    return &table[level_index(virtual, wanted)];
}

struct piece {
    uint64_t virtual;
    physical_address physical;
    uint64_t size;
};

static void map(uint64_t *root, struct piece piece, uint64_t bits)
{
    while (piece.size > 0) {
        bool large = is_aligned(piece.virtual | piece.physical, LARGE_PAGE) &&
                     piece.size >= LARGE_PAGE;
        uint64_t step = large ? LARGE_PAGE : PAGE_SIZE;

        *entry_for(root, piece.virtual, large ? 2 : 1) =
            piece.physical | bits | (large ? ENTRY_LARGE : 0);
        piece.virtual += step;
        piece.physical += step;
        piece.size -= step;
    }
}

static void map_image(const char *start, const char *end, uint64_t bits)
{
    map(kernel_root, (struct piece){ (uint64_t)(uintptr_t)start, paging_image_address(start),
                                     (uint64_t)(end - start) }, bits);
}

static void map_direct(uint64_t start, uint64_t end, uint64_t bits)
{
    if (start < end)
        map(kernel_root, (struct piece){ DIRECT_MAP_BASE + start, start, end - start }, bits);
}

/* All RAM, whoever owns it; what the image may not write is read-only here too. */
static void map_memory(void)
{
    const struct boot_information *boot = boot_information();
    uint64_t fixed_start = paging_image_address(image_start);
    uint64_t fixed_end = paging_image_address(image_constants_end);

    for (unsigned i = 0; i < boot->range_count; i++) {
        uint64_t start = round_down(boot->ranges[i].start, PAGE_SIZE);
        uint64_t end = round_up(boot->ranges[i].end, PAGE_SIZE);

        if (boot->ranges[i].type != BOOT_MEMORY_RAM)
            continue;
        if (end > DIRECT_MAP_SIZE)
            end = DIRECT_MAP_SIZE;
        if (fixed_start >= start && fixed_end <= end) {
            map_direct(start, fixed_start, KERNEL_DATA);
            map_direct(fixed_start, fixed_end, KERNEL_CONSTANTS);
            start = fixed_end;
        }
        map_direct(start, end, KERNEL_DATA);
    }
}

/* The last-level tables of STACKS_BASE, for all RAM in a row: 1/512 of it. */
static void create_stack_tables(void)
{
    const struct boot_information *boot = boot_information();
    uint64_t top = 0;

    for (unsigned i = 0; i < boot->range_count; i++) {
        if (boot->ranges[i].type == BOOT_MEMORY_RAM && boot->ranges[i].end > top)
            top = boot->ranges[i].end;
    }
    top = round_up(top < STACKS_SIZE ? top : STACKS_SIZE, LARGE_PAGE);
    stack_tables = memory_take(top / LARGE_PAGE * PAGE_SIZE);
    for (uint64_t at = 0; at < top; at += LARGE_PAGE)
        *entry_for(kernel_root, STACKS_BASE + at, 2) =
            (stack_tables + at / LARGE_PAGE * PAGE_SIZE) | ENTRY_TABLE;
}

static void load_root(physical_address root)
{
    __asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");
}

void paging_init(physical_address image)
{
    image_distance = image - (uint64_t)(uintptr_t)image_start + KERNEL_BASE;
    map_image(image_start, image_text_end, KERNEL_TEXT);
    map_image(image_text_end, image_constants_end, KERNEL_CONSTANTS);
    map_image(image_constants_end, image_end, KERNEL_DATA);
    map_memory();
    (void)entry_for(kernel_root, DEVICES_BASE, LEVELS - 1);
    (void)entry_for(kernel_root, CPU_STACKS_BASE, LEVELS - 1);
    create_stack_tables();
    load_root(paging_kernel_root());
    info_edit()->direct_map = (char *)(uintptr_t)DIRECT_MAP_BASE;
    info_edit()->kernel_root = paging_kernel_root();
}

physical_address paging_trampoline_root(physical_address page)
{
    physical_address root = memory_take(PAGE_SIZE);
    uint64_t *entries = table_at(root);

    for (unsigned i = ENTRIES / 2; i < ENTRIES; i++)
        entries[i] = kernel_root[i];
    map(entries, (struct piece){ page, page, PAGE_SIZE }, ENTRY_PRESENT);
    return root;
}

void *paging_map(physical_address address, uint64_t size, enum paging_kind kind)
{
    uint64_t offset = address % PAGE_SIZE;
    uint64_t whole = round_up(offset + size, PAGE_SIZE);
    uint64_t virtual = devices_next;

    devices_next += whole + PAGE_SIZE;
    map(kernel_root, (struct piece){ virtual, address - offset, whole },
        kind == PAGING_DEVICE ? KERNEL_DEVICE : KERNEL_CONSTANTS);
    return (void *)(uintptr_t)(virtual + offset);
}

/* ---- Stacks -------------------------------------------------------------------------------- */

/* A stack is seen at its physical address + STACKS_BASE.  Stacks begin at multiples of twice their
 * size, so the pages below one are never another's. */
void *machine_stack_place(void *memory, size_t size)
{
    physical_address physical = (uint64_t)(uintptr_t)memory - DIRECT_MAP_BASE;

    ASSERT(is_aligned(physical, 2 * size));
    ASSERT(is_aligned(size, PAGE_SIZE));
    for (uint64_t page = physical; page < physical + size; page += PAGE_SIZE) {
        uint64_t *table = table_at(stack_tables + page / LARGE_PAGE * PAGE_SIZE);

        table[level_index(page, 1)] = page | KERNEL_DATA;
    }
    return (void *)(uintptr_t)(STACKS_BASE + physical);
}

static uint64_t stack_size(unsigned stack)
{
    return stack == CPU_IDLE_STACK ? IDLE_STACK_SIZE : FAULT_STACK_SIZE;
}

void *paging_cpu_stack(unsigned cpu, unsigned stack)
{
    return (void *)(uintptr_t)(CPU_STACKS_BASE +
                               ((uint64_t)cpu * CPU_STACKS + stack + 1) * CPU_STACK_SLOT);
}

void paging_create_cpu_stacks(unsigned cpu)
{
    for (unsigned stack = 0; stack < CPU_STACKS; stack++) {
        uint64_t top = (uint64_t)(uintptr_t)paging_cpu_stack(cpu, stack);
        uint64_t size = stack_size(stack);

        map(kernel_root, (struct piece){ top - size, memory_take(size), size }, KERNEL_DATA);
    }
}

bool paging_is_stack_guard(uint64_t address)
{
    if (address >= STACKS_BASE && address < STACKS_BASE + STACKS_SIZE)
        return true;    /* what is mapped there does not fault */
    if (address < CPU_STACKS_BASE ||
        address >= CPU_STACKS_BASE + CPUS_MAX * CPU_STACKS * CPU_STACK_SLOT)
        return false;

    uint64_t slot = (address - CPU_STACKS_BASE) / CPU_STACK_SLOT;
    uint64_t below_top = CPU_STACK_SLOT - address % CPU_STACK_SLOT;

    return below_top > stack_size((unsigned)(slot % CPU_STACKS));
}

/* ---- Programs' address spaces --------------------------------------------------------------- */

void machine_address_space_activate(physical_address root)
{
    cpu_self()->active_root = root;
    load_root(root ? root : paging_kernel_root());
}

void machine_tlb_flush(user_address start, user_address end)
{
    if ((end - start) / PAGE_SIZE > FLUSH_PAGES_MAX) {
        physical_address root = cpu_self()->active_root;

        load_root(root ? root : paging_kernel_root());
        return;
    }
    for (user_address at = start; at < end; at += PAGE_SIZE)
        __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
}
