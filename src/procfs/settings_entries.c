/* /proc/sys: names and settings of the kernel; those that are fixed say what holds here. */
#include "device/random.h"
#include "fs/epoll.h"
#include "fs/file.h"
#include "fs/notify.h"
#include "ipc/message_box.h"
#include "ipc/named_queue.h"
#include "ipc/pipe.h"
#include "ipc/shared_segment.h"
#include "lib/memory.h"
#include "lib/random.h"
#include "lib/text.h"
#include "process/machine_names.h"
#include "procfs/procfs_internal.h"
#include "sched/real_time_share.h"
#include "sched/thread.h"

#define BOOT_ID_SALT UINT64_C(0x626f6f7420696421)    /* so that programs do not see the seed */
#define ENTROPY_BITS 256      /* Linux's number once its generator is ready */
#define NOBODY_ID 65534
#define GROUPS_MAX (int)(sizeof(((struct credentials *)NULL)->groups) / sizeof(uint32_t))

/* ---- Names --------------------------------------------------------------------------------- */

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
    char name[MACHINE_NAME_MAX + 1];

    (void)subject;
    machine_name_read(MACHINE_NAME_NODE, name);
    proc_print(output, "%s\n", name);
}

static void write_domain_name(struct proc_output *output, const struct proc_subject *subject)
{
    char name[MACHINE_NAME_MAX + 1];

    (void)subject;
    machine_name_read(MACHINE_NAME_DOMAIN, name);
    proc_print(output, "%s\n", name);
}

static int set_name(enum machine_name which, const char *text)
{
    size_t length = text_length(text);

    if (length > MACHINE_NAME_MAX)
        length = MACHINE_NAME_MAX;
    machine_name_set(which, text, length);
    return 0;
}

static int store_node_name(const struct proc_subject *subject, const char *text)
{
    (void)subject;
    return set_name(MACHINE_NAME_NODE, text);
}

static int store_domain_name(const struct proc_subject *subject, const char *text)
{
    (void)subject;
    return set_name(MACHINE_NAME_DOMAIN, text);
}

static void write_architecture(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "x86_64\n");
}

static void write_core_pattern(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "core\n");
}

/* ---- Numbers ------------------------------------------------------------------------------- */

void proc_write_number(struct proc_output *output, const struct proc_subject *subject)
{
    proc_print(output, "%d\n", subject->number);
}

/* Open files, allocated and free; as Linux, the free ones are never kept. */
static void write_open_files(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%zu\t0\t%d\n", file_count(), OPEN_FILES_MAX);
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

static void write_watches_max(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%llu\n", (unsigned long long)epoll_watches_max());
}

static void write_notify_watches_max(struct proc_output *output,
                                     const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%llu\n", (unsigned long long)notify_watches_max());
}

/* ---- Real-time threads --------------------------------------------------------------------- */

static void write_runtime(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%d\n", real_time_runtime_us());
}

static int store_runtime(const struct proc_subject *subject, const char *text)
{
    int64_t value;
    int error = proc_parse_signed(text, REAL_TIME_UNLIMITED, INT32_MAX, &value);

    (void)subject;
    return error ? error : real_time_runtime_set(value);
}

static void write_period(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%d\n", real_time_period_us());
}

static int store_period(const struct proc_subject *subject, const char *text)
{
    int64_t value;
    int error = proc_parse_signed(text, 1, INT32_MAX, &value);

    (void)subject;
    return error ? error : real_time_period_set(value);
}

static void write_queue_setting(struct proc_output *output, const struct proc_subject *subject)
{
    proc_print(output, "%d\n", named_queue_setting((enum named_queue_setting)subject->number));
}

static int store_queue_setting(const struct proc_subject *subject, const char *text)
{
    int64_t value;
    int error = proc_parse_signed(text, INT32_MIN, INT32_MAX, &value);

    return error ? error : named_queue_set((enum named_queue_setting)subject->number, value);
}

/* ---- Tables -------------------------------------------------------------------------------- */

static const struct proc_entry random_entries[] = {
    ENTRY_TEXT("uuid", write_uuid), ENTRY_TEXT("boot_id", write_boot_id),
    ENTRY_NUMBER("entropy_avail", ENTROPY_BITS), ENTRY_NUMBER("poolsize", ENTROPY_BITS),
    ENTRY_END,
};
static const struct proc_entry kernel_entries[] = {
    ENTRY_TEXT("osrelease", write_release), ENTRY_TEXT("ostype", write_system_name),
    ENTRY_TEXT("version", write_kernel_version), ENTRY_TEXT("arch", write_architecture),
    ENTRY_SETTING("hostname", 0644, write_node_name, store_node_name),
    ENTRY_SETTING("domainname", 0644, write_domain_name, store_domain_name),
    ENTRY_NUMBER("pid_max", THREAD_ID_MAX + 1),    /* Linux's is the first that cannot be */
    ENTRY_NUMBER("threads-max", THREADS_MAX), ENTRY_NUMBER("ngroups_max", GROUPS_MAX),
    ENTRY_NUMBER("cap_last_cap", CAPABILITY_LAST), ENTRY_NUMBER("overflowuid", NOBODY_ID),
    ENTRY_NUMBER("overflowgid", NOBODY_ID), ENTRY_NUMBER("randomize_va_space", 0),
    ENTRY_TEXT("core_pattern", write_core_pattern), ENTRY_NUMBER("core_uses_pid", 0),
    ENTRY_NUMBER("dmesg_restrict", 0), ENTRY_NUMBER("kptr_restrict", 0),
    ENTRY_NUMBER("tainted", 0), ENTRY_NUMBER("panic", 0),
    ENTRY_SETTING("sched_rt_runtime_us", 0644, write_runtime, store_runtime),
    ENTRY_SETTING("sched_rt_period_us", 0644, write_period, store_period),
    ENTRY_NUMBER("sched_rr_timeslice_ms", REAL_TIME_QUANTUM_NS / 1000000),
    ENTRY_TEXT("sem", proc_write_semaphore_limits),
    ENTRY_TEXT("shmmax", proc_write_segment_size_limit),
    ENTRY_TEXT("shmall", proc_write_segment_size_limit),
    ENTRY_NUMBER("shmmni", (int)SHARED_SEGMENTS_MAX), ENTRY_NUMBER("shm_rmid_forced", 0),
    ENTRY_NUMBER("msgmax", (int)MESSAGE_SIZE_MAX),
    ENTRY_NUMBER("msgmnb", (int)MESSAGE_BOX_BYTES), ENTRY_NUMBER("msgmni", (int)IPC_OBJECTS_MAX),
    ENTRY_DIRECTORY("random", random_entries), ENTRY_END,
};
static const struct proc_entry vm_entries[] = {
    ENTRY_NUMBER("overcommit_memory", 0),    /* heuristic: see memory/mapping.c */
    ENTRY_NUMBER("overcommit_ratio", 50), ENTRY_NUMBER("overcommit_kbytes", 0),
    ENTRY_NUMBER("max_map_count", REGIONS_MAX),
    ENTRY_NUMBER("mmap_min_addr", USER_ADDRESS_MINIMUM), ENTRY_NUMBER("swappiness", 60),
    ENTRY_NUMBER("nr_hugepages", 0), ENTRY_NUMBER("nr_overcommit_hugepages", 0),
    ENTRY_NUMBER("panic_on_oom", 0), ENTRY_NUMBER("oom_kill_allocating_task", 1), ENTRY_END,
};
#define QUEUE_SETTING(text_name, which)                                     \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = 0644,          \
      .number = (int)(which) + 1, .write = write_queue_setting,             \
      .store = store_queue_setting }
