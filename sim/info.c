/* What the machine is: filled by the files of this folder, constant from kernel_start on. */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "chooser.h"
#include "ranges.h"
#include "sim.h"

#define GROUPS_KEPT 32
#define USER_ID_FIXED 1000u
#define BRAND_LEAVES 3    /* CPUID 0x80000002 to 0x80000004, 16 characters each */

static struct machine_info info;
static const struct machine_range user_ranges[] = { GUEST_RANGES };
static char cpu_model[BRAND_LEAVES * 16 + 1];
static struct utsname host_name;
static gid_t groups[GROUPS_KEPT];

const struct machine_info *machine_info(void)
{
    return &info;
}

struct machine_info *info_edit(void)
{
    return &info;
}

/* What Linux gives as AT_HWCAP; glibc's getauxval answers with something of its own. */
static uint32_t find_hwcap(void)
{
    uint32_t a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) ? d : 0;
}

static const char *find_cpu_model(void)
{
    uint32_t words[4];

    for (uint32_t leaf = 0; leaf < BRAND_LEAVES; leaf++) {
        if (!__get_cpuid(0x80000002u + leaf, &words[0], &words[1], &words[2], &words[3]))
            return "x86-64";
        memcpy(cpu_model + leaf * sizeof(words), words, sizeof(words));
    }
    return cpu_model[0] ? cpu_model : "x86-64";
}

/* It belongs to no mapping of ours and cannot be taken away; looked for when somebody asks. */
static const char *find_old_call_page(void)
{
    static bool is_known;
    static const char *found;
    FILE *maps = is_known ? NULL : fopen("/proc/self/maps", "re");
    char line[256];

    is_known = true;
    while (maps && fgets(line, sizeof(line), maps)) {
        if (strstr(line, "[vsyscall]"))
            found = strstr(line, " r-xp ") ? "r-xp" : "--xp";
    }
    if (maps)
        fclose(maps);
    return found;
}

/* More groups than the kernel keeps for a process are left out. */
static unsigned find_groups(void)
{
    int count = getgroups(GROUPS_KEPT, groups);

    return count < 0 ? 0 : (unsigned)count;
}

void info_init_ranges(void)
{
    info.user_ranges = user_ranges;
    info.user_range_count = sizeof(user_ranges) / sizeof(user_ranges[0]);
}

static void describe_host(void)
{
    uname(&host_name);
    info.cpu_model = find_cpu_model();
    info.find_old_call_page = find_old_call_page;
    info.node_name = host_name.nodename;
    info.user_id = geteuid();
    info.group_id = getegid();
    info.groups = groups;
    info.group_count = find_groups();
    if (getrandom(&info.random_seed, sizeof(info.random_seed), 0) != sizeof(info.random_seed))
        info.random_seed = (uint64_t)getpid();
}

/* The same on every host.  Only the processor's features remain what they are. */
static void describe_nobody(const struct options *options)
{
    info.cpu_model = "x86-64";
    info.node_name = "eft";
    info.user_id = USER_ID_FIXED;
    info.group_id = USER_ID_FIXED;
    info.random_seed = options->seed;
    info.observer = &chooser_observer;
    chooser_seed(options->seed);
}

void info_init(const struct options *options)
{
    info.name = "hosted";
    info.cpu_count = options->cpus;
    info.hwcap = find_hwcap();
    info.hwcap2 = getauxval(AT_HWCAP2);
    if (options->observed)
        describe_nobody(options);
    else
        describe_host();
    if (options->host_name)
        info.node_name = options->host_name;
    info.options = options->kernel;
    info.arguments = options->arguments;
    info.environment = options->environment;
    info.working_directory = options->working_directory;
}
