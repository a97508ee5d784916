#pragma once
/*
 * What the files of System V semaphores share with each other only.
 *
 * Everything in an array is protected by its object's lock.
 */
#include "ipc/semaphore_array.h"
#include "lib/container.h"
#include "lib/list.h"
#include "sync/wait_queue.h"

#define STATUS_WAITS 1    /* of a waiter: no result yet */

struct semaphore_cell {
    int32_t value;
    int32_t process_id;          /* of the last operation */
    int32_t holder;              /* the thread that decreased it last, nobody having increased it */
};

struct semaphore_array {
    struct ipc_object object;
    unsigned count;              /* constant */
    struct semaphore_cell *cells;
    struct list changing;        /* waiters, by age */
    struct list looking;         /* those that wait for zeros only */
    struct list undos;           /* struct semaphore_undo */
    uint64_t operated_s, changed_s;
};

/* On the stack of a thread in semop. */
struct semaphore_waiter {
    struct list node;
    const struct semaphore_operation *operations;
    unsigned count;
    struct semaphore_undo *undo;                   /* NULL: nothing to be undone */
    int32_t process_id;
    struct thread *thread;
    bool increases;                                /* others may go on when it is done */
    const struct semaphore_operation *blocking;    /* the first that cannot be done */
    int status;
    struct wait_queue queue;
};

/* What one list of undos has for one array. */
struct semaphore_undo {
    struct list array_node;
    struct list list_node;                 /* protected by the list's lock */
    struct semaphore_undo_list *list;
    struct semaphore_array *array;         /* with a reference */
    int16_t changes[];                     /* to be added */
};

static inline struct semaphore_array *array_of(struct ipc_object *object)
{
    return CONTAINER_OF(object, struct semaphore_array, object);
}

/* Locked, with a reference. */
MUST_CHECK int semaphore_array_find(int32_t id, struct semaphore_array **array)
    TRIES_TO_ACQUIRE(0, &(*array)->object.lock);
/* Unlocks it and gives the reference back; or only that. */
void semaphore_array_put(struct semaphore_array *array) RELEASES(&array->object.lock);
void semaphore_array_release(struct semaphore_array *array);

/* ---- semaphore_operate.c: the array is locked for all of them */
/* Values have grown, or become zero: waiters go on. */
void semaphore_array_serve(struct semaphore_array *array) REQUIRES(&array->object.lock);
/* All waiters get this result. */
void semaphore_array_fail_all(struct semaphore_array *array, int error);
unsigned semaphore_array_waiting(struct semaphore_array *array, unsigned index, bool for_zero);

/* ---- semaphore_undo.c: the same */
/* What the list has for the array; it is made.  -ENOMEM. */
MUST_CHECK int semaphore_undo_find(struct semaphore_undo_list *list, struct semaphore_array *array,
                                   struct semaphore_undo **undo);
/* Nothing is to be undone of one semaphore, or of all of them, any more. */
void semaphore_undo_clear(struct semaphore_array *array, unsigned index);
void semaphore_undo_clear_all(struct semaphore_array *array);
/* The array goes. */
void semaphore_undo_drop(struct semaphore_array *array);
