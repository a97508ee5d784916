/* futex: the order in which threads of several priorities are woken and get locks, and what the
 * owner of a lock is lent. */
#include "with_threads.h"

static uint32_t word, gate, locks[4];

static void set_priority(int policy, int priority)
{
    struct sched_param parameters = { .sched_priority = priority };

    if (syscall(SYS_sched_setscheduler, 0, policy, &parameters) != 0)
        (void)printf("no priority %d: %s\n", priority, error_name(errno));
}

/* Field 18 of /proc/<pid>/task/<tid>/stat. */
static long stat_priority(int id)
{
    char path[64], line[1024];
    const char *field;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", getpid(), id);
    file = fopen(path, "r");
    if (!file || !fgets(line, sizeof(line), file)) {
        (void)printf("cannot read the stat file\n");
        return 0;
    }
    (void)fclose(file);
    field = strrchr(line, ')');
    for (int i = 2; field && i < 18; i++)
        field = strchr(field + 1, ' ');
    return field ? strtol(field, NULL, 10) : 0;
}

struct member {
    int policy, priority;
    unsigned number;
    pthread_t thread;
    uint32_t *lock;
    volatile int id;
    long patience_ms;
};

static unsigned order[8], count;

static void *wait_in_order(void *argument)
{
    const struct member *member = argument;

    set_priority(member->policy, member->priority);
    (void)futex(&word, FUTEX_WAIT | PRIVATE, 0);
    order[__atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST)] = member->number;
    return NULL;
}

static void wake_order(void)
{
    struct member members[5] = {
        [2] = { .policy = SCHED_FIFO, .priority = 10 },
        [3] = { .policy = SCHED_FIFO, .priority = 20 },
    };

    SECTION("waking: the most urgent first");
    for (unsigned i = 0; i < 5; i++) {
        members[i].number = i;
        members[i].thread = start(wait_in_order, &members[i]);
        await_waiters(&word, PRIVATE, i + 1);
    }
    for (unsigned i = 0; i < 5; i++) {
        (void)futex(&word, FUTEX_WAKE | PRIVATE, 1);
        while (__atomic_load_n(&count, __ATOMIC_SEQ_CST) <= i)
            sleep_ms(1);
    }
    for (unsigned i = 0; i < 5; i++) {
        (void)join(members[i].thread);
        VALUE(order[i]);
    }
}

static void *lock_in_order(void *argument)
{
    struct member *member = argument;

    set_priority(member->policy, member->priority);
    member->id = own_id();
    (void)futex(&locks[0], FUTEX_LOCK_PI | PRIVATE, 0);
    order[count++] = member->number;
    (void)futex(&locks[0], FUTEX_UNLOCK_PI | PRIVATE, 0);
    return NULL;
}

static void lock_order(void)
{
    struct member members[6] = {
        [1] = { .policy = SCHED_RR, .priority = 5 },
        [3] = { .policy = SCHED_FIFO, .priority = 50 },
        [4] = { .policy = SCHED_FIFO, .priority = 5 },
    };

    SECTION("locks: the most urgent first");
    count = 0;
    locks[0] = 0;
    (void)futex(&locks[0], FUTEX_LOCK_PI | PRIVATE, 0);
    for (unsigned i = 0; i < 6; i++) {
        members[i].number = i;
        members[i].thread = start(lock_in_order, &members[i]);
        await_lock_waiter(&locks[0]);
        VALUE(stat_priority(own_id()));
    }
    CALL(syscall(SYS_sched_getscheduler, 0));
    (void)futex(&locks[0], FUTEX_UNLOCK_PI | PRIVATE, 0);
    for (unsigned i = 0; i < 6; i++)
        (void)join(members[i].thread);
    for (unsigned i = 0; i < 6; i++)
        VALUE(order[i]);
    VALUE(stat_priority(own_id()));
}

/* Holds its own lock and waits for the one before. */
static void *be_in_chain(void *argument)
{
    struct member *member = argument;

    member->id = own_id();
    (void)futex(member->lock, FUTEX_LOCK_PI | PRIVATE, 0);
    (void)futex(&gate, FUTEX_WAIT | PRIVATE, 0);
    (void)futex(member->lock - 1, FUTEX_LOCK_PI | PRIVATE, 0);
    (void)futex(member->lock - 1, FUTEX_UNLOCK_PI | PRIVATE, 0);
    (void)futex(member->lock, FUTEX_UNLOCK_PI | PRIVATE, 0);
    return NULL;
}

