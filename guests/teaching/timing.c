/*
 * How long things take, for the benchmarks; each prints one line `NAME NUMBER ns`.
 *
 *     timing pair        two processes that wake each other in turn: one way
 *     timing alone       a wait and a signal that concern nobody else
 *     timing fork        a fork, the child's exit and the wait for it
 *     timing ring [N]    N processes in a ring (1000) that pass N / 2 tokens on: one pass, with as
 *                        many processes ready as there are tokens
 */
#include "teaching.h"

enum {
    PAIR_ROUNDS = 20000,
    ALONE_ROUNDS = 100000,
    FORK_ROUNDS = 2000,
    RING_PASSES = 100000,
    RING_DEFAULT = 1000,
    RING_MAX = 8000,
    ANSWER_SIZE = 16,
};
enum semaphore { PING = 0x100, PONG = 0x101, ALONE = 0x102, START = 0x103, RING = 0x10000 };

static int members;
static int children[RING_MAX];

static void pong_run(int unused)
{
    (void)unused;
    for (int i = 0; i < PAIR_ROUNDS; i++) {
        (void)semaphore_wait(PING);
        (void)semaphore_signal(PONG);
    }
}

static int64_t pair_time(void)
{
    int64_t start;
    int child;

    (void)semaphore_new(PING, 0);
    (void)semaphore_new(PONG, 0);
    child = process_start(pong_run, 0);
    start = time_now_ns();
    for (int i = 0; i < PAIR_ROUNDS; i++) {
        (void)semaphore_signal(PING);
        (void)semaphore_wait(PONG);
    }
    start = time_now_ns() - start;
    (void)process_wait(child);
    return start / (2 * PAIR_ROUNDS);
}

static int64_t alone_time(void)
{
    int64_t start;

    (void)semaphore_new(ALONE, 1);
    start = time_now_ns();
    for (int i = 0; i < ALONE_ROUNDS; i++) {
        (void)semaphore_wait(ALONE);
        (void)semaphore_signal(ALONE);
    }
    return (time_now_ns() - start) / ALONE_ROUNDS;
}

static void nothing_run(int unused)
{
    (void)unused;
}

static int64_t fork_time(void)
{
    int64_t start = time_now_ns();

    for (int i = 0; i < FORK_ROUNDS; i++)
        (void)process_wait(process_start(nothing_run, 0));
    return (time_now_ns() - start) / FORK_ROUNDS;
}

static void member_run(int number)
{
    int passes = RING_PASSES / members;

    (void)semaphore_wait(START);
    for (int i = 0; i < passes; i++) {
        (void)semaphore_wait(RING + (uint32_t)number);
        (void)semaphore_signal(RING + (uint32_t)((number + 1) % members));
    }
}

static int64_t ring_time(void)
{
    int64_t start;

    (void)semaphore_new(START, 0);
    for (int i = 0; i < members; i++)
        (void)semaphore_new(RING + (uint32_t)i, i % 2 == 0);
    for (int i = 0; i < members; i++)
        children[i] = process_start(member_run, i);
    start = time_now_ns();
    for (int i = 0; i < members; i++)
        (void)semaphore_signal(START);
    (void)process_wait_all(children, members);
    return (time_now_ns() - start) / (RING_PASSES / members * members);
}

static int64_t time_of(const char *name)
{
    if (text_equal(name, "pair"))
        return pair_time();
    if (text_equal(name, "alone"))
        return alone_time();
    if (text_equal(name, "fork"))
        return fork_time();
    return ring_time();
}

int main(int argc, char **argv)
{
    struct question question = { argc, argv, 1, "Time of (pair, alone, fork, ring): " };
    char name[ANSWER_SIZE];

    (void)question_ask(&question, name, sizeof(name));
    question.index = 2;
    members = (int)question_ask_number(&question, RING_DEFAULT);
    if (members < 2 || members > RING_MAX || !(text_equal(name, "pair") ||
        text_equal(name, "alone") || text_equal(name, "fork") || text_equal(name, "ring"))) {
        print("timing: pair, alone, fork or ring, the last with 2 to %d processes\n", RING_MAX);
        return 1;
    }
    print("%s %ld ns\n", name, time_of(name));
    return 0;
}
