/* The table of /proc itself: files about the whole machine. */
#include "device/random.h"
#include "ipc/message_box.h"
#include "ipc/shared_segment.h"
#include "lib/container.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/random.h"
#include "lib/text.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "procfs/procfs_internal.h"
#include "sched/thread.h"
#include "time/clock.h"

#define READABLE 0444u
#define DIRECTORY_MODE 0555u
#define BOOT_ID_SALT UINT64_C(0x626f6f7420696421)    /* so that programs do not see the seed */
#define PAGE_KIB (PAGE_SIZE / 1024)

#define TEXT(text_name, writer) \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = READABLE, .write = (writer) }
#define SNAPSHOT(text_name, writer)                                                    \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = READABLE,                  \
      .is_snapshot = true, .write = (writer) }
#define LINK(link_name, reader) \
    { .name = (link_name), .kind = PROC_LINK, .target = (reader) }
#define DIRECTORY(directory_name, entries)                                              \
    { .name = (directory_name), .kind = PROC_DIRECTORY, .permissions = DIRECTORY_MODE, \
      .children = (entries) }
#define END { .name = NULL }

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
    print_kib(output, "SwapTotal", 0);
    print_kib(output, "SwapFree", 0);
    print_kib(output, "Shmem", 0);
    print_kib(output, "Slab", pool_pages);
    print_kib(output, "SReclaimable", 0);
    print_kib(output, "SUnreclaim", pool_pages);
    print_kib(output, "KernelStack", thread_count() * (KERNEL_STACK_SIZE / PAGE_SIZE));
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

struct thread_counts {
    unsigned total, ready, blocked;
    int32_t last_id;
    uint64_t switches;
};

static void count_thread(struct thread *thread, void *context)
{
    struct thread_counts *counts = context;

    counts->total++;
    counts->ready += thread->state == THREAD_READY || thread->state == THREAD_RUNNING;
    counts->blocked += thread->state == THREAD_BLOCKED && thread->waiting_for.uninterruptible;
    counts->last_id = thread->id > counts->last_id ? thread->id : counts->last_id;
    counts->switches += thread->voluntary_switches + thread->involuntary_switches;
}

