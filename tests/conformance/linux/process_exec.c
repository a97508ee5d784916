/* execve and execveat: what the new program finds, scripts, and every error. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

extern char **environ;

static char self[4096];

/* ---- Inside the new program ---------------------------------------------------------------- */

static void show_vector(const char *name, char **vector)
{
    for (int i = 0; vector[i]; i++)
        (void)printf("%s[%d] = \"%.60s\"\n", name, i, vector[i]);
}

static int report(char **arguments)
{
    struct sigaction action;
    sigset_t set;
    char name[4096] = "";
    stack_t stack;

    show_vector("argument", arguments);
    show_vector("environment", environ);
    (void)sigaction(SIGUSR1, NULL, &action);
    FACT(action.sa_handler == SIG_DFL);
    (void)sigaction(SIGUSR2, NULL, &action);
    FACT(action.sa_handler == SIG_IGN);
    (void)sigprocmask(SIG_BLOCK, NULL, &set);
    FACT(sigismember(&set, SIGHUP) == 1 && sigismember(&set, SIGTERM) == 0);
    (void)sigpending(&set);
    FACT(sigismember(&set, SIGHUP) == 1);
    (void)sigaltstack(NULL, &stack);
    FACT(stack.ss_flags == SS_DISABLE);
    FACT(fcntl(50, F_GETFD) == 0);
    CALL(fcntl(51, F_GETFD));
    (void)readlink("/proc/self/exe", name, sizeof(name) - 1);
    FACT(strcmp(name, self) == 0 || strstr(name, "process_exec") != NULL);
    FACT(alarm(0) > 0);
    (void)fflush(stdout);
    return 17;
}

/* ---- Outside ------------------------------------------------------------------------------- */

static void caught(int number)
{
    (void)number;
}

static void prepare(void)
{
    static char stack[64 << 10];
    const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
    sigset_t set;

    (void)signal(SIGUSR1, caught);
    (void)signal(SIGUSR2, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)raise(SIGHUP);
    (void)sigaltstack(&alternate, NULL);
    (void)dup2(1, 50);
    (void)dup2(1, 51);
    (void)fcntl(51, F_SETFD, FD_CLOEXEC);
    (void)alarm(100);
}

static void show_status(pid_t child)
{
    int status = -1;

    (void)waitpid(child, &status, 0);
    (void)printf("status %#x\n", (unsigned)status);
}

/* In a child, so that the errors come back as text. */
static void run(const char *path, char *const arguments[], char *const environment[])
{
    pid_t child;

    (void)printf("-> %s\n", strcmp(path, self) == 0 ? "self" : path);
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        prepare();
        (void)execve(path, arguments, environment);
        (void)printf("%s\n", error_name(errno));
        (void)fflush(stdout);
        _exit(1);
    }
    show_status(child);
}

static char *const two[] = { "report", "two words", NULL };
static char *const variables[] = { "A=1", "B=", NULL };

static void show_program(void)
{
    char *const alone[] = { "report", NULL };
    char *const nothing[] = { NULL };

    SECTION("the new program");
    run(self, two, variables);
    run(self, alone, nothing);
    run(self, alone, NULL);
    run("/proc/self/exe", alone, NULL);
}

static void make_script(const char *name, const char *text)
{
    make_file(name, text);
    (void)chmod(name, 0755);
}

static void show_scripts(void)
{
    static char line[5000];
    char name[3] = "s0";

    SECTION("scripts");
    CALL(symlink(self, "report"));
    make_script("plain", "#!./report\n");
    run("./plain", two, variables);
    make_script("argument", "#! \t./report   an argument \t\n");
    run("./argument", two, NULL);
    make_script("no_newline", "#!./report x");
    run("./no_newline", two, NULL);
    make_script("empty", "");
    run("./empty", two, NULL);
    make_script("one", "#");
    run("./one", two, NULL);
    make_script("nobody", "#!\n");
    run("./nobody", two, NULL);
    make_script("blanks", "#!   \t\n");
    run("./blanks", two, NULL);
    make_script("missing", "#!./nothing there\n");
    run("./missing", two, NULL);
    make_script("text", "echo hello\n");
    run("./text", two, NULL);
    make_script("directory", "#!/tmp\n");
    run("./directory", two, NULL);
    make_script("loop", "#!./loop\n");
    run("./loop", two, NULL);
    make_script("s0", "#!./report\n");
    for (int i = 1; i < 7; i++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "#!./%s\n", name);
        name[1] = (char)('0' + i);
        make_script(name, text);
    }
    run("./s4", two, NULL);
    run("./s5", two, NULL);
    run("./s6", two, NULL);
    (void)snprintf(line, sizeof(line), "#!./report %0250d\n", 7);
    make_script("long_argument", line);
    run("./long_argument", two, NULL);
    (void)snprintf(line, sizeof(line), "#!./%0260d\n", 7);
    make_script("long_path", line);
    run("./long_path", two, NULL);
}

