#pragma once
/*
 * Signals with memory of their own: those of timers.  Sending one cannot fail, and it is pending at
 * most once, however often its timer goes off.
 */
#include <stdbool.h>

#include "lib/error.h"
#include "lib/refcount.h"
#include "signal/signal.h"

/* Part of its timer, whose life it counts: one reference of the owner, one while it is pending. */
struct timer_signal {
    struct queued_signal queued;       /* its own; protected by the target's signals.lock */
    struct refcount references;
    bool is_ignored;                   /* it is on signals.ignored_timers; as `queued` */
    struct thread *thread;             /* while it is there: its target; NULL: the process */

    /*
     * A thread takes it (delivery, sigtimedwait, signalfd): called by that thread, no lock held.
     * Sets information->timer.overrun and may start the timer again.  False: the timer was set anew
     * or deleted since then, and it counts as never sent.
     */
    bool (*taken)(struct timer_signal *signal, struct signal_information *information);
    /* The last reference is gone: frees the memory of the timer, nothing else.  Spin locks up to
     * RANK_SIGNAL may be held. */
    void (*released)(struct timer_signal *signal);
};

struct timer_signal_request {
    /* number, code CODE_TIMER, timer.timer_id, timer.value: constant from here on */
    struct signal_information information;
    bool (*taken)(struct timer_signal *signal, struct signal_information *information);
    void (*released)(struct timer_signal *signal);
};

/* With the owner's reference.  It is one of the pending signals of the current user until it is
 * released.  -EAGAIN: that has as many as it may. */
MUST_CHECK int timer_signal_init(struct timer_signal *signal,
                                 const struct timer_signal_request *request);
/* The owner's reference. */
void timer_signal_release(struct timer_signal *signal);

enum timer_signal_result {
    TIMER_SIGNAL_SENT,
    TIMER_SIGNAL_PENDING,    /* it was already: the owner counts an overrun */
    TIMER_SIGNAL_IGNORED,    /* with `keep`: it becomes pending when that ends */
    TIMER_SIGNAL_GONE,       /* the target has ended */
};
/*
 * Any context; no lock above RANK_PROCESS held.  `thread` NULL: to the process; else to this thread
 * of it.  `keep`: the timer goes on, so what is ignored now is sent when the action no longer
 * ignores it.
 */
enum timer_signal_result timer_signal_send(struct timer_signal *signal, struct process *process,
                                           struct thread *thread, bool keep);
