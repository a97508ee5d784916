/*
 * Priority inheritance.
 *
 * One lock protects all of it: who waits for what, who owns what, and every thread's priority.  A
 * chain of owners crosses locks of all kinds, and with one lock a walk along it sees one moment.
 * It is taken only when somebody has to wait, or has waited: a lock that is free costs nothing.
 *
 * Invariants, whenever the lock is free:
 * - A thread's effective priority is the highest of its own and of those of all waiters of what it
 *   owns.
 * - A waiter's priority, by which it is sorted, is its thread's effective one.
 * - A mutex is in its owner's tree `lent` exactly while it has waiters, sorted by the first of
 *   them.
 * - Following waiter -> mutex -> owner -> waiter from any thread never comes back to it.  A wait
 *   that would close a circle is refused before it begins, so walks end.
 *
 *   waiter                                 owner, ending
 *   looks at the owner: it lives
 *                                          gives up all that it owns: not this one
 *   begins to wait, for ever               <- forbidden: `leaving` is set and looked at under the
 *                                             lock, by the one before it gives up, by the other
 *                                             when it begins to wait
 */
#include "sync/pi_mutex.h"

#include <stddef.h>

#include "lib/assert.h"
#include "sched/priority.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

static struct spinlock lock = SPINLOCK_INITIAL(RANK_PRIORITY, "priorities");

/* ---- Trees --------------------------------------------------------------------------------- */

static struct pi_waiter *waiter_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct pi_waiter, node);
}

static struct pi_mutex *mutex_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct pi_mutex, owner_node);
}

static bool waiter_goes_before(const struct pi_waiter *a, const struct pi_waiter *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->arrival < b->arrival;
}

static void insert_waiter(struct pi_mutex *mutex, struct pi_waiter *waiter)
{
    struct tree_node **link = &mutex->waiters.root;
    struct tree_node *parent = NULL;

    while (*link) {
        parent = *link;
        link = waiter_goes_before(waiter, waiter_of(parent)) ? &parent->left : &parent->right;
    }
    tree_insert(&mutex->waiters, &waiter->node, parent, link);
}

static struct pi_waiter *first_waiter(const struct pi_mutex *mutex)
{
    struct tree_node *node = tree_first(&mutex->waiters);

    return node ? waiter_of(node) : NULL;
}

/* It has waiters and an owner: begins to lend. */
static void insert_lent(struct pi_mutex *mutex)
{
    ASSERT(mutex->owner);
    ASSERT(mutex->waiters.root);

    struct tree *lent = &mutex->owner->priority.lent;
    struct tree_node **link = &lent->root;
    struct tree_node *parent = NULL;

    mutex->lends = first_waiter(mutex)->priority;
    while (*link) {
        parent = *link;
        link = mutex->lends > mutex_of(parent)->lends ? &parent->left : &parent->right;
    }
    tree_insert(lent, &mutex->owner_node, parent, link);
}

static bool is_lending(const struct pi_mutex *mutex)
{
    return mutex->owner && mutex->waiters.root;
}

/* ---- Walks --------------------------------------------------------------------------------- */

/* The effective priority of a thread whose own is this one. */
static uint8_t wanted_priority(const struct thread *thread, uint8_t own)
{
    struct tree_node *node = tree_first(&thread->priority.lent);
    uint8_t lent = node ? mutex_of(node)->lends : 0;

    return lent > own ? lent : own;
}

/* The effective priority of a thread has changed: if it waits, its place among the waiters does.
 * Returns the owner of what it waits for. */
static struct thread *move_waiter(struct thread *thread)
{
    struct pi_waiter *waiter = thread->priority.waits;

    if (!waiter)
        return NULL;

    struct pi_mutex *mutex = waiter->mutex;

