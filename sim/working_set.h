#pragma once
/* working_set.c: where user code faults soon after its address space comes back to the window. */
#include "machine/machine.h"

#define WORKING_SET_MAX 16

struct working_set {
    physical_address root;      /* 0: of nobody */
    uint64_t used;              /* when it was last asked for */
    unsigned turns, count;
    struct working_set_fault {
        user_address address;
        uint32_t access;
    } faults[WORKING_SET_MAX];    /* by address */
};

/* For the space whose turn begins now. */
const struct working_set *working_set_of(physical_address root);
/* The space that has its turn faulted there. */
void working_set_note(physical_address root, user_address address, uint32_t access);
