/* Small programs of Linux for exhaustive searches: processes and threads that wait for others. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child writes into a pipe that its parent reads, and ends. */
static int pipe_to_parent(void)
{
    int ends[2], status = 1;
    char byte = 'x';
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0)
        return 2;
    if (child == 0)
        _exit(write(ends[1], &byte, 1) != 1);
    if (read(ends[0], &byte, 1) != 1 || waitpid(child, &status, 0) != child)
        return 3;
    return status;
}

static volatile sig_atomic_t came;

static void note(int number)
{
    (void)number;
    came = 1;
}

/* A child sends a signal to its parent, which waits for the child's end all the while. */
static int signal_to_parent(void)
{
    int status = 0;
    pid_t child;

    signal(SIGUSR1, note);
    child = fork();
    if (child == 0) {
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    while (waitpid(child, &status, 0) != child)
        continue;
    return came ? status : 4;
}

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;

static void lock_both(pthread_mutex_t *one, pthread_mutex_t *other)
{
    pthread_mutex_lock(one);
    (void)getppid();    /* the other thread may come first only at a call */
    pthread_mutex_lock(other);
    pthread_mutex_unlock(other);
    pthread_mutex_unlock(one);
}

static void *lock_in_order(void *unused)
{
    (void)unused;
    lock_both(&first, &second);
    return NULL;
}

static int two_threads(pthread_mutex_t *one, pthread_mutex_t *other)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, lock_in_order, NULL) != 0)
        return 5;
    lock_both(one, other);
    return pthread_join(thread, NULL);
}

int main(int argument_count, char **arguments)
{
    const char *which = argument_count > 1 ? arguments[1] : "";

    if (strcmp(which, "pipe") == 0)
        return pipe_to_parent();
    if (strcmp(which, "signal") == 0)
        return signal_to_parent();
    if (strcmp(which, "mutexes") == 0)
        return two_threads(&first, &second);
    if (strcmp(which, "abba") == 0)
        return two_threads(&second, &first);
    return 1;
}
