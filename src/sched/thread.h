#pragma once
/*
 * Threads: what the scheduler runs.  A thread has a kernel stack and, if it runs user code,
 * user registers.  `sched` knows threads only; `process` is an opaque pointer here.
 *
 * Lifetime: references are held by the scheduler from thread_start() until the thread is dead,
 * and by whoever looks.  The kernel stack goes when the thread is dead, the structure and the
 * id with the last reference.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "lib/error.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/tree.h"
#include "machine/machine.h"
#include "machine/observer.h"
#include "sched/fair.h"
#include "sched/pid_namespace.h"
#include "sched/priority.h"
#include "sync/wait_queue.h"

struct process;
struct mutex;

/* Who may cause each move: see the table of legal moves in thread.c. */
enum thread_state {
    THREAD_NEW,        /* created, not started */
    THREAD_READY,      /* on a run queue */
    THREAD_RUNNING,    /* current on a CPU */
    THREAD_BLOCKED,    /* off the run queues until scheduler_wake */
    THREAD_DEAD,       /* never runs again; its stack is freed by the next thread of its CPU */
};
#define THREAD_STATES 5

#define CPUS_ALL UINT64_MAX          /* bits of CPUs; those that are not there do not count */

/* Reasons to leave the straight way back to user mode; see kernel/user_loop.c. */
enum thread_work {
    THREAD_WORK_SIGNAL = 1 << 0,     /* a signal may be pending: look before user code runs */
    THREAD_WORK_PROCESSOR_TIME = 1 << 1,    /* timers on its processor time may be due */
    THREAD_WORK_FILES = 1 << 2,      /* open files wait for their end: fs/file.h */
};

/* What calls have moved to and from files. */
struct thread_io {
    uint64_t bytes_read, bytes_written, reads, writes;
};

struct thread {
    /* Constant after creation. */
    int32_t id;                      /* 0: an idle thread */
    void (*entry)(void *argument);
    void *argument;
    void *stack;                     /* KERNEL_STACK_SIZE bytes, vector state above it; NULL for
                                      * idle threads, which have the machine's boot stacks */
    struct process *process;         /* NULL for the kernel's own threads */
    struct pid_namespace *pid_namespace;    /* its own; NULL: an idle thread */
    void (*released)(struct thread *thread);    /* of the last reference; NULL: nothing */

    struct refcount references;      /* the scheduler while alive, and whoever looks */
    _Atomic uint32_t work;           /* enum thread_work bits; set by anybody */
    /* An interruptible wait must end with -EINTR.  Set by thread_interrupt; cleared by the thread
     * itself, in its signal delivery, before it looks for pending signals. */
    _Atomic bool interrupted;

    /* Protected by the thread table's lock; the ids may be read by the thread itself. */
    struct pid_name own_name;
    struct pid_name *names;          /* in PID namespaces below the machine's own: thread_table.c */

    /* Where it runs or ran last.  Written with the run queue locks of the old and the new CPU
     * held, so either of them keeps it still. */
    _Atomic unsigned cpu;

    /* Protected by the run queue's lock of `cpu`. */
    enum thread_state state;
    bool wake_pending;               /* woken while not blocked: the next block returns at once */
    bool urgent;                     /* ready: an interrupt woke it, and it sleeps more than runs */
    struct list run_node;
    /* With an observer: NULL, or a count that must be above 0 for next_operation.  As that. */
    const _Atomic int64_t *next_needs;
    uint64_t slice_end_ns;           /* matters only when another thread is ready */
    uint64_t quantum_left_ns;        /* SCHED_RR */
    struct fair fair;
    _Atomic uint64_t cpus;           /* bits: where it may run; peeked at without the lock */

    /* The thread's own. */
    char name[THREAD_NAME_SIZE];
    struct user_registers registers;
    struct machine_context context;
    struct mutex *mutexes;           /* held, newest first */
    struct file *files_waiting;      /* for their end, newest first: fs/file.c */
    uint64_t timer_slack_ns;         /* how much later than wanted its waits may end ... */
    uint64_t timer_slack_default_ns; /* ... and what it began with */
    uint64_t user_address_space;     /* page-table root; 0: none (keeps the last one active) */
    struct list sibling_node;        /* threads of one process; protected by RANK_PROCESS */
    struct priority priority;        /* see sched/priority.h */

    /* With an observer: what it does next.  Its own while it runs, else protected by the run
     * queue's lock (sched/choice.h). */
    struct operation next_operation;

    /* Written by the thread before it blocks, read by reports. */
    struct wait_reason waiting_for;
    uint64_t waiting_since_ns;

