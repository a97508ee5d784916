/*
 * Random arguments.  Plain noise stops at the first check of a call; so most values are ones that
 * come further, with wild ones among them, and memory holds what calls read: small numbers, times,
 * paths, addresses.
 */
#include "fuzz_calls.h"

static uint64_t random_state;

void random_start(uint64_t seed)
{
    random_state = seed * 0x9e3779b97f4a7c15u + 0x1234567;
}

/* splitmix64 */
uint64_t random_next(void)
{
    uint64_t value = random_state += 0x9e3779b97f4a7c15u;

    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

static const char *const paths[] = {
    "a", "b", "c", "d", "d/e", "d/f", "link", "loop", ".", "..", "/", "", "a/", "d/../a", "/tmp",
    "/tmp/x", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/console", "/proc",
    "/proc/self/maps", "/proc/self/stat", "/proc/self/fd", "/proc/self/fd/3", "/proc/self/exe",
    "/proc/meminfo", "/proc/cpuinfo", "/proc/self/auxv", "/etc/passwd", "/usr", "/usr/bin",
    "absent/x", "./././a", "//dev//null", "d/./e/..", "/proc/self/cwd/a", "/proc/1/status",
    "a-name-that-is-a-little-longer-than-the-others-so-that-it-needs-more-room",
};

/* ---- Pointers ------------------------------------------------------------------------------ */

uint64_t value_pointer(void)
{
    uint64_t start = fuzz_areas.writable, end = start + AREA_SIZE;

    switch (random_below(8)) {
    case 0:
        return end - random_below(256);            /* reaches over the end, perhaps */
    case 1:
        return start + random_below(AREA_SIZE);    /* any alignment */
    case 2:
        return end - PAGE_SIZE * (1 + random_below(4));
    default:
        return start + random_below(AREA_SIZE / 16) * 16;
    }
}

static uint64_t wild_pointer(void)
{
    static const uint64_t wild[] = {
        0, 1, 8, 0xfff, 0x1000, 0x10000, 0x400000, 0x555555554000, 0x700000000000, 0x7fffffffe000,
        0x7ffffffff000, 0x7fffffffffff, 0x800000000000, 0x8000000000000000, 0xffff800000000000,
        0xffffffff80000000, 0xfffffffffffff000, UINT64_MAX,
    };

    switch (random_below(4)) {
    case 0:
        return fuzz_areas.read_only + random_below(2 * PAGE_SIZE);
    case 1:
        return random_next();
    default:
        return wild[random_below(sizeof(wild) / sizeof(wild[0]))] + random_below(2) * 8;
    }
}

static uint64_t path_pointer(void)
{
    uint64_t at = value_pointer();
    const char *path = paths[random_below(sizeof(paths) / sizeof(paths[0]))];
    size_t length = text_length(path) + 1;

    if (random_once_in(50)) {    /* a path without an end */
        memset((void *)(uintptr_t)fuzz_areas.writable, random_once_in(2) ? '/' : 'p', AREA_SIZE);
        return fuzz_areas.writable + random_below(AREA_SIZE);
    }
    if (at + length > fuzz_areas.writable + AREA_SIZE)
        at = fuzz_areas.writable + AREA_SIZE - length;
    memcpy((void *)(uintptr_t)at, path, length);
    return at;
}

/* ---- Numbers ------------------------------------------------------------------------------- */

static uint64_t interesting_number(void)
{
    uint64_t power = (uint64_t)1 << random_below(64);

    switch (random_below(8)) {
    case 0:
        return power;
    case 1:
        return power - 1;
    case 2:
        return 0 - power;
    case 3:
        return random_next();
    case 4:
        return 0 - random_below(200);
    default:
        return random_below(70);
    }
}

static uint64_t size_value(void)
{
    static const uint64_t sizes[] = { 0, 1, 7, 8, 16, 24, 100, 144, 512, 4095, 4096, 4097, 8192 };

    switch (random_below(6)) {
    case 0:
        return interesting_number();
    case 1:
        return PAGE_SIZE * random_below(20);
    case 2:
        return random_below(AREA_SIZE * 2);
    default:
        return sizes[random_below(sizeof(sizes) / sizeof(sizes[0]))];
    }
}

static uint64_t flags_value(void)
{
    uint64_t flags = 0;

    if (random_once_in(4))
        return 0;
    if (random_once_in(12))
        return random_next();
    for (uint64_t bits = 1 + random_below(3); bits > 0; bits--)
        flags |= (uint64_t)1 << random_below(24);
    return flags;
}

static uint64_t descriptor_value(void)
{
    static const uint64_t odd[] = { UINT64_MAX, (uint64_t)-100, 99, 1023, 1024, 0x7fffffff,
                                    0x80000000, 0x100000003 };

    if (random_once_in(10))
        return odd[random_below(sizeof(odd) / sizeof(odd[0]))];
    return random_below(11);
}

static uint64_t process_value(void)
{
    static const uint64_t ids[] = { 0, 1, 2, UINT64_MAX, (uint64_t)-2, 0x7fffffff };

    static uint64_t own;

    if (own == 0)
        own = (uint64_t)system_call3(CALL_GETPID, 0, 0, 0);
    return random_once_in(2) ? own : ids[random_below(sizeof(ids) / sizeof(ids[0]))];
}

static uint64_t request_value(void)
{
    static const uint64_t other[] = { 0x5401, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451, 0x80045430 };

    return random_once_in(3) ? 0x5400 + random_below(0x60)
                             : other[random_below(sizeof(other) / sizeof(other[0]))];
}

uint64_t value_of(uint8_t kind)
{
    if (random_once_in(60))
        return random_next();
    switch (kind) {
    case KIND_FD:
        return descriptor_value();
    case KIND_DIRFD:
        return random_once_in(3) ? descriptor_value() : (uint64_t)-100;
    case KIND_SIZE:
        return size_value();
    case KIND_OFFSET:
        return random_once_in(2) ? size_value() : interesting_number();
    case KIND_MODE:
        return random_below(010000);
    case KIND_PID:
        return process_value();
    case KIND_SIGNAL:
        return random_below(66);
    case KIND_REQUEST:
        return request_value();
    case KIND_FLAGS:
    case KIND_FLAGS64:
        return flags_value();
    case KIND_ENUM:
        return random_once_in(10) ? interesting_number() : random_below(40);
    case KIND_PATH:
        return random_once_in(12) ? wild_pointer() : path_pointer();
    default:
        break;
    }
    if (kind < KIND_USER)    /* plain numbers */
        return random_once_in(2) ? random_below(12) : interesting_number();
    return random_once_in(6) ? wild_pointer() : value_pointer();
}

/* ---- Memory -------------------------------------------------------------------------------- */

static uint64_t word_value(void)
{
    switch (random_below(8)) {
    case 0:
        return value_pointer();
    case 1:
        return wild_pointer();
    case 2:
        return random_below(1000000);    /* nanoseconds, microseconds */
    case 3:
        return interesting_number();
    case 4:
        return random_below(11) | random_next() << 32;    /* a struct pollfd */
    default:
        return random_below(100);
    }
}

void values_fill_memory(void)
{
    uint64_t *words = (uint64_t *)(uintptr_t)fuzz_areas.writable;
    size_t start = random_below(AREA_SIZE / 8 - 512);

    for (size_t i = 0; i < 512; i++)
        words[start + i] = word_value();
}
