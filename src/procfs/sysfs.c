/*
 * sysfs: the processors and what programs ask about memory.  There are no buses and devices to
 * show, so the other directories that Linux has are there and empty.
 *
 * The tables of the CPUs are filled in when sysfs is first made: one directory for each.
 */
#include "lib/container.h"
#include "lib/format.h"
#include "machine/machine.h"
#include "memory/page.h"
#include "procfs/procfs_internal.h"

#define CPU_NAME_SIZE 8
#define CPU_FILES 6    /* besides the directories of CPUs */

/* ---- Sets of CPUs -------------------------------------------------------------------------- */

static uint64_t all_cpus(void)
{
    return UINT64_MAX >> (64 - machine_info()->cpu_count);
}

void proc_print_cpu_mask(struct proc_output *output, uint64_t mask)
{
    unsigned count = machine_info()->cpu_count;

    if (count > 32)
        proc_print(output, "%0*x,%08x\n", (int)(count - 32 + 3) / 4, (unsigned)(mask >> 32),
                   (unsigned)mask);
    else
        proc_print(output, "%0*x\n", (int)(count + 3) / 4, (unsigned)mask);
}

void proc_print_cpu_list(struct proc_output *output, uint64_t mask)
{
    const char *separator = "";

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

static void write_all_cpus(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print_cpu_list(output, all_cpus());
}

static void write_all_cpus_mask(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print_cpu_mask(output, all_cpus());
}

static void write_no_cpus(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print_cpu_list(output, 0);
}

static void write_this_cpu(struct proc_output *output, const struct proc_subject *subject)
{
    proc_print_cpu_list(output, UINT64_C(1) << subject->number);
}

static void write_this_cpu_mask(struct proc_output *output, const struct proc_subject *subject)
{
    proc_print_cpu_mask(output, UINT64_C(1) << subject->number);
}

/* ---- Topology: one package, each CPU a core of its own ------------------------------------- */

static const struct proc_entry topology_entries[] = {
    ENTRY_TEXT("core_id", proc_write_number), ENTRY_NUMBER("physical_package_id", 0),
    ENTRY_NUMBER("die_id", 0), ENTRY_TEXT("thread_siblings", write_this_cpu_mask),
    ENTRY_TEXT("thread_siblings_list", write_this_cpu),
    ENTRY_TEXT("core_cpus", write_this_cpu_mask), ENTRY_TEXT("core_cpus_list", write_this_cpu),
    ENTRY_TEXT("core_siblings", write_all_cpus_mask),
    ENTRY_TEXT("core_siblings_list", write_all_cpus),
    ENTRY_TEXT("package_cpus", write_all_cpus_mask),
    ENTRY_TEXT("package_cpus_list", write_all_cpus), ENTRY_TEXT("die_cpus", write_all_cpus_mask),
    ENTRY_TEXT("die_cpus_list", write_all_cpus), ENTRY_END,
};
static const struct proc_entry one_cpu_entries[] = {
    ENTRY_DIRECTORY("topology", topology_entries), ENTRY_END,
};

static const struct proc_entry cpu_files[CPU_FILES] = {
    ENTRY_TEXT("possible", write_all_cpus), ENTRY_TEXT("present", write_all_cpus),
    ENTRY_TEXT("online", write_all_cpus), ENTRY_TEXT("offline", write_no_cpus),
    ENTRY_TEXT("isolated", write_no_cpus), ENTRY_NUMBER("kernel_max", CPUS_MAX - 1),
};

static char cpu_names[CPUS_MAX][CPU_NAME_SIZE];
static struct proc_entry cpu_entries[CPUS_MAX + CPU_FILES + 1];    /* the last one stays empty */

void sysfs_init(void)
{
    unsigned count = machine_info()->cpu_count;

    for (unsigned cpu = 0; cpu < count; cpu++) {
        format(cpu_names[cpu], CPU_NAME_SIZE, "cpu%u", cpu);
        cpu_entries[cpu] = (struct proc_entry)ENTRY_DIRECTORY(cpu_names[cpu], one_cpu_entries);
        cpu_entries[cpu].number = (int)cpu + 1;
    }
    for (unsigned i = 0; i < CPU_FILES; i++)
        cpu_entries[count + i] = cpu_files[i];
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* Pages are mapped by extents, but none is a huge page of its own. */
static void write_never(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "always madvise [never]\n");
}

static const struct proc_entry huge_page_entries[] = {
    ENTRY_TEXT("enabled", write_never), ENTRY_NUMBER("hpage_pmd_size", 2 << 20),
    ENTRY_NUMBER("use_zero_page", 0), ENTRY_END,
};
static const struct proc_entry memory_entries[] = {
    ENTRY_DIRECTORY("transparent_hugepage", huge_page_entries), ENTRY_END,
};

/* ---- The tree ------------------------------------------------------------------------------ */

static const struct proc_entry nothing[] = { ENTRY_END };
static const struct proc_entry number_entries[] = {
    ENTRY_DIRECTORY("block", nothing), ENTRY_DIRECTORY("char", nothing), ENTRY_END,
};
static const struct proc_entry kernel_entries[] = {
    ENTRY_DIRECTORY("mm", memory_entries), ENTRY_END,
};
static const struct proc_entry system_entries[] = {
    ENTRY_DIRECTORY("cpu", cpu_entries), ENTRY_END,
};
static const struct proc_entry device_entries[] = {
    ENTRY_DIRECTORY("system", system_entries), ENTRY_END,
};
const struct proc_entry sysfs_root_entries[] = {
    ENTRY_DIRECTORY("block", nothing), ENTRY_DIRECTORY("bus", nothing),
    ENTRY_DIRECTORY("class", nothing), ENTRY_DIRECTORY("dev", number_entries),
    ENTRY_DIRECTORY("devices", device_entries), ENTRY_DIRECTORY("firmware", nothing),
    ENTRY_DIRECTORY("fs", nothing), ENTRY_DIRECTORY("kernel", kernel_entries),
    ENTRY_DIRECTORY("module", nothing), ENTRY_DIRECTORY("power", nothing), ENTRY_END,
};
