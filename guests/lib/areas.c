/*
 * Memory for programs that hand wild pointers to the kernel: areas whose neighbours are known not
 * to be accessible, so that a pointer close to an end reaches over it.
 */
#include "guest.h"

#define PROTECTION_NONE 0u
#define PROTECTION_READ 1u
#define PROTECTION_WRITE 2u
#define MAP_PRIVATE_ANONYMOUS 0x22u
#define MAP_FIXED 0x10u

/* A gap page, the writable area, a gap page, the page to read, a gap page. */
#define TOTAL_SIZE (AREA_SIZE + 4 * PAGE_SIZE)

static bool map(uint64_t address, uint64_t size, uint64_t protection)
{
    return system_call6(CALL_MMAP, address, size, protection, MAP_PRIVATE_ANONYMOUS | MAP_FIXED,
                        UINT64_MAX, 0) == (int64_t)address;
}

bool memory_areas_make(struct memory_areas *areas)
{
    static uint64_t base;

    if (base == 0) {
        int64_t found = system_call6(CALL_MMAP, 0, TOTAL_SIZE, PROTECTION_NONE,
                                     MAP_PRIVATE_ANONYMOUS, UINT64_MAX, 0);

        if (found < 0)
            return false;
        base = (uint64_t)found;
    }
    areas->writable = base + PAGE_SIZE;
    areas->read_only = areas->writable + AREA_SIZE + PAGE_SIZE;
    return map(base, TOTAL_SIZE, PROTECTION_NONE) &&
           map(areas->writable, AREA_SIZE, PROTECTION_READ | PROTECTION_WRITE) &&
           map(areas->read_only, PAGE_SIZE, PROTECTION_READ);
}
