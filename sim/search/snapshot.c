/*
 * The snapshot.
 *
 * The Makefile renames the data sections of the core and of the sim (but for the files that the
 * search must not wind back, SIM_TIMELESS there), so that the linker bounds them by symbols and no
 * variable can be forgotten.  With the memory file and the CPU stacks that is the whole machine.
 *
 * Restoring compares every page that exists with its copy, or with zeros if it did not exist, and
 * writes only those that differ.  Pages that exist are few (a booted machine has some hundred),
 * and reading them costs less than finding out by page tables or faults which were written: see
 * docs/search.md.  Which exist is asked of the host: /proc/self/pagemap for variables and
 * stacks, the holes of the memory file.
 */
#include "search/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim.h"
#include "search/array.h"

#define PAGE_SIZE 4096u
#define ENTRIES_MAX 512                     /* of pagemap, read at once */
#define PAGE_EXISTS (UINT64_C(3) << 62)     /* in memory, or swapped out */
#define AREAS_MAX (64 + 8)

/* Names that the linker makes.  Weak: tests of the port have no core. */
#define BOUND extern char __attribute__((weak))
BOUND __start_core_data[], __stop_core_data[], __start_core_bss[], __stop_core_bss[];
BOUND __start_sim_data[], __stop_sim_data[], __start_sim_bss[], __stop_sim_bss[];

struct area {
    char *start, *end;
    bool is_file;         /* the memory file, else private memory */
    bool has_stacks;
};

/* A piece of one page that existed. */
struct piece {
    char *place;
    uint32_t length;
    size_t copy;          /* offset in `copies` */
};

static struct area areas[AREAS_MAX];
static unsigned area_count;
static struct piece *pieces;    /* by area, then by address */
static uint32_t piece_count, piece_room;
static char *copies;
static size_t copies_size, copies_room;
static int pagemap = -1;

/* ---- Bytes: the address sanitizer must not look at them ------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

/* What it has noted about functions that were on these stacks: they never return. */
static void forget_frames(char *start, char *end)
{
    __asan_unpoison_memory_region(start, (size_t)(end - start));
}

__attribute__((no_sanitize("address")))
static bool bytes_equal(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (((const volatile char *)a)[i] != ((const volatile char *)b)[i])
            return false;
    }
    return true;
}

__attribute__((no_sanitize("address")))
static void bytes_copy(char *to, const char *from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((volatile char *)to)[i] = ((const volatile char *)from)[i];
}
#else
static void forget_frames(char *start, char *end)
{
    (void)start;
    (void)end;
}

static bool bytes_equal(const char *a, const char *b, size_t length)
{
    return memcmp(a, b, length) == 0;
}

static void bytes_copy(char *to, const char *from, size_t length)
{
    memcpy(to, from, length);
}
#endif

static void set_bytes(char *place, const char *wanted, size_t length)
{
    if (!bytes_equal(place, wanted, length))
        bytes_copy(place, wanted, length);
}

/* ---- Which pages exist --------------------------------------------------------------------- */

/* Calls for runs of pages that exist, cut to the area. */
typedef void visit_range(const struct area *area, char *start, char *end);

static void visit_cut(const struct area *area, char *start, char *end, visit_range *visit)
{
    if (start < area->start)
        start = area->start;
    if (end > area->end)
        end = area->end;
    if (start < end)
        visit(area, start, end);
}

static void visit_private(const struct area *area, visit_range *visit)
{
    uint64_t entries[ENTRIES_MAX];
    uintptr_t page = (uintptr_t)area->start / PAGE_SIZE;
    uintptr_t last = ((uintptr_t)area->end + PAGE_SIZE - 1) / PAGE_SIZE;

    while (page < last) {
        size_t wanted = last - page < ENTRIES_MAX ? last - page : ENTRIES_MAX;
        ssize_t got = pread(pagemap, entries, wanted * sizeof(entries[0]),
                            (off_t)(page * sizeof(entries[0])));
        size_t count = got > 0 ? (size_t)got / sizeof(entries[0]) : 0;

        if (count == 0)
            refuse("the host does not tell which pages exist (/proc/self/pagemap)");
        for (size_t i = 0; i < count; i++) {
            char *start = (char *)((page + i) * PAGE_SIZE);

            if (entries[i] & PAGE_EXISTS)
                visit_cut(area, start, start + PAGE_SIZE, visit);
        }
        page += count;
    }
}

