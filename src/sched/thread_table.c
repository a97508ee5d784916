/*
 * The thread table: every thread that exists, by its id in each PID namespace that it is in.
 *
 * Ids rise and are used again only after THREAD_ID_MAX has been reached, as on Linux; an id is
 * taken until the last reference to its thread is gone.  Id 0 belongs to the idle threads, which
 * are not in the table.
 *
 * Invariant: a thread of a namespace of level N has N + 1 names: own_name in the machine's own
 * namespace, and names[L - 1] in the one of level L above it, or its own (L = N).
 */

#include "lib/assert.h"
#include "sched/pid_namespace.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

static struct {
    struct spinlock lock;    /* RANK_THREAD_TABLE */

    /* Protected by `lock`. */
    unsigned count;
} table = { .lock = SPINLOCK_INITIAL(RANK_THREAD_TABLE, "thread table") };

static struct pid_name *name_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct pid_name, node);
}

static struct thread *thread_of(struct tree_node *node)
{
    return name_of(node)->thread;
}

struct spinlock *thread_table_lock(void)
{
    return &table.lock;
}

/* ---- Names --------------------------------------------------------------------------------- */

/* The place where `id` is or would be linked. */
static struct tree_node **find_link(struct pid_namespace *space, int32_t id,
                                    struct tree_node **parent) LOCKS_UNCHECKED
{
    struct tree_node **link = &space->names.root;

    ASSERT(spin_is_held(&table.lock));
    *parent = NULL;
    while (*link && name_of(*link)->id != id) {
        *parent = *link;
        link = id < name_of(*link)->id ? &(*link)->left : &(*link)->right;
    }
    return link;
}

struct thread *thread_table_find(struct pid_namespace *space, int32_t id)
{
    struct tree_node *parent;
    struct tree_node *node = *find_link(space, id, &parent);

    return node ? thread_of(node) : NULL;
}

static int32_t next_id(struct pid_namespace *space)
{
    do    /* ends: there are more ids than threads */
        space->last_id = space->last_id == THREAD_ID_MAX ? 1 : space->last_id + 1;
    while (thread_table_find(space, space->last_id));
    return space->last_id;
}

struct pid_name *thread_name_in(struct thread *thread, const struct pid_namespace *space)
{
    ASSERT(thread->pid_namespace->level >= space->level);
    return space->level == 0 ? &thread->own_name : &thread->names[space->level - 1];
}

static void insert(struct pid_namespace *space, struct thread *thread)
{
    struct pid_name *name = thread_name_in(thread, space);
    struct tree_node *parent;

    if (name->id == 0)
        name->id = next_id(space);

    struct tree_node **link = find_link(space, name->id, &parent);

    ASSERT(!*link);
    ASSERT(name->id > 0);
    name->thread = thread;
    tree_insert(&space->names, &name->node, parent, link);
}

static void remove(struct pid_namespace *space, struct thread *thread)
{
    struct pid_name *name = thread_name_in(thread, space);

    ASSERT(name->thread == thread);
    tree_remove(&space->names, &name->node);
    if (space->level > 0 && !space->names.root && space->first_id == 0)
        space->last_id = 0;    /* its first process could not begin: the next one is that */
}

/* For all namespaces of the thread, from its own one up to the machine's. */
static void for_all_spaces(struct thread *thread,
                           void (*change)(struct pid_namespace *space, struct thread *thread))
{
    for (struct pid_namespace *space = thread->pid_namespace; space; space = space->parent)
        change(space, thread);
}

/* Whether the ids that the thread wants are free, and there are namespaces for them. */
static int check_names(struct thread *thread)
{
    const struct pid_namespace *own = thread->pid_namespace;

    ASSERT(own);
    for (struct pid_namespace *space = thread->pid_namespace; space; space = space->parent) {
        int32_t id = thread_name_in(thread, space)->id;

        if (space->level > 0 && space->first_id == 0 && space->names.root == NULL && id > 1)
            return -EINVAL;    /* the first one there has id 1 */
        if (id != 0 && thread_table_find(space, id))
            return -EEXIST;
    }
    return own->has_ended ? -ENOMEM : 0;
}

int thread_table_add(struct thread *thread)
{
    int error;

    spin_lock(&table.lock);
    error = table.count == THREADS_MAX ? -EAGAIN : check_names(thread);
    if (!error) {
        for_all_spaces(thread, insert);
        thread->id = thread->own_name.id;
        table.count++;
    }
    spin_unlock(&table.lock);
    return error;
}

static void swap_names(struct thread *a, struct thread *b)
{
    struct pid_name *names = a->names;

    a->names = b->names;
    b->names = names;
    int32_t id = a->own_name.id;

    a->own_name.id = a->id = b->own_name.id;
    b->own_name.id = b->id = id;
}

void thread_take_id(struct thread *ending)
{
    struct thread *thread = current_thread();

    ASSERT(thread != ending);
    ASSERT(!list_is_linked(&ending->sibling_node));
    ASSERT(thread->pid_namespace == ending->pid_namespace);
    spin_lock(&table.lock);
    for_all_spaces(thread, remove);
    for_all_spaces(ending, remove);
    swap_names(thread, ending);
    for_all_spaces(thread, insert);
    for_all_spaces(ending, insert);
    spin_unlock(&table.lock);
}

void thread_table_remove(struct thread *thread)
{
    spin_lock(&table.lock);
    ASSERT(table.count > 0);
    ASSERT(refcount_value(&thread->references) == 0);
    for_all_spaces(thread, remove);
    table.count--;
    spin_unlock(&table.lock);
}

void thread_ids_begin_after(int32_t id)
{
    spin_lock(&table.lock);
    if (pid_namespace_own()->last_id < id)
        pid_namespace_own()->last_id = id;
    spin_unlock(&table.lock);
}

/* ---- Looking ------------------------------------------------------------------------------- */

struct thread *thread_find(int32_t id)
{
    spin_lock(&table.lock);
    struct thread *thread = thread_table_find(pid_namespace_own(), id);

    /* A thread whose last reference is just being dropped is still linked: it is gone. */
    if (thread && !refcount_take_unless_zero(&thread->references))
        thread = NULL;
    spin_unlock(&table.lock);
    return thread;
}

struct thread *thread_find_next(struct pid_namespace *space, int32_t from)
{
    struct tree_node *found = NULL;

    spin_lock(&table.lock);
    for (struct tree_node *node = space->names.root; node;) {
        bool is_above = name_of(node)->id >= from;

        if (is_above)
            found = node;
        node = is_above ? node->left : node->right;
    }
    while (found && !refcount_take_unless_zero(&thread_of(found)->references))
        found = tree_next(found);
    spin_unlock(&table.lock);
    return found ? thread_of(found) : NULL;
}

void thread_for_each(void (*visit)(struct thread *thread, void *context), void *context)
{
    spin_lock(&table.lock);
    struct tree_node *node = tree_first(&pid_namespace_own()->names);

    for (; node; node = tree_next(node))
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
