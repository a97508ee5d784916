/* Heap: against a model (a plain array, searched), with its invariants checked at every step. */
#include "lib/heap.h"

#include "harness/test.h"
#include "lib/random.h"

#define NODES 64
#define STEPS 20000

static struct heap_node nodes[NODES];
static struct heap_node *storage[NODES];
static struct heap heap;

static void begin(size_t capacity)
{
    heap_init(&heap, storage, capacity);
    for (size_t i = 0; i < NODES; i++)
        heap_node_init(&nodes[i]);
}

static bool later(const struct heap_node *a, const struct heap_node *b)
{
    return a->key > b->key || (a->key == b->key && a->sequence > b->sequence);
}

/* Every node knows its place, and none comes before its parent. */
static void check_invariants(size_t expected_count)
{
    ck_assert_uint_eq(heap.count, expected_count);
    for (size_t i = 0; i < heap.count; i++) {
        ck_assert_uint_eq(heap.nodes[i]->place, i);
        ck_assert(i == 0 || !later(heap.nodes[(i - 1) / 2], heap.nodes[i]));
    }
}

/* The node that must leave next, found by looking at all of them. */
static struct heap_node *model_first(void)
{
    struct heap_node *first = NULL;

    for (size_t i = 0; i < NODES; i++) {
        if (heap_contains(&nodes[i]) && (!first || later(first, &nodes[i])))
            first = &nodes[i];
    }
    return first;
}

START_TEST(empty_heap_has_no_first)
{
    begin(NODES);
    ck_assert_ptr_null(heap_first(&heap));
    ck_assert(!heap_contains(&nodes[0]));
}
END_TEST

START_TEST(equal_keys_leave_in_order_of_arrival)
{
    begin(NODES);
    for (size_t i = 0; i < NODES; i++)
        ck_assert_int_eq(heap_insert(&heap, &nodes[i], 7), 0);
    for (size_t i = 0; i < NODES; i++) {
        ck_assert_ptr_eq(heap_first(&heap), &nodes[i]);
        heap_remove(&heap, &nodes[i]);
    }
    ck_assert_ptr_null(heap_first(&heap));
}
END_TEST

START_TEST(full_heap_refuses)
{
    begin(2);
    ck_assert_int_eq(heap_insert(&heap, &nodes[0], 1), 0);
    ck_assert_int_eq(heap_insert(&heap, &nodes[1], 2), 0);
    ck_assert_int_eq(heap_insert(&heap, &nodes[2], 0), -ENOSPC);
    ck_assert(!heap_contains(&nodes[2]));
    check_invariants(2);
    heap_remove(&heap, &nodes[0]);
    ck_assert_int_eq(heap_insert(&heap, &nodes[2], 0), 0);
    ck_assert_ptr_eq(heap_first(&heap), &nodes[2]);
}
END_TEST

START_TEST(capacity_zero_refuses_everything)
{
    heap_init(&heap, NULL, 0);
    heap_node_init(&nodes[0]);
    ck_assert_int_eq(heap_insert(&heap, &nodes[0], 1), -ENOSPC);
    ck_assert_ptr_null(heap_first(&heap));
}
END_TEST

START_TEST(extreme_keys_are_ordered)
{
    begin(NODES);
    ck_assert_int_eq(heap_insert(&heap, &nodes[0], UINT64_MAX), 0);
    ck_assert_int_eq(heap_insert(&heap, &nodes[1], 0), 0);
    ck_assert_int_eq(heap_insert(&heap, &nodes[2], UINT64_C(1) << 63), 0);
    ck_assert_ptr_eq(heap_first(&heap), &nodes[1]);
    heap_remove(&heap, &nodes[1]);
    ck_assert_ptr_eq(heap_first(&heap), &nodes[2]);
    heap_remove(&heap, &nodes[2]);
    ck_assert_ptr_eq(heap_first(&heap), &nodes[0]);
}
END_TEST

START_TEST(random_operations_agree_with_the_model)
{
    struct random random;
    size_t count = 0;

    begin(NODES);
    random_init(&random, 2);
    for (int step = 0; step < STEPS; step++) {
        struct heap_node *node = &nodes[random_below(&random, NODES)];

        if (heap_contains(node)) {
            heap_remove(&heap, node);
            count--;
        } else {
            ck_assert_int_eq(heap_insert(&heap, node, random_below(&random, 20)), 0);
            count++;
        }
        check_invariants(count);
        ck_assert_ptr_eq(heap_first(&heap), model_first());
    }
}
END_TEST

START_TEST(second_insertion_panics)
{
    begin(NODES);
    ck_assert_int_eq(heap_insert(&heap, &nodes[0], 1), 0);
    (void)!heap_insert(&heap, &nodes[0], 1);
}
END_TEST

START_TEST(removal_of_a_stranger_panics)
{
    begin(NODES);
    heap_remove(&heap, &nodes[0]);
}
END_TEST

TEST_MAIN_WITH_PANICS("lib/heap", PANICS(second_insertion_panics, removal_of_a_stranger_panics),
                      empty_heap_has_no_first, equal_keys_leave_in_order_of_arrival,
                      full_heap_refuses, capacity_zero_refuses_everything, extreme_keys_are_ordered,
                      random_operations_agree_with_the_model)
