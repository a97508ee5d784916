/* Controlling terminals: who gets one, who may ask what about it, how it is lost. */
#include <signal.h>
#include <sys/wait.h>

#include "with_terminal.h"

static int other_master, other;

/* Runs in a session of its own, which has no terminal; waits for it. */
static void in_session(const char *name, void (*run)(void))
{
    SECTION(name);
    fflush(stdout);

    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        setsid();
        run();
        exit(0);
    }
    waitpid(child, &status, 0);
    if (status != 0)
        printf("status %#x\n", status);
}

static void in_child(void (*run)(void))
{
    fflush(stdout);

    pid_t child = fork();

    if (child == 0) {
        run();
        exit(0);
    }
    waitpid(child, NULL, 0);
}

static void has_terminal(void)
{
    pid_t group = -1;

    CALL(open("/dev/tty", O_RDWR | O_NONBLOCK) >= 0 ? 0 : -1);
    CALL(ioctl(slave, TIOCGPGRP, &group));
    FACT(group == getpgrp());
    CALL(ioctl(slave, TIOCGSID, &group));
    FACT(group == getsid(0));
}

static void by_opening(void)
{
    char path[32];

    slave_path(master, path, sizeof(path));
    has_terminal();
    FACT(open(path, O_RDWR | O_NOCTTY) >= 0);
    has_terminal();
    FACT(open(path, O_WRONLY) >= 0);
    has_terminal();
    FACT(open(path, O_RDWR) >= 0);
    has_terminal();
    in_child(has_terminal);
    slave_path(other_master, path, sizeof(path));
    FACT(open(path, O_RDWR) >= 0);
    has_terminal();
}

static void take_as_member(void)
{
    CALL(ioctl(slave, TIOCSCTTY, 0));
    CALL(ioctl(slave, TIOCNOTTY));
    has_terminal();
}

static void lose_as_member(void)
{
    has_terminal();
    CALL(ioctl(other, TIOCNOTTY));
    CALL(ioctl(slave, TIOCNOTTY));
    has_terminal();
    in_child(has_terminal);
}

static void other_session(void)
{
    setsid();
    has_terminal();
    CALL(ioctl(slave, TIOCSCTTY, 0));
    CALL(ioctl(other, TIOCSCTTY, 0));
    CALL(ioctl(other, TIOCSCTTY, 0));
}

static void by_request(void)
{
    int group = getpgrp();

    CALL(ioctl(slave, TIOCNOTTY));
    CALL(ioctl(slave, TIOCSPGRP, &group));
    in_child(take_as_member);
    CALL(ioctl(slave, TIOCSCTTY, 0));
    CALL(ioctl(slave, TIOCSCTTY, 0));
    CALL(ioctl(other, TIOCSCTTY, 0));
    has_terminal();
    in_child(has_terminal);
    in_child(lose_as_member);
    in_child(other_session);
    has_terminal();
}

static void by_master(void)
{
    pid_t group = -1;

    CALL(ioctl(master, TIOCGPGRP, &group));
    VALUE(group);
    CALL(ioctl(master, TIOCGSID, &group));
    CALL(ioctl(master, TIOCSCTTY, 0));
    has_terminal();
    CALL(ioctl(master, TIOCGPGRP, &group));
    FACT(group == getpgrp());
    CALL(ioctl(master, TIOCGSID, &group));
    FACT(group == getpid());
    CALL(ioctl(master, TIOCNOTTY));
    CALL(ioctl(master, TIOCSPGRP, &group));
}

static volatile sig_atomic_t hang_ups, continues;

static void note(int number)
{
    if (number == SIGHUP)
        hang_ups++;
    else
        continues++;
}

static void giving_up(void)
{
    signal(SIGHUP, note);
    signal(SIGCONT, note);
    ioctl(slave, TIOCSCTTY, 0);
    CALL(ioctl(slave, TIOCNOTTY));
    VALUE(hang_ups);
    VALUE(continues);
    has_terminal();
    CALL(ioctl(slave, TIOCSCTTY, 0));
    has_terminal();
}

static void set_foreground_here(void)
{
    int group = getpgrp();

    CALL(ioctl(slave, TIOCSPGRP, &group));
}

static void groups(void)
{
    int number = 0;

    ioctl(slave, TIOCSCTTY, 0);
    CALL(ioctl(slave, TIOCSPGRP, NULL));
    number = -1;
    CALL(ioctl(slave, TIOCSPGRP, &number));
    number = 0;
    CALL(ioctl(slave, TIOCSPGRP, &number));
    number = 0x3ffffff;
    CALL(ioctl(slave, TIOCSPGRP, &number));
    number = getppid();
    CALL(ioctl(slave, TIOCSPGRP, &number));
    CALL(ioctl(slave, TIOCGPGRP, NULL));
    CALL(ioctl(slave, TIOCGSID, NULL));

    int ends[2];

    if (pipe(ends) != 0)
        return;

    pid_t child = fork();

    if (child == 0) {
        char byte;

        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    number = child;    /* no group yet, but a process of the session */
    CALL(ioctl(slave, TIOCSPGRP, &number));
    number = getpid();
    signal(SIGTTOU, SIG_IGN);
    CALL(ioctl(slave, TIOCSPGRP, &number));
    CALL(setpgid(child, child));
    number = child;
    CALL(ioctl(slave, TIOCSPGRP, &number));
    pid_t group = -1;
    CALL(ioctl(slave, TIOCGPGRP, &group));
    FACT(group == child);
    close(ends[1]);
    waitpid(child, NULL, 0);
    CALL(ioctl(slave, TIOCGPGRP, &group));
    FACT(group == child);
    number = child;
    CALL(ioctl(slave, TIOCSPGRP, &number));
    in_child(set_foreground_here);
}

static void stealing(void)
{
    ioctl(slave, TIOCSCTTY, 0);
    fflush(stdout);

    int ends[2];

    if (pipe(ends) != 0)
        return;

    pid_t child = fork();

    if (child == 0) {
        setsid();
        CALL(ioctl(slave, TIOCSCTTY, 0));
        printf("stealing: %s\n", ioctl(slave, TIOCSCTTY, 1) == 0 || geteuid() != 0 ? "as expected"
                                                                                   : "not");
        fflush(stdout);
        if (write(ends[1], "x", 1) != 1)
            _exit(1);
        pause();
    }

    char byte;

    if (read(ends[0], &byte, 1) != 1)
        printf("no answer\n");
    if (geteuid() == 0)
        has_terminal();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int main(void)
{
    begin_pair();
    other_master = open_master();
    other = open_slave(other_master, O_RDWR | O_NOCTTY | O_NONBLOCK);
    in_session("by opening it", by_opening);
    in_session("by request", by_request);
    in_session("by request of the master", by_master);
    in_session("giving it up", giving_up);
    in_session("foreground groups", groups);
    in_session("taking it from another session", stealing);
    return 0;
}
