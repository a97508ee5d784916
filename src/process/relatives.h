#pragma once
/*
 * What processes have to do with each other: waiting for children, groups, sessions.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "process/process.h"

/* Statuses as wait reports them, beside code << 8 and the number of a signal. */
#define STATUS_STOPPED 0x7f    /* | signal << 8 */
#define STATUS_CONTINUED 0xffff

/* si_code of SIGCHLD. */
#define CODE_CHILD_EXITED 1
#define CODE_CHILD_KILLED 2
#define CODE_CHILD_STOPPED 5
#define CODE_CHILD_CONTINUED 6

/* A status in the terms of a siginfo: its code, and the exit code or signal. */
void exit_status_describe(int status, int *code, int *number);

/* Linux's flags of wait4 and waitid. */
#define WAIT_NOT 0x00000001u           /* WNOHANG */
#define WAIT_STOPPED 0x00000002u       /* WUNTRACED, WSTOPPED */
#define WAIT_ENDED 0x00000004u         /* WEXITED */
#define WAIT_CONTINUED 0x00000008u
#define WAIT_LEAVE 0x01000000u         /* WNOWAIT */
#define WAIT_OWN_THREAD 0x20000000u    /* __WNOTHREAD */
#define WAIT_ALL_KINDS 0x40000000u     /* __WALL */
#define WAIT_CLONES 0x80000000u        /* __WCLONE */

enum wait_which { WAIT_FOR_ANY, WAIT_FOR_PROCESS, WAIT_FOR_GROUP, WAIT_FOR_VERY_PROCESS };

struct wait_request {
    enum wait_which which;
    int32_t id;
    const struct process *process;    /* WAIT_FOR_VERY_PROCESS: the caller has a reference */
    uint32_t flags;
};
struct wait_result {
    int32_t id;                  /* 0: nothing has happened yet (WAIT_NOT) */
    uint32_t user_id;
    int status;
    struct process_usage usage;
};

/* Waits for a child of the current process and returns its id; 0 with WAIT_NOT.  -ECHILD,
 * -EINTR. */
MUST_CHECK int64_t process_wait(const struct wait_request *wait, struct wait_result *result);

struct stop_news {
    int code;      /* CODE_CHILD_STOPPED or CODE_CHILD_CONTINUED */
    int number;    /* which signal stopped it */
};
/* The process stopped, or goes on: its parent may want to know.  No spin lock. */
void process_notify_stop(struct process *process, const struct stop_news *news);

/* Has the current process's group nobody outside who could continue it: no member's parent is in
 * another group of the session? */
bool process_group_is_orphaned(void);

/* setpgid and setsid of the current process, or of a child.  -ESRCH, -EPERM, -EACCES, -EINVAL. */
MUST_CHECK int process_set_group(int32_t id, int32_t group);
MUST_CHECK int process_new_session(void);
