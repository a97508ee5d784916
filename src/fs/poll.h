#pragma once
/*
 * Readiness of open files, and waiting on many of them.
 *
 * A file's poll operation first registers the queues that are woken when its state changes, then
 * looks at the state: so a change between the look and the sleep is not missed.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "sync/wait_queue.h"

/* Who polls, for poll operations: told which queues are woken when the file's state changes. */
struct poll_table {
    void (*add)(struct poll_table *table, struct wait_queue *queue);
};

/* For poll operations: the caller of the poll is woken when `queue` is.  The queue lives at least
 * as long as the open file, or is one with `may_end`.  A NULL table is ignored. */
static inline void poll_table_add(struct poll_table *table, struct wait_queue *queue)
{
    if (table)
        table->add(table, queue);
}

/* Which events hold now; a file without the operation is always ready. */
uint32_t file_poll(struct file *file, struct poll_table *table);

struct poll_request {
    struct file *file;     /* referenced by the caller; NULL: see is_invalid */
    uint32_t events;       /* wanted, of enum poll_events: exactly these end the wait */
    uint32_t returned;     /* result: those of them that hold */
    bool is_invalid;       /* not a file: returns POLL_INVALID at once, else a NULL file nothing */
};

/*
 * Waits until at least one request has an event, and returns how many have.  0: none had until
 * the absolute deadline (0: do not wait).  -EINTR; -ENOMEM.  Holds no lock.
 */
MUST_CHECK int poll_wait(struct poll_request *requests, uint32_t count, uint64_t deadline_ns);
