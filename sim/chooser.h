#pragma once
/*
 * The choices of a run that somebody watches: between "somebody asks" (the kernel by way of
 * machine/observer.h, and the port itself) and "a strategy answers".
 *
 * Every choice comes from here and nowhere else; a run with a seed is a function of the seed, the
 * program, the options and the input.  Each kind of choice has a stream of numbers of its own,
 * so that one more choice of one kind does not shift the others.
 *
 * The built-in strategy is random: the next thread is one of the candidates, each as likely.
 * Others are plugged in with chooser_use before kernel_start, or between two runs of a search.
 */
#include <stdbool.h>
#include <stdint.h>

#include "machine/observer.h"

/* What the port and the kernel ask for; a stream of random numbers for each. */
enum chooser_stream {
    CHOOSE_THREAD,      /* who runs next; CHOOSE_KERNEL for all else the kernel asks */
    CHOOSE_KERNEL,
    CHOOSE_CPU,         /* which virtual CPU goes on, and where it stops */
    CHOOSE_LATENESS,    /* how late a timer is */
    CHOOSE_BUDGET,      /* basic blocks until a preemption */
    CHOOSE_STRATEGY,    /* free for a strategy that is plugged in */
    CHOOSER_STREAMS,
};

/* A member that is NULL: the built-in answer.  As in machine/observer.h: may not call the kernel.
 */
struct chooser_strategy {
    unsigned (*choose_thread)(int32_t current, const struct candidate *candidates,
                              unsigned count);
    uint64_t (*choose_number)(uint64_t count);
    /* Basic blocks (of a program that counts them) until the running thread is preempted. */
    int64_t (*choose_budget)(void);
    void (*event)(const struct observer_event *event);
};

/* The machine_info()->observer; set for a run with a seed, a recording, a replay, a search. */
extern const struct observer_operations chooser_observer;

/* All streams start anew from this seed. */
void chooser_seed(uint64_t seed);
/* NULL: the built-in one. */
void chooser_use(const struct chooser_strategy *strategy);
/* Is there an observer: a run with a seed, a recording or a replay? */
bool chooser_is_active(void);

/* A number below `count` (above 0) of that stream; for the port's own choices and for strategies
 * that want random numbers. */
uint64_t chooser_number(enum chooser_stream stream, uint64_t count);
/* All 64 bits. */
uint64_t chooser_bits(enum chooser_stream stream);
/* Basic blocks until the next preemption: the strategy's answer, or of CHOOSE_BUDGET. */
int64_t chooser_budget(void);

/* Sees every event after the strategy has: timelines, statistics, recordings.  At most
 * CHOOSER_LISTENERS_MAX, for ever. */
#define CHOOSER_LISTENERS_MAX 8
void chooser_listen(void (*event)(const struct observer_event *event));
