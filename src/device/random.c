/* The kernel's random bytes; /dev/random and /dev/urandom. */
#include "device/random.h"

#include "device/device_internal.h"
#include "fs/devfs.h"
#include "lib/random.h"
#include "machine/machine.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "signal/signal.h"
#include "sync/spinlock.h"

#define CHUNK_SIZE 256u
#define GET_ENTROPY_COUNT 0x80045200u    /* RNDGETENTCNT */
#define ENTROPY_BITS 256                 /* what Linux says once its generator is ready */

static struct {
    struct spinlock lock;    /* RANK_RANDOM */

    /* Protected by `lock`. */
    struct random random;
} generator = { .lock = SPINLOCK_INITIAL(RANK_RANDOM, "random") };

void random_bytes(void *bytes, size_t size)
{
    spin_lock(&generator.lock);
    random_fill(&generator.random, bytes, size);
    spin_unlock(&generator.lock);
}

static int64_t random_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    uint8_t chunk[CHUNK_SIZE];
    int64_t done = 0;

    (void)file;
    (void)position;
    while (buffer->remaining > 0) {
        size_t size = buffer->remaining < CHUNK_SIZE ? buffer->remaining : CHUNK_SIZE;

        random_bytes(chunk, size);

        int64_t put = io_buffer_put(buffer, chunk, size);

        if (put <= 0)
            return done > 0 ? done : -EFAULT;
        done += put;
        if (done % STEP_SIZE == 0 && signal_is_pending())
            break;
    }
    return done;
}

/* What programs write is read and not used: the generator has one source. */
static int64_t random_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    uint8_t chunk[CHUNK_SIZE];
    int64_t done = 0;

    (void)file;
    (void)position;
    while (buffer->remaining > 0) {
        int64_t taken = io_buffer_get(buffer, chunk, CHUNK_SIZE);

        if (taken <= 0)
            return done > 0 ? done : -EFAULT;
        done += taken;
        if (done % STEP_SIZE == 0 && signal_is_pending())
            break;
    }
    return done;
}

static int64_t random_seek(struct file *file, int64_t offset, int whence)
{
    (void)offset;
    (void)whence;
    return (int64_t)file->position;
}

static int64_t random_control(struct file *file, uint32_t request, uint64_t argument)
{
    static const int32_t bits = ENTROPY_BITS;

    (void)file;
    if (request != GET_ENTROPY_COUNT)
        return -EINVAL;
    return user_copy_out(current_space(), argument, &bits, sizeof(bits));
}

static const struct file_operations random_operations = {
    .read = random_read, .write = random_write, .seek = random_seek, .control = random_control,
};

static struct device random_device = {
    .name = "random", .mode = MODE_CHARACTER | 0666, .id = DEVICE_ID(1, 8),
    .operations = &random_operations,
};
static struct device urandom_device = {
    .name = "urandom", .mode = MODE_CHARACTER | 0666, .id = DEVICE_ID(1, 9),
    .operations = &random_operations,
};

void random_register(void)
{
    random_init(&generator.random, machine_info()->random_seed);
    device_register(&random_device);
    device_register(&urandom_device);
}
