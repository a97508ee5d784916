/*
 * Binary min-heap of intrusive nodes.
 *
 * Invariants: nodes[i]->place == i for every i < count, and no node orders before its parent.
 * The order (key, sequence) is total because sequences are never given twice, so what leaves
 * next never depends on the shape that the heap happens to have.
 */
#include "lib/heap.h"

#include "lib/assert.h"

static bool orders_before(const struct heap_node *a, const struct heap_node *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    return a->sequence < b->sequence;
}

static void put(struct heap *heap, size_t place, struct heap_node *node)
{
    heap->nodes[place] = node;
    node->place = place;
}

/* Moves the hole at `place` up until `node` fits into it. */
static void settle_upwards(struct heap *heap, size_t place, struct heap_node *node)
{
    while (place > 0) {
        size_t parent = (place - 1) / 2;

        if (!orders_before(node, heap->nodes[parent]))
            break;
        put(heap, place, heap->nodes[parent]);
        place = parent;
    }
    put(heap, place, node);
}

/* Moves the hole at `place` down until `node` fits into it. */
static void settle_downwards(struct heap *heap, size_t place, struct heap_node *node)
{
    for (;;) {
        size_t child = 2 * place + 1;

        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && orders_before(heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (!orders_before(heap->nodes[child], node))
            break;
        put(heap, place, heap->nodes[child]);
        place = child;
    }
    put(heap, place, node);
}

void heap_init(struct heap *heap, struct heap_node **storage, size_t capacity)
{
    ASSERT(storage || capacity == 0);
    *heap = (struct heap){ .nodes = storage, .capacity = capacity };
}

void heap_node_init(struct heap_node *node)
{
    *node = (struct heap_node){ .place = HEAP_NOWHERE };
}

int heap_insert(struct heap *heap, struct heap_node *node, uint64_t key)
{
    ASSERT(!heap_contains(node));
    if (heap->count == heap->capacity)
        return -ENOSPC;
    node->key = key;
    node->sequence = heap->next_sequence++;
    heap->count++;
    settle_upwards(heap, heap->count - 1, node);
    return 0;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    ASSERT(heap_contains(node));
    ASSERT(node->place < heap->count);
    ASSERT(heap->nodes[node->place] == node);

    size_t place = node->place;
    struct heap_node *last = heap->nodes[heap->count - 1];

    heap->count--;
    heap->nodes[heap->count] = NULL;
    node->place = HEAP_NOWHERE;
    if (last == node)
        return;
    if (orders_before(last, node))
        settle_upwards(heap, place, last);
    else
        settle_downwards(heap, place, last);
}

struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}
