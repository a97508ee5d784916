#pragma once
/*
 * Signals: sets, actions, pending signals of processes and threads, sending and delivery.
 *
 * Sending works in any context that holds no lock above RANK_PROCESS, also in interrupts.
 * Delivery happens in one place, on the way back to user mode.  Numbers, codes and flags are
 * Linux's; SIGNAL_SEGV is its SIGSEGV, CODE_SEGV_MAPERR its SEGV_MAPERR (other names, because the
 * tests include libc's headers too).
 *
 * Invariant: a thread that has a pending signal it does not block has THREAD_WORK_SIGNAL set,
 * from the moment the signal became pending or unblocked until it looks.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "machine/machine.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

struct process;
struct thread;
struct timer_signal;
struct user_account;

#define SIGNAL_HUP 1
#define SIGNAL_INT 2
#define SIGNAL_QUIT 3
#define SIGNAL_ILL 4
#define SIGNAL_TRAP 5
#define SIGNAL_ABRT 6
#define SIGNAL_BUS 7
#define SIGNAL_FPE 8
#define SIGNAL_KILL 9
#define SIGNAL_USR1 10
#define SIGNAL_SEGV 11
#define SIGNAL_USR2 12
#define SIGNAL_PIPE 13
#define SIGNAL_ALRM 14
#define SIGNAL_TERM 15
#define SIGNAL_STKFLT 16
#define SIGNAL_CHLD 17
#define SIGNAL_CONT 18
#define SIGNAL_STOP 19
#define SIGNAL_TSTP 20
#define SIGNAL_TTIN 21
#define SIGNAL_TTOU 22
#define SIGNAL_URG 23
#define SIGNAL_XCPU 24
#define SIGNAL_XFSZ 25
#define SIGNAL_VTALRM 26
#define SIGNAL_PROF 27
#define SIGNAL_WINCH 28
#define SIGNAL_IO 29
#define SIGNAL_PWR 30
#define SIGNAL_SYS 31
#define SIGNAL_RTMIN 32
#define SIGNAL_MAX 64

/* si_code */
#define CODE_USER 0
#define CODE_KERNEL 0x80
#define CODE_QUEUE (-1)
#define CODE_TIMER (-2)
#define CODE_FILE (-5)            /* SI_SIGIO */
#define CODE_TKILL (-6)
#define CODE_DETHREAD (-7)
#define CODE_NAME_LOOKUP (-60)    /* SI_ASYNCNL */
#define CODE_ILL_ILLOPN 2
#define CODE_FPE_INTDIV 1
#define CODE_FPE_INTOVF 2
#define CODE_FPE_FLTDIV 3
#define CODE_FPE_FLTOVF 4
#define CODE_FPE_FLTUND 5
#define CODE_FPE_FLTRES 6
#define CODE_FPE_FLTINV 7
#define CODE_SEGV_MAPERR 1
#define CODE_SEGV_ACCERR 2
#define CODE_BUS_ADRALN 1
#define CODE_BUS_ADRERR 2
#define CODE_TRAP_BRKPT 1
#define CODE_TRAP_TRACE 2

/* Bit N-1 is signal N, as in Linux's sigset_t. */
typedef uint64_t signal_set;

#define SIGNAL_BIT(number) (UINT64_C(1) << ((number) - 1))

#define SIGNALS_UNBLOCKABLE (SIGNAL_BIT(SIGNAL_KILL) | SIGNAL_BIT(SIGNAL_STOP))
#define SIGNALS_STOPPING                                                                   \
    (SIGNAL_BIT(SIGNAL_STOP) | SIGNAL_BIT(SIGNAL_TSTP) | SIGNAL_BIT(SIGNAL_TTIN) |          \
     SIGNAL_BIT(SIGNAL_TTOU))
