/*
 * Intrusive red-black tree.
 *
 * Invariants: no red node has a red child; every path from a node down to an empty place passes
 * the same number of black nodes; the root is black.  With an augmentation, what a node stores
 * about its subtree is right for every node whenever a function here returns.
 *
 * Left and right are mirror images, so each case is written once for a `side`; a rotation keeps
 * the set of nodes of its subtree, so only the two nodes that it turns are recomputed.
 */
#include "lib/tree.h"

#include "lib/assert.h"

enum side { LEFT, RIGHT };

static enum side opposite(enum side side)
{
    return side == LEFT ? RIGHT : LEFT;
}

static struct tree_node **child_link(struct tree_node *node, enum side side)
{
    return side == LEFT ? &node->left : &node->right;
}

static struct tree_node *child_at(struct tree_node *node, enum side side)
{
    return *child_link(node, side);
}

static bool is_red(const struct tree_node *node)
{
    return node && node->red;
}

static void augment_node(const struct tree *tree, struct tree_node *node)
{
    if (tree->augment)
        tree->augment(node);
}

/* Makes what points to `old` point to `replacement`, which may be NULL. */
static void replace_in_parent(struct tree *tree, struct tree_node *old,
                              struct tree_node *replacement)
{
    struct tree_node *parent = old->parent;

    if (!parent)
        tree->root = replacement;
    else if (parent->left == old)
        parent->left = replacement;
    else
        parent->right = replacement;
    if (replacement)
        replacement->parent = parent;
}

/* Moves `node` down to `side`; its child of the other side takes its place. */
static void rotate(struct tree *tree, struct tree_node *node, enum side side)
{
    struct tree_node *rising = child_at(node, opposite(side));
    struct tree_node *middle = child_at(rising, side);

    replace_in_parent(tree, node, rising);
    *child_link(node, opposite(side)) = middle;
    if (middle)
        middle->parent = node;
    *child_link(rising, side) = node;
    node->parent = rising;
    augment_node(tree, node);
    augment_node(tree, rising);
}

void tree_init(struct tree *tree, void (*augment)(struct tree_node *node))
{
    tree->root = NULL;
    tree->augment = augment;
}

void tree_replace(struct tree *tree, struct tree_node *node, struct tree_node *replacement)
{
    *replacement = *node;
    replace_in_parent(tree, node, replacement);
    if (replacement->left)
        replacement->left->parent = replacement;
    if (replacement->right)
        replacement->right->parent = replacement;
    if (tree->augment)
        tree_augment_path(tree, replacement);
}

void tree_augment_path(struct tree *tree, struct tree_node *node)
{
    if (!tree->augment)
        return;
    for (; node; node = node->parent)
        tree->augment(node);
}

/* `node` is red; its parent may be red too. */
static void repair_after_insert(struct tree *tree, struct tree_node *node)
{
    while (is_red(node->parent)) {
        struct tree_node *parent = node->parent;
        struct tree_node *grandparent = parent->parent;    /* exists: the root is black */
        enum side side = grandparent->left == parent ? LEFT : RIGHT;
        struct tree_node *uncle = child_at(grandparent, opposite(side));

        if (is_red(uncle)) {
            parent->red = false;
            uncle->red = false;
            grandparent->red = true;
            node = grandparent;
            continue;
        }
        if (node == child_at(parent, opposite(side))) {
            rotate(tree, parent, side);
            parent = node;
        }
        parent->red = false;
        grandparent->red = true;
        rotate(tree, grandparent, opposite(side));
        break;
    }
    tree->root->red = false;
}

void tree_insert(struct tree *tree, struct tree_node *node, struct tree_node *parent,
                 struct tree_node **link)
{
    ASSERT(!*link);
    *node = (struct tree_node){ .parent = parent, .red = true };
    *link = node;
    tree_augment_path(tree, node);
    repair_after_insert(tree, node);
}

/* Paths through `node` (a child of `parent`, may be NULL) lack one black node. */
static void repair_after_remove(struct tree *tree, struct tree_node *node,
                                struct tree_node *parent)
{
    while (parent && !is_red(node)) {
        enum side side = parent->left == node ? LEFT : RIGHT;
        struct tree_node *sibling = child_at(parent, opposite(side));

        ASSERT(sibling);
        if (sibling->red) {
            sibling->red = false;
            parent->red = true;
            rotate(tree, parent, side);
            sibling = child_at(parent, opposite(side));
        }
        if (!is_red(sibling->left) && !is_red(sibling->right)) {
            sibling->red = true;
            node = parent;
            parent = node->parent;
            continue;
        }
        if (!is_red(child_at(sibling, opposite(side)))) {
            child_at(sibling, side)->red = false;
            sibling->red = true;
            rotate(tree, sibling, opposite(side));
            sibling = child_at(parent, opposite(side));
        }
        sibling->red = parent->red;
        parent->red = false;
        child_at(sibling, opposite(side))->red = false;
        rotate(tree, parent, side);
        return;
    }
    if (node)
        node->red = false;
}

/* Puts the successor of `node`, which has two children, in its place.  Returns the lowest node
 * whose subtree changed; *orphan is what took the successor's old place. */
static struct tree_node *replace_by_successor(struct tree *tree, struct tree_node *node,
                                              struct tree_node **orphan, bool *removed_red)
{
    struct tree_node *successor = node->right;
    struct tree_node *lowest;

    while (successor->left)
        successor = successor->left;
    *orphan = successor->right;
    *removed_red = successor->red;

    if (successor->parent == node) {
        lowest = successor;
    } else {
        lowest = successor->parent;
        replace_in_parent(tree, successor, successor->right);
        successor->right = node->right;
        successor->right->parent = successor;
    }
    replace_in_parent(tree, node, successor);
    successor->left = node->left;
    successor->left->parent = successor;
    successor->red = node->red;
    return lowest;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *orphan;
    struct tree_node *lowest;
    bool removed_red;

    if (node->left && node->right) {
        lowest = replace_by_successor(tree, node, &orphan, &removed_red);
    } else {
        orphan = node->left ? node->left : node->right;
        lowest = node->parent;
        removed_red = node->red;
        replace_in_parent(tree, node, orphan);
    }
    tree_augment_path(tree, lowest);
    if (!removed_red)
        repair_after_remove(tree, orphan, lowest);
    *node = (struct tree_node){ 0 };
}

static struct tree_node *outermost(struct tree_node *node, enum side side)
{
    while (node && child_at(node, side))
        node = child_at(node, side);
    return node;
}

static struct tree_node *neighbour(const struct tree_node *node, enum side side)
{
    struct tree_node *below = side == LEFT ? node->left : node->right;

    if (below)
        return outermost(below, opposite(side));
    while (node->parent && child_at(node->parent, side) == node)
        node = node->parent;
    return node->parent;
}

struct tree_node *tree_first(const struct tree *tree)
{
    return outermost(tree->root, LEFT);
}

struct tree_node *tree_last(const struct tree *tree)
{
    return outermost(tree->root, RIGHT);
}

struct tree_node *tree_next(const struct tree_node *node)
{
    return neighbour(node, RIGHT);
}

struct tree_node *tree_previous(const struct tree_node *node)
{
    return neighbour(node, LEFT);
}
