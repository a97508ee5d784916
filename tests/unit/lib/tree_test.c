/*
 * lib/tree: balance and augmentation after random insertions and removals, against a sorted array.
 */
#include "lib/tree.h"

#include <stdint.h>
#include <string.h>

#include "harness/test.h"
#include "lib/random.h"

#define ITEMS 500

struct item {
    struct tree_node node;
    unsigned key;
    unsigned weight;
    unsigned heaviest;    /* augmentation: the largest weight of the subtree */
};

static struct item items[ITEMS];
static unsigned augmentations;

static struct item *item_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct item, node);
}

static unsigned heaviest_of(struct tree_node *node)
{
    return node ? item_of(node)->heaviest : 0;
}

static void augment(struct tree_node *node)
{
    struct item *item = item_of(node);
    unsigned left = heaviest_of(node->left);
    unsigned right = heaviest_of(node->right);

    item->heaviest = item->weight;
    if (left > item->heaviest)
        item->heaviest = left;
    if (right > item->heaviest)
        item->heaviest = right;
    augmentations++;
}

static void insert(struct tree *tree, struct item *item)
{
    struct tree_node **link = &tree->root;
    struct tree_node *parent = NULL;

    while (*link) {
        parent = *link;
        link = item->key < item_of(parent)->key ? &parent->left : &parent->right;
    }
    tree_insert(tree, &item->node, parent, link);
}

/* Checks colours, parents and augmentation; returns the number of black nodes on every path. */
static int check_subtree(struct tree_node *node, struct tree_node *parent, unsigned *count)
{
    if (!node)
        return 1;
    ck_assert_ptr_eq(node->parent, parent);
    if (node->red) {
        ck_assert(!node->left || !node->left->red);
        ck_assert(!node->right || !node->right->red);
    }

    int left = check_subtree(node->left, node, count);
    int right = check_subtree(node->right, node, count);
    struct item *item = item_of(node);
    unsigned expected = item->weight;

    ck_assert_int_eq(left, right);
    if (heaviest_of(node->left) > expected)
        expected = heaviest_of(node->left);
    if (heaviest_of(node->right) > expected)
        expected = heaviest_of(node->right);
    ck_assert_uint_eq(item->heaviest, expected);
    (*count)++;
    return left + (node->red ? 0 : 1);
}

static void check_tree(const struct tree *tree, unsigned expected_count)
{
    unsigned count = 0;

    ck_assert(!tree->root || !tree->root->red);
    check_subtree(tree->root, NULL, &count);
    ck_assert_uint_eq(count, expected_count);
}

static void check_order(const struct tree *tree, const bool *present)
{
    struct tree_node *node = tree_first(tree);

    for (unsigned key = 0; key < ITEMS; key++) {
        if (!present[key])
            continue;
        ck_assert_ptr_nonnull(node);
        ck_assert_uint_eq(item_of(node)->key, key);
        node = tree_next(node);
    }
    ck_assert_ptr_null(node);
    node = tree_last(tree);
    for (unsigned key = ITEMS; key-- > 0;) {
        if (!present[key])
            continue;
        ck_assert_ptr_nonnull(node);
        ck_assert_uint_eq(item_of(node)->key, key);
        node = tree_previous(node);
    }
    ck_assert_ptr_null(node);
}

START_TEST(tree_that_is_empty_has_no_ends)
{
    struct tree tree;

    tree_init(&tree, NULL);
    ck_assert_ptr_null(tree_first(&tree));
    ck_assert_ptr_null(tree_last(&tree));
}
END_TEST

START_TEST(tree_of_one_node_comes_and_goes)
{
    struct tree tree;

    tree_init(&tree, augment);
    items[0].weight = 7;
    insert(&tree, &items[0]);
    check_tree(&tree, 1);
    ck_assert_ptr_eq(tree_first(&tree), tree_last(&tree));
    ck_assert_ptr_null(tree_next(&items[0].node));
    ck_assert_ptr_null(tree_previous(&items[0].node));
    tree_remove(&tree, &items[0].node);
    ck_assert_ptr_null(tree.root);
}
END_TEST

static void insert_in_order(struct tree *tree, bool descending)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        unsigned key = descending ? ITEMS - 1 - i : i;

        items[key].key = key;
        items[key].weight = key;
        insert(tree, &items[key]);
    }
}

