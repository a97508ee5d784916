/*
 * Virtio 1.x over PCI, with split queues.
 *
 * The device is another party that reads and writes the rings at any time: indices are published
 * behind what they announce, and what it writes is checked before it is used as an index.
 */
#include "machine/x86_64/virtio.h"

#include <stdatomic.h>

#include "machine/x86_64/port.h"

#define VENDOR 0x1af4
#define DEVICE_FIRST 0x1040              /* of modern devices, plus the kind */
#define CAPABILITY_VENDOR 0x09
#define STRUCTURE_COMMON 1
#define STRUCTURE_NOTIFY 2
#define STRUCTURE_DEVICE 4
#define STRUCTURE_SIZE 4096

/* Places in the common structure. */
#define COMMON_DEVICE_FEATURE_SELECT 0
#define COMMON_DEVICE_FEATURE 4
#define COMMON_DRIVER_FEATURE_SELECT 8
#define COMMON_DRIVER_FEATURE 12
#define COMMON_STATUS 20
#define COMMON_QUEUE_SELECT 22
#define COMMON_QUEUE_SIZE 24
#define COMMON_QUEUE_VECTOR 26
#define COMMON_QUEUE_ENABLE 28
#define COMMON_QUEUE_NOTIFY 30
#define COMMON_QUEUE_DESCRIPTORS 32
#define COMMON_QUEUE_AVAILABLE 40
#define COMMON_QUEUE_USED 48

#define STATUS_ACKNOWLEDGED 1
#define STATUS_DRIVER 2
#define STATUS_STARTED 4
#define STATUS_FEATURES 8
#define FEATURE_VERSION_1 (UINT64_C(1) << 32)
#define NO_VECTOR 0xffff
#define RESET_LOOKS 1000000u

#define DESCRIPTOR_NEXT 1
#define DESCRIPTOR_WRITE 2

struct virtio_descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};

static uint16_t read_16(volatile uint8_t *base, unsigned place)
{
    return *(volatile uint16_t *)(volatile void *)(base + place);
}

static uint32_t read_32(volatile uint8_t *base, unsigned place)
{
    return *(volatile uint32_t *)(volatile void *)(base + place);
}

static void write_16(volatile uint8_t *base, unsigned place, uint16_t value)
{
    *(volatile uint16_t *)(volatile void *)(base + place) = value;
}

static void write_32(volatile uint8_t *base, unsigned place, uint32_t value)
{
    *(volatile uint32_t *)(volatile void *)(base + place) = value;
}

static void write_64(volatile uint8_t *base, unsigned place, uint64_t value)
{
    write_32(base, place, (uint32_t)value);
    write_32(base, place + 4, (uint32_t)(value >> 32));
}

/* ---- Devices ------------------------------------------------------------------------------- */

/* The structures are where the device's capabilities say. */
static bool map_structures(struct virtio_device *device)
{
    const struct pci_function *function = &device->function;
    unsigned place = 0;

    while ((place = pci_capability(function, CAPABILITY_VENDOR, place)) != 0) {
        uint32_t kind = pci_read(function, place) >> 24;
        uint32_t base_register = pci_read(function, place + 4) & 0xff;
        uint32_t offset = pci_read(function, place + 8);

        if (kind == STRUCTURE_COMMON)
            device->common = pci_map(function, base_register, offset, STRUCTURE_SIZE);
        if (kind == STRUCTURE_DEVICE)
            device->own = pci_map(function, base_register, offset, STRUCTURE_SIZE);
        if (kind == STRUCTURE_NOTIFY) {
            device->notify = pci_map(function, base_register, offset, STRUCTURE_SIZE);
            device->notify_step = pci_read(function, place + 16);
        }
    }
    return device->common && device->notify;
}

static void add_status(struct virtio_device *device, uint8_t bit)
{
    device->common[COMMON_STATUS] = (uint8_t)(device->common[COMMON_STATUS] | bit);
}

static bool reset(struct virtio_device *device)
{
    device->common[COMMON_STATUS] = 0;
    for (unsigned i = 0; i < RESET_LOOKS; i++) {
        if (device->common[COMMON_STATUS] == 0)
            return true;
    }
    return false;
}

static uint64_t agree(struct virtio_device *device, uint64_t wanted)
{
    uint64_t offered = 0, agreed;

    for (uint32_t half = 0; half < 2; half++) {
        write_32(device->common, COMMON_DEVICE_FEATURE_SELECT, half);
        offered |= (uint64_t)read_32(device->common, COMMON_DEVICE_FEATURE) << (32 * half);
    }
    agreed = offered & (wanted | FEATURE_VERSION_1);
    for (uint32_t half = 0; half < 2; half++) {
        write_32(device->common, COMMON_DRIVER_FEATURE_SELECT, half);
        write_32(device->common, COMMON_DRIVER_FEATURE, (uint32_t)(agreed >> (32 * half)));
    }
    return agreed;
}

