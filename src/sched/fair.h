#pragma once
/*
 * What the fair policy keeps of each thread and of each run queue: see policy_fair.c.
 *
 * Virtual time of a thread runs slower the more weight it has: processor time * 1024 / weight.
 * All times of a queue are compared as differences, so they may wrap around.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/tree.h"

struct thread;

#define FAIR_WEIGHT_NORMAL 1024u    /* nice 0 */
#define FAIR_WEIGHT_IDLE 3u         /* SCHED_IDLE, as Linux */
#define NICE_MIN (-20)
#define NICE_MAX 19

/* In each thread; protected by the run queue's lock of its CPU. */
struct fair {
    struct tree_node node;          /* while it is ready: by deadline */
    uint64_t vruntime;              /* virtual time that it has used; counts while `is_counted` */
    uint64_t deadline;              /* virtual time by which its request should be served */
    uint64_t first_vruntime;        /* the least `vruntime` of its subtree */
    /* Not counted: how much virtual time it is owed (below 0: owes); and how long its deadline lies
     * after its virtual time. */
    int64_t lag;
    uint64_t request_left;
    const struct fair_queue *left_queue;    /* which it left last, and the average there then */
    uint64_t left_at;
    uint64_t charged_ns;            /* running: up to when `vruntime` is right */
    uint64_t began_ns;              /* when it was chosen last */
    uint64_t request_ns;            /* processor time that one request is for */
    uint32_t weight;
    bool is_counted;                /* in the sums of its queue: it is ready or running there */
};

/* In each run queue; protected by its lock. */
struct fair_queue {
    struct tree tree;               /* the ready ones */
    /* Of all that are counted, the running one too. */
    uint64_t zero;                  /* about the average virtual time; `moment` is relative to it */
    int64_t moment;                 /* sum of weight * (vruntime - zero) */
    uint64_t weight;                /* sum of weights */
    unsigned count;
    uint64_t short_end_ns;          /* somebody with an early deadline waits: see fair_slice_end */
};

void fair_init(struct fair *fair);
void fair_queue_init(struct fair_queue *queue);
/* What Linux gives a nice value. */
uint32_t fair_weight_of_nice(int nice);
/* The thread is not counted.  What it is owed stays the same amount of processor time. */
void fair_set_weight(struct fair *fair, uint32_t weight);
