/*
 * Physical memory: a memfd, mapped once as the kernel's direct map.  The guest window
 * (soft_tlb.c) maps the same pages a second time; populate.c fills it.
 *
 * Physical addresses start at one page, so that 0 is never the address of anything.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim.h"

#define FIRST_ADDRESS 4096u
#define ALIGNMENT (UINT64_C(2) << 20)    /* as in the file, so that the host can use large pages */

static int descriptor = -1;
static struct machine_range range;

int memory_descriptor(void)
{
    return descriptor;
}

/* What was never touched is a hole of the memory file. */
static bool find_touched(physical_address *start, physical_address *end)
{
    off_t data = lseek(descriptor, (off_t)*start, SEEK_DATA);

    if (data < 0 && errno != ENXIO)
        return true;    /* cannot tell: all of it may have been */
    if (data < 0 || (physical_address)data >= *end)
        return false;

    off_t hole = lseek(descriptor, data, SEEK_HOLE);

    *start = (physical_address)data;
    if (hole > 0 && (physical_address)hole < *end)
        *end = (physical_address)hole;
    return true;
}

void memory_init(uint64_t size)
{
    struct machine_info *info = info_edit();

    descriptor = memfd_create("eft-memory", MFD_CLOEXEC);
    if (descriptor < 0 || ftruncate(descriptor, (off_t)size) != 0)
        refuse("the host gives no memory file of %llu MiB", (unsigned long long)(size >> 20));

    char *room = mmap(NULL, size + ALIGNMENT, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *map = room == MAP_FAILED ? MAP_FAILED : room + (-(uintptr_t)room & (ALIGNMENT - 1));

    if (room == MAP_FAILED ||
        mmap(map, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, descriptor,
             0) == MAP_FAILED)
        refuse("cannot map %llu MiB of memory", (unsigned long long)(size >> 20));
    madvise(map, size, MADV_DONTFORK);
    range = (struct machine_range){ FIRST_ADDRESS, size };
    info->direct_map = map;
    info->memory = &range;
    info->memory_range_count = 1;
    info->memory_is_zero = true;
    info->memory_find_touched = find_touched;
}