/* Those that an instruction causes; they are delivered before all others. */
#define SIGNALS_SYNCHRONOUS                                                                \
    (SIGNAL_BIT(SIGNAL_SEGV) | SIGNAL_BIT(SIGNAL_BUS) | SIGNAL_BIT(SIGNAL_ILL) |            \
     SIGNAL_BIT(SIGNAL_TRAP) | SIGNAL_BIT(SIGNAL_FPE) | SIGNAL_BIT(SIGNAL_SYS))

/* The first 48 bytes of Linux's siginfo_t; the rest of it is zero. */
struct signal_information {
    int32_t number, error, code, reserved;
    union {
        struct {
            int32_t process_id;
            uint32_t user_id;
            uint64_t value;
        } sender;
        struct {
            int32_t timer_id, overrun;
            uint64_t value;
        } timer;
        struct {
            int32_t process_id;
            uint32_t user_id;
            int32_t status, reserved;
            int64_t user_ticks, system_ticks;
        } child;
        struct {
            int64_t band;
            int32_t fd, reserved;
        } file;
        struct {
            user_address address;
            uint64_t reserved[3];
        } fault;
        uint64_t words[4];
    };
};
_Static_assert(sizeof(struct signal_information) == 48, "copied to programs as it is");

#define SIGNAL_DEFAULT 0    /* handler values that are no addresses */
#define SIGNAL_IGNORE 1

/* sa_flags */
#define ACTION_NO_CHILD_STOP UINT64_C(0x00000001)
#define ACTION_NO_CHILD_WAIT UINT64_C(0x00000002)
#define ACTION_INFORMATION UINT64_C(0x00000004)
#define ACTION_EXPOSE_TAG_BITS UINT64_C(0x00000800)
#define ACTION_RESTORER UINT64_C(0x04000000)
#define ACTION_ON_STACK UINT64_C(0x08000000)
#define ACTION_RESTART UINT64_C(0x10000000)
#define ACTION_NO_DEFER UINT64_C(0x40000000)
#define ACTION_RESET UINT64_C(0x80000000)

struct signal_action {
    user_address handler;
    uint64_t flags;
    user_address restorer;
    signal_set mask;
};

/* One that was sent, with what is known about it. */
struct queued_signal {
    struct list node;                    /* of signal_pending.queue, or signals.ignored_timers */
    struct signal_information information;
    struct user_account *account;        /* whose pending signals it is one of */
    struct timer_signal *timer;          /* that it is part of; NULL: it has memory of its own */
};

/* Signals sent and not yet delivered, of a thread or of a process as a whole. */
struct signal_pending {
    signal_set set;
    struct list queue;    /* struct queued_signal, oldest first; a number may lack one when no
                           * memory was left for its information, or the limit was reached */
};

/* What to do about each signal.  Processes share one if clone wanted that (CLONE_SIGHAND). */
struct signal_actions {
    struct refcount references;
    struct spinlock lock;    /* RANK_SIGNAL_ACTIONS */

    /* Protected by `lock`. */
    struct signal_action of[SIGNAL_MAX];
};

/* Of a process. */
struct signals {
    struct spinlock lock;    /* RANK_SIGNAL */

    /* Protected by `lock`. */
    struct signal_actions *actions;
    struct signal_pending pending;
    struct list ignored_timers;          /* of periodic timers, sent when the action ignored them */
    struct thread *target_last;          /* the one that was chosen last; a live one, or NULL */
    struct wait_queue readers;           /* of signalfds; woken by everything that is sent */

    /* Stopping, see stop.c. */
    _Atomic bool stopped;                /* threads stop when they look; may be read unlocked */
    bool stop_complete;                  /* all threads have stopped */
    bool was_continued;                  /* and no wait of the parent has said so yet */
    int stop_signal;                     /* 0: none, or a wait has told of it */
    int untold;                          /* CODE_CHILD_: who looks next tells the parent; 0: no */
    unsigned stopping;                   /* how many threads have `owes_stop` */
    struct wait_queue continued;
};

