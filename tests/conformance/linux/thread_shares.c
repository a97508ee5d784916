/* What threads share by the flags of clone, and what they have of their own: descriptors, working
 * directory, umask; unshare, close_range with CLOSE_RANGE_UNSHARE, ids that are asked for. */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "with_threads.h"

#define STACK_SIZE 65536
#define OF_THREADS (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#undef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2u

struct arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};

/* Orders to a thread without a C library's data of its own: it makes raw calls only. */
enum order {
    NOTHING, OPEN_FILE, CLOSE_FILE, GO_DOWN, SET_UMASK, UNSHARE, CLOSE_ALL, IGNORE, LEAVE
};
static _Atomic int order, done;
static _Atomic long result, order_argument;
static uint32_t child_word;
static char stack[STACK_SIZE] __attribute__((aligned(16)));

static long raw(long number, long a, long b, long c)
{
    long value;
    register long fourth __asm__("r10") = 0;

    __asm__ volatile("syscall"
                     : "=a"(value)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return value;
}

/* struct sigaction as the kernel has it: the handler comes first. */
static long ignore(long number)
{
    static const unsigned long action[4] = { (unsigned long)SIG_IGN };
    long value;
    register long size __asm__("r10") = 8;

    __asm__ volatile("syscall" : "=a"(value)
                     : "a"(SYS_rt_sigaction), "D"(number), "S"(action), "d"(0), "r"(size)
                     : "rcx", "r11", "memory");
    return value;
}

static long obey(enum order what)
{
    switch (what) {
    case OPEN_FILE:
        return raw(SYS_open, (long)"file", O_RDWR | O_CREAT, 0600);
    case CLOSE_FILE:
        return raw(SYS_close, order_argument, 0, 0);
    case GO_DOWN:
        return raw(SYS_chdir, (long)"below", 0, 0);
    case SET_UMASK:
        return raw(SYS_umask, order_argument, 0, 0);
    case UNSHARE:
        return raw(SYS_unshare, order_argument, 0, 0);
    case CLOSE_ALL:
        return raw(SYS_close_range, 3, 1000, order_argument);
    case IGNORE:
        return ignore(order_argument);
    case NOTHING:
    case LEAVE:
        break;
    }
    return 0;
}

__attribute__((noinline, used)) static void servant(void)
{
    for (int what = NOTHING; what != LEAVE;) {
        (void)raw(SYS_futex, (long)&order, FUTEX_WAIT | PRIVATE, NOTHING);
        what = atomic_exchange(&order, NOTHING);
        if (what == NOTHING)
            continue;
        result = obey((enum order)what);
        atomic_store(&done, 1);
        (void)raw(SYS_futex, (long)&done, FUTEX_WAKE | PRIVATE, 1);
    }
    (void)raw(SYS_exit, 0, 0, 0);
}

/* Returns the id, or a negative error. */
static long start_with(enum order first, unsigned long flags)
{
    long value;
    register void *r10 __asm__("r10") = &child_word;

    order = (int)first;
    child_word = 1;
    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "call servant\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(value)
                     : "a"(SYS_clone), "D"(flags | CLONE_CHILD_CLEARTID),
                       "S"(stack + STACK_SIZE), "d"(0), "r"(r10)
                     : "rcx", "r11", "memory");
    return value;
}

static long start_servant(unsigned long flags)
{
    return start_with(NOTHING, flags);
}

static long tell(enum order what, long argument)
{
    order_argument = argument;
    atomic_store(&done, 0);
    atomic_store(&order, (int)what);
    (void)futex(&order, FUTEX_WAKE | PRIVATE, 1);
    while (!done)
        (void)futex(&done, FUTEX_WAIT | PRIVATE, 0);
    return result;
}

static void dismiss(void)
{
    (void)tell(LEAVE, 0);
    while (__atomic_load_n(&child_word, __ATOMIC_ACQUIRE))
        (void)futex(&child_word, FUTEX_WAIT, 1);
}

