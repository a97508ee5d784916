/*
 * The link over a virtio console: whole messages at a time.
 *
 * Output is copied to one buffer that the device may read, and waited for until it has.  Input
 * arrives in buffers that always wait in the receive queue; one is read to its end, then goes back.
 */
#include "lib/memory.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"
#include "machine/x86_64/transport.h"
#include "machine/x86_64/virtio.h"

#define QUEUE_RECEIVE 0
#define QUEUE_SEND 1
#define INPUT_BUFFERS 16u
#define INPUT_SIZE 4096u
#define OUTPUT_SIZE 65536u
#define SEND_LOOKS 2000000000u    /* then the host is taken for dead */

static struct virtio_device device;
static struct virtio_queue receive_queue, send_queue;
static physical_address output;
static bool is_dead;

/* Which buffer a chain of the receive queue is, and the one that is being read. */
static physical_address buffer_of[VIRTIO_QUEUE_MAX];
static physical_address reading;
static uint32_t reading_size, reading_done;

static void give_buffer(physical_address buffer)
{
    const struct virtio_piece piece = { buffer, INPUT_SIZE, true };
    int chain = virtio_queue_add(&receive_queue, &piece, 1);

    if (chain >= 0)
        buffer_of[chain] = buffer;
}

static bool virtio_link_init(void)
{
    uint64_t features = 0;

    if (!virtio_find(VIRTIO_CONSOLE, &device, &features) ||
        !virtio_queue_init(&device, QUEUE_RECEIVE, VECTOR_LINK, &receive_queue) ||
        !virtio_queue_init(&device, QUEUE_SEND, 0, &send_queue))
        return false;
    output = memory_take(OUTPUT_SIZE);
    virtio_start(&device);
    for (unsigned i = 0; i < INPUT_BUFFERS; i++)
        give_buffer(memory_take(INPUT_SIZE));
    virtio_queue_ring(&receive_queue);
    return true;
}

/* Messages interrupt as soon as the processor lets them: nothing to do. */
static void virtio_link_interrupts(void)
{
}

static void send(uint32_t size)
{
    const struct virtio_piece piece = { output, size, false };
    uint32_t written;
    unsigned looks = 0;

    (void)virtio_queue_add(&send_queue, &piece, 1);
    virtio_queue_ring(&send_queue);
    while (virtio_queue_take(&send_queue, &written) < 0) {
        cpu_pause();
        is_dead = looks++ == SEND_LOOKS;
        if (is_dead)
            return;
    }
}

static void virtio_link_write(const void *bytes, size_t size)
{
    const char *next = bytes;

    while (size > 0 && !is_dead) {
        uint32_t part = size < OUTPUT_SIZE ? (uint32_t)size : OUTPUT_SIZE;

        memcpy(machine_info()->direct_map + output, next, part);
        send(part);
        next += part;
        size -= part;
    }
}

static bool next_buffer(void)
{
    uint32_t size;
    int chain = virtio_queue_take(&receive_queue, &size);

    if (chain < 0)
        return false;
    reading = buffer_of[chain];
    reading_size = size < INPUT_SIZE ? size : INPUT_SIZE;
    reading_done = 0;
    return true;
}

static size_t virtio_link_read(void *bytes, size_t room)
{
    if (reading == 0 && !next_buffer())
        return 0;

    uint32_t left = reading_size - reading_done;
    uint32_t count = left < room ? left : (uint32_t)room;

    memcpy(bytes, machine_info()->direct_map + reading + reading_done, count);
    reading_done += count;
    if (reading_done == reading_size) {
        give_buffer(reading);
        virtio_queue_ring(&receive_queue);
        reading = 0;
    }
    return count;
}

const struct link_transport transport_virtio = {
    .name = "virtio",
    .init = virtio_link_init,
    .init_interrupts = virtio_link_interrupts,
    .write = virtio_link_write,
    .read = virtio_link_read,
};
