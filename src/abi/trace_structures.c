/* Printing of structures in a call trace: the fields that people look for, as strace names them. */
#include "abi/linux/names.h"
#include "abi/linux/structures.h"
#include "abi/trace_internal.h"
#include "ipc/semaphore_array.h"
#include "lib/container.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define SEGMENTS_SHOWN 8
#define MODE_BITS 07777u
#define MODE_TYPE_BITS 0170000u

typedef unsigned long long number;    /* what the formats want */

static void add_mode(struct text_builder *line, uint32_t mode)
{
    if (mode & MODE_TYPE_BITS) {
        trace_flags(line, mode & MODE_TYPE_BITS, SET_mode_type);
        text_builder_add(line, "|");
    }
    text_builder_add(line, "%#o", mode & MODE_BITS);
}

static void print_timespec(struct text_builder *line, const void *structure)
{
    const struct linux_timespec *time = structure;

    text_builder_add(line, "{tv_sec=%lld, tv_nsec=%lld}", (long long)time->seconds,
                     (long long)time->nanoseconds);
}

static void print_timespec_pair(struct text_builder *line, const void *structure)
{
    const struct linux_timespec *times = structure;

    text_builder_add(line, "[");
    print_timespec(line, &times[0]);
    text_builder_add(line, ", ");
    print_timespec(line, &times[1]);
    text_builder_add(line, "]");
}

static void print_timeval(struct text_builder *line, const void *structure)
{
    const struct linux_timeval *time = structure;

    text_builder_add(line, "{tv_sec=%lld, tv_usec=%lld}", (long long)time->seconds,
                     (long long)time->microseconds);
}

static void print_itimerval(struct text_builder *line, const void *structure)
{
    const struct linux_itimerval *timer = structure;

    text_builder_add(line, "{it_interval=");
    print_timeval(line, &timer->interval);
    text_builder_add(line, ", it_value=");
    print_timeval(line, &timer->value);
    text_builder_add(line, "}");
}

static void print_sigset(struct text_builder *line, const void *structure)
{
    trace_signal_set(line, *(const uint64_t *)structure);
}

static void print_sigaction(struct text_builder *line, const void *structure)
{
    const struct linux_sigaction *action = structure;

    text_builder_add(line, "{sa_handler=");
    if (action->handler == SIGNAL_DEFAULT)
        text_builder_add(line, "SIG_DFL");
    else if (action->handler == SIGNAL_IGNORE)
        text_builder_add(line, "SIG_IGN");
    else
        trace_address(line, action->handler);
    text_builder_add(line, ", sa_mask=");
    trace_signal_set(line, action->mask);
    text_builder_add(line, ", sa_flags=");
    trace_flags(line, action->flags, SET_signal_action);
    if (action->flags & ACTION_RESTORER)
        text_builder_add(line, ", sa_restorer=0x%llx", (number)action->restorer);
    text_builder_add(line, "}");
}

static void print_sigstack(struct text_builder *line, const void *structure)
{
    const struct linux_sigstack *stack = structure;

    text_builder_add(line, "{ss_sp=");
    trace_address(line, stack->base);
    text_builder_add(line, ", ss_flags=");
    trace_flags(line, (uint32_t)stack->flags, SET_signal_stack);
    text_builder_add(line, ", ss_size=%llu}", (number)stack->size);
}

static void add_limit(struct text_builder *line, const char *name, uint64_t value)
{
    if (value == UINT64_MAX)
        text_builder_add(line, "%s=RLIM64_INFINITY", name);
    else if (value > 1024 && value % 1024 == 0)
        text_builder_add(line, "%s=%llu*1024", name, (number)(value / 1024));
    else
        text_builder_add(line, "%s=%llu", name, (number)value);
}

static void print_rlimit(struct text_builder *line, const void *structure)
{
    const struct linux_rlimit *limit = structure;

    add_limit(line, "{rlim_cur", limit->soft);
    add_limit(line, ", rlim_max", limit->hard);
    text_builder_add(line, "}");
}

static void print_stat(struct text_builder *line, const void *structure)
{
    const struct linux_stat *status = structure;

    text_builder_add(line, "{st_mode=");
    add_mode(line, status->mode);
    if ((status->mode & MODE_TYPE_BITS) == 020000 || (status->mode & MODE_TYPE_BITS) == 060000)
        text_builder_add(line, ", st_rdev=0x%llx, ...}", (number)status->device_id);
    else
        text_builder_add(line, ", st_size=%lld, ...}", (long long)status->size);
}

static void print_statx(struct text_builder *line, const void *structure)
{
    const struct linux_statx *status = structure;

    text_builder_add(line, "{stx_mask=");
    trace_flags(line, status->mask, SET_statx);
    text_builder_add(line, ", stx_mode=");
    add_mode(line, status->mode);
    text_builder_add(line, ", stx_size=%llu, ...}", (number)status->size);
}

static void print_statfs(struct text_builder *line, const void *structure)
{
    const struct linux_statfs *statistics = structure;

    text_builder_add(line, "{f_type=0x%llx, f_bsize=%lld, f_blocks=%llu, f_bfree=%llu, ...}",
                     (number)statistics->type, (long long)statistics->block_size,
                     (number)statistics->blocks, (number)statistics->blocks_free);
}

static void print_rusage(struct text_builder *line, const void *structure)
{
    const struct linux_rusage *usage = structure;

    text_builder_add(line, "{ru_utime=");
    print_timeval(line, &usage->user_time);
    text_builder_add(line, ", ru_stime=");
    print_timeval(line, &usage->system_time);
    text_builder_add(line, ", ...}");
}

