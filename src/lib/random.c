/*
 * Seeded generator: xoshiro256** with its state filled by splitmix64, both as their authors
 * publish them, so the same seed gives the same numbers here and anywhere else.
 *
 * Invariant: the state is never all zero (the one state that xoshiro256** cannot leave).
 */
#include "lib/random.h"

#include "lib/assert.h"
#include "lib/memory.h"

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static uint64_t splitmix64_next(uint64_t *state)
{
    uint64_t mixed = (*state += UINT64_C(0x9e3779b97f4a7c15));

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

void random_init(struct random *random, uint64_t seed)
{
    /* Splitmix64 is a bijection of its counter: four different counters cannot all give 0. */
    for (size_t i = 0; i < 4; i++)
        random->state[i] = splitmix64_next(&seed);
}

uint64_t random_next(struct random *random)
{
    uint64_t *state = random->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    ASSERT(limit > 0);

    /* The lowest 2^64 mod limit values are thrown away: what is left is a multiple of limit,
     * so the remainder favours nobody. */
    uint64_t rejected = (UINT64_MAX - limit + 1) % limit;
    uint64_t value = random_next(random);

    while (value < rejected)
        value = random_next(random);
    return value % limit;
}

void random_fill(struct random *random, void *bytes, size_t size)
{
    uint8_t *target = bytes;

    while (size > 0) {
        uint64_t value = random_next(random);
        size_t part = size < sizeof(value) ? size : sizeof(value);

        memcpy(target, &value, part);
        target += part;
        size -= part;
    }
}
