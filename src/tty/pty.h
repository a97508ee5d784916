#pragma once
/*
 * Pseudo terminals: terminals whose device is a program, which has the other end open (the
 * master).
 *
 *   master write --> to_slave --> line discipline --> read      the terminal's programs
 *   master read  <-- to_master <-- output ring <----- write
 *
 * A pty lives as long as one of its ends is open.  When the master closes, the terminal hangs up.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "lib/refcount.h"
#include "lib/ring.h"
#include "tty/tty.h"

#define PTY_BUFFER_SIZE 8192u

struct pty {
    /* Constant after creation. */
    uint32_t number;

    struct refcount references;
    struct tty tty;              /* what programs see as a terminal */

    /* Protected by `tty.lock`. */
    struct ring to_master, to_slave;
    bool is_locked;              /* the terminal cannot be opened yet */
    bool is_left;                /* it was open, and is no more */
    bool is_exclusive;           /* the master says so; it cannot be opened twice anyhow */
    bool packet_mode;            /* reads of the master begin with a byte that says what happened */
    uint8_t notices;             /* ... enum tty_notice, since the last one */
    uint8_t master_storage[PTY_BUFFER_SIZE];
    uint8_t slave_storage[PTY_BUFFER_SIZE];

    struct wait_queue readers;   /* of the master */
    struct wait_queue writers;   /* to the master */
};

/* One reference.  -ENOMEM. */
MUST_CHECK int pty_create(uint32_t number, struct pty **pty);
void pty_reference(struct pty *pty);
void pty_release(struct pty *pty);

/* Operations of the master; `contents` is the pty, with a reference. */
extern const struct file_operations pty_master_operations;
