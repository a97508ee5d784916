/* Signals and several threads: who takes what, and what happens to a signal whose thread leaves or
 * blocks it. */
#include <pthread.h>

#include "with_signals.h"

static pid_t main_id;
static volatile pid_t ids[4];
static volatile int begun, leave, blocks_now;

static pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, body, argument) != 0) {
        printf("no thread\n");
        exit(1);
    }
    return thread;
}

/* Sleeps in a call that handlers interrupt, until it is told to go. */
static void *rest(void *argument)
{
    int index = (int)(intptr_t)argument;

    ids[index] = thread_id();
    __atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST);
    while (!leave)
        pause_ms(1);
    return NULL;
}

static void show_taker(const char *what)
{
    const char *who = "nobody";

    if (last_thread == main_id)
        who = "the first thread";
    for (int i = 0; i < 4; i++) {
        if (last_thread == ids[i])
            who = "another thread";
    }
    printf("%s: %s\n", what, who);
    last_thread = 0;
}

static void await_seen(int number, int count)
{
    for (int i = 0; i < PATIENCE_MS && seen[number] < count; i++)
        pause_ms(1);
}

static void choice(void)
{
    pthread_t thread = start(rest, NULL);

    SECTION("for the process: its first thread, if that does not block it");
    await(&begun, 1);
    handle(SIGUSR1, 0);
    CALL(kill(getpid(), SIGUSR1));
    await_seen(SIGUSR1, 1);
    show_taker("not blocked");
    (void)change_mask(SIG_BLOCK, BIT(SIGUSR1));
    CALL(kill(getpid(), SIGUSR1));
    await_seen(SIGUSR1, 2);
    show_taker("blocked");
    CALL(syscall(SYS_tgkill, getpid(), main_id, SIGUSR1));
    printf("pending %#lx\n", pending());
    CALL(syscall(SYS_tgkill, getpid(), ids[0], SIGUSR1));
    await_seen(SIGUSR1, 3);
    show_taker("to the other");
    (void)change_mask(SIG_UNBLOCK, BIT(SIGUSR1));
    VALUE(seen[SIGUSR1]);
    show_taker("to the first");
    SECTION("ignored, but blocked by the first: it is dropped or kept by the first's mask");
    (void)signal(SIGUSR2, SIG_IGN);
    CALL(kill(getpid(), SIGUSR2));
    printf("pending %#lx\n", pending());
    (void)change_mask(SIG_BLOCK, BIT(SIGUSR2));
    CALL(kill(getpid(), SIGUSR2));
    pause_ms(20);    /* the other one may take it, and ignores it */
    (void)change_mask(SIG_UNBLOCK, BIT(SIGUSR2));
    leave = 1;
    (void)pthread_join(thread, NULL);
    leave = begun = 0;
}

/* ---- Handing on ---------------------------------------------------------------------------- */

static void *block_all_and_rest(void *argument)
{
    (void)change_mask(SIG_SETMASK, ~0UL);
    return rest(argument);
}

static void *unblock_late(void *argument)
{
    ids[(intptr_t)argument] = thread_id();
    (void)change_mask(SIG_SETMASK, ~0UL);
    __atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST);
    while (!blocks_now)
        pause_ms(1);
    (void)change_mask(SIG_SETMASK, 0);
    return NULL;
}

static void all_block(void)
{
    pthread_t sleeper, late;

    SECTION("all block it: it waits for the first that does not");
    (void)change_mask(SIG_BLOCK, BIT(SIGUSR1));
    sleeper = start(block_all_and_rest, (void *)0);
    late = start(unblock_late, (void *)1);
    await(&begun, 2);
    CALL(kill(getpid(), SIGUSR1));
    printf("pending %#lx\n", pending());
    blocks_now = 1;
    (void)pthread_join(late, NULL);
    show_taker("late");
    printf("pending %#lx\n", pending());
    (void)change_mask(SIG_UNBLOCK, BIT(SIGUSR1));
    leave = 1;
    (void)pthread_join(sleeper, NULL);
    leave = begun = blocks_now = 0;
}

static void *exit_with_pending(void *argument)
{
    (void)argument;
    (void)change_mask(SIG_SETMASK, ~0UL);
    (void)kill(getpid(), SIGUSR1);                                      /* stays */
    (void)syscall(SYS_tgkill, getpid(), thread_id(), SIGUSR2);          /* goes with it */
    return NULL;
}

static void leaving(void)
{
    SECTION("a thread leaves: what was its own goes with it");
    (void)change_mask(SIG_SETMASK, ~0UL);
    (void)pthread_join(start(exit_with_pending, NULL), NULL);
    printf("pending %#lx\n", pending());
    FACT(take(~0UL, NULL) == SIGUSR1);
    FACT(take(~0UL, NULL) == 0);
    (void)change_mask(SIG_SETMASK, 0);
}

