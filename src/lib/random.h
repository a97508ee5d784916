#pragma once
/* Seeded generator (splitmix64 to seed, xoshiro256** to run): the kernel's only randomness. */
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_init(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in [0, limit); limit > 0. */
uint64_t random_below(struct random *random, uint64_t limit);
void random_fill(struct random *random, void *bytes, size_t size);
