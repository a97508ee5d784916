#pragma once
/* What the files of signal/ share with each other only. */
#include "process/process.h"
#include "signal/signal.h"

/* signals.lock held: one action, to be changed and given back. */
static inline struct signal_action *signal_action_lock(struct signals *signals, int number)
    ACQUIRES(&signals->actions->lock)
{
    spin_lock(&signals->actions->lock);
    return &signals->actions->of[number - 1];
}

static inline void signal_action_unlock(struct signals *signals)
    RELEASES(&signals->actions->lock)
{
    spin_unlock(&signals->actions->lock);
}

static inline struct thread_signals *thread_signals_of(struct thread *thread)
{
    return &user_thread_of(thread)->signals;
}

static inline struct thread *thread_of(struct list *sibling_node)
{
    return LIST_ENTRY(sibling_node, struct thread, sibling_node);
}

/* ---- pending.c: all with the process's signals.lock held */
/* Whose account a new entry is charged to. */
struct signal_payer {
    uint32_t user_id;
    uint64_t limit;
};

/* What was taken. */
struct signal_taken {
    struct signal_information information;
    struct timer_signal *timer;    /* with a reference; NULL: it was not of a timer */
};

void signal_pending_init(struct signal_pending *pending);
/* -EAGAIN when a real-time signal with information of its own cannot be queued. */
MUST_CHECK int signal_pending_add(struct signal_pending *pending,
                                  const struct signal_information *information,
                                  const struct signal_payer *payer);
/* One that has its memory. */
void signal_pending_link(struct signal_pending *pending, struct queued_signal *queued);
/* Takes the next signal that is not in `blocked`; false: there is none. */
bool signal_pending_take(struct signal_pending *pending, signal_set blocked,
                         struct signal_taken *taken);
/* Only one that an instruction caused: those are told in the order in which they happened. */
bool signal_pending_take_fault(struct signal_pending *pending, signal_set blocked,
                               struct signal_taken *taken);
/* Forgets these signals. */
void signal_pending_discard(struct signal_pending *pending, signal_set set);

/* ---- timer_signal.c */
/* No lock held: what its timer says when it is taken.  False: it counts as never sent. */
bool timer_signal_taken(struct signal_taken *taken);
/* signals.lock held: one that was pending, or ignored, no longer is. */
void timer_signal_drop(struct timer_signal *signal);
/* The process and its signals are locked: what was ignored is sent. */
void timer_signals_unignore(struct process *process, int number);
/* signals.lock held: forgets those that are ignored; of this thread only, if it is not NULL. */
void timer_signals_discard(struct signals *signals, const struct thread *thread);

/* ---- send.c: the process and its signals are locked */
/* Something is pending now: who should look?  `is_shared`: of the process, best this thread. */
void signal_wake_taker(struct process *process, struct thread *first, bool is_shared, int number);
/* Would it be dropped?  Of the process: the thread that it is offered first. */
bool signal_is_ignored(struct process *process, struct thread *target, int number)
    REQUIRES(&process->signals.lock);
/* A stop takes back a pending continue, and the other way round. */
void signal_side_effects(struct process *process, int number);

/* ---- stop.c */
/* The process and its signals are locked. */
void signal_stop_continue(struct process *process, int number);
/* Acts on a stop signal that was just taken. */
void signal_stop_begin(struct process *process, int number);
/* The current thread stops, if the process does; tells the parent what is untold. */
void signal_stop_wait(struct process *process);

/* ---- actions.c */
/* What a signal does when its action is SIGNAL_DEFAULT. */
enum signal_effect { EFFECT_TERMINATE, EFFECT_IGNORE, EFFECT_STOP, EFFECT_CONTINUE };
enum signal_effect signal_default_effect(int number);
/* Would this action do nothing? */
bool signal_action_ignores(const struct signal_action *action, int number);

/* ---- report.c */
/* One line for the person at the machine about the end of the current process. */
void signal_report_death(const struct signal_information *information);