static void visit_file(const struct area *area, visit_range *visit)
{
    off_t end = 0;

    for (;;) {
        off_t start = lseek(memory_descriptor(), end, SEEK_DATA);

        if (start < 0 && errno == ENXIO)
            return;
        end = start < 0 ? -1 : lseek(memory_descriptor(), start, SEEK_HOLE);
        if (end < 0)
            refuse("the host does not tell which parts of the memory file exist");
        visit_cut(area, area->start + start, area->start + end, visit);
    }
}

static void visit_areas(visit_range *visit)
{
    for (unsigned i = 0; i < area_count; i++) {
        if (areas[i].is_file)
            visit_file(&areas[i], visit);
        else
            visit_private(&areas[i], visit);
    }
}

/* ---- Taking -------------------------------------------------------------------------------- */

static void add_area(char *start, char *end, bool is_file, bool has_stacks)
{
    if (start == end)
        return;
    areas[area_count++] = (struct area){ start, end, is_file, has_stacks };
    if (!is_file)
        madvise((void *)((uintptr_t)start & ~(uintptr_t)(PAGE_SIZE - 1)),
                (size_t)(end - start), MADV_NOHUGEPAGE);
}

static void find_areas(void)
{
    const struct machine_info *info = machine_info();

    add_area(info->direct_map, info->direct_map + info->memory[0].end, true, true);
    add_area(__start_core_data, __stop_core_data, false, false);
    add_area(__start_core_bss, __stop_core_bss, false, false);
    add_area(__start_sim_data, __stop_sim_data, false, false);
    add_area(__start_sim_bss, __stop_sim_bss, false, false);
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        size_t size;
        char *stack = cpu_stack(cpu, &size);

        add_area(stack, stack + size, false, true);
    }
}

static char *piece_end(char *start, char *end)
{
    char *next = (char *)(((uintptr_t)start | (PAGE_SIZE - 1)) + 1);

    return next < end ? next : end;
}

static void measure_range(const struct area *area, char *start, char *end)
{
    (void)area;
    copies_size += (size_t)(end - start);
}

static void save_range(const struct area *area, char *start, char *end)
{
    (void)area;
    for (char *next; start < end; start = next) {
        next = piece_end(start, end);
        ARRAY_GROW(pieces, piece_room, piece_count + 1);
        pieces[piece_count++] = (struct piece){ start, (uint32_t)(next - start), copies_size };
        if (copies_size + (size_t)(next - start) > copies_room)
            refuse("the machine does not stand still");
        bytes_copy(copies + copies_size, start, (size_t)(next - start));
        copies_size += (size_t)(next - start);
    }
}

void snapshot_take(void)
{
    pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (pagemap < 0)
        refuse("this host does not tell which pages exist (/proc/self/pagemap)");
    find_areas();
    visit_areas(measure_range);
    copies_room = copies_size + 64 * PAGE_SIZE;    /* pages that come into being meanwhile */
    copies = mmap(NULL, copies_room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copies == MAP_FAILED)
        refuse("no memory for a copy of the machine");
    copies_size = 0;
    visit_areas(save_range);
}

/* ---- Restoring ----------------------------------------------------------------------------- */

static uint32_t next_piece;    /* that has not been restored yet */

/* Pieces and ranges come in the same order; a page that exists stays. */
static void restore_range(const struct area *area, char *start, char *end)
{
    static const char zeros[PAGE_SIZE];

    if (area->has_stacks)
        forget_frames(start, end);
    for (char *next; start < end; start = next) {
        const struct piece *piece = &pieces[next_piece];

        next = piece_end(start, end);
        if (next_piece < piece_count && piece->place == start) {
            set_bytes(start, copies + piece->copy, piece->length);
            next_piece++;
        } else {
            set_bytes(start, zeros, (size_t)(next - start));
        }
    }
}

void snapshot_restore(void)
{
    next_piece = 0;
    visit_areas(restore_range);
    if (next_piece != piece_count)
        refuse("pages of the machine have gone");
}
