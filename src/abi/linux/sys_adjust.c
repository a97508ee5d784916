/*
 * adjtimex and clock_adjtime.
 *
 * Anybody may read; only root may change anything.  The clock can be stepped (ADJ_SETOFFSET) and
 * atomic time moved (ADJ_TAI); what tells of the clock's quality is kept for who asks.  The rate is
 * the machine's: changing that is refused as to everybody else.
 */
#include <stdatomic.h>

#include "abi/linux/clocks.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "lib/memory.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define MODE_MAXIMUM_ERROR 0x4u
#define MODE_ESTIMATED_ERROR 0x8u
#define MODE_STATUS 0x10u
#define MODE_CONSTANT 0x20u
#define MODE_ATOMIC_OFFSET 0x80u
#define MODE_STEP 0x100u
#define MODE_MICROSECONDS 0x1000u
#define MODE_NANOSECONDS 0x2000u
#define MODE_OLD 0x8000u                 /* adjtime(): the next two say what */
#define MODE_OLD_ONCE 0x1u
#define MODE_OLD_READ 0x2000u
#define MODES_KEPT                                                                            \
    (MODE_MAXIMUM_ERROR | MODE_ESTIMATED_ERROR | MODE_STATUS | MODE_CONSTANT |                 \
     MODE_ATOMIC_OFFSET | MODE_STEP | MODE_MICROSECONDS | MODE_NANOSECONDS)

#define STATUS_UNSYNCHRONIZED 0x40
#define STATUS_READ_ONLY 0xff00
#define STATE_OK 0
#define STATE_ERROR 5
#define ATOMIC_OFFSET_MAX 100000

static struct {
    struct spinlock lock;
    /* Protected by `lock`. */
    int64_t maximum_error, estimated_error, constant;
    int32_t status;
    _Atomic int32_t atomic_offset;       /* seconds */
} quality = {
    .lock = SPINLOCK_INITIAL(RANK_CLOCK_TIMERS, "clock quality"),
    .maximum_error = 16000000,
    .estimated_error = 16000000,
    .constant = 2,
    .status = STATUS_UNSYNCHRONIZED,
};

uint64_t clock_atomic_offset_ns(void)
{
    return (uint64_t)atomic_load(&quality.atomic_offset) * NS_PER_SECOND;
}

static void step_clock(const struct linux_timex *values)
{
    int64_t part_ns = values->time.microseconds;

    if (!(values->modes & MODE_NANOSECONDS))
        part_ns *= 1000;
    clock_set_real_ns(clock_real_ns() + (uint64_t)values->time.seconds * NS_PER_SECOND +
                      (uint64_t)part_ns);
}

static int check_step(const struct linux_timex *values)
{
    int64_t limit = values->modes & MODE_NANOSECONDS ? (int64_t)NS_PER_SECOND : 1000000;
    int64_t now = (int64_t)(clock_real_ns() / NS_PER_SECOND);

    if (values->time.microseconds < 0 || values->time.microseconds >= limit)
        return -EINVAL;
    /* It shall not be set before boot, nor to the end of time. */
    if (values->time.seconds < -now + (int64_t)(clock_monotonic_ns() / NS_PER_SECOND) ||
        values->time.seconds > (int64_t)(CLOCK_NEVER / NS_PER_SECOND / 2))
        return -EINVAL;
    return 0;
}

/* In Linux's order. */
static int check(const struct linux_timex *values)
{
    bool may = current_can(CAPABILITY_TIME);
    uint32_t modes = values->modes;

    if (modes & MODE_OLD) {
        if (!(modes & MODE_OLD_ONCE))
            return -EINVAL;
        return modes & MODE_OLD_READ ? 0 : -EPERM;
    }
    if (modes && (!may || (modes & ~MODES_KEPT)))
        return -EPERM;
    return modes & MODE_STEP ? check_step(values) : 0;
}

static void keep(const struct linux_timex *values)
{
    uint32_t modes = values->modes;

    spin_lock(&quality.lock);
    if (modes & MODE_STATUS)
        quality.status = (quality.status & STATUS_READ_ONLY) |
                         (values->status & ~STATUS_READ_ONLY);
    if (modes & MODE_MAXIMUM_ERROR)
        quality.maximum_error = values->maximum_error;
    if (modes & MODE_ESTIMATED_ERROR)
        quality.estimated_error = values->estimated_error;
    if (modes & MODE_CONSTANT)
        quality.constant = values->constant;
    if ((modes & MODE_ATOMIC_OFFSET) && values->constant >= 0 &&
        values->constant <= ATOMIC_OFFSET_MAX)
        atomic_store(&quality.atomic_offset, (int32_t)values->constant);
    spin_unlock(&quality.lock);
}

/* Returns the clock's state. */
static int describe(struct linux_timex *values)
{
    uint64_t now_ns = clock_real_ns();

    spin_lock(&quality.lock);
    values->offset = 0;
    values->frequency = 0;
    values->maximum_error = quality.maximum_error;
    values->estimated_error = quality.estimated_error;
    values->status = quality.status;
    values->constant = quality.constant;
    values->precision = 1;
    values->tolerance = 32768000;
    values->tick = 10000;
    values->atomic_offset = atomic_load(&quality.atomic_offset);
    spin_unlock(&quality.lock);
    memset(values->pulse, 0, sizeof(values->pulse));
    values->pulse_shift = 0;
    values->time.seconds = (int64_t)(now_ns / NS_PER_SECOND);
    values->time.microseconds = (int64_t)(now_ns % NS_PER_SECOND / 1000);
    return values->status & STATUS_UNSYNCHRONIZED ? STATE_ERROR : STATE_OK;
}

static int64_t adjust(user_address address)
{
    struct linux_timex values;
    int64_t state;
    int error = user_copy_in(current_space(), &values, address, sizeof(values));

    if (!error)
        error = check(&values);
    if (error)
        return error;
    if (!(values.modes & MODE_OLD)) {
        keep(&values);
        if (values.modes & MODE_STEP)
            step_clock(&values);
    }
    state = describe(&values);
    error = user_copy_out(current_space(), address, &values, sizeof(values));
    return error ? error : state;
}

int64_t sys_adjtimex(user_address values)
{
    return adjust(values);
}

int64_t sys_clock_adjtime(int32_t clock, user_address address)
{
    struct linux_timex values;

    if (user_copy_in(current_space(), &values, address, sizeof(values)) != 0)
        return -EFAULT;
    if (clock_sort(clock) == CLOCK_UNKNOWN || (clock < 0 && (clock & 7) == 3))
        return -EINVAL;
    return clock == CLOCK_REAL ? adjust(address) : -EOPNOTSUPP;
}
