/*
 * New memory from the host: zero pages of the memory file, before anybody touches them.
 *
 * Writing the file costs the host half of what faulting its pages in one by one does.  Only one
 * thread at a time can write a file, but another can fault pages in meanwhile, so a helper thread
 * does that from the high end of a block down while the main thread writes from the low end up.
 * They take pieces until they meet: nobody ever waits for the other, and the helper sleeps
 * whenever there is nothing to do.  A piece that it has not finished when the main thread goes on
 * is no harm, for a page that is missing comes at its first touch.
 *
 * Invariant: `pieces` holds the first and the end of the pieces of `block_start` that nobody has
 * taken.  The main thread empties it before it describes another block, and fills it last.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "chooser.h"
#include "search/search.h"
#include "sim.h"

#define ZEROS_SIZE 65536u
#define ZEROS_MAX 64                            /* of them in one host call */
#define PIECE_SIZE (UINT64_C(128) << 10)
#define SHARED_MIN (UINT64_C(1) << 20)          /* less is not worth waking a thread for */
#define LARGE_SIZE (UINT64_C(2) << 20)
#define LARGE_AFTER (UINT64_C(64) << 20)
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25    /* Linux 6.1 */
#endif

static pthread_t helper;
static _Atomic uint64_t pieces;           /* not taken: first, and end in the upper half */
static _Atomic physical_address block_start;
static _Atomic uint32_t blocks_shared;    /* a futex: grows with each */

static void write_zeros(physical_address start, physical_address end)
{
    static char zeros[ZEROS_SIZE];
    struct iovec parts[ZEROS_MAX];

    while (start < end) {
        physical_address next = start;
        int count = 0;

        for (; next < end && count < ZEROS_MAX; count++) {
            parts[count].iov_base = zeros;
            parts[count].iov_len = end - next < ZEROS_SIZE ? end - next : ZEROS_SIZE;
            next += parts[count].iov_len;
        }
        if (pwritev(memory_descriptor(), parts, count, (off_t)start) < 0)
            return;    /* the pages come at the first touch, then */
        start = next;
    }
}

/* ---- Two threads --------------------------------------------------------------------------- */

/* The lowest or the highest piece that nobody has taken; false: none is left. */
static bool take_piece(bool lowest, uint64_t *piece)
{
    uint64_t seen = atomic_load(&pieces), left;

    do {
        uint64_t first = (uint32_t)seen, end = seen >> 32;

        if (first >= end)
            return false;
        *piece = lowest ? first++ : --end;
        left = end << 32 | first;
    } while (!atomic_compare_exchange_weak(&pieces, &seen, left));
    return true;
}

/* Reading is enough.  Not MADV_POPULATE_WRITE: when the host takes the processor away from this
 * thread meanwhile, no mmap of the main thread should wait for it.  Assembly, because nothing but
 * the host may take notice: others may be writing there. */
static void touch_pages(physical_address start)
{
    const char *place = machine_info()->direct_map + start;

    for (uint64_t offset = 0; offset < PIECE_SIZE; offset += 4096)
        __asm__ volatile("testb %%al, %0" : : "m"(place[offset]) : "cc");
}

/* If block_start is another block's by the time that it is read, this populates some of that one,
 * which does no harm either: what a page holds is left alone. */
static void *help(void *unused)
{
    uint32_t seen = 0;
    uint64_t piece;

    (void)unused;
    for (;;) {
        uint32_t now = atomic_load(&blocks_shared);

        if (now == seen) {
            syscall(SYS_futex, &blocks_shared, FUTEX_WAIT_PRIVATE, seen, NULL);
            continue;
        }
        seen = now;
        while (take_piece(false, &piece))
            touch_pages(atomic_load(&block_start) + piece * PIECE_SIZE);
    }
    return NULL;
}

