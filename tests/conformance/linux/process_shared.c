/* What processes share through memory: mutexes, condition variables, barriers and semaphores with
 * PTHREAD_PROCESS_SHARED, named semaphores (sem_open) and named memory (shm_open). */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define CHILDREN 4
#define ROUNDS 2000

static struct shared {
    pthread_mutex_t mutex, robust;
    pthread_cond_t condition;
    pthread_barrier_t barrier;
    sem_t semaphore;
    int count, turn, serials;
} *shared;

static void set_up(void)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t condition;
    pthread_barrierattr_t barrier;

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &mutex);
    pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->robust, &mutex);
    pthread_condattr_init(&condition);
    pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->condition, &condition);
    pthread_barrierattr_init(&barrier);
    pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->barrier, &barrier, CHILDREN);
    sem_init(&shared->semaphore, 1, 0);
}

/* As many children, each with its number; all end with 0. */
static void with_children(void (*run)(int number))
{
    int status, failed = 0;

    for (int i = 0; i < CHILDREN; i++) {
        if (fork() == 0) {
            run(i);
            _exit(0);
        }
    }
    while (wait(&status) > 0)
        failed += status != 0;
    VALUE(failed);
}

static void count_up(int number)
{
    (void)number;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&shared->mutex);
        shared->count++;
        pthread_mutex_unlock(&shared->mutex);
    }
}

static void take_turns(int number)
{
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&shared->mutex);
        while (shared->turn % CHILDREN != number)
            pthread_cond_wait(&shared->condition, &shared->mutex);
        shared->turn++;
        pthread_cond_broadcast(&shared->condition);
        pthread_mutex_unlock(&shared->mutex);
    }
}

static void meet(int number)
{
    (void)number;
    for (int i = 0; i < 50; i++) {
        if (pthread_barrier_wait(&shared->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_fetch_add(&shared->serials, 1, __ATOMIC_RELAXED);
    }
}

static void hand_on(int number)
{
    (void)number;
    for (int i = 0; i < 200; i++) {
        sem_wait(&shared->semaphore);
        shared->count++;
        sem_post(&shared->semaphore);
    }
}

static void anonymous(void)
{
    SECTION("shared between processes");
    with_children(count_up);
    VALUE(shared->count);
    with_children(take_turns);
    VALUE(shared->turn);
    with_children(meet);
    VALUE(shared->serials);
    shared->count = 0;
    sem_post(&shared->semaphore);
    with_children(hand_on);
    VALUE(shared->count);
}

static void dead_owner(void)
{
    pid_t child = fork();
    int result;

    SECTION("owner died");
    if (child == 0) {
        pthread_mutex_lock(&shared->robust);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    result = pthread_mutex_lock(&shared->robust);
    FACT(result == EOWNERDEAD);
    VALUE(pthread_mutex_consistent(&shared->robust));
    VALUE(pthread_mutex_unlock(&shared->robust));
    VALUE(pthread_mutex_lock(&shared->robust));
    VALUE(pthread_mutex_unlock(&shared->robust));
}

static void named_semaphores(void)
{
    struct timespec soon;
    char name[64];
    sem_t *first, *second;
    int value = -1;
    pid_t child;

    SECTION("named semaphores");
    snprintf(name, sizeof(name), "/eft-test-%d", getpid());
    FACT(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
    first = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
    FACT(first != SEM_FAILED);
    FACT(sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED && errno == EEXIST);
    second = sem_open(name, 0);
    FACT(second == first);
    CALL(sem_wait(first));
    CALL(sem_trywait(first));
    child = fork();
    if (child == 0) {
        sem_t *mine = sem_open(name, 0);

        usleep(5000);
        sem_post(mine);
        sem_post(mine);
        _exit(0);
    }
    CALL(sem_wait(first));
    waitpid(child, NULL, 0);
    CALL(sem_getvalue(first, &value));
    VALUE(value);
    CALL(sem_wait(first));
    clock_gettime(CLOCK_REALTIME, &soon);
    CALL(sem_timedwait(first, &soon));
    CALL(sem_unlink(name));
    CALL(sem_unlink(name));
    CALL(sem_post(first));
    CALL(sem_close(first));
}

static void named_memory(void)
{
    char name[64];
    struct stat status;
    char *memory;
    pid_t child;
    int fd;

    SECTION("named memory");
    snprintf(name, sizeof(name), "/eft-memory-%d", getpid());
    CALL(shm_open(name, O_RDWR, 0));
    fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0640);
    FACT(fd >= 0);
    CALL(shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0640));
    CALL(ftruncate(fd, 5000));
    CALL(fstat(fd, &status));
    VALUE(status.st_size);
    OCTAL(status.st_mode);
    VALUE(fcntl(fd, F_GETFD));
    memory = mmap(NULL, 5000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    child = fork();
    if (child == 0) {
        int mine = shm_open(name, O_RDWR, 0);
        char *other = mmap(NULL, 5000, PROT_READ | PROT_WRITE, MAP_SHARED, mine, 0);

        other[4999] = 7;
        _exit(0);
    }
    waitpid(child, NULL, 0);
    VALUE(memory[4999]);
    CALL(shm_unlink(name));
    CALL(shm_unlink(name));
    VALUE(memory[4999]);
}

int main(void)
{
    set_up();
    anonymous();
    dead_owner();
    named_semaphores();
    named_memory();
    return 0;
}
