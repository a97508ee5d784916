/* System V semaphores: waiting and being served, in which order, undoing at the end, removing under
 * those who wait, signals and time-outs. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define CHILDREN 5

static int id;
static struct shared {
    _Atomic int served;
    int order[CHILDREN];
} *shared;

static int operate(int index, int change, int flags)
{
    struct sembuf operation = { (unsigned short)index, (short)change, (short)flags };

    return semop(id, &operation, 1);
}

static void set(int first, int second, int third)
{
    semctl(id, 0, SETVAL, first);
    semctl(id, 1, SETVAL, second);
    semctl(id, 2, SETVAL, third);
}

static void show(void)
{
    printf("values %d %d %d, waiting %d %d %d, for zero %d %d %d\n", semctl(id, 0, GETVAL),
           semctl(id, 1, GETVAL), semctl(id, 2, GETVAL), semctl(id, 0, GETNCNT),
           semctl(id, 1, GETNCNT), semctl(id, 2, GETNCNT), semctl(id, 0, GETZCNT),
           semctl(id, 1, GETZCNT), semctl(id, 2, GETZCNT));
}

static void await_waiting(int index, int count)
{
    const struct timespec moment = { 0, 1000000 };

    while (semctl(id, index, GETNCNT) + semctl(id, index, GETZCNT) < count)
        nanosleep(&moment, NULL);
}

/* A child that does this and ends with 0, or the number of its error. */
static pid_t begin(const struct sembuf *operations, size_t count, int number)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    if (semop(id, (struct sembuf *)(uintptr_t)operations, count) != 0)
        _exit(errno);
    if (number >= 0)
        shared->order[atomic_fetch_add(&shared->served, 1)] = number;
    _exit(0);
}

static void finish(pid_t child)
{
    int status;

    waitpid(child, &status, 0);
    if (WIFEXITED(status))
        printf("child: %s\n", WEXITSTATUS(status) ? error_name(WEXITSTATUS(status)) : "done");
    else
        printf("child: signal %d\n", WTERMSIG(status));
}

static void one_waits(void)
{
    const struct sembuf down = { 0, -2, 0 }, zero = { 0, 0, 0 };
    pid_t child;

    SECTION("one waits");
    set(1, 0, 0);
    child = begin(&down, 1, -1);
    await_waiting(0, 1);
    show();
    CALL(operate(0, 2, 0));
    finish(child);
    show();
    FACT(semctl(id, 0, GETPID) == child);
    child = begin(&zero, 1, -1);
    await_waiting(0, 1);
    show();
    CALL(operate(0, -1, 0));
    finish(child);
    show();
}

/* Each wants one; they are served by age, one at a time. */
static void first_come(void)
{
    const struct sembuf down = { 0, -1, 0 };
    pid_t children[CHILDREN];

    SECTION("first come, first served");
    set(0, 0, 0);
    atomic_store(&shared->served, 0);
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = begin(&down, 1, i);
        await_waiting(0, i + 1);
    }
    for (int i = 0; i < CHILDREN; i++) {
        operate(0, 1, 0);
        finish(children[i]);
    }
    for (int i = 0; i < CHILDREN; i++)
        printf("%d ", shared->order[i]);
    printf("\n");
}

/* Who wants little passes who wants much; who increases something lets older ones go on. */
static void several(void)
{
    const struct sembuf both[] = { { 0, -1, 0 }, { 1, -1, 0 } };
    const struct sembuf much = { 0, -3, 0 }, little = { 0, -1, 0 };
    const struct sembuf swap[] = { { 2, -1, 0 }, { 1, 1, 0 } };
    pid_t a, b, c;

    SECTION("several at once");
    set(0, 0, 0);
    a = begin(both, 2, -1);
    await_waiting(0, 1);
    CALL(operate(0, 1, 0));
    await_waiting(1, 1);
    show();
    b = begin(swap, 2, -1);
    await_waiting(2, 1);
    CALL(operate(2, 1, 0));
    finish(a);
    finish(b);
    show();

    set(0, 0, 0);
    a = begin(&much, 1, -1);
    await_waiting(0, 1);
    b = begin(&little, 1, -1);
    await_waiting(0, 2);
    c = begin(&little, 1, -1);
    await_waiting(0, 3);
    CALL(operate(0, 2, 0));
    finish(b);
    finish(c);
    show();
    CALL(operate(0, 3, 0));
    finish(a);
    show();
}

