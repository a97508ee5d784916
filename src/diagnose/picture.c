/*
 * The picture of all threads at one instant.
 *
 * The other CPUs stand still or are idle; only when one of them does not answer may a part of it be
 * from just before.
 *
 * Invariant: views are in the order of thread ids.
 */
#include "diagnose/diagnose_internal.h"
#include "ipc/semaphore_array.h"
#include "lib/memory.h"
#include "memory/pool.h"
#include "process/process.h"
#include "process/semaphore_set.h"
#include "sync/pi_mutex.h"

#define ROOM_FOR_NEW 8u    /* threads that start between counting and looking */

/* The page tables of the thread's program; 0: they may be gone already, because it is on its way
 * out. */
static physical_address living_root(const struct thread *thread)
{
    const struct address_space *space = thread->process ? thread->process->space : NULL;

    return space && address_space_root(space) == thread->user_address_space
               ? thread->user_address_space : 0;
}

/* The thread that closes a circle is on its way to sleep while this is looked at. */
static bool is_waiting(const struct picture *picture, const struct thread *thread)
{
    return thread->state == THREAD_BLOCKED ||
           (picture->kind == PICTURE_CYCLE && thread == current_thread());
}

static void take_view(struct thread *thread, void *context)
{
    struct picture *picture = context;

    if (thread->state == THREAD_DEAD)
        return;
    if (picture->count == picture->capacity) {
        picture->omitted++;
        return;
    }

    struct view *view = &picture->views[picture->count++];

    *view = (struct view){
        .id = thread->id,
        .process_id = thread->process ? thread->process->id : 0,
        .is_alone = thread->process && thread->process->live_threads == 1,
        .state = is_waiting(picture, thread) ? THREAD_BLOCKED : thread->state,
        .cpu = atomic_load_explicit(&thread->cpu, memory_order_relaxed),
        .root = living_root(thread),
        .run_ns = thread->run_ns,
        .kind = is_waiting(picture, thread) ? thread->waiting_for.kind : WAIT_NONE,
        .object = thread->waiting_for.object,
        .external = thread->waiting_for.external,
        .since_ns = thread->waiting_since_ns,
        .stack_pointer = thread->registers.rsp,
        .owner = NOBODY,
    };
    memcpy(view->name, thread->name, sizeof(view->name));
    if (view->root != 0) {
        view->process = thread->process;
        view->place.address = place_of_thread(thread);
        view->robust_list = user_thread_of(thread)->robust_list;
        view->end_word = user_thread_of(thread)->clear_child_id;
    }
    /* The kernel's mutexes and its locks for programs. */
    if (view->kind == WAIT_MUTEX || view->kind == WAIT_FUTEX)
        view->owner_id = pi_thread_waits_for(thread);
}

int32_t picture_find(const struct picture *picture, int32_t thread_id)
{
    unsigned low = 0, high = picture->count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (picture->views[middle].id < thread_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < picture->count && picture->views[low].id == thread_id ? (int32_t)low : NOBODY;
}

/* The thread of the process if it has just one: all of several would have to end. */
static int32_t only_thread_of(const struct picture *picture, int32_t process_id)
{
    int32_t found = 0;

    for (unsigned i = 0; i < picture->count; i++) {
        if (picture->views[i].process_id != process_id)
            continue;
        if (found != 0)
            return 0;
        found = picture->views[i].id;
    }
    return found;
}

static void find_semaphore_owner(struct view *view)
{
    const struct semaphore_statistics *statistics = &view->semaphore.statistics;

    view->has_semaphore = semaphore_sets_find(view->object, &view->semaphore);
    if (!view->has_semaphore || statistics->holder == 0)
        return;
    view->owner_id = statistics->holder;
    if (statistics->acquired.thread != statistics->holder)
        return;
    view->owner_since_ns = statistics->acquired.at_ns;
    view->owner_place.address = statistics->acquired.instruction;
}

static void find_owner(struct picture *picture, struct view *view)
{
    if (view->kind == WAIT_SEMAPHORE)
        find_semaphore_owner(view);
    if (view->kind == WAIT_SEMAPHORE_ARRAY)
        (void)semaphore_array_peek(view->object, &view->value, &view->owner_id);
    if (view->kind == WAIT_CHILD && view->object > 0 && view->object <= THREAD_ID_MAX)
        view->owner_id = only_thread_of(picture, (int32_t)view->object);
    locks_guess(picture, view);
    view->owner = picture_find(picture, view->owner_id);
    view->owner_is_dead = view->owner_id != 0 && view->owner == NOBODY && picture->omitted == 0;
}

/* All that has an address gets its name; the owner runs the same program, or is known. */
static void find_places(const struct picture *picture, struct view *view)
{
    const struct process *owner =
        view->owner == NOBODY ? view->process : picture->views[view->owner].process;

    place_find(&view->place, view->process, view->place.address);
    if (view->place.address != 0 && !place_is_own(&view->place))
        view->caller.address = place_of_caller(view->process, view->stack_pointer, &view->place);
    place_find(&view->caller, view->process, view->caller.address);
    place_find(&view->owner_place, owner, view->owner_place.address);
}

static void allocate(struct picture *picture)
{
    picture->capacity = thread_count() + ROOM_FOR_NEW;
    do {
        picture->views = memory_allocate(picture->capacity * sizeof(*picture->views));
        if (!picture->views)
            picture->capacity /= 2;
    } while (!picture->views && picture->capacity > 0);
}

void picture_take(struct picture *picture, enum picture_kind kind)
{
    *picture = (struct picture){ .kind = kind, .now_ns = machine_time_ns() };
    allocate(picture);
    thread_for_each(take_view, picture);
    for (unsigned i = 0; i < picture->count; i++)
        locks_look(picture, &picture->views[i]);
    for (unsigned i = 0; i < picture->count; i++)
        find_owner(picture, &picture->views[i]);
    for (unsigned i = 0; i < picture->count; i++)
        find_places(picture, &picture->views[i]);
    picture->cycles = cycles_find(picture->views, picture->count);
}

void picture_free(struct picture *picture)
{
    if (picture->views)
        memory_free(picture->views, picture->capacity * sizeof(*picture->views));
    picture->views = NULL;
}
