/*
 * Locks, semaphores, futexes, forks and memory on all processors at once, for as many seconds as
 * the first argument says (2).  Every count is checked at the end of a round; what is wrong is
 * printed, and a wake-up that gets lost is a round that does not end.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 4
#define LOCK_TURNS 2000
#define PASSES 500
#define CHILDREN 5
#define PAGES 32
#define PAGE 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static sem_t passes[WORKERS];
static long locked_count, turn, passed;
static _Atomic long forked, mapped;
static _Atomic int wrong;

static void complain(const char *what, long found, long expected)
{
    wrong = 1;
    printf("%s: %ld instead of %ld\n", what, found, expected);
    fflush(stdout);
}

/* A counter under a mutex; every hundredth time each waits for its turn. */
static void use_locks(long own)
{
    for (int i = 0; i < LOCK_TURNS; i++) {
        pthread_mutex_lock(&lock);
        locked_count++;
        if (i % 100 == 0) {
            while (turn % WORKERS != own)
                pthread_cond_wait(&turned, &lock);
            turn++;
            pthread_cond_broadcast(&turned);
        }
        pthread_mutex_unlock(&lock);
    }
}

/* A token goes round; who has it may count. */
static void use_semaphores(long own)
{
    for (int i = 0; i < PASSES; i++) {
        while (sem_wait(&passes[own]) != 0)
            continue;
        passed++;
        sem_post(&passes[(own + 1) % WORKERS]);
    }
}

/* Children see what was there when they were born, and their own changes only. */
static void use_forks(long own)
{
    static char shared_before[WORKERS][PAGE];
    char *area = shared_before[own];

    for (int i = 0; i < CHILDREN; i++) {
        memset(area, i + 1, PAGE);

        pid_t child = fork();
        int status = -1;

        if (child == 0) {
            int good = area[0] == i + 1 && area[PAGE - 1] == i + 1;

            memset(area, 99, PAGE);
            _exit(good ? 40 + i : 1);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
            WEXITSTATUS(status) != 40 + i)
            complain("a child's end", status, (40 + i) << 8);
        if (area[0] != i + 1 || area[PAGE - 1] != i + 1)
            complain("a page after a fork", area[0], i + 1);
        forked++;
    }
}

/* Maps, fills, protects, unmaps: every page is private to this thread. */
static void use_memory(long own)
{
    for (int i = 0; i < 10; i++) {
        char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                          -1, 0);

        if (area == MAP_FAILED) {
            complain("mmap", -1, 0);
            return;
        }
        for (int page = 0; page < PAGES; page++) {
            if (area[page * PAGE] != 0)
                complain("a new page", area[page * PAGE], 0);
            area[page * PAGE] = (char)(own * 40 + page);
        }
        mprotect(area + PAGE, (PAGES - 2) * PAGE, PROT_READ);
        for (int page = 0; page < PAGES; page++) {
            if (area[page * PAGE] != (char)(own * 40 + page))
                complain("a page", area[page * PAGE], own * 40 + page);
        }
        munmap(area, PAGES * PAGE / 2);
        munmap(area + PAGES * PAGE / 2, PAGES * PAGE / 2);
        mapped++;
    }
}

static void *work(void *argument)
{
    long own = (long)argument;

    use_locks(own);
    use_semaphores(own);
    use_forks(own);
    use_memory(own);
    return NULL;
}

static void run_round(void)
{
    pthread_t workers[WORKERS];

    locked_count = turn = passed = forked = mapped = 0;
    for (long i = 0; i < WORKERS; i++)
        sem_init(&passes[i], 0, i == 0);
    for (long i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, work, (void *)i);
    for (long i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    if (locked_count != WORKERS * LOCK_TURNS)
        complain("the locked counter", locked_count, WORKERS * LOCK_TURNS);
    if (turn != WORKERS * LOCK_TURNS / 100)
        complain("turns", turn, WORKERS * LOCK_TURNS / 100);
    if (passed != WORKERS * PASSES)
        complain("passes", passed, WORKERS * PASSES);
    if (forked != WORKERS * CHILDREN)
        complain("forks", forked, WORKERS * CHILDREN);
    if (mapped != WORKERS * 10)
        complain("areas", mapped, WORKERS * 10);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    double end = now() + (argc > 1 ? atof(argv[1]) : 2);
    int rounds = 0;

    do {
        run_round();
        rounds++;
    } while (now() < end && !wrong);
    if (argc > 2)
        printf("%d rounds\n", rounds);
    printf("%s\n", wrong ? "WRONG" : "every count is right");
    return wrong;
}
