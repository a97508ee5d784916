/* futex: words and locks between processes, and what a process leaves when it executes a program or
 * ends. */
#include <fcntl.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "with_robust_list.h"
#include "with_threads.h"

/* In memory that all processes share. */
static struct shared {
    struct head heads[2];
    struct node nodes[2];
    uint32_t lock, cleared, gate;
    long result;
} *shared;

static void await_child(pid_t child)
{
    int status;

    (void)waitpid(child, &status, 0);
    (void)printf("child: exit %d, signal %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* A child that waits at `theirs`; who wakes it at `ours`? */
static void try_words(const char *what, uint32_t *theirs, uint32_t *ours, int flags)
{
    pid_t child = fork();
    long woken;

    if (child == 0)
        _exit(futex(theirs, FUTEX_WAIT | flags, 0) == 0 ? 3 : 4);
    (void)printf("%s: ", what);
    /* A child that cannot be counted from here has to be given a moment. */
    for (int i = 0; i < 50 && waiters_of(ours, 0) == 0; i++)
        sleep_ms(1);
    (void)printf("private %ld, ", futex(ours, FUTEX_WAKE | PRIVATE, 1));
    woken = futex(ours, FUTEX_WAKE, 1);
    (void)printf("shared %ld; ", woken);
    if (woken == 0)
        (void)kill(child, SIGKILL);
    await_child(child);
}

static uint32_t own_word;

static void words(void)
{
    int file = open("words", O_RDWR | O_CREAT, 0600);
    int memory = (int)syscall(SYS_memfd_create, "words", 0);
    int segment = shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT);
    uint32_t *pages[6];

    SECTION("the same word");
    if (ftruncate(file, 4096) != 0 || ftruncate(memory, 4096) != 0)
        (void)printf("no pages\n");
    for (int i = 0; i < 6; i++) {
        pages[i] = i < 4 ? mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
                                i < 2 ? file : memory, 0)
                         : shmat(segment, NULL, 0);
    }
    (void)shmctl(segment, IPC_RMID, NULL);
    try_words("a file, two addresses", pages[0], pages[1], 0);
    try_words("a memory file", pages[2], pages[3], 0);
    try_words("a segment", pages[4], pages[5], 0);
    try_words("a file, one address", pages[0], pages[0], 0);
    try_words("a file, waits private", pages[0], pages[0], PRIVATE);
    try_words("a file and a memory file", pages[0], pages[2], 0);
    SECTION("the same address in a copy");
    try_words("waits shared", &own_word, &own_word, 0);
    try_words("waits private", &own_word, &own_word, PRIVATE);
}

/* ---- Robust lists -------------------------------------------------------------------------- */

/* List `index`, with one word in it: the calling thread's, which somebody waits for. */
static void own_listed_word(int index)
{
    struct head *head = &shared->heads[index];
    struct node *node = &shared->nodes[index];

    *head = (struct head){ .first = node, .offset = offsetof(struct node, word) };
    *node = (struct node){ .next = (struct node *)(void *)head,
                           .word = (uint32_t)own_id() | FUTEX_WAITERS };
    if (syscall(SYS_set_robust_list, head, sizeof(*head)) != 0)
        (void)printf("no list\n");
}

static void *own_in_thread(void *argument)
{
    own_listed_word(1);
    (void)futex(&shared->gate, FUTEX_WAKE, 1);
    (void)pause();
    return argument;
}

/* The parent waits for the word until `act` of the child has come to its end. */
static void try_end(const char *what, void (*act)(void))
{
    struct timespec soon = { 5, 0 };
    pid_t child;
    uint32_t word;

    memset(shared, 0, sizeof(*shared));
    child = fork();
    if (child == 0) {
        own_listed_word(0);
        act();
        _exit(0);
    }
    while ((word = *(volatile uint32_t *)&shared->nodes[0].word) == 0)
        sleep_ms(1);
    /* EAGAIN: it was faster, as when it had come to its end before. */
    (void)printf("%s: ", what);
    if (!(word & FUTEX_OWNER_DIED) &&
        futex(&shared->nodes[0].word, FUTEX_WAIT, word, &soon) != 0 && errno != EAGAIN)
        (void)printf("nobody wakes; ");
    (void)printf("word %#x, ", shared->nodes[0].word);
    await_child(child);
    if (shared->nodes[1].word)
        (void)printf("its other thread's: %#x\n", shared->nodes[1].word);
}

static void execute(void)
{
    char *const words[] = { (char *)"true", (char *)"executed", NULL };

    sleep_ms(20);
    (void)execve("/proc/self/exe", words, words + 2);
    _exit(9);
}

static void leave(void)
{
    sleep_ms(20);
    syscall(SYS_exit_group, 5);
}

static void kill_all(void)
{
    pthread_t thread;

    (void)pthread_create(&thread, NULL, own_in_thread, NULL);
    while (*(volatile uint32_t *)&shared->nodes[1].word == 0)
        sleep_ms(1);
    sleep_ms(20);
    (void)kill(getpid(), SIGKILL);
}

static void robust_lists(void)
{
    void *list = shared;
    size_t size = 0;
    pid_t child;

    SECTION("robust lists");
    try_end("exec", execute);
    try_end("exit", leave);
    try_end("kill, two threads", kill_all);
    own_listed_word(0);
    child = (pid_t)syscall(SYS_fork);
    if (child == 0) {
        long result = syscall(SYS_get_robust_list, 0, &list, &size);

        syscall(SYS_exit, result == 0 && list == NULL && size == sizeof(struct head) ? 1 : 2);
    }
    await_child(child);
    (void)syscall(SYS_set_robust_list, NULL, sizeof(struct head));
}

