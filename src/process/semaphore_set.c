/*
 * Sets of semaphores by key: a tree each.
 *
 * A semaphore is in the tree while there is one with this key, and also while anybody uses it: one
 * that is removed and made anew meanwhile is the same structure, so whoever was about to wait for
 * the old one waits for the new one.  The last user takes a removed one out.
 */
#include "process/semaphore_set.h"

#include "config.h"
#include "memory/pool.h"
#include "sched/choice.h"
#include "sched/thread.h"

#define KEY_BITS 32

struct keyed_semaphore {
    struct semaphore semaphore;
    uint32_t key;

    /* Protected by the set's lock. */
    unsigned users;
    bool in_tree;
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

/* ---- The tree: the set is locked ----------------------------------------------------------- */

/* The place where `key` is or would be linked. */
static struct tree_node **find_link(struct semaphore_set *set, uint32_t key,
                                    struct tree_node **parent) REQUIRES(&set->lock)
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

/* With the caller as a user; NULL: there is none. */
static struct keyed_semaphore *find(struct semaphore_set *set, uint32_t key)
{
    struct keyed_semaphore *keyed = NULL;
    struct tree_node *parent;

    spin_lock(&set->lock);
    struct tree_node *node = *find_link(set, key, &parent);

    if (node) {
        keyed = keyed_of(node);
        keyed->users++;
    }
    spin_unlock(&set->lock);
    return keyed;
}

/* The same, but adds one that is removed if there is none.  NULL: that is impossible. */
static struct keyed_semaphore *find_or_add(struct semaphore_set *set, uint32_t key)
{
    struct keyed_semaphore *keyed = find(set, key);
    struct keyed_semaphore *added;
    struct tree_node *parent;

    if (keyed)
        return keyed;
    added = pool_allocate(&semaphore_pool);
    if (!added)
        return NULL;
    semaphore_init_removed(&added->semaphore, (uint64_t)set->id << KEY_BITS | key);
    added->key = key;
    added->users = 0;
    added->in_tree = true;

    spin_lock(&set->lock);
    struct tree_node **link = find_link(set, key, &parent);

    keyed = *link ? keyed_of(*link) : added;    /* somebody may have been faster */
    if (keyed == added)
        tree_insert(&set->tree, &added->node, parent, link);
    keyed->users++;
    spin_unlock(&set->lock);
    if (keyed != added)
        pool_free(&semaphore_pool, added);
    return keyed;
}

/* The caller uses it no more. */
static void release(struct semaphore_set *set, struct keyed_semaphore *keyed)
{
    spin_lock(&set->lock);
    ASSERT(keyed->users > 0);
    bool is_garbage = --keyed->users == 0 && semaphore_is_removed(&keyed->semaphore);

    if (is_garbage && keyed->in_tree)
        tree_remove(&set->tree, &keyed->node);
    spin_unlock(&set->lock);
    if (is_garbage)
        pool_free(&semaphore_pool, keyed);
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
    spin_lock(&set->lock);
    while ((node = tree_first(&set->tree))) {
        struct keyed_semaphore *keyed = keyed_of(node);

        tree_remove(&set->tree, node);
        keyed->in_tree = false;
        (void)semaphore_remove(&keyed->semaphore);
        if (keyed->users == 0)
            pool_free(&semaphore_pool, keyed);
    }
    spin_unlock(&set->lock);
}

/* ---- Operations ---------------------------------------------------------------------------- */

int semaphore_set_create(struct semaphore_set *set, uint32_t key, int64_t initial)
{
    struct keyed_semaphore *keyed = find_or_add(set, key);
    bool was_there;

    if (!keyed)
        return -ENOMEM;
    was_there = semaphore_renew(&keyed->semaphore, initial);
    release(set, keyed);
    return was_there ? 1 : 0;
}

int semaphore_set_remove(struct semaphore_set *set, uint32_t key)
{
    struct keyed_semaphore *keyed = find(set, key);
    bool was_there;

    if (!keyed)
        return -ENOENT;
    was_there = semaphore_remove(&keyed->semaphore);
    release(set, keyed);
    return was_there ? 0 : -ENOENT;
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
    struct keyed_semaphore *keyed = find(set, key);
    int error = -EIDRM;

    if (keyed) {
        error = semaphore_signal(&keyed->semaphore);
        release(set, keyed);
    }
    if (error != -EIDRM)
        return error;
    note_lost_signal(set, key);
    return -ENOENT;
}

int semaphore_set_wait(struct semaphore_set *set, uint32_t key, struct operation *operation)
{
    struct keyed_semaphore *keyed;
    int error;

    operation->object_kind = OBJECT_SEMAPHORE;
    operation->access = OPERATION_TAKE;
    operation->object = (uint64_t)set->id << KEY_BITS | key;
    /* With an observer somebody may make it first, and it may not be possible to wait then. */
    keyed = choice_is_observed() ? find_or_add(set, key) : find(set, key);
    if (!keyed) {
        choice_before(operation, NULL);
        choice_done(operation);
        return -ENOENT;
    }
    error = semaphore_wait(&keyed->semaphore, operation);
    release(set, keyed);
    return error == -EIDRM ? -ENOENT : error;
}

/* Locked, or NULL. */
static struct semaphore_set *find_set(uint32_t id) REQUIRES(&all.lock) LOCKS_UNCHECKED
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
        spin_lock_taken(&set->lock);
        node = *find_link(set, (uint32_t)id, &parent);
        if (node)
            semaphore_report(&keyed_of(node)->semaphore, report);
        spin_unlock(&set->lock);
    }
    spin_unlock(&all.lock);
    return node != NULL && !report->removed;
}

bool semaphore_sets_lost_signal(uint64_t id, struct semaphore_use *lost)
{
    bool found = false;

    spin_lock(&all.lock);
    struct semaphore_set *set = find_set((uint32_t)(id >> KEY_BITS));

    if (set) {
        spin_lock_taken(&set->lock);
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
            if (!report.removed)
                visit(&report, context);
        }
        spin_unlock(&set->lock);
    }
    spin_unlock(&all.lock);
}