    ASSERT(waiter->thread == thread);
    ASSERT(mutex->waiters.root);
    ASSERT(mutex->owner != thread);
    if (mutex->owner)
        tree_remove(&mutex->owner->priority.lent, &mutex->owner_node);
    tree_remove(&mutex->waiters, &waiter->node);
    waiter->priority = thread->priority.effective;
    insert_waiter(mutex, waiter);
    if (mutex->owner)
        insert_lent(mutex);
    return mutex->owner;
}

/* Something of this thread has changed: carries it on along the chain as far as it matters. */
static void carry_on(struct thread *thread) REQUIRES(&lock)
{
    ASSERT(spin_is_held(&lock));
    while (thread) {
        uint8_t wanted = wanted_priority(thread, thread->priority.own);

        if (wanted == thread->priority.effective)
            return;
        priority_set_effective(thread, wanted);
        ASSERT(thread->priority.effective == wanted);
        thread = move_waiter(thread);
    }
}

static int check_chain(const struct pi_mutex *mutex, const struct thread *thread)
{
    const struct thread *owner = mutex->owner;

    for (unsigned depth = 0; owner; depth++) {
        if (owner == thread || depth == PI_CHAIN_MAX)
            return -EDEADLK;
        owner = owner->priority.waits ? owner->priority.waits->mutex->owner : NULL;
    }
    return 0;
}

/* ---- Mutexes ------------------------------------------------------------------------------- */

void pi_mutex_init(struct pi_mutex *mutex, bool owner_may_leave)
{
    *mutex = (struct pi_mutex){ .owner_may_leave = owner_may_leave };
    tree_init(&mutex->waiters, NULL);
}

void pi_waiter_init(struct pi_waiter *waiter, struct thread *thread, struct wait_queue *queue)
{
    *waiter = (struct pi_waiter){ .thread = thread, .queue = queue };
}

static int enqueue_locked(struct pi_mutex *mutex, struct pi_waiter *waiter) REQUIRES(&lock)
{
    ASSERT(spin_is_held(&lock));

    struct thread *thread = waiter->thread;
    struct thread *owner = mutex->owner;
    int error = check_chain(mutex, thread);

    if (error)
        return error;
    if (owner && mutex->owner_may_leave && owner->priority.leaving && !is_lending(mutex))
        return -ESRCH;
    ASSERT(!waiter->mutex);
    ASSERT(!thread->priority.waits);
    ASSERT(owner != thread);
    if (is_lending(mutex))
        tree_remove(&owner->priority.lent, &mutex->owner_node);
    waiter->mutex = mutex;
    waiter->priority = thread->priority.effective;
    waiter->arrival = mutex->arrivals++;
    thread->priority.waits = waiter;
    insert_waiter(mutex, waiter);
    if (owner) {
        insert_lent(mutex);
        carry_on(owner);
    }
    return 0;
}

int pi_mutex_enqueue(struct pi_mutex *mutex, struct pi_waiter *waiter)
{
    spin_lock(&lock);
    int error = enqueue_locked(mutex, waiter);

    spin_unlock(&lock);
    return error;
}

static void dequeue_locked(struct pi_waiter *waiter) REQUIRES(&lock)
{
    struct pi_mutex *mutex = waiter->mutex;

    ASSERT(spin_is_held(&lock));
    ASSERT(mutex->waiters.root);
    ASSERT(waiter->thread->priority.waits == waiter);
    ASSERT(waiter->thread->priority.effective == waiter->priority);
    if (is_lending(mutex))
        tree_remove(&mutex->owner->priority.lent, &mutex->owner_node);
    tree_remove(&mutex->waiters, &waiter->node);
    waiter->mutex = NULL;
    waiter->thread->priority.waits = NULL;
    if (is_lending(mutex))
        insert_lent(mutex);
    carry_on(mutex->owner);
}

void pi_mutex_dequeue(struct pi_waiter *waiter)
{
    spin_lock(&lock);
    if (waiter->mutex)
        dequeue_locked(waiter);
    spin_unlock(&lock);
}

