/*
 * Where the kernel's random seed comes from: the option seed=N, else a virtio entropy device, else
 * the processor's generator, else the time.
 */
#include "machine/x86_64/entropy.h"

#include "lib/memory.h"
#include "lib/text.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"
#include "machine/x86_64/virtio.h"

#define ANSWER_LOOKS 20000000u
#define ATTEMPTS 10u
#define FEATURE_RANDOM (1u << 30)    /* CPUID leaf 1, ecx: `rdrand` */
#define MIX UINT64_C(0x9e3779b97f4a7c15)

static bool ask_device(uint64_t *seed)
{
    static struct virtio_device device;
    static struct virtio_queue queue;
    struct virtio_piece piece = { .size = sizeof(*seed), .device_writes = true };
    uint64_t features = 0;
    uint32_t written = 0;

    if (!virtio_find(VIRTIO_RANDOM, &device, &features) ||
        !virtio_queue_init(&device, 0, 0, &queue))
        return false;
    piece.address = memory_take(sizeof(*seed));
    virtio_start(&device);
    (void)virtio_queue_add(&queue, &piece, 1);
    virtio_queue_ring(&queue);
    for (unsigned looks = 0; virtio_queue_take(&queue, &written) < 0; looks++) {
        if (looks == ANSWER_LOOKS)
            return false;
        cpu_pause();
    }
    memcpy(seed, machine_info()->direct_map + piece.address, sizeof(*seed));
    return written == sizeof(*seed);
}

static bool ask_processor(uint64_t *seed)
{
    uint8_t is_good = 0;

    if (!(cpuid_read(1, 0).c & FEATURE_RANDOM))
        return false;
    for (unsigned i = 0; i < ATTEMPTS && !is_good; i++)
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*seed), "=qm"(is_good) : : "cc");
    return is_good;
}

uint64_t entropy_seed(void)
{
    const char *option = port_option("seed");
    uint64_t seed;

    if (option && text_parse_number(option, &seed) == 0)
        return seed;
    if (ask_device(&seed) || ask_processor(&seed))
        return seed;
    return timestamp_read() * MIX;
}
