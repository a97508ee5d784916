#pragma once
/* Trees of named things: what directories without a medium keep their entries in. */
#include "lib/tree.h"

struct named {
    struct tree_node node;
    const char *text;    /* constant while it is in a tree; memory of whoever embeds this */
};

/* NULL: there is none of that name. */
struct named *named_find(const struct tree *tree, const char *text);
/* There is none of its name yet. */
void named_insert(struct tree *tree, struct named *named);