/* The alternate stack of a thread (sigaltstack). */
struct signal_stack {
    user_address base;
    uint64_t size;     /* 0: none */
    uint32_t flags;    /* STACK_AUTO_DISARM or 0 */
};
#define STACK_ON 1u
#define STACK_DISABLED 2u
#define STACK_AUTO_DISARM 0x80000000u

/* Of a thread. */
struct thread_signals {
    /* Protected by the process's signals.lock; `blocked` is changed by the thread only. */
    signal_set blocked;
    signal_set blocked_else;    /* in sigtimedwait: what is blocked when it is over; else 0 */
    struct signal_pending pending;
    bool owes_stop;             /* the process stops, and this thread has not yet */
    bool stop_taken;            /* it is about to act on a stop, which SIGCONT takes back */

    /* The thread's own. */
    signal_set saved_blocked;    /* to be restored after a sigsuspend, ppoll, ... */
    bool restore_blocked;
    struct signal_stack stack;
};

/* One signal on its way to its handler. */
struct signal_delivery {
    struct signal_information information;
    struct signal_action action;
    signal_set blocked_before;    /* what the frame saves and sigreturn restores */
};

/* ---- Life (called by process/) ------------------------------------------------------------- */

/* All actions are SIGNAL_DEFAULT.  -ENOMEM. */
MUST_CHECK int signals_init(struct signals *signals);
void thread_signals_init(struct thread_signals *signals);
/* Frees what is still pending. */
void signals_destroy(struct signals *signals);
/* Its process is gone. */
void signals_release(struct signals *signals);
void thread_signals_destroy(struct thread_signals *signals);

/* ---- Sending ------------------------------------------------------------------------------- */

/* To a process: one of its threads takes it.  Any context.  -EAGAIN when a real-time signal cannot
 * be queued: no memory, or the user of the process has as many pending as its limit says. */
int signal_send_process(struct process *process, const struct signal_information *information);
int signal_send_thread(struct thread *thread, const struct signal_information *information);
/* From the kernel (SI_KERNEL), for what a terminal or a pipe causes. */
void signal_send_kernel(struct process *process, int number);
/* To all processes of a group; returns how many there were.  Any context. */
unsigned signal_send_group(int32_t group_id, int number);
/* SIGPIPE to the current thread, and the like. */
void signal_raise(int number);

/* kill(): process_id as there; `number` 0 checks only. */
MUST_CHECK int signal_kill(int32_t process_id, int number);
/* tgkill() and, with process_id 0, tkill(). */
MUST_CHECK int signal_thread_kill(int32_t process_id, int32_t thread_id, int number);
/* To this very process, which the caller has a reference to: kill(), or rt_sigqueueinfo() if there
 * is something to say.  -ESRCH: it is gone; -EPERM, -EINVAL. */
MUST_CHECK int signal_send_to(struct process *process, int number,
                              const struct signal_information *information);
/* rt_sigqueueinfo() and rt_tgsigqueueinfo(): the sender says what is known of it.  -EPERM: only the
 * kernel, or the process itself, may say that. */
MUST_CHECK int signal_queue(int32_t process_id, const struct signal_information *information);
MUST_CHECK int signal_thread_queue(int32_t process_id, int32_t thread_id,
                                   const struct signal_information *information);

/*
 * What an instruction of the current thread did.  These cannot be ignored: if the signal is
 * blocked or ignored, the process dies of it.
 */
/* A page fault that memory did not resolve: SIGNAL_SEGV or SIGNAL_BUS with its code. */
void signal_force_page_fault(int number, int code, const struct trap *trap);
/* Another exception of the processor, at the current registers. */
void signal_force_exception(uint32_t vector, uint32_t error_code);
/* Before the current registers, which a program chose, are used: user code at an address where none
 * can be gets what the processor's attempt to run it would give. */
