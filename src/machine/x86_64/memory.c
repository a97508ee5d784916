/*
 * Physical memory: who owns which part of the RAM.
 *
 * Not for the kernel: the first MiB (firmware, the code other processors wake up in), the image,
 * the archive, and what this port takes for page tables and stacks before the kernel starts.  That
 * comes from the start of the largest range below 4 GiB, which boot.S has mapped.
 */
#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "machine/x86_64/layout.h"
#include "machine/x86_64/port.h"

#define RANGES_MAX BOOT_RANGES_MAX
#define PAGE_SIZE 4096u
#define FIRST_MIB UINT64_C(0x100000)
#define MAPPED_BY_BOOT (UINT64_C(4) << 30)
#define MEMORY_LIMIT (DEVICES_BASE - STACKS_BASE)    /* both views must reach all of it */
#define LEAST_MEMORY (UINT64_C(4) << 20)

static struct machine_range ranges[RANGES_MAX];    /* free RAM, sorted */
static size_t range_count;
static size_t source;                              /* of memory_take */
static bool is_finished;

static void remove_at(size_t index)
{
    range_count--;
    memmove(&ranges[index], &ranges[index + 1], (range_count - index) * sizeof(ranges[0]));
}

static void insert_at(size_t index, uint64_t start, uint64_t end)
{
    if (range_count == RANGES_MAX)
        return;    /* this piece of memory is not used */
    memmove(&ranges[index + 1], &ranges[index], (range_count - index) * sizeof(ranges[0]));
    ranges[index] = (struct machine_range){ start, end };
    range_count++;
}

/* Takes [start, end) out of all ranges. */
static void reserve(uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < range_count; i++) {
        struct machine_range range = ranges[i];

        if (range.end <= start || range.start >= end)
            continue;
        if (range.start >= start && range.end <= end) {
            remove_at(i--);
        } else if (range.start < start && range.end > end) {
            ranges[i].end = start;
            insert_at(i + 1, end, range.end);
        } else if (range.start < start) {
            ranges[i].end = start;
        } else {
            ranges[i].start = end;
        }
    }
}

static void add_usable(void)
{
    const struct boot_information *boot = boot_information();

    for (unsigned i = 0; i < boot->range_count; i++) {
        uint64_t start = round_up(boot->ranges[i].start, PAGE_SIZE);
        uint64_t end = round_down(boot->ranges[i].end, PAGE_SIZE);

        if (end > MEMORY_LIMIT)
            end = MEMORY_LIMIT;
        if (boot->ranges[i].type == BOOT_MEMORY_RAM && start < end)
            insert_at(range_count, start, end);
    }
    for (unsigned i = 0; i < boot->range_count; i++) {
        if (boot->ranges[i].type != BOOT_MEMORY_RAM)
            reserve(round_down(boot->ranges[i].start, PAGE_SIZE),
                    round_up(boot->ranges[i].end, PAGE_SIZE));
    }
}

static void choose_source(void)
{
    uint64_t best = 0;

    for (size_t i = 0; i < range_count; i++) {
        uint64_t end = ranges[i].end < MAPPED_BY_BOOT ? ranges[i].end : MAPPED_BY_BOOT;

        if (ranges[i].start < end && end - ranges[i].start > best) {
            best = end - ranges[i].start;
            source = i;
        }
    }
    if (best < LEAST_MEMORY)
        port_refuse("too little memory: %llu MiB are free", (unsigned long long)(best >> 20));
}

void memory_init(physical_address image, physical_address image_end)
{
    const struct boot_information *boot = boot_information();

    add_usable();
    reserve(0, FIRST_MIB);
    reserve(round_down(image, PAGE_SIZE), round_up(image_end, PAGE_SIZE));
    if (boot->archive)
        reserve(round_down(boot->archive, PAGE_SIZE), round_up(boot->archive_end, PAGE_SIZE));
    choose_source();
}

physical_address memory_take(uint64_t size)
{
    physical_address start = ranges[source].start;
    uint64_t rounded = round_up(size, PAGE_SIZE);

    ASSERT(!is_finished);
    if (rounded >= ranges[source].end - start || start + rounded > MAPPED_BY_BOOT)
        port_refuse("too little memory for the page tables");
    ranges[source].start += rounded;
    memset((void *)(uintptr_t)(DIRECT_MAP_BASE + start), 0, rounded);
    return start;
}

void memory_finish(void)
{
    struct machine_info *info = info_edit();

    is_finished = true;
    info->memory = ranges;
    info->memory_range_count = range_count;
}

void machine_memory_prepare(physical_address start, physical_address end)
{
    (void)start;
    (void)end;
}
