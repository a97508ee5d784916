/*
 * The picture of all threads at one instant.
 *
 * When nothing can run it is exact.  At other times a thread on another CPU may move while it is
 * taken; then a part may be from just before.
 *
 * Invariant: views are in the order of thread ids.
 */
#include "diagnose/diagnose_internal.h"
#include "lib/memory.h"
#include "memory/pool.h"
#include "process/process.h"
#include "process/semaphore_set.h"
#include "sync/mutex.h"

#define ROOM_FOR_NEW 8u    /* threads that start between counting and looking */

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
        .root = thread->user_address_space,
        .run_ns = thread->run_ns,
        .kind = is_waiting(picture, thread) ? thread->waiting_for.kind : WAIT_NONE,
        .object = thread->waiting_for.object,
        .external = thread->waiting_for.external,
        .since_ns = thread->waiting_since_ns,
        .place.address = thread->process ? place_of_thread(thread) : 0,
        .owner = NOBODY,
    };
    memcpy(view->name, thread->name, sizeof(view->name));
    /* The mutex cannot go while somebody waits for it, nor its owner while it owns it. */
    if (view->kind == WAIT_MUTEX && picture->kind == PICTURE_DEADLOCK) {
        const struct mutex *mutex = (const struct mutex *)(uintptr_t)view->object;
        const struct thread *owner = atomic_load(&mutex->owner);

        view->owner_id = owner ? owner->id : 0;
    }
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
    if (view->kind == WAIT_CHILD && view->object > 0 && view->object <= THREAD_ID_MAX)
        view->owner_id = only_thread_of(picture, (int32_t)view->object);
    view->owner = picture_find(picture, view->owner_id);
    view->owner_is_dead = view->owner_id != 0 && view->owner == NOBODY && picture->omitted == 0;
}

/* All that has an address gets its name; the owner runs the same program, or is known. */
static void find_places(const struct picture *picture, struct view *view)
{
    physical_address owner_root =
        view->owner == NOBODY ? view->root : picture->views[view->owner].root;

    place_find(&view->place, view->root, view->place.address);
    place_find(&view->owner_place, owner_root, view->owner_place.address);
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
