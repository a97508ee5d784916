/* Ends: of threads alone, of the main thread, and of a process whose threads are in every state. */
#include "with_threads.h"

static uint32_t word, lock;
static volatile unsigned at_work, ready;

static void *sleep_long(void *argument)
{
    ready++;
    sleep_ms(100000);
    return argument;
}

static void *spin(void *argument)
{
    ready++;
    for (;;)
        at_work++;
    return argument;
}

static void *wait_on_word(void *argument)
{
    ready++;
    (void)futex(&word, FUTEX_WAIT, 0);
    return argument;
}

static void *wait_for_lock(void *argument)
{
    ready++;
    (void)futex(&lock, FUTEX_LOCK_PI, 0);
    return argument;
}

static void *wait_for_input(void *argument)
{
    int pipe_ends[2];
    char byte;

    ready++;
    if (pipe(pipe_ends) == 0)
        (void)!read(pipe_ends[0], &byte, 1);
    (void)pause();
    return argument;
}

static void *wait_for_signal(void *argument)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    ready++;
    (void)pause();
    return argument;
}

static void *make_calls(void *argument)
{
    ready++;
    for (;;)
        (void)syscall(SYS_gettid);
    return argument;
}

static unsigned living;

static void *live_shortly(void *argument)
{
    (void)futex(&word, FUTEX_WAIT, 0);
    (void)__atomic_fetch_sub(&living, 1, __ATOMIC_SEQ_CST);
    return argument;
}

static void *make_threads(void *argument)
{
    pthread_t thread;
    bool counted = false;

    for (;;) {
        if (__atomic_load_n(&living, __ATOMIC_SEQ_CST) < 20 &&
            pthread_create(&thread, NULL, live_shortly, NULL) == 0) {
            (void)__atomic_fetch_add(&living, 1, __ATOMIC_SEQ_CST);
            (void)pthread_detach(thread);
        }
        if (!counted)
            ready++;
        counted = true;
        (void)futex(&word, FUTEX_WAKE, 10);
    }
    return argument;
}

static void *end_now(void *argument)
{
    return argument;
}

static void ends_of_threads(void)
{
    pthread_t thread;
    int id = own_id();

    SECTION("threads");
    show("returns", join(start(end_now, (void *)5L)));
    thread = start(wait_on_word, NULL);
    await_waiters(&word, 0, 1);
    FACT(pthread_kill(thread, 0) == 0);
    (void)futex(&word, FUTEX_WAKE, 1);
    (void)join(thread);
    CALL(syscall(SYS_tgkill, getpid(), id, 0));
    CALL(syscall(SYS_tgkill, getpid() + 100000, id, 0));
    CALL(syscall(SYS_tgkill, -1, id, 0));
    CALL(syscall(SYS_tgkill, getpid(), 0, 0));
    CALL(syscall(SYS_tgkill, getpid(), id, 65));
    CALL(syscall(SYS_tgkill, getpid(), id, -1));
    CALL(syscall(SYS_tgkill, getpid(), 0x3ffffff0, 0));
    CALL(syscall(SYS_tkill, id, 0));
    CALL(syscall(SYS_tkill, 0, 0));
    CALL(syscall(SYS_tkill, 0x3ffffff0, 0));
    FACT(syscall(SYS_set_tid_address, NULL) == id);
    FACT(syscall(SYS_gettid) == id && getpid() == id);
}

/* The main thread ends; others go on; one of them ends the process. */
static void *end_process(void *argument)
{
    (void)argument;
    sleep_ms(20);
    (void)printf("the main thread has ended\n");
    (void)fflush(stdout);
    CALL(syscall(SYS_tgkill, getpid(), getpid(), 0));
    FACT(getpid() != own_id());
    syscall(SYS_exit_group, 41);
    return NULL;
}

int main(void)
{
    static void *(*const bodies[])(void *) = { sleep_long, spin, wait_on_word, wait_for_lock,
                                               wait_for_input, wait_for_signal, make_calls,
                                               make_threads };

    ends_of_threads();
    SECTION("a process whose threads are in every state");
    (void)fflush(stdout);
    (void)futex(&lock, FUTEX_LOCK_PI, 0);
    for (size_t i = 0; i < COUNT(bodies); i++)
        (void)start(bodies[i], NULL);
    while (ready < COUNT(bodies))
        sleep_ms(1);
    sleep_ms(20);
    (void)start(end_process, NULL);
    syscall(SYS_exit, 3);
    return 0;
}
