#pragma once
/*
 * Processes: an address space, files, signals, credentials and the threads that share them.
 *
 * Lifetime: a process is referenced by each of its threads until their memory is freed, by the
 * table of processes until it has ended, and by whoever looked it up.  Its space and files are
 * given back when its last thread leaves; the structure itself with the last reference.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/assert.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "memory/address_space.h"
#include "process/abi.h"
#include "process/credentials.h"
#include "process/limits.h"
#include "process/processor_timer.h"
#include "process/shares.h"
#include "sched/thread.h"
#include "signal/signal.h"
#include "sync/mutex.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"
#include "time/timer.h"

struct exec_strings;
struct family;
struct file_table;
struct semaphore_undo_list;
struct trace_call;

#define AUXILIARY_VECTOR_PAIRS 24
#define AUXILIARY_RANDOM_SIZE 16    /* bytes at AT_RANDOM */

/* What a process has used: its own threads, or the children that it has waited for. */
struct process_usage {
    uint64_t user_ns, system_ns;
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t minor_faults, major_faults, peak_resident_pages;
};

struct process {
    /* Constant after creation. */
    int32_t id;

    struct refcount references;
    struct spinlock lock;                /* RANK_PROCESS */
    struct list table_node;              /* both protected by the process table */
    struct tree_node id_node;

    /* Protected by the process table's lock; see relatives.c. */
    struct list children_list;           /* ended ones too, until they are waited for */
    struct list child_node;              /* among those of its parent */
    int exit_signal;                     /* sent to the parent at the end; 0: none */
    bool of_family;                      /* leaves no zombie, and nor do its children */
    bool has_executed;                   /* since it was forked: setpgid refuses it */
    bool is_zombie;                      /* has ended, and its parent has not waited for it yet */
    struct wait_queue children_queue;    /* woken when a child ends, stops or goes on */
    struct process_usage children_usage;
    struct process_usage usage;          /* of a zombie */

    /* What its first thread takes over when it begins. */
    struct thread_shares beginning;

    /* Replaced by exec only, by the process itself. */
    const struct abi *abi;               /* conventions for results, signal frames, start */
    struct address_space *space;
    struct family *family;               /* who else has the space; NULL: the ABI knows none */
    _Atomic uint32_t memory_barriers;    /* commands of membarrier that it has registered for */
    unsigned stack_slot;                 /* in the family's space */
    struct file *executable;             /* /proc/<pid>/exe */
    user_address arguments_start, arguments_end, environment_start, environment_end;
    uint64_t auxiliary_vector[2 * AUXILIARY_VECTOR_PAIRS];    /* as the program got it */
    char executable_path[256];           /* as found, cut; for reports */

    /* Protected by `lock`. */
    struct credentials credentials;      /* of the first thread */
    struct list threads;                 /* thread.sibling_node */
    struct thread *leader;               /* the first one: found by id as long as the process */
    struct pid_namespace *pid_namespace; /* constant: its leader's; with a reference */
    unsigned live_threads;
    _Atomic bool exiting;                /* exit_group or a fatal signal: all threads leave */
    bool ended;                          /* the last thread has left */
    int exit_status;                     /* as wait reports it: code << 8, or the signal */
    int64_t exit_code;                   /* the whole of it; after a signal 128 and its number */
    struct limits limits;
    /* The ids of relatives are written with the process table's lock as well, and may be read with
     * either.  Parent 0: none, or it has ended. */
    int32_t parent_id, group_id, session_id;
    unsigned children;                   /* that have not ended */
    uint32_t personality;
    int dumpable;
    int parent_death_signal;
    int oom_score_adjustment;
    uint32_t login_user_id;              /* UINT32_MAX: nobody has logged in */
    bool child_subreaper, no_huge_pages;
    bool traced;                         /* constant: its calls are printed (abi/trace.h) */

    struct signals signals;
    struct wait_queue ended_queue;       /* polls of pidfds: it ends, and then it is gone */
    struct wait_queue returned_queue;    /* threads that have lent the space (vfork) wait here */
    struct thread *executing;            /* the thread that is in exec; all others leave */
    struct wait_queue alone_queue;       /* it waits here until they have */
    uint64_t started_ns;
    /* For tty/job_control.c, which says what protects them. */
    _Atomic uint64_t terminal;           /* the ticket of the one that controls it; 0: none */
    int32_t lost_foreground;             /* a leader's: the group there when its terminal went */
    /* Accounting of threads that are gone; protected by `lock`. */
    uint64_t dead_user_ns, dead_system_ns;
    uint64_t dead_voluntary_switches, dead_involuntary_switches;
    struct thread_io dead_io;

