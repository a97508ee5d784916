#pragma once
/*
 * Intrusive doubly linked list.  A list head is a node that no element owns.
 *
 * Invariant: a node that is on no list points to itself, so `list_is_linked` is exact and a
 * second removal is caught.
 */
#include <stdbool.h>
#include <stddef.h>

#include "lib/assert.h"
#include "lib/container.h"

struct list {
    struct list *next;
    struct list *previous;
};

#define LIST_INITIAL(name) { &(name), &(name) }

static inline void list_init(struct list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

/* Is this node on a list? */
static inline bool list_is_linked(const struct list *node)
{
    return node->next != node;
}

/* Puts the node just before `position`; with the head as position: at the end of the list. */
static inline void list_insert_before(struct list *position, struct list *node)
{
    ASSERT(!list_is_linked(node));
    node->next = position;
    node->previous = position->previous;
    position->previous->next = node;
    position->previous = node;
}

static inline void list_append(struct list *list, struct list *node)
{
    list_insert_before(list, node);
}

static inline void list_prepend(struct list *list, struct list *node)
{
    list_insert_before(list->next, node);
}

static inline void list_remove(struct list *node)
{
    ASSERT(list_is_linked(node));
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

/* First node, or NULL if the list is empty. */
static inline struct list *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->next;
}

static inline struct list *list_last(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->previous;
}

static inline struct list *list_take_first(struct list *list)
{
    struct list *node = list_first(list);

    if (node)
        list_remove(node);
    return node;
}

/* The first node goes to the end; NULL if there is none. */
static inline struct list *list_rotate(struct list *list)
{
    struct list *node = list_take_first(list);

    if (node)
        list_append(list, node);
    return node;
}

/* All nodes of `from` go to the front of `list`, in their order. */
static inline void list_splice_front(struct list *list, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->previous->next = list->next;
    list->next->previous = from->previous;
    list->next = from->next;
    from->next->previous = list;
    list_init(from);
}

static inline size_t list_length(const struct list *list)
{
    size_t length = 0;

    for (const struct list *node = list->next; node != list; node = node->next)
        length++;
    return length;
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)

#define LIST_FOR_EACH(node, head) \
    for (struct list *node = (head)->next; node != (head); node = node->next)

/* As above; the body may remove `node` (and only that one). */
#define LIST_FOR_EACH_SAFE(node, following, head)                                            \
    for (struct list *node = (head)->next, *following = node->next; node != (head);          \
         node = following, following = node->next)
