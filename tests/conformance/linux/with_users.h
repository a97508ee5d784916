#pragma once
/* For the programs about users, limits and /proc: processes apart, and processes of other users. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define ONE 54321    /* users and groups without other processes */
#define TWO 54322

__attribute__((unused)) static void be_user(uid_t user)
{
    syscall(SYS_setresgid, user, user, user);
    syscall(SYS_setresuid, user, user, user);
}

/* Each in a process of its own, which may do what cannot be undone. */
__attribute__((unused)) static void apart(const char *name, void (*act)(void))
{
    pid_t child;
    int status;

    SECTION(name);
    child = fork();
    if (child == 0) {
        act();
        exit(0);
    }
    waitpid(child, &status, 0);
    printf("exited %d with %d, signal %d, dumped %d\n", WIFEXITED(status),
           WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
           WIFSIGNALED(status) && WCOREDUMP(status));
}

/* ---- A process to look at ------------------------------------------------------------------ */

__attribute__((unused)) static pid_t target;

static void be_target(uid_t user, int dumpable, int ready)
{
    be_user(user);
    prctl(PR_SET_DUMPABLE, dumpable);
    if (write(ready, "r", 1) != 1)
        exit(1);
    for (;;)
        pause();
}

/* A child of this user that does nothing. */
__attribute__((unused)) static void make_target(uid_t user, int dumpable)
{
    int ready[2];
    char byte;

    if (pipe(ready) != 0)
        exit(1);
    target = fork();
    if (target == 0)
        be_target(user, dumpable, ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        exit(1);
    close(ready[0]);
    close(ready[1]);
}

__attribute__((unused)) static void end_target(void)
{
    kill(target, SIGKILL);
    waitpid(target, NULL, 0);
}
