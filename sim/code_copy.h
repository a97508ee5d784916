#pragma once
/* code_copy.c: pages of code that the window shows with other bytes than they have. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"

#define CODE_PAGE UINT64_C(4096)
#define PATCHES_MAX 64        /* of one page; further calls stay slow */
#define PATCH_SIZE_MAX 18

struct code_patch {
    uint16_t offset;
    uint8_t size;
    unsigned char was[PATCH_SIZE_MAX], is[PATCH_SIZE_MAX];
};

struct code_copy {
    physical_address page;      /* what it is a copy of; 0: nothing known */
    user_address address;       /* where it is mapped; 0: nowhere at the moment */
    uint64_t generation;        /* another number whenever the patches begin anew */
    unsigned count;
    unsigned writes;            /* how often it was given up, mostly because the page changed */
    struct code_patch patches[PATCHES_MAX];
};

/* `watch`: real time; pages that have copies are watched for changes, and user code can execute
 * what lies in [CALLS_START, CALLS_END). */
void code_copy_init(bool watch);
/* How the sim writes there. */
char *code_calls_area(void);

/* The copy that is to be mapped at this page, perhaps a new one; NULL: none, for the page may be
 * written, or something else forbids it. */
struct code_copy *code_copy_of(user_address page_address);
/* The copy that is mapped around this address, or NULL. */
struct code_copy *code_copy_at(user_address address);
/* The patch that covers this offset, or NULL. */
const struct code_patch *code_copy_patch_at(const struct code_copy *copy, unsigned offset);
/* `is` has so many bytes.  False: there are too many, or one is in the way. */
bool code_copy_add(struct code_copy *copy, unsigned offset, const void *is, unsigned size);
/* Makes the copy as its patches say, and shows it. */
void code_copy_show(struct code_copy *copy, user_address page_address);
/* The page itself is shown again when user code runs; too often, and it stays. */
void code_copy_give_up(struct code_copy *copy);

/* Whether a copy is shown in this part of the window. */
bool code_copy_is_within(user_address start, user_address end);
/* This part of the window is being unmapped or mapped anew. */
void code_copy_forget(user_address start, user_address end);
/* User code is about to be able to write there, or the host is asked to. */
void code_copy_written(physical_address start, physical_address end);
void code_copy_host_writes(const void *buffer, size_t size);
/* User code runs next: copies whose pages were written go. */
void code_copy_settle(void);
/* Async-signal-safe: whether the fault was a write to the direct map that may now go on. */
bool code_copy_resolve_write(uint64_t host_address);