static void all_at_once(void)
{
    unsigned short values[3] = { 2, 0, 1 };
    const struct sembuf down = { 0, -1, 0 }, third = { 2, -1, 0 };
    pid_t children[3];

    SECTION("SETALL serves");
    set(0, 0, 0);
    children[0] = begin(&down, 1, -1);
    children[1] = begin(&down, 1, -1);
    children[2] = begin(&third, 1, -1);
    await_waiting(0, 2);
    await_waiting(2, 1);
    CALL(semctl(id, 0, SETALL, values));
    for (int i = 0; i < 3; i++)
        finish(children[i]);
    show();
}

static void undoing(void)
{
    const struct sembuf take[] = { { 0, -1, SEM_UNDO }, { 1, 3, SEM_UNDO } };
    const struct sembuf wait_one = { 0, -1, 0 };
    const struct sembuf cleared = { 2, 5, SEM_UNDO };
    pid_t child, other;

    SECTION("undoing");
    set(1, 0, 0);
    child = fork();
    if (child == 0) {
        struct sembuf mine[2] = { take[0], take[1] };

        if (semop(id, mine, 2) != 0)
            _exit(errno);
        show();
        mine[0].sem_op = -1;
        if (semop(id, mine, 1) != 0)    /* for ever */
            _exit(errno);
        _exit(0);
    }
    await_waiting(0, 1);
    other = begin(&wait_one, 1, -1);
    await_waiting(0, 2);
    kill(child, SIGKILL);
    finish(child);
    finish(other);
    show();
    FACT(semctl(id, 1, GETPID) == child);

    /* What would be below zero becomes zero. */
    child = begin(&cleared, 1, -1);
    finish(child);
    show();
    child = fork();
    if (child == 0) {
        struct sembuf mine = cleared;

        semop(id, &mine, 1);
        mine.sem_flg = 0;
        mine.sem_op = -4;
        semop(id, &mine, 1);
        _exit(0);
    }
    finish(child);
    show();

    /* SETVAL forgets. */
    child = fork();
    if (child == 0) {
        struct sembuf mine = cleared;

        semop(id, &mine, 1);
        semctl(id, 2, SETVAL, 4);
        _exit(0);
    }
    finish(child);
    show();
}

static void *take_with_undo(void *argument)
{
    operate(0, -1, SEM_UNDO);
    return argument;
}

/* Threads share what is to be undone: it waits for the last one. */
static void undo_of_threads(void)
{
    pid_t child;

    SECTION("undos of threads");
    set(2, 0, 0);
    child = fork();
    if (child == 0) {
        pthread_t thread;

        pthread_create(&thread, NULL, take_with_undo, NULL);
        pthread_join(thread, NULL);
        VALUE(semctl(id, 0, GETVAL));
        _exit(0);
    }
    finish(child);
    show();

    /* A child of fork begins without. */
    set(2, 0, 0);
    child = fork();
    if (child == 0) {
        pid_t grandchild;

        operate(0, -1, SEM_UNDO);
        grandchild = fork();
        if (grandchild == 0)
            _exit(0);
        waitpid(grandchild, NULL, 0);
        VALUE(semctl(id, 0, GETVAL));
        _exit(0);
    }
    finish(child);
    show();
}

static void note(int number)
{
    (void)number;
}

static void interruptions(void)
{
    const struct sembuf down = { 0, -1, 0 };
    struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESTART };
    struct timespec little = { 0, 20000000 }, before, after;
    struct sembuf mine = down;
    pid_t child;

    SECTION("interruptions");
    set(0, 0, 0);
    sigaction(SIGUSR1, &action, NULL);
    child = begin(&down, 1, -1);
    await_waiting(0, 1);
    kill(child, SIGUSR1);
    finish(child);
    show();
    clock_gettime(CLOCK_MONOTONIC, &before);
    CALL(semtimedop(id, &mine, 1, &little));
    clock_gettime(CLOCK_MONOTONIC, &after);
    FACT((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 20000000);
    show();
}

static void removal(void)
{
    const struct sembuf down = { 0, -1, SEM_UNDO }, zero = { 1, 0, 0 };
    pid_t first, second;

    SECTION("removal");
    set(0, 1, 0);
    first = begin(&down, 1, -1);
    second = begin(&zero, 1, -1);
    await_waiting(0, 1);
    await_waiting(1, 1);
    CALL(semctl(id, 0, IPC_RMID));
    finish(first);
    finish(second);
    CALL(operate(0, 1, 0));
}

int main(void)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    id = semget(IPC_PRIVATE, 3, 0600);
    one_waits();
    first_come();
    several();
    all_at_once();
    undoing();
    undo_of_threads();
    interruptions();
    removal();
    return 0;
}
