/* Files about the state of a process or thread: status and stat. */
#include "fs/file_table.h"
#include "fs/path.h"
#include "fs/user_account.h"
#include "lib/container.h"
#include "lib/format.h"
#include "lib/text.h"
#include "machine/machine.h"
#include "memory/page.h"
#include "procfs/procfs_internal.h"
#include "sched/per_cpu.h"
#include "sched/pid_namespace.h"
#include "tty/job_control.h"

#define OLD_SIGNALS UINT64_C(0x7fffffff)    /* those that stat shows */
#define FLAG_EXITING 0x4u
#define FLAG_FORKED 0x40u
#define FLAG_PRIVILEGED 0x100u
#define PRIORITY_NICE_0 20    /* of stat: for nice 0; real-time ones: below 0 */

/* What several files show, taken at one time. */
struct summary {
    int32_t id, thread_id, parent_id, group_id, session_id;
    uint64_t terminal;
    unsigned threads, cpu;
    char name[THREAD_NAME_SIZE];
    char state;
    struct credentials credentials;
    uint32_t umask;
    bool may_inspect;
    bool has_executed, exiting;
    int exit_status;
    uint64_t started_ns;
    struct process_times times;
    struct process_usage children;
    struct address_space_statistics memory;
    struct signals_summary {
        signal_set thread_pending, process_pending, blocked, ignored, caught;
    } signals;
    bool is_running;
    struct scheduling scheduling;
    uint8_t effective_priority;
    uint64_t cpus;
};

