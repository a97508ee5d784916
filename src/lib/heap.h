#pragma once
/*
 * Binary min-heap of intrusive nodes ordered by a 64-bit key, then by arrival (so equal keys
 * leave in the order they came).  The caller supplies the array; it never grows.
 *
 * Invariant: a node knows its place, so removal from the middle is O(log n).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define HEAP_NOWHERE SIZE_MAX

struct heap_node {
    uint64_t key;
    uint64_t sequence;
    size_t place;    /* index in the array, HEAP_NOWHERE when in no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t capacity;
    uint64_t next_sequence;
};

void heap_init(struct heap *heap, struct heap_node **storage, size_t capacity);
void heap_node_init(struct heap_node *node);
static inline bool heap_contains(const struct heap_node *node)
{
    return node->place != HEAP_NOWHERE;
}

/* -ENOSPC when the heap is full. */
MUST_CHECK int heap_insert(struct heap *heap, struct heap_node *node, uint64_t key);
void heap_remove(struct heap *heap, struct heap_node *node);
struct heap_node *heap_first(const struct heap *heap);    /* NULL when empty */
