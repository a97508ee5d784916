/* rt_sigtimedwait: what it takes, how it ends, and what happens to signals that are ignored or not
 * waited for. */
#include <pthread.h>

#include "with_signals.h"

#define WILD ((void *)1)
#define WAITED (BIT(SIGUSR1) | BIT(SIGUSR2))

static long wait_ms(unsigned long set, siginfo_t *information, long ms)
{
    const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

    return syscall(SYS_rt_sigtimedwait, &set, information, ms < 0 ? NULL : &time, 8);
}

static void errors(void)
{
    static const struct timespec bad[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000000 } };
    const struct timespec never = { 0, 0 };
    unsigned long set = WAITED;

    SECTION("errors");
    CALL(syscall(SYS_rt_sigtimedwait, &set, NULL, &never, 4));
    CALL(syscall(SYS_rt_sigtimedwait, WILD, NULL, &never, 8));
    CALL(syscall(SYS_rt_sigtimedwait, WILD, NULL, WILD, 4));
    CALL(syscall(SYS_rt_sigtimedwait, &set, NULL, WILD, 8));
    for (size_t i = 0; i < COUNT(bad); i++)
        CALL(syscall(SYS_rt_sigtimedwait, &set, NULL, &bad[i], 8));
    CALL(syscall(SYS_rt_sigtimedwait, &set, NULL, &never, 8));
    CALL(wait_ms(0, NULL, 0));
    CALL(raise(SIGUSR1));
    CALL(syscall(SYS_rt_sigtimedwait, &set, WILD, &never, 8));    /* it is taken all the same */
    CALL(wait_ms(set, NULL, 0));
}

static double since(const struct timespec *start)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) * 1e3 +
           (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

static pthread_t main_thread;
static pid_t main_id;

enum sender { SEND_PROCESS, SEND_THREAD, SEND_OTHER, SEND_IGNORED_FIRST };

static void *send_when_asleep(void *how)
{
    (void)change_mask(SIG_SETMASK, ~0UL);
    await_state(main_id, 'S');
    switch ((enum sender)(intptr_t)how) {
    case SEND_PROCESS:
        (void)kill(getpid(), SIGUSR1);
        break;
    case SEND_THREAD:
        (void)syscall(SYS_tgkill, getpid(), main_id, SIGUSR2);
        break;
    case SEND_OTHER:
        (void)kill(getpid(), SIGHUP);
        break;
    case SEND_IGNORED_FIRST:
        (void)kill(getpid(), SIGWINCH);    /* ignored by default, and not waited for */
        pause_ms(20);
        (void)kill(getpid(), SIGURG);
        break;
    }
    return NULL;
}

static void while_asleep(enum sender how, unsigned long set)
{
    siginfo_t information = { .si_signo = 0 };
    pthread_t thread;

    if (pthread_create(&thread, NULL, send_when_asleep, (void *)(intptr_t)how) != 0)
        printf("no thread\n");
    CALL(wait_ms(set, &information, -1));
    VALUE(information.si_signo);
    VALUE(information.si_code);
    (void)pthread_join(thread, NULL);
    printf("mask %#lx pending %#lx seen %d\n", change_mask(SIG_BLOCK, 0), pending(),
           (int)seen[SIGHUP]);
}

static void asleep(void)
{
    struct timespec start;

    SECTION("sent while it waits");
    while_asleep(SEND_PROCESS, WAITED);
    while_asleep(SEND_THREAD, WAITED);
    SECTION("another one, with a handler");
    while_asleep(SEND_OTHER, WAITED);
    handle(SIGHUP, SA_RESTART);    /* is not repeated either */
    while_asleep(SEND_OTHER, WAITED);
    SECTION("one that is ignored, and one that would be if nobody waited");
    while_asleep(SEND_IGNORED_FIRST, BIT(SIGURG));
    SECTION("a time limit");
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    CALL(wait_ms(WAITED, NULL, 30));
    FACT(since(&start) >= 30);
}

static void not_blocked(void)
{
    SECTION("waited for without being blocked");
    (void)change_mask(SIG_SETMASK, 0);
    handle(SIGUSR1, 0);
    (void)raise(SIGUSR1);
    VALUE(seen[SIGUSR1]);
    CALL(wait_ms(WAITED, NULL, 0));
    (void)change_mask(SIG_SETMASK, WAITED);
}

static void *two_wait(void *argument)
{
    siginfo_t information;
    long number;

    (void)argument;
    do
        number = wait_ms(WAITED, &information, -1);
    while (number < 0 && errno == EINTR);    /* woken for one that another took */
    return (void *)(intptr_t)number;
}

/* Of several threads that wait, each signal goes to one; none waits for ever. */
static void herd(void)
{
    pthread_t threads[8];
    int ones = 0, twos = 0;

    SECTION("eight threads wait");
    for (size_t i = 0; i < COUNT(threads); i++)
        (void)pthread_create(&threads[i], NULL, two_wait, NULL);
    for (size_t i = 0; i < COUNT(threads); i++) {
        while (pending() & WAITED)
            pause_ms(1);
        (void)kill(getpid(), i % 2 ? SIGUSR1 : SIGUSR2);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *number;

        (void)pthread_join(threads[i], &number);
        ones += (intptr_t)number == SIGUSR1;
        twos += (intptr_t)number == SIGUSR2;
    }
    VALUE(ones);
    VALUE(twos);
    printf("%#lx\n", pending());
}

static void unstoppable(void)
{
    SECTION("SIGKILL and SIGSTOP cannot be waited for");
    CALL(wait_ms(BIT(SIGKILL) | BIT(SIGSTOP), NULL, 1));
}

static void wait_in_child(void)
{
    CALL(wait_ms(WAITED, NULL, -1));
}

static void stopped(void)
{
    pid_t child;
    int status;

    SECTION("stopped and continued: it ends");
    child = spawn(wait_in_child);
    await_state(child, 'S');
    (void)kill(child, SIGSTOP);
    (void)waitpid(child, &status, WUNTRACED);
    show_status("child", status);
    (void)kill(child, SIGCONT);
    reap("child", child);
}

int main(void)
{
    main_thread = pthread_self();
    main_id = thread_id();
    handle(SIGHUP, 0);
    (void)change_mask(SIG_SETMASK, WAITED | BIT(SIGURG));
    errors();
    asleep();
    not_blocked();
    herd();
    unstoppable();
    stopped();
    return 0;
}
