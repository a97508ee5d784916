/*
 * Faster `int 0x80`.  Some hosts take 7 to 15 us for the signal of one; a privileged instruction
 * costs 1.3 us.  So once a guest has executed an `int 0x80` (cd 80) in a page that it cannot write,
 * the window gets a private copy of the page in which the first byte is that of HLT (f4), and
 * the fault of the HLT counts as the call.
 *
 * The page itself, which the kernel, other processes and files see, is not touched.  The program
 * could notice by reading its own instructions, or by executing bytes that overlap the `int`.
 *
 * Invariant: a page of `copies` is mapped in the window as it is described there; window.c says
 * when a part of the window is unmapped or mapped anew (int80_forget).
 */
#include <string.h>
#include <sys/mman.h>

#include "sim.h"
#include "window.h"

#define PAGE_SIZE UINT64_C(4096)
#define COPIES_MAX 16
#define SITES_MAX 64    /* of one page; further ones stay slow */
#define OPCODE_INT 0xcd
#define OPCODE_HLT 0xf4
#define NUMBER_80 0x80
#define PREFIXES_MAX 14

struct copy {
    physical_address page;          /* what it is a copy of; 0: nothing known */
    user_address address;           /* where it is mapped; 0: nowhere at the moment */
    unsigned count;
    uint16_t sites[SITES_MAX];      /* offsets of calls that were executed */
};

static struct copy copies[COPIES_MAX];
static unsigned next_victim;

static struct copy *find_mapped(user_address address)
{
    for (unsigned i = 0; i < COPIES_MAX; i++) {
        if (copies[i].address && copies[i].address == (address & ~(PAGE_SIZE - 1)))
            return &copies[i];
    }
    return NULL;
}

static bool has_site(const struct copy *copy, user_address address)
{
    for (unsigned i = 0; i < copy->count; i++) {
        if (copy->address + copy->sites[i] == address)
            return true;
    }
    return false;
}

void int80_forget(user_address start, user_address end)
{
    for (unsigned i = 0; i < COPIES_MAX; i++) {
        if (copies[i].address >= start && copies[i].address < end)
            copies[i].address = 0;
    }
}

/* The record of a physical page, by force that of another one. */
static struct copy *find_record(physical_address page)
{
    for (unsigned i = 0; i < COPIES_MAX; i++) {
        if (copies[i].page == page)
            return &copies[i];
    }

    struct copy *victim = &copies[next_victim++ % COPIES_MAX];

    if (victim->address)    /* its HLTs would not be known any more */
        window_unmap(victim->address, victim->address + PAGE_SIZE);
    *victim = (struct copy){ .page = page };
    return victim;
}

static bool is_call(physical_address page, unsigned offset)
{
    const unsigned char *bytes =
        (const unsigned char *)machine_info()->direct_map + page + offset;

    return offset + 1 < PAGE_SIZE && bytes[0] == OPCODE_INT && bytes[1] == NUMBER_80;
}

static void add_site(struct copy *copy, unsigned offset)
{
    for (unsigned i = 0; i < copy->count; i++) {
        if (copy->sites[i] == offset)
            return;
    }
    if (copy->count < SITES_MAX)
        copy->sites[copy->count++] = (uint16_t)offset;
}

/* The page may hold another program by now. */
static void drop_stale_sites(struct copy *copy)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < copy->count; i++) {
        if (is_call(copy->page, copy->sites[i]))
            copy->sites[kept++] = copy->sites[i];
    }
    copy->count = kept;
}

/* A private mapping of the memory file: what is written to it stays in it. */
static void map_copy(struct copy *copy, user_address address)
{
    char *window = (char *)(uintptr_t)address;

    if (mmap(window, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
             memory_descriptor(), (off_t)copy->page) == MAP_FAILED)
        return;
    for (unsigned i = 0; i < copy->count; i++)
        window[copy->sites[i]] = (char)OPCODE_HLT;
    copy->address = address;
    if (mprotect(window, PAGE_SIZE, PROT_READ | PROT_EXEC) != 0)
        window_unmap(address, address + PAGE_SIZE);
}

void int80_executed(user_address address)
{
    user_address page_address = address & ~(PAGE_SIZE - 1);
    physical_address page = soft_tlb_constant_page(page_address);
    unsigned offset = (unsigned)(address & (PAGE_SIZE - 1));

    if (page == 0 || !is_call(page, offset))
        return;

    struct copy *copy = find_record(page);

    if (copy->address && copy->address != page_address)    /* mapped twice: the other keeps it */
        return;
    drop_stale_sites(copy);
    add_site(copy, offset);
    map_copy(copy, page_address);
}

static bool is_prefix(unsigned char byte)
{
    static const unsigned char prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
                                              0x66, 0x67, 0xf2, 0xf3 };

    return (byte & 0xf0) == 0x40 || memchr(prefixes, byte, sizeof(prefixes)) != NULL;
}

user_address int80_of_fault(user_address address)
{
    const struct copy *copy = find_mapped(address);
    user_address at = address;

    if (!copy)
        return 0;
    while (!has_site(copy, at)) {
        const unsigned char *byte = (const unsigned char *)(uintptr_t)at;

        if (at - address == PREFIXES_MAX || ((at + 1) & (PAGE_SIZE - 1)) == 0 || !is_prefix(*byte))
            return 0;
        at++;
    }
    return at;
}
