/* Calls about processes that are given the id of a thread which is not the first of its process. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "with_threads.h"

static volatile int thread_id;
static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    signals++;
}

static void *wait_for_end(void *argument)
{
    thread_id = (int)syscall(SYS_gettid);
    (void)pthread_barrier_wait(argument);
    (void)pthread_barrier_wait(argument);
    return NULL;
}

int main(void)
{
    siginfo_t information = { .si_code = SI_QUEUE };
    pthread_barrier_t barrier;
    struct rlimit limit;
    pthread_t thread;

    (void)signal(SIGUSR1, on_signal);
    (void)pthread_barrier_init(&barrier, NULL, 2);
    (void)pthread_create(&thread, NULL, wait_for_end, &barrier);
    (void)pthread_barrier_wait(&barrier);
    CALL(kill(thread_id, 0));
    CALL(kill(thread_id, SIGUSR1));
    while (signals < 1)
        sched_yield();
    information.si_signo = SIGUSR1;
    CALL(syscall(SYS_rt_sigqueueinfo, thread_id, SIGUSR1, &information));
    while (signals < 2)
        sched_yield();
    CALL(kill(-thread_id, 0));
    FACT(getpgid(thread_id) == getpgrp());
    FACT(getsid(thread_id) == getsid(0));
    CALL(setpgid(thread_id, 0));
    CALL(syscall(SYS_prlimit64, thread_id, RLIMIT_NOFILE, NULL, &limit));
    CALL(getpriority(PRIO_PROCESS, (id_t)thread_id) < 20);
    CALL(getpriority(PRIO_PGRP, (id_t)thread_id));
    CALL(waitpid(thread_id, NULL, WNOHANG));
    CALL(syscall(SYS_pidfd_open, thread_id, 0));
    (void)pthread_barrier_wait(&barrier);
    (void)pthread_join(thread, NULL);
    return 0;
}
