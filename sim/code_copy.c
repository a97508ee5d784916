/*
 * Copies of pages of code.  A page that user code may execute and not write can be shown in the
 * window as a copy with patches, by which calls come faster (int80.c, direct_call.c).  The page
 * itself, which the kernel, other processes and files see, is not touched.
 *
 * Invariants: a copy that has an address is mapped there, and nowhere else; window.c says when a
 * part of the window is unmapped or mapped anew.  Of a page that is watched no writable mapping
 * exists while it has a copy: the direct map is write-protected there, and a fault of the kernel
 * gives the copy up, as does a writable mapping in the window.  In runs that repeat nothing is
 * watched; the bytes below the patches are compared when a copy is shown.
 */
#include "code_copy.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "direct_call.h"
#include "ranges.h"
#include "sim.h"
#include "window.h"

#define COPIES_MAX 64
#define WRITES_MAX 8u       /* a page that changes so often has no copy any more */
#define FRAMES_SIZE (COPIES_MAX * CODE_PAGE)

static struct code_copy copies[COPIES_MAX];
static bool is_protected[COPIES_MAX];        /* the page, in the direct map */
static volatile sig_atomic_t is_stale[COPIES_MAX];
static volatile sig_atomic_t any_stale;
static unsigned next_victim;
static uint64_t generations;
static bool watches;
static int descriptor = -1;
static char *frames;                         /* then the area for calls */

static unsigned index_of(const struct code_copy *copy)
{
    return (unsigned)(copy - copies);
}

static char *page_of(const struct code_copy *copy)
{
    return machine_info()->direct_map + copy->page;
}

void code_copy_init(bool watch)
{
    watches = watch;
    descriptor = memfd_create("eft-copies", MFD_CLOEXEC);
    if (descriptor < 0 || ftruncate(descriptor, (off_t)(FRAMES_SIZE + CALLS_SIZE)) != 0)
        refuse("the host gives no memory file for copies of code");
    frames = mmap(NULL, FRAMES_SIZE + CALLS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor,
                  0);
    if (frames == MAP_FAILED)
        refuse("no memory for copies of code");
    if (watch && mmap((void *)(uintptr_t)CALLS_START, CALLS_SIZE, PROT_READ | PROT_EXEC,
                      MAP_SHARED | MAP_FIXED, descriptor, (off_t)FRAMES_SIZE) == MAP_FAILED)
        refuse("the host lets nobody map memory at %#llx", (unsigned long long)CALLS_START);
}

char *code_calls_area(void)
{
    return frames + FRAMES_SIZE;
}

/* ---- Pages that change --------------------------------------------------------------------- */

static void watch_page(const struct code_copy *copy)
{
    unsigned index = index_of(copy);

    if (watches && !is_protected[index])
        is_protected[index] = mprotect(page_of(copy), CODE_PAGE, PROT_READ) == 0;
}

static void unwatch_page(const struct code_copy *copy)
{
    unsigned index = index_of(copy);

    if (is_protected[index])
        mprotect(page_of(copy), CODE_PAGE, PROT_READ | PROT_WRITE);
    is_protected[index] = false;
}

static void unmap(struct code_copy *copy)
{
    if (copy->address)
        window_unmap(copy->address, copy->address + CODE_PAGE);
}

void code_copy_give_up(struct code_copy *copy)
{
    unwatch_page(copy);
    unmap(copy);
    copy->count = 0;
    copy->generation = ++generations;
    copy->writes++;
}

void code_copy_written(physical_address start, physical_address end)
{
    for (unsigned i = 0; watches && i < COPIES_MAX; i++) {
        if (is_protected[i] && copies[i].page + CODE_PAGE > start && copies[i].page < end)
            code_copy_give_up(&copies[i]);
    }
}

void code_copy_host_writes(const void *buffer, size_t size)
{
    physical_address start = (physical_address)((const char *)buffer - machine_info()->direct_map);

    code_copy_written(start, start + size);
}

/* The window may be changing at this moment, so no more than what lets the write go on. */
bool code_copy_resolve_write(uint64_t host_address)
{
    physical_address address = host_address - (uintptr_t)machine_info()->direct_map;

    for (unsigned i = 0; watches && i < COPIES_MAX; i++) {
        if (!is_protected[i] || copies[i].page != (address & ~(CODE_PAGE - 1)))
            continue;
        unwatch_page(&copies[i]);
        is_stale[i] = 1;
        any_stale = 1;
        return true;
    }
    return false;
}

static void drop_stale(void)
{
    any_stale = 0;
    for (unsigned i = 0; i < COPIES_MAX; i++) {
        if (is_stale[i])
            code_copy_give_up(&copies[i]);
        is_stale[i] = 0;
    }
}

