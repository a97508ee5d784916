#pragma once
/* For programs about robust lists: what the kernel finds in memory; each node has one lock. */
#include <stddef.h>
#include <stdint.h>

struct node {
    struct node *next;
    uint32_t word;
};
struct head {
    struct node *first;
    long offset;
    struct node *pending;
};
