/*
 * The table of processes: oldest first and by id, and which of them is the first.
 *
 * Invariant: a process is in the table from its start until it has ended and nobody will wait for
 * it any more; the table holds a reference to it as long, and one more to the first process until
 * the last one has ended.
 */
#include "process/process_internal.h"

#include "lib/assert.h"

static struct {
    struct spinlock lock;    /* RANK_PROCESS_TABLE */

    /* Protected by `lock`. */
    struct list processes;
    struct tree by_id;
    unsigned count;             /* that have not ended */
    struct process *first;
} table = {
    .lock = SPINLOCK_INITIAL(RANK_PROCESS_TABLE, "process table"),
    .processes = LIST_INITIAL(table.processes),
};

static struct process *process_of(struct list *node)
{
    return LIST_ENTRY(node, struct process, table_node);
}

static struct process *process_of_id(struct tree_node *node)
{
    return TREE_ENTRY(node, struct process, id_node);
}

/* The place where the id is or would be linked. */
static struct tree_node **find_link(int32_t id, struct tree_node **parent)
    REQUIRES(process_table_lock())
{
    struct tree_node **link = &table.by_id.root;

    ASSERT(spin_is_held(&table.lock));
    *parent = NULL;
    while (*link && process_of_id(*link)->id != id) {
        *parent = *link;
        link = id < process_of_id(*link)->id ? &(*link)->left : &(*link)->right;
    }
    return link;
}

struct spinlock *process_table_lock(void)
{
    return &table.lock;
}

/* In its namespace and in all above, but not in the machine's own, which nobody asks about. */
static void count_in_namespaces(const struct process *process, bool more)
{
    struct pid_namespace *space = process->pid_namespace;

    for (; space && space->level > 0; space = space->parent)
        space->processes += more ? 1u : -1u;
}

void process_table_add(struct process *process)
{
    struct tree_node *parent;

    process_reference(process);
    ASSERT(spin_is_held(&table.lock));
    struct tree_node **link = find_link(process->id, &parent);

    ASSERT(!*link);
    tree_insert(&table.by_id, &process->id_node, parent, link);
    list_append(&table.processes, &process->table_node);
    count_in_namespaces(process, true);
    table.count++;
    if (!table.first) {
        table.first = process;
        process_reference(process);
    }
}

void process_table_remove(struct process *process)
{
    ASSERT(spin_is_held(&table.lock));
    list_remove(&process->table_node);
    tree_remove(&table.by_id, &process->id_node);
    count_in_namespaces(process, false);
}

bool process_table_ended(struct process **first)
{
    ASSERT(spin_is_held(&table.lock));
    ASSERT(table.count > 0);
    bool was_last = --table.count == 0;

    if (was_last) {
        *first = table.first;
        table.first = NULL;
    }
    return was_last;
}

struct process *process_table_first(void)
{
    ASSERT(spin_is_held(&table.lock));
    return table.first;
}

struct process *process_table_find(int32_t id)
{
    struct tree_node *parent;
    struct tree_node *node = *find_link(id, &parent);

    return node ? process_of_id(node) : NULL;
}

struct process *process_table_next(const struct process *process)
{
    struct list *next = process ? process->table_node.next : table.processes.next;

    ASSERT(spin_is_held(&table.lock));
    return next == &table.processes ? NULL : process_of(next);
}

struct process *process_find(int32_t id)
{
    spin_lock(process_table_lock());
    struct process *found = process_table_find(id);

    if (found)
        process_reference(found);
    spin_unlock(process_table_lock());
    return found;
}

bool process_is_listed(const struct process *process)
{
    spin_lock(process_table_lock());
    bool is_listed = list_is_linked(&process->table_node);

    spin_unlock(process_table_lock());
    return is_listed;
}

struct process *process_find_by_thread(int32_t id)
{
    struct process *process = process_find(id);
    struct thread *thread = process ? NULL : thread_find(id);

    if (thread && thread->process && process_is_listed(thread->process)) {
        process = thread->process;
        process_reference(process);
    }
    if (thread)
        thread_release(thread);
    return process;
}

int32_t process_next_id(int32_t from)
{
    int32_t found = INT32_MAX;

    spin_lock(&table.lock);
    for (struct tree_node *node = table.by_id.root; node;) {
        int32_t id = process_of_id(node)->id;

        if (id >= from)
            found = id;
        node = id > from ? node->left : id < from ? node->right : NULL;
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