struct pi_waiter *pi_mutex_first(const struct pi_mutex *mutex)
{
    spin_lock(&lock);
    struct pi_waiter *waiter = first_waiter(mutex);

    spin_unlock(&lock);
    return waiter;
}

static void set_owner_locked(struct pi_mutex *mutex, struct thread *owner) REQUIRES(&lock)
{
    struct thread *before = mutex->owner;

    ASSERT(spin_is_held(&lock));
    ASSERT_IMPLIES(owner && owner->priority.waits, owner->priority.waits->mutex != mutex);
    if (is_lending(mutex))
        tree_remove(&before->priority.lent, &mutex->owner_node);
    mutex->owner = owner;
    if (is_lending(mutex))
        insert_lent(mutex);
    carry_on(before);
    carry_on(owner);
}

int pi_mutex_set_owner(struct pi_mutex *mutex, struct thread *owner)
{
    int error = 0;

    spin_lock(&lock);
    if (owner && mutex->owner_may_leave && owner->priority.leaving)
        error = -ESRCH;
    else
        set_owner_locked(mutex, owner);
    spin_unlock(&lock);
    return error;
}

static void hand_over_locked(struct pi_mutex *mutex, struct pi_waiter *waiter) REQUIRES(&lock)
{
    if (waiter)
        dequeue_locked(waiter);
    set_owner_locked(mutex, waiter ? waiter->thread : NULL);
}

struct pi_waiter *pi_mutex_hand_over(struct pi_mutex *mutex)
{
    spin_lock(&lock);
    struct pi_waiter *waiter = first_waiter(mutex);

    hand_over_locked(mutex, waiter);
    spin_unlock(&lock);
    return waiter;
}

void pi_mutex_hand_over_to(struct pi_mutex *mutex, struct pi_waiter *waiter)
{
    spin_lock(&lock);
    ASSERT(waiter->mutex == mutex);
    hand_over_locked(mutex, waiter);
    spin_unlock(&lock);
}

struct thread *pi_mutex_owner(const struct pi_mutex *mutex)
{
    spin_lock(&lock);
    struct thread *owner = mutex->owner;

    spin_unlock(&lock);
    return owner;
}

/* ---- Threads ------------------------------------------------------------------------------- */

static bool is_same(const struct priority *now, const struct scheduling *setting)
{
    return now->class == setting->class && now->own == setting->own && now->nice == setting->nice &&
           now->reset_on_fork == setting->reset_on_fork;
}

void pi_thread_change(struct thread *thread, const struct scheduling *setting)
{
    spin_lock(&lock);
    if (!is_same(&thread->priority, setting)) {
        uint8_t before = thread->priority.effective;

        priority_write(thread, setting, wanted_priority(thread, setting->own));
        if (thread->priority.effective != before)
            carry_on(move_waiter(thread));
    }
    spin_unlock(&lock);
}

static void set_leaving(struct thread *thread, bool leaving)
{
    spin_lock(&lock);
    ASSERT_IMPLIES(!leaving, !thread->priority.lent.root);    /* it has given up what it owned */
    atomic_store(&thread->priority.leaving, leaving);
    spin_unlock(&lock);
}

void pi_thread_leave(void)
{
    set_leaving(current_thread(), true);
}

void pi_thread_stay(void)
{
    set_leaving(current_thread(), false);
}

bool pi_thread_first_owned(void (*visit)(struct pi_mutex *mutex, void *context), void *context)
{
    const struct thread *thread = current_thread();

    spin_lock(&lock);
    struct tree_node *node = tree_first(&thread->priority.lent);

    if (node)
        visit(mutex_of(node), context);
    spin_unlock(&lock);
    return node != NULL;
}

int32_t pi_thread_waits_for(const struct thread *thread)
{
    spin_lock(&lock);
    const struct pi_waiter *waiter = thread->priority.waits;
    const struct thread *owner = waiter ? waiter->mutex->owner : NULL;
    int32_t id = owner ? owner->id : 0;

    spin_unlock(&lock);
    return id;
}
