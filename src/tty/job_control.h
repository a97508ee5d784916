#pragma once
/*
 * Who is controlled by which terminal: sessions and their foreground groups.
 *
 * A terminal controls at most one session.  Each time that it begins to, it gets a ticket with a
 * number of its own, and the session's leader and the processes that it makes from then on keep
 * that number: a process has the terminal whose ticket it holds.  When the terminal is taken away
 * its ticket becomes void, so nobody has to be told.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "machine/machine.h"

struct process;
struct tty;

/* Of one terminal.  Written with the lock of job_control.c held, may be read without. */
struct terminal_control {
    struct list node;                    /* of all that control a session; protected by the lock */
    _Atomic uint64_t ticket;             /* 0: it controls nobody */
    _Atomic int32_t session_id;
    _Atomic int32_t foreground_group;    /* who gets its signals; 0: nobody */
};

void job_control_init(void);    /* boot, after process_init */

/* The first process begins: signals go to its group, and if the person at the machine sees the
 * terminal it controls its session. */
void tty_control_first(struct tty *tty, struct process *first, bool controls);

/* May the current process go on?  0: it is in the foreground, has another terminal or does not
 * heed the signal; -EINTR: its group was sent it; -EIO: it cannot be stopped. */
MUST_CHECK int tty_check_foreground(struct tty *tty, int number);

/* A session's leader without a terminal that opens a free one gets it. */
void tty_control_opener(struct tty *tty);
/* TIOCSCTTY.  `may_read`: the file that it was asked on.  -EPERM; -EIO: it has gone. */
MUST_CHECK int tty_take_control(struct tty *tty, bool may_read, bool steal);
/* TIOCNOTTY.  -ENOTTY. */
MUST_CHECK int tty_give_up(struct tty *tty);
/* Its device has gone: the leader of its session is told and has no terminal any more. */
void tty_hang_up_session(struct tty *tty);

/* TIOCGPGRP, TIOCSPGRP, TIOCGSID.  `is_master`: asked from the other end of a pty, by whomever. */
int64_t tty_get_foreground(struct tty *tty, bool is_master, user_address argument);
int64_t tty_set_foreground(struct tty *tty, user_address argument);
int64_t tty_get_session(struct tty *tty, bool is_master, user_address argument);

/* Is it the current process's controlling terminal?  Needs no lock. */
bool tty_controls_current(const struct tty *tty);
/* That of the current process with a reference (tty_release), or NULL. */
struct tty *tty_of_process(void);
/* The one whose ticket a process holds, for those that look at others: false: there is none. */
struct tty_summary {
    uint64_t device_id;
    int32_t foreground_group;
};
bool tty_describe(uint64_t ticket, struct tty_summary *summary);
