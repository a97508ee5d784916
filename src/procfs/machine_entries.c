/* The table of /proc itself: files about the whole machine. */
#include "lib/container.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "procfs/procfs_internal.h"
#include "sched/pid_namespace.h"
#include "sched/thread.h"
#include "time/clock.h"

#define PAGE_KIB (PAGE_SIZE / 1024)

#define LINK(link_name, reader) \
    { .name = (link_name), .kind = PROC_LINK, .target = (reader) }

/* ---- Memory -------------------------------------------------------------------------------- */

static void print_kib(struct proc_output *output, const char *name, uint64_t pages)
{
    proc_print(output, "%s:%*s%8llu kB\n", name, (int)(15 - text_length(name)), "",
               (unsigned long long)(pages * PAGE_KIB));
}

static void add_pool(const struct pool *pool, void *context)
{
    *(uint64_t *)context += pool->pages;
}

static void write_memory(struct proc_output *output, const struct proc_subject *subject)
{
    struct page_statistics pages = page_statistics();
    uint64_t pool_pages = 0;

    (void)subject;
    pool_for_each(add_pool, &pool_pages);
    print_kib(output, "MemTotal", pages.total);
    print_kib(output, "MemFree", pages.free);
    print_kib(output, "MemAvailable", pages.free + pages.reserved);
    print_kib(output, "Buffers", 0);
    print_kib(output, "Cached", 0);
    print_kib(output, "SwapCached", 0);
    print_kib(output, "Active", 0);
    print_kib(output, "Inactive", 0);
    print_kib(output, "SwapTotal", 0);
    print_kib(output, "SwapFree", 0);
    print_kib(output, "Dirty", 0);
    print_kib(output, "Writeback", 0);
    print_kib(output, "Shmem", 0);
    print_kib(output, "Slab", pool_pages);
    print_kib(output, "SReclaimable", 0);
    print_kib(output, "SUnreclaim", pool_pages);
    print_kib(output, "KernelStack", thread_count() * (KERNEL_STACK_SIZE / PAGE_SIZE));
    print_kib(output, "CommitLimit", pages.total);
    proc_print(output, "HugePages_Total:       0\nHugePages_Free:        0\n"
                       "HugePages_Rsvd:        0\nHugePages_Surp:        0\n"
                       "Hugepagesize:       2048 kB\n");
}

/* ---- Processors and time ------------------------------------------------------------------- */

/* Bits of AT_HWCAP, which is what the processor's CPUID leaf 1 says in EDX; the port tells no
 * more. */
static const char *const feature_names[32] = {
    "fpu", "vme",   "de",   "pse", "tsc",   "msr",  "pae",   "mce",
    "cx8", "apic",  NULL,   "sep", "mtrr",  "pge",  "mca",   "cmov",
    "pat", "pse36", "pn",   "clflush", NULL, "dts", "acpi",  "mmx",
    "fxsr", "sse",  "sse2", "ss",  "ht",    "tm",   "ia64",  "pbe",
};

static void print_features(struct proc_output *output)
{
    proc_print(output, "flags\t\t:");
    for (unsigned bit = 0; bit < ARRAY_SIZE(feature_names); bit++) {
        if (feature_names[bit] && (machine_info()->hwcap >> bit & 1))
            proc_print(output, " %s", feature_names[bit]);
    }
    proc_print(output, " syscall nx lm\n");    /* without them no 64-bit program would run */
}

static void write_processors(struct proc_output *output, const struct proc_subject *subject)
{
    unsigned count = machine_info()->cpu_count;

    (void)subject;
    for (unsigned cpu = 0; cpu < count; cpu++) {
        proc_print(output,
                   "processor\t: %u\nmodel name\t: %s\nphysical id\t: 0\nsiblings\t: %u\n"
                   "core id\t\t: %u\ncpu cores\t: %u\nfpu\t\t: yes\nwp\t\t: yes\n",
                   cpu, machine_info()->cpu_model, count, cpu, count);
        print_features(output);
        proc_print(output, "clflush size\t: 64\ncache_alignment\t: 64\n"
                           "address sizes\t: 48 bits physical, 48 bits virtual\n\n");
    }
}

static void print_hundredths(struct proc_output *output, uint64_t ns, const char *end)
{
    proc_print(output, "%llu.%02llu%s", (unsigned long long)(ns / NS_PER_SECOND),
               (unsigned long long)(ns % NS_PER_SECOND / (NS_PER_SECOND / 100)), end);
}

static void write_uptime(struct proc_output *output, const struct proc_subject *subject)
{
    struct machine_load load;

    (void)subject;
    load_look(&load);
    print_hundredths(output, clock_monotonic_ns(), " ");
    print_hundredths(output, load.idle_ns, "\n");
}

