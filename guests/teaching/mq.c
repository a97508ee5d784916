/*
 * A message queue: eight producers and eight consumers, ten messages each, over a ring of the
 * capacity given as argument (1, 4, 8, 16 or 32, the default is 16).  Two semaphores count free
 * and filled places, a third guards the ring.  Every operation prints a line while it holds
 * the ring, so the lines tell its history; at the end it is empty, and every message came once.
 */
#include "teaching.h"

enum {
    PRODUCERS = 8,
    CONSUMERS = 8,
    PROCESSES = PRODUCERS + CONSUMERS,
    MESSAGES = 10,
    CAPACITY_MAX = 32,
    CAPACITY_DEFAULT = 16,
};
enum semaphore { QUEUE_FREE = 0x1000, QUEUE_FILLED = 0x2000, QUEUE_MUTEX = 0x6666 };

static int ring[CAPACITY_MAX];
static int capacity;
static volatile int count;
static volatile int first;
static volatile int received[PRODUCERS * MESSAGES];

static void count_check(void)
{
    if (count < 0 || count > capacity)
        panic("mq: %d messages in a queue of %d\n", count, capacity);
}

static REPORTED void ring_put(int message)
{
    ring[(first + count) % capacity] = message;
    count++;
    count_check();
}

static REPORTED int ring_take(void)
{
    int message = ring[first];

    first = (first + 1) % capacity;
    count--;
    count_check();
    return message;
}

static REPORTED void message_send(int message)
{
    (void)semaphore_wait(QUEUE_FREE);
    {
        SEMAPHORE_GUARD(QUEUE_MUTEX);
        ring_put(message);
        print("producer %d sent %d, count %d\n", message / MESSAGES, message, count);
    }
    (void)semaphore_signal(QUEUE_FILLED);
}

static REPORTED void message_receive(int consumer)
{
    (void)semaphore_wait(QUEUE_FILLED);
    {
        SEMAPHORE_GUARD(QUEUE_MUTEX);
        int message = ring_take();

        received[message]++;
        print("consumer %d received %d, count %d\n", consumer, message, count);
    }
    (void)semaphore_signal(QUEUE_FREE);
}

static void producer_run(int producer)
{
    for (int i = 0; i < MESSAGES; i++)
        message_send(producer * MESSAGES + i);
}

static void consumer_run(int consumer)
{
    for (int i = 0; i < MESSAGES; i++)
        message_receive(consumer);
}

static REPORTED void processes_run(void)
{
    int children[PROCESSES];

    for (int i = 0; i < PROCESSES; i += 2) {
        children[i] = process_start(producer_run, i / 2);
        children[i + 1] = process_start(consumer_run, i / 2);
    }
    process_list();
    if (process_wait_all(children, PROCESSES) != 0)
        panic("mq: a process failed\n");
}

int main(int argc, char **argv)
{
    struct question question = { argc, argv, 1, "Capacity (1, 4, 8, 16, 32): " };
    uint64_t number = question_ask_number(&question, CAPACITY_DEFAULT);

    if (number < 1 || number > CAPACITY_MAX) {
        print("mq: the capacity is a number from 1 to %d\n", CAPACITY_MAX);
        return 1;
    }
    capacity = (int)number;
    (void)semaphore_new(QUEUE_FREE, (uint64_t)capacity);
    (void)semaphore_new(QUEUE_FILLED, 0);
    (void)semaphore_new(QUEUE_MUTEX, 1);
    processes_run();
    for (int i = 0; i < PRODUCERS * MESSAGES; i++) {
        if (received[i] != 1)
            panic("mq: message %d was received %d times\n", i, received[i]);
    }
    print("capacity %d, final count: %d\n", capacity, count);
    return count == 0 ? 0 : 1;
}
