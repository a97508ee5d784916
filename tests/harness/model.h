#pragma once
/*
 * Models: small protocols of the real kernel, run in every possible interleaving of several CPUs.
 *
 * A virtual CPU is a fiber with an idle thread of its own; threads really switch on it.  Whenever a
 * CPU is about to take its first lock, has given back its last one (model_locks.h), or idles, a
 * choice is made: this CPU goes on, another one does, or time jumps to a deadline.  All sequences
 * of choices are tried, like the digits of an odometer: the last one that has another value
 * counts up, what follows starts again at zero.
 *
 * A run ends when all CPUs are idle and no timer is armed.  It fails if no CPU can go on, if
 * `check` finds something wrong, or if threads are left over (they would sleep for ever).
 */
#include <stdbool.h>
#include <stdint.h>

struct model {
    unsigned cpu_count;
    /* Creates threads (model_thread); runs on CPU 0. */
    void (*setup)(void);
    /* After each run: NULL, or what is wrong. */
    const char *(*check)(void);
    /* Wakes threads that were right to sleep for ever; they run on without choices.  May be
     * NULL. */
    void (*clean_up)(void);
    /* Called at every choice; may be NULL.  For models of broken kernels. */
    void (*disturb)(void);
    /* Choices before every lock and after every unlock; else only where they are needed for data
     * that locks protect (model_locks.h).  For what threads read without a lock. */
    bool all_points;
    /* How often a CPU that could go on may be left for another one.  0: as often as possible. */
    unsigned preemptions_max;
};

struct model_result {
    uint64_t runs;
    unsigned choices_max;         /* the longest run */
    const char *failure;          /* NULL: all is well */
    char choices[512];            /* of the run that failed, one digit each */
};

struct model_result model_explore(const struct model *model);

/* From setup: a thread that starts on this CPU.  It is released when it ends. */
struct thread *model_thread(unsigned cpu, const char *name, void (*entry)(void *argument),
                            void *argument);

/* From threads: a choice of one's own, 0 to count - 1. */
unsigned model_choose(unsigned count);

/* For model_locks.h. */
struct spinlock;
void model_before_lock(const struct spinlock *lock);
void model_after_unlock(const struct spinlock *lock);
