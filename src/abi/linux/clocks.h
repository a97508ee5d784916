#pragma once
/* Clocks as programs name them, and the times that they pass. */
#include <stdbool.h>
#include <stdint.h>

#include "abi/linux/structures.h"
#include "abi/linux/time_page.h"
#include "lib/error.h"
#include "machine/machine.h"
#include "process/processor_timer.h"
#include "time/clock.h"

#define CLOCK_REAL 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_TIME 2
#define CLOCK_THREAD_TIME 3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REAL_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOT 7
#define CLOCK_REAL_ALARM 8
#define CLOCK_BOOT_ALARM 9
#define CLOCK_ATOMIC_TIME 11

#define COARSE_NS TIME_PAGE_COARSE_NS
#define TIME_ABSOLUTE 1u    /* TIMER_ABSTIME and TFD_TIMER_ABSTIME */

/* What can be done with a clock. */
enum clock_sort {
    CLOCK_UNKNOWN,
    CLOCK_TIME,         /* of the world: read, slept and timed on */
    CLOCK_READ_ONLY,
    CLOCK_DEVICE,       /* needs a clock that could wake the machine: there is none */
    CLOCK_PROCESSOR,    /* of a process or a thread */
};
enum clock_sort clock_sort(int32_t clock);
/* Of a CLOCK_TIME. */
static inline enum clock_base clock_base_of(int32_t clock)
{
    return clock == CLOCK_REAL || clock == CLOCK_ATOMIC_TIME ? CLOCK_BASE_REAL
                                                             : CLOCK_BASE_MONOTONIC;
}
/* -EINVAL. */
MUST_CHECK int clock_number_read(int32_t clock, uint64_t *ns);

struct processor_clock {
    struct process *process;    /* both referenced; thread NULL: of the process */
    struct thread *thread;
    enum processor_time kind;
};
/* Which process or thread the number of a CLOCK_PROCESSOR names; `for_reading`: as for
 * clock_gettime, which takes more numbers.  -EINVAL. */
MUST_CHECK int processor_clock_find(int32_t clock, bool for_reading,
                                    struct processor_clock *found);
void processor_clock_release(const struct processor_clock *found);

/* A thread of the current process that has not ended, with a reference; NULL: there is none. */
struct thread *own_thread_find(int32_t id);

/* ---- Times --------------------------------------------------------------------------------- */

struct linux_timespec timespec_of(uint64_t ns);
/* What 63 bits of nanoseconds cannot hold is CLOCK_NEVER.  -EINVAL. */
MUST_CHECK int timespec_ns(const struct linux_timespec *time, uint64_t *ns);
/* -EFAULT. */
MUST_CHECK int timespec_put(user_address address, uint64_t ns);
/* -EFAULT, -EINVAL. */
MUST_CHECK int timespec_get(user_address address, uint64_t *ns);

/* How far atomic time is ahead of real time (adjtimex). */
uint64_t clock_atomic_offset_ns(void);