static void show_place(void)
{
    char place[200] = "?";

    FACT(getcwd(place, sizeof(place)) != NULL && strstr(place, "below") != NULL);
}

static void share(const char *name, unsigned long flags)
{
    SECTION(name);
    FACT(start_servant(OF_THREADS | flags) > 0);

    int fd = (int)tell(OPEN_FILE, 0);

    VALUE(fd);
    CALL(fcntl(fd, F_GETFD));
    VALUE(tell(SET_UMASK, 077));
    VALUE(umask(022));
    VALUE(tell(GO_DOWN, 0));
    show_place();
    CALL(chdir("/"));
    dismiss();
    CALL(fcntl(fd, F_GETFD));
    (void)close(fd);
    (void)umask(022);
}

static char home[200];

static void go_home(void)
{
    if (chdir(home) != 0)
        (void)printf("no way home\n");
}

static void show_action(int number)
{
    struct sigaction action;

    (void)sigaction(number, NULL, &action);
    FACT(action.sa_handler == SIG_IGN);
}

/* Processes with one memory, with one set of signal actions or with two. */
static void share_actions(const char *name, unsigned long flags)
{
    SECTION(name);
    (void)signal(SIGUSR2, SIG_DFL);

    long child = start_servant(CLONE_VM | CLONE_FS | flags | SIGCHLD);

    FACT(child > 0);
    VALUE(tell(IGNORE, SIGUSR2));
    show_action(SIGUSR2);
    VALUE(tell(UNSHARE, CLONE_SIGHAND));
    VALUE(tell(UNSHARE, CLONE_VM));
    dismiss();
    FACT(waitpid((pid_t)child, NULL, 0) == child);
    show_action(SIGUSR2);
}

