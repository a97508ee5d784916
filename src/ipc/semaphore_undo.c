/*
 * What is undone when a program ends without giving its semaphores back (SEM_UNDO).
 *
 *   last user of a list leaves             removes the array
 *   finds an undo, takes a reference
 *   to its array
 *                                          locks the array, frees its undos
 *   locks the array, uses the undo         <- forbidden: an undo goes only with its array locked,
 *                                             and a removed array has none
 *
 * Invariant: an undo is on its list and in its array, or in neither.
 */
#include "ipc/semaphore_internal.h"
#include "lib/assert.h"
#include "memory/pool.h"

struct semaphore_undo_list {
    struct refcount users;
    struct spinlock lock;    /* RANK_IPC_NAMES */

    /* Protected by `lock`. */
    struct list undos;
};

static struct pool list_pool = POOL_INITIAL("semaphore undo list", struct semaphore_undo_list, 0);

static size_t size_of(const struct semaphore_array *array)
{
    return sizeof(struct semaphore_undo) + array->count * sizeof(int16_t);
}

/* ---- Lists --------------------------------------------------------------------------------- */

int semaphore_undo_share(struct semaphore_undo_list **list)
{
    struct semaphore_undo_list *made;

    if (*list)
        return 0;
    made = pool_allocate(&list_pool);
    if (!made)
        return -ENOMEM;
    refcount_init(&made->users, 1);
    spin_init(&made->lock, RANK_IPC_NAMES, "semaphore undos");
    list_init(&made->undos);
    *list = made;
    return 0;
}

void semaphore_undo_reference(struct semaphore_undo_list *list)
{
    if (list)
        refcount_take(&list->users);
}

void semaphore_undo_forget(struct semaphore_undo_list *list)
{
    bool was_last = list && refcount_drop(&list->users);

    ASSERT(!was_last);
}

/* ---- Undos --------------------------------------------------------------------------------- */

static struct semaphore_undo *undo_in(struct list *node)
{
    return LIST_ENTRY(node, struct semaphore_undo, list_node);
}

/* The array is locked.  Frees it, with its reference to the array; the caller has one more. */
static void remove_undo(struct semaphore_undo *undo)
{
    struct semaphore_array *array = undo->array;

    list_remove(&undo->array_node);
    spin_lock(&undo->list->lock);
    list_remove(&undo->list_node);
    spin_unlock(&undo->list->lock);
    memory_free(undo, size_of(array));
    semaphore_array_release(array);
}

int semaphore_undo_find(struct semaphore_undo_list *list, struct semaphore_array *array,
                        struct semaphore_undo **undo)
{
    LIST_FOR_EACH(node, &array->undos) {
        *undo = LIST_ENTRY(node, struct semaphore_undo, array_node);
        if ((*undo)->list == list)
            return 0;
    }

    struct semaphore_undo *made = memory_allocate(size_of(array));

    if (!made)
        return -ENOMEM;
    made->list = list;
    made->array = array;
    list_init(&made->array_node);
    list_init(&made->list_node);
    refcount_take(&array->object.references);
    list_append(&array->undos, &made->array_node);
    spin_lock(&list->lock);
    list_append(&list->undos, &made->list_node);
    spin_unlock(&list->lock);
    *undo = made;
    return 0;
}

void semaphore_undo_clear(struct semaphore_array *array, unsigned index)
{
    LIST_FOR_EACH(node, &array->undos)
        LIST_ENTRY(node, struct semaphore_undo, array_node)->changes[index] = 0;
}

void semaphore_undo_clear_all(struct semaphore_array *array)
{
    for (unsigned i = 0; i < array->count && !list_is_empty(&array->undos); i++)
        semaphore_undo_clear(array, i);
}

void semaphore_undo_drop(struct semaphore_array *array)
{
    while (!list_is_empty(&array->undos))
        remove_undo(LIST_ENTRY(array->undos.next, struct semaphore_undo, array_node));
}

/* ---- Undoing ------------------------------------------------------------------------------- */

static void undo_one(struct semaphore_undo *undo, int32_t process_id) LOCKS_UNCHECKED
{
    struct semaphore_array *array = undo->array;

    for (unsigned i = 0; i < array->count; i++) {
        struct semaphore_cell *cell = &array->cells[i];

        if (undo->changes[i] == 0)
            continue;
        cell->value += undo->changes[i];
        if (cell->value < 0)
            cell->value = 0;
        if (cell->value > SEMAPHORE_VALUE_MAX)
            cell->value = SEMAPHORE_VALUE_MAX;
        cell->process_id = process_id;
        cell->holder = 0;
    }
    remove_undo(undo);
    semaphore_array_serve(array);
}

/* The array of the first undo, with a reference; NULL: there is none. */
static struct semaphore_array *first_array(struct semaphore_undo_list *list)
{
    struct semaphore_array *array = NULL;

    spin_lock(&list->lock);
    if (!list_is_empty(&list->undos)) {
        array = undo_in(list->undos.next)->array;
        refcount_take(&array->object.references);
    }
    spin_unlock(&list->lock);
    return array;
}

static void leave_array(struct semaphore_undo_list *list, struct semaphore_array *array,
                        int32_t process_id)
{
    struct list *next;

    mutex_lock(&array->object.lock);
    for (struct list *node = array->undos.next; node != &array->undos; node = next) {
        struct semaphore_undo *undo = LIST_ENTRY(node, struct semaphore_undo, array_node);

        next = node->next;
        if (undo->list != list)
            continue;
        undo_one(undo, process_id);
        break;    /* a list has one for each array */
    }
    semaphore_array_put(array);
}

void semaphore_undo_leave(struct semaphore_undo_list *list, int32_t process_id)
{
    struct semaphore_array *array;

    if (!list || !refcount_drop(&list->users))
        return;
    while ((array = first_array(list)) != NULL)
        leave_array(list, array, process_id);
    pool_free(&list_pool, list);
}