static const struct proc_entry queue_entries[] = {
    QUEUE_SETTING("queues_max", QUEUE_COUNT_MOST), QUEUE_SETTING("msg_max", QUEUE_MESSAGES_MOST),
    QUEUE_SETTING("msg_default", QUEUE_MESSAGES_USUAL),
    QUEUE_SETTING("msgsize_max", QUEUE_SIZE_MOST),
    QUEUE_SETTING("msgsize_default", QUEUE_SIZE_USUAL), ENTRY_END,
};
static const struct proc_entry epoll_entries[] = {
    ENTRY_TEXT("max_user_watches", write_watches_max), ENTRY_END,
};
static const struct proc_entry notify_entries[] = {
    ENTRY_NUMBER("max_queued_events", NOTIFY_EVENTS_MAX),
    ENTRY_NUMBER("max_user_instances", NOTIFY_QUEUES_MAX),
    ENTRY_TEXT("max_user_watches", write_notify_watches_max), ENTRY_END,
};
static const struct proc_entry fs_entries[] = {
    ENTRY_NUMBER("file-max", OPEN_FILES_MAX), ENTRY_NUMBER("nr_open", OPEN_FILES_MAX),
    ENTRY_TEXT("file-nr", write_open_files), ENTRY_NUMBER("pipe-max-size", PIPE_SIZE_MAX),
    ENTRY_NUMBER("overflowuid", NOBODY_ID), ENTRY_NUMBER("overflowgid", NOBODY_ID),
    ENTRY_NUMBER("suid_dumpable", 0), ENTRY_NUMBER("protected_hardlinks", 1),
    ENTRY_DIRECTORY("mqueue", queue_entries), ENTRY_DIRECTORY("epoll", epoll_entries),
    ENTRY_DIRECTORY("inotify", notify_entries),
    ENTRY_END,
};
static const struct proc_entry socket_entries[] = {
    ENTRY_NUMBER("somaxconn", 4096), ENTRY_END,
};
static const struct proc_entry network_entries[] = {
    ENTRY_DIRECTORY("core", socket_entries), ENTRY_END,
};
const struct proc_entry proc_settings_entries[] = {
    ENTRY_DIRECTORY("kernel", kernel_entries), ENTRY_DIRECTORY("vm", vm_entries),
    ENTRY_DIRECTORY("fs", fs_entries), ENTRY_DIRECTORY("net", network_entries), ENTRY_END,
};