static void print_utsname(struct text_builder *line, const void *structure)
{
    const struct linux_utsname *name = structure;

    text_builder_add(line, "{sysname=\"%s\", nodename=\"%s\", ...}", name->system, name->node);
}

static void print_tms(struct text_builder *line, const void *structure)
{
    const struct linux_tms *times = structure;

    text_builder_add(line, "{tms_utime=%lld, tms_stime=%lld, tms_cutime=%lld, tms_cstime=%lld}",
                     (long long)times->user, (long long)times->system,
                     (long long)times->children_user, (long long)times->children_system);
}

static void print_int(struct text_builder *line, const void *structure)
{
    text_builder_add(line, "[%d]", *(const int32_t *)structure);
}

union any_structure {
    struct linux_timespec timespec[2];
    struct linux_itimerval itimerval;
    struct linux_sigaction sigaction;
    struct linux_sigstack sigstack;
    struct linux_rlimit rlimit;
    struct linux_stat stat;
    struct linux_statx statx;
    struct linux_statfs statfs;
    struct linux_rusage rusage;
    struct linux_utsname utsname;
    struct linux_tms tms;
};

static const struct {
    size_t size;
    void (*print)(struct text_builder *line, const void *structure);
} printers[KIND_COUNT] = {
    [KIND_OUT_INT] = { sizeof(int32_t), print_int },
    [KIND_IN_TIMESPEC] = { sizeof(struct linux_timespec), print_timespec },
    [KIND_OUT_TIMESPEC] = { sizeof(struct linux_timespec), print_timespec },
    [KIND_IN_TIMESPEC2] = { 2 * sizeof(struct linux_timespec), print_timespec_pair },
    [KIND_IN_TIMEVAL] = { sizeof(struct linux_timeval), print_timeval },
    [KIND_OUT_TIMEVAL] = { sizeof(struct linux_timeval), print_timeval },
    [KIND_IN_ITIMERVAL] = { sizeof(struct linux_itimerval), print_itimerval },
    [KIND_OUT_ITIMERVAL] = { sizeof(struct linux_itimerval), print_itimerval },
    [KIND_IN_SIGSET] = { sizeof(uint64_t), print_sigset },
    [KIND_OUT_SIGSET] = { sizeof(uint64_t), print_sigset },
    [KIND_IN_SIGACTION] = { sizeof(struct linux_sigaction), print_sigaction },
    [KIND_OUT_SIGACTION] = { sizeof(struct linux_sigaction), print_sigaction },
    [KIND_IN_SIGSTACK] = { sizeof(struct linux_sigstack), print_sigstack },
    [KIND_OUT_SIGSTACK] = { sizeof(struct linux_sigstack), print_sigstack },
    [KIND_IN_RLIMIT] = { sizeof(struct linux_rlimit), print_rlimit },
    [KIND_OUT_RLIMIT] = { sizeof(struct linux_rlimit), print_rlimit },
    [KIND_OUT_STAT] = { sizeof(struct linux_stat), print_stat },
    [KIND_OUT_STATX] = { sizeof(struct linux_statx), print_statx },
    [KIND_OUT_STATFS] = { sizeof(struct linux_statfs), print_statfs },
    [KIND_OUT_RUSAGE] = { sizeof(struct linux_rusage), print_rusage },
    [KIND_OUT_UTSNAME] = { sizeof(struct linux_utsname), print_utsname },
    [KIND_OUT_TMS] = { sizeof(struct linux_tms), print_tms },
};

bool trace_structure(struct text_builder *line, unsigned kind, user_address address)
{
    union any_structure structure;

    if (!printers[kind].print || address == 0)
        return false;
    if (user_copy_in(current_space(), &structure, address, printers[kind].size) != 0)
        return false;
    printers[kind].print(line, &structure);
    return true;
}

void trace_semaphore_operations(struct text_builder *line, user_address address, uint64_t count)
{
    uint64_t shown = count < SEGMENTS_SHOWN ? count : SEGMENTS_SHOWN;
    struct semaphore_operation operation;

    if (address == 0 ||
        user_copy_in(current_space(), &operation, address, sizeof(operation)) != 0) {
        trace_address(line, address);
        return;
    }
    text_builder_add(line, "[");
    for (uint64_t i = 0; i < shown; i++) {
        if (user_copy_in(current_space(), &operation, address + i * sizeof(operation),
                         sizeof(operation)) != 0)
            break;
        text_builder_add(line, "%s{%u, %d, ", i == 0 ? "" : ", ", operation.index,
                         operation.change);
        trace_flags(line, (uint16_t)operation.flags, SET_semaphore_flags);
        text_builder_add(line, "}");
    }
    text_builder_add(line, shown < count ? ", ...]" : "]");
}

/* `size`: how many bytes of all segments are worth showing. */
void trace_segments(struct text_builder *line, user_address address, uint64_t count,
                    uint64_t size)
{
    uint64_t shown = count < SEGMENTS_SHOWN ? count : SEGMENTS_SHOWN;

    text_builder_add(line, "[");
    for (uint64_t i = 0; i < shown; i++) {
        struct linux_iovec segment;

        if (user_copy_in(current_space(), &segment, address + i * sizeof(segment),
                         sizeof(segment)) != 0) {
            trace_address(line, address + i * sizeof(segment));
            break;
        }
        text_builder_add(line, i == 0 ? "{iov_base=" : ", {iov_base=");
        trace_user_bytes(line, segment.base, segment.length < size ? segment.length : size);
        text_builder_add(line, ", iov_len=%llu}", (number)segment.length);
        size -= segment.length < size ? segment.length : size;
    }
    text_builder_add(line, shown < count ? ", ...]" : "]");
}