void code_copy_settle(void)
{
    if (any_stale)
        drop_stale();
}

/* Whether the window shows the page there, and nowhere so that user code can write to it.  When
 * that is not known, it will be the next time. */
static bool is_shown_safely(physical_address page, user_address page_address)
{
    const struct window_piece *pieces;
    bool is_shown = false;
    unsigned count;

    if (!window_pieces(&pieces, &count)) {
        window_empty();
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t offset = page - pieces[i].physical;

        if (offset >= pieces[i].end - pieces[i].start)
            continue;
        if (pieces[i].protection & PROT_WRITE && watches)
            return false;
        if (pieces[i].start + offset == page_address)
            is_shown = true;
    }
    return is_shown;
}

/* ---- Which there are ----------------------------------------------------------------------- */

void code_copy_forget(user_address start, user_address end)
{
    for (unsigned i = 0; i < COPIES_MAX; i++) {
        if (copies[i].address >= start && copies[i].address < end)
            copies[i].address = 0;
    }
}

bool code_copy_is_within(user_address start, user_address end)
{
    for (unsigned i = 0; i < COPIES_MAX; i++) {
        if (copies[i].address >= start && copies[i].address < end && copies[i].address)
            return true;
    }
    return false;
}

struct code_copy *code_copy_at(user_address address)
{
    for (unsigned i = 0; i < COPIES_MAX; i++) {
        if (copies[i].address && copies[i].address == (address & ~(CODE_PAGE - 1)))
            return &copies[i];
    }
    return NULL;
}

/* The record of a physical page, by force that of another one. */
static struct code_copy *find_record(physical_address page)
{
    for (unsigned i = 0; i < COPIES_MAX; i++) {
        if (copies[i].page == page)
            return &copies[i];
    }

    struct code_copy *victim = &copies[next_victim++ % COPIES_MAX];

    if (victim->page)
        code_copy_give_up(victim);
    *victim = (struct code_copy){ .page = page, .generation = ++generations };
    return victim;
}

struct code_copy *code_copy_of(user_address page_address)
{
    physical_address page = soft_tlb_constant_page(page_address);

    if (page == 0)
        return NULL;
    code_copy_settle();

    struct code_copy *copy = find_record(page);

    if (copy->writes >= WRITES_MAX || (copy->address && copy->address != page_address))
        return NULL;    /* it changes often, or is mapped twice */
    return is_shown_safely(page, page_address) ? copy : NULL;
}

/* ---- Patches ------------------------------------------------------------------------------- */

const struct code_patch *code_copy_patch_at(const struct code_copy *copy, unsigned offset)
{
    for (unsigned i = 0; i < copy->count; i++) {
        if (offset - copy->patches[i].offset < copy->patches[i].size)
            return &copy->patches[i];
    }
    return NULL;
}

bool code_copy_add(struct code_copy *copy, unsigned offset, const void *is, unsigned size)
{
    struct code_patch *patch = &copy->patches[copy->count];

    if (copy->count == PATCHES_MAX || code_copy_patch_at(copy, offset) ||
        code_copy_patch_at(copy, offset + size - 1))
        return false;
    patch->offset = (uint16_t)offset;
    patch->size = (uint8_t)size;
    memcpy(patch->was, page_of(copy) + offset, size);
    memcpy(patch->is, is, size);
    copy->count++;
    return true;
}

/* The page may hold another program by now. */
static void check_patches(struct code_copy *copy)
{
    for (unsigned i = 0; i < copy->count; i++) {
        const struct code_patch *patch = &copy->patches[i];

        if (memcmp(page_of(copy) + patch->offset, patch->was, patch->size) == 0)
            continue;
        copy->count = 0;
        copy->generation = ++generations;
    }
}

void code_copy_show(struct code_copy *copy, user_address page_address)
{
    unsigned index = index_of(copy);
    char *frame = frames + index * CODE_PAGE;

    watch_page(copy);
    if (watches && !is_protected[index])
        return;
    check_patches(copy);
    if (copy->count == 0)
        return;
    direct_calls_move(copy, page_address);
    memcpy(frame, page_of(copy), CODE_PAGE);
    for (unsigned i = 0; i < copy->count; i++)
        memcpy(frame + copy->patches[i].offset, copy->patches[i].is, copy->patches[i].size);
    if (mmap((void *)(uintptr_t)page_address, CODE_PAGE, PROT_READ | PROT_EXEC,
             MAP_SHARED | MAP_FIXED | MAP_POPULATE, descriptor,
             (off_t)(index * CODE_PAGE)) != MAP_FAILED)
        copy->address = page_address;
}
