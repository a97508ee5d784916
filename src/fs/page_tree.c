/*
 * The radix tree of pages.
 *
 * Invariants: a node other than the root is never empty; the leaves, at level 0, hold pages; a
 * tree of height h holds indexes below 64^h.
 */
#include "fs/page_tree.h"

#include <stddef.h>

#include "lib/assert.h"
#include "memory/pool.h"

#define FANOUT_SHIFT 6
#define FANOUT (1u << FANOUT_SHIFT)
#define HEIGHT_MAX 9    /* 54 bits: more than any file of 2^63 bytes needs */

struct page_tree_node {
    void *slots[FANOUT];    /* nodes, or pages in a leaf; NULL: none */
    unsigned used;          /* slots that are not NULL */
};

static struct pool node_pool = POOL_INITIAL("page tree node", struct page_tree_node, 0);

void page_tree_init(struct page_tree *tree)
{
    *tree = (struct page_tree){ .root = NULL, .height = 0 };
}

static unsigned slot_of(uint64_t index, unsigned level)
{
    return (unsigned)(index >> (level * FANOUT_SHIFT)) % FANOUT;
}

static bool is_in_reach(const struct page_tree *tree, uint64_t index)
{
    return (index >> (tree->height * FANOUT_SHIFT)) == 0;
}

struct page *page_tree_get(const struct page_tree *tree, uint64_t index)
{
    void *at = tree->root;

    if (!is_in_reach(tree, index))
        return NULL;
    for (unsigned level = tree->height; at && level > 0; level--)
        at = ((struct page_tree_node *)at)->slots[slot_of(index, level - 1)];
    return at;
}

/* ---- Inserting ----------------------------------------------------------------------------- */

/* Puts a new root above the old one, or the first root, as high as `index` needs. */
static int grow(struct page_tree *tree, uint64_t index)
{
    struct page_tree_node *node = pool_allocate(&node_pool);

    if (!node)
        return -ENOMEM;
    tree->height++;
    if (tree->root) {
        node->slots[0] = tree->root;
        node->used = 1;
    } else {
        while (!is_in_reach(tree, index))
            tree->height++;
    }
    ASSERT(tree->height <= HEIGHT_MAX);
    tree->root = node;
    return 0;
}

/* The child in that slot, made if there is none; NULL: no memory. */
static struct page_tree_node *child_of(struct page_tree_node *node, unsigned slot)
{
    if (!node->slots[slot]) {
        node->slots[slot] = pool_allocate(&node_pool);
        if (node->slots[slot])
            node->used++;
    }
    return node->slots[slot];
}

/* Frees the empty nodes on the way to `index`, from the leaf up, and the root if it is empty. */
static void prune(struct page_tree *tree, uint64_t index)
{
    struct page_tree_node *way[HEIGHT_MAX] = { NULL };
    struct page_tree_node *at = tree->root;
    unsigned level = tree->height;

    while (at && level > 0) {
        way[--level] = at;
        at = level > 0 ? at->slots[slot_of(index, level)] : NULL;
    }
    for (; level < tree->height && way[level]->used == 0; level++) {
        pool_free(&node_pool, way[level]);
        if (level + 1 == tree->height) {
            page_tree_init(tree);
            return;
        }
        way[level + 1]->slots[slot_of(index, level + 1)] = NULL;
        way[level + 1]->used--;
    }
}

int page_tree_insert(struct page_tree *tree, uint64_t index, struct page *page)
{
    struct page_tree_node *node;

    while (!tree->root || !is_in_reach(tree, index)) {
        int error = grow(tree, index);

        if (error)
            return error;
    }
    node = tree->root;
    ASSERT(tree->height > 0);
    for (unsigned level = tree->height - 1; level > 0; level--) {
        struct page_tree_node *child = child_of(node, slot_of(index, level));

        if (!child) {
            prune(tree, index);
            return -ENOMEM;
        }
        node = child;
    }
    ASSERT(!node->slots[slot_of(index, 0)]);
    node->slots[slot_of(index, 0)] = page;
    node->used++;
    return 0;
}

struct page *page_tree_remove(struct page_tree *tree, uint64_t index)
{
    struct page *page = page_tree_get(tree, index);
    struct page_tree_node *node = tree->root;

    if (!page)
        return NULL;
    ASSERT(tree->height > 0);
    for (unsigned level = tree->height - 1; level > 0; level--)
        node = node->slots[slot_of(index, level)];
    node->slots[slot_of(index, 0)] = NULL;
    node->used--;
    prune(tree, index);
    return page;
}

/* ---- Searching ----------------------------------------------------------------------------- */

/* The leaf's or node's first used slot from the one of *index on; moves *index there. */
static bool next_slot(const struct page_tree_node *node, unsigned level, uint64_t *index)
{
    uint64_t unit = UINT64_C(1) << (level * FANOUT_SHIFT);

    for (unsigned slot = slot_of(*index, level); slot < FANOUT; slot++) {
        if (node->slots[slot])
            return true;
        *index = (*index & ~(unit - 1)) + unit;
    }
    return false;
}

/*
 * One descent from the root towards *index.  Returns the page; or NULL with *index moved past a
 * subtree that has nothing, from where the next descent goes on.
 */
static struct page *descend(const struct page_tree *tree, uint64_t *index)
{
    void *at = tree->root;

    for (unsigned level = tree->height; level > 0; level--) {
        if (!next_slot(at, level - 1, index))
            return NULL;
        at = ((struct page_tree_node *)at)->slots[slot_of(*index, level - 1)];
    }
    return at;
}

struct page *page_tree_next(const struct page_tree *tree, uint64_t *index)
{
    while (tree->root && is_in_reach(tree, *index)) {
        struct page *page = descend(tree, index);

        if (page)
            return page;
    }
    return NULL;
}
