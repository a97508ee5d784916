/* The newer futex calls: futex_waitv, futex_wake, futex_wait, futex_requeue. */
#include "with_threads.h"

#define SIZE_32 2u
#define WAITV(...) CALL(syscall(CALL_FUTEX_WAITV, __VA_ARGS__))
#define WAKE(...) CALL(syscall(CALL_FUTEX_WAKE, __VA_ARGS__))
#define WAIT(...) CALL(syscall(CALL_FUTEX_WAIT, __VA_ARGS__))
#define REQUEUE(...) CALL(syscall(CALL_FUTEX_REQUEUE, __VA_ARGS__))

static uint32_t words[130] __attribute__((aligned(16)));
static struct timespec past = { 1, 0 };

static struct futex_waitv entry_of(uint32_t *word, uint64_t value, uint32_t flags)
{
    return (struct futex_waitv){ .val = value, .uaddr = (uintptr_t)word, .flags = flags };
}

static void waitv_arguments(void)
{
    struct futex_waitv many[129];
    struct futex_waitv one = entry_of(&words[0], 0, SIZE_32);

    SECTION("futex_waitv: arguments");
    for (unsigned i = 0; i < COUNT(many); i++)
        many[i] = entry_of(&words[i], 0, SIZE_32 | PRIVATE);
    WAITV(&one, 1, 1, NULL, 0);
    WAITV(&one, 0, 0, NULL, 0);
    WAITV(many, 129, 0, &past, 1);
    WAITV(many, 128, 0, &past, 1);
    WAITV(many, -1, 0, &past, 1);
    WAITV(NULL, 1, 0, &past, 1);
    WAITV(8, 1, 0, &past, 1);
    WAITV(&one, 1, 0, 8, 1);
    WAITV(&one, 1, 0, 8, 5);
    WAITV(&one, 1, 0, &past, 5);
    WAITV(8, 1, 0, &past, 5);
    for (uint32_t flags = 0; flags < 16; flags++) {
        if (flags & 4)
            continue;
        one = entry_of(&words[0], 0, flags);
        (void)printf("flags %u: ", flags);
        WAITV(&one, 1, 0, &past, 1);
    }
    one = entry_of(&words[0], 0, SIZE_32 | 16);
    WAITV(&one, 1, 0, &past, 1);
    one = entry_of(&words[0], 0, SIZE_32 | PRIVATE);
    WAITV(&one, 1, 0, &past, 1);
    one.__reserved = 1;
    WAITV(&one, 1, 0, &past, 1);
    one = entry_of(&words[0], UINT64_C(0x100000000), SIZE_32);
    WAITV(&one, 1, 0, &past, 1);
    one = entry_of((uint32_t *)((char *)words + 1), 0, SIZE_32);
    WAITV(&one, 1, 0, &past, 1);
    one = entry_of((uint32_t *)4096, 0, SIZE_32);
    WAITV(&one, 1, 0, &past, 1);
    one.flags |= PRIVATE;
    WAITV(&one, 1, 0, &past, 1);
    many[1].val = 1;
    WAITV(many, 2, 0, NULL, 0);
    WAITV(many, 2, 0, &past, 1);
    CALL(waiters_of(&words[0], PRIVATE));
    many[1] = entry_of((uint32_t *)4096, 0, SIZE_32);
    many[0].val = 1;
    WAITV(many, 2, 0, &past, 1);
    many[1] = entry_of((uint32_t *)4096, 0, SIZE_32 | PRIVATE);
    WAITV(many, 2, 0, &past, 1);
    many[0].val = 0;
    WAITV(many, 2, 0, &past, 1);
}

struct group {
    struct futex_waitv entries[4];
    unsigned count;
};

static void *wait_for_group(void *argument)
{
    struct group *group = argument;

    return answer(syscall(CALL_FUTEX_WAITV, group->entries, group->count, 0, NULL, 0));
}

