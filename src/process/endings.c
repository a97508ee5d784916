/*
 * Exit codes by process id, in one table without the structures of the processes: what a dead
 * process leaves behind is nine bytes.
 *
 * Invariant: a code is written before its bit in `ended` is set, and changes only when an id is
 * used again, which happens to Linux programs only.
 */
#include "process/endings.h"

#include <stdatomic.h>

#include "config.h"
#include "lib/assert.h"
#include "lib/bitmap.h"
#include "lib/list.h"
#include "sched/choice.h"
#include "sched/thread.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

#define BUCKETS 64u

struct ending_waiter {
    struct list node;
    int32_t id;
    _Atomic int64_t ended;      /* 0 or 1; read without the lock by the choice among threads */
    struct wait_queue queue;    /* for this thread alone */
};

static struct spinlock lock = SPINLOCK_INITIAL(RANK_ENDINGS, "exit codes");

/* Protected by `lock`.  Pages of the table are not touched before a process of their range has
 * ended; so they begin as zeros, and are no part of the kernel's file. */
static struct {
    uint64_t ended[BITMAP_WORDS(PROCESS_ID_LIMIT)];
    int64_t codes[PROCESS_ID_LIMIT];
    struct list waiters[BUCKETS];    /* by id; initialised when first used */
} endings;

static struct list *waiters_of(int32_t id) REQUIRES(&lock)
{
    struct list *waiters = &endings.waiters[(uint32_t)id % BUCKETS];

    ASSERT(spin_is_held(&lock));
    if (!waiters->next)
        list_init(waiters);
    return waiters;
}

void ending_record(int32_t id, int64_t code)
{
    if (id >= PROCESS_ID_LIMIT)
        return;
    spin_lock(&lock);
    endings.codes[id] = code;
    bitmap_set(endings.ended, (size_t)id);
    LIST_FOR_EACH(node, waiters_of(id)) {
        struct ending_waiter *waiter = LIST_ENTRY(node, struct ending_waiter, node);

        if (waiter->id != id)
            continue;
        atomic_store_explicit(&waiter->ended, 1, memory_order_relaxed);
        (void)wait_queue_wake_all(&waiter->queue);
    }
    spin_unlock(&lock);
}

static bool has_ended(int32_t id) REQUIRES(&lock)
{
    ASSERT(spin_is_held(&lock));
    return id < PROCESS_ID_LIMIT && bitmap_test(endings.ended, (size_t)id);
}

static void waiter_add(struct ending_waiter *waiter, int32_t id)
{
    waiter->id = id;
    list_init(&waiter->node);
    wait_queue_init(&waiter->queue);
    spin_lock(&lock);
    atomic_init(&waiter->ended, has_ended(id));
    list_append(waiters_of(id), &waiter->node);
    spin_unlock(&lock);
}

/* Locked, also on return. */
static int wait_until_ended(struct ending_waiter *waiter, struct thread *target) REQUIRES(&lock)
{
    const struct wait_reason reason = {
        .kind = WAIT_CHILD,
        .object = (uint64_t)waiter->id,
        .owner = target,
    };
    int error = 0;

    while (!waiter->ended && !error)
        error = wait_queue_wait(&waiter->queue, &lock, &reason, WAIT_FOREVER);
    return error;
}

int ending_wait(int32_t id, const struct operation *operation, int64_t *code)
{
    struct ending_waiter waiter;
    struct thread *target;
    int error;

    ASSERT(id >= 0);
    waiter_add(&waiter, id);
    if (waiter.ended)
        choice_before(operation, &waiter.ended);
    else
        choice_announce(operation, &waiter.ended);
    target = waiter.ended ? NULL : thread_find(id);
    spin_lock(&lock);
    error = wait_until_ended(&waiter, target);
    if (!error)
        *code = endings.codes[id];
    list_remove(&waiter.node);
    spin_unlock(&lock);
    if (target)
        thread_release(target);
    if (error)
        choice_give_up(operation);
    else
        choice_done(operation);
    return error;
}
