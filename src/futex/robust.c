/*
 * What a thread leaves behind when it ends, or goes on in another program: locks.
 *
 * Those that it says it holds are on a list in its memory, which is walked once: each word gets
 * FUTEX_OWNER_DIED instead of the owner's id, and somebody who waits is woken to see it.
 * Everything on that list is the program's and may be nonsense: the walk ends at the first thing
 * that cannot be read, and after LIST_MAX entries.
 *
 * Locks of futex/pi.c that others wait for are known to the kernel, and handed on whether or not
 * they are on the list.
 *
 *   thread, leaving                        another one that wants its lock
 *                                          reads the word: our id; finds us
 *   gives away what it owns: not this
 *                                          makes us the owner, waits for ever
 *                                             <- forbidden: pi_thread_leave() is first; who comes
 *                                                later is told so, waits until we have left, and
 *                                                looks at the word again
 *
 * Invariant: a thread is `leaving` from before it gives anything up until it is in another program;
 * one that ends stays so, and is `left` when it has given up all.  What ends a wait for it, the end
 * of the former or the beginning of the latter, happens with `end_lock` held.
 */
#include "futex/futex_internal.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/user_memory.h"
#include "memory/user_word.h"
#include "sched/thread.h"

#define LIST_MAX 2048
#define ENTRY_IS_LOCK UINT64_C(1)    /* in the pointer to an entry: a word of futex/pi.c */

/* What set_robust_list points to. */
struct list_head {
    uint64_t first;      /* an entry begins with the pointer to the next one; the last: to here */
    uint64_t offset;     /* from an entry to its word */
    uint64_t pending;    /* about to come on the list, or to leave it */
};

/* One entry, or the head. */
struct entry {
    user_address address;
    bool is_lock;
};

struct walk {
    struct address_space *space;
    struct thread *thread;
    uint64_t offset;
};

static struct spinlock end_lock = SPINLOCK_INITIAL(RANK_FUTEX, "ends of threads");
static struct wait_queue end_queue = {    /* of threads in futex_wait_while_leaving */
    .lock = SPINLOCK_INITIAL(RANK_WAIT_QUEUE, "ends of threads"),
    .waiters = LIST_INITIAL(end_queue.waiters),
};

/* ---- The list ------------------------------------------------------------------------------ */

static struct entry entry_of(uint64_t pointer)
{
    return (struct entry){ pointer & ~ENTRY_IS_LOCK, (pointer & ENTRY_IS_LOCK) != 0 };
}

static bool read_entry(const struct walk *walk, user_address address, struct entry *entry)
{
    uint64_t pointer;

    if (user_copy_in(walk->space, &pointer, address, sizeof(pointer)) != 0)
        return false;
    *entry = entry_of(pointer);
    return true;
}

static void wake_one(const struct futex_word *word)
{
    /* No waiters, or one that waits for something else: nothing to be done about it. */
    if (futex_wake(word, FUTEX_ANY, 1, false) < 0)
        return;
}

static enum user_word_result exchange(const struct futex_word *word, uint32_t *value,
                                      uint32_t wanted)
{
    bool were_on = machine_interrupts_disable();
    enum user_word_result result = user_word_exchange(word->space, word->address, value, wanted);

    machine_interrupts_restore(were_on);
    return result;
}

/* The word is ours: nobody has it any more.  False: it cannot be written. */
static bool mark_died(const struct futex_word *word, uint32_t value, bool is_lock, uint32_t id)
{
    for (;;) {
        enum user_word_result result =
            exchange(word, &value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED);

        if (result == WORD_DONE)
            break;
        if (result == WORD_ABSENT && futex_bring_in(word, true) != 0)
            return false;
        if (result == WORD_DIFFERS && (value & FUTEX_OWNER) != id)
            return true;
    }
    if (!is_lock && (value & FUTEX_WAITERS))
        wake_one(word);
    return true;
}

/* False: the walk ends here. */
static bool leave_word(const struct walk *walk, const struct entry *entry, bool is_pending)
{
    const struct futex_word word = { .space = walk->space,
                                     .address = entry->address + walk->offset };
    uint32_t id = (uint32_t)pid_own(walk->thread);
    uint32_t value;

    if (!is_aligned(word.address, sizeof(value)))
        return false;
    if (futex_read(&word, &value) != 0)
        return false;
    /* It was unlocked, but perhaps nobody was woken any more: or we were, and did not take it. */
    if (is_pending && !entry->is_lock && (value & FUTEX_OWNER) == 0) {
        wake_one(&word);
        return true;
    }
    return (value & FUTEX_OWNER) != id || mark_died(&word, value, entry->is_lock, id);
}

/* False: it came to something that cannot be read. */
static bool walk_entries(const struct walk *walk, user_address head, struct entry entry,
                         const struct entry *pending)
{
    for (unsigned count = 0; entry.address != head && count < LIST_MAX; count++) {
        struct entry next = { 0, false };
        bool has_next = read_entry(walk, entry.address, &next);

        if (entry.address != pending->address && !leave_word(walk, &entry, false))
            return false;
        if (!has_next)
            return false;
        entry = next;
    }
    return true;
}

static void leave_list(struct address_space *space, user_address head)
{
    struct walk walk = { .space = space, .thread = current_thread() };
    struct list_head list;

    if (user_copy_in(space, &list, head, sizeof(list)) != 0)
        return;
    walk.offset = list.offset;

    struct entry pending = entry_of(list.pending);

    if (walk_entries(&walk, head, entry_of(list.first), &pending) && pending.address)
        (void)leave_word(&walk, &pending, true);
}

/* ---- The end ------------------------------------------------------------------------------- */

bool futex_thread_has_left(const struct thread *thread)
{
    return atomic_load(&thread->priority.left);
}

static void give_up_all(struct address_space *space, user_address robust_list)
{
    ASSERT(!current_thread()->mutexes);
    ASSERT(!current_thread()->priority.waits);
    pi_thread_leave();
    if (robust_list)
        leave_list(space, robust_list);
    futex_give_up_owned();
    ASSERT(!current_thread()->priority.lent.root);
}

void futex_thread_leave(struct address_space *space, user_address robust_list)
{
    give_up_all(space, robust_list);
    spin_lock(&end_lock);
    atomic_store(&current_thread()->priority.left, true);
    (void)wait_queue_wake_all(&end_queue);
    spin_unlock(&end_lock);
}

void futex_thread_leave_program(struct address_space *space, user_address robust_list)
{
    give_up_all(space, robust_list);
    spin_lock(&end_lock);
    pi_thread_stay();
    (void)wait_queue_wake_all(&end_queue);
    spin_unlock(&end_lock);
}

static bool is_leaving(const struct thread *thread)
{
    return atomic_load(&thread->priority.leaving) && !futex_thread_has_left(thread);
}

void futex_wait_while_leaving(int32_t thread_id)
{
    const struct wait_reason reason = {
        .kind = WAIT_FUTEX, .object = (uint64_t)thread_id, .uninterruptible = true
    };
    struct thread *thread = thread_find(thread_id);

    if (!thread)
        return;
    ASSERT(thread != current_thread());
    spin_lock(&end_lock);
    while (is_leaving(thread)) {
        int error = wait_queue_wait(&end_queue, &end_lock, &reason, WAIT_FOREVER);

        ASSERT(!error);
    }
    spin_unlock(&end_lock);
    thread_release(thread);
}
