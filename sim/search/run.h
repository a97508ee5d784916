#pragma once
/*
 * What one run of a search did: its threads, the choices that were made and the operations that
 * took effect, in their order.
 *
 * A thread is named by an index that is the same in all runs of a search, whatever order threads
 * are started in: the N-th child of a thread always has the same index.
 *
 * Pure bookkeeping: knows neither the sim nor the kernel, so that models can be searched as well.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/observer.h"

#define RUN_NOBODY UINT32_MAX
#define RUN_CPUS_MAX 64
#define RUN_NAME_SIZE 17

/* How a run ended. */
enum outcome {
    OUTCOME_NONE,         /* it has not */
    OUTCOME_PASSED,
    OUTCOME_DEADLOCK,
    OUTCOME_HANG,         /* more operations than allowed, or a computation without an end */
    OUTCOME_CRASH,        /* a process died of a fault of its own */
    OUTCOME_PANIC,        /* the kernel found itself broken */
    OUTCOME_STATUS,       /* the first program ended with another status than expected */
    OUTCOME_OUTPUT,       /* it printed something else than expected */
    OUTCOME_REFUSED,      /* the program could not be started */
    OUTCOME_ABANDONED,    /* a strategy was not interested in the rest */
};

struct run_thread {
    uint32_t parent;              /* RUN_NOBODY: the kernel's */
    uint32_t nth_child;           /* of the parent, from 0 */
    uint32_t first_child, next_sibling;

    /* Of this run. */
    bool present;
    int32_t id;
    int32_t process;              /* 0: none */
    uint32_t children;
    uint32_t operations;          /* that took effect */
    uint32_t acts;                /* those of them that were not looks at the clock */
    uint32_t birth;               /* so many operations of the parent happened before it */
    bool has_started;             /* another thread, and made no decision since */
    bool announced;               /* `next` is what it does next */
    struct operation next;
    uint64_t root;                /* of its address space, when it announced that */
    char name[RUN_NAME_SIZE];
};

struct run_step {
    uint32_t thread;
    uint32_t nth;                 /* operation of its thread, from 0 */
    uint32_t decision;            /* how many had been made before */
    uint64_t root;
    struct operation operation;
};

/* What the thread that ran was about to do at a decision. */
enum run_point {
    POINT_ACT,                    /* an operation that others may notice */
    POINT_LOOK,                   /* to look at the clock, or nothing but computing */
    POINT_AWAY,                   /* it cannot go on, or nobody ran */
};

/* What `current_acts`, `point` and `serial` are for: to name the decision in other runs as well, in
 * which the threads look at the clock more or less often. */
struct run_decision {
    uint32_t current;             /* who ran until now, RUN_NOBODY: nobody */
    uint32_t current_acts;        /* how many acts that one had behind it */
    uint32_t serial;              /* among the decisions of the same current, acts and point */
    enum run_point point;
    uint32_t usual;               /* whom the usual rule would have chosen */
    uint32_t chosen;
    int32_t chosen_id;
    uint32_t step;                /* how many operations had taken effect before */
    bool preempts;                /* `current` could have gone on, but another one was chosen */
};

/* A process that ended; in the order of their ends. */
struct run_end {
    int32_t process;
    int32_t status;               /* as waitpid gives it */
};

struct run {
    struct run_thread *threads;   /* of all runs; see `present` */
    struct run_step *steps;
    struct run_decision *decisions;
    struct run_end *ends;
    uint32_t thread_count, step_count, decision_count, end_count;
    uint32_t thread_room, step_room, decision_room, end_room;

    uint32_t *thread_of_id;       /* RUN_NOBODY: none */
    uint32_t id_room;
    uint32_t first_root;          /* first thread that nobody's thread started */
    uint32_t root_count;
    uint32_t current[RUN_CPUS_MAX];
    int32_t first_process;
    int32_t new_process, new_thread;    /* a process whose thread is not known yet */
    uint32_t alone;               /* decisions since another thread was chosen */
    bool uses_time;               /* an operation was about the clock */
    bool is_irregular;            /* a thread was chosen and did something else than announced */

    enum outcome outcome;
    int status;                   /* of the first program, or of the process that crashed */
    uint64_t output_hash;
    uint64_t state_hash;          /* of all that can be seen of the end */
};

/* Is that of a thread that was stopped in a computation, or has not begun?  (A call that nobody
 * else could notice touches nothing either, but has a number.) */
static inline bool operation_is_computation(const struct operation *operation)
{
    return operation->object_kind == OBJECT_NONE && operation->call == 0;
}

/* It gave way of its own accord: after it had started another one, or in a loop. */
static inline bool operation_gives_way(const struct operation *operation)
{
    return operation_is_computation(operation) && operation->instruction == 0;
}

/* What a strategy chooses from. */
struct turn {
    uint32_t current;             /* RUN_NOBODY: the CPU was idle */
    bool current_can_go_on;       /* it is one of the options */
    bool current_gives_way;
    enum run_point point;
    unsigned usual;               /* option of the usual rule */
    unsigned count;
    const uint32_t *threads;
    const struct candidate *candidates;
};

void run_init(struct run *run);
void run_destroy(struct run *run);
/* Forgets what happened, not the names of threads. */
void run_clear(struct run *run);
void run_copy(struct run *to, const struct run *from);
/* As it was when `base` was copied from it, but knows all threads. */
void run_rewind(struct run *run, const struct run *base);

/* One event of the run, of debug/trace.h; true if it was an operation that took effect. */
bool run_event(struct run *run, const struct observer_event *event, uint64_t root);
/* For models, which have no events. */
uint32_t run_add_thread(struct run *run, int32_t id, int32_t parent);
void run_announce(struct run *run, uint32_t thread, const struct operation *next);
void run_add_step(struct run *run, uint32_t thread, const struct operation *operation);

/* Translates a question of the kernel; `threads` has room for `count`. */
struct turn run_turn(const struct run *run, int32_t current, const struct candidate *candidates,
                     unsigned count, uint32_t *threads);
void run_decided(struct run *run, const struct turn *turn, unsigned chosen);
uint32_t run_thread_of_id(const struct run *run, int32_t id);
/* The decision that comes next is which of those with this current thread and so many
 * operations behind it? */
uint32_t run_serial(const struct run *run, const struct turn *turn);
/* The acts of the thread that ran; 0: nobody. */
uint32_t run_acts(const struct run *run, const struct turn *turn);

/* Preemptions of the run: decisions against a thread that could have gone on. */
unsigned run_preemptions(const struct run *run);
/* Decisions other than the usual. */
unsigned run_deviations(const struct run *run);
/* How many steps there were before the last of them. */
uint32_t run_last_departure(const struct run *run);
/* Failed in the same way. */
bool run_same_failure(const struct run *a, const struct run *b);
bool run_failed(const struct run *run);
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);
#define HASH_START UINT64_C(0xcbf29ce484222325)
