/*
 * Futexes, locks that hand on priority, mutexes, wait queues, run queues and timers on real host
 * threads, each of which is a CPU: kernel threads wait for each other, lock, sleep, and one
 * disturbs all others by signals, other priorities and other CPUs.
 *
 * EFT_HAMMER_SECONDS says how long; without it a moment.  A wake-up that gets lost leaves a thread
 * behind, and the test never ends: its time limit finds that.
 */
#include "futex/futex.h"
#include "harness/hammer_machine.h"
#include "harness/test.h"
#include "lib/random.h"
#include "memory/address_space.h"
#include "memory/page_table.h"
#include "memory/user_memory.h"
#include "sync/mutex.h"
#include "sync/wait_queue.h"
#include "time/sleep.h"
#include "time/timer.h"

#define DATA UINT64_C(0x10000000)
#define TURN(pair) (DATA + 64 * (user_address)(pair))
#define LOCK (DATA + 1024)
#define CONDITION (DATA + 1088)
#define GATE (DATA + 1152)
#define NEXT_GATE (DATA + 1216)
#define SIDE (DATA + 1280)
#define NEXT_SIDE (DATA + 1344)
#define PAIRS 2
#define MEMBERS 24
#define SHORT_NS UINT64_C(200000)

static struct address_space *space;
static char *memory;                  /* the page at DATA */
static uint64_t some_process;         /* threads that belong to one may own locks */
static uint64_t end_ns;

struct member {
    void (*role)(struct member *member);
    unsigned index;
    struct thread *thread;
    struct random random;
    uint64_t rounds;
};

static struct member members[MEMBERS];
static unsigned member_count;
static _Atomic unsigned ended;

/* Not libcheck's: that is for one thread. */
static void check_that(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "hammer: %s\n", what);
    abort();
}

static bool is_over(void)
{
    return machine_time_ns() >= end_ns;
}

/* A signal was delivered: the next wait sleeps again. */
static void take_signal(void)
{
    atomic_store(&current_thread()->interrupted, false);
}

static _Atomic uint32_t *word_at(user_address address)
{
    return (_Atomic uint32_t *)(void *)(memory + (address - DATA));
}

static struct futex_word futex_at(user_address address)
{
    return (struct futex_word){ .space = space, .address = address, .is_private = true };
}

static int wait_for_word(user_address address, uint32_t expected, uint64_t deadline_ns)
{
    const struct futex_wait wait = { .word = futex_at(address),
                                     .expected = expected,
                                     .bits = FUTEX_ANY,
                                     .deadline = { deadline_ns, false } };
    int error = futex_wait(&wait);

    take_signal();
    return error;
}

static void wake_word(user_address address, int32_t count)
{
    const struct futex_word word = futex_at(address);

    check_that(futex_wake(&word, FUTEX_ANY, count, false) >= 0, "a wake failed");
}

/* A signal may end it early. */
static void pause_for(uint64_t ns)
{
    int error = sleep_until(machine_time_ns() + ns);

    check_that(error == 0 || error == -EINTR, "a sleep failed");
    take_signal();
}

/* ---- Turns: no time ends these waits ------------------------------------------------------- */

#define TURNS_OVER 2u

static void take_turns(struct member *member)
{
    user_address word = TURN(member->index / 2);
    uint32_t mine = member->index % 2;
    uint32_t turn;

    while ((turn = atomic_load(word_at(word))) != TURNS_OVER) {
        if (turn != mine) {
            int error = wait_for_word(word, turn, WAIT_FOREVER);

            check_that(error == 0 || error == -EAGAIN || error == -EINTR, "a wait failed");
            continue;
        }
        member->rounds++;
        atomic_store(word_at(word), is_over() ? TURNS_OVER : 1 - mine);
        wake_word(word, 1);
    }
}

/* The same with a wait queue. */
static struct {
    struct spinlock lock;
    struct wait_queue queue;
    unsigned turn;
} relay = { .lock = SPINLOCK_INITIAL(RANK_CONSOLE, "relay") };

