/*
 * 9P over virtio: two pieces of memory, one for the question and one for the answer.
 *
 * The answer is the host's: every length is checked against what the device wrote.
 */
#include "machine/x86_64/ninep.h"

#include "lib/error.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"
#include "machine/x86_64/virtio.h"

#define QUESTION_SIZE 8192u
#define ANSWER_SIZE (NINEP_DATA_MAX + 4096u)
#define HEAD_SIZE 7              /* size, type, tag */
#define TAG 1
#define NO_TAG 0xffff            /* of the version */
#define WAIT_NS UINT64_C(30000000000)
#define VERSION "9P2000.L"

static struct virtio_device device;
static struct virtio_queue queue;
static _Atomic bool lock;

/* Protected by `lock`. */
static physical_address question_address, answer_address;
static uint8_t *question, *answer;
static size_t question_size;
static size_t answer_size, answer_place;
static bool is_long, is_short, is_dead;

bool ninep_lock(void)
{
    return lock_take(&lock);
}

void ninep_unlock(bool were_on)
{
    lock_release(&lock, were_on);
}

/* ---- Messages ------------------------------------------------------------------------------ */

void ninep_begin(enum ninep_type type)
{
    question_size = 4;
    is_long = is_short = false;
    ninep_put(type, 1);
    ninep_put(type == NINEP_VERSION ? NO_TAG : TAG, 2);
}

static void put_bytes(const void *bytes, size_t size)
{
    if (size > QUESTION_SIZE - question_size) {
        is_long = true;
        return;
    }
    memcpy(question + question_size, bytes, size);
    question_size += size;
}

void ninep_put(uint64_t value, size_t size)
{
    put_bytes(&value, size);
}

void ninep_put_text(const char *text)
{
    size_t length = text_length(text);

    ninep_put(length, 2);
    put_bytes(text, length);
}

const void *ninep_get_bytes(size_t size)
{
    const uint8_t *bytes = answer + answer_place;

    if (is_short || size > answer_size - answer_place) {
        is_short = true;
        return NULL;
    }
    answer_place += size;
    return bytes;
}

uint64_t ninep_get(size_t size)
{
    const void *bytes = ninep_get_bytes(size);
    uint64_t value = 0;

    if (bytes)
        memcpy(&value, bytes, size);
    return value;
}

void ninep_skip(size_t size)
{
    (void)ninep_get_bytes(size);
}

bool ninep_is_short(void)
{
    return is_short;
}

/* ---- Calls --------------------------------------------------------------------------------- */

/* Returns how many bytes came back; 0: none in time. */
static uint32_t exchange(void)
{
    const struct virtio_piece pieces[2] = {
        { question_address, (uint32_t)question_size, false },
        { answer_address, ANSWER_SIZE, true },
    };
    uint64_t end = machine_time_ns() + WAIT_NS;
    uint32_t written;

    if (virtio_queue_add(&queue, pieces, 2) < 0)
        return 0;
    virtio_queue_ring(&queue);
    while (virtio_queue_take(&queue, &written) < 0) {
        cpu_pause();
        is_dead = machine_time_ns() > end;
        if (is_dead)    /* the answer may come later, into the memory of another question */
            return 0;
    }
    return written < ANSWER_SIZE ? written : ANSWER_SIZE;
}

int ninep_call(void)
{
    uint32_t size = (uint32_t)question_size;
    uint8_t type;

    if (is_long)
        return -ENAMETOOLONG;
    if (is_dead)
        return -EIO;
    memcpy(question, &size, sizeof(size));
    answer_size = exchange();
    answer_place = 4;
    if (answer_size < HEAD_SIZE)
        return -EIO;
    type = (uint8_t)ninep_get(1);
    ninep_skip(2);
    if (type == NINEP_ERROR) {
        uint64_t number = ninep_get(4);

        return number > 0 && number < 4096 ? -(int)number : -EIO;
    }
    return type == question[4] + 1 ? 0 : -EIO;
}

static bool agree_on_version(void)
{
    const char *version;
    uint64_t length;

    ninep_begin(NINEP_VERSION);
    ninep_put(ANSWER_SIZE, 4);
    ninep_put_text(VERSION);
    if (ninep_call() != 0)
        return false;
    ninep_skip(4);
    length = ninep_get(2);
    version = ninep_get_bytes((size_t)length);
    return version && length == sizeof(VERSION) - 1 && memcmp(version, VERSION, length) == 0;
}

bool ninep_init(void)
{
    uint64_t features = 0;

    if (!virtio_find(VIRTIO_9P, &device, &features) || !virtio_queue_init(&device, 0, 0, &queue))
        return false;
    question_address = memory_take(QUESTION_SIZE);
    answer_address = memory_take(ANSWER_SIZE);
    question = (uint8_t *)machine_info()->direct_map + question_address;
    answer = (uint8_t *)machine_info()->direct_map + answer_address;
    virtio_start(&device);
    return agree_on_version();
}
