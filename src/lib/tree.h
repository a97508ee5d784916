#pragma once
/*
 * Intrusive red-black tree with an optional augmentation.
 *
 * The caller searches (it knows the key) and says where a new node goes; the tree balances.
 * `augment(node)` recomputes what a node stores about its subtree from the node and its two
 * children; the tree calls it bottom-up wherever a subtree changed.
 */
#include <stdbool.h>
#include <stddef.h>

#include "lib/container.h"

struct tree_node {
    struct tree_node *parent;
    struct tree_node *left;
    struct tree_node *right;
    bool red;
};

struct tree {
    struct tree_node *root;
    void (*augment)(struct tree_node *node);    /* may be NULL */
};

#define TREE_ENTRY(node, type, member) CONTAINER_OF(node, type, member)

void tree_init(struct tree *tree, void (*augment)(struct tree_node *node));

/* Links `node` at `*link` (the empty child pointer of `parent`, or &tree->root with a NULL
 * parent) and rebalances. */
void tree_insert(struct tree *tree, struct tree_node *node, struct tree_node *parent,
                 struct tree_node **link);
void tree_remove(struct tree *tree, struct tree_node *node);
/* `replacement`, which is in no tree, takes the place of `node`: its key must fit there. */
void tree_replace(struct tree *tree, struct tree_node *node, struct tree_node *replacement);

/* The caller changed what `node` contributes to its ancestors: recomputes the path upwards. */
void tree_augment_path(struct tree *tree, struct tree_node *node);

/* In order; NULL at the end. */
struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_previous(const struct tree_node *node);
