/*
 * futex: random calls of one thread, the same in every run; none can sleep.  A line is a call, its
 * result, and a sum of what the words hold then.
 *
 * Values are no ids of threads but one, which is not printed; addresses are of all kinds.
 */
#include "with_nodes.h"

#define CALLS 4000
#define SEED 20240607
#define WORDS 10

static uint64_t state = SEED;
static uint32_t own, values[16];
static char *own_page, *shared_page, *read_only, *read_only_file, *nothing;

static uint32_t below(uint32_t count)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % count;
}

static bool one_in(uint32_t count)
{
    return below(count) == 0;
}

/* ---- Arguments ----------------------------------------------------------------------------- */

static uint32_t any_value(void)
{
    return values[below(COUNT(values))];
}

static char *any_address(void)
{
    char *const bases[] = { own_page, own_page, own_page, own_page, shared_page, shared_page,
                            shared_page, read_only, read_only_file, nothing, NULL,
                            own_page + 4088, (char *)0x7ffffffff000, (char *)-4096L };
    char *base = bases[below(COUNT(bases))];
    size_t offset = (size_t)below(4) * 8;

    return base + (one_in(3) ? offset + below(9) : offset);
}

/* Often what is there. */
static uint64_t any_expected(const char *address)
{
    uint32_t value = any_value();

    if (address >= own_page && address < own_page + 4 * WORDS && !one_in(3))
        memcpy(&value, address, sizeof(value));
    return one_in(20) ? UINT64_C(1) << 32 : value;
}

/* Over, or wrong. */
static const void *any_time(bool is_relative)
{
    static const struct timespec times[] = { { 0, 0 }, { 0, -1 }, { -5, 0 }, { 0, 1000000000 },
                                             { 1, 0 } };

    if (one_in(12))
        return (const void *)8;
    return &times[one_in(3) ? below(4) : is_relative ? 0 : 4];
}

static uint32_t any_flags(void)
{
    uint32_t flags = one_in(6) ? below(4) : SIZE_32;

    if (one_in(3))
        flags |= WITH_NODE;
    if (one_in(5))
        flags |= BY_POLICY;
    if (one_in(2))
        flags |= PRIVATE;
    return one_in(25) ? flags | 16u << below(20) : flags;
}

static int any_clock(void)
{
    return one_in(8) ? (int)below(9) - 3 : (int)below(2);
}

static int any_count(void)
{
    return (int)below(4) - one_in(9);
}

static struct futex_waitv any_entry(void)
{
    char *address = any_address();

    return (struct futex_waitv){ .val = any_expected(address), .uaddr = (uintptr_t)address,
                                 .flags = any_flags(), .__reserved = one_in(40) };
}

/* ---- Calls --------------------------------------------------------------------------------- */

static bool takes_time(int command)
{
    return command == FUTEX_WAIT || command == FUTEX_LOCK_PI || command == FUTEX_WAIT_BITSET ||
           command == FUTEX_WAIT_REQUEUE_PI || command == FUTEX_LOCK_PI2;
}

static uint32_t any_third(int command, const char *first)
{
    switch (command) {
    case FUTEX_WAKE_OP:
        return below(9) << 28 | below(8) << 24 | below(4096) << 12 | below(4096);
    case FUTEX_CMP_REQUEUE:
    case FUTEX_CMP_REQUEUE_PI:
        return (uint32_t)any_expected(first);
    default:
        return one_in(4) ? 0 : UINT32_MAX;
    }
}

static bool is_calculated;    /* a word may be the thread's id and something */

static long call_old(const char **name)
{
    static char text[32];
    int command = (int)below(15);
    int operation = command | (one_in(2) ? PRIVATE : 0) | (one_in(5) ? FUTEX_CLOCK_REALTIME : 0);
    char *first = any_address(), *second = one_in(4) ? first : any_address();
    uint32_t value = takes_time(command) ? (uint32_t)any_expected(first) : below(3);
    const void *time = takes_time(command) ? any_time(command == FUTEX_WAIT)
                                           : (const void *)(intptr_t)any_count();

    is_calculated = command == FUTEX_WAKE_OP;
    (void)snprintf(text, sizeof(text), "operation %#x", (unsigned)operation);
    *name = text;
    return syscall(SYS_futex, first, operation, value, time, second, any_third(command, first));
}

