/* Files of /proc about the machine that count: stat, vmstat, and the tables of devices. */
#include "lib/format.h"
#include "memory/page.h"
#include "procfs/procfs_internal.h"
#include "sched/thread.h"
#include "time/clock.h"

/* ---- Threads and processors ---------------------------------------------------------------- */

static void count_thread(struct thread *thread, void *context)
{
    struct thread_counts *counts = context;

    counts->total++;
    counts->ready += thread->state == THREAD_READY || thread->state == THREAD_RUNNING;
    counts->blocked += thread->state == THREAD_BLOCKED && thread->waiting_for.uninterruptible;
    counts->last_id = thread->id > counts->last_id ? thread->id : counts->last_id;
    counts->switches += thread->voluntary_switches + thread->involuntary_switches;
}

void proc_count_threads(struct thread_counts *counts)
{
    *counts = (struct thread_counts){ 0 };
    thread_for_each(count_thread, counts);
}

static void add_system_time(struct process *process, void *context)
{
    struct process_times times;

    process_times(process, &times);
    *(uint64_t *)context += times.system_ns;
}

static void print_processor(struct proc_output *output, const char *name, uint64_t user_ns,
                            uint64_t system_ns, uint64_t idle_ns)
{
    proc_print(output, "%s %llu 0 %llu %llu 0 0 0 0 0 0\n", name,
               (unsigned long long)(user_ns / NS_PER_TICK),
               (unsigned long long)(system_ns / NS_PER_TICK),
               (unsigned long long)(idle_ns / NS_PER_TICK));
}

/* The split into user and system time is known of processes that live, not of each CPU: there
 * all that is not idle counts as user time. */
void proc_write_statistics(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread_counts counts;
    struct machine_load load;
    uint64_t system_ns = 0, now_ns = clock_monotonic_ns();

    (void)subject;
    load_look(&load);
    proc_count_threads(&counts);
    process_for_each(add_system_time, &system_ns);
    if (system_ns > load.busy_ns)
        system_ns = load.busy_ns;
    print_processor(output, "cpu ", load.busy_ns - system_ns, system_ns, load.idle_ns);
    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++) {
        uint64_t idle_ns = load_idle_ns(cpu);
        char name[16];

        format(name, sizeof(name), "cpu%u", cpu);
        print_processor(output, name, now_ns > idle_ns ? now_ns - idle_ns : 0, 0, idle_ns);
    }
    proc_print(output, "intr 0\n");
    proc_print(output, "ctxt %llu\nbtime %llu\nprocesses %d\nprocs_running %u\nprocs_blocked %u\n"
               "softirq 0 0 0 0 0 0 0 0 0 0 0\n",
               (unsigned long long)counts.switches,
               (unsigned long long)((clock_real_ns() - now_ns) / NS_PER_SECOND), counts.last_id,
               counts.ready, counts.blocked);
}

/* ---- Memory -------------------------------------------------------------------------------- */

void proc_write_memory_statistics(struct proc_output *output, const struct proc_subject *subject)
{
    struct page_statistics pages = page_statistics();

    (void)subject;
    proc_print(output, "nr_free_pages %llu\nnr_dirty 0\nnr_writeback 0\n"
               "pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n",
               (unsigned long long)(pages.free + pages.reserved));
}

/* All of it is one zone. */
void proc_write_zones(struct proc_output *output, const struct proc_subject *subject)
{
    struct page_statistics pages = page_statistics();

    (void)subject;
    proc_print(output, "Node 0, zone   Normal\n  pages free     %llu\n        boost    0\n"
               "        min      0\n        low      0\n        high     0\n"
               "        spanned  %llu\n        present  %llu\n        managed  %llu\n",
               (unsigned long long)(pages.free + pages.reserved), (unsigned long long)pages.total,
               (unsigned long long)pages.total, (unsigned long long)pages.total);
}

/* ---- Devices ------------------------------------------------------------------------------- */

/* No disks, no swap, no control groups; interrupts are not counted. */
#define TABLE(function, text)                                                              \
    void function(struct proc_output *output, const struct proc_subject *subject)          \
    {                                                                                      \
        (void)subject;                                                                     \
        proc_print(output, "%s", text);                                                    \
    }
TABLE(proc_write_nothing, "")
TABLE(proc_write_partitions, "major minor  #blocks  name\n\n")
TABLE(proc_write_swaps, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
TABLE(proc_write_device_numbers,
      "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n128 ptm\n"
      "136 pts\n\nBlock devices:\n")
TABLE(proc_write_terminal_drivers,
      "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
      "/dev/console         /dev/console    5       1 system:console\n"
      "/dev/ptmx            /dev/ptmx       5       2 system\n"
      "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
      "pty_master           /dev/ptm      128 0-1048575 pty:master\n")
TABLE(proc_write_domains, "0-0\tLinux           \t[kernel]\n")

void proc_write_interrupts(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "          ");
    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++)
        proc_print(output, " CPU%-6u", cpu);
    proc_print(output, "\n");
}
