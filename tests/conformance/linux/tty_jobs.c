/* Job control: reading and writing from the background, stopping, orphans, signals of keys. */
#include <signal.h>
#include <sys/wait.h>

#include "with_terminal.h"

static int ready[2], orders[2];

/* The leader of a session with the terminal; its standard files are not touched. */
static void in_session(const char *name, void (*run)(void))
{
    SECTION(name);
    begin_pair();
    fflush(stdout);

    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        run();
        exit(0);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("ended by signal %d\n", WTERMSIG(status));
}

static void tell(int descriptor)
{
    if (write(descriptor, "x", 1) != 1)
        _exit(9);
}

static void await(int descriptor)
{
    char byte;

    if (read(descriptor, &byte, 1) != 1)
        _exit(9);
}

/* A member of a group of its own, which is in the background; begins when it is told to. */
static pid_t background(void (*run)(void))
{
    if (pipe(ready) != 0 || pipe(orders) != 0)
        exit(9);
    fflush(stdout);

    pid_t child = fork();

    if (child == 0) {
        close(ready[0]);    /* so that it ends when the leader has */
        close(orders[1]);
        setpgid(0, 0);
        tell(ready[1]);
        await(orders[0]);
        run();
        tell(ready[1]);
        await(orders[0]);
        exit(0);
    }
    await(ready[0]);
    return child;
}

static void show_status(pid_t child)
{
    int status = -1;

    waitpid(child, &status, WUNTRACED | WCONTINUED);
    if (WIFSTOPPED(status))
        printf("stopped by %d\n", WSTOPSIG(status));
    else if (WIFCONTINUED(status))
        printf("continued\n");
    else if (WIFSIGNALED(status))
        printf("killed by %d\n", WTERMSIG(status));
    else
        printf("exited with %d\n", WEXITSTATUS(status));
}

static void set_foreground(pid_t group)
{
    signal(SIGTTOU, SIG_IGN);
    CALL(tcsetpgrp(slave, group) == 0 ? 0 : -1);
    signal(SIGTTOU, SIG_DFL);
}

/* ---- What the background does -------------------------------------------------------------- */

static void read_it(void)
{
    reads(100);
}

static void read_blocking(void)
{
    fcntl(slave, F_SETFL, O_RDWR);
    reads(100);
}

static void write_it(void)
{
    CALL(write(slave, "from the background", 19));
}

static void change_it(void)
{
    struct termios settings;

    CALL(tcgetattr(slave, &settings));
    CALL(tcsetattr(slave, TCSANOW, &settings));
}

static void flush_it(void)
{
    CALL(ioctl(slave, TCFLSH, TCIFLUSH));
    CALL(ioctl(slave, TCXONC, TCOON));
    CALL(ioctl(slave, TCSBRK, 1));
}

static void set_itself(void)
{
    int group = getpgrp();

    CALL(ioctl(slave, TIOCSPGRP, &group));
}

static void ignoring(void)
{
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    reads(100);
    write_it();
    change_it();
}

static void blocking(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTTIN);
    sigaddset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, NULL);
    reads(100);
    write_it();
    change_it();
    sigpending(&set);
    FACT(sigismember(&set, SIGTTIN));
}

static volatile sig_atomic_t seen_signals[65];

static void note(int number)
{
    seen_signals[number]++;
}

static void handling(void)
{
    struct sigaction action = { .sa_handler = note };

    sigaction(SIGTTIN, &action, NULL);
    sigaction(SIGTTOU, &action, NULL);
    reads(100);
    VALUE(seen_signals[SIGTTIN]);
    change_it();
    VALUE(seen_signals[SIGTTOU]);
}

/* ---- What the leader does ------------------------------------------------------------------ */

static void stop_and_go(void (*run)(void))
{
    pid_t child = background(run);

    type("typed\n");
    tell(orders[1]);
    show_status(child);
    set_foreground(child);
    kill(child, SIGCONT);
    await(ready[0]);
    show_status(child);
    tell(orders[1]);
    show_status(child);
    set_foreground(getpid());
    tcflush(slave, TCIFLUSH);
}

static void run_and_end(void (*run)(void))
{
    pid_t child = background(run);

    tell(orders[1]);
    tell(orders[1]);
    show_status(child);
}

static void reading(void)
{
    stop_and_go(read_it);
    stop_and_go(read_blocking);
}

