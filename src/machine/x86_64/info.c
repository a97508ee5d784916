/* What the machine is: filled by the files of this folder, constant from kernel_start on. */
#include "lib/checked.h"
#include "lib/memory.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/entropy.h"
#include "machine/x86_64/port.h"

/* Linux places the first stack at random, a little below the end: nothing ever lies on the last
 * pages.  So here. */
#define USER_END UINT64_C(0x7fffffff0000)
#define BRAND_LEAVES 3    /* CPUID 0x80000002 to 0x80000004, 16 characters each */
#define HWCAP2_FS_GS_BASE 2
#define FRAME_SIZE 440          /* of a signal, without vector registers */
#define FRAME_ALIGNMENT 16
#define FRAME_MAGIC_SIZE 4      /* behind the vector registers */
#define VECTOR_ALIGNMENT 64

static struct machine_info info;
static const struct machine_range user_ranges[] = { { 0x10000, USER_END } };
static char cpu_model[BRAND_LEAVES * 16 + 1];

const struct machine_info *machine_info(void)
{
    return &info;
}

struct machine_info *info_edit(void)
{
    return &info;
}

static const char *find_cpu_model(void)
{
    if (cpuid_read(0x80000000u, 0).a < 0x80000001u + BRAND_LEAVES)
        return "x86-64";
    for (uint32_t leaf = 0; leaf < BRAND_LEAVES; leaf++) {
        struct cpuid words = cpuid_read(0x80000002u + leaf, 0);

        memcpy(cpu_model + leaf * sizeof(words), &words, sizeof(words));
    }
    return cpu_model[0] ? cpu_model : "x86-64";
}

/* What Linux says: the frame of a signal, and the vector state at its alignment. */
static uint64_t signal_stack_needed(void)
{
    uint64_t size = FRAME_SIZE + FRAME_ALIGNMENT - 1 + cpu_features()->vector_size +
                    FRAME_MAGIC_SIZE + VECTOR_ALIGNMENT - 1;

    return round_up(size, FRAME_ALIGNMENT);
}

void info_init(void)
{
    info.name = "x86_64";
    info.cpu_count = 1;
    info.user_ranges = user_ranges;
    info.user_range_count = sizeof(user_ranges) / sizeof(user_ranges[0]);
    info.random_seed = entropy_seed();
    info.vector_state_size = cpu_features()->vector_size;
    info.vector_features = cpu_features()->vector_features;
    info.hwcap = cpuid_read(1, 0).d;
    info.hwcap2 = cpu_features()->fs_gs_base ? HWCAP2_FS_GS_BASE : 0;
    info.minimum_signal_stack = signal_stack_needed();
    info.cpu_model = find_cpu_model();
    if (!info.node_name)
        info.node_name = "eft";
}