static long call_waitv(void)
{
    struct futex_waitv entries[4];
    uint32_t count = 1 + below(COUNT(entries));

    for (unsigned i = 0; i < count; i++)
        entries[i] = any_entry();
    return syscall(CALL_FUTEX_WAITV, one_in(20) ? NULL : entries,
                   one_in(20) ? 129 * below(2) : count, one_in(20), any_time(false), any_clock());
}

static long call_requeue(void)
{
    struct futex_waitv pair[2] = { any_entry(), any_entry() };

    if (!one_in(5))
        pair[1].flags = pair[0].flags;
    return syscall(CALL_FUTEX_REQUEUE, one_in(20) ? NULL : pair, one_in(20), any_count(),
                   any_count());
}

static long call_wait(void)
{
    char *address = any_address();
    uint64_t mask = one_in(6) ? UINT64_C(0x100000001) * below(2) : UINT32_MAX;

    return syscall(CALL_FUTEX_WAIT, address, any_expected(address), mask, any_flags(),
                   any_time(false), any_clock());
}

static long call_wake(void)
{
    return syscall(CALL_FUTEX_WAKE, any_address(), one_in(6) ? 0 : UINT32_MAX, any_count(),
                   any_flags());
}

static long any_call(const char **name)
{
    switch (below(8)) {
    case 0:
        *name = "futex_waitv";
        return call_waitv();
    case 1:
        *name = "futex_requeue";
        return call_requeue();
    case 2:
        *name = "futex_wait";
        return call_wait();
    case 3:
        *name = "futex_wake";
        return call_wake();
    default:
        return call_old(name);
    }
}

/* ---- Words --------------------------------------------------------------------------------- */

static void fill(char *page)
{
    for (size_t i = 0; i < WORDS; i++) {
        uint32_t value = any_value();

        memcpy(page + 4 * i, &value, sizeof(value));
    }
}

/* The same whatever the thread's id is; what was calculated with it is left out. */
static uint32_t sum_of(const char *page)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < WORDS; i++) {
        uint32_t value;

        memcpy(&value, page + 4 * i, sizeof(value));
        if ((value & FUTEX_TID_MASK) == own)
            value = (value & ~FUTEX_TID_MASK) | 0x12345678;
        sum = sum * 31 + value;
    }
    return sum;
}

static void show_call(unsigned number)
{
    const char *name;
    long result;

    fill(own_page);
    fill(own_page + 4096 - 4 * WORDS);
    fill(shared_page);
    is_calculated = false;
    errno = 0;
    result = any_call(&name);
    (void)printf("%u %s: %ld %s", number, name, result, result < 0 ? error_name(errno) : "");
    if (!is_calculated)
        (void)printf(" %08x %08x %08x", sum_of(own_page), sum_of(own_page + 4096 - 4 * WORDS),
                     sum_of(shared_page));
    (void)printf("\n");
}

static void map_pages(void)
{
    int fd = (int)syscall(SYS_memfd_create, "words", 0);

    if (fd < 0 || ftruncate(fd, 4096) != 0)
        (void)printf("no file\n");
    own_page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)mprotect(own_page + 4096, 4096, PROT_NONE);
    shared_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    read_only_file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    need_nodes();
    map_pages();
    own = (uint32_t)own_id();

    const uint32_t some[COUNT(values)] = {
        0, 0, 0, 0x2ffffff1, 0x2ffffff5, UINT32_MAX, UINT32_MAX - 1, 0x2fffff77, own,
        own | FUTEX_WAITERS, own | FUTEX_OWNER_DIED, FUTEX_WAITERS, FUTEX_OWNER_DIED,
        FUTEX_WAITERS | FUTEX_OWNER_DIED, 0x3ffffff0, 0x3ffffff0 | FUTEX_WAITERS,
    };

    memcpy(values, some, sizeof(some));
    for (unsigned i = 0; i < CALLS; i++)
        show_call(i);
    return 0;
}
