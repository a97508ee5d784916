#pragma once
/*
 * Virtio 1.x devices over PCI: finding one, agreeing on features, and its queues.
 *
 * A queue is used by one processor at a time: its user's lock.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"
#include "machine/x86_64/pci.h"

enum virtio_kind { VIRTIO_CONSOLE = 3, VIRTIO_RANDOM = 4, VIRTIO_9P = 9 };

struct virtio_device {
    struct pci_function function;
    volatile uint8_t *common, *notify, *own;    /* registers; `own` of this kind of device */
    uint32_t notify_step;
};

#define VIRTIO_QUEUE_MAX 64

struct virtio_descriptor;
struct virtio_queue {
    volatile uint16_t *doorbell;
    struct virtio_descriptor *descriptors;
    volatile uint16_t *available, *used;        /* flags, index, then the ring */
    uint16_t number, size;
    uint16_t taken;                             /* of the used ring */
    uint16_t free_first, free_count;            /* descriptors, chained */
};

/* A piece of memory for the device; physical. */
struct virtio_piece {
    physical_address address;
    uint32_t size;
    bool device_writes;
};

/* Resets it and offers these features besides "version 1"; false: it is not there, or refuses.
 * *features: what both agreed on. */
bool virtio_find(enum virtio_kind kind, struct virtio_device *device, uint64_t *features);
/* Before virtio_start.  `vector`: of its interrupt, 0: none.  Before memory_finish. */
bool virtio_queue_init(struct virtio_device *device, uint16_t number, uint8_t vector,
                       struct virtio_queue *queue);
void virtio_start(struct virtio_device *device);

/* Hands over a chain of pieces; returns its number; -1: no room. */
int virtio_queue_add(struct virtio_queue *queue, const struct virtio_piece *pieces, unsigned count);
void virtio_queue_ring(struct virtio_queue *queue);
/* The next chain that the device is done with, or -1; *written: how many bytes it wrote. */
int virtio_queue_take(struct virtio_queue *queue, uint32_t *written);