static void show_errors(void)
{
    static char large[200000];
    static char *many[100002];
    int fd;

    SECTION("errors");
    run("nothing", two, NULL);
    run("", two, NULL);
    run(".", two, NULL);
    make_file("not_executable", "#!./report\n");
    (void)chmod("not_executable", 0644);
    run("./not_executable", two, NULL);
    run("./not_executable/x", two, NULL);
    run("/dev/null", two, NULL);
    CALL(mkfifo("fifo", 0777));
    run("./fifo", two, NULL);
    CALL(symlink("circle", "circle"));
    run("./circle", two, NULL);
    make_script("garbage", "\177ELF and nothing more");
    run("./garbage", two, NULL);
    run(self, (char *const *)8, NULL);
    run(self, two, (char *const *)8);
    memset(large, 'x', sizeof(large) - 1);
    many[0] = large;
    run(self, many, NULL);
    run(self, two, many);
    for (size_t i = 0; i < COUNT(many) - 1; i++)
        many[i] = "0123456789012345678901234567890123456789";
    run(self, many, NULL);
    make_script("busy", "#!./report\n");
    fd = open("busy", O_WRONLY);
    run("./busy", two, NULL);
    (void)close(fd);
    CALL(syscall(SYS_execveat, AT_FDCWD, self, two, NULL, 0x8000));
    CALL(syscall(SYS_execveat, 99, "report", two, NULL, 0));
    CALL(syscall(SYS_execveat, AT_FDCWD, "report", two, NULL, AT_SYMLINK_NOFOLLOW));
}

static void run_at(int fd, const char *path, int flags)
{
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        prepare();
        (void)syscall(SYS_execveat, fd, path, two, variables, flags);
        (void)printf("%s\n", error_name(errno));
        (void)fflush(stdout);
        _exit(1);
    }
    show_status(child);
}

static void show_descriptors(void)
{
    int directory = open(".", O_RDONLY);
    int program = open(self, O_RDONLY);
    int script = open("plain", O_RDONLY);
    int hidden = open("plain", O_RDONLY | O_CLOEXEC);

    SECTION("execveat");
    run_at(directory, "report", 0);
    run_at(program, "", AT_EMPTY_PATH);
    run_at(program, "", 0);
    run_at(script, "", AT_EMPTY_PATH);
    run_at(hidden, "", AT_EMPTY_PATH);
    run_at(1, "", AT_EMPTY_PATH);
    (void)close(directory);
    (void)close(program);
    (void)close(script);
    (void)close(hidden);
}

/* The file of a program that runs cannot be written. */
static void show_busy(void)
{
    static char bytes[1 << 16];
    int from = open(self, O_RDONLY), to = open("copy", O_WRONLY | O_CREAT, 0755);
    int ready[2];
    ssize_t count;
    char byte;
    pid_t child;

    SECTION("a program that runs");
    while ((count = read(from, bytes, sizeof(bytes))) > 0)
        (void)!write(to, bytes, (size_t)count);
    run("./copy", two, NULL);
    (void)close(to);
    (void)!pipe(ready);
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        (void)dup2(ready[1], 60);
        (void)execl("./copy", "pause", (char *)NULL);
        _exit(1);
    }
    (void)!read(ready[0], &byte, 1);
    CALL(open("copy", O_WRONLY));
    CALL(open("copy", O_RDWR));
    CALL(open("copy", O_RDONLY | O_TRUNC));
    CALL(truncate("copy", 0));
    CALL(close(open("copy", O_RDONLY)));
    CALL(rename("copy", "renamed"));
    CALL(open("renamed", O_WRONLY));
    CALL(kill(child, SIGKILL));
    show_status(child);
    CALL(close(open("renamed", O_WRONLY)));
    CALL(truncate("renamed", 10));
    run("./renamed", two, NULL);
}

static void *wait_for_ever(void *argument)
{
    for (;;)
        (void)pause();
    return argument;
}

static void *run_for_ever(void *argument)
{
    for (volatile long i = 0;; i++)
        continue;
    return argument;
}

static void *execute(void *argument)
{
    (void)execve(self, argument, variables);
    return NULL;
}

static void show_threads(bool from_first)
{
    pid_t child;

    SECTION("several threads");
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        pthread_t thread;

        prepare();
        (void)pthread_create(&thread, NULL, wait_for_ever, NULL);
        (void)pthread_create(&thread, NULL, run_for_ever, NULL);
        if (from_first)
            (void)execute((void *)(uintptr_t)two);
        (void)pthread_create(&thread, NULL, execute, (void *)(uintptr_t)two);
        (void)pthread_join(thread, NULL);
        _exit(1);
    }
    show_status(child);
}

static void show_vfork(void)
{
    pid_t child;

    SECTION("vfork");
    (void)fflush(stdout);
    child = vfork();
    if (child == 0) {
        (void)execve("nothing", two, NULL);
        (void)execve(self, (char *[]){ "exit", NULL }, NULL);
        _exit(1);
    }
    show_status(child);
}

/* Its own stack, and the parent's memory: the kernel clears the word there. */
static int execute_elsewhere(void *unused)
{
    (void)unused;
    (void)execve(self, (char *[]){ "exit", NULL }, NULL);
    _exit(1);
}

static void show_cleared_word(void)
{
    static _Alignas(16) char stack[65536];
    static int word;
    pid_t child;

    SECTION("the word that is cleared");
    (void)fflush(stdout);
    child = clone(execute_elsewhere, stack + sizeof(stack),
                  CLONE_VM | CLONE_VFORK | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD,
                  NULL, NULL, NULL, &word);
    FACT(word == 0);
    show_status(child);
}

int main(int count, char **arguments)
{
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
        return 1;
    if (strcmp(arguments[0], "exit") == 0)
        return 5;
    if (strcmp(arguments[0], "pause") == 0) {
        (void)!write(60, "x", 1);
        (void)pause();
    }
    if (count > 1 || strcmp(arguments[0], "report") == 0)
        return report(arguments);
    show_program();
    show_scripts();
    show_errors();
    show_descriptors();
    show_busy();
    show_threads(true);
    show_threads(false);
    show_vfork();
    show_cleared_word();
    return 0;
}