bool virtio_find(enum virtio_kind kind, struct virtio_device *device, uint64_t *features)
{
    *device = (struct virtio_device){ 0 };
    if (!pci_find(VENDOR, (uint16_t)(DEVICE_FIRST + kind), 0, &device->function))
        return false;
    pci_enable(&device->function);
    if (!map_structures(device) || !reset(device))
        return false;
    add_status(device, STATUS_ACKNOWLEDGED);
    add_status(device, STATUS_DRIVER);
    *features = agree(device, *features);
    add_status(device, STATUS_FEATURES);
    return (*features & FEATURE_VERSION_1) && (device->common[COMMON_STATUS] & STATUS_FEATURES);
}

void virtio_start(struct virtio_device *device)
{
    add_status(device, STATUS_STARTED);
}

/* ---- Queues -------------------------------------------------------------------------------- */

/* One page for each of the three parts. */
static void *take_page(physical_address *address)
{
    *address = memory_take(4096);
    return machine_info()->direct_map + *address;
}

bool virtio_queue_init(struct virtio_device *device, uint16_t number, uint8_t vector,
                       struct virtio_queue *queue)
{
    volatile uint8_t *common = device->common;
    physical_address descriptors, available, used;

    write_16(common, COMMON_QUEUE_SELECT, number);

    uint16_t size = read_16(common, COMMON_QUEUE_SIZE);

    if (size == 0)
        return false;
    *queue = (struct virtio_queue){ .number = number };
    queue->size = size < VIRTIO_QUEUE_MAX ? size : VIRTIO_QUEUE_MAX;
    queue->descriptors = take_page(&descriptors);
    queue->available = take_page(&available);
    queue->used = take_page(&used);
    queue->free_count = queue->size;
    for (uint16_t i = 0; i < queue->size; i++)
        queue->descriptors[i].next = (uint16_t)(i + 1);
    queue->doorbell = (volatile uint16_t *)(volatile void *)
        (device->notify + read_16(common, COMMON_QUEUE_NOTIFY) * device->notify_step);
    write_16(common, COMMON_QUEUE_SIZE, queue->size);
    write_64(common, COMMON_QUEUE_DESCRIPTORS, descriptors);
    write_64(common, COMMON_QUEUE_AVAILABLE, available);
    write_64(common, COMMON_QUEUE_USED, used);
    write_16(common, COMMON_QUEUE_VECTOR,
             vector && pci_route(&device->function, number, vector) ? number : NO_VECTOR);
    write_16(common, COMMON_QUEUE_ENABLE, 1);
    return true;
}

int virtio_queue_add(struct virtio_queue *queue, const struct virtio_piece *pieces, unsigned count)
{
    uint16_t first = queue->free_first;
    uint16_t at = first;

    if (count == 0 || queue->free_count < count)
        return -1;
    for (unsigned i = 0; i < count; i++) {
        struct virtio_descriptor *descriptor = &queue->descriptors[at];

        descriptor->address = pieces[i].address;
        descriptor->size = pieces[i].size;
        descriptor->flags = (uint16_t)((i + 1 < count ? DESCRIPTOR_NEXT : 0) |
                                       (pieces[i].device_writes ? DESCRIPTOR_WRITE : 0));
        at = descriptor->next;
    }
    queue->free_first = at;
    queue->free_count = (uint16_t)(queue->free_count - count);

    uint16_t index = queue->available[1];

    queue->available[2 + index % queue->size] = first;
    atomic_thread_fence(memory_order_seq_cst);
    queue->available[1] = (uint16_t)(index + 1);
    return first;
}

void virtio_queue_ring(struct virtio_queue *queue)
{
    atomic_thread_fence(memory_order_seq_cst);
    *queue->doorbell = queue->number;
}

static void free_chain(struct virtio_queue *queue, uint16_t first)
{
    uint16_t last = first;
    uint16_t count = 1;

    while ((queue->descriptors[last].flags & DESCRIPTOR_NEXT) && count < queue->size) {
        last = queue->descriptors[last].next;
        count++;
    }
    queue->descriptors[last].next = queue->free_first;
    queue->free_first = first;
    queue->free_count = (uint16_t)(queue->free_count + count);
}

int virtio_queue_take(struct virtio_queue *queue, uint32_t *written)
{
    const volatile uint32_t *ring;
    uint32_t first;

    if (queue->used[1] == queue->taken)
        return -1;
    atomic_thread_fence(memory_order_acquire);
    ring = (const volatile uint32_t *)(const volatile void *)(queue->used + 2);
    first = ring[2 * (queue->taken % queue->size)];
    *written = ring[2 * (queue->taken % queue->size) + 1];
    queue->taken++;
    if (first >= queue->size)
        return -1;
    free_chain(queue, (uint16_t)first);
    return (int)first;
}
