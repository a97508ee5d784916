/* Files about the state of a process or thread: status, stat, comm, limits, wchan. */
#include "fs/file_table.h"
#include "fs/path.h"
#include "lib/container.h"
#include "lib/format.h"
#include "lib/text.h"
#include "machine/machine.h"
#include "memory/page.h"
#include "procfs/procfs_internal.h"
#include "sched/per_cpu.h"
#include "tty/tty.h"

#define PRIORITY_NICE_0 20    /* of stat: for nice 0; real-time ones: below 0 */

/* What several files show, taken at one time. */
struct summary {
    int32_t id, thread_id, parent_id, group_id, session_id;
    unsigned threads, cpu;
    char name[THREAD_NAME_SIZE];
    char state;
    struct credentials credentials;
    uint32_t umask;
    bool no_new_privileges;
    uint64_t started_ns;
    struct process_times times;
    struct address_space_statistics memory;
    struct signals_summary {
        signal_set thread_pending, process_pending, blocked, ignored, caught;
    } signals;
    uint64_t instruction, stack;
    struct scheduling scheduling;
    uint8_t effective_priority;
    uint64_t cpus;
};

/* The thread that stands for the process, or the one asked for; with a reference or NULL. */
static struct thread *thread_of(const struct proc_subject *subject)
{
    return thread_find(subject->thread ? subject->thread->id : subject->process->id);
}

static char state_letter(const struct process *process, const struct thread *thread)
{
    if (process->signals.stopped)
        return 'T';
    switch (thread->state) {
    case THREAD_NEW:
    case THREAD_READY:
    case THREAD_RUNNING:
        return 'R';
    case THREAD_BLOCKED:
        return thread->waiting_for.uninterruptible ? 'D' : 'S';
    case THREAD_DEAD:
        return 'Z';
    }
    UNREACHABLE();
}

static void look_at_thread(struct summary *summary, const struct process *process,
                           struct thread *thread)
{
    summary->thread_id = thread->id;
    (void)text_copy(summary->name, thread->name, sizeof(summary->name));
    summary->state = state_letter(process, thread);
    summary->cpu = thread->cpu;
    summary->started_ns = thread->started_ns;
    summary->instruction = thread->registers.rip;
    summary->stack = thread->registers.rsp;
    priority_get(thread, &summary->scheduling);
    summary->effective_priority = priority_effective(thread);
    summary->cpus = thread_cpus(thread);
}

static void look_at_signals(struct summary *summary, struct process *process,
                            struct thread *thread)
{
    struct signals *signals = &process->signals;

    spin_lock(&signals->lock);
    summary->signals.process_pending = signals->pending.set;
    if (thread) {
        summary->signals.thread_pending = user_thread_of(thread)->signals.pending.set;
        summary->signals.blocked = user_thread_of(thread)->signals.blocked;
    }
    for (int number = 1; number <= SIGNAL_MAX; number++) {
        user_address handler = signal_action_of(signals, number).handler;

        if (handler == SIGNAL_IGNORE)
            summary->signals.ignored |= SIGNAL_BIT(number);
        else if (handler != SIGNAL_DEFAULT)
            summary->signals.caught |= SIGNAL_BIT(number);
    }
    spin_unlock(&signals->lock);
}

static void look(struct summary *summary, const struct proc_subject *subject)
{
    struct process *process = subject->process;
    struct thread *thread = thread_of(subject);
    struct fs_context context;
    struct address_space *space = proc_space(process);

    *summary = (struct summary){ .id = process->id, .state = 'Z', .thread_id = process->id };
    spin_lock(&process->lock);
    summary->parent_id = process->parent_id;
    summary->group_id = process->group_id;
    summary->session_id = process->session_id;
    summary->threads = process->live_threads;
    summary->credentials = process->credentials;
    summary->no_new_privileges = process->no_new_privileges;
    spin_unlock(&process->lock);
    process_fs_context(process, subject->thread, &context);
    summary->umask = context.umask;
    fs_context_release(&context);
    if (thread) {
        look_at_thread(summary, process, thread);
        look_at_signals(summary, process, thread);
        thread_release(thread);
    }
    process_times(process, &summary->times);
    if (space) {
        address_space_statistics(space, &summary->memory);
        address_space_release(space);
    }
}

/* ---- status -------------------------------------------------------------------------------- */

static const char *state_text(char state)
{
    switch (state) {
    case 'R':
        return "running";
    case 'S':
        return "sleeping";
    case 'D':
        return "disk sleep";
    case 'T':
        return "stopped";
    }
    return "zombie";
}

static void print_size(struct proc_output *output, const char *name, uint64_t pages)
{
    proc_print(output, "%s:\t%8llu kB\n", name, (unsigned long long)(pages * (PAGE_SIZE / 1024)));
}