static void waitv_waking(void)
{
    struct group group = { .count = 3 };
    pthread_t thread;

    SECTION("futex_waitv: waking");
    for (unsigned woken = 0; woken < 3; woken++) {
        for (unsigned i = 0; i < 3; i++)
            group.entries[i] = entry_of(&words[i], 0, SIZE_32 | (woken == 1 ? PRIVATE : 0));
        thread = start(wait_for_group, &group);
        await_waiters(&words[2], woken == 1 ? PRIVATE : 0, 1);
        CALL(futex(&words[woken], FUTEX_WAKE | (woken == 1 ? PRIVATE : 0), 9));
        show("index", join(thread));
        for (unsigned i = 0; i < 3; i++)
            CALL(waiters_of(&words[i], woken == 1 ? PRIVATE : 0));
    }
    SECTION("futex_waitv: the same word several times");
    for (unsigned i = 0; i < 3; i++)
        group.entries[i] = entry_of(&words[0], 0, SIZE_32);
    thread = start(wait_for_group, &group);
    await_waiters(&words[0], 0, 3);
    CALL(futex(&words[0], FUTEX_WAKE, 9));
    show("index", join(thread));
    SECTION("futex_waitv: requeued");
    for (unsigned i = 0; i < 3; i++)
        group.entries[i] = entry_of(&words[i], 0, SIZE_32);
    thread = start(wait_for_group, &group);
    await_waiters(&words[2], 0, 1);
    CALL(futex(&words[1], FUTEX_REQUEUE, 0, 1, &words[9]));
    CALL(futex(&words[9], FUTEX_WAKE, 1));
    show("index", join(thread));
}

static void wake_arguments(void)
{
    SECTION("futex_wake: arguments");
    WAKE(&words[0], -1u, 1, SIZE_32);
    WAKE(&words[0], 0, 1, SIZE_32);
    WAKE(&words[0], 0x100000001, 1, SIZE_32);
    WAKE(&words[0], -1u, 1, 0);
    WAKE(&words[0], -1u, 1, 1);
    WAKE(&words[0], -1u, 1, 3);
    WAKE(&words[0], -1u, 1, SIZE_32 | 8);
    WAKE(&words[0], -1u, 1, SIZE_32 | 16);
    WAKE(&words[0], -1u, 1, SIZE_32 | 0x80000000);
    WAKE((char *)words + 2, -1u, 1, SIZE_32);
    WAKE(4096, -1u, 1, SIZE_32);
    WAKE(4096, -1u, 1, SIZE_32 | PRIVATE);
    WAKE(4096, -1u, 0, SIZE_32);
    WAKE(4096, 0, 0, SIZE_32);
}

static void wait_arguments(void)
{
    SECTION("futex_wait: arguments");
    WAIT(&words[0], 0, -1u, SIZE_32, &past, 1);
    WAIT(&words[0], 0, 0, SIZE_32, &past, 1);
    WAIT(&words[0], 1, 0, SIZE_32, &past, 1);
    WAIT(&words[0], 1, -1u, SIZE_32, &past, 1);
    WAIT(&words[0], 0x100000000, -1u, SIZE_32, &past, 1);
    WAIT(&words[0], 0, 0x100000000, SIZE_32, &past, 1);
    WAIT(&words[0], 0, -1u, 1, &past, 1);
    WAIT(&words[0], 0, -1u, SIZE_32 | 32, &past, 1);
    WAIT(&words[0], 0, -1u, SIZE_32, 8, 1);
    WAIT(&words[0], 0, -1u, SIZE_32, 8, 2);
    WAIT(&words[0], 0, -1u, 1, 8, 2);
    WAIT((char *)words + 1, 0, -1u, SIZE_32, &past, 1);
    WAIT(4096, 0, -1u, SIZE_32, &past, 1);
    WAIT(4096, 0, -1u, SIZE_32 | PRIVATE, &past, 1);
    WAIT(&words[0], 0, 4, SIZE_32 | PRIVATE | 8, &past, 1);
}