    /* Timers on processor time; protected by `processor_lock`. */
    struct spinlock processor_lock;      /* RANK_PROCESSOR_TIMERS */
    struct processor_timers processor_timers;
    struct processor_interval {          /* ITIMER_PROF and ITIMER_VIRTUAL */
        uint64_t expires_ns;             /* 0: not set */
        uint64_t interval_ns;
    } processor_intervals[PROCESSOR_TIMES];

    /* Timers of timer_create; protected by `posix_timers_lock`. */
    struct mutex posix_timers_lock;      /* RANK_POSIX_TIMERS */
    struct tree posix_timers;            /* by id */
    int32_t next_posix_timer;

    /* ITIMER_REAL; protected by `lock`. */
    struct timer alarm;
    uint64_t alarm_deadline_ns;          /* 0: not set */
    uint64_t alarm_interval_ns;
};

/* How a call that a signal interrupted goes on; process/abi.h says what the codes mean. */
struct interrupted_call {
    int code;                            /* 0: none; else a CALL_ value */
    uint64_t number;                     /* as it was in rax */
    /* CALL_RESUME: what restart_syscall does. */
    int64_t (*resume)(struct interrupted_call *call);
    uint64_t deadline_ns;
    user_address remaining;              /* where to say how much time is left; 0: nowhere */
    uint64_t arguments[3];               /* what else the call needs */
};

/* The last exception of a thread: signal frames and reports show it. */
struct last_fault {
    uint32_t trap_number, error_code;    /* the processor's */
    user_address address;                /* of a page fault */
    const char *cause;                   /* of a signal by the kernel, in words; NULL: none */
};

/* Calls that only look whether something has changed, made again and again. */
struct polling {
    bool active;                         /* the last call was one */
    bool asks_time;                      /* one of them was for the time */
    uint64_t since_ns;
};

/* What the process layer keeps of a thread: thread->argument of all threads of processes. */
struct user_thread {
    struct thread_signals signals;
    /* CLONE_VFORK: the process, with a reference, in which its maker waits until the space is given
     * back; else NULL.  Protected by the lender's lock. */
    struct process *lender;
    struct thread_shares shares;
    struct credentials credentials;      /* written with the process locked, by itself only */
    _Atomic uint16_t io_priority;        /* of ioprio_set; changes nothing */
    struct interrupted_call interrupted;
    user_address clear_child_id;         /* set to 0 and woken when the thread leaves */
    user_address robust_list;
    uint64_t robust_list_size;
    /* Of processes that it makes; with a reference.  Written as its shares. */
    struct pid_namespace *children_space;
    struct semaphore_undo_list *semaphore_undo;    /* of System V; NULL: it never needed one */
    struct trace_call *trace;            /* the call being printed; NULL: none */
    struct last_fault fault;
    struct polling polling;
    struct processor_timers processor_timers;
};

static inline struct user_thread *user_thread_of(struct thread *thread)
{
    ASSERT(thread->process);
    return thread->argument;
}

/* Of the current thread; never NULL in a system call. */
struct process *current_process(void);
struct address_space *current_space(void);
/* 0: it belongs to none. */
int32_t process_id_of_current(void);
/* The first one of its PID namespace takes all others there with it when it ends. */
bool process_is_first_of_namespace(const struct process *process);

/* ---- Life ---------------------------------------------------------------------------------- */

/* Boot. */
void process_init(void);

struct first_program {
    const char *path;                    /* of its file; NULL: arguments[0] */
    const char *const *arguments;        /* NULL at the end */
    const char *const *environment;
    const char *working_directory;       /* NULL: "/" */
    struct path root;                    /* the process takes a reference of its own ... */
    struct file_table *files;            /* ... and takes over this one: 0, 1 and 2 are there */
    uint8_t random[AUXILIARY_RANDOM_SIZE];    /* for AT_RANDOM */
    const struct abi *const *abis;       /* all that there are, NULL at the end */
    void (*user_entry)(void *argument);  /* runs a thread's user code; does not return */
    void (*begins)(struct process *process);    /* it has its ids and does not run yet */
};
/* Starts the first process.  On error one line has been printed to the log stream that says
 * what is wrong with the program, and the file table is given back. */
