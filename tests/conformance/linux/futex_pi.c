/* futex: locks that hand on priority, alone and with other threads. */
#include "with_threads.h"

static uint32_t word, gate, locks[8];
static int flags;

static void *hold(void *argument)
{
    uint32_t *lock = argument;

    (void)futex(lock, FUTEX_LOCK_PI | flags, 0);
    (void)futex(&gate, FUTEX_WAIT, 0);
    return answer(futex(lock, FUTEX_UNLOCK_PI | flags, 0));
}

static pthread_t start_holder(uint32_t *lock)
{
    pthread_t thread = start(hold, lock);

    await_waiters(&gate, 0, 1);
    return thread;
}

static void let_go(pthread_t holder)
{
    (void)futex(&gate, FUTEX_WAKE, 1);
    show("holder's unlock", join(holder));
}

static long locked;
static uint32_t seen, seen_by;

static void *lock_and_unlock(void *argument)
{
    locked = (long)(intptr_t)answer(futex(argument, FUTEX_LOCK_PI | flags, 0));
    seen = *(volatile uint32_t *)argument;
    seen_by = (uint32_t)own_id();
    return answer(futex(argument, FUTEX_UNLOCK_PI | flags, 0));
}

static void join_waiter(pthread_t waiter)
{
    long unlocked = join(waiter);

    show("lock in another thread", locked);
    show_lock("then the word has", seen, seen_by);
    show("its unlock", unlocked);
}

static void alone(void)
{
    uint32_t mine = (uint32_t)own_id();

    SECTION("alone");
    word = 0;
    CALL(futex(&word, FUTEX_LOCK_PI | flags, 0));
    show_lock("word", word, mine);
    CALL(futex(&word, FUTEX_LOCK_PI | flags, 0));
    CALL(futex(&word, FUTEX_LOCK_PI2 | flags, 0));
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
    show_lock("word", word, mine);
    CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    show_lock("word", word, mine);
    CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
    CALL(futex(&word, FUTEX_LOCK_PI2 | flags, 0));
    CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
    VALUE(word);
}

static void bits_without_owner(void)
{
    static const uint32_t values[] = { FUTEX_OWNER_DIED, FUTEX_WAITERS,
                                       FUTEX_OWNER_DIED | FUTEX_WAITERS };

    SECTION("nobody's, with bits");
    for (size_t i = 0; i < COUNT(values); i++) {
        word = values[i];
        CALL(futex(&word, FUTEX_LOCK_PI | flags, 0));
        show_lock("word", word, (uint32_t)own_id());
        CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
        VALUE(word);
        word = values[i];
        CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
        show_lock("word", word, (uint32_t)own_id());
        CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
    }
}

static void no_such_owner(void)
{
    SECTION("an owner that is no thread");
    word = 0x3ffffff0;
    CALL(futex(&word, FUTEX_LOCK_PI | flags, 0));
    (void)printf("word %#x\n", word);
    word = 0x3ffffff0;
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    (void)printf("word %#x\n", word);
    CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
    word = 0x7ffffff0;
    CALL(futex(&word, FUTEX_LOCK_PI | flags, 0));
    (void)printf("word %#x\n", word);
}

static void held_by_another(void)
{
    struct timespec past = { 1, 0 }, soon;
    pthread_t holder, waiter;

    SECTION("held by another thread");
    word = 0;
    holder = start_holder(&word);
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    FACT((word & FUTEX_WAITERS) != 0);
    CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
    CALL(futex(&word, FUTEX_LOCK_PI | flags, 0, &past));
    soon = from_now(CLOCK_REALTIME, 20);
    CALL(futex(&word, FUTEX_LOCK_PI | flags, 0, &soon));
    FACT((word & FUTEX_WAITERS) != 0);
    waiter = start(lock_and_unlock, &word);
    await_lock_waiter(&word);
    CALL(futex(&word, FUTEX_WAKE | flags, 1));
    CALL(futex(&word, FUTEX_WAKE_BITSET | flags, 1, NULL, NULL, 1));
    CALL(futex(&word, FUTEX_REQUEUE | flags, 1, 1, &locks[0]));
    CALL(futex(&word, FUTEX_WAKE_OP | flags, 1, 1, &locks[0]));
    CALL(futex(&locks[0], FUTEX_WAKE_OP | flags, 1, 1, &word, FUTEX_OP_ADD << 28));
    CALL(futex(&word, FUTEX_CMP_REQUEUE_PI | flags, 1, 1, &locks[0], word));
    let_go(holder);
    join_waiter(waiter);
    VALUE(word);
}

