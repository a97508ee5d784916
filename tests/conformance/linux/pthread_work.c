/* Threads at work: producers and consumers, a parallel sort, a pipeline of condition variables. */
#include "with_threads.h"

#define PRODUCERS 4
#define CONSUMERS 4
#define ITEMS 2000
#define ROOM 8
#define NUMBERS 100000

/* ---- A bounded buffer ---------------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static unsigned buffer[ROOM], used, first;
static unsigned long sum_in, sum_out;
static unsigned left_to_take = PRODUCERS * ITEMS;

static void *produce(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < ITEMS; i++) {
        unsigned item = seed * 100000 + i;

        (void)pthread_mutex_lock(&mutex);
        while (used == ROOM)
            (void)pthread_cond_wait(&not_full, &mutex);
        buffer[(first + used++) % ROOM] = item;
        sum_in += item;
        (void)pthread_cond_signal(&not_empty);
        (void)pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *consume(void *argument)
{
    (void)pthread_mutex_lock(&mutex);
    while (left_to_take > 0) {
        if (used == 0) {
            (void)pthread_cond_wait(&not_empty, &mutex);
            continue;
        }
        sum_out += buffer[first];
        first = (first + 1) % ROOM;
        used--;
        if (--left_to_take == 0)
            (void)pthread_cond_broadcast(&not_empty);
        (void)pthread_cond_signal(&not_full);
    }
    (void)pthread_mutex_unlock(&mutex);
    return argument;
}

static void producers_and_consumers(void)
{
    pthread_t threads[PRODUCERS + CONSUMERS];

    SECTION("producers and consumers");
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++)
        threads[i] = start(i < PRODUCERS ? produce : consume, (void *)(uintptr_t)(i + 1));
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++)
        (void)join(threads[i]);
    VALUE(sum_in);
    VALUE(sum_out);
    VALUE(used);
}

/* ---- Sorting ------------------------------------------------------------------------------- */

struct part {
    int *numbers;
    size_t count;
    unsigned depth;    /* how often it may still be split among threads */
};

static size_t split(int *numbers, size_t count)
{
    int pivot = numbers[(count - 1) / 2];
    size_t i = 0, j = count - 1;

    for (;;) {
        while (numbers[i] < pivot)
            i++;
        while (numbers[j] > pivot)
            j--;
        if (i >= j)
            return j + 1;
        int swap = numbers[i];
        numbers[i++] = numbers[j];
        numbers[j--] = swap;
    }
}

static void *sort(void *argument)
{
    const struct part *part = argument;
    struct part low = *part, high = *part;
    pthread_t thread;

    if (part->count < 2)
        return NULL;
    low.count = split(part->numbers, part->count);
    high.numbers += low.count;
    high.count -= low.count;
    if (part->depth > 0) {
        low.depth = high.depth = part->depth - 1;
        thread = start(sort, &low);
        (void)sort(&high);
        (void)join(thread);
    } else {
        (void)sort(&low);
        (void)sort(&high);
    }
    return NULL;
}

static void fill(int *numbers)
{
    unsigned state = 12345;

    for (size_t i = 0; i < NUMBERS; i++) {
        state = state * 1103515245 + 12345;
        numbers[i] = (int)(state >> 8);
    }
}

static void sorting(void)
{
    int *serial = malloc(NUMBERS * sizeof(int)), *parallel = malloc(NUMBERS * sizeof(int));
    struct part one = { serial, NUMBERS, 0 }, many = { parallel, NUMBERS, 3 };
    unsigned long long hash = 0;

    SECTION("sorting");
    fill(serial);
    fill(parallel);
    (void)sort(&one);
    (void)sort(&many);
    FACT(memcmp(serial, parallel, NUMBERS * sizeof(int)) == 0);
    for (size_t i = 0; i < NUMBERS; i++)
        hash = hash * 31 + (unsigned)parallel[i];
    VALUE(hash);
    free(serial);
    free(parallel);
}

/* ---- A ring -------------------------------------------------------------------------------- */

#define MEMBERS 16
#define LAPS 100

static uint32_t tokens[MEMBERS];

static void *hand_on(void *argument)
{
    unsigned me = (unsigned)(uintptr_t)argument, next = (me + 1) % MEMBERS;

    for (unsigned lap = 0; lap < LAPS; lap++) {
        while (!__atomic_exchange_n(&tokens[me], 0, __ATOMIC_SEQ_CST))
            (void)futex(&tokens[me], FUTEX_WAIT | PRIVATE, 0);
        __atomic_store_n(&tokens[next], 1, __ATOMIC_SEQ_CST);
        (void)futex(&tokens[next], FUTEX_WAKE | PRIVATE, 1);
    }
    return NULL;
}

static void ring(void)
{
    pthread_t threads[MEMBERS];

    SECTION("a ring");
    for (unsigned i = 0; i < MEMBERS; i++)
        threads[i] = start(hand_on, (void *)(uintptr_t)i);
    __atomic_store_n(&tokens[0], 1, __ATOMIC_SEQ_CST);
    (void)futex(&tokens[0], FUTEX_WAKE | PRIVATE, 1);
    for (unsigned i = 0; i < MEMBERS; i++)
        (void)join(threads[i]);
    VALUE(tokens[0]);
}

int main(void)
{
    producers_and_consumers();
    sorting();
    ring();
    return 0;
}
