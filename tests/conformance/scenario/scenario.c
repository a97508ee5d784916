/*
 * A program that is different for each number it is given: threads that lock in all ways there are,
 * wait for conditions, send each other signals, sleep, end with locks held, and fork children that
 * die with locks of theirs.  At the end everything that was done must have been counted.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 6
#define ROUNDS 14

/* What is done to each of these is counted twice: here, and by who does it. */
enum { PLAIN, INHERITING, ROBUST, SHARED, COUNTERS };

struct shared {
    pthread_mutex_t mutex;
    uint64_t counter;
};

struct member {
    pthread_t thread;
    uint64_t random;
    uint64_t counted[COUNTERS];
    uint64_t posted, taken, produced, consumed;
};

static unsigned thread_count;
static struct member members[THREADS_MAX];
static struct shared *shared;
static pthread_mutex_t mutexes[SHARED];
static uint64_t counters[COUNTERS];
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static uint64_t goods;    /* protected by mutexes[PLAIN] */
static sem_t semaphore;
static pthread_barrier_t start;
static _Atomic unsigned signals_handled;

static void check(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "scenario: %s\n", what);
    abort();
}

static unsigned choose(struct member *member, unsigned count)
{
    member->random = member->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(member->random >> 33) % count;
}

static struct timespec soon(unsigned microseconds)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_nsec += microseconds * 1000;
    now.tv_sec += now.tv_nsec / 1000000000;
    now.tv_nsec %= 1000000000;
    return now;
}

static void handle(int number)
{
    (void)number;
    signals_handled++;
}

/* ---- Locks --------------------------------------------------------------------------------- */

static void make_mutex(pthread_mutex_t *mutex, int inherits, int is_robust, int is_shared)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes,
                                  inherits ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
    pthread_mutexattr_setrobust(&attributes,
                                is_robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED);
    pthread_mutexattr_setpshared(&attributes, is_shared ? PTHREAD_PROCESS_SHARED
                                                        : PTHREAD_PROCESS_PRIVATE);
    check(pthread_mutex_init(mutex, &attributes) == 0, "no mutex");
}

static void lock(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_lock(mutex);

    if (error == EOWNERDEAD)
        error = pthread_mutex_consistent(mutex);
    check(error == 0, "a lock failed");
}

static void lock_and_count(struct member *member, unsigned which)
{
    lock(&mutexes[which]);
    counters[which]++;
    member->counted[which]++;
    if (choose(member, 2))
        usleep(choose(member, 300));    /* others come and wait */
    check(pthread_mutex_unlock(&mutexes[which]) == 0, "an unlock failed");
}

static void lock_in_time(struct member *member)
{
    struct timespec until = soon(choose(member, 200));
    int error = pthread_mutex_timedlock(&mutexes[INHERITING], &until);

    check(error == 0 || error == ETIMEDOUT, "a timed lock failed");
    if (error)
        return;
    counters[INHERITING]++;
    member->counted[INHERITING]++;
    check(pthread_mutex_unlock(&mutexes[INHERITING]) == 0, "an unlock failed");
}

static void *lock_and_leave(void *argument)
{
    (void)argument;
    lock(&mutexes[ROBUST]);
    counters[ROBUST]++;
    return NULL;
}

static void let_a_thread_leave(struct member *member)
{
    pthread_t thread;

    check(pthread_create(&thread, NULL, lock_and_leave, NULL) == 0, "no thread");
    check(pthread_join(thread, NULL) == 0, "no join");
    member->counted[ROBUST]++;
}

/* ---- Processes ----------------------------------------------------------------------------- */

static void child(unsigned how)
{
    lock(&shared->mutex);
    shared->counter++;
    if (how == 0)
        kill(getpid(), SIGKILL);
    if (how == 1)
        _exit(3);    /* with the lock, too */
    check(pthread_mutex_unlock(&shared->mutex) == 0, "an unlock failed");
    _exit(3);
}

static void fork_one(struct member *member)
{
    unsigned how = choose(member, 3);
    int status;
    pid_t id = fork();

    check(id >= 0, "no child");
    if (id == 0)
        child(how);
    while (waitpid(id, &status, 0) < 0)
        check(errno == EINTR, "no wait");
    check(how == 0 ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                   : WIFEXITED(status) && WEXITSTATUS(status) == 3, "a wrong status");
    member->counted[SHARED]++;
}

/* ---- Conditions, semaphores, signals ------------------------------------------------------- */

static void produce(struct member *member)
{
    lock(&mutexes[PLAIN]);
    goods++;
    member->produced++;
    if (choose(member, 2))
        pthread_cond_broadcast(&condition);
    else
        pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutexes[PLAIN]);
}