static void print_memory(struct proc_output *output, const struct address_space_statistics *memory)
{
    print_size(output, "VmPeak", memory->peak_total_pages);
    print_size(output, "VmSize", memory->total_pages);
    print_size(output, "VmLck", memory->locked_pages);
    print_size(output, "VmPin", 0);
    print_size(output, "VmHWM", memory->peak_resident_pages);
    print_size(output, "VmRSS", memory->resident_pages);
    print_size(output, "RssAnon", memory->resident_pages - memory->shared_pages);
    print_size(output, "RssFile", memory->shared_pages);
    print_size(output, "RssShmem", 0);
    print_size(output, "VmData", memory->data_pages);
    print_size(output, "VmStk", memory->stack_pages);
    print_size(output, "VmExe", memory->text_pages);
    print_size(output, "VmLib", 0);
    print_size(output, "VmSwap", 0);
}

static void print_identity(struct proc_output *output, const struct summary *summary,
                           const struct proc_subject *subject)
{
    const struct credentials *who = &summary->credentials;
    struct file_table *files = process_files(subject->process, subject->thread);

    proc_print(output, "Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\n", summary->name,
               summary->umask, summary->state, state_text(summary->state));
    proc_print(output, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", summary->id,
               summary->thread_id, summary->parent_id);
    proc_print(output, "Uid:\t%u\t%u\t%u\t%u\n", who->user_id, who->effective_user_id,
               who->saved_user_id, who->file_user_id);
    proc_print(output, "Gid:\t%u\t%u\t%u\t%u\n", who->group_id, who->effective_group_id,
               who->saved_group_id, who->file_group_id);
    proc_print(output, "FDSize:\t%u\nGroups:\t", files ? file_table_capacity(files) : 0);
    for (unsigned i = 0; i < who->group_count; i++)
        proc_print(output, "%u ", who->groups[i]);
    proc_print(output, "%s\n", who->group_count > 0 ? "" : " ");
    if (files)
        file_table_release(files);
}

static void print_signals(struct proc_output *output, const struct summary *summary,
                          const struct proc_subject *subject)
{
    uint64_t limit = process_limit(subject->process, LIMIT_PENDING_SIGNALS).soft;
    const struct {
        const char *name;
        signal_set set;
    } lines[] = {
        { "SigPnd", summary->signals.thread_pending },
        { "ShdPnd", summary->signals.process_pending },
        { "SigBlk", summary->signals.blocked },
        { "SigIgn", summary->signals.ignored },
        { "SigCgt", summary->signals.caught },
    };

    proc_print(output, "SigQ:\t%llu/%llu\n",
               (unsigned long long)signal_pending_of_user(summary->credentials.user_id),
               (unsigned long long)limit);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        proc_print(output, "%s:\t%016llx\n", lines[i].name, (unsigned long long)lines[i].set);
}

/* The CPUs where it may run: as a mask in groups of 32 bits, as wide as there are CPUs, and as a
 * list of ranges. */
static void print_cpus(struct proc_output *output, uint64_t mask)
{
    unsigned count = machine_info()->cpu_count;
    const char *separator = "";

    if (count > 32)
        proc_print(output, "Cpus_allowed:\t%0*x,%08x\n", (int)(count - 32 + 3) / 4,
                   (unsigned)(mask >> 32), (unsigned)mask);
    else
        proc_print(output, "Cpus_allowed:\t%0*x\n", (int)(count + 3) / 4, (unsigned)mask);
    proc_print(output, "Cpus_allowed_list:\t");
    while (mask) {
        unsigned first = (unsigned)__builtin_ctzll(mask);
        uint64_t after = ~(mask >> first);
        unsigned length = after ? (unsigned)__builtin_ctzll(after) : 64;

        if (length > 1)
            proc_print(output, "%s%u-%u", separator, first, first + length - 1);
        else
            proc_print(output, "%s%u", separator, first);
        separator = ",";
        mask = first + length == 64 ? 0 : mask & (UINT64_MAX << (first + length));
    }
    proc_print(output, "\n");
}

void proc_write_status(struct proc_output *output, const struct proc_subject *subject)
{
    struct summary summary;

    look(&summary, subject);
    print_identity(output, &summary, subject);
    if (summary.state != 'Z')
        print_memory(output, &summary.memory);
    proc_print(output, "Threads:\t%u\n", summary.threads);
    print_signals(output, &summary, subject);
    proc_print(output, "NoNewPrivs:\t%d\nSeccomp:\t0\n", summary.no_new_privileges);
    print_cpus(output, summary.cpus);
    proc_print(output, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
               (unsigned long long)summary.times.voluntary_switches,
               (unsigned long long)summary.times.involuntary_switches);
}

/* ---- stat ---------------------------------------------------------------------------------- */

static void print_numbers(struct proc_output *output, const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        proc_print(output, " %llu", (unsigned long long)numbers[i]);
}

