/* /dev/null, /dev/zero and /dev/full. */
#include "device/device_internal.h"
#include "fs/devfs.h"
#include "memory/memory_object.h"
#include "signal/signal.h"

#define MAPPING_SIZE_MAX (UINT64_C(1) << 47)    /* memory comes as it is touched */

static int64_t null_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)file;
    (void)buffer;
    (void)position;
    return 0;
}

/* Takes everything without looking at it, as Linux does. */
static int64_t null_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)file;
    (void)position;
    return (int64_t)buffer->remaining;
}

static int64_t zero_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    int64_t done = 0;

    (void)file;
    (void)position;
    while (buffer->remaining > 0) {
        uint64_t step = buffer->remaining < STEP_SIZE ? buffer->remaining : STEP_SIZE;
        int64_t put = io_buffer_put_zero(buffer, step);

        if (put <= 0)
            return done > 0 ? done : -EFAULT;
        done += put;
        if (buffer->remaining > 0 && signal_is_pending())
            break;
    }
    return done;
}

/* Every mapping gets zeroed memory of its own; what is shared of it, is so with children only. */
static int zero_memory_object(struct file *file, struct memory_object **object)
{
    (void)file;
    return memory_object_create_anonymous(MAPPING_SIZE_MAX, object);
}

static int64_t full_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)file;
    (void)buffer;
    (void)position;
    return -ENOSPC;
}

/* Every position is the beginning. */
static int64_t null_seek(struct file *file, int64_t offset, int whence)
{
    (void)offset;
    (void)whence;
    file->position = 0;
    return 0;
}

static const struct file_operations null_operations = {
    .read = null_read, .write = null_write, .seek = null_seek,
};
static const struct file_operations zero_operations = {
    .read = zero_read, .write = null_write, .seek = null_seek,
    .memory_object = zero_memory_object,
};
static const struct file_operations full_operations = {
    .read = zero_read, .write = full_write, .seek = null_seek,
};

static struct device null_devices[] = {
    { .name = "null", .id = DEVICE_ID(1, 3), .operations = &null_operations },
    { .name = "zero", .id = DEVICE_ID(1, 5), .operations = &zero_operations },
    { .name = "full", .id = DEVICE_ID(1, 7), .operations = &full_operations },
};

void null_register(void)
{
    for (unsigned i = 0; i < 3; i++) {
        null_devices[i].mode = MODE_CHARACTER | 0666;
        device_register(&null_devices[i]);
    }
}
