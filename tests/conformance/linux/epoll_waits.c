/* epoll with threads: waiting, timeouts, signals and masks, several waiters, close meanwhile. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "with_epoll.h"
#include "with_threads.h"

#define PATIENCE_MS 5000

static int epoll, event;

static void begin(const char *name)
{
    SECTION(name);
    epoll = epoll_create1(0);
    event = eventfd(0, EFD_NONBLOCK);
}

static void end(void)
{
    close(event);
    close(epoll);
}

/* ---- Times --------------------------------------------------------------------------------- */

static void times(void)
{
    struct epoll_event got;
    struct timespec time = { 0, 30000000 };
    double before;

    begin("times");
    watch(epoll, event, EPOLLIN, 1);
    before = now_ms();
    CALL(epoll_wait(epoll, &got, 1, 30));
    FACT(now_ms() - before >= 30);
    before = now_ms();
    CALL(epoll_pwait(epoll, &got, 1, 30, NULL));
    FACT(now_ms() - before >= 30);
    before = now_ms();
    CALL(syscall(SYS_epoll_pwait2, epoll, &got, 1, &time, NULL, 0));
    FACT(now_ms() - before >= 30);
    FACT(time.tv_nsec == 30000000);
    eventfd_write(event, 1);
    CALL(epoll_wait(epoll, &got, 1, -1));
    CALL(syscall(SYS_epoll_pwait2, epoll, &got, 1, NULL, NULL, 0));
    end();
}

static void timers(void)
{
    struct itimerspec soon = { .it_value = { 0, 20000000 } };
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    uint64_t count;

    begin("timers");
    watch(epoll, timer, EPOLLIN | EPOLLET, 1);
    timerfd_settime(timer, 0, &soon, NULL);
    show_ready(epoll);
    show_ready_until(epoll, PATIENCE_MS);
    show_ready(epoll);
    VALUE(read(timer, &count, sizeof(count)));
    timerfd_settime(timer, 0, &soon, NULL);
    show_ready_until(epoll, -1);
    close(timer);
    end();
}

/* ---- Wakes --------------------------------------------------------------------------------- */

static void *write_later(void *argument)
{
    sleep_ms(20);
    if (eventfd_write(event, 1) != 0)
        printf("cannot write\n");
    return argument;
}

static void woken(void)
{
    pthread_t writer;

    begin("woken");
    watch(epoll, event, EPOLLIN, 1);
    pthread_create(&writer, NULL, write_later, NULL);
    show_ready_until(epoll, -1);
    pthread_join(writer, NULL);
    end();
}

static void *add_later(void *argument)
{
    sleep_ms(20);
    watch(epoll, event, EPOLLIN, 3);
    return argument;
}

static void added_meanwhile(void)
{
    pthread_t adder;

    begin("added meanwhile");
    eventfd_write(event, 1);
    pthread_create(&adder, NULL, add_later, NULL);
    show_ready_until(epoll, -1);
    pthread_join(adder, NULL);
    CALL(watch_again(epoll, event, 0, 3));
    show_ready(epoll);
    end();
}

static void *close_later(void *argument)
{
    sleep_ms(20);
    close(epoll);
    eventfd_write(event, 1);
    return argument;
}

/* Who waits goes on with what it has opened. */
static void closed_meanwhile(void)
{
    pthread_t closer;

    begin("closed meanwhile");
    watch(epoll, event, EPOLLIN, 1);
    pthread_create(&closer, NULL, close_later, NULL);
    show_ready_until(epoll, PATIENCE_MS);
    pthread_join(closer, NULL);
    close(event);
}

static void through_another(void)
{
    int outer = epoll_create1(0), outermost = epoll_create1(0);
    pthread_t writer;

    begin("through another");
    watch(epoll, event, EPOLLIN, 1);
    watch(outer, epoll, EPOLLIN, 2);
    watch(outermost, outer, EPOLLIN | EPOLLET, 3);
    pthread_create(&writer, NULL, write_later, NULL);
    show_ready_until(outermost, -1);
    pthread_join(writer, NULL);
    show_ready(outermost);
    show_ready(outer);
    show_ready(epoll);
    close(outer);
    close(outermost);
    end();
}

/* ---- Several waiters ----------------------------------------------------------------------- */

enum { WAITERS = 4 };

static _Atomic int have_one;

static void *wait_for_one(void *argument)
{
    struct epoll_event got;
    int count = epoll_wait(epoll, &got, 1, PATIENCE_MS);

    (void)argument;
    have_one += count == 1;
    return (void *)(intptr_t)(count == 1 ? (intptr_t)got.data.u64 : -1);
}

/* As many files as waiters, made ready at once: each waiter gets one. */
static void each_gets_one(void)
{
    pthread_t waiters[WAITERS];
    int files[WAITERS];
    intptr_t sum = 0;

    begin("each gets one");
    for (int i = 0; i < WAITERS; i++) {
        files[i] = eventfd(0, 0);
        watch(epoll, files[i], EPOLLIN | EPOLLET, (uint64_t)i + 1);
        pthread_create(&waiters[i], NULL, wait_for_one, NULL);
    }
    sleep_ms(20);
    for (int i = 0; i < WAITERS; i++)
        eventfd_write(files[i], 1);
    for (int i = 0; i < WAITERS; i++) {
        void *got;

        pthread_join(waiters[i], &got);
        sum += (intptr_t)got;
    }
    VALUE(sum);
    for (int i = 0; i < WAITERS; i++)
        close(files[i]);
    end();
}

