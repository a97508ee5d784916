/* Robust lists and the word that is cleared when a thread ends. */

#include "with_robust_list.h"
#include "with_threads.h"
#include "with_users.h"

#define ENTRIES 3000

static struct node nodes[ENTRIES];
static struct head head;
static uint32_t extra;
static volatile uint32_t dead_id;

/* What the thread that dies does. */
enum plan {
    PLAN_OWNED, PLAN_OWNED_WITH_WAITERS, PLAN_FOREIGN, PLAN_PENDING_FREE, PLAN_PENDING_OWNED,
    PLAN_PENDING_FOREIGN, PLAN_PENDING_ON_LIST, PLAN_CIRCLE, PLAN_BAD_SECOND, PLAN_UNALIGNED,
    PLAN_LOCK, PLAN_LOCK_PENDING_FREE, PLAN_LONG, PLAN_BAD_HEAD, PLAN_EMPTY, PLAN_DIED_BEFORE,
    PLANS
};
static const char *const plan_names[PLANS] = {
    "owned", "owned, with waiters", "another's", "pending, free", "pending, owned",
    "pending, another's", "pending, and on the list", "a circle without the head",
    "the second entry is nowhere", "an unaligned entry", "a lock that hands on priority",
    "such a lock, pending and free", "longer than is walked", "the list is nowhere", "empty",
    "owned, its owner before died"
};

static struct node *marked(struct node *node)
{
    return (struct node *)((uintptr_t)node | 1);
}

static void set_list(void *list, size_t size)
{
    if (syscall(SYS_set_robust_list, list, size) != 0)
        (void)printf("no list\n");
}

/* Entries 0 to count - 1 in order, then back to the head. */
static void link_nodes(unsigned count)
{
    head.first = count ? &nodes[0] : (struct node *)(void *)&head;
    for (unsigned i = 0; i < count; i++)
        nodes[i].next = i + 1 < count ? &nodes[i + 1] : (struct node *)(void *)&head;
}

static void prepare(enum plan plan, uint32_t id)
{
    memset(nodes, 0, sizeof(nodes));
    head.offset = offsetof(struct node, word);
    head.pending = NULL;
    nodes[0].word = id;
    nodes[1].word = id;
    link_nodes(1);
    switch (plan) {
    case PLAN_OWNED:
    case PLAN_BAD_HEAD:
    case PLANS:
        break;
    case PLAN_OWNED_WITH_WAITERS:
        nodes[0].word = id | FUTEX_WAITERS;
        break;
    case PLAN_FOREIGN:
        nodes[0].word = (id + 1) | FUTEX_WAITERS;
        break;
    case PLAN_PENDING_FREE:
        link_nodes(0);
        head.pending = &nodes[0];
        nodes[0].word = 0;
        break;
    case PLAN_PENDING_OWNED:
    case PLAN_PENDING_FOREIGN:
        link_nodes(0);
        head.pending = &nodes[0];
        nodes[0].word = (id + (plan == PLAN_PENDING_FOREIGN)) | FUTEX_WAITERS;
        break;
    case PLAN_PENDING_ON_LIST:
        link_nodes(2);
        head.pending = &nodes[0];
        nodes[0].word = id | FUTEX_WAITERS;
        break;
    case PLAN_CIRCLE:
        link_nodes(2);
        nodes[1].next = &nodes[0];
        break;
    case PLAN_BAD_SECOND:
        nodes[0].next = (struct node *)8;
        head.pending = &nodes[1];
        break;
    case PLAN_UNALIGNED:
        head.first = (struct node *)((char *)&nodes[5] + 2);
        head.pending = &nodes[0];
        break;
    case PLAN_LOCK:
        head.first = marked(&nodes[0]);
        nodes[0].word = id | FUTEX_WAITERS;
        break;
    case PLAN_LOCK_PENDING_FREE:
        link_nodes(0);
        head.pending = marked(&nodes[0]);
        nodes[0].word = 0;
        break;
    case PLAN_LONG:
        link_nodes(ENTRIES);
        for (unsigned i = 0; i < ENTRIES; i++)
            nodes[i].word = id;
        break;
    case PLAN_EMPTY:
        link_nodes(0);
        break;
    case PLAN_DIED_BEFORE:
        nodes[0].word = id | FUTEX_OWNER_DIED | FUTEX_WAITERS;
        break;
    }
}

static void *die(void *argument)
{
    enum plan plan = (enum plan)(uintptr_t)argument;

    dead_id = (uint32_t)own_id();
    prepare(plan, dead_id);
    set_list(plan == PLAN_BAD_HEAD ? (void *)8 : &head, sizeof(head));
    __atomic_store_n(&extra, 1, __ATOMIC_SEQ_CST);
    (void)futex(&extra, FUTEX_WAIT | PRIVATE, 1);
    syscall(SYS_exit, 0);
    return NULL;
}

