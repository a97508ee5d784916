/*
 * A bounded buffer whose producer and consumer take the lock first and wait for a free or a filled
 * place then: who has to wait keeps the lock, and the other one can never make place.  Repaired:
 * the two waits in the other order.
 */
#include "classic.h"

enum { CAPACITY = 1, MESSAGES = 3 };
enum semaphore { BUFFER_FREE = 40, BUFFER_FILLED = 41, BUFFER_MUTEX = 42 };

static volatile int count;

static REPORTED void buffer_enter(uint32_t place)
{
    uint32_t first = REPAIRED ? place : BUFFER_MUTEX;
    uint32_t second = REPAIRED ? BUFFER_MUTEX : place;

    (void)semaphore_wait(first);
    (void)semaphore_wait(second);
}

static REPORTED void buffer_leave(uint32_t place)
{
    (void)semaphore_signal(BUFFER_MUTEX);
    (void)semaphore_signal(place);
}

static void producer_run(int unused)
{
    (void)unused;
    for (int i = 0; i < MESSAGES; i++) {
        buffer_enter(BUFFER_FREE);
        count++;
        buffer_leave(BUFFER_FILLED);
    }
}

static void consumer_run(int unused)
{
    (void)unused;
    for (int i = 0; i < MESSAGES; i++) {
        buffer_enter(BUFFER_FILLED);
        count--;
        buffer_leave(BUFFER_FREE);
    }
}

int main(int argc, char **argv)
{
    int children[2];

    (void)argc;
    (void)argv;
    (void)semaphore_new(BUFFER_FREE, CAPACITY);
    (void)semaphore_new(BUFFER_FILLED, 0);
    (void)semaphore_new(BUFFER_MUTEX, 1);
    children[0] = process_start(producer_run, 0);
    children[1] = process_start(consumer_run, 0);
    (void)process_wait_all(children, 2);
    print("%d messages are left\n", count);
    return count == 0 ? 0 : 1;
}
