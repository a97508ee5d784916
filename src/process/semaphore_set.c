/*
 * Sets of semaphores by key: a tree each.
 *
 * Lifetime: a semaphore is referenced by its set until it is removed, and by everybody who is using
 * it, so that a thread that waits finds it when it wakes.
 */
#include "process/semaphore_set.h"

#include "config.h"
#include "lib/refcount.h"
#include "memory/pool.h"
#include "sched/choice.h"
#include "sched/thread.h"

#define KEY_BITS 32

struct keyed_semaphore {
    struct semaphore semaphore;
    uint32_t key;
    struct refcount references;
    struct tree_node node;
};

static struct pool semaphore_pool =
    POOL_INITIAL("semaphore", struct keyed_semaphore, SEMAPHORES_MAX);

static struct {
    struct spinlock lock;    /* RANK_SEMAPHORE_SETS */

    /* Protected by `lock`. */
    struct list sets;
} all = {
    .lock = SPINLOCK_INITIAL(RANK_SEMAPHORE_SETS, "sets of semaphores"),
    .sets = LIST_INITIAL(all.sets),
};

static struct keyed_semaphore *keyed_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct keyed_semaphore, node);
}

static void release(struct keyed_semaphore *keyed)
{
    if (refcount_drop(&keyed->references))
        pool_free(&semaphore_pool, keyed);
}

/* ---- The tree: the set is locked ----------------------------------------------------------- */

/* The place where `key` is or would be linked. */
static struct tree_node **find_link(struct semaphore_set *set, uint32_t key,
                                    struct tree_node **parent)
{
    struct tree_node **link = &set->tree.root;

    ASSERT(spin_is_held(&set->lock));
    *parent = NULL;
    while (*link && keyed_of(*link)->key != key) {
        *parent = *link;
        link = key < keyed_of(*link)->key ? &(*link)->left : &(*link)->right;
    }
    return link;
}

/* With a reference; NULL: there is none. */
static struct keyed_semaphore *find(struct semaphore_set *set, uint32_t key)
{
    struct keyed_semaphore *keyed = NULL;
    struct tree_node *parent;

    spin_lock(&set->lock);
    struct tree_node *node = *find_link(set, key, &parent);

    if (node) {
        keyed = keyed_of(node);
        refcount_take(&keyed->references);
    }
    spin_unlock(&set->lock);
    return keyed;
}

/* Takes it out; the set's reference becomes the caller's.  NULL: there is none. */
static struct keyed_semaphore *unlink_key(struct semaphore_set *set, uint32_t key)
{
    struct tree_node *parent;
    struct tree_node *node = *find_link(set, key, &parent);

    if (!node)
        return NULL;
    tree_remove(&set->tree, node);
    return keyed_of(node);
}

/* ---- Life of a set ------------------------------------------------------------------------- */

void semaphore_set_init(struct semaphore_set *set)
{
    set->id = 0;
    spin_init(&set->lock, RANK_SEMAPHORE_SET, "set of semaphores");
    tree_init(&set->tree, NULL);
    list_init(&set->sets_node);
    spin_lock(&all.lock);
    list_append(&all.sets, &set->sets_node);
    spin_unlock(&all.lock);
}

void semaphore_set_destroy(struct semaphore_set *set)
{
    struct tree_node *node;

    spin_lock(&all.lock);
    list_remove(&set->sets_node);
    spin_unlock(&all.lock);
    while ((node = tree_first(&set->tree))) {
        tree_remove(&set->tree, node);
        semaphore_remove(&keyed_of(node)->semaphore);
        release(keyed_of(node));
    }
}

/* ---- Operations ---------------------------------------------------------------------------- */

int semaphore_set_create(struct semaphore_set *set, uint32_t key, int64_t initial)
{
    struct keyed_semaphore *keyed = pool_allocate(&semaphore_pool);
    struct tree_node *parent;

    if (!keyed)
        return -ENOMEM;
    semaphore_init(&keyed->semaphore, (uint64_t)set->id << KEY_BITS | key, initial);
    keyed->key = key;
    refcount_init(&keyed->references, 1);

    spin_lock(&set->lock);
    struct keyed_semaphore *old = unlink_key(set, key);
    struct tree_node **link = find_link(set, key, &parent);

    tree_insert(&set->tree, &keyed->node, parent, link);
    spin_unlock(&set->lock);
    if (!old)
        return 0;
    semaphore_remove(&old->semaphore);
    release(old);
    return 1;
}