struct one {
    uint64_t mask;
    uint32_t flags;
};

static void *wait_for_one(void *argument)
{
    const struct one *one = argument;

    return answer(syscall(CALL_FUTEX_WAIT, &words[0], 0, one->mask, one->flags, NULL, 0));
}

static void wait_and_wake(void)
{
    struct one ones[2] = { { 1, SIZE_32 | PRIVATE }, { 2, SIZE_32 | PRIVATE } };
    pthread_t a = start(wait_for_one, &ones[0]), b;

    SECTION("futex_wait and futex_wake");
    await_waiters(&words[0], PRIVATE, 1);
    b = start(wait_for_one, &ones[1]);
    await_waiters(&words[0], PRIVATE, 2);
    WAKE(&words[0], -1u, 0, SIZE_32 | PRIVATE);
    WAKE(&words[0], 4, 9, SIZE_32 | PRIVATE);
    WAKE(&words[0], -1u, 9, SIZE_32);
    WAKE(&words[0], 2, 9, SIZE_32 | PRIVATE);
    show("second", join(b));
    WAKE(&words[0], -1u, -1, SIZE_32 | PRIVATE);
    show("first", join(a));
}

static void requeue_arguments(void)
{
    struct futex_waitv pair[2] = { entry_of(&words[0], 0, SIZE_32),
                                   entry_of(&words[1], 0, SIZE_32) };

    SECTION("futex_requeue: arguments");
    REQUEUE(pair, 0, 1, 1);
    REQUEUE(pair, 1, 1, 1);
    REQUEUE(NULL, 0, 1, 1);
    REQUEUE(8, 0, 1, 1);
    REQUEUE(pair, 0, -1, 1);
    REQUEUE(pair, 0, 1, -1);
    pair[0].val = 1;
    REQUEUE(pair, 0, 1, 1);
    REQUEUE(pair, 0, -1, 1);
    pair[0].val = 0;
    pair[1].val = 7;
    REQUEUE(pair, 0, 1, 1);
    pair[1].flags = SIZE_32 | PRIVATE;
    REQUEUE(pair, 0, 1, 1);
    pair[0].flags = SIZE_32 | PRIVATE;
    REQUEUE(pair, 0, 1, 1);
    pair[1].flags = SIZE_32 | PRIVATE | 8;
    REQUEUE(pair, 0, 1, 1);
    pair[1] = entry_of((uint32_t *)4096, 0, SIZE_32);
    REQUEUE(pair, 0, 1, 1);
    pair[1].flags |= PRIVATE;
    REQUEUE(pair, 0, 1, 1);
    pair[1].__reserved = 2;
    REQUEUE(pair, 0, 1, 1);
}

static void requeueing(void)
{
    struct one one = { -1u, SIZE_32 | PRIVATE };
    struct futex_waitv pair[2] = { entry_of(&words[0], 0, SIZE_32 | PRIVATE),
                                   entry_of(&words[1], 0, SIZE_32 | PRIVATE) };
    pthread_t threads[4];

    SECTION("futex_requeue");
    for (unsigned i = 0; i < 4; i++) {
        threads[i] = start(wait_for_one, &one);
        await_waiters(&words[0], PRIVATE, i + 1);
    }
    REQUEUE(pair, 0, 1, 2);
    CALL(waiters_of(&words[1], PRIVATE));
    REQUEUE(pair, 0, 0, 0);
    REQUEUE(pair, 0, 0, 9);
    WAKE(&words[1], -1u, 9, SIZE_32 | PRIVATE);
    for (unsigned i = 0; i < 4; i++)
        show("waiter", join(threads[i]));
}

int main(void)
{
    waitv_arguments();
    waitv_waking();
    wake_arguments();
    wait_arguments();
    wait_and_wake();
    requeue_arguments();
    requeueing();
    return 0;
}
