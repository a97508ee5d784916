#pragma once
/*
 * The page that programs see as [vvar]: what the vDSO computes times from.  Programs only read it;
 * the layout is private to the kernel and the vDSO that it brings along (guests/vdso).
 */
#include <stdint.h>

#include "machine/machine.h"

#define TIME_PAGE_COARSE_NS 4000000    /* coarse clocks move in such steps */

struct time_page {
    struct machine_time_line line;
    uint64_t real_offset_ns;    /* real time is monotonic time and this */
};
