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

/* Replaces what was there.  It may empty the window first, which then has this piece alone.
 * `is_apart`: it will soon be replaced without its neighbours. */
void window_map(const struct window_piece *piece, bool is_apart);
/* A part of one piece, while all are known; PROT_NONE unmaps it. */
void window_protect(user_address start, user_address end, int protection);
void window_unmap(user_address start, user_address end);
void window_empty(void);
/* They are no pieces any more, but still mapped: the caller maps over them or unmaps them. */
void window_forget(user_address start, user_address end);
/* Leaves out of a piece around the address what lies beside it and is mapped already. */
void window_trim(struct window_piece *piece, user_address address);
/* Leaves out of a piece what does not lie in [start, end). */
void window_cut(struct window_piece *piece, user_address start, user_address end);
/* It is mapped, and so that this access does not fault; false also when that is not known. */
bool window_allows(user_address address, uint32_t access);
/* All pieces, until the next change of the window; false: there are too many to be known. */
bool window_pieces(const struct window_piece **pieces, unsigned *count);
/* Takes the place; false: something of the host's lies there.  Before anything is mapped. */
bool window_claim(void);