static void *count_in_suspend(void *argument)
{
    const unsigned long none = 0;
    int *count = argument;

    (void)change_mask(SIG_SETMASK, ~0UL);
    __atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST);
    while (!leave) {
        unsigned long set = none;

        (void)syscall(SYS_rt_sigsuspend, &set, 8);
        if (last_thread == thread_id())
            (*count)++;
    }
    return NULL;
}

/* No signal is lost, however its takers come and go: real-time ones are counted. */
static void many(void)
{
    enum { ROUNDS = 300 };
    pthread_t threads[3];
    int counts[3] = { 0 };
    int number = FIRST_REAL_TIME;

    SECTION("many signals, three threads that suspend");
    handle(number, 0);
    (void)change_mask(SIG_SETMASK, ~0UL);
    for (int i = 0; i < 3; i++)
        threads[i] = start(count_in_suspend, &counts[i]);
    await(&begun, 3);
    for (int i = 0; i < ROUNDS; i++) {
        if (queue(getpid(), number, SI_QUEUE, i) != 0)
            printf("cannot queue: %s\n", error_name(errno));
    }
    await_seen(number, ROUNDS);
    VALUE(seen[number] > ROUNDS - 100);    /* not counted atomically */
    printf("pending %#lx\n", pending());
    leave = 1;
    for (int i = 0; i < 3; i++) {
        while (pthread_tryjoin_np(threads[i], NULL) != 0) {
            (void)kill(getpid(), SIGUSR1);
            pause_ms(1);
        }
    }
    while (take(~0UL, NULL) != 0)
        continue;
    (void)change_mask(SIG_SETMASK, 0);
    leave = begun = 0;
}

static void *inherit(void *argument)
{
    stack_t stack;

    (void)argument;
    printf("mask %#lx pending %#lx\n", change_mask(SIG_BLOCK, 0), pending());
    CALL(sigaltstack(NULL, &stack));
    VALUE(stack.ss_flags);
    return NULL;
}

static void inherits(void)
{
    static char memory[65536];
    const stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };

    SECTION("a new thread has the mask, not what is pending, no other stack");
    (void)change_mask(SIG_SETMASK, BIT(SIGUSR2));
    CALL(syscall(SYS_tgkill, getpid(), main_id, SIGUSR2));
    CALL(sigaltstack(&stack, NULL));
    (void)pthread_join(start(inherit, NULL), NULL);
    FACT(take(BIT(SIGUSR2), NULL) == SIGUSR2);
    (void)change_mask(SIG_SETMASK, 0);
}

/* ---- Death --------------------------------------------------------------------------------- */

static void *die(void *argument)
{
    (void)argument;
    (void)change_mask(SIG_SETMASK, 0);
    (void)syscall(SYS_tgkill, getpid(), thread_id(), SIGUSR1);
    return NULL;
}

static void kill_own_thread(void)
{
    pthread_t thread;

    (void)signal(SIGUSR1, SIG_DFL);
    (void)change_mask(SIG_SETMASK, ~0UL);
    thread = start(die, NULL);
    (void)pthread_join(thread, NULL);
    pause_ms(PATIENCE_MS);
    printf("survived\n");
}

static void *fault(void *argument)
{
    *(volatile int *)argument = 1;
    return NULL;
}

static void fault_in_thread(void)
{
    (void)pthread_join(start(fault, (void *)16), NULL);
    printf("survived\n");
}

static void *kill_others(void *argument)
{
    (void)argument;
    await_state(getpid(), 'S');
    (void)kill(getpid(), SIGKILL);
    return NULL;
}

static void killed_asleep(void)
{
    (void)change_mask(SIG_SETMASK, ~0UL);
    (void)start(kill_others, NULL);
    for (;;)
        (void)pause();
}

static void *leave_group(void *argument)
{
    (void)argument;
    await_state(getpid(), 'Z');    /* the first thread has left */
    (void)kill(getpid(), SIGTERM);
    pause_ms(PATIENCE_MS);
    return NULL;
}

static void first_has_left(void)
{
    (void)start(leave_group, NULL);
    pthread_exit(NULL);
}

int main(void)
{
    main_id = thread_id();
    choice();
    all_block();
    leaving();
    many();
    inherits();
    SECTION("death of all threads");
    reap("a thread kills itself", spawn(kill_own_thread));
    reap("a thread faults", spawn(fault_in_thread));
    reap("all block it", spawn(killed_asleep));
    reap("the first thread has left", spawn(first_has_left));
    return 0;
}