/* One edge wakes one of them; two that nobody has taken in between would be one. */
static void one_of_many(void)
{
    pthread_t waiters[WAITERS];
    int woken = 0;

    begin("one of many");
    have_one = 0;
    watch(epoll, event, EPOLLIN | EPOLLET, 1);
    for (int i = 0; i < WAITERS; i++)
        pthread_create(&waiters[i], NULL, wait_for_one, NULL);
    for (int i = 0; i < WAITERS; i++) {
        sleep_ms(10);
        FACT(have_one <= i);
        eventfd_write(event, 1);
        for (int wait = 0; wait < PATIENCE_MS && have_one <= i; wait++)
            sleep_ms(1);
    }
    for (int i = 0; i < WAITERS; i++) {
        void *got;

        pthread_join(waiters[i], &got);
        woken += got == (void *)1;
    }
    VALUE(woken);
    end();
}

/* Workers share the work of many one-shot files; nothing is done twice or lost. */
enum { FILES = 8, ROUNDS = 200 };

static int work_files[FILES];
static _Atomic unsigned done_work;

static void *worker(void *argument)
{
    struct epoll_event got[3];
    eventfd_t value;

    for (;;) {
        int count = epoll_wait(epoll, got, 3, PATIENCE_MS);

        for (int i = 0; i < count; i++) {
            if (got[i].data.u64 == FILES)
                return argument;
            if (eventfd_read(work_files[got[i].data.u64], &value) == 0)
                done_work += (unsigned)value;
            watch_again(epoll, work_files[got[i].data.u64], EPOLLIN | EPOLLONESHOT,
                        got[i].data.u64);
        }
        if (count <= 0)
            return NULL;
    }
}

static void workers(void)
{
    pthread_t threads[WAITERS];

    begin("workers");
    for (int i = 0; i < FILES; i++) {
        work_files[i] = eventfd(0, EFD_NONBLOCK);
        watch(epoll, work_files[i], EPOLLIN | EPOLLONESHOT, (uint64_t)i);
    }
    for (int i = 0; i < WAITERS; i++)
        pthread_create(&threads[i], NULL, worker, threads);
    for (int i = 0; i < ROUNDS; i++)
        eventfd_write(work_files[i % FILES], 1);
    for (int i = 0; i < PATIENCE_MS && done_work < ROUNDS; i++)
        sleep_ms(1);
    VALUE(done_work);
    watch(epoll, event, EPOLLIN, FILES);
    eventfd_write(event, 1);
    for (int i = 0; i < WAITERS; i++) {
        void *result;

        pthread_join(threads[i], &result);
        FACT(result == threads);
    }
    for (int i = 0; i < FILES; i++)
        close(work_files[i]);
    end();
}

/* ---- Signals ------------------------------------------------------------------------------- */

static _Atomic int handled;

static void handler(int number)
{
    (void)number;
    handled++;
}

static void alarm_soon(int signal)
{
    struct sigevent how = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal };
    struct itimerspec soon = { .it_value = { 0, 20000000 } };
    timer_t timer;

    FACT(timer_create(CLOCK_MONOTONIC, &how, &timer) == 0);
    timer_settime(timer, 0, &soon, NULL);
}

static void signals(void)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    struct epoll_event got;
    sigset_t mask, open;

    begin("signals");
    sigaction(SIGUSR1, &action, NULL);
    watch(epoll, event, EPOLLIN, 1);
    alarm_soon(SIGUSR1);
    CALL(epoll_wait(epoll, &got, 1, -1));
    VALUE(handled);
    sigemptyset(&open);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    raise(SIGUSR1);
    CALL(epoll_wait(epoll, &got, 1, 0));
    CALL(epoll_wait(epoll, &got, 1, 10));
    VALUE(handled);
    CALL(epoll_pwait(epoll, &got, 1, 0, &open));
    VALUE(handled);
    CALL(epoll_pwait(epoll, &got, 1, -1, &open));
    VALUE(handled);
    raise(SIGUSR1);
    eventfd_write(event, 1);
    CALL(epoll_pwait(epoll, &got, 1, -1, &open));
    VALUE(handled);
    CALL(sigismember(&mask, SIGUSR1));
    sigprocmask(SIG_UNBLOCK, &mask, NULL);
    VALUE(handled);
    end();
}

/* A signalfd in an epoll says what there is for who made it watched. */
static void signal_files(void)
{
    struct signalfd_siginfo information;
    sigset_t mask;
    int file, ends[2];
    char end_byte;

    begin("signal files");
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    file = signalfd(-1, &mask, SFD_NONBLOCK);
    watch(epoll, file, EPOLLIN, 1);
    show_ready(epoll);
    alarm_soon(SIGUSR2);
    show_ready_until(epoll, -1);
    VALUE(read(file, &information, sizeof(information)));
    show_ready(epoll);
    FACT(pipe(ends) == 0);
    if (fork() == 0) {
        pid_t child = getpid();

        close(epoll);
        epoll = epoll_create1(0);
        watch(epoll, file, EPOLLIN, 2);
        raise(SIGUSR2);
        show_ready(epoll);
        if (fork() == 0) {
            /* The one whose signals are watched goes first. */
            for (int i = 0; i < PATIENCE_MS && getppid() == child; i++)
                sleep_ms(1);
            show_ready(epoll);
            close(file);
            show_ready(epoll);
            close(epoll);
        }
        _exit(0);
    }
    close(ends[1]);
    VALUE(read(ends[0], &end_byte, 1));    /* when both are gone */
    FACT(wait(NULL) > 0);
    close(ends[0]);
    close(file);
    end();
}

int main(void)
{
    times();
    timers();
    woken();
    added_meanwhile();
    closed_meanwhile();
    through_another();
    each_gets_one();
    one_of_many();
    workers();
    signals();
    signal_files();
    return 0;
}