int semaphore_set_remove(struct semaphore_set *set, uint32_t key)
{
    spin_lock(&set->lock);
    struct keyed_semaphore *keyed = unlink_key(set, key);

    spin_unlock(&set->lock);
    if (!keyed)
        return -ENOENT;
    semaphore_remove(&keyed->semaphore);
    release(keyed);
    return 0;
}

static void note_lost_signal(struct semaphore_set *set, uint32_t key)
{
    spin_lock(&set->lock);
    set->lost = semaphore_use_now(current_thread());
    set->lost_key = key;
    spin_unlock(&set->lock);
}

int semaphore_set_signal(struct semaphore_set *set, uint32_t key)
{
    int error = -EIDRM;

    while (error == -EIDRM) {    /* replaced in between: the new one is meant */
        struct keyed_semaphore *keyed = find(set, key);

        if (!keyed) {
            note_lost_signal(set, key);
            return -ENOENT;
        }
        error = semaphore_signal(&keyed->semaphore);
        release(keyed);
    }
    return error;
}

int semaphore_set_wait(struct semaphore_set *set, uint32_t key, struct operation *operation)
{
    int error = -EAGAIN;

    operation->object_kind = OBJECT_SEMAPHORE;
    operation->access = OPERATION_TAKE;
    operation->object = (uint64_t)set->id << KEY_BITS | key;
    while (error == -EAGAIN) {
        struct keyed_semaphore *keyed = find(set, key);

        if (!keyed) {    /* unless somebody makes it first */
            choice_before(operation, NULL);
            keyed = find(set, key);
        }
        if (!keyed) {
            choice_done(operation);
            return -ENOENT;
        }
        error = semaphore_wait(&keyed->semaphore, operation);
        release(keyed);
    }
    return error == -EIDRM ? -ENOENT : error;
}

/* Locked, or NULL. */
static struct semaphore_set *find_set(uint32_t id)
{
    ASSERT(spin_is_held(&all.lock));
    LIST_FOR_EACH(node, &all.sets) {
        struct semaphore_set *set = LIST_ENTRY(node, struct semaphore_set, sets_node);

        if (set->id == id) {
            spin_lock(&set->lock);
            return set;
        }
    }
    return NULL;
}

bool semaphore_sets_find(uint64_t id, struct semaphore_report *report)
{
    struct tree_node *node = NULL, *parent;

    spin_lock(&all.lock);
    struct semaphore_set *set = find_set((uint32_t)(id >> KEY_BITS));

    if (set) {
        node = *find_link(set, (uint32_t)id, &parent);
        if (node)
            semaphore_report(&keyed_of(node)->semaphore, report);
        spin_unlock(&set->lock);
    }
    spin_unlock(&all.lock);
    return node != NULL;
}

bool semaphore_sets_lost_signal(uint64_t id, struct semaphore_use *lost)
{
    bool found = false;

    spin_lock(&all.lock);
    struct semaphore_set *set = find_set((uint32_t)(id >> KEY_BITS));

    if (set) {
        found = set->lost.thread != 0 && set->lost_key == (uint32_t)id;
        *lost = set->lost;
        spin_unlock(&set->lock);
    }
    spin_unlock(&all.lock);
    return found;
}

void semaphore_sets_for_each(void (*visit)(const struct semaphore_report *report, void *context),
                             void *context)
{
    spin_lock(&all.lock);
    LIST_FOR_EACH(list_node, &all.sets) {
        struct semaphore_set *set = LIST_ENTRY(list_node, struct semaphore_set, sets_node);

        spin_lock(&set->lock);
        for (struct tree_node *node = tree_first(&set->tree); node; node = tree_next(node)) {
            struct semaphore_report report;

            semaphore_report(&keyed_of(node)->semaphore, &report);
            visit(&report, context);
        }
        spin_unlock(&set->lock);
    }
    spin_unlock(&all.lock);
}
