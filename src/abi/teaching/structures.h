#pragma once
/* Structures of the teaching ABI as they lie in a program's memory. */
#include <stdint.h>

/* core::alloc::Layout of Rust.  The order of its two words is not promised; this is the one that
 * compilers of today choose. */
struct teaching_layout {
    uint64_t alignment;
    uint64_t size;
};
_Static_assert(sizeof(struct teaching_layout) == 16, "two words");

#define LAYOUT_ALIGNMENT_MAX 4096u    /* of a block, and what can be told from a size */