/* Sorted insertion makes a plain search tree a list. */
START_TEST(tree_stays_balanced_when_keys_come_sorted)
{
    for (unsigned descending = 0; descending < 2; descending++) {
        unsigned depth = 0;
        struct tree tree;

        tree_init(&tree, augment);
        insert_in_order(&tree, descending == 1);
        check_tree(&tree, ITEMS);
        for (struct tree_node *node = tree_first(&tree); node; node = node->parent)
            depth++;
        ck_assert_uint_le(depth, 18);    /* 2 log2(501) */
    }
}
END_TEST

static void change_at_random(uint64_t seed)
{
    bool present[ITEMS] = { false };
    unsigned count = 0;
    struct random random;
    struct tree tree;

    random_init(&random, seed);
    tree_init(&tree, augment);
    for (unsigned key = 0; key < ITEMS; key++)
        items[key].key = key;
    for (unsigned step = 0; step < 10000; step++) {
        unsigned key = (unsigned)random_below(&random, ITEMS);
        struct item *item = &items[key];

        if (present[key]) {
            tree_remove(&tree, &item->node);
            count--;
        } else {
            item->weight = (unsigned)random_below(&random, 1000);
            insert(&tree, item);
            count++;
        }
        present[key] = !present[key];
        if (step % 64 == 0)
            check_tree(&tree, count);
        if (step % 1024 == 0)
            check_order(&tree, present);
    }
    check_tree(&tree, count);
    check_order(&tree, present);
}

START_TEST(tree_survives_random_changes)
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        change_at_random(seed);
}
END_TEST

START_TEST(tree_augment_path_carries_a_change_to_the_root)
{
    struct tree tree;

    tree_init(&tree, augment);
    insert_in_order(&tree, false);
    items[3].weight = 100000;
    tree_augment_path(&tree, &items[3].node);
    ck_assert_uint_eq(heaviest_of(tree.root), 100000);
    items[3].weight = 0;
    augmentations = 0;
    tree_augment_path(&tree, &items[3].node);
    ck_assert_uint_eq(heaviest_of(tree.root), ITEMS - 1);
    ck_assert_uint_le(augmentations, 18);    /* the path only */
}
END_TEST

START_TEST(tree_without_augmentation_calls_nothing)
{
    struct tree tree;

    tree_init(&tree, NULL);
    augmentations = 0;
    insert_in_order(&tree, false);
    tree_augment_path(&tree, &items[3].node);
    tree_remove(&tree, &items[100].node);
    ck_assert_uint_eq(augmentations, 0);
}
END_TEST

START_TEST(tree_replace_keeps_the_shape)
{
    static struct item others[ITEMS];
    unsigned count = 0;
    struct tree tree;

    tree_init(&tree, augment);
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].key = others[i].key = (i * 7919) % ITEMS;
        items[i].weight = others[i].weight = i;
        insert(&tree, &items[i]);
    }
    for (unsigned i = 0; i < ITEMS; i++)
        tree_replace(&tree, &items[i].node, &others[i].node);
    (void)check_subtree(tree.root, NULL, &count);
    count = 0;
    for (struct tree_node *node = tree_first(&tree); node; node = tree_next(node)) {
        ck_assert(item_of(node) >= others && item_of(node) < others + ITEMS);
        ck_assert_uint_eq(item_of(node)->key, count++);
    }
    ck_assert_uint_eq(count, ITEMS);
}
END_TEST

START_TEST(tree_insert_at_a_taken_place_panics)
{
    struct tree tree;

    tree_init(&tree, NULL);
    insert(&tree, &items[0]);
    tree_insert(&tree, &items[1].node, NULL, &tree.root);
}
END_TEST

TEST_MAIN_WITH_PANICS("lib/tree", PANICS(tree_insert_at_a_taken_place_panics),
                      tree_that_is_empty_has_no_ends, tree_of_one_node_comes_and_goes,
                      tree_stays_balanced_when_keys_come_sorted, tree_survives_random_changes,
                      tree_augment_path_carries_a_change_to_the_root,
                      tree_without_augmentation_calls_nothing, tree_replace_keeps_the_shape)
