/*
 * The thread table: every thread that exists, by id.
 *
 * Ids rise and are used again only after THREAD_ID_MAX has been reached, as on Linux; an id is
 * taken until the last reference to its thread is gone.  Id 0 belongs to the idle threads, which
 * are not in the table.
 */

#include "lib/assert.h"
#include "sched/sched_internal.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

static struct {
    struct spinlock lock;    /* RANK_THREAD_TABLE */

    /* Protected by `lock`. */
    struct tree threads;     /* by id */
    unsigned count;
    int32_t last_id;
} table = { .lock = SPINLOCK_INITIAL(RANK_THREAD_TABLE, "thread table") };

static struct thread *thread_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct thread, table_node);
}

/* The place where `id` is or would be linked. */
static struct tree_node **find_link(int32_t id, struct tree_node **parent)
{
    struct tree_node **link = &table.threads.root;

    *parent = NULL;
    while (*link && thread_of(*link)->id != id) {
        *parent = *link;
        link = id < thread_of(*link)->id ? &(*link)->left : &(*link)->right;
    }
    return link;
}

static void insert(struct thread *thread, int32_t id)
{
    struct tree_node *parent;
    struct tree_node **link = find_link(id, &parent);

    ASSERT(!*link);
    thread->id = id;
    tree_insert(&table.threads, &thread->table_node, parent, link);
}

static bool is_taken(int32_t id)
{
    struct tree_node *parent;

    return *find_link(id, &parent) != NULL;
}

static int32_t next_id(void)
{
    do    /* ends: there are more ids than threads */
        table.last_id = table.last_id == THREAD_ID_MAX ? 1 : table.last_id + 1;
    while (is_taken(table.last_id));
    return table.last_id;
}

int thread_table_add(struct thread *thread, int32_t id)
{
    int error = 0;

    spin_lock(&table.lock);
    if (table.count == THREADS_MAX)
        error = -EAGAIN;
    else if (id != 0 && is_taken(id))
        error = -EEXIST;
    if (!error) {
        insert(thread, id != 0 ? id : next_id());
        table.count++;
    }
    spin_unlock(&table.lock);
    return error;
}

void thread_take_id(struct thread *dead)
{
    struct thread *thread = current_thread();
    int32_t own = thread->id, other = dead->id;

    spin_lock(&table.lock);
    tree_remove(&table.threads, &thread->table_node);
    tree_remove(&table.threads, &dead->table_node);
    insert(thread, other);
    insert(dead, own);
    spin_unlock(&table.lock);
}

void thread_table_remove(struct thread *thread)
{
    spin_lock(&table.lock);
    ASSERT(table.count > 0);
    ASSERT(refcount_value(&thread->references) == 0);
    tree_remove(&table.threads, &thread->table_node);
    table.count--;
    spin_unlock(&table.lock);
}

void thread_ids_begin_after(int32_t id)
{
    spin_lock(&table.lock);
    if (table.last_id < id)
        table.last_id = id;
    spin_unlock(&table.lock);
}

struct thread *thread_find(int32_t id)
{
    struct tree_node *parent;
    struct thread *thread = NULL;

    spin_lock(&table.lock);
    struct tree_node *node = *find_link(id, &parent);
    /* A thread whose last reference is just being dropped is still linked: it is gone. */
    if (node && refcount_take_unless_zero(&thread_of(node)->references))
        thread = thread_of(node);
    spin_unlock(&table.lock);
    return thread;
}

void thread_for_each(void (*visit)(struct thread *thread, void *context), void *context)
{
    spin_lock(&table.lock);
    for (struct tree_node *node = tree_first(&table.threads); node; node = tree_next(node))
        visit(thread_of(node), context);
    spin_unlock(&table.lock);
}

unsigned thread_count(void)
{
    spin_lock(&table.lock);
    unsigned count = table.count;
    spin_unlock(&table.lock);
    return count;
}