static void writing(void)
{
    run_and_end(write_it);
    change_lflag(TOSTOP, 0);
    stop_and_go(write_it);
    seen();
}

static void changing(void)
{
    stop_and_go(change_it);
    stop_and_go(flush_it);
    stop_and_go(set_itself);
}

static void not_heeded(void)
{
    type("typed\n");
    change_lflag(TOSTOP, 0);
    run_and_end(ignoring);
    run_and_end(blocking);
    run_and_end(handling);
}

static void wait_for_key(void)
{
    tell(ready[1]);
    pause();
}

static void keys(void)
{
    static const struct {
        const char *name, *key;
    } keys[] = { { "interrupt", "\x03" }, { "quit", "\x1c" }, { "suspend", "\x1a" } };

    for (size_t i = 0; i < COUNT(keys); i++) {
        pid_t child = background(wait_for_key);

        tell(orders[1]);
        await(ready[0]);
        set_foreground(child);
        type(keys[i].key);
        show_status(child);
        if (i == 2) {
            set_foreground(getpid());
            kill(child, SIGKILL);
            kill(child, SIGCONT);
            waitpid(child, NULL, 0);
        }
        set_foreground(getpid());
    }
    CALL(ioctl(master, TIOCSIG, SIGINT));
    printf("not reached\n");
}

static void sizes(void)
{
    struct winsize size = { .ws_row = 1, .ws_col = 2 };

    signal(SIGWINCH, note);
    CALL(ioctl(master, TIOCSWINSZ, &size));
    VALUE(seen_signals[SIGWINCH]);
    CALL(ioctl(slave, TIOCSWINSZ, &size));
    VALUE(seen_signals[SIGWINCH]);
    size.ws_xpixel = 9;
    CALL(ioctl(slave, TIOCSWINSZ, &size));
    VALUE(seen_signals[SIGWINCH]);
}

/* Its parent ends, so nobody of the session is left who could continue its group. */
static void be_orphaned(void)
{
    pid_t parent = getpid();

    fflush(stdout);
    if (fork() != 0)
        _exit(0);
    setpgid(0, 0);
    while (getppid() == parent)
        usleep(1000);
    reads(100);
    change_it();
    change_lflag(TOSTOP, 0);
    write_it();
    int group = getpgrp();
    CALL(ioctl(slave, TIOCSPGRP, &group));
    raise(SIGTSTP);
    printf("not stopped\n");
    fflush(stdout);
    tell(ready[1]);
    _exit(0);
}

static void orphans(void)
{
    pid_t child = background(be_orphaned);

    tell(orders[1]);
    waitpid(child, NULL, 0);
    await(ready[0]);
}

/* The leader has given up its own copy of the master, so it goes with its parent's. */
static void master_ends(void)
{
    int at_end[2];

    SECTION("the master ends");
    begin_pair();
    fflush(stdout);
    if (pipe(at_end) != 0)
        exit(9);

    pid_t child = fork();

    if (child == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        close(master);
        close(at_end[0]);
        signal(SIGHUP, note);
        signal(SIGCONT, note);
        pid_t member = background(wait_for_key);
        tell(orders[1]);
        await(ready[0]);
        set_foreground(member);
        fflush(stdout);
        tell(at_end[1]);
        while (!seen_signals[SIGCONT])
            usleep(1000);
        VALUE(seen_signals[SIGHUP]);
        CALL(open("/dev/tty", O_RDWR));
        reads(10);
        CALL(waitpid(member, NULL, WNOHANG));
        fflush(stdout);
        tell(at_end[1]);
        await(orders[0]);    /* for ever: ended from outside */
        _exit(0);
    }
    close(slave);
    slave = 0;
    await(at_end[0]);
    close(master);
    master = 0;
    await(at_end[0]);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void leader_leaves(void)
{
    pid_t child = background(wait_for_key);

    tell(orders[1]);
    await(ready[0]);
    set_foreground(child);
    fflush(stdout);
}

int main(void)
{
    in_session("reading", reading);
    in_session("writing", writing);
    in_session("changing", changing);
    in_session("signals that are not heeded", not_heeded);
    in_session("keys", keys);
    in_session("sizes", sizes);
    in_session("orphans", orphans);
    master_ends();
    in_session("the leader ends", leader_leaves);
    return 0;
}
