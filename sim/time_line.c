/*
 * Real time by the processor's time-stamp counter, so that guests can read it without a trap.
 *
 * A line (machine.h) turns the counter into ns.  The kernel reads the time by the same line
 * as the guests do, so both always agree and time never goes back.  The host's clock is only what
 * the line is held against: soon after the start, then at intervals that double up to a second,
 * whenever the kernel reads the time after that.  A line that is behind jumps forward, one that is
 * ahead goes a little slower.  The rate is measured over at least the time since the last look, so
 * a line that nobody looks at for long is off by no more than the host's clock was disciplined
 * meanwhile.
 *
 * Without a counter that ticks evenly and alike on all processors, which is when the host itself
 * tells the time by it, there is no line: the kernel asks the host, and guests ask the kernel.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define CLOCK_SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define FIRST_NS UINT64_C(300000)        /* until the rate is known well enough */
#define INTERVAL_NS_MAX NS_PER_SECOND
#define SAMPLE_LOOKS 3                   /* more, while something came in between of each */
#define SAMPLE_LOOKS_MAX 20
#define SAMPLE_TICKS_MAX 20000
#define AHEAD_NS_MAX 1000000             /* the host was stopped, or worse: goes clearly slower */
#define CPUID_POWER 0x80000007u
#define COUNTER_IS_EVEN (1u << 8)

struct sample {
    uint64_t counter, host_ns;
};

static struct machine_time_line own_line;
static struct machine_time_line *line = &own_line;    /* guests see it once they are shown */
static bool is_usable;
static uint64_t boot_ns;
static struct sample anchor;             /* the rate is measured from here */
static uint64_t look_ticks;              /* of the line, until it is held against the clock */

static uint64_t read_counter(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static uint64_t read_host(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* The look that took least is the one nothing came in between of. */
static struct sample take_sample(void)
{
    struct sample best = { 0, 0 };
    uint64_t best_length = UINT64_MAX;

    for (unsigned i = 0; i < SAMPLE_LOOKS_MAX; i++) {
        if (i >= SAMPLE_LOOKS && best_length <= SAMPLE_TICKS_MAX)
            break;

        uint64_t before = read_counter();
        uint64_t host_ns = read_host();
        uint64_t length = read_counter() - before;

        if (length >= best_length)
            continue;
        best_length = length;
        best = (struct sample){ before + length / 2, host_ns };
    }
    return best;
}

static bool host_trusts_counter(void)
{
    char name[8] = "";
    int descriptor = open(CLOCK_SOURCE, O_RDONLY | O_CLOEXEC);
    uint32_t a, b, c, d;
    ssize_t size;

    if (descriptor < 0)
        return false;
    size = read(descriptor, name, sizeof(name) - 1);
    close(descriptor);
    return size > 0 && strncmp(name, "tsc\n", 4) == 0 &&
           __get_cpuid(CPUID_POWER, &a, &b, &c, &d) && (d & COUNTER_IS_EVEN);
}

void time_line_init(uint64_t boot_host_ns)
{
    boot_ns = boot_host_ns;
    is_usable = host_trusts_counter();
    if (is_usable)
        anchor = take_sample();
}

/* Guests of this thread do not run meanwhile, but the order is what they expect. */
static void set_line(const struct machine_time_line *next)
{
    __atomic_store_n(&line->sequence, line->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    line->counter = next->counter;
    line->time_ns = next->time_ns;
    line->multiplier = next->multiplier;
    line->has_line = 1;
    __atomic_store_n(&line->sequence, line->sequence + 1, __ATOMIC_RELEASE);
}

/* One part in a million slower is enough to lose what a rate that was measured badly gained. */
static uint64_t slower(uint64_t multiplier, uint64_t ahead_ns)
{
    return multiplier - multiplier / (ahead_ns > AHEAD_NS_MAX ? 10 : 1000000);
}

static uint64_t begin_line(void)
{
    struct sample now = take_sample();
    uint64_t elapsed_ns = now.host_ns - anchor.host_ns;
    uint64_t elapsed_ticks = now.counter > anchor.counter ? now.counter - anchor.counter : 1;
    uint64_t host_ns = now.host_ns - boot_ns;
    uint64_t line_ns = line->has_line ? machine_time_of(line, now.counter) : host_ns;
    uint64_t interval_ns = elapsed_ns < INTERVAL_NS_MAX ? elapsed_ns : INTERVAL_NS_MAX;
    struct machine_time_line next = {
        .counter = now.counter,
        .time_ns = line_ns > host_ns ? line_ns : host_ns,
        .multiplier = (uint64_t)(((unsigned __int128)elapsed_ns << 32) / elapsed_ticks),
    };

    if (line_ns > host_ns)
        next.multiplier = slower(next.multiplier, line_ns - host_ns);
    set_line(&next);
    look_ticks = (uint64_t)(((unsigned __int128)interval_ns << 32) / next.multiplier);
    if (elapsed_ns >= INTERVAL_NS_MAX)
        anchor = now;
    return next.time_ns;
}

uint64_t time_line_ns(void)
{
    uint64_t counter;

    if (!is_usable)
        return read_host() - boot_ns;
    counter = read_counter();
    if (line->has_line && counter - line->counter < look_ticks)
        return machine_time_of(line, counter);
    if (!line->has_line) {
        uint64_t host_ns = read_host();

        if (host_ns - anchor.host_ns < FIRST_NS)
            return host_ns - boot_ns;
    }
    return begin_line();
}

void time_line_show(struct machine_time_line *shown)
{
    *shown = *line;
    line = shown;
}