static void take_relay_turns(struct member *member)
{
    const struct wait_reason reason = { .kind = WAIT_SEMAPHORE, .object = 1 };
    unsigned mine = member->index % 2;

    spin_lock(&relay.lock);
    while (relay.turn != TURNS_OVER) {
        if (relay.turn != mine) {
            int error = wait_queue_wait(&relay.queue, &relay.lock, &reason, WAIT_FOREVER);

            check_that(error == 0 || error == -EINTR, "a wait failed");
            take_signal();
            continue;
        }
        member->rounds++;
        relay.turn = is_over() ? TURNS_OVER : 1 - mine;
        (void)wait_queue_wake_one(&relay.queue);
    }
    spin_unlock(&relay.lock);
}

/* ---- Locks --------------------------------------------------------------------------------- */

static uint64_t inside_lock, inside_mutex;    /* plain: only their locks keep them right */

static bool lock_word(uint64_t deadline_ns)
{
    const struct futex_word word = futex_at(LOCK);
    const struct futex_deadline deadline = { deadline_ns, false };
    uint32_t nobody = 0;
    int error;

    if (atomic_compare_exchange_strong(word_at(LOCK), &nobody, (uint32_t)current_thread()->id))
        return true;
    error = futex_lock(&word, &deadline);
    take_signal();
    check_that(error == 0 || error == -ETIMEDOUT || error == -EINTR, "a lock failed");
    return error == 0;
}

static void unlock_word(void)
{
    const struct futex_word word = futex_at(LOCK);
    uint32_t mine = (uint32_t)current_thread()->id;

    if (!atomic_compare_exchange_strong(word_at(LOCK), &mine, 0))
        check_that(futex_unlock(&word) == 0, "an unlock failed");
}

static void lock_and_count(struct member *member)
{
    while (!is_over()) {
        bool hurries = random_below(&member->random, 4) == 0;

        if (!lock_word(hurries ? machine_time_ns() + SHORT_NS : WAIT_FOREVER))
            continue;
        inside_lock++;
        member->rounds++;
        if (random_below(&member->random, 8) == 0)
            scheduler_yield();
        unlock_word();
    }
}

/* As lock_and_count, but the lock comes by way of a condition. */
static void wait_for_condition(struct member *member)
{
    const struct futex_word target = futex_at(LOCK);

    while (!is_over()) {
        const struct futex_wait wait = {
            .word = futex_at(CONDITION),
            .expected = atomic_load(word_at(CONDITION)),
            .bits = FUTEX_ANY,
            .deadline = { machine_time_ns() + 10 * SHORT_NS, false },
        };
        int error = futex_wait_for_lock(&wait, &target);

        take_signal();
        check_that(error == 0 || error == -EAGAIN || error == -EINTR || error == -ETIMEDOUT,
                   "a wait for a lock failed");
        if (error)
            continue;
        inside_lock++;
        member->rounds++;
        unlock_word();
    }
}

static void signal_condition(struct member *member)
{
    while (!is_over()) {
        struct futex_requeue request = {
            .source = futex_at(CONDITION),
            .target = futex_at(LOCK),
            .wake_count = 1,
            .requeue_count = (int32_t)random_below(&member->random, 3),
            .compares = true,
        };
        bool has_lock = random_below(&member->random, 2) != 0 && lock_word(WAIT_FOREVER);

        request.expected = atomic_fetch_add(word_at(CONDITION), 1) + 1;
        check_that(futex_requeue_to_lock(&request) >= 0, "requeueing failed");
        if (has_lock)
            unlock_word();
        member->rounds++;
        pause_for(SHORT_NS / 4);
    }
}

/* ---- Crowds: who is woken goes on, and nobody else, at whichever gate ---------------------- */

/* With a node behind each word, which somebody forgets again and again. */
static struct futex_word gate_at(user_address address)
{
    struct futex_word word = futex_at(address);

    word.has_node = true;
    return word;
}

/* Rounds: how often it was woken. */
static void wait_at_gate(struct member *member)
{
    while (!is_over()) {
        const struct futex_wait wait = { .word = gate_at(GATE),
                                         .bits = FUTEX_ANY,
                                         .deadline = { machine_time_ns() + 4 * SHORT_NS, false } };
        int error = futex_wait(&wait);

        take_signal();
        check_that(error == 0 || error == -EINTR || error == -ETIMEDOUT, "a wait failed");
        member->rounds += error == 0;
    }
}