/* The process is locked.  Its last thread may still be on its way out when it has ended. */
static char state_letter(const struct process *process, const struct thread *thread)
{
    if (process->live_threads == 0)
        return 'Z';
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
    summary->is_running = thread->state != THREAD_BLOCKED;
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

/* Of the thread that is asked for; else of all, with the children that were waited for. */
static void look_at_times(struct summary *summary, const struct proc_subject *subject)
{
    struct thread *thread = subject->thread;

    process_usage_of_children(subject->process, &summary->children);
    if (!thread) {
        process_times(subject->process, &summary->times);
        return;
    }
    thread_times(thread, &summary->times.user_ns, &summary->times.system_ns);
    summary->times.voluntary_switches = thread->voluntary_switches;
    summary->times.involuntary_switches = thread->involuntary_switches;
}

static void look(struct summary *summary, const struct proc_subject *subject)
{
    struct process *process = subject->process;
    struct thread *thread = proc_thread(subject);
    struct fs_context context;
    struct address_space *space = process_space(process);

    *summary = (struct summary){ .id = process->id, .state = 'Z', .thread_id = process->id };
    spin_lock(&process->lock);
    summary->parent_id = process->parent_id;
    summary->group_id = process->group_id;
    summary->session_id = process->session_id;
    summary->terminal = process->terminal;
    summary->threads = process->live_threads;
    summary->has_executed = process->has_executed;
    summary->exiting = process->exiting;
    summary->exit_status = process->exit_status;
    spin_unlock(&process->lock);
    process_fs_context(process, subject->thread, &context);
    summary->umask = context.umask;
    summary->credentials = context.credentials;
    fs_context_release(&context);
    summary->may_inspect = process_may_inspect(process, subject->thread, true);
    if (thread) {
        look_at_thread(summary, process, thread);
        look_at_signals(summary, process, thread);
        thread_release(thread);
    }
    look_at_times(summary, subject);
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
    print_size(output, "VmPTE", 0);
    print_size(output, "VmSwap", 0);
    print_size(output, "HugetlbPages", 0);
    proc_print(output, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

/* As it is known in each namespace that the process is in, from the reader's on. */
static void print_namespace_ids(struct proc_output *output, const char *name, int32_t id,
                                const struct proc_subject *subject)
{
    const struct process *process = subject->process;

    proc_print(output, "%s:", name);
    for (unsigned level = subject->space->level; level <= process->pid_namespace->level; level++)
        proc_print(output, "\t%d",
                   pid_seen_in(pid_namespace_above(process->pid_namespace, level), id));
    proc_print(output, "\n");
}

static void print_identity(struct proc_output *output, const struct summary *summary,
                           const struct proc_subject *subject)
{
    const struct credentials *who = &summary->credentials;
    struct pid_namespace *space = subject->space;
    struct file_table *files = process_files(subject->process, subject->thread);

    proc_print(output, "Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\n", summary->name,
               summary->umask, summary->state, state_text(summary->state));
    proc_print(output, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
               pid_seen_in(space, summary->id), pid_seen_in(space, summary->thread_id),
               pid_seen_in(space, summary->parent_id));
    proc_print(output, "Uid:\t%u\t%u\t%u\t%u\n", who->user_id, who->effective_user_id,
               who->saved_user_id, who->file_user_id);
    proc_print(output, "Gid:\t%u\t%u\t%u\t%u\n", who->group_id, who->effective_group_id,
               who->saved_group_id, who->file_group_id);
    proc_print(output, "FDSize:\t%u\nGroups:\t", files ? file_table_capacity(files) : 0);
    for (unsigned i = 0; i < who->group_count; i++)
        proc_print(output, "%u ", who->groups[i]);
    proc_print(output, "%s\n", who->group_count > 0 ? "" : " ");
    print_namespace_ids(output, "NStgid", summary->id, subject);
    print_namespace_ids(output, "NSpid", summary->thread_id, subject);
    print_namespace_ids(output, "NSpgid", summary->group_id, subject);
    print_namespace_ids(output, "NSsid", summary->session_id, subject);
    proc_print(output, "Kthread:\t0\n");
    if (files)
        file_table_release(files);
}

static void print_sets(struct proc_output *output, const struct summary *summary,
                          const struct proc_subject *subject)
{
    uint64_t limit = process_limit(subject->process, LIMIT_PENDING_SIGNALS).soft;
    uint64_t pending =
        user_account_charged(summary->credentials.user_id, USER_PENDING_SIGNALS);
    const struct capabilities *sets = &summary->credentials.capabilities;
    const struct {
        const char *name;
        uint64_t set;
    } lines[] = {
        { "SigPnd", summary->signals.thread_pending },
        { "ShdPnd", summary->signals.process_pending },
        { "SigBlk", summary->signals.blocked },
        { "SigIgn", summary->signals.ignored },
        { "SigCgt", summary->signals.caught },
        { "CapInh", sets->inheritable },
        { "CapPrm", sets->permitted },
        { "CapEff", sets->effective },
        { "CapBnd", sets->bounding },
        { "CapAmb", sets->ambient },
    };

    proc_print(output, "SigQ:\t%llu/%llu\n", (unsigned long long)pending,
               (unsigned long long)limit);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        proc_print(output, "%s:\t%016llx\n", lines[i].name, (unsigned long long)lines[i].set);
}

void proc_write_status(struct proc_output *output, const struct proc_subject *subject)
{
    struct summary summary;

    look(&summary, subject);
    print_identity(output, &summary, subject);
    if (summary.state != 'Z')
        print_memory(output, &summary.memory);
    proc_print(output, "Threads:\t%u\n", summary.threads);
    print_sets(output, &summary, subject);
    proc_print(output, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n",
               summary.credentials.no_new_privileges);
    proc_print(output, "Cpus_allowed:\t");
    proc_print_cpu_mask(output, summary.cpus);
    proc_print(output, "Cpus_allowed_list:\t");
    proc_print_cpu_list(output, summary.cpus);
    proc_print(output, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
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
static void print_stat_identity(struct proc_output *output, const struct summary *summary,
                                struct pid_namespace *space)
{
    struct tty_summary tty = { .foreground_group = -1 };

    (void)tty_describe(summary->terminal, &tty);
    if (tty.foreground_group > 0)
        tty.foreground_group = pid_seen_in(space, tty.foreground_group);
    proc_print(output, "%d (%s) %c %d %d %d %d %d", pid_seen_in(space, summary->thread_id),
               summary->name, summary->state, pid_seen_in(space, summary->parent_id),
               pid_seen_in(space, summary->group_id), pid_seen_in(space, summary->session_id),
               (int)tty.device_id, tty.foreground_group);
}

static int stat_priority(const struct summary *summary)
{
    uint8_t effective = summary->effective_priority;

    return effective == PRIORITY_NORMAL ? PRIORITY_NICE_0 + summary->scheduling.nice
                                        : -1 - effective;
}

/* Field 9, PF_ flags: what ps shows of them is fork without exec, and the use of privileges. */
static uint64_t stat_flags(const struct summary *summary)
{
    return (summary->exiting ? FLAG_EXITING : 0) | (summary->has_executed ? 0 : FLAG_FORKED) |
           (summary->credentials.effective_user_id == 0 ? FLAG_PRIVILEGED : 0);
}

/* Addresses, the wait and the exit code are for those only who may look into the process. */
void proc_write_stat(struct proc_output *output, const struct proc_subject *subject)
{
    const struct process *process = subject->process;
    struct summary summary;

    look(&summary, subject);

    const struct address_space_statistics *memory = &summary.memory;
    struct limit resident = process_limit(subject->process, LIMIT_RESIDENT);
    bool may = summary.may_inspect;
    const uint64_t before_priority[] = {    /* flags to cstime: fields 9 to 17 */
        stat_flags(&summary), memory->minor_faults, summary.children.minor_faults,
        memory->major_faults, summary.children.major_faults, summary.times.user_ns / NS_PER_TICK,
        summary.times.system_ns / NS_PER_TICK, summary.children.user_ns / NS_PER_TICK,
        summary.children.system_ns / NS_PER_TICK,
    };
    const uint64_t rest[] = {               /* num_threads to exit_code: fields 20 to 52 */
        summary.threads, 0, summary.started_ns / NS_PER_TICK, memory->total_pages * PAGE_SIZE,
        memory->resident_pages, resident.soft, may, may, may ? process->arguments_start : 0, 0, 0,
        summary.signals.thread_pending & OLD_SIGNALS, summary.signals.blocked & OLD_SIGNALS,
        summary.signals.ignored & OLD_SIGNALS, summary.signals.caught & OLD_SIGNALS,
        may && !summary.is_running, 0, 0, 17, summary.cpu,
        summary.scheduling.own, summary.scheduling.class, 0, 0, 0, may, may,
        may ? memory->break_start : 0, may ? process->arguments_start : 0,
        may ? process->arguments_end : 0, may ? process->environment_start : 0,
        may ? process->environment_end : 0, may ? (uint64_t)summary.exit_status : 0,
    };

    print_stat_identity(output, &summary, subject->space);
    print_numbers(output, before_priority, ARRAY_SIZE(before_priority));
    proc_print(output, " %d %d", stat_priority(&summary), summary.scheduling.nice);
    print_numbers(output, rest, ARRAY_SIZE(rest));
    proc_print(output, "\n");
}
