/*
 * Two processes transfer money between two accounts in opposite directions.  Each takes the lock of
 * the account it takes from, then the other's: with bad luck each has one and waits for ever.
 * Repaired: whatever the direction, the lock with the lower key is taken first.
 */
#include "classic.h"

enum { TRANSFERS = 1, AMOUNT = 10, START = 100 };
enum semaphore { ACCOUNT_A = 10, ACCOUNT_B = 11 };

static volatile int balance[2] = { START, START };

static REPORTED void lock_accounts(uint32_t from, uint32_t to)
{
    bool swapped = REPAIRED && from > to;
    uint32_t first = swapped ? to : from;
    uint32_t second = swapped ? from : to;

    (void)semaphore_wait(first);
    (void)semaphore_wait(second);
}

static REPORTED void unlock_accounts(uint32_t from, uint32_t to)
{
    (void)semaphore_signal(from);
    (void)semaphore_signal(to);
}

static void transfers_run(int from)
{
    int to = 1 - from;

    for (int i = 0; i < TRANSFERS; i++) {
        lock_accounts(ACCOUNT_A + (uint32_t)from, ACCOUNT_A + (uint32_t)to);
        balance[from] -= AMOUNT;
        balance[to] += AMOUNT;
        unlock_accounts(ACCOUNT_A + (uint32_t)from, ACCOUNT_A + (uint32_t)to);
    }
}

int main(int argc, char **argv)
{
    int children[2];

    (void)argc;
    (void)argv;
    (void)semaphore_new(ACCOUNT_A, 1);
    (void)semaphore_new(ACCOUNT_B, 1);
    for (int i = 0; i < 2; i++)
        children[i] = process_start(transfers_run, i);
    (void)process_wait_all(children, 2);
    print("the accounts hold %d and %d\n", balance[0], balance[1]);
    return balance[0] == START && balance[1] == START ? 0 : 1;
}