static void wait_at_sides(struct member *member)
{
    const struct futex_wait waits[] = { { .word = futex_at(SIDE) },
                                        { .word = futex_at(NEXT_SIDE) } };

    while (!is_over()) {
        const struct futex_deadline deadline = { machine_time_ns() + 4 * SHORT_NS, false };
        int result = futex_wait_many(waits, ARRAY_SIZE(waits), &deadline);

        take_signal();
        check_that(result >= 0 || result == -EINTR || result == -ETIMEDOUT, "a wait failed");
        member->rounds += result >= 0;
    }
}

/* How many it woke. */
static int64_t move_crowd(struct member *member, bool back)
{
    const struct futex_requeue request = {
        .source = gate_at(back ? NEXT_GATE : GATE),
        .target = gate_at(back ? GATE : NEXT_GATE),
        .wake_count = (int32_t)random_below(&member->random, 2),
        .requeue_count = (int32_t)random_below(&member->random, 3),
        .compares = true,
    };
    int64_t moved = futex_requeue(&request);

    return moved < request.wake_count ? moved : request.wake_count;
}

/* Rounds: how many it has woken at the gates. */
static void direct_crowd(struct member *member)
{
    while (!is_over()) {
        bool next = random_below(&member->random, 2) != 0;
        const struct futex_word gate = gate_at(next ? NEXT_GATE : GATE);
        int64_t woken;

        if (random_below(&member->random, 2))
            woken = futex_wake(&gate, FUTEX_ANY, (int32_t)random_below(&member->random, 3), true);
        else
            woken = move_crowd(member, next);
        check_that(woken >= 0, "directing a crowd failed");
        member->rounds += (uint64_t)woken;
        wake_word(next ? NEXT_SIDE : SIDE, 1);
        atomic_store(word_at((next ? NEXT_GATE : GATE) + sizeof(uint32_t)), UINT32_MAX);
        pause_for(SHORT_NS / 8);
    }
}

static struct mutex mutex;

static void lock_mutex(struct member *member)
{
    while (!is_over()) {
        mutex_lock(&mutex);
        inside_mutex++;
        member->rounds++;
        if (random_below(&member->random, 8) == 0)
            scheduler_yield();
        mutex_unlock(&mutex);
    }
}

/* ---- Time ---------------------------------------------------------------------------------- */

static _Atomic uint64_t expirations;

static void expired(struct timer *timer)
{
    (void)timer;
    atomic_fetch_add(&expirations, 1);
}

static void arm_and_sleep(struct member *member)
{
    struct timer timer;

    timer_init(&timer, expired);
    while (!is_over()) {
        uint64_t now_ns = machine_time_ns();

        timer_arm(&timer, now_ns + random_below(&member->random, SHORT_NS));
        if (sleep_until(now_ns + random_below(&member->random, SHORT_NS)) == 0)
            check_that(machine_time_ns() >= now_ns, "time went back");
        take_signal();
        if (random_below(&member->random, 2))
            (void)timer_cancel(&timer);
        member->rounds++;
    }
    (void)timer_cancel(&timer);
}

/* ---- Disturbing ---------------------------------------------------------------------------- */

static void disturb(struct member *member)
{
    while (!is_over()) {
        struct member *victim = &members[random_below(&member->random, member_count)];

        switch (random_below(&member->random, 4)) {
        case 0:
            thread_interrupt(victim->thread, THREAD_WORK_SIGNAL);
            break;
        case 1:
            priority_set_own(victim->thread, CLASS_FIFO,
                             (uint8_t)(1 + random_below(&member->random, PRIORITY_MAX)));
            break;
        case 2:
            priority_set_own(victim->thread, CLASS_OTHER, PRIORITY_NORMAL);
            break;
        case 3:
            thread_set_cpus(victim->thread, 1 + random_below(&member->random, 15));
            break;
        }
        priority_set_own(victim->thread, CLASS_OTHER, PRIORITY_NORMAL);
        member->rounds++;
        pause_for(SHORT_NS / 8);
    }
}

/* ---- All of it ----------------------------------------------------------------------------- */

