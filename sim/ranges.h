#pragma once
/* Where guests may map memory, and the hole in it for the ways of direct_call.c.  AddressSanitizer
 * keeps its shadow between the last two ranges of the second form. */
#define CALLS_START UINT64_C(0x61060000)
#define CALLS_END UINT64_C(0x61090000)
#define CALLS_SIZE (CALLS_END - CALLS_START)

#if defined(__SANITIZE_ADDRESS__)
#define GUEST_RANGES { 0x10000, CALLS_START }, { CALLS_END, 0x7fff0000 }, \
                     { 0x110000000000, GUEST_TOP }
#else
#define GUEST_RANGES { 0x10000, CALLS_START }, { CALLS_END, GUEST_TOP }
#endif
