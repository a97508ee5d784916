/*
 * Physical memory: a memfd, mapped once as the kernel's direct map.  The guest window
 * (soft_tlb.c) maps the same pages a second time.
 *
 * Physical addresses start at one page, so that 0 is never the address of anything.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim.h"

#define FIRST_ADDRESS 4096u
#define ZEROS_SIZE 65536u
#define PIECES_MAX 64    /* of zeros in one host call */

static int descriptor = -1;
static struct machine_range range;

int memory_descriptor(void)
{
    return descriptor;
}

void memory_init(uint64_t size)
{
    struct machine_info *info = info_edit();

    descriptor = memfd_create("eft-memory", MFD_CLOEXEC);
    if (descriptor < 0 || ftruncate(descriptor, (off_t)size) != 0)
        refuse("the host gives no memory file of %llu MiB", (unsigned long long)(size >> 20));

    char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);

    if (map == MAP_FAILED)
        refuse("cannot map %llu MiB of memory", (unsigned long long)(size >> 20));
    madvise(map, size, MADV_DONTFORK);
    range = (struct machine_range){ FIRST_ADDRESS, size };
    info->direct_map = map;
    info->memory = &range;
    info->memory_range_count = 1;
    info->memory_is_zero = true;
}

/* Writing the file is half as expensive for the host as faulting its pages in one by one. */
void machine_memory_prepare(physical_address start, physical_address end)
{
    static char zeros[ZEROS_SIZE];
    struct iovec pieces[PIECES_MAX];

    while (start < end) {
        physical_address next = start;
        int count = 0;

        for (; next < end && count < PIECES_MAX; count++) {
            pieces[count].iov_base = zeros;
            pieces[count].iov_len = end - next < ZEROS_SIZE ? end - next : ZEROS_SIZE;
            next += pieces[count].iov_len;
        }
        if (pwritev(descriptor, pieces, count, (off_t)start) < 0)
            return;    /* the pages come at the first touch, then */
        start = next;
    }
}
