#pragma once
/* Where guests may map memory.  AddressSanitizer keeps its shadow between the two ranges of
 * the second form. */
#if defined(__SANITIZE_ADDRESS__)
#define GUEST_RANGES { 0x10000, 0x7fff0000 }, { 0x110000000000, GUEST_END }
#else
#define GUEST_RANGES { 0x10000, GUEST_END }
#endif
