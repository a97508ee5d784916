/* Calls about resource limits and what a process has used. */
#include "abi/linux/scheduling.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "abi/linux/usage.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "time/clock.h"

#define USAGE_SELF 0
#define USAGE_CHILDREN (-1)
#define USAGE_THREAD 1

/* ---- Limits -------------------------------------------------------------------------------- */

/* What the address space must know of limits that changed. */
static void apply_memory_limits(struct process *process)
{
    struct address_space *space = process_space(process);

    if (!space)
        return;
    address_space_set_limits(space, process_limit(process, LIMIT_STACK).soft,
                             process_limit(process, LIMIT_ADDRESS_SPACE).soft);
    address_space_set_data_limit(space, process_limit(process, LIMIT_DATA).soft);
    address_space_release(space);
}

/* process->lock held. */
static int check_limit(const struct process *process, uint32_t resource,
                       const struct limit *wanted)
{
    const struct limit *old = &process->limits.of[resource];

    if (wanted->soft > wanted->hard)
        return -EINVAL;
    if (resource == LIMIT_OPEN_FILES && wanted->hard > OPEN_FILES_MAX)
        return -EPERM;
    if (wanted->hard > old->hard && !current_can(CAPABILITY_RESOURCES))
        return -EPERM;
    return 0;
}

/* `wanted` and `before` may be NULL. */
static int change_limit(struct process *process, uint32_t resource, const struct limit *wanted,
                        struct limit *before)
{
    int error = 0;

    if (resource >= LIMITS_COUNT)
        return -EINVAL;
    spin_lock(&process->lock);
    if (before)
        *before = process->limits.of[resource];
    if (wanted) {
        error = check_limit(process, resource, wanted);
        if (!error)
            process->limits.of[resource] = *wanted;
    }
    spin_unlock(&process->lock);
    if (!error && wanted)
        apply_memory_limits(process);
    if (!error && wanted && (resource == LIMIT_CPU || resource == LIMIT_REALTIME_TIME))
        processor_timers_look(process);
    return error;
}

static int read_limit(user_address address, struct limit *limit)
{
    struct linux_rlimit value;
    int error = user_copy_in(current_space(), &value, address, sizeof(value));

    if (!error)
        *limit = (struct limit){ value.soft, value.hard };
    return error;
}

static int write_limit(user_address address, const struct limit *limit)
{
    const struct linux_rlimit value = { limit->soft, limit->hard };

    return user_copy_out(current_space(), address, &value, sizeof(value));
}

int64_t sys_getrlimit(int32_t resource, user_address limit)
{
    struct limit value;
    int error = change_limit(current_process(), (uint32_t)resource, NULL, &value);

    return error ? error : write_limit(limit, &value);
}

int64_t sys_setrlimit(int32_t resource, user_address limit)
{
    struct limit value;
    int error = read_limit(limit, &value);

    return error ? error : change_limit(current_process(), (uint32_t)resource, &value, NULL);
}

/* All ids of the process or thread are the caller's, or he has the capability. */
static bool may_limit(struct process *process, struct thread *thread)
{
    const struct credentials own = current_credentials();
    const struct credentials other = process_credentials(process, thread);

    if (thread == current_thread() || credentials_can(&own, CAPABILITY_RESOURCES))
        return true;
    return own.user_id == other.user_id && own.user_id == other.effective_user_id &&
           own.user_id == other.saved_user_id && own.group_id == other.group_id &&
           own.group_id == other.effective_group_id && own.group_id == other.saved_group_id;
}

/* The process of a thread, with references to both; of a zombie there is no thread. */
static struct process *find(int32_t id, struct thread **thread)
{
    *thread = scheduling_find(id);
    if (!*thread)
        return process_find(id);
    process_reference((*thread)->process);
    return (*thread)->process;
}

int64_t sys_prlimit64(int32_t id, int32_t resource, user_address limit, user_address before)
{
    struct limit wanted, old;
    struct process *process;
    struct thread *thread;
    int error = 0;

    if (limit)
        error = read_limit(limit, &wanted);
    if (error)
        return error;
    process = find(id, &thread);
    if (!process)
        return -ESRCH;
    error = may_limit(process, thread) ? change_limit(process, (uint32_t)resource,
                                                      limit ? &wanted : NULL, before ? &old : NULL)
                                       : -EPERM;
    if (thread)
        thread_release(thread);
    process_release(process);
    if (error || !before)
        return error;
    return write_limit(before, &old);
}

/* ---- Usage --------------------------------------------------------------------------------- */

static struct linux_timeval timeval_of(uint64_t ns)
{
    return (struct linux_timeval){
        .seconds = (int64_t)(ns / NS_PER_SECOND),
        .microseconds = (int64_t)(ns % NS_PER_SECOND / 1000),
    };
}

int put_usage(user_address address, const struct process_usage *used)
{
    const struct linux_rusage usage = {
        .user_time = timeval_of(used->user_ns),
        .system_time = timeval_of(used->system_ns),
        .voluntary_switches = (int64_t)used->voluntary_switches,
        .involuntary_switches = (int64_t)used->involuntary_switches,
        .minor_faults = (int64_t)used->minor_faults,
        .major_faults = (int64_t)used->major_faults,
        .peak_resident_kib = (int64_t)(used->peak_resident_pages * (PAGE_SIZE / 1024)),
    };

    return user_copy_out(current_space(), address, &usage, sizeof(usage));
}

static void usage_of_thread(struct process_usage *usage)
{
    struct thread *thread = current_thread();

    process_usage(current_process(), usage);    /* of its memory */
    thread_times(thread, &usage->user_ns, &usage->system_ns);
    usage->voluntary_switches = thread->voluntary_switches;
    usage->involuntary_switches = thread->involuntary_switches;
}

int64_t sys_getrusage(int32_t who, user_address address)
{
    struct process_usage usage;

    if (who == USAGE_SELF)
        process_usage(current_process(), &usage);
    else if (who == USAGE_THREAD)
        usage_of_thread(&usage);
    else if (who == USAGE_CHILDREN)
        process_usage_of_children(current_process(), &usage);
    else
        return -EINVAL;
    return put_usage(address, &usage);
}

static int64_t ticks_of(uint64_t ns)
{
    return (int64_t)(ns / (NS_PER_SECOND / LINUX_CLOCK_TICKS));
}

int64_t sys_times(user_address address)
{
    struct process_usage children;
    struct process_times times;
    int error = 0;

    process_times(current_process(), &times);
    process_usage_of_children(current_process(), &children);
    if (address) {
        const struct linux_tms ticks = {
            .user = ticks_of(times.user_ns),
            .system = ticks_of(times.system_ns),
            .children_user = ticks_of(children.user_ns),
            .children_system = ticks_of(children.system_ns),
        };

        error = user_copy_out(current_space(), address, &ticks, sizeof(ticks));
    }
    return error ? error : ticks_of(clock_monotonic_ns());
}
