/*
 * Real-time threads on one processor: who runs before whom.  The first thread has the highest
 * priority, makes others ready, changes them, and then waits: so what they say, and in which order,
 * is wholly determined.
 */
#include "with_threads.h"

#define OWN 60
#define MEMBERS 3

static uint32_t gate;
static char story[64];
static volatile int ids[MEMBERS];

struct member {
    int index, policy, priority;
    void (*body)(char name);
};

static void tell(char name)
{
    size_t length = strlen(story);

    if (length < sizeof(story) - 1)
        story[length] = name;
}

static int set(int id, int policy, int priority)
{
    const struct sched_param parameters = { .sched_priority = priority };

    return (int)syscall(SYS_sched_setscheduler, id, policy, &parameters);
}

static void *run_member(void *argument)
{
    const struct member *member = argument;

    if (set(0, member->policy, member->priority) != 0)
        (void)printf("no class: %s\n", error_name(errno));
    ids[member->index] = own_id();
    (void)futex(&gate, FUTEX_WAIT | PRIVATE, 0);
    member->body((char)('a' + member->index));
    return NULL;
}

/* Lets the members run up to the gate, opens it, changes them, and lets them run. */
static void play(const char *what, const struct member *members, void (*change)(void))
{
    pthread_t threads[MEMBERS];

    memset(story, 0, sizeof(story));
    for (int i = 0; i < MEMBERS; i++)
        threads[i] = start(run_member, (void *)(uintptr_t)&members[i]);
    await_waiters(&gate, PRIVATE, MEMBERS);
    (void)futex(&gate, FUTEX_WAKE | PRIVATE, MEMBERS);
    if (change)
        change();
    for (int i = 0; i < MEMBERS; i++)
        (void)join(threads[i]);
    (void)printf("%s: %s\n", what, story);
}

static void tell_once(char name)
{
    tell(name);
}

static void tell_and_yield(char name)
{
    for (int i = 0; i < 3; i++) {
        tell(name);
        (void)sched_yield();
    }
}

static void raise_first(void)
{
    (void)set(ids[0], SCHED_FIFO, 30);
}

static void lower_last(void)
{
    (void)set(ids[2], SCHED_FIFO, 20);
}

static void set_same(void)
{
    (void)set(ids[0], SCHED_FIFO, 20);
}

static void change_class(void)
{
    (void)set(ids[0], SCHED_RR, 20);
}

static void make_ordinary(void)
{
    (void)set(ids[0], SCHED_OTHER, 0);
}

/* The first one lowers itself in three steps. */
static void lower_itself(char name)
{
    tell(name);
    if (name != 'a')
        return;
    (void)set(0, SCHED_FIFO, 20);
    tell('1');
    (void)set(0, SCHED_FIFO, 10);
    tell('2');
    (void)set(0, SCHED_OTHER, 0);
    tell('3');
}

/* The first one raises another above itself, which runs at once. */
static void raise_another(char name)
{
    tell(name);
    if (name != 'a')
        return;
    (void)set(ids[1], SCHED_FIFO, 25);
    tell('1');
}

static void use_one_processor(void)
{
    unsigned char first[128] = { 1 };

    if (syscall(SYS_sched_setaffinity, 0, sizeof(first), first) != 0)
        (void)printf("sched_setaffinity: %s\n", error_name(errno));
}

static void with_body(const char *what, int first, void (*body)(char name), void (*change)(void))
{
    const struct member members[MEMBERS] = {
        { 0, SCHED_FIFO, first, body }, { 1, SCHED_FIFO, 20, body }, { 2, SCHED_FIFO, 20, body },
    };

    play(what, members, change);
}

int main(void)
{
    const struct member different[MEMBERS] = {
        { 0, SCHED_RR, 10, tell_once }, { 1, SCHED_FIFO, 30, tell_once },
        { 2, SCHED_RR, 20, tell_once },
    };
    const struct member with_higher[MEMBERS] = {
        { 0, SCHED_FIFO, 20, tell_once }, { 1, SCHED_FIFO, 20, tell_once },
        { 2, SCHED_FIFO, 30, tell_once },
    };

    use_one_processor();
    CALL(set(0, SCHED_FIFO, OWN));
    play("higher ones first", different, NULL);
    play("lowered: before its new equals", with_higher, lower_last);
    play("raised: behind its new equals", with_higher, raise_first);
    with_body("equals as they came", 20, tell_once, NULL);
    with_body("what stays the same moves nobody", 20, tell_once, set_same);
    with_body("another class moves to the end", 20, tell_once, change_class);
    with_body("ordinary ones last", 20, tell_once, make_ordinary);
    with_body("yield: behind its equals", 20, tell_and_yield, NULL);
    with_body("yield: before lower ones", 21, tell_and_yield, NULL);
    with_body("lowers itself", 30, lower_itself, NULL);
    with_body("raises another", 20, raise_another, NULL);
    return 0;
}
