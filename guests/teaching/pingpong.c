/*
 * Two processes and two semaphores: each round one wakes the other and waits for it.  The argument
 * is the number of rounds.  Nothing else happens: this is what waking and switching cost.
 */
#include "teaching.h"

enum { ROUNDS_DEFAULT = 1000, ROUNDS_MAX = 1000000000 };
enum semaphore { PING = 0x100, PONG = 0x101 };

static uint64_t rounds;
static volatile uint64_t returned;

static REPORTED void ping_run(void)
{
    for (uint64_t i = 0; i < rounds; i++) {
        (void)semaphore_signal(PING);
        (void)semaphore_wait(PONG);
    }
}

static REPORTED void pong_run(int unused)
{
    (void)unused;
    for (uint64_t i = 0; i < rounds; i++) {
        (void)semaphore_wait(PING);
        returned++;
        (void)semaphore_signal(PONG);
    }
}

int main(int argc, char **argv)
{
    struct question question = { argc, argv, 1, "Rounds: " };
    int child;

    rounds = question_ask_number(&question, ROUNDS_DEFAULT);
    if (rounds > ROUNDS_MAX) {
        print("pingpong: rounds are a number of at most %d\n", ROUNDS_MAX);
        return 1;
    }
    (void)semaphore_new(PING, 0);
    (void)semaphore_new(PONG, 0);
    child = process_start(pong_run, 0);
    ping_run();
    (void)process_wait(child);
    print("%lu rounds\n", returned);
    return returned == rounds ? 0 : 1;
}