/* Fields 1 to 8: who it is, and its terminal with the group that is in the foreground there. */
static void print_stat_identity(struct proc_output *output, const struct summary *summary)
{
    struct tty *tty = tty_of_session(summary->session_id);

    proc_print(output, "%d (%s) %c %d %d %d %d %d", summary->thread_id, summary->name,
               summary->state, summary->parent_id, summary->group_id, summary->session_id,
               tty ? (int)tty->device_id : 0, tty ? tty_foreground_group(tty) : -1);
}

static int stat_priority(const struct summary *summary)
{
    uint8_t effective = summary->effective_priority;

    return effective == PRIORITY_NORMAL ? PRIORITY_NICE_0 + summary->scheduling.nice
                                        : -1 - effective;
}

void proc_write_stat(struct proc_output *output, const struct proc_subject *subject)
{
    const struct process *process = subject->process;
    struct summary summary;

    look(&summary, subject);

    const struct address_space_statistics *memory = &summary.memory;
    struct limit resident = process_limit(subject->process, LIMIT_RESIDENT);
    const uint64_t before_priority[] = {    /* flags to cstime: fields 9 to 17 */
        0, memory->minor_faults, 0, memory->major_faults, 0,
        summary.times.user_ns / NS_PER_TICK, summary.times.system_ns / NS_PER_TICK, 0, 0,
    };
    const uint64_t rest[] = {               /* num_threads to exit_code: fields 20 to 52 */
        summary.threads, 0, summary.started_ns / NS_PER_TICK, memory->total_pages * PAGE_SIZE,
        memory->resident_pages, resident.soft, 0, 0, process->arguments_start, summary.stack,
        summary.instruction, summary.signals.thread_pending, summary.signals.blocked,
        summary.signals.ignored, summary.signals.caught, 0, 0, 0, 17, summary.cpu,
        summary.scheduling.own, summary.scheduling.class, 0, 0, 0, 0, 0, memory->break_start,
        process->arguments_start, process->arguments_end, process->environment_start,
        process->environment_end, 0,
    };

    print_stat_identity(output, &summary);
    print_numbers(output, before_priority, ARRAY_SIZE(before_priority));
    proc_print(output, " %d %d", stat_priority(&summary), summary.scheduling.nice);
    print_numbers(output, rest, ARRAY_SIZE(rest));
    proc_print(output, "\n");
}

/* ---- Short ones ---------------------------------------------------------------------------- */

void proc_write_name(struct proc_output *output, const struct proc_subject *subject)
{
    struct summary summary;

    look(&summary, subject);
    proc_print(output, "%s\n", summary.name);
}

static void print_limit(struct proc_output *output, uint64_t value)
{
    if (value == LIMIT_INFINITY)
        proc_print(output, "%-20s ", "unlimited");
    else
        proc_print(output, "%-20llu ", (unsigned long long)value);
}

void proc_write_limits(struct proc_output *output, const struct proc_subject *subject)
{
    static const struct {
        const char *name, *unit;
    } names[LIMITS_COUNT] = {
        [LIMIT_CPU] = { "Max cpu time", "seconds" },
        [LIMIT_FILE_SIZE] = { "Max file size", "bytes" },
        [LIMIT_DATA] = { "Max data size", "bytes" },
        [LIMIT_STACK] = { "Max stack size", "bytes" },
        [LIMIT_CORE] = { "Max core file size", "bytes" },
        [LIMIT_RESIDENT] = { "Max resident set", "bytes" },
        [LIMIT_PROCESSES] = { "Max processes", "processes" },
        [LIMIT_OPEN_FILES] = { "Max open files", "files" },
        [LIMIT_LOCKED_MEMORY] = { "Max locked memory", "bytes" },
        [LIMIT_ADDRESS_SPACE] = { "Max address space", "bytes" },
        [LIMIT_FILE_LOCKS] = { "Max file locks", "locks" },
        [LIMIT_PENDING_SIGNALS] = { "Max pending signals", "signals" },
        [LIMIT_MESSAGE_QUEUE] = { "Max msgqueue size", "bytes" },
        [LIMIT_NICE] = { "Max nice priority", "" },
        [LIMIT_REALTIME_PRIORITY] = { "Max realtime priority", "" },
        [LIMIT_REALTIME_TIME] = { "Max realtime timeout", "us" },
    };

    proc_print(output, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < LIMITS_COUNT; i++) {
        struct limit limit = process_limit(subject->process, i);

        proc_print(output, "%-25s ", names[i].name);
        print_limit(output, limit.soft);
        print_limit(output, limit.hard);
        proc_print(output, "%-10s\n", names[i].unit);
    }
}

void proc_write_wait(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread *thread = thread_of(subject);
    bool waits = thread && thread->state == THREAD_BLOCKED;

    proc_print(output, "%s", waits ? wait_kind_name(thread->waiting_for.kind) : "0");
    if (thread)
        thread_release(thread);
}