    /* Accounting; written by the CPU that runs the thread.  Read with thread_times(). */
    uint64_t started_ns;             /* when thread_start was called */
    uint64_t run_ns;                 /* on a CPU, up to run_since_ns */
    uint64_t run_since_ns;           /* running: when that was charged last; else UINT64_MAX */
    uint64_t run_alarm_ns;           /* run_ns at which THREAD_WORK_PROCESSOR_TIME is set;
                                      * UINT64_MAX: never */
    uint64_t shown_user_ns, shown_system_ns;    /* as thread_times said last: never less again */
    uint64_t run_at_wake_ns;         /* run_ns when it was woken last */
    _Atomic uint64_t system_ns;      /* estimated part of it in the kernel: see accounting.c */
    uint64_t sample_start_ns;
    uint32_t sample_countdown, sample_weight;
    uint64_t voluntary_switches, involuntary_switches;
    struct thread_io io;
    /* Only when times are wanted (sched/watch.h); protected by the run queue's lock of `cpu`. */
    uint64_t state_since_ns;
    uint64_t ready_ns, blocked_ns, asleep_ns;

    /* Semaphores it took: thread_acquired.  Its own. */
    uint64_t acquisitions, longest_wait_ns;
    uint64_t overtaken;              /* how often others that came later were served before */
    void *watched;                   /* whoever watches keeps it (sched/watch.h) */
};

struct thread_request {
    const char *name;
    void (*entry)(void *argument);
    void *argument;
    int32_t id;                 /* 0: the next one */
    /* A namespace below the machine's own, to which the thread takes the caller's reference, and a
     * name for each level; they are in use until `released`.  NULL: the machine's own. */
    struct pid_namespace *pid_namespace;
    struct pid_name *names;
    struct process *process;
    /* Called when the last reference is dropped, before the memory is freed and when nobody can
     * find the thread any more.  Any context, may not sleep.  NULL: nothing to do. */
    void (*released)(struct thread *thread);
};

/* Creates a thread in state NEW with one reference for the caller.  -EAGAIN at THREADS_MAX,
 * -EEXIST: the id is taken; -ENOMEM. */
MUST_CHECK int thread_create(const struct thread_request *request, struct thread **thread);
/* NEW -> READY.  The scheduler holds its own reference until the thread is dead. */
void thread_start(struct thread *thread);
/* Ends the current thread.  Locks held: none. */
_Noreturn void thread_exit(void);
void thread_release(struct thread *thread);
/* NULL if there is none; otherwise with a reference for the caller.  A dead thread is found as
 * long as somebody holds a reference. */
struct thread *thread_find(int32_t id);
/* The one with the lowest id in the namespace that is at least `from`, or NULL; as above. */
struct thread *thread_find_next(struct pid_namespace *space, int32_t from);
/* The current thread and one that has left its process, and perhaps not quite ended, change their
 * ids. */
void thread_take_id(struct thread *ending);
/* Boot, before there are threads: the first one gets a higher id than this. */
void thread_ids_begin_after(int32_t id);
/* Calls for every thread that exists, in the order of ids, thread table locked. */
void thread_for_each(void (*visit)(struct thread *thread, void *context), void *context);
unsigned thread_count(void);

/* Ends an interruptible wait of the thread, now or when it next begins one; sets `work` bits and
 * makes a thread that runs user code look at them soon.  Any context. */
void thread_interrupt(struct thread *thread, uint32_t work);

/* The CPUs where the thread may run: bits, at least one of them there.  Moves it at once if it is
 * where it may not be; the current thread moves before this returns, if interrupts are on. */
void thread_set_cpus(struct thread *thread, uint64_t cpus);
uint64_t thread_cpus(const struct thread *thread);

/* Sets `work` bits and makes a thread that runs user code look at them soon; waits go on. */
void thread_set_work(struct thread *thread, uint32_t work);

/* Processor time so far.  The sum is exact, the split is an estimate (accounting.c).  Neither part
 * ever becomes less. */
void thread_times(struct thread *thread, uint64_t *user_ns, uint64_t *system_ns);
/* The current thread gets THREAD_WORK_PROCESSOR_TIME when it has used so much more; UINT64_MAX:
 * not. */
void thread_set_run_alarm(uint64_t allowance_ns);
/* How much that is from now on. */
uint64_t thread_run_alarm_left(void);
/* The current thread has slept for so long instead of going round in user code: it counts as if it
 * had done so. */
void thread_charge_user(uint64_t ns);

struct thread *current_thread(void);

/* Does it run in real time, as it was set itself?  Then its waits end on time. */
static inline bool thread_is_real_time(const struct thread *thread)
{
    return class_is_real_time(thread->priority.class);
}

/* For the scheduler only: its lock of thread->cpu is held.  Panics if the move is not legal. */
void thread_set_state(struct thread *thread, enum thread_state next);
/* "ready", "blocked", ... for reports. */
const char *thread_state_name(enum thread_state state);
/* Panics if the thread has overrun its kernel stack. */
void thread_check_stack(const struct thread *thread);
/* For the scheduler: the thread is dead and another one runs.  Frees its stack, drops the
 * scheduler's reference. */
void thread_reap(struct thread *thread);