/* ---- The word that is cleared -------------------------------------------------------------- */

static void cleared_word(void)
{
    pid_t child;

    SECTION("the cleared word of a process that is alone in its memory");
    shared->cleared = 7;
    child = (pid_t)syscall(SYS_fork);
    if (child == 0) {
        (void)syscall(SYS_set_tid_address, &shared->cleared);
        syscall(SYS_exit, 0);
    }
    await_child(child);
    VALUE(shared->cleared);
}

/* ---- Locks --------------------------------------------------------------------------------- */

static void lock_and_pause(void)
{
    shared->result = futex(&shared->lock, FUTEX_LOCK_PI, 0);
    (void)pause();
}

/* The owner is killed while another process waits. */
static void killed_owner(void)
{
    uint32_t owner;
    pid_t child;

    SECTION("a lock whose owner is killed");
    shared->lock = 0;
    child = fork();
    if (child == 0)
        lock_and_pause();
    while ((owner = *(volatile uint32_t *)&shared->lock) == 0)
        sleep_ms(1);
    FACT(owner == (uint32_t)child);
    if (fork() == 0) {
        await_bits(&shared->lock, FUTEX_WAITERS, FUTEX_WAITERS);
        while (state_of(getppid()) == 'R')
            sleep_ms(1);
        (void)kill(child, SIGKILL);
        _exit(0);
    }
    CALL(futex(&shared->lock, FUTEX_LOCK_PI, 0));
    FACT((shared->lock & FUTEX_TID_MASK) == (uint32_t)own_id());
    FACT((shared->lock & FUTEX_OWNER_DIED) != 0);
    CALL(futex(&shared->lock, FUTEX_UNLOCK_PI, 0));
    await_child(child);
    (void)wait(NULL);
}

static void *lock_in_thread(void *argument)
{
    uint32_t *seen = argument;

    shared->result = futex(&shared->lock, FUTEX_LOCK_PI, 0);
    seen[0] = (uint32_t)own_id();
    seen[1] = shared->lock;
    return answer(futex(&shared->lock, FUTEX_UNLOCK_PI, 0));
}

/* Another thread of this process wants a lock that this thread has. */
static void lend_to_thread(void)
{
    uint32_t seen[2];
    pthread_t thread;

    CALL(futex(&shared->lock, FUTEX_LOCK_PI, 0));
    thread = start(lock_in_thread, seen);
    await_lock_waiter(&shared->lock);
    FACT((shared->lock & FUTEX_TID_MASK) == (uint32_t)own_id());
    CALL(futex(&shared->lock, FUTEX_UNLOCK_PI, 0));
    show("the other's unlock", join(thread));
    VALUE(shared->result);
    FACT(seen[0] == (seen[1] & FUTEX_TID_MASK));
    VALUE(shared->lock);
}

/* It gives up what it had, and owns locks in the new program as before. */
static void executing_owner(void)
{
    char *const words[] = { (char *)"true", (char *)"owner", NULL };
    uint32_t word;
    pid_t child;

    SECTION("a lock whose owner executes a program");
    shared->lock = 0;
    child = fork();
    if (child == 0) {
        (void)futex(&shared->lock, FUTEX_LOCK_PI, 0);
        await_bits(&shared->lock, FUTEX_WAITERS, FUTEX_WAITERS);
        sleep_ms(20);
        (void)execve("/proc/self/exe", words, words + 2);
        _exit(9);
    }
    await_bits(&shared->lock, FUTEX_TID_MASK, (uint32_t)child);
    shared->result = futex(&shared->lock, FUTEX_LOCK_PI, 0);
    word = shared->lock;
    (void)futex(&shared->lock, FUTEX_UNLOCK_PI, 0);
    await_child(child);    /* which has written its lines */
    VALUE(shared->result);
    FACT((word & FUTEX_OWNER_DIED) != 0);
    FACT((word & FUTEX_TID_MASK) == (uint32_t)own_id());
}

/* Ids in a word are those of the caller's PID namespace. */
static int be_first(void *argument)
{
    uint32_t seen[2];
    pthread_t thread;

    (void)argument;
    (void)printf("the first one is %d\n", own_id());
    CALL(futex(&shared->lock, FUTEX_LOCK_PI, 0));
    thread = start(lock_in_thread, seen);
    await_lock_waiter(&shared->lock);
    (void)printf("word %#x\n", shared->lock);
    CALL(futex(&shared->lock, FUTEX_UNLOCK_PI, 0));
    show("the other's unlock", join(thread));
    VALUE(shared->result);
    (void)printf("it is %u, the word was %#x, is %#x\n", seen[0], seen[1], shared->lock);
    shared->lock = 3;
    CALL(futex(&shared->lock, FUTEX_LOCK_PI, 0));
    exit(0);
}

static void namespaces(void)
{
    static _Alignas(16) char stack[256 << 10];
    pid_t child;

    SECTION("in another PID namespace");
    shared->lock = 0;
    child = clone(be_first, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, NULL);
    if (child > 0)
        await_child(child);
    FACT(child > 0);
}

int main(int count, char **words_given)
{
    if (count > 1 && strcmp(words_given[1], "executed") == 0)
        return 6;
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (count > 1 && strcmp(words_given[1], "owner") == 0) {
        lend_to_thread();
        return 7;
    }
    words();
    robust_lists();
    cleared_word();
    killed_owner();
    executing_owner();
    namespaces();
    return 0;
}
