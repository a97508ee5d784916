#pragma once
/*
 * Words of user memory that the kernel reads and changes while it holds a spin lock, and what such
 * a word is, wherever it is mapped.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "memory/address_space.h"

struct memory_object;

/* ---- May sleep: no spin lock held, and not the space's mutex ------------------------------- */

/* Two words are the same memory if their places are equal.  Without an object: the memory is the
 * space's own. */
struct user_word_place {
    struct memory_object *object;    /* with a reference for the caller; NULL: none */
    uint64_t position;               /* bytes from the object's beginning, or the address */
};

/* Brings the page in as for a write, which makes a private copy of a page of a file; where that is
 * not permitted and `write` is false, as for a read.  -EFAULT: neither is, or the memory is
 * nobody's but can only be read, so that it never changes. */
MUST_CHECK int user_word_locate(struct address_space *space, user_address word, bool write,
                                struct user_word_place *place);
/* Makes the functions below find the page, for a while.  -EFAULT. */
MUST_CHECK int user_word_bring_in(struct address_space *space, user_address word, bool write);

/* ---- Never sleep: interrupts off; the space is the current thread's, and active ------------ */

enum user_word_result {
    WORD_DONE,
    WORD_DIFFERS,    /* from what was expected */
    WORD_ABSENT,     /* the page must be brought in first */
};

enum user_word_result user_word_read(struct address_space *space, user_address word,
                                     uint32_t *value);
/* Replaces *value by `wanted` if it is the word's value; else *value becomes that. */
enum user_word_result user_word_exchange(struct address_space *space, user_address word,
                                         uint32_t *value, uint32_t wanted);