/* What only a thread of its own kept open is closed with it. */
static void the_end_closes(void)
{
    int ends[2];
    char byte;

    SECTION("the end of a thread closes what it had alone");
    if (pipe(ends) != 0)
        return;
    FACT(start_servant(OF_THREADS | CLONE_FS) > 0);
    (void)close(ends[1]);
    CALL(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    CALL(read(ends[0], &byte, 1));
    dismiss();
    (void)fcntl(ends[0], F_SETFL, 0);
    CALL(read(ends[0], &byte, 1));
    (void)close(ends[0]);
}

static void leave_shared(void)
{
    SECTION("unshare");
    FACT(start_servant(OF_THREADS | CLONE_FS | CLONE_FILES) > 0);
    VALUE(tell(UNSHARE, CLONE_FILES));

    int fd = (int)tell(OPEN_FILE, 0);

    CALL(fcntl(fd, F_GETFD));
    VALUE(tell(SET_UMASK, 070));
    VALUE(umask(022));
    VALUE(tell(UNSHARE, CLONE_FS));
    VALUE(tell(SET_UMASK, 007));
    VALUE(umask(022));
    VALUE(tell(UNSHARE, CLONE_FS | CLONE_FILES | CLONE_SYSVSEM));
    VALUE(tell(UNSHARE, 0));
    VALUE(tell(UNSHARE, CLONE_THREAD));
    VALUE(tell(UNSHARE, CLONE_SIGHAND));
    VALUE(tell(UNSHARE, CLONE_VM));
    VALUE(tell(UNSHARE, 1));
    VALUE(tell(UNSHARE, CLONE_VFORK));
    dismiss();
    for (int i = 0; i < MEMBER_PATIENCE_MS && syscall(SYS_unshare, CLONE_THREAD) != 0; i++)
        sleep_ms(1);    /* its word is cleared before it has left */
    CALL(syscall(SYS_unshare, CLONE_THREAD));
    CALL(syscall(SYS_unshare, CLONE_SIGHAND | CLONE_VM));

    SECTION("close_range");
    fd = open("file", O_RDONLY);
    FACT(start_servant(OF_THREADS | CLONE_FS | CLONE_FILES) > 0);
    VALUE(tell(CLOSE_ALL, CLOSE_RANGE_UNSHARE));
    VALUE(tell(CLOSE_FILE, fd));
    CALL(fcntl(fd, F_GETFD));
    dismiss();
    (void)close(fd);
}

static void *exec_self(void *program)
{
    char *arguments[] = { program, "executed", NULL };

    FACT(own_id() != getpid());
    (void)execv("/proc/self/exe", arguments);
    return NULL;
}

/* The thread that is left takes over the id of the process. */
static void executed(void)
{
    FACT(own_id() == getpid());
    CALL(syscall(SYS_tgkill, getpid(), getpid(), 0));
    FACT(fcntl(3, F_GETFD) >= 0);
    exit(7);
}

static void exec_from_another(char *program)
{
    int status;

    SECTION("exec by a thread that is not the first");
    (void)fflush(stdout);
    if (fork() == 0) {
        (void)dup2(1, 3);
        (void)join(start(exec_self, program));
    }
    (void)wait(&status);
    VALUE(WEXITSTATUS(status));
}

static long clone_with_id(const int *ids, uint64_t count)
{
    struct arguments arguments = {
        .exit_signal = SIGCHLD, .set_tid = (uintptr_t)ids, .set_tid_size = count,
    };
    long id = syscall(SYS_clone3, &arguments, sizeof(arguments));

    if (id == 0)
        _exit(own_id() == ids[0] && getpid() == ids[0] ? 3 : 4);
    return id;
}

static void ids_by_request(void)
{
    static const int bad[] = { 0, -1, 1 << 30 };
    int ids[2] = { 0, 0 }, status;
    long free_id;

    SECTION("an id that is asked for");
    for (size_t i = 0; i < COUNT(bad); i++) {
        ids[0] = bad[i];
        CALL(clone_with_id(ids, 1));
    }
    ids[0] = getpid();
    CALL(clone_with_id(ids, 1));
    CALL(clone_with_id(ids, 2));
    CALL(clone_with_id(ids, 33));
    CALL(clone_with_id(NULL, 1));
    CALL(clone_with_id(ids, 0));
    CALL(clone_with_id((int *)8, 1));
    free_id = fork();
    if (free_id == 0)
        _exit(0);
    (void)waitpid((pid_t)free_id, NULL, 0);
    ids[0] = (int)free_id;
    FACT(clone_with_id(ids, 1) == free_id);
    FACT(waitpid((pid_t)free_id, &status, 0) == free_id);
    VALUE(WEXITSTATUS(status));
}

static void refusals(void)
{
    static const uint64_t flags[] = {
        CLONE_NEWUSER | CLONE_FS, CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM,
        CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM,
    };

    SECTION("flags that do not go together");
    for (size_t i = 0; i < COUNT(flags); i++) {
        struct arguments arguments = { .flags = flags[i] };

        CALL(syscall(SYS_clone3, &arguments, sizeof(arguments)));
    }
}

/* A thread whose maker waits for its end. */
static void vfork_of_thread(void)
{
    SECTION("a thread with CLONE_VFORK");
    done = 0;
    FACT(start_with(LEAVE, OF_THREADS | CLONE_FS | CLONE_FILES | CLONE_VFORK) > 0);
    VALUE(child_word);
    VALUE(done);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        executed();
    if (!getcwd(home, sizeof(home)) || mkdir("below", 0700) != 0)
        return 1;
    (void)umask(022);
    share("all is shared", CLONE_FS | CLONE_FILES);
    go_home();
    share("descriptors are not", CLONE_FS);
    go_home();
    share("places are not", CLONE_FILES);
    go_home();
    share("neither is", 0);
    go_home();
    share_actions("a process with the same signal actions", CLONE_SIGHAND);
    share_actions("a process with signal actions of its own", 0);
    the_end_closes();
    leave_shared();
    exec_from_another(argv[0]);
    ids_by_request();
    refusals();
    vfork_of_thread();
    return 0;
}