/* At the first large block; is there a helper? */
static bool have_helper(void)
{
    static enum { NOT_TRIED, THERE, REFUSED } state;
    sigset_t all, before;

    if (state == NOT_TRIED) {
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        state = pthread_create(&helper, NULL, help, NULL) == 0 ? THERE : REFUSED;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return state == THERE;
}

/* On any CPU but the one that the main thread runs on now: a host that does not look for an idle
 * CPU when it wakes a thread would let the two take turns on one. */
static void keep_helper_away(void)
{
    static int main_cpu = -1;
    int now = sched_getcpu();
    cpu_set_t others;

    if (now == main_cpu || now < 0 || sched_getaffinity(0, sizeof(others), &others) != 0)
        return;
    main_cpu = now;
    CPU_CLR((size_t)now, &others);
    if (CPU_COUNT(&others) > 0)
        pthread_setaffinity_np(helper, sizeof(others), &others);
}

/* Fewer threads want to run than there are CPUs?  The one that asks is among them. */
static bool host_has_idle_cpu(void)
{
    static int loads = -2;
    static long cpus;
    char text[128];
    unsigned runnable;

    if (loads == -2) {
        loads = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
        cpus = sysconf(_SC_NPROCESSORS_ONLN);
    }

    ssize_t length = loads < 0 ? 0 : pread(loads, text, sizeof(text) - 1, 0);

    if (length <= 0)
        return false;
    text[length] = '\0';
    return sscanf(text, "%*s %*s %*s %u/", &runnable) == 1 && (long)runnable < cpus;
}

static void write_shared(physical_address start, physical_address end)
{
    uint64_t piece;

    keep_helper_away();
    atomic_store(&block_start, start);
    atomic_store(&pieces, (end - start) / PIECE_SIZE << 32);
    atomic_fetch_add(&blocks_shared, 1);
    syscall(SYS_futex, &blocks_shared, FUTEX_WAKE_PRIVATE, 1);
    while (take_piece(true, &piece))
        write_zeros(start + piece * PIECE_SIZE, start + (piece + 1) * PIECE_SIZE);
}

/* Where all CPUs of the host are busy a second thread only gets in the way. */
static void populate_small(physical_address start, physical_address end)
{
    if (end - start >= SHARED_MIN && (end - start) % PIECE_SIZE == 0 && host_has_idle_cpu() &&
        have_helper())
        write_shared(start, end);
    else
        write_zeros(start, end);
}

/* ---- Large pages --------------------------------------------------------------------------- */

static uint64_t host_time_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* The host puts one large page in the place, whatever its policy for shared memory is; the place
 * must not be empty. */
static bool make_large(physical_address start)
{
    write_zeros(start, start + 1);
    return madvise(machine_info()->direct_map + start, LARGE_SIZE, MADV_COLLAPSE) == 0;
}

/*
 * A large page takes a fifth of the time of its 512 small ones, and makes the guest's own accesses
 * faster.  But a host that has to move memory to make room for one, or a virtual machine that
 * gets it from its own host, may take several times as long.  So they are for programs that use
 * much memory; after one that took too long, as much memory again comes in small pages before the
 * next try.
 */
static void populate_block(physical_address start)
{
    static uint64_t populated, small_until = LARGE_AFTER;
    static uint64_t small_ns = UINT64_MAX;    /* what a block of small pages took */
    uint64_t began = host_time_ns();

    populated += LARGE_SIZE;
    if (populated <= small_until) {
        populate_small(start, start + LARGE_SIZE);
        small_ns = host_time_ns() - began;
    } else if (!make_large(start)) {
        small_until = UINT64_MAX;
        populate_small(start, start + LARGE_SIZE);
    } else if (host_time_ns() - began > small_ns) {
        small_until = populated * 2;
    }
}

void machine_memory_prepare(physical_address start, physical_address end)
{
    if (search_is_active)
        return;    /* every page that exists has to be looked at after each run */
    if (chooser_is_active())
        return;    /* which pages exist is part of a run, and the helper has a time of its own */
    if (start % LARGE_SIZE == 0 && end - start == LARGE_SIZE)
        populate_block(start);
    else
        populate_small(start, end);
}
