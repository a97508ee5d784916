#pragma once
/*
 * Operations that others could notice.  Without an observer (machine/observer.h) these functions
 * do nothing.  With one, a thread says what it is about to do and gives way, so that every order
 * of the operations of different threads can come about.
 */
#include <stdbool.h>
#include <stdint.h>

#include "machine/machine.h"
#include "machine/observer.h"

struct thread;

static inline bool choice_is_observed(void)
{
    const struct observer_operations *observer = machine_info()->observer;

    return __builtin_expect(observer != NULL, 0) && observer->choose_thread != NULL;
}

/* The current thread is about to do this; others may go first.  `needs` is NULL or a count that is
 * above 0 while the operation can be executed (access TAKE); it stays valid until choice_done.  The
 * caller looks again: it may still be 0 on return.  May sleep. */
void choice_before(const struct operation *operation, const _Atomic int64_t *needs);
/* The same for an operation that cannot be executed yet: the caller goes to sleep until it may be.
 * Does not give way. */
void choice_announce(const struct operation *operation, const _Atomic int64_t *needs);
/* `thread`, which does not run, will do this next instead of what it announced: it was killed.  Any
 * context that holds no run queue. */
void choice_replace(struct thread *thread, const struct operation *operation);
/* `thread` must end its wait, whatever it needs.  Any context that holds no run queue. */
void choice_possible(struct thread *thread);
/* The current thread will not do what it announced, unless that has been replaced: what it needed
 * may go away after this. */
void choice_give_up(const struct operation *operation);
/* It has done it.  Any context. */
void choice_done(const struct operation *operation);
/* A number below `count`: the observer's choice, or 0 without one. */
uint64_t choice_number(uint64_t count);