static void consume(struct member *member)
{
    struct timespec until = soon(choose(member, 500));
    int error = 0;

    lock(&mutexes[PLAIN]);
    while (goods == 0 && error == 0)
        error = pthread_cond_timedwait(&condition, &mutexes[PLAIN], &until);
    check(error == 0 || error == ETIMEDOUT, "a timed wait failed");
    if (goods > 0) {
        goods--;
        member->consumed++;
    }
    pthread_mutex_unlock(&mutexes[PLAIN]);
}

static void post(struct member *member)
{
    check(sem_post(&semaphore) == 0, "no post");
    member->posted++;
}

static void take(struct member *member)
{
    struct timespec until = soon(choose(member, 500));

    if (sem_timedwait(&semaphore, &until) == 0)
        member->taken++;
    else
        check(errno == ETIMEDOUT || errno == EINTR, "a timed wait failed");
}

static void send_signal(struct member *member)
{
    pthread_kill(members[choose(member, thread_count)].thread, SIGUSR1);
}

/* What is urgent lends its priority to those that it waits for. */
static void change_priority(struct member *member)
{
    unsigned priority = choose(member, 10);
    struct sched_param parameters = { .sched_priority = (int)priority };
    int error = pthread_setschedparam(pthread_self(), priority ? SCHED_FIFO : SCHED_OTHER,
                                      &parameters);

    check(error == 0 || error == EPERM, "no priority");
}

static void rest(struct member *member)
{
    usleep(choose(member, 300));
}

/* ---- All of it ----------------------------------------------------------------------------- */

static void step(struct member *member)
{
    switch (choose(member, 13)) {
    case 0:
        lock_and_count(member, PLAIN);
        break;
    case 1:
    case 2:
        lock_and_count(member, INHERITING);
        break;
    case 3:
        lock_in_time(member);
        break;
    case 4:
        let_a_thread_leave(member);
        break;
    case 5:
        fork_one(member);
        break;
    case 6:
        produce(member);
        break;
    case 7:
        consume(member);
        break;
    case 8:
        choose(member, 2) ? post(member) : take(member);
        break;
    case 9:
        send_signal(member);
        break;
    case 10:
        rest(member);
        break;
    case 11:
    case 12:
        change_priority(member);
        break;
    }
}

static void *run(void *argument)
{
    struct member *member = argument;

    pthread_barrier_wait(&start);
    for (int round = 0; round < ROUNDS; round++)
        step(member);
    pthread_barrier_wait(&start);    /* until then everybody can be sent signals */
    return NULL;
}

static void prepare(unsigned number)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = number % 2 ? SA_RESTART : 0 };

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                  0);
    check(shared != MAP_FAILED, "no shared memory");
    make_mutex(&mutexes[PLAIN], 0, 0, 0);
    make_mutex(&mutexes[INHERITING], 1, 0, 0);
    make_mutex(&mutexes[ROBUST], number % 3 == 0, 1, 0);
    make_mutex(&shared->mutex, number % 4 < 2, 1, 1);
    sem_init(&semaphore, 0, 0);
    thread_count = 2 + number % (THREADS_MAX - 1);
    pthread_barrier_init(&start, NULL, thread_count + 1);
    sigaction(SIGUSR1, &action, NULL);
}

static void check_sums(void)
{
    uint64_t sums[COUNTERS] = { 0 }, in_stock = 0, posted = 0;
    int value;

    for (unsigned i = 0; i < thread_count; i++) {
        for (unsigned which = 0; which < COUNTERS; which++)
            sums[which] += members[i].counted[which];
        in_stock += members[i].produced - members[i].consumed;
        posted += members[i].posted - members[i].taken;
    }
    counters[SHARED] = shared->counter;
    for (unsigned which = 0; which < COUNTERS; which++)
        check(counters[which] == sums[which], "something was not counted");
    check(goods == in_stock, "goods were lost");
    sem_getvalue(&semaphore, &value);
    check((uint64_t)value == posted, "posts were lost");
    for (unsigned which = 0; which < SHARED; which++) {
        lock(&mutexes[which]);
        check(pthread_mutex_unlock(&mutexes[which]) == 0, "an unlock failed");
    }
    check(waitpid(-1, NULL, 0) < 0 && errno == ECHILD, "a child was left");
}

int main(int count, char **arguments)
{
    unsigned number = count > 1 ? (unsigned)atoi(arguments[1]) : 0;

    prepare(number);
    for (unsigned i = 0; i < thread_count; i++)
        members[i].random = number * 1000003u + i;
    for (unsigned i = 0; i < thread_count; i++)
        check(pthread_create(&members[i].thread, NULL, run, &members[i]) == 0, "no thread");
    pthread_barrier_wait(&start);    /* all threads are known */
    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < thread_count; i++)
        check(pthread_join(members[i].thread, NULL) == 0, "no join");
    check_sums();
    puts("all was counted");
    return 0;
}
