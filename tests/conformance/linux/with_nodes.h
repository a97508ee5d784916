#pragma once
/*
 * For the programs with words that have a node of memory behind them (FUTEX2_NUMA).  Linux has them
 * since 6.16.  Whether a private word with a node and one without are the same is up to its private
 * tables of waiters, and which nodes there are up to the machine: without those tables, and on a
 * machine of several nodes, there is nothing to compare with.
 */
#include <sys/prctl.h>

#include "with_threads.h"

#define SIZE_32 2u
#define WITH_NODE 4u
#define BY_POLICY 8u
#define NO_NODE (-1u)
#define PR_FUTEX_HASH 78
#define PR_FUTEX_HASH_GET_SLOTS 2
#define STATUS_NOT_HERE 77

static void *do_nothing(void *argument)
{
    return argument;
}

static const char *what_is_missing(void)
{
    static uint32_t words[2] __attribute__((aligned(8)));

    (void)join(start(do_nothing, NULL));    /* the tables come with the second thread */
    if (syscall(CALL_FUTEX_WAKE, words, NO_NODE, 1, SIZE_32 | WITH_NODE) != 0)
        return "words with a node of memory";
    words[1] = 1;
    if (syscall(CALL_FUTEX_WAKE, words, NO_NODE, 1, SIZE_32 | WITH_NODE) == 0)
        return "single node of memory";
    return prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_GET_SLOTS, 0, 0, 0) == 0
               ? "private tables of waiters"
               : NULL;
}

/* Ends the program if there is nothing to compare with. */
static void need_nodes(void)
{
    const char *what = what_is_missing();

    if (!what)
        return;
    (void)printf("this Linux has no %s\n", what);
    exit(STATUS_NOT_HERE);
}