void signal_check_program_counter(void);
/* With CODE_KERNEL and no address.  `cause` is said when the process dies of it: a text that
 * stays, or NULL. */
void signal_force(int number, const char *cause);

/* ---- Delivery and masks: for the current thread -------------------------------------------- */

/* On the way to user mode, interrupts on, when thread->work is set: acts on what is pending.
 * Does not return if that ends the thread. */
void signal_deliver_pending(void);
/* Is there a signal that the current thread would act on? */
bool signal_is_pending(void);

/* Those that are pending for the current thread but blocked (sigpending). */
signal_set signal_pending_blocked(void);

signal_set signal_blocked(void);
/* Replaces the mask (SIGKILL and SIGSTOP are never blocked). */
void signal_set_blocked(signal_set blocked);
/* Until the current call ends (sigsuspend, ppoll, pselect, epoll_pwait): the old mask returns
 * after a handler ran, or at once when none does. */
void signal_set_blocked_for_call(signal_set blocked);
/* The call has a result already: the old mask returns now, whatever is pending. */
void signal_restore_blocked(void);

/* Takes one of these signals, of the thread or the process, if there is one.  Its number, or 0. */
int signal_take(signal_set wanted, struct signal_information *information);
/* sigtimedwait: waits for it.  Its number; -EAGAIN at the deadline, -EINTR. */
MUST_CHECK int signal_await(signal_set wanted, uint64_t deadline_ns,
                            struct signal_information *information);

/* Does the thread run on this alternate stack? */
bool signal_stack_holds(const struct signal_stack *stack, user_address pointer);
/* sigaltstack() of the current thread, whose stack pointer is `pointer`.  `wanted` NULL: only
 * reads; `before` NULL: not wanted.  -EPERM (running on it), -EINVAL, -ENOMEM. */
MUST_CHECK int signal_stack_change(const struct signal_stack *wanted, user_address pointer,
                                   struct signal_stack *before);

/* Other threads of the process look at what is pending and in `lost`: the one it was meant for has
 * left or blocks it from now on. */
void signal_retarget(struct process *process, signal_set lost);

/* ---- Stopping ------------------------------------------------------------------------------ */

/* The thread leaves the process, whose lock is held: it is taken off the list of threads. */
void signal_thread_leaves(struct process *process, struct thread *thread);
/* The process ends: no thread stops any more.  Its lock is held. */
void signal_stop_end(struct process *process);
/* Threads that are stopped look again, because the process is `executing`.  Its lock is held. */
void signal_stop_look(struct process *process);
/* For wait: has it stopped, by which signal (0: no); was it continued?  Unless `leave` is set, it
 * is said once. */
int signal_stop_report(struct process *process, bool leave);
bool signal_continue_report(struct process *process, bool leave);
bool signal_is_stopped(struct process *process);

/* ---- Actions ------------------------------------------------------------------------------- */

/* `wanted` NULL: only reads; `before` NULL: not wanted.  -EINVAL. */
MUST_CHECK int signal_action_change(int number, const struct signal_action *wanted,
                                    struct signal_action *before);
/* For exec: handlers become SIGNAL_DEFAULT. */
void signal_actions_reset(struct signals *signals);
/* A new process has its parent's actions, the same or copies of them. */
void signal_actions_share(struct signals *signals, struct signals *parent);
void signal_actions_copy(struct signals *signals, struct signals *parent);
/* From here on they are nobody else's.  -ENOMEM. */
MUST_CHECK int signal_actions_unshare(struct signals *signals);
bool signal_actions_are_shared(struct signals *signals);
/* A copy of one; takes signals.lock, which the second wants held. */
struct signal_action signal_action_read(struct signals *signals, int number);
struct signal_action signal_action_of(struct signals *signals, int number) REQUIRES(&signals->lock);

/* "SIGSEGV", "SIGRTMIN+3"; and "Segmentation fault".  Valid until the machine stops. */
const char *signal_name(int number);
const char *signal_description(int number);