MUST_CHECK int process_start_first(const struct first_program *program);

/* The current thread leaves; the last one takes the process with it. */
_Noreturn void process_exit_thread(int code);
/* All threads of the current process leave. `status` as wait reports it: code << 8, or a
 * signal number. */
_Noreturn void process_exit_all(int status);
/* The same with a code of 64 bits; the low 8 are what wait reports. */
_Noreturn void process_exit_code(int64_t code);
/* Ends a process, perhaps the current one, which then ends on its way to user mode.  `status` as
 * above. */
void process_end(struct process *process, int status, int64_t code);

/* A new process that shares the current one's space, files and family and goes on like its thread,
 * but with this stack pointer and 0 as the result of the call.  -EAGAIN, -ENOMEM;
 * -EINTR: a signal came first. */
MUST_CHECK int process_fork_family(user_address stack_pointer, unsigned stack_slot, int32_t *id);

struct spawn_request {
    const char *path;
    const struct exec_strings *strings;       /* arguments and environment */
    uint8_t random[AUXILIARY_RANDOM_SIZE];    /* for AT_RANDOM */
};
/* A new process that runs a program; files 0 to 2 are those of the current process.  -ENOEXEC:
 * there is no program in the file; -EINTR: a signal came first; -ENOENT, ... */
MUST_CHECK int process_spawn(const struct spawn_request *spawn, int32_t *id);

/* Boot: what is done when the leader of a session ends, other than the first process. */
void process_set_leader_end(void (*ends)(struct process *leader));

/* The last part of its program's path, for reports. */
const char *process_name(const struct process *process);

void process_reference(struct process *process);
void process_release(struct process *process);

/* ---- Table --------------------------------------------------------------------------------- */

/* NULL if there is none; otherwise with a reference for the caller.  Any context. */
struct process *process_find(int32_t id);
/* The same; the id may also be that of any of its threads, as calls about processes take it. */
struct process *process_find_by_thread(int32_t id);
/* Not when it was waited for, though a thread of it may still be on its way out. */
bool process_is_listed(const struct process *process);
/* The lowest id that is at least `from`, zombies too; INT32_MAX: there is none. */
int32_t process_next_id(int32_t from);
/* Calls for every process, zombies too, oldest first, table locked (a spin lock). */
void process_for_each(void (*visit)(struct process *process, void *context), void *context);
/* Those that have not ended. */
unsigned process_count(void);

/* ---- Interval timers ----------------------------------------------------------------------- */

enum interval_timer {
    INTERVAL_TIMER_REAL,       /* ITIMER_REAL: SIGALRM */
    INTERVAL_TIMER_VIRTUAL,    /* SIGVTALRM, by user time */
    INTERVAL_TIMER_PROFILE,    /* SIGPROF, by all processor time */
};

struct interval {
    uint64_t remaining_ns;    /* 0: not set */
    uint64_t interval_ns;     /* 0: once */
};
void interval_timer_get(struct process *process, enum interval_timer which,
                        struct interval *interval);
/* `before` may be NULL. */
void interval_timer_set(struct process *process, enum interval_timer which,
                        const struct interval *wanted, struct interval *before);

/* ---- Accounting and limits ----------------------------------------------------------------- */

struct process_times {
    uint64_t user_ns, system_ns;
    uint64_t voluntary_switches, involuntary_switches;
};
/* What the process's threads have used so far, with its memory; of a zombie, all it used. */
void process_usage(struct process *process, struct process_usage *usage);
/* ... and the children that the process has waited for. */
void process_usage_of_children(struct process *process, struct process_usage *usage);
/* Of all threads that are or were. */
void process_times(struct process *process, struct process_times *times);
/* NULL when the process has ended; else with a reference. */
struct address_space *process_space(struct process *process);
/* Of a thread; NULL: of all that are or were. */
void process_io(struct process *process, const struct thread *thread, struct thread_io *io);
struct limit process_limit(struct process *process, unsigned which);

/* With the option `leak-check`: prints to the log what the kernel holds more than it did when
 * process_init was called, and returns the number of pools that differ; else 0. */
unsigned process_end_check(void);
