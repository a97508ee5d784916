#pragma once
/* Where everything lies in the address space of a program of the teaching ABI. */
#include <stdint.h>

#include "config.h"

#define TEACHING_PROGRAM_START UINT64_C(0x111100000000)    /* linked here or above, ... */
#define TEACHING_PROGRAM_END UINT64_C(0x200000000000)      /* ... and below this */
#define TEACHING_BREAK_START UINT64_C(0x200000000000)      /* the heap that Brk moves the end of */
#define TEACHING_BREAK_SIZE (UINT64_C(4) << 30)
#define TEACHING_STACKS_END UINT64_C(0x400000000000)       /* slot 0 is the highest */
#define TEACHING_SLOT_SIZE (UINT64_C(4) << 30)
#define TEACHING_HEAP_START UINT64_C(0x400000000000)       /* of Allocate: one for all programs */
#define TEACHING_HEAP_SIZE (UINT64_C(1) << 20)

_Static_assert(TEACHING_BREAK_START + TEACHING_BREAK_SIZE + TEACHING_SLOT_SIZE <=
                   TEACHING_STACKS_END - STACK_SLOTS_MAX * TEACHING_SLOT_SIZE,
               "a slot's room lies between the last stack and the heap");

static inline uint64_t teaching_slot_end(unsigned slot)
{
    return TEACHING_STACKS_END - slot * TEACHING_SLOT_SIZE;
}
