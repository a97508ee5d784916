/* Sleeping and random numbers, both from the only source there is: the Time call. */
#include "teaching.h"

enum { NS_PER_MS = 1000000 };

void sleep_ms(uint64_t milliseconds)
{
    int64_t end = time_now_ns() + (int64_t)milliseconds * NS_PER_MS;

    while (time_now_ns() < end)
        cpu_relax();
}

void random_seed(struct random *random, uint64_t seed)
{
    random->state = seed;
}

void random_seed_by_time(struct random *random)
{
    random_seed(random, (uint64_t)time_now_ns() ^ (uint64_t)process_id() << 48);
}

/* SplitMix64: a counter with large steps, whose bits are then mixed. */
uint64_t random_next(struct random *random)
{
    uint64_t mixed = random->state += 0x9e3779b97f4a7c15;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    return random_next(random) % limit;
}
