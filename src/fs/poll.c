/*
 * Waiting on many files.
 *
 * An entry leaves its queue when it is woken, so before each sleep all are registered anew, and
 * then every file is looked at: what happens after the look wakes an entry.
 */
#include "fs/poll.h"

#include "lib/assert.h"
#include "machine/machine.h"
#include "memory/pool.h"
#include "sched/thread.h"

#define ENTRIES_ON_STACK 6u
#define ALWAYS_READY (POLL_READABLE | POLL_WRITABLE | POLL_READ_NORMAL | POLL_WRITE_NORMAL)

struct entry_table {
    struct poll_table table;
    struct wait_entry *entries;
    uint32_t capacity;
    uint32_t count;     /* entries on queues */
    uint32_t wanted;    /* what the last look asked for; more than `capacity`: try a larger one */
};

static void add_entry(struct poll_table *poll_table, struct wait_queue *queue)
{
    struct entry_table *table = CONTAINER_OF(poll_table, struct entry_table, table);

    table->wanted++;
    if (table->count < table->capacity)
        wait_entry_add(&table->entries[table->count++], queue);
}

uint32_t file_poll(struct file *file, struct poll_table *table)
{
    return file->operations->poll ? file->operations->poll(file, table) : ALWAYS_READY;
}

static void table_clear(struct entry_table *table)
{
    for (uint32_t i = 0; i < table->count; i++)
        wait_entry_remove(&table->entries[i]);
    table->count = 0;
    table->wanted = 0;
}

static void table_free(struct entry_table *table, const struct wait_entry *on_stack)
{
    table_clear(table);
    if (table->capacity > 0 && table->entries != on_stack)
        memory_free(table->entries, table->capacity * sizeof(struct wait_entry));
}

static uint32_t events_of(const struct poll_request *request, struct poll_table *table)
{
    if (!request->file)
        return request->is_invalid ? POLL_INVALID : 0;
    return file_poll(request->file, table) & request->events;
}

/* Looks at every file; how many have an event. */
static int look(struct poll_request *requests, uint32_t count, struct poll_table *table)
{
    int ready = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct poll_request *request = &requests[i];

        request->returned = events_of(request, table);
        if (request->returned) {
            ready++;
            table = NULL;    /* there will be no wait */
        }
    }
    return ready;
}

/* Registers and looks; the table grows until every queue has its entry or something is ready. */
static int register_and_look(struct poll_request *requests, uint32_t count,
                             struct entry_table *table, const struct wait_entry *on_stack)
{
    for (;;) {
        table_clear(table);

        int ready = look(requests, count, &table->table);
        uint32_t wanted = table->wanted;

        if (ready || wanted <= table->capacity)
            return ready;
        table_free(table, on_stack);
        table->capacity = 0;
        table->entries = memory_allocate(wanted * sizeof(struct wait_entry));
        if (!table->entries)
            return -ENOMEM;
        table->capacity = wanted;
    }
}

int poll_wait(struct poll_request *requests, uint32_t count, uint64_t deadline_ns)
{
    struct wait_entry on_stack[ENTRIES_ON_STACK];
    struct entry_table table = {
        .table = { add_entry }, .entries = on_stack, .capacity = ENTRIES_ON_STACK,
    };
    const struct wait_reason reason = { .kind = WAIT_POLL, .object = count };
    int result = look(requests, count, NULL);

    while (result == 0 && deadline_ns > machine_time_ns()) {
        result = register_and_look(requests, count, &table, on_stack);
        if (result != 0)
            break;

        int error = wait_entries_wait(table.entries, table.count, &reason, deadline_ns);

        result = look(requests, count, NULL);
        if (result == 0 && error == -EINTR)
            result = -EINTR;
    }
    /* A signal that has come counts as on Linux, even when there was no time to wait for it. */
    if (result == 0 && atomic_load(&current_thread()->interrupted))
        result = -EINTR;
    table_free(&table, on_stack);
    return result;
}
