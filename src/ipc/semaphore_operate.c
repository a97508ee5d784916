/*
 * semop: several changes at once, or a wait until all of them can be made.
 *
 *   waiter                                 another thread
 *   a value is too small: is queued
 *                                          increases it, makes the waiter's changes for it, sets
 *                                          its status, wakes it
 *   a signal comes: leaves with -EINTR     <- forbidden: what was done for it stays done.  It looks
 *                                             at its status with the array locked, unless it was
 *                                             woken, after which nobody touches it
 *
 * First come, first served, as on Linux: waiters are tried by age, and again from the oldest on
 * when one of them has increased something.  Those that only wait for zeros are tried first,
 * because they take nothing away.
 */
#include "ipc/semaphore_internal.h"
#include "lib/assert.h"
#include "sched/thread.h"

/* ---- Doing it ------------------------------------------------------------------------------ */

static bool has_undo(const struct semaphore_operation *operation)
{
    return (operation->flags & SEMAPHORE_UNDO) != 0;
}

/* -ERANGE; or STATUS_WAITS: it cannot be done now. */
static int apply_one(struct semaphore_array *array, const struct semaphore_waiter *waiter,
                     const struct semaphore_operation *operation)
{
    struct semaphore_cell *cell = &array->cells[operation->index];
    int32_t value = cell->value + operation->change;

    if (value < 0 || (operation->change == 0 && cell->value != 0))
        return STATUS_WAITS;
    if (value > SEMAPHORE_VALUE_MAX)
        return -ERANGE;
    if (has_undo(operation)) {
        int32_t undo = waiter->undo->changes[operation->index] - operation->change;

        if (undo < -SEMAPHORE_VALUE_MAX - 1 || undo > SEMAPHORE_VALUE_MAX)
            return -ERANGE;
        waiter->undo->changes[operation->index] = (int16_t)undo;
    }
    cell->value = value;
    return 0;
}

static void revert_one(struct semaphore_array *array, const struct semaphore_waiter *waiter,
                       const struct semaphore_operation *operation)
{
    array->cells[operation->index].value -= operation->change;
    if (has_undo(operation))
        waiter->undo->changes[operation->index] =
            (int16_t)(waiter->undo->changes[operation->index] + operation->change);
}

static void note_holder(struct semaphore_cell *cell, const struct semaphore_waiter *waiter,
                        int16_t change)
{
    cell->process_id = waiter->process_id;
    if (change != 0)
        cell->holder = change < 0 ? waiter->thread->id : 0;
}

/* All or none.  0, STATUS_WAITS, -EAGAIN, -ERANGE. */
static int perform(struct semaphore_array *array, struct semaphore_waiter *waiter)
{
    const struct semaphore_operation *operations = waiter->operations;
    unsigned done = 0;
    int status = 0;

    while (done < waiter->count && status == 0) {
        status = apply_one(array, waiter, &operations[done]);
        if (status == 0)
            done++;
    }
    if (status == 0) {
        for (unsigned i = 0; i < waiter->count; i++)
            note_holder(&array->cells[operations[i].index], waiter, operations[i].change);
        array->operated_s = ipc_now_s();
        return 0;
    }
    waiter->blocking = &operations[done];
    if (status == STATUS_WAITS && (waiter->blocking->flags & SEMAPHORE_NO_WAIT))
        status = -EAGAIN;
    while (done > 0)
        revert_one(array, waiter, &operations[--done]);
    return status;
}

/* ---- Serving others ------------------------------------------------------------------------ */

static struct semaphore_waiter *waiter_of(struct list *node)
{
    return LIST_ENTRY(node, struct semaphore_waiter, node);
}

static void finish(struct semaphore_waiter *waiter, int status)
{
    list_remove(&waiter->node);
    waiter->status = status;
    (void)wait_queue_wake_all(&waiter->queue);    /* it may be gone then */
}

static void serve_looking(struct semaphore_array *array)
{
    struct list *next;

    for (struct list *node = array->looking.next; node != &array->looking; node = next) {
        struct semaphore_waiter *waiter = waiter_of(node);
        int status;

        next = node->next;
        status = perform(array, waiter);
        if (status != STATUS_WAITS)
            finish(waiter, status);
    }
}

