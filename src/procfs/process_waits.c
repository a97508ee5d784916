/*
 * Files about what the threads of a process do: wchan, stack and syscall show the records of waits,
 * io, sched and schedstat what they have used.
 */
#include "memory/page.h"
#include "procfs/procfs_internal.h"
#include "time/clock.h"

#define NS_PER_MICROSECOND 1000
#define PRIORITY_REAL_TIME_LOWEST 99    /* of sched: real-time ones are 99 less their priority, */
#define PRIORITY_ORDINARY 120           /* ordinary ones this and their nice value */

/* ---- Waits --------------------------------------------------------------------------------- */

/* What a blocked thread waits for.  It may go on meanwhile: then the record is that of a wait that
 * is over. */
static bool look_at_wait(struct thread *thread, struct wait_reason *reason, uint64_t *since_ns)
{
    if (!thread || thread->state != THREAD_BLOCKED)
        return false;
    *reason = thread->waiting_for;
    *since_ns = thread->waiting_since_ns;
    return reason->kind > WAIT_NONE && reason->kind <= WAIT_KIND_LAST;
}

void proc_write_wait(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread *thread = proc_thread(subject);
    struct wait_reason reason;
    uint64_t since_ns;

    if (look_at_wait(thread, &reason, &since_ns) &&
        process_may_inspect(subject->process, subject->thread, true))
        proc_print(output, "%s", wait_kind_name(reason.kind));
    else
        proc_print(output, "0");
    if (thread)
        thread_release(thread);
}

/* Instead of the kernel's calls: what is waited for, and since when. */
void proc_write_stack(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread *thread = proc_thread(subject);
    struct wait_reason reason;
    uint64_t since_ns, now_ns = clock_monotonic_ns();

    if (look_at_wait(thread, &reason, &since_ns)) {
        uint64_t waited_us = now_ns > since_ns ? (now_ns - since_ns) / NS_PER_MICROSECOND : 0;

        proc_print(output, "[<0>] %s 0x%llx for %llu us%s\n", wait_kind_name(reason.kind),
                   (unsigned long long)reason.object, (unsigned long long)waited_us,
                   reason.uninterruptible ? ", no signal ends it" : "");
    }
    if (thread)
        thread_release(thread);
}

/* The instruction leaves its own address in rcx and the flags in r11: so it is seen that a thread
 * has come into the kernel by a call. */
static bool is_in_call(const struct user_registers *registers)
{
    return registers->rcx == registers->rip && registers->r11 == registers->rflags;
}

static void print_call(struct proc_output *output, const struct user_registers *registers)
{
    const uint64_t numbers[] = { registers->rdi, registers->rsi, registers->rdx, registers->r10,
                                 registers->r8, registers->r9 };

    proc_print(output, "%d", (int)registers->rax);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        proc_print(output, " 0x%llx", (unsigned long long)numbers[i]);
}

void proc_write_call(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread *thread = proc_thread(subject);

    if (!thread)
        return;

    const struct user_registers registers = thread->registers;

    if (thread != current_thread() && thread->state != THREAD_BLOCKED) {
        proc_print(output, "running\n");
    } else {
        if (is_in_call(&registers))
            print_call(output, &registers);
        else
            proc_print(output, "-1");
        proc_print(output, " 0x%llx 0x%llx\n", (unsigned long long)registers.rsp,
                   (unsigned long long)registers.rip);
    }
    thread_release(thread);
}

/* ---- Use ----------------------------------------------------------------------------------- */

void proc_write_io(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread_io io;

    process_io(subject->process, subject->thread, &io);
    proc_print(output,
               "rchar: %llu\nwchar: %llu\nsyscr: %llu\nsyscw: %llu\n"
               "read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
               (unsigned long long)io.bytes_read, (unsigned long long)io.bytes_written,
               (unsigned long long)io.reads, (unsigned long long)io.writes);
}

void proc_write_schedule_statistics(struct proc_output *output,
                                    const struct proc_subject *subject)
{
    struct thread *thread = proc_thread(subject);
    uint64_t user_ns = 0, system_ns = 0, ready_ns = 0, switches = 0;

    if (thread) {
        thread_times(thread, &user_ns, &system_ns);
        ready_ns = thread->ready_ns;    /* 0 unless times are watched */
        switches = thread->voluntary_switches + thread->involuntary_switches;
        thread_release(thread);
    }
    proc_print(output, "%llu %llu %llu\n", (unsigned long long)(user_ns + system_ns),
               (unsigned long long)ready_ns, (unsigned long long)switches);
}

static void print_field(struct proc_output *output, const char *name, uint64_t value)
{
    proc_print(output, "%-45s:%21llu\n", name, (unsigned long long)value);
}

static void print_time(struct proc_output *output, const char *name, uint64_t ns)
{
    proc_print(output, "%-45s:%14llu.%06llu\n", name, (unsigned long long)(ns / 1000000),
               (unsigned long long)(ns % 1000000));
}

void proc_write_schedule(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread *thread = proc_thread(subject);
    struct scheduling setting;
    uint64_t user_ns, system_ns;
    uint8_t effective;

    if (!thread)
        return;
    thread_times(thread, &user_ns, &system_ns);
    priority_get(thread, &setting);
    effective = priority_effective(thread);
    proc_print(output, "%s (%d, #threads: %u)\n", thread->name, thread->id,
               subject->process->live_threads);
    proc_print(output, "-------------------------------------------------------------------\n");
    print_time(output, "se.sum_exec_runtime", user_ns + system_ns);
    print_field(output, "nr_switches",
                thread->voluntary_switches + thread->involuntary_switches);
    print_field(output, "nr_voluntary_switches", thread->voluntary_switches);
    print_field(output, "nr_involuntary_switches", thread->involuntary_switches);
    print_field(output, "policy", setting.class);
    print_field(output, "prio", effective == PRIORITY_NORMAL
                                    ? (uint64_t)(PRIORITY_ORDINARY + setting.nice)
                                    : (uint64_t)(PRIORITY_REAL_TIME_LOWEST - effective));
    thread_release(thread);
}
