#pragma once
/* wrong.c: what the window shows and the page tables do not, until it is put right. */
#include "machine/machine.h"
#include "working_set.h"

#define WRONG_MAX 48      /* more extents are cheaper to unmap together */
#define WRONG_ROOM (WRONG_MAX + WORKING_SET_MAX)    /* a page of it that is put right splits one */

struct wrong {
    unsigned count;
    bool is_all;          /* nothing of the rest is right */
    struct wrong_extent {
        user_address start, end;
        int protection;   /* what is allowed */
    } extents[WRONG_ROOM];
};

#define WRONG_NONE { .is_all = true }

/* There must be room; nothing is added if start >= end. */
void wrong_add(struct wrong *wrong, user_address start, user_address end, int protection);
/* All are added: brings them in order, each place once.  What goes away is no piece of the window
 * any more. */
void wrong_begin(struct wrong *wrong);
/* [start, end) was mapped as it should be. */
void wrong_remove(struct wrong *wrong, user_address start, user_address end);
/* Unmaps and protects what is left. */
void wrong_put_right(const struct wrong *wrong);
