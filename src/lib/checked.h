#pragma once
/* Arithmetic that cannot wrap unnoticed, and rounding to powers of two. */
#include <stdbool.h>
#include <stdint.h>

/* True when the result does not fit; otherwise the result is stored. */
static inline bool add_overflows(uint64_t a, uint64_t b, uint64_t *sum)
{
    return __builtin_add_overflow(a, b, sum);
}

static inline bool multiply_overflows(uint64_t a, uint64_t b, uint64_t *product)
{
    return __builtin_mul_overflow(a, b, product);
}

static inline uint64_t round_down(uint64_t value, uint64_t power_of_two)
{
    return value & ~(power_of_two - 1);
}

/* The caller has made sure that the result fits (see round_up_overflows). */
static inline uint64_t round_up(uint64_t value, uint64_t power_of_two)
{
    return (value + power_of_two - 1) & ~(power_of_two - 1);
}

static inline bool round_up_overflows(uint64_t value, uint64_t power_of_two, uint64_t *result)
{
    uint64_t sum;

    if (add_overflows(value, power_of_two - 1, &sum))
        return true;
    *result = round_down(sum, power_of_two);
    return false;
}

static inline bool is_aligned(uint64_t value, uint64_t power_of_two)
{
    return (value & (power_of_two - 1)) == 0;
}

/* Does [start, start + length) lie within [low, high), without wrapping? */
static inline bool range_within(uint64_t start, uint64_t length, uint64_t low, uint64_t high)
{
    return start >= low && start <= high && length <= high - start;
}