static void *lock_with_priority(void *argument)
{
    struct member *member = argument;
    struct timespec soon = from_now(CLOCK_MONOTONIC, member->patience_ms);

    set_priority(member->policy, member->priority);
    member->id = own_id();
    return answer(futex(member->lock, FUTEX_LOCK_PI2 | PRIVATE, 0, &soon));
}

static void show_chain(const struct member *members)
{
    VALUE(stat_priority(own_id()));
    for (unsigned i = 1; i < 4; i++)
        VALUE(stat_priority(members[i].id));
}

/* Main owns lock 0; member i owns lock i and waits for lock i - 1. */
static void chain(void)
{
    struct member members[4];
    struct member urgent = {
        .policy = SCHED_FIFO, .priority = 30, .lock = &locks[3], .patience_ms = 1000,
    };

    SECTION("along a chain, until the time is up");
    memset(members, 0, sizeof(members));
    memset(locks, 0, sizeof(locks));
    (void)futex(&locks[0], FUTEX_LOCK_PI | PRIVATE, 0);
    for (unsigned i = 1; i < 4; i++) {
        members[i].lock = &locks[i];
        members[i].thread = start(be_in_chain, &members[i]);
        await_waiters(&gate, PRIVATE, 1);
        (void)futex(&gate, FUTEX_WAKE | PRIVATE, 1);
        await_lock_waiter(&locks[i - 1]);
    }
    show_chain(members);
    urgent.thread = start(lock_with_priority, &urgent);
    await_lock_waiter(&locks[3]);
    show_chain(members);
    show("the urgent one", join(urgent.thread));
    show_chain(members);
    (void)futex(&locks[0], FUTEX_UNLOCK_PI | PRIVATE, 0);
    for (unsigned i = 1; i < 4; i++)
        (void)join(members[i].thread);
}

/* Two locks, two urgencies: the owner has the higher one, and then what is left. */
static void two_locks(void)
{
    struct member low = {
        .policy = SCHED_FIFO, .priority = 10, .lock = &locks[0], .patience_ms = MEMBER_PATIENCE_MS,
    };
    struct member high = {
        .policy = SCHED_FIFO, .priority = 40, .lock = &locks[1], .patience_ms = MEMBER_PATIENCE_MS,
    };

    SECTION("from two locks");
    memset(locks, 0, sizeof(locks));
    (void)futex(&locks[0], FUTEX_LOCK_PI | PRIVATE, 0);
    (void)futex(&locks[1], FUTEX_LOCK_PI | PRIVATE, 0);
    low.thread = start(lock_with_priority, &low);
    await_lock_waiter(&locks[0]);
    VALUE(stat_priority(own_id()));
    high.thread = start(lock_with_priority, &high);
    await_lock_waiter(&locks[1]);
    VALUE(stat_priority(own_id()));
    (void)futex(&locks[1], FUTEX_UNLOCK_PI | PRIVATE, 0);
    VALUE(stat_priority(own_id()));
    (void)futex(&locks[0], FUTEX_UNLOCK_PI | PRIVATE, 0);
    VALUE(stat_priority(own_id()));
    show("low", join(low.thread));
    show("high", join(high.thread));
}

/* The waiter becomes more urgent while it waits. */
static void change_while_waiting(void)
{
    struct member member = { .lock = &locks[0], .patience_ms = MEMBER_PATIENCE_MS };
    struct sched_param more = { .sched_priority = 25 }, none = { .sched_priority = 0 };

    SECTION("a waiter that changes its priority");
    memset(locks, 0, sizeof(locks));
    (void)futex(&locks[0], FUTEX_LOCK_PI | PRIVATE, 0);
    member.thread = start(lock_with_priority, &member);
    await_lock_waiter(&locks[0]);
    VALUE(stat_priority(own_id()));
    CALL(syscall(SYS_sched_setscheduler, member.id, SCHED_FIFO, &more));
    VALUE(stat_priority(own_id()));
    VALUE(stat_priority(member.id));
    CALL(syscall(SYS_sched_setscheduler, member.id, SCHED_OTHER, &none));
    VALUE(stat_priority(own_id()));
    (void)futex(&locks[0], FUTEX_UNLOCK_PI | PRIVATE, 0);
    show("it", join(member.thread));
    CALL(syscall(SYS_sched_setparam, 0, &none));
    CALL(syscall(SYS_sched_setparam, 0, &more));
    CALL(syscall(SYS_sched_setparam, 0, NULL));
    CALL(syscall(SYS_sched_getparam, 0, &more));
    CALL(syscall(SYS_sched_getparam, -1, &more));
    VALUE(more.sched_priority);
}

int main(void)
{
    wake_order();
    lock_order();
    chain();
    two_locks();
    change_while_waiting();
    return 0;
}
