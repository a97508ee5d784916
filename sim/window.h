#pragma once
/* window.c: the part of this process's memory in which guests live, and what it shows. */
#include <stdbool.h>
#include <stdint.h>

#include "machine/machine.h"

/* [start, end) shows the memory from `physical` on, with PROT_READ ... */
struct window_piece {
    user_address start, end;
    physical_address physical;
    int protection;
};

/* Replaces what was there.  It may empty the window first, which then has this piece alone. */
void window_map(const struct window_piece *piece);
/* A part of one piece, while all are known; PROT_NONE unmaps it. */
void window_protect(user_address start, user_address end, int protection);
void window_unmap(user_address start, user_address end);
void window_empty(void);
/* Leaves out of [*start, *end) what lies beside the address and is mapped already. */
void window_trim(user_address address, user_address *start, user_address *end);
/* All pieces, until the next change of the window; false: there are too many to be known. */
bool window_pieces(const struct window_piece **pieces, unsigned *count);
/* Nothing of the host's lies there.  Before anything is mapped. */
bool window_is_free(void);