static void begin_role(void *argument)
{
    struct member *member = argument;

    member->role(member);
    if (atomic_fetch_add(&ended, 1) + 1 == member_count)
        atomic_store(&hammer_is_over, true);
}

static void add(unsigned count, void (*role)(struct member *member))
{
    for (unsigned i = 0; i < count; i++) {
        struct member *member = &members[member_count++];
        const struct thread_request request = { .name = "member",
                                                .entry = begin_role,
                                                .argument = member };

        member->role = role;
        member->index = i;
        random_init(&member->random, member_count);
        ck_assert_int_eq(thread_create(&request, &member->thread), 0);
        member->thread->process = (struct process *)&some_process;
    }
}

static void map_memory(void)
{
    const struct map_request request = {
        .address = DATA,
        .length = PAGE_SIZE,
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .flags = MAP_AT_ADDRESS,
    };
    const uint32_t zero = 0;
    user_address address, start, end;

    ck_assert_int_eq(address_space_create(&space), 0);
    ck_assert_int_eq(address_space_map(space, &request, &address), 0);
    ck_assert_int_eq(user_copy_out(space, DATA, &zero, sizeof(zero)), 0);
    memory = hammer_info.direct_map +
             (page_table_lookup(address_space_root(space), DATA, 0, &start, &end) & ENTRY_ADDRESS);
}

static uint64_t rounds_of(void (*role)(struct member *member))
{
    uint64_t rounds = 0;

    for (unsigned i = 0; i < member_count; i++) {
        if (members[i].role == role)
            rounds += members[i].rounds;
    }
    return rounds;
}

static void check_results(void)
{
    for (unsigned i = 0; i < member_count; i++)
        ck_assert_int_eq(members[i].thread->state, THREAD_DEAD);
    ck_assert_uint_eq(inside_lock, rounds_of(lock_and_count) + rounds_of(wait_for_condition));
    ck_assert_uint_eq(inside_mutex, rounds_of(lock_mutex));
    ck_assert_uint_eq(atomic_load(word_at(LOCK)) & FUTEX_OWNER, 0);
    ck_assert_uint_gt(rounds_of(take_turns), 0);
    ck_assert_uint_gt(rounds_of(take_relay_turns), 0);
    ck_assert_uint_gt(rounds_of(wait_for_condition), 0);
    ck_assert_uint_eq(rounds_of(wait_at_gate), rounds_of(direct_crowd));
    ck_assert_uint_gt(expirations, 0);
    ck_assert(!timer_any_armed());
    printf("turns %llu and %llu, locked %llu, by condition %llu, crowds %llu and %llu, "
           "mutex %llu, timers %llu\n",
           (unsigned long long)rounds_of(take_turns),
           (unsigned long long)rounds_of(take_relay_turns), (unsigned long long)inside_lock,
           (unsigned long long)rounds_of(wait_for_condition),
           (unsigned long long)rounds_of(wait_at_gate),
           (unsigned long long)rounds_of(wait_at_sides), (unsigned long long)inside_mutex,
           (unsigned long long)expirations);
}

static uint64_t seconds_wanted(void)
{
    const char *text = getenv("EFT_HAMMER_SECONDS");

    return text ? strtoull(text, NULL, 10) : 0;
}

START_TEST(the_kernel_on_real_threads)
{
    hammer_begin();
    map_memory();
    futex_init();
    wait_queue_init(&relay.queue);
    mutex_init(&mutex, RANK_INODE, "hammer");
    add(2 * PAIRS, take_turns);
    add(2, take_relay_turns);
    add(4, lock_and_count);
    add(2, wait_for_condition);
    add(1, signal_condition);
    add(3, wait_at_gate);
    add(1, wait_at_sides);
    add(1, direct_crowd);
    add(3, lock_mutex);
    add(2, arm_and_sleep);
    add(1, disturb);
    end_ns = machine_time_ns() + (seconds_wanted() ? seconds_wanted() * 1000000000u : 300000000u);
    for (unsigned i = 0; i < member_count; i++)
        thread_start(members[i].thread);
    hammer_run();
    check_results();
    for (unsigned i = 0; i < member_count; i++)
        thread_release(members[i].thread);
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

TEST_MAIN("sync/hammer_kernel", the_kernel_on_real_threads)
