#pragma once
/*
 * PID namespaces: what ids threads have, and who sees which.
 *
 * A thread has an id in its own namespace and in each one above it, up to the machine's own, whose
 * ids are those that the kernel itself uses everywhere (thread->id).  A program only ever sees ids
 * of its own namespace: they are translated where they come from it (pid_named) and where they go
 * to it (pid_seen).  A thread of the machine's own namespace has the same id for both, at no cost.
 *
 * The ids of processes, groups and sessions are those of their first threads.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/refcount.h"
#include "lib/tree.h"

struct thread;

#define PID_LEVELS_MAX 32u         /* below the machine's own, as on Linux */
#define PID_NOBODY INT32_MAX       /* no thread ever has this id */

/* The id of a thread in one namespace. */
struct pid_name {
    struct tree_node node;
    struct thread *thread;
    int32_t id;                    /* 0: it has none yet, and takes the next one */
};

struct pid_namespace {
    /* Constant. */
    struct pid_namespace *parent;  /* NULL: the machine's own */
    unsigned level;                /* 0: the machine's own */
    uint64_t number;               /* lib/namespace.h */

    struct refcount references;    /* its threads, namespaces below it, whoever makes threads in it;
                                    * not of the machine's own */

    /* Protected by the thread table's lock. */
    struct tree names;             /* by id */
    int32_t last_id;
    _Atomic int32_t first_id;      /* thread->id of its first process, which has id 1 in it; 0: it
                                    * was not made yet.  May be read at any time. */
    bool has_ended;                /* that one has: nobody else can begin here */

    /* Protected by the table of processes (process/process_table.c). */
    unsigned processes;            /* in it or below, until their parents have waited for them */
};

/* The machine's own. */
struct pid_namespace *pid_namespace_own(void);
/* Of the current thread. */
struct pid_namespace *pid_namespace_current(void);

/* A namespace below `parent`, to which it takes a reference; one reference for the caller. */
void pid_namespace_init(struct pid_namespace *space, struct pid_namespace *parent);
void pid_namespace_reference(struct pid_namespace *space);
/* Returns whether it was the last one: then the memory is the caller's, and the reference to the
 * parent as well. */
MUST_CHECK bool pid_namespace_drop(struct pid_namespace *space);
/* The thread is the first one of a process that begins now: perhaps the first of its namespace. */
void pid_namespace_begin(struct thread *first);
/* The first process ends. */
void pid_namespace_end(struct pid_namespace *space);
bool pid_namespace_has_ended(struct pid_namespace *space);

/* The one of this level that `space` is in, or is. */
struct pid_namespace *pid_namespace_above(struct pid_namespace *space, unsigned level);

/* ---- Ids ----------------------------------------------------------------------------------- */

/* The id that was given last there. */
int32_t pid_namespace_last_id(struct pid_namespace *space);
/* How the current thread knows the thread, process, group or session with this thread->id; 0: it
 * does not see it.  A negative one stands for a group. */
int32_t pid_seen(int32_t id);
/* The same for the programs of this namespace. */
int32_t pid_seen_in(struct pid_namespace *space, int32_t id);
/* The other way round.  0 stays what it is, and so does -1, which means all; PID_NOBODY or the
 * negative of it: nobody has that id. */
int32_t pid_named(int32_t seen);
/* What the programs of this namespace mean by it; above 0. */
int32_t pid_named_in(struct pid_namespace *space, int32_t seen);
/* How that thread's id is in its own namespace: what a program finds as its own id. */
int32_t pid_own(const struct thread *thread);
/* Is the thread with this id in the namespace, or in one below it? */
bool pid_is_within(int32_t id, const struct pid_namespace *space);
