/*
 * Pseudo terminals as objects, and the device that the terminal sees.
 */
#include "tty/pty.h"

#include "config.h"
#include "fs/devfs.h"
#include "lib/container.h"
#include "memory/pool.h"

#define PTY_MAJOR 136

static struct pool pty_pool = POOL_INITIAL("pty", struct pty, PTYS_MAX);

/* Minor numbers from 256 on stand above the major one. */
static uint64_t device_id_of(uint32_t number)
{
    return DEVICE_ID(PTY_MAJOR, number & 0xff) | (uint64_t)(number & ~0xffu) << 12;
}

static struct pty *pty_of(struct tty *tty)
{
    return CONTAINER_OF(tty, struct pty, tty);
}

/* ---- The device ---------------------------------------------------------------------------- */

static size_t slave_write(struct tty *tty, const char *bytes, size_t size)
{
    struct pty *pty = pty_of(tty);
    size_t taken = ring_write(&pty->to_master, bytes, size);

    if (taken > 0)
        wait_queue_wake_all(&pty->readers);
    return taken;
}

static int slave_read(struct tty *tty)
{
    struct pty *pty = pty_of(tty);
    bool was_full = ring_space(&pty->to_slave) == 0;
    uint8_t byte;

    if (ring_read(&pty->to_slave, &byte, 1) == 0)
        return -1;
    if (was_full)
        wait_queue_wake_all(&pty->writers);
    return byte;
}

static void slave_notice(struct tty *tty, enum tty_notice notice)
{
    struct pty *pty = pty_of(tty);
    unsigned opposite = 0;

    if (notice == TTY_CLOSED) {
        pty->is_left = true;
        wait_queue_wake_all(&pty->writers);
    } else if (pty->packet_mode) {
        if (notice == TTY_STOPPED || notice == TTY_STARTED)
            opposite = TTY_STOPPED | TTY_STARTED;
        if (notice == TTY_STOP_CHARACTERS_ON || notice == TTY_STOP_CHARACTERS_OFF)
            opposite = TTY_STOP_CHARACTERS_ON | TTY_STOP_CHARACTERS_OFF;
        pty->notices = (uint8_t)((pty->notices & ~opposite) | notice);
    }
    wait_queue_wake_all(&pty->readers);
}

static void slave_reference(struct tty *tty)
{
    pty_reference(pty_of(tty));
}

static void slave_release(struct tty *tty)
{
    pty_release(pty_of(tty));
}

static const struct tty_device slave_device = {
    .write = slave_write,
    .read = slave_read,
    .notice = slave_notice,
    .reference = slave_reference,
    .release = slave_release,
    .is_immediate = true,
};

/* ---- Life ---------------------------------------------------------------------------------- */

int pty_create(uint32_t number, struct pty **result)
{
    struct pty *pty = pool_allocate(&pty_pool);

    if (!pty)
        return -ENOMEM;
    pty->number = number;
    refcount_init(&pty->references, 1);
    tty_init(&pty->tty, &slave_device, device_id_of(number));
    pty->is_locked = true;
    ring_init(&pty->to_master, pty->master_storage, PTY_BUFFER_SIZE);
    ring_init(&pty->to_slave, pty->slave_storage, PTY_BUFFER_SIZE);
    wait_queue_init(&pty->readers);
    wait_queue_init(&pty->writers);
    *result = pty;
    return 0;
}

void pty_reference(struct pty *pty)
{
    refcount_take(&pty->references);
}

void pty_release(struct pty *pty)
{
    if (refcount_drop(&pty->references))
        pool_free(&pty_pool, pty);
}
