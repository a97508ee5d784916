/* futex: what a signal does to each kind of wait, with and without a handler, and SA_RESTART. */
#include "with_threads.h"

static uint32_t word, lock;
static volatile unsigned handled;
static volatile int waiter_id;
static volatile bool is_over;

static void handle(int number)
{
    (void)number;
    handled++;
}

/* A kind of wait.  All end by a wake-up or by their time when no signal ends them. */
enum kind {
    KIND_WAIT, KIND_WAIT_TIME, KIND_BITS, KIND_BITS_TIME, KIND_BITS_REAL, KIND_LOCK, KIND_LOCK_2,
    KIND_LOCK_TIME, KIND_MANY, KIND_MANY_TIME, KIND_NEW, KIND_NEW_TIME, KINDS
};
static const char *const kind_names[KINDS] = {
    "WAIT", "WAIT with a time", "WAIT_BITSET", "WAIT_BITSET with a time",
    "WAIT_BITSET with a real time", "LOCK_PI", "LOCK_PI2", "LOCK_PI with a time", "futex_waitv",
    "futex_waitv with a time", "futex_wait", "futex_wait with a time"
};

static bool is_lock(enum kind kind)
{
    return kind == KIND_LOCK || kind == KIND_LOCK_2 || kind == KIND_LOCK_TIME;
}

static long call(enum kind kind)
{
    struct futex_waitv one = { .uaddr = (uintptr_t)&word, .flags = 2 };
    struct timespec relative = { 5, 0 };
    struct timespec absolute = from_now(CLOCK_MONOTONIC, 5000);
    struct timespec real = from_now(CLOCK_REALTIME, 5000);

    switch (kind) {
    case KIND_WAIT:
        return futex(&word, FUTEX_WAIT, 0);
    case KIND_WAIT_TIME:
        return futex(&word, FUTEX_WAIT, 0, &relative);
    case KIND_BITS:
        return futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 3);
    case KIND_BITS_TIME:
        return futex(&word, FUTEX_WAIT_BITSET, 0, &absolute, NULL, 3);
    case KIND_BITS_REAL:
        return futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &real, NULL, 3);
    case KIND_LOCK:
        return futex(&lock, FUTEX_LOCK_PI, 0);
    case KIND_LOCK_2:
        return futex(&lock, FUTEX_LOCK_PI2, 0);
    case KIND_LOCK_TIME:
        return futex(&lock, FUTEX_LOCK_PI, 0, &real);
    case KIND_MANY:
        return syscall(CALL_FUTEX_WAITV, &one, 1, 0, NULL, 0);
    case KIND_MANY_TIME:
        return syscall(CALL_FUTEX_WAITV, &one, 1, 0, &absolute, CLOCK_MONOTONIC);
    case KIND_NEW:
        return syscall(CALL_FUTEX_WAIT, &word, 0, 3, 2, NULL, 0);
    case KIND_NEW_TIME:
        return syscall(CALL_FUTEX_WAIT, &word, 0, 3, 2, &absolute, CLOCK_MONOTONIC);
    case KINDS:
        break;
    }
    return 0;
}

static void *wait_in_kind(void *argument)
{
    enum kind kind = (enum kind)(uintptr_t)argument;
    void *result;

    waiter_id = own_id();
    result = answer(call(kind));
    is_over = true;
    if (is_lock(kind) && result == NULL)
        (void)futex(&lock, FUTEX_UNLOCK_PI, 0);
    return result;
}

static void await_wait(enum kind kind)
{
    if (is_lock(kind))
        await_lock_waiter(&lock);
    else
        await_waiters(&word, 0, 1);
}

/* Until the signal's handler, if it has one, has run, and the wait is over or goes on. */
static void await_signal(int number)
{
    for (int i = 0; i < MEMBER_PATIENCE_MS; i++) {
        sleep_ms(1);
        if (number == SIGUSR1 && !handled)
            continue;
        if (is_over || state_of_thread("self", waiter_id) == 'S')
            return;
    }
    (void)printf("the signal does not arrive\n");
}

/* One signal while it waits; then, if it still does, a wake-up. */
static void try_kind(enum kind kind, const char *how, int number)
{
    pthread_t thread;

    word = lock = 0;
    handled = 0;
    is_over = false;
    (void)futex(&lock, FUTEX_LOCK_PI, 0);
    thread = start(wait_in_kind, (void *)(uintptr_t)kind);
    await_wait(kind);
    (void)pthread_kill(thread, number);
    await_signal(number);
    (void)futex(&word, FUTEX_WAKE, 1);
    (void)futex(&lock, FUTEX_UNLOCK_PI, 0);
    (void)printf("%s, %s", kind_names[kind], how);
    show("", join(thread));
    if (number == SIGUSR1)
        (void)printf("handled %u times\n", handled);
}

/* Signals without a handler, again and again: a wait with a time goes on with what is left. */
static volatile bool stop;

static void *disturb(void *argument)
{
    while (!stop) {
        (void)syscall(SYS_tgkill, getpid(), (int)(intptr_t)argument, SIGWINCH);
        sleep_ms(10);
    }
    return NULL;
}

static void time_goes_on(void)
{
    struct timespec relative = { 0, 200000000 };
    pthread_t thread = start(disturb, (void *)(intptr_t)own_id());
    double before = now_ms(), spent;
    long result;

    word = 0;
    result = (long)(intptr_t)answer(futex(&word, FUTEX_WAIT, 0, &relative));
    show("disturbed, but no handler", result);
    spent = now_ms() - before;
    if (spent < 199 || spent > 2000)
        (void)printf("it takes %.0f ms\n", spent);
    stop = true;
    (void)join(thread);
}

int main(void)
{
    struct sigaction action = { .sa_handler = handle };

    word = 0;
    for (enum kind kind = KIND_WAIT; kind < KINDS; kind++) {
        action.sa_handler = handle;
        action.sa_flags = 0;
        (void)sigaction(SIGUSR1, &action, NULL);
        try_kind(kind, "a handler", SIGUSR1);
        action.sa_flags = SA_RESTART;
        (void)sigaction(SIGUSR1, &action, NULL);
        try_kind(kind, "a handler with SA_RESTART", SIGUSR1);
        try_kind(kind, "a signal that is ignored", SIGCHLD);
    }
    time_goes_on();
    return 0;
}
