/*
 * The choices of a watched run: one seed, a stream of random numbers for each kind of choice, and
 * the strategy that is plugged in.
 *
 * A stream is xoshiro256**, its state filled by splitmix64 from the seed and the stream's index.
 * What a stream gives depends on nothing else, above all not on how often others were asked.
 */
#include "chooser.h"

#include <stddef.h>
#include <stdlib.h>

#include "sim.h"

#define STATE_WORDS 4

static uint64_t streams[CHOOSER_STREAMS][STATE_WORDS];
static const struct chooser_strategy *strategy;
static void (*listeners[CHOOSER_LISTENERS_MAX])(const struct observer_event *event);
static unsigned listener_count;

/* ---- Random numbers ------------------------------------------------------------------------ */

static uint64_t splitmix(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static uint64_t rotate_left(uint64_t value, unsigned count)
{
    return value << count | value >> (64 - count);
}

void chooser_seed(uint64_t seed)
{
    for (unsigned stream = 0; stream < CHOOSER_STREAMS; stream++) {
        uint64_t number = stream;
        uint64_t state = seed ^ splitmix(&number);

        for (unsigned word = 0; word < STATE_WORDS; word++)
            streams[stream][word] = splitmix(&state);
    }
}

uint64_t chooser_bits(enum chooser_stream stream)
{
    uint64_t *state = streams[stream];
    uint64_t first = state[0], second = state[1];
    uint64_t third = state[2] ^ first, fourth = state[3] ^ second;

    state[0] = first ^ fourth;
    state[1] = second ^ third;
    state[2] = third ^ second << 17;
    state[3] = rotate_left(fourth, 45);
    return rotate_left(second * 5, 7) * 9;
}

/* Numbers from the incomplete last round are drawn again, so that all are as likely. */
uint64_t chooser_number(enum chooser_stream stream, uint64_t count)
{
    uint64_t rest = -count % count;
    uint64_t bits;

    if (count <= 1)
        return 0;
    do
        bits = chooser_bits(stream);
    while (bits < rest);
    return bits % count;
}

/* ---- Strategies and listeners -------------------------------------------------------------- */

void chooser_use(const struct chooser_strategy *plugged_in)
{
    strategy = plugged_in;
}

bool chooser_is_active(void)
{
    return machine_info()->observer == &chooser_observer;    /* another one only listens */
}

void chooser_listen(void (*event)(const struct observer_event *event))
{
    if (listener_count == CHOOSER_LISTENERS_MAX)
        abort();
    listeners[listener_count++] = event;
}

static unsigned choose_thread(int32_t current, const struct candidate *candidates, unsigned count)
{
    if (strategy && strategy->choose_thread)
        return strategy->choose_thread(current, candidates, count);
    return (unsigned)chooser_number(CHOOSE_THREAD, count);
}

static bool looks_at_candidates(void)
{
    return strategy && strategy->choose_thread;
}

static uint64_t choose_number(uint64_t count)
{
    if (strategy && strategy->choose_number)
        return strategy->choose_number(count);
    return chooser_number(CHOOSE_KERNEL, count);
}

/* Mostly long, sometimes very short: a race needs a preemption at one certain block, and often a
 * second one soon after it. */
int64_t chooser_budget(void)
{
    static const uint64_t limits[] = { 16, 256, 4096, 4096, 65536, 65536, 65536, 65536 };

    if (strategy && strategy->choose_budget)
        return strategy->choose_budget();

    uint64_t limit = limits[chooser_number(CHOOSE_BUDGET, sizeof(limits) / sizeof(limits[0]))];

    return (int64_t)chooser_number(CHOOSE_BUDGET, limit);
}

static void event_happened(const struct observer_event *event)
{
    bool took_points = cpu_takes_kernel_points;

    if (strategy && strategy->event)
        strategy->event(event);
    cpu_takes_kernel_points = false;    /* names that a listener asks for are no part of the run */
    for (unsigned i = 0; i < listener_count; i++)
        listeners[i](event);
    cpu_takes_kernel_points = took_points;
}

const struct observer_operations chooser_observer = {
    .choose_thread = choose_thread,
    .looks_at_candidates = looks_at_candidates,
    .choose_number = choose_number,
    .event = event_happened,
};