static volatile bool is_woken;

static void *wait_for_word(void *argument)
{
    struct timespec soon = { 0, 300000000 };
    uint32_t *word = argument;

    is_woken = futex(word, FUTEX_WAIT, *(volatile uint32_t *)word, &soon) == 0;
    return NULL;
}

static void try_plan(enum plan plan)
{
    pthread_t waiter;
    unsigned marked_words = 0;

    (void)printf("%s: ", plan_names[plan]);
    extra = 0;
    (void)start(die, (void *)(uintptr_t)plan);
    while (!__atomic_load_n(&extra, __ATOMIC_SEQ_CST))
        sleep_ms(1);
    await_waiters(&extra, PRIVATE, 1);
    waiter = start(wait_for_word, &nodes[0].word);
    await_waiters(&nodes[0].word, 0, 1);
    (void)futex(&extra, FUTEX_WAKE | PRIVATE, 1);
    await_end((int)dead_id);    /* no join: its C library's list was replaced */
    (void)join(waiter);
    for (unsigned i = 0; i < ENTRIES; i++)
        marked_words += (nodes[i].word & FUTEX_OWNER_DIED) != 0;
    (void)printf("%s, %u words say died; the first: %s%s%s\n", is_woken ? "woken" : "not woken",
                 marked_words, (nodes[0].word & FUTEX_TID_MASK) ? "owned" : "nobody's",
                 nodes[0].word & FUTEX_WAITERS ? " waiters" : "",
                 nodes[0].word & FUTEX_OWNER_DIED ? " died" : "");
}

static void *wait_long(void *argument)
{
    int wait_flags = (int)(intptr_t)argument;

    return answer(futex(&nodes[0].word, FUTEX_WAIT | wait_flags, nodes[0].word));
}

/* One of them is told, and only of those that wait shared. */
static void many_wait(void)
{
    pthread_t waiters[4];

    SECTION("several wait for a dead owner's word");
    extra = 0;
    (void)start(die, (void *)(uintptr_t)PLAN_OWNED_WITH_WAITERS);
    while (!__atomic_load_n(&extra, __ATOMIC_SEQ_CST))
        sleep_ms(1);
    await_waiters(&extra, PRIVATE, 1);
    for (unsigned i = 0; i < COUNT(waiters); i++)
        waiters[i] = start(wait_long, (void *)(intptr_t)(i == 0 ? PRIVATE : 0));
    await_waiters(&nodes[0].word, PRIVATE, 1);
    await_waiters(&nodes[0].word, 0, 3);
    (void)futex(&extra, FUTEX_WAKE | PRIVATE, 1);
    await_end((int)dead_id);
    CALL(futex(&nodes[0].word, FUTEX_WAKE | PRIVATE, 9));
    CALL(futex(&nodes[0].word, FUTEX_WAKE, 9));
    for (unsigned i = 0; i < COUNT(waiters); i++)
        show("waiter", join(waiters[i]));
}

static void calls(void)
{
    struct head *list = NULL;
    size_t size = 0;

    SECTION("calls");
    CALL(syscall(SYS_set_robust_list, &head, 23));
    CALL(syscall(SYS_set_robust_list, &head, 12));
    CALL(syscall(SYS_set_robust_list, &head, 0));
    CALL(syscall(SYS_set_robust_list, NULL, 24));
    CALL(syscall(SYS_get_robust_list, 0, &list, &size));
    FACT(list == NULL);
    VALUE(size);
    CALL(syscall(SYS_set_robust_list, &head, 24));
    CALL(syscall(SYS_get_robust_list, own_id(), &list, &size));
    FACT(list == &head);
    CALL(syscall(SYS_get_robust_list, 0x3ffffff0, &list, &size));
    CALL(syscall(SYS_get_robust_list, -1, &list, &size));
    CALL(syscall(SYS_get_robust_list, 0, 8, &size));
    CALL(syscall(SYS_get_robust_list, 0, &list, 8));
    CALL(syscall(SYS_set_robust_list, NULL, 24));
}

/* Where the lists of other processes are, only those may know who may trace them. */
static void ask(void)
{
    void *list = &head;
    size_t size = 0;

    CALL(syscall(SYS_get_robust_list, target, &list, &size));
    VALUE(size);
    CALL(syscall(SYS_get_robust_list, target, 8, &size));
    CALL(syscall(SYS_get_robust_list, getppid(), &list, &size));
}