static void write_load(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread_counts counts;
    struct machine_load load;

    (void)subject;
    load_look(&load);
    proc_count_threads(&counts);
    for (unsigned i = 0; i < 3; i++)
        proc_print(output, "%llu.%02llu ", (unsigned long long)(load.averages[i] >> 11),
                   (unsigned long long)((load.averages[i] & 2047) * 100 >> 11));
    proc_print(output, "%u/%u %d\n", counts.ready, counts.total,
               pid_namespace_last_id(pid_namespace_current()));
}

/* ---- Names and settings -------------------------------------------------------------------- */

static void write_version(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "Linux version %s (eft@%s) (%s) %s\n", KERNEL_RELEASE, machine_info()->name,
               __VERSION__, KERNEL_VERSION);
}

static void write_filesystems(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\n%s",
               machine_info()->hostfs ? "nodev\thostfs\n" : "");
}

static void write_options(struct proc_output *output, const struct proc_subject *subject)
{
    const char *const *option = machine_info()->options;

    (void)subject;
    for (; *option; option++)
        proc_print(output, "%s%s", *option, option[1] ? " " : "");
    proc_print(output, "\n");
}

/* ---- Links --------------------------------------------------------------------------------- */

/* At most `size` bytes of a text, as readlink gives them. */
static int64_t put_target(const char *source, char *text, size_t size)
{
    size_t length = text_length_bounded(source, size);

    memcpy(text, source, length);
    return (int64_t)length;
}

static int64_t self_target(const struct proc_subject *subject, char *text, size_t size)
{
    int32_t own = pid_seen_in(subject->space, current_process()->id);
    char number[16];

    if (own == 0)
        return -ENOENT;
    format(number, sizeof(number), "%d", own);
    return put_target(number, text, size);
}

static int64_t thread_self_target(const struct proc_subject *subject, char *text, size_t size)
{
    int32_t own = pid_seen_in(subject->space, current_process()->id);
    char path[48];

    if (own == 0)
        return -ENOENT;
    format(path, sizeof(path), "%d/task/%d", own,
           pid_seen_in(subject->space, current_thread()->id));
    return put_target(path, text, size);
}

static int64_t mounts_target(const struct proc_subject *subject, char *text, size_t size)
{
    (void)subject;
    return put_target("self/mounts", text, size);
}

static int64_t network_target(const struct proc_subject *subject, char *text, size_t size)
{
    (void)subject;
    return put_target("self/net", text, size);
}

/* ---- The table ----------------------------------------------------------------------------- */

static const struct proc_entry ipc_entries[] = {
    ENTRY_SNAPSHOT("sem", proc_write_semaphores), ENTRY_SNAPSHOT("shm", proc_write_segments),
    ENTRY_SNAPSHOT("msg", proc_write_message_boxes), ENTRY_END,
};
static const struct proc_entry terminal_entries[] = {
    ENTRY_TEXT("drivers", proc_write_terminal_drivers), ENTRY_END,
};

const struct proc_entry proc_process_links[] = {
    LINK("self", self_target), LINK("thread-self", thread_self_target), ENTRY_END,
};

const struct proc_entry proc_root_entries[] = {
    LINK("self", self_target), LINK("thread-self", thread_self_target),
    LINK("mounts", mounts_target), ENTRY_TEXT("meminfo", write_memory),
    ENTRY_TEXT("cpuinfo", write_processors), ENTRY_TEXT("uptime", write_uptime),
    ENTRY_TEXT("loadavg", write_load), ENTRY_TEXT("stat", proc_write_statistics),
    ENTRY_TEXT("version", write_version), ENTRY_TEXT("filesystems", write_filesystems),
    ENTRY_TEXT("cmdline", write_options), ENTRY_DIRECTORY("sys", proc_settings_entries),
    ENTRY_DIRECTORY("sysvipc", ipc_entries), LINK("net", network_target),
    ENTRY_TEXT("vmstat", proc_write_memory_statistics), ENTRY_TEXT("zoneinfo", proc_write_zones),
    ENTRY_TEXT("partitions", proc_write_partitions), ENTRY_TEXT("diskstats", proc_write_nothing),
    ENTRY_TEXT("swaps", proc_write_swaps), ENTRY_TEXT("devices", proc_write_device_numbers),
    ENTRY_TEXT("interrupts", proc_write_interrupts), ENTRY_TEXT("modules", proc_write_nothing),
    ENTRY_TEXT("execdomains", proc_write_domains),
    ENTRY_DIRECTORY("tty", terminal_entries), ENTRY_END,
};
