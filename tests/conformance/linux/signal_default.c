/* What each signal does to a process that says nothing about it, and what becomes of actions and
 * pending signals in a fork and an exec. */
#include "with_signals.h"

static int number;

static void send_one(void)
{
    const struct rlimit none = { 0, 0 };

    (void)setpgid(0, 0);    /* not orphaned, wherever the whole was started: it may stop */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)raise(number);
    _exit(100);
}

static void each(void)
{
    SECTION("by default");
    for (number = 1; number <= 64; number++) {
        pid_t child;
        int status = 0;

        if (number == 32 || number == 33)
            continue;    /* the C library's */
        child = spawn(send_one);
        if (waitpid(child, &status, WUNTRACED) != child)
            printf("cannot wait\n");
        printf("%d ", number);
        show_status("", status);
        if (WIFSTOPPED(status)) {
            (void)kill(child, SIGKILL);
            (void)waitpid(child, &status, 0);
        }
    }
}

static void send_ignored(void)
{
    (void)signal(number, SIG_IGN);
    send_one();
}

static void faults_by_hand(void)
{
    SECTION("ignored");
    for (number = 1; number <= 31; number++) {
        if (number == SIGKILL || number == SIGSTOP)
            continue;
        printf("%d ", number);
        reap("", spawn(send_ignored));
    }
}

/* ---- fork and exec ------------------------------------------------------------------------- */

static void show_actions(void)
{
    for (int i = 1; i <= 64; i++) {
        struct sigaction action;

        if (i == 32 || i == 33 || sigaction(i, NULL, &action) != 0)
            continue;
        if (action.sa_handler != SIG_DFL || action.sa_flags)
            printf("%d: %s flags %#x\n", i, action.sa_handler == SIG_IGN ? "ignored"
                   : action.sa_handler == SIG_DFL ? "default" : "handled",
                   (unsigned)action.sa_flags & ~0x04000000u);
    }
    printf("mask %#lx pending %#lx\n", change_mask(SIG_BLOCK, 0), pending());
    stack_t stack;
    (void)sigaltstack(NULL, &stack);
    VALUE(stack.ss_flags);
}

static void execute(const char *program)
{
    char *const arguments[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)"again", NULL };

    (void)execv(program, arguments);
    printf("no exec: %s\n", error_name(errno));
}

static const char *own_name;

static void execute_again(void)
{
    show_actions();
    CALL(raise(SIGHUP));
    CALL(kill(getpid(), SIGUSR2));
    (void)fflush(stdout);
    execute(own_name);
}

static void inherit(void)
{
    static char memory[65536];
    const stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };

    SECTION("after fork: the same; nothing pending");
    handle(SIGUSR1, SA_RESTART);
    handle(SIGTERM, SA_NODEFER | SA_ONSTACK);
    (void)signal(SIGQUIT, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigaltstack(&stack, NULL);
    (void)change_mask(SIG_SETMASK, BIT(SIGHUP) | BIT(SIGUSR2));
    CALL(raise(SIGHUP));
    pid_t child = spawn(execute_again);
    reap("after exec: ignored ones, mask and pending ones stay", child);
}

int main(int count, char **arguments)
{
    own_name = "/proc/self/exe";
    if (count > 1) {
        show_actions();
        return 0;
    }
    (void)arguments;
    each();
    faults_by_hand();
    inherit();
    return 0;
}
