/* POSIX and C11 threads: create, join, detach, cancel, attributes, keys, once, many of them. */
#include <threads.h>

#include "with_threads.h"

#define AT_ONCE 1000
#define ONE_BY_ONE 20000

static pthread_t threads[AT_ONCE];
static unsigned counter;
static uint32_t gate;

static void *give_back(void *argument)
{
    return argument;
}

static void *count(void *argument)
{
    (void)__atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
    return argument;
}

static void *count_at_gate(void *argument)
{
    (void)__atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&gate, __ATOMIC_SEQ_CST))
        (void)futex(&gate, FUTEX_WAIT | PRIVATE, 0);
    return argument;
}

static void joining(void)
{
    pthread_t thread = start(give_back, (void *)42L);

    SECTION("join");
    show("result", join(thread));
    thread = start(give_back, NULL);
    VALUE(pthread_detach(thread));
    FACT(pthread_equal(pthread_self(), pthread_self()) != 0);
}

static void detaching(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int state;

    SECTION("detached");
    counter = 0;
    (void)pthread_attr_init(&attributes);
    VALUE(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
    VALUE(pthread_attr_getdetachstate(&attributes, &state));
    FACT(state == PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 100; i++) {
        if (pthread_create(&thread, &attributes, count, NULL) != 0)
            (void)printf("no thread\n");
    }
    while (__atomic_load_n(&counter, __ATOMIC_SEQ_CST) < 100)
        sleep_ms(1);
    VALUE(counter);
    (void)pthread_attr_destroy(&attributes);
}

static size_t stack_size;

static void *look_at_stack(void *argument)
{
    volatile char deep[400000];

    deep[0] = deep[sizeof(deep) - 1] = 1;
    stack_size = sizeof(deep);
    return argument;
}

static void stacks(void)
{
    pthread_attr_t attributes;
    pthread_t thread;

    SECTION("a stack of a size");
    (void)pthread_attr_init(&attributes);
    VALUE(pthread_attr_setstacksize(&attributes, 1000));
    VALUE(pthread_attr_setstacksize(&attributes, 512 << 10));
    VALUE(pthread_create(&thread, &attributes, look_at_stack, NULL));
    (void)join(thread);
    VALUE(stack_size);
    (void)pthread_attr_destroy(&attributes);
}

/* ---- Cancellation -------------------------------------------------------------------------- */

static unsigned cleaned;
static volatile bool at_work, asked;

static void clean(void *argument)
{
    cleaned += (unsigned)(uintptr_t)argument;
}

static void *sleep_for_ever(void *argument)
{
    pthread_cleanup_push(clean, (void *)1L);
    pthread_cleanup_push(clean, (void *)10L);
    at_work = true;
    for (;;)
        sleep(1000);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return argument;
}

static void *compute_for_ever(void *argument)
{
    (void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    at_work = true;
    for (volatile unsigned i = 0;; i++)
        continue;
    return argument;
}

static void *refuse_for_a_while(void *argument)
{
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    at_work = true;
    while (!asked)
        sleep_ms(1);
    counter = 77;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    counter = 78;
    return argument;
}

static void *read_for_ever(void *argument)
{
    int ends[2];
    char byte;

    if (pipe(ends) != 0)
        ends[0] = 0;
    at_work = true;
    (void)!read(ends[0], &byte, 1);
    for (;;)
        (void)pause();
    return argument;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void unlock(void *argument)
{
    cleaned += 100;
    (void)pthread_mutex_unlock(argument);
}

static void *wait_for_ever(void *argument)
{
    (void)pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    at_work = true;
    for (;;)
        (void)pthread_cond_wait(&condition, &mutex);
    pthread_cleanup_pop(1);
    return argument;
}

static void cancel(const char *what, void *(*body)(void *))
{
    pthread_t thread;
    void *result = NULL;

    at_work = asked = false;
    cleaned = counter = 0;
    thread = start(body, NULL);
    while (!at_work)
        sleep_ms(1);
    sleep_ms(5);
    (void)printf("%s: %d", what, pthread_cancel(thread));
    asked = true;
    (void)printf(", %d", pthread_join(thread, &result));
    (void)printf(", %s, cleaned %u, counter %u\n",
                 result == PTHREAD_CANCELED ? "cancelled" : "not cancelled", cleaned, counter);
}

static void cancelling(void)
{
    SECTION("cancel");
    cancel("in sleep", sleep_for_ever);
    cancel("in a loop", compute_for_ever);
    cancel("refused for a while", refuse_for_a_while);
    cancel("in pause", read_for_ever);
    cancel("waiting for a condition", wait_for_ever);
    VALUE(pthread_mutex_trylock(&mutex));
    VALUE(pthread_mutex_unlock(&mutex));
}

/* ---- Keys and once ------------------------------------------------------------------------- */

static pthread_key_t keys[3];
static unsigned destroyed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __thread unsigned own = 5;

static void destroy(void *value)
{
    (void)__atomic_fetch_add(&destroyed, (unsigned)(uintptr_t)value, __ATOMIC_SEQ_CST);
}

static void initialise(void)
{
    sleep_ms(10);
    counter++;
}

static void *use_keys(void *argument)
{
    unsigned number = (unsigned)(uintptr_t)argument;

    (void)pthread_once(&once, initialise);
    own += number;
    for (unsigned i = 0; i < 3; i++)
        (void)pthread_setspecific(keys[i], (void *)(uintptr_t)(number + i));
    (void)sched_yield();
    for (unsigned i = 0; i < 3; i++) {
        if (pthread_getspecific(keys[i]) != (void *)(uintptr_t)(number + i))
            (void)printf("wrong value\n");
    }
    return (void *)(uintptr_t)own;
}

static void specific(void)
{
    SECTION("keys, once, variables of threads");
    counter = 0;
    for (unsigned i = 0; i < 3; i++)
        VALUE(pthread_key_create(&keys[i], i < 2 ? destroy : NULL));
    for (unsigned i = 0; i < 8; i++)
        threads[i] = start(use_keys, (void *)(uintptr_t)(i + 1));
    for (unsigned i = 0; i < 8; i++)
        show("own", join(threads[i]));
    VALUE(destroyed);
    VALUE(counter);
    VALUE(own);
    VALUE(pthread_key_delete(keys[0]));
}

/* ---- Many ---------------------------------------------------------------------------------- */

static unsigned threads_of_process(void)
{
    char line[128];
    unsigned number = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (file && fgets(line, sizeof(line), file))
        (void)sscanf(line, "Threads: %u", &number);
    if (file)
        (void)fclose(file);
    return number;
}

static void many(void)
{
    unsigned made = 0, joined = 0;
    pthread_attr_t attributes;

    SECTION("a thousand at once");
    counter = 0;
    gate = 0;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, 64 << 10);
    while (made < AT_ONCE &&
           pthread_create(&threads[made], &attributes, count_at_gate, (void *)7L) == 0)
        made++;
    VALUE(made);
    while (__atomic_load_n(&counter, __ATOMIC_SEQ_CST) < made)
        sleep_ms(1);
    VALUE(threads_of_process());
    __atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
    (void)futex(&gate, FUTEX_WAKE | PRIVATE, INT_MAX);
    for (unsigned i = 0; i < made; i++)
        joined += join(threads[i]) == 7;
    VALUE(joined);
    SECTION("one after the other");
    counter = 0;
    for (unsigned i = 0; i < ONE_BY_ONE; i++)
        (void)join(start(count, NULL));
    VALUE(counter);
    for (int i = 0; i < 1000 && threads_of_process() > 1; i++)
        sleep_ms(1);
    VALUE(threads_of_process());
}

/* ---- C11 ----------------------------------------------------------------------------------- */

static mtx_t c_mutex;
static cnd_t c_condition;
static tss_t c_key;
static once_flag c_once = ONCE_FLAG_INIT;
static unsigned c_turn;

static int take_turns(void *argument)
{
    unsigned me = (unsigned)(uintptr_t)argument;

    call_once(&c_once, initialise);
    (void)tss_set(c_key, argument);
    for (unsigned i = 0; i < 100; i++) {
        (void)mtx_lock(&c_mutex);
        while (c_turn % 2 != me)
            (void)cnd_wait(&c_condition, &c_mutex);
        c_turn++;
        (void)cnd_broadcast(&c_condition);
        (void)mtx_unlock(&c_mutex);
    }
    thrd_yield();
    return (int)me + 10;
}

static void c_threads(void)
{
    struct timespec past = { 1, 0 };
    thrd_t pair[2];
    int result;

    SECTION("C11");
    counter = 0;
    FACT(mtx_init(&c_mutex, mtx_timed) == thrd_success);
    FACT(cnd_init(&c_condition) == thrd_success);
    FACT(tss_create(&c_key, NULL) == thrd_success);
    for (unsigned i = 0; i < 2; i++)
        FACT(thrd_create(&pair[i], take_turns, (void *)(uintptr_t)i) == thrd_success);
    for (unsigned i = 0; i < 2; i++) {
        FACT(thrd_join(pair[i], &result) == thrd_success);
        VALUE(result);
    }
    VALUE(c_turn);
    VALUE(counter);
    FACT(mtx_lock(&c_mutex) == thrd_success);
    FACT(mtx_trylock(&c_mutex) == thrd_busy);
    FACT(mtx_timedlock(&c_mutex, &past) == thrd_timedout);
    FACT(cnd_timedwait(&c_condition, &c_mutex, &past) == thrd_timedout);
    FACT(mtx_unlock(&c_mutex) == thrd_success);
    tss_delete(c_key);
    cnd_destroy(&c_condition);
    mtx_destroy(&c_mutex);
}

int main(void)
{
    joining();
    detaching();
    stacks();
    cancelling();
    specific();
    many();
    c_threads();
    return 0;
}