static void *wait_plainly(void *argument)
{
    return answer(futex(argument, FUTEX_WAIT | flags, *(uint32_t *)argument));
}

static void mixed(void)
{
    pthread_t plain;

    SECTION("somebody waits on the word, but not for a lock");
    word = 0;
    plain = start(wait_plainly, &word);
    await_waiters(&word, flags, 1);
    CALL(futex(&word, FUTEX_LOCK_PI | flags, 0));
    VALUE(word);
    word = (uint32_t)own_id();
    CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
    CALL(futex(&word, FUTEX_LOCK_PI | flags, 0));
    word = 0x3ffffff0;
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    (void)printf("word %#x\n", word);
    CALL(futex(&word, FUTEX_WAKE | flags, 1));
    (void)join(plain);
}

/* The word says something else than the kernel knows. */
static void inconsistent(void)
{
    pthread_t holder, waiter;
    uint32_t right;

    SECTION("a word that was tampered with");
    word = 0;
    holder = start_holder(&word);
    waiter = start(lock_and_unlock, &word);
    await_lock_waiter(&word);
    right = word;
    word = 0;
    CALL(futex(&word, FUTEX_LOCK_PI | flags, 0));
    word = (uint32_t)own_id();
    CALL(futex(&word, FUTEX_UNLOCK_PI | flags, 0));
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    word = 0x3ffffff0 | FUTEX_WAITERS;
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    word = 0x3ffffff0 | FUTEX_WAITERS | FUTEX_OWNER_DIED;
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    word = FUTEX_WAITERS;
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    word = FUTEX_WAITERS | FUTEX_OWNER_DIED;
    CALL(futex(&word, FUTEX_TRYLOCK_PI | flags, 0));
    word = right;
    let_go(holder);
    join_waiter(waiter);
}

/* Locks its own lock, then the next one's. */
struct member {
    uint32_t *own, *next;
    long result;
};

static void *lock_both(void *argument)
{
    struct member *member = argument;

    (void)futex(member->own, FUTEX_LOCK_PI | flags, 0);
    (void)futex(&gate, FUTEX_WAIT, 0);
    member->result = (long)(intptr_t)answer(futex(member->next, FUTEX_LOCK_PI | flags, 0));
    if (member->result == 0)
        (void)futex(member->next, FUTEX_UNLOCK_PI | flags, 0);
    (void)futex(member->own, FUTEX_UNLOCK_PI | flags, 0);
    return NULL;
}

/* A circle of so many: whoever closes it is refused. */
static void circle(unsigned count)
{
    struct member members[8];
    pthread_t threads[8];
    struct timespec soon;
    unsigned refused = 0;

    (void)printf("circle of %u\n", count);
    memset(locks, 0, sizeof(locks));
    (void)futex(&locks[0], FUTEX_LOCK_PI | flags, 0);
    for (unsigned i = 1; i < count; i++) {
        members[i] = (struct member){ &locks[i], &locks[i - 1], 0 };
        threads[i] = start(lock_both, &members[i]);
        await_waiters(&gate, 0, 1);
        (void)futex(&gate, FUTEX_WAKE, 1);
        await_lock_waiter(&locks[i - 1]);
    }
    CALL(futex(&locks[count - 1], FUTEX_LOCK_PI | flags, 0));
    soon = from_now(CLOCK_REALTIME, 5000);
    CALL(futex(&locks[count - 1], FUTEX_LOCK_PI | flags, 0, &soon));
    CALL(futex(&locks[count - 1], FUTEX_TRYLOCK_PI | flags, 0));
    (void)futex(&locks[0], FUTEX_UNLOCK_PI | flags, 0);
    for (unsigned i = 1; i < count; i++) {
        (void)join(threads[i]);
        refused += members[i].result != 0;
    }
    VALUE(refused);
}

static void all(void)
{
    alone();
    bits_without_owner();
    no_such_owner();
    held_by_another();
    mixed();
    inconsistent();
    SECTION("circles");
    for (unsigned count = 2; count <= 8; count += 3)
        circle(count);
}

int main(void)
{
    private_and_shared(all, &flags);
    return 0;
}