static void ask_as_one(void)
{
    be_user(ONE);
    ask();
}

static void ask_as_two(void)
{
    be_user(TWO);
    ask();
}

static void others(void)
{
    make_target(ONE, 1);
    apart("the list of another, as its user", ask_as_one);
    apart("the list of another, as another user", ask_as_two);
    apart("the list of another, as root", ask);
    end_target();
    make_target(ONE, 0);
    apart("the list of one that hides, as its user", ask_as_one);
    end_target();
}

/* ---- The owner of a lock ends without a list ----------------------------------------------- */

static uint32_t lock, gate;
static long lock_result;
static uint32_t lock_seen;

static void *lock_and_die(void *argument)
{
    (void)argument;
    set_list(NULL, sizeof(head));
    dead_id = (uint32_t)own_id();
    (void)futex(&lock, FUTEX_LOCK_PI, 0);
    (void)futex(&gate, FUTEX_WAIT, 0);
    syscall(SYS_exit, 0);
    return NULL;
}

static void *lock_after(void *argument)
{
    uint32_t id = (uint32_t)own_id();

    (void)argument;
    lock_result = (long)(intptr_t)answer(futex(&lock, FUTEX_LOCK_PI, 0));
    lock_seen = *(volatile uint32_t *)&lock;
    if ((lock_seen & FUTEX_TID_MASK) != id)
        (void)printf("the word has another id\n");
    return answer(futex(&lock, FUTEX_UNLOCK_PI, 0));
}

static void owner_dies(unsigned waiters)
{
    pthread_t threads[3];

    SECTION("the owner of a lock dies, and others wait");
    lock = 0;
    (void)start(lock_and_die, NULL);
    await_waiters(&gate, 0, 1);
    for (unsigned i = 0; i < waiters; i++) {
        threads[i] = start(lock_after, NULL);
        await_lock_waiter(&lock);
    }
    (void)futex(&gate, FUTEX_WAKE, 1);
    for (unsigned i = 0; i < waiters; i++)
        show("unlock", join(threads[i]));
    show("lock", lock_result);
    FACT((lock_seen & FUTEX_WAITERS) != 0);
    FACT((lock_seen & FUTEX_OWNER_DIED) != 0 || waiters > 1);
    VALUE(lock);
    await_end((int)dead_id);
}

static void owner_dies_alone(void)
{
    SECTION("the owner of a lock dies, and nobody waits");
    lock = 0;
    (void)start(lock_and_die, NULL);
    await_waiters(&gate, 0, 1);
    (void)futex(&gate, FUTEX_WAKE, 1);
    await_end((int)dead_id);
    FACT(lock == dead_id);
    CALL(futex(&lock, FUTEX_LOCK_PI, 0));
    CALL(futex(&lock, FUTEX_TRYLOCK_PI, 0));
    FACT(lock == (dead_id | FUTEX_WAITERS));
}

/* ---- The word that is cleared -------------------------------------------------------------- */

static uint32_t *cleared;

static void *end_with_word(void *argument)
{
    (void)argument;
    (void)syscall(SYS_set_tid_address, cleared);
    dead_id = (uint32_t)own_id();
    (void)futex(&gate, FUTEX_WAIT, 0);
    syscall(SYS_exit, 0);
    return NULL;
}

static void *wait_for_clear(void *argument)
{
    struct timespec soon = { 0, 300000000 };

    return answer(futex(cleared, FUTEX_WAIT | (int)(intptr_t)argument, 77, &soon));
}

static void clearing(const char *what, int map_flags, int flags)
{
    pthread_t waiter;

    cleared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, map_flags | MAP_ANONYMOUS, -1, 0);
    *cleared = 77;
    (void)start(end_with_word, NULL);
    await_waiters(&gate, 0, 1);
    waiter = start(wait_for_clear, (void *)(intptr_t)flags);
    await_waiters(cleared, flags, 1);
    (void)futex(&gate, FUTEX_WAKE, 1);
    show(what, join(waiter));
    VALUE(*cleared);
    await_end((int)dead_id);
}

int main(void)
{
    calls();
    others();
    SECTION("what a dying thread leaves");
    for (enum plan plan = PLAN_OWNED; plan < PLANS; plan++)
        try_plan(plan);
    many_wait();
    owner_dies(1);
    owner_dies(3);
    owner_dies_alone();
    SECTION("the cleared word");
    clearing("private memory, waits shared", MAP_PRIVATE, 0);
    clearing("private memory, waits private", MAP_PRIVATE, PRIVATE);
    clearing("shared memory, waits shared", MAP_SHARED, 0);
    clearing("shared memory, waits private", MAP_SHARED, PRIVATE);
    return 0;
}
