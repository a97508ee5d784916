/*
 * The table of processes: all that have not ended, oldest first, and which of them is the first.
 *
 * Invariant: a process is in the table from its start until its last thread has left; the table
 * holds a reference to it as long.
 */
#include "process/process_internal.h"

#include "lib/assert.h"

static struct {
    struct spinlock lock;    /* RANK_PROCESS_TABLE */

    /* Protected by `lock`. */
    struct list processes;
    unsigned count;
    struct process *first;
} table = {
    .lock = SPINLOCK_INITIAL(RANK_PROCESS_TABLE, "process table"),
    .processes = LIST_INITIAL(table.processes),
};

static struct process *process_of(struct list *node)
{
    return LIST_ENTRY(node, struct process, table_node);
}

void process_table_add(struct process *process)
{
    process_reference(process);
    spin_lock(&table.lock);
    list_append(&table.processes, &process->table_node);
    table.count++;
    if (!table.first)
        table.first = process;
    spin_unlock(&table.lock);
}

bool process_table_remove(struct process *process)
{
    spin_lock(&table.lock);
    bool was_first = table.first == process;

    ASSERT(table.count > 0);
    list_remove(&process->table_node);
    table.count--;
    if (was_first)
        table.first = NULL;
    spin_unlock(&table.lock);
    process_release(process);
    return was_first;
}

struct process *process_find(int32_t id)
{
    struct process *found = NULL;

    spin_lock(&table.lock);
    LIST_FOR_EACH(node, &table.processes) {
        if (process_of(node)->id == id) {
            found = process_of(node);
            process_reference(found);
            break;
        }
    }
    spin_unlock(&table.lock);
    return found;
}

void process_for_each(void (*visit)(struct process *process, void *context), void *context)
{
    spin_lock(&table.lock);
    LIST_FOR_EACH(node, &table.processes)
        visit(process_of(node), context);
    spin_unlock(&table.lock);
}

unsigned process_count(void)
{
    spin_lock(&table.lock);
    unsigned count = table.count;

    spin_unlock(&table.lock);
    return count;
}

struct process *process_first(void)
{
    spin_lock(&table.lock);
    struct process *first = table.first;

    if (first)
        process_reference(first);
    spin_unlock(&table.lock);
    return first;
}