void semaphore_array_serve(struct semaphore_array *array)
{
    struct list *next;

    ASSERT(mutex_is_held(&array->object.lock));
    serve_looking(array);
    for (struct list *node = array->changing.next; node != &array->changing; node = next) {
        struct semaphore_waiter *waiter = waiter_of(node);
        bool increases = waiter->increases;
        int status = perform(array, waiter);

        next = node->next;
        if (status == STATUS_WAITS)
            continue;
        finish(waiter, status);
        if (status != 0)
            continue;
        serve_looking(array);
        if (increases)
            next = array->changing.next;
    }
}

void semaphore_array_fail_all(struct semaphore_array *array, int error)
{
    while (!list_is_empty(&array->changing))
        finish(waiter_of(array->changing.next), error);
    while (!list_is_empty(&array->looking))
        finish(waiter_of(array->looking.next), error);
}

static unsigned count_blocked(struct list *waiters, unsigned index, bool for_zero)
{
    unsigned count = 0;

    LIST_FOR_EACH(node, waiters) {
        const struct semaphore_operation *blocking = waiter_of(node)->blocking;

        count += blocking->index == index && (blocking->change == 0) == for_zero;
    }
    return count;
}

unsigned semaphore_array_waiting(struct semaphore_array *array, unsigned index, bool for_zero)
{
    return count_blocked(&array->changing, index, for_zero) +
           count_blocked(&array->looking, index, for_zero);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* The array is locked and is given back, with the reference. */
static int wait_for_turn(struct semaphore_array *array, struct semaphore_waiter *waiter,
                         bool changes, uint64_t deadline_ns) RELEASES(&array->object.lock)
{
    struct wait_entry entry;
    int status = STATUS_WAITS;

    list_append(changes ? &array->changing : &array->looking, &waiter->node);
    while (status == STATUS_WAITS) {
        const struct wait_reason reason = {
            .kind = WAIT_SEMAPHORE_ARRAY,
            .object = semaphore_array_object(array->object.id, waiter->blocking->index),
        };
        int error;

        wait_entry_add(&entry, &waiter->queue);
        mutex_unlock(&array->object.lock);
        error = wait_entries_wait(&entry, 1, &reason, deadline_ns);
        wait_entry_remove(&entry);
        if (atomic_load(&entry.woken)) {    /* so that is its result */
            semaphore_array_release(array);
            return waiter->status;
        }
        mutex_lock(&array->object.lock);
        status = waiter->status;
        if (status == STATUS_WAITS && error) {
            list_remove(&waiter->node);
            status = error == -ETIMEDOUT ? -EAGAIN : error;
        }
    }
    semaphore_array_put(array);
    return status;
}

/* What the operations are, all together. */
struct summary {
    unsigned highest;
    bool changes, increases, undoes;
};

static struct summary summarise(const struct semaphore_request *request)
{
    struct summary summary = { 0 };

    for (unsigned i = 0; i < request->count; i++) {
        const struct semaphore_operation *operation = &request->operations[i];

        if (operation->index > summary.highest)
            summary.highest = operation->index;
        summary.changes = summary.changes || operation->change != 0;
        summary.increases = summary.increases || operation->change > 0;
        summary.undoes = summary.undoes || has_undo(operation);
    }
    return summary;
}

static int check(struct semaphore_array *array, const struct semaphore_request *request,
                 const struct summary *summary, struct semaphore_waiter *waiter)
{
    int error = 0;

    if (summary->undoes)
        error = semaphore_undo_find(*request->undo_list, array, &waiter->undo);
    if (error)
        return error;
    if (summary->highest >= array->count)
        return -EFBIG;
    return ipc_check_permission(&array->object, request->caller,
                                summary->changes ? IPC_WRITE : IPC_READ);
}

int semaphore_array_operate(int32_t id, const struct semaphore_request *request) LOCKS_UNCHECKED
{
    const struct summary summary = summarise(request);
    struct semaphore_waiter waiter = {
        .operations = request->operations,
        .count = request->count,
        .process_id = request->caller->process_id,
        .thread = current_thread(),
        .increases = summary.increases,
        .status = STATUS_WAITS,
    };
    struct semaphore_array *array;
    int error = summary.undoes ? semaphore_undo_share(request->undo_list) : 0;

    if (!error)
        error = semaphore_array_find(id, &array);
    if (error)
        return error;
    list_init(&waiter.node);
    wait_queue_init(&waiter.queue);
    error = check(array, request, &summary, &waiter);
    if (!error)
        error = perform(array, &waiter);
    if (error == STATUS_WAITS)
        return wait_for_turn(array, &waiter, summary.changes, request->deadline_ns);
    if (!error && summary.changes)
        semaphore_array_serve(array);
    semaphore_array_put(array);
    return error;
}
