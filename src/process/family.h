#pragma once
/*
 * Families: the processes that came from one program by fork and share its address space, as the
 * teaching ABI has it.  The space and the table of files are shared by references of their own;
 * what else they share is here.
 */
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "lib/bitmap.h"
#include "lib/error.h"
#include "lib/refcount.h"
#include "machine/machine.h"
#include "process/semaphore_set.h"
#include "sync/mutex.h"

#define FAMILY_DESCRIPTORS 256    /* numbers of open files are bytes */

struct family {
    struct refcount references;              /* one for each process */
    int32_t id;                              /* of its first process; set before it runs */
    void (*released)(void);                  /* called when it ends; NULL: nothing */
    struct semaphore_set semaphores;

    struct mutex lock;                       /* RANK_FAMILY */

    /* Protected by `lock`. */
    user_address break_end;
    uint64_t stack_slots[BITMAP_WORDS(STACK_SLOTS_MAX)];    /* taken ones */
    uint8_t closed[FAMILY_DESCRIPTORS];      /* numbers to use again, the last one first */
    unsigned closed_count;
    unsigned opened_count;                   /* open and closed ones */
    uint8_t input[4];                        /* the first bytes of a character that was typed */
    unsigned input_count;
};

/* One reference; NULL without memory. */
struct family *family_create(void);
void family_reference(struct family *family);
void family_release(struct family *family);

/* A stack slot, the first free one from `preferred` on or else the first of all; -1: none. */
int family_take_slot(struct family *family, unsigned preferred);
void family_free_slot(struct family *family, unsigned slot);
