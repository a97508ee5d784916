#pragma once
/*
 * Pages by index: a radix tree of 64-way nodes that is as high as the largest index needs.
 * The owner's lock protects it.  Indexes below 2^52.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "memory/page.h"

struct page_tree_node;

struct page_tree {
    struct page_tree_node *root;    /* NULL: empty */
    unsigned height;                /* levels of nodes */
};

void page_tree_init(struct page_tree *tree);
/* NULL: none. */
struct page *page_tree_get(const struct page_tree *tree, uint64_t index);
/* The place must be empty.  -ENOMEM. */
MUST_CHECK int page_tree_insert(struct page_tree *tree, uint64_t index, struct page *page);
/* Returns what was there, or NULL; empty nodes go. */
struct page *page_tree_remove(struct page_tree *tree, uint64_t index);
/* The first page at or after *index, which moves there; NULL: none. */
struct page *page_tree_next(const struct page_tree *tree, uint64_t *index);
