/* Trees of named things, in the order of the bytes of their names. */
#include "fs/named_tree.h"

#include "lib/assert.h"
#include "lib/container.h"
#include "lib/text.h"

struct named *named_find(const struct tree *tree, const char *text)
{
    struct tree_node *node = tree->root;

    while (node) {
        struct named *named = TREE_ENTRY(node, struct named, node);
        int order = text_compare(text, named->text);

        if (order == 0)
            return named;
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

void named_insert(struct tree *tree, struct named *named)
{
    struct tree_node **link = &tree->root;
    struct tree_node *parent = NULL;

    while (*link) {
        int order = text_compare(named->text, TREE_ENTRY(*link, struct named, node)->text);

        ASSERT(order != 0);
        parent = *link;
        link = order < 0 ? &parent->left : &parent->right;
    }
    tree_insert(tree, &named->node, parent, link);
}