static void write_load(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread_counts counts = { 0 };
    struct machine_load load;

    (void)subject;
    load_look(&load);
    thread_for_each(count_thread, &counts);
    for (unsigned i = 0; i < 3; i++)
        proc_print(output, "%llu.%02llu ", (unsigned long long)(load.averages[i] >> 11),
                   (unsigned long long)((load.averages[i] & 2047) * 100 >> 11));
    proc_print(output, "%u/%u %d\n", counts.ready, counts.total, counts.last_id);
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
static void write_statistics(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread_counts counts = { 0 };
    struct machine_load load;
    uint64_t system_ns = 0, now_ns = clock_monotonic_ns();

    (void)subject;
    load_look(&load);
    thread_for_each(count_thread, &counts);
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
    proc_print(output, "ctxt %llu\nbtime %llu\nprocesses %d\nprocs_running %u\nprocs_blocked %u\n",
               (unsigned long long)counts.switches,
               (unsigned long long)((clock_real_ns() - now_ns) / NS_PER_SECOND), counts.last_id,
               counts.ready, counts.blocked);
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
    proc_print(output, "nodev\tproc\nnodev\ttmpfs\nnodev\tdevtmpfs\n%s",
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

static void write_release(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%s\n", KERNEL_RELEASE);
}

static void write_kernel_version(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%s\n", KERNEL_VERSION);
}

static void write_system_name(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "Linux\n");
}

static void write_node_name(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%s\n", machine_info()->node_name);
}

/* A file with one number that never changes. */
#define CONSTANT(function, number)                                                              \
    static void function(struct proc_output *output, const struct proc_subject *subject)        \
    {                                                                                           \
        (void)subject;                                                                          \
        proc_print(output, "%d\n", (number));                                                   \
    }
CONSTANT(write_id_max, THREAD_ID_MAX + 1)    /* Linux's is the first that cannot be */
CONSTANT(write_threads_max, THREADS_MAX)
CONSTANT(write_overcommit, 0)    /* heuristic: see memory/mapping.c */
CONSTANT(write_regions_max, REGIONS_MAX)
CONSTANT(write_address_minimum, USER_ADDRESS_MINIMUM)
CONSTANT(write_files_max, OPEN_FILES_MAX)
CONSTANT(write_groups_max, 65536)
CONSTANT(write_last_capability, 40)
CONSTANT(write_overflow_id, 65534)
CONSTANT(write_segments_max, (int)SHARED_SEGMENTS_MAX)
CONSTANT(write_message_size_max, (int)MESSAGE_SIZE_MAX)
CONSTANT(write_message_bytes_max, (int)MESSAGE_BOX_BYTES)
CONSTANT(write_boxes_max, (int)IPC_OBJECTS_MAX)
CONSTANT(write_entropy, 256)    /* bits: Linux's number once its generator is ready */

static void write_domain_name(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "(none)\n");
}

/* A UUID (version 4) of these random bytes. */
static void print_uuid(struct proc_output *output, const uint8_t random[16])
{
    uint8_t bytes[16];

    memcpy(bytes, random, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        proc_print(output, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    proc_print(output, "\n");
}

static void write_uuid(struct proc_output *output, const struct proc_subject *subject)
{
    uint8_t bytes[16];

    (void)subject;
    random_bytes(bytes, sizeof(bytes));
    print_uuid(output, bytes);
}

/* The same until the next boot: from the machine's seed, by a generator of its own. */
static void write_boot_id(struct proc_output *output, const struct proc_subject *subject)
{
    struct random random;
    uint8_t bytes[16];

    (void)subject;
    random_init(&random, machine_info()->random_seed ^ BOOT_ID_SALT);
    random_fill(&random, bytes, sizeof(bytes));
    print_uuid(output, bytes);
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
    char number[16];

    (void)subject;
    format(number, sizeof(number), "%d", current_process()->id);
    return put_target(number, text, size);
}

static int64_t thread_self_target(const struct proc_subject *subject, char *text, size_t size)
{
    char path[48];

    (void)subject;
    format(path, sizeof(path), "%d/task/%d", current_process()->id, current_thread()->id);
    return put_target(path, text, size);
}

static int64_t mounts_target(const struct proc_subject *subject, char *text, size_t size)
{
    (void)subject;
    return put_target("self/mounts", text, size);
}

/* ---- The table ----------------------------------------------------------------------------- */

static const struct proc_entry random_entries[] = {
    TEXT("uuid", write_uuid), TEXT("boot_id", write_boot_id),
    TEXT("entropy_avail", write_entropy), TEXT("poolsize", write_entropy), END,
};
static const struct proc_entry kernel_entries[] = {
    TEXT("osrelease", write_release), TEXT("ostype", write_system_name),
    TEXT("version", write_kernel_version), TEXT("hostname", write_node_name),
    TEXT("domainname", write_domain_name), TEXT("pid_max", write_id_max),
    TEXT("threads-max", write_threads_max), TEXT("ngroups_max", write_groups_max),
    TEXT("cap_last_cap", write_last_capability), TEXT("overflowuid", write_overflow_id),
    TEXT("overflowgid", write_overflow_id), TEXT("sem", proc_write_semaphore_limits),
    TEXT("shmmax", proc_write_segment_size_limit), TEXT("shmall", proc_write_segment_size_limit),
    TEXT("shmmni", write_segments_max), TEXT("msgmax", write_message_size_max),
    TEXT("msgmnb", write_message_bytes_max), TEXT("msgmni", write_boxes_max),
    DIRECTORY("random", random_entries), END,
};
static const struct proc_entry ipc_entries[] = {
    SNAPSHOT("sem", proc_write_semaphores), SNAPSHOT("shm", proc_write_segments),
    SNAPSHOT("msg", proc_write_message_boxes), END,
};
static const struct proc_entry vm_entries[] = {
    TEXT("overcommit_memory", write_overcommit), TEXT("max_map_count", write_regions_max),
    TEXT("mmap_min_addr", write_address_minimum), END,
};
static const struct proc_entry fs_entries[] = {
    TEXT("file-max", write_files_max), TEXT("nr_open", write_files_max), END,
};
static const struct proc_entry settings_entries[] = {
    DIRECTORY("kernel", kernel_entries), DIRECTORY("vm", vm_entries), DIRECTORY("fs", fs_entries),
    END,
};

const struct proc_entry proc_root_entries[] = {
    LINK("self", self_target), LINK("thread-self", thread_self_target),
    LINK("mounts", mounts_target), TEXT("meminfo", write_memory),
    TEXT("cpuinfo", write_processors), TEXT("uptime", write_uptime),
    TEXT("loadavg", write_load), TEXT("stat", write_statistics),
    TEXT("version", write_version), TEXT("filesystems", write_filesystems),
    TEXT("cmdline", write_options), DIRECTORY("sys", settings_entries),
    DIRECTORY("sysvipc", ipc_entries), END,
};
