#pragma once
/* Bit sets in arrays of 64-bit words: single bits and the first free or set one. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)
#define BITMAP_NONE SIZE_MAX

static inline bool bitmap_test(const uint64_t *map, size_t bit)
{
    return (map[bit / 64] >> (bit % 64)) & 1;
}

static inline void bitmap_set(uint64_t *map, size_t bit)
{
    map[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void bitmap_clear(uint64_t *map, size_t bit)
{
    map[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

/* First clear bit in [from, bits), or BITMAP_NONE. */
static inline size_t bitmap_find_clear(const uint64_t *map, size_t bits, size_t from)
{
    size_t bit = from;

    while (bit < bits) {
        uint64_t free_bits = ~map[bit / 64] >> (bit % 64);

        if (free_bits) {
            bit += (size_t)__builtin_ctzll(free_bits);
            return bit < bits ? bit : BITMAP_NONE;
        }
        bit = (bit / 64 + 1) * 64;
    }
    return BITMAP_NONE;
}

/* How many bits of the first `words` words are set.  Not __builtin_popcountll: without the
 * instruction, compilers call a function of a library that the kernel does not have. */
static inline size_t bitmap_count(const uint64_t *map, size_t words)
{
    size_t count = 0;

    for (size_t i = 0; i < words; i++) {
        for (uint64_t rest = map[i]; rest; rest &= rest - 1)
            count++;
    }
    return count;
}
