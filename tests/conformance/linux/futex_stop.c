/*
 * futex: what a stop does to each kind of wait.  No handler runs, so the wait goes on; only one for
 * a condition that waits for the lock already comes back.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "with_threads.h"

#define FOREVER_MS 3600000
#define SHORT_MS 100
#define LONGEST_MS 20000
#define STATUS_TOO_EARLY 100

enum kind {
    KIND_WAIT, KIND_WAIT_TIME, KIND_WAIT_SHORT, KIND_BITS, KIND_BITS_TIME, KIND_BITS_SHORT,
    KIND_LOCK, KIND_LOCK_2, KIND_LOCK_SHORT, KIND_CONDITION, KIND_REQUEUED, KIND_MANY,
    KIND_MANY_SHORT, KIND_NEW, KIND_NEW_TIME, KINDS
};
static const char *const kind_names[KINDS] = {
    "WAIT", "WAIT with a time", "WAIT until its time is up", "WAIT_BITSET",
    "WAIT_BITSET with a time", "WAIT_BITSET until its time is up", "LOCK_PI", "LOCK_PI2",
    "LOCK_PI until its time is up", "WAIT_REQUEUE_PI", "WAIT_REQUEUE_PI, requeued", "futex_waitv",
    "futex_waitv until its time is up", "futex_wait", "futex_wait with a time"
};

/* In memory that both processes have. */
static struct shared {
    uint32_t word, lock, is_ready;
} *shared;

static long call(enum kind kind, long short_ms)
{
    struct futex_waitv one = { .uaddr = (uintptr_t)&shared->word, .flags = 2 };
    struct timespec relative = { FOREVER_MS / 1000, 0 };
    struct timespec short_time = { short_ms / 1000, short_ms % 1000 * 1000000 };
    struct timespec absolute = from_now(CLOCK_MONOTONIC, FOREVER_MS);
    struct timespec soon = from_now(CLOCK_MONOTONIC, short_ms);
    struct timespec real_soon = from_now(CLOCK_REALTIME, short_ms);
    uint32_t *word = &shared->word, *lock = &shared->lock;

    switch (kind) {
    case KIND_WAIT:
        return futex(word, FUTEX_WAIT, 0);
    case KIND_WAIT_TIME:
        return futex(word, FUTEX_WAIT, 0, &relative);
    case KIND_WAIT_SHORT:
        return futex(word, FUTEX_WAIT, 0, &short_time);
    case KIND_BITS:
        return futex(word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 3);
    case KIND_BITS_TIME:
        return futex(word, FUTEX_WAIT_BITSET, 0, &absolute, NULL, 3);
    case KIND_BITS_SHORT:
        return futex(word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &real_soon, NULL, 3);
    case KIND_LOCK:
        return futex(lock, FUTEX_LOCK_PI, 0);
    case KIND_LOCK_2:
        return futex(lock, FUTEX_LOCK_PI2, 0, &absolute);
    case KIND_LOCK_SHORT:
        return futex(lock, FUTEX_LOCK_PI, 0, &real_soon);
    case KIND_CONDITION:
    case KIND_REQUEUED:
        return futex(word, FUTEX_WAIT_REQUEUE_PI, 0, &absolute, lock);
    case KIND_MANY:
        return syscall(CALL_FUTEX_WAITV, &one, 1, 0, &absolute, CLOCK_MONOTONIC);
    case KIND_MANY_SHORT:
        return syscall(CALL_FUTEX_WAITV, &one, 1, 0, &soon, CLOCK_MONOTONIC);
    case KIND_NEW:
        return syscall(CALL_FUTEX_WAIT, word, 0, 3, 2, NULL, 0);
    case KIND_NEW_TIME:
        return syscall(CALL_FUTEX_WAIT, word, 0, 3, 2, &absolute, CLOCK_MONOTONIC);
    case KINDS:
        break;
    }
    return 0;
}

/* The child: ends with errno. */
static void wait_in_kind(enum kind kind, long short_ms)
{
    double before = now_ms();
    long result;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    __atomic_store_n(&shared->is_ready, 1, __ATOMIC_SEQ_CST);
    result = call(kind, short_ms);
    if (result != -1)
        _exit(0);
    if (errno == ETIMEDOUT && now_ms() - before < (double)short_ms - 1)
        _exit(STATUS_TOO_EARLY);
    _exit(errno);
}

/* Until it sleeps or has ended.  Between its word and its wait it sleeps nowhere. */
static void await_sleep(pid_t child)
{
    char path[64], line[256], state = 0;

    while (!__atomic_load_n(&shared->is_ready, __ATOMIC_SEQ_CST))
        sleep_ms(1);
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", child);
    for (int i = 0; i < MEMBER_PATIENCE_MS && state != 'S' && state != 'Z'; i++) {
        FILE *file = fopen(path, "r");

        sleep_ms(1);
        if (file && fgets(line, sizeof(line), file) && strrchr(line, ')'))
            state = strrchr(line, ')')[2];
        if (file)
            (void)fclose(file);
    }
}

/* False: it had ended before. */
static bool stop_and_continue(pid_t child)
{
    int status;

    (void)kill(child, SIGSTOP);
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
        return false;
    (void)kill(child, SIGCONT);
    return true;
}

/* The lock is the parent's: locks end when it lets go. */
static void end_wait(enum kind kind)
{
    if (kind == KIND_CONDITION)
        CALL(futex(&shared->word, FUTEX_CMP_REQUEUE_PI, 1, 0, &shared->lock));
    else
        CALL(futex(&shared->word, FUTEX_WAKE, 1));
    CALL(futex(&shared->lock, FUTEX_UNLOCK_PI));
}

static bool ends_by_itself(enum kind kind)
{
    return kind == KIND_WAIT_SHORT || kind == KIND_BITS_SHORT || kind == KIND_LOCK_SHORT ||
           kind == KIND_MANY_SHORT;
}

/* False: its time was up before it was stopped. */
static bool try_kind(enum kind kind, long short_ms)
{
    pid_t child;
    int status;

    memset(shared, 0, sizeof(*shared));
    (void)futex(&shared->lock, FUTEX_LOCK_PI, 0);
    child = fork();
    if (child == 0)
        wait_in_kind(kind, short_ms);
    await_sleep(child);
    if (kind == KIND_REQUEUED)
        CALL(futex(&shared->word, FUTEX_CMP_REQUEUE_PI, 1, 0, &shared->lock));
    if (!stop_and_continue(child))
        return false;
    await_sleep(child);
    if (!ends_by_itself(kind))
        end_wait(kind);
    (void)waitpid(child, &status, 0);
    (void)printf("it ends with %s\n", WEXITSTATUS(status) ? error_name(WEXITSTATUS(status)) : "0");
    return true;
}

int main(void)
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (enum kind kind = KIND_WAIT; kind < KINDS; kind++) {
        long short_ms = SHORT_MS;

        SECTION(kind_names[kind]);
        while (short_ms <= LONGEST_MS && !try_kind(kind, short_ms))
            short_ms *= 2;
    }
    return 0;
}
