/*
 * Sets of namespaces: see namespaces.h.
 *
 * Invariant: a namespace is referenced by the sets that have it and by whoever holds a file of it
 * (namespace_file.c); with the last reference goes what is in it, but not what in it is in use.
 */
#include "process/namespaces.h"

#include "fs/mount.h"
#include "ipc/ipc_table.h"
#include "lib/container.h"
#include "memory/pool.h"
#include "process/clone.h"
#include "process/machine_names.h"
#include "process/namespace_file.h"
#include "process/places.h"
#include "process/process.h"

static struct namespace first_mounts = { .number = NAMESPACE_OF_MOUNTS };
static struct machine_names first_names = { .namespace.number = NAMESPACE_OF_NAMES };
static struct namespace first_ipc = { .number = NAMESPACE_OF_IPC };
static struct namespace first_network = { .number = NAMESPACE_OF_NETWORK };

static struct pool namespaces_pool = POOL_INITIAL("namespaces", struct namespaces, 0);

/* The machine's own are not counted. */
static struct namespaces first = {
    .of = {
        [NAMESPACE_MOUNTS] = &first_mounts,
        [NAMESPACE_NAMES] = &first_names.namespace,
        [NAMESPACE_IPC] = &first_ipc,
        [NAMESPACE_NETWORK] = &first_network,
    },
};

uint64_t namespace_flag(enum namespace_kind kind)
{
    static const uint64_t flags[NAMESPACES] = {
        [NAMESPACE_MOUNTS] = CLONE_NEW_MOUNTS,
        [NAMESPACE_NAMES] = CLONE_NEW_NAMES,
        [NAMESPACE_IPC] = CLONE_NEW_IPC,
        [NAMESPACE_NETWORK] = CLONE_NEW_NETWORK,
    };

    return flags[kind];
}

/* ---- What other layers ask ----------------------------------------------------------------- */

static uint64_t current_ipc(void)
{
    return current_namespace(NAMESPACE_IPC)->number;
}

void namespaces_init(void)
{
    ipc_set_space(current_ipc);
    namespace_files_init();
}

/* ---- One of them --------------------------------------------------------------------------- */

static size_t size_of(enum namespace_kind kind)
{
    return kind == NAMESPACE_NAMES ? sizeof(struct machine_names) : sizeof(struct namespace);
}

void namespace_reference(struct namespace *namespace)
{
    if (refcount_value(&namespace->references) > 0)
        refcount_take(&namespace->references);
}

void namespace_release(enum namespace_kind kind, struct namespace *namespace)
{
    if (refcount_value(&namespace->references) == 0 || !refcount_drop(&namespace->references))
        return;
    if (kind == NAMESPACE_MOUNTS)
        mount_space_end(namespace->number);
    else if (kind == NAMESPACE_IPC)
        ipc_space_end(namespace->number);
    memory_free(namespace, size_of(kind));
}

static int make_namespace(enum namespace_kind kind, struct namespace *like,
                          struct places *places, struct namespace **made)
{
    struct namespace *new = memory_allocate(size_of(kind));
    int error = 0;

    if (!new)
        return -ENOMEM;
    new->number = namespace_number_new();
    refcount_init(&new->references, 1);
    if (kind == NAMESPACE_NAMES)
        machine_names_copy(new, like);
    else if (kind == NAMESPACE_MOUNTS)
        error = places_enter_copy(places, like->number, new->number);
    if (error)
        memory_free(new, size_of(kind));
    else
        *made = new;
    return error;
}

/* ---- Sets ---------------------------------------------------------------------------------- */

struct namespaces *namespaces_first(void)
{
    return &first;
}

void namespaces_reference(struct namespaces *namespaces)
{
    if (namespaces != &first)
        refcount_take(&namespaces->references);
}

void namespaces_release(struct namespaces *namespaces)
{
    if (namespaces == &first || !refcount_drop(&namespaces->references))
        return;
    for (unsigned kind = 0; kind < NAMESPACES; kind++)
        namespace_release((enum namespace_kind)kind, namespaces->of[kind]);
    pool_free(&namespaces_pool, namespaces);
}

struct namespaces *current_namespaces(void)
{
    struct thread *thread = current_thread();
    struct namespaces *own = thread->process ? user_thread_of(thread)->shares.namespaces : NULL;

    return own ? own : &first;
}

struct namespace *current_namespace(enum namespace_kind kind)
{
    return current_namespaces()->of[kind];
}

/* With references to all. */
static struct namespaces *duplicate(const struct namespaces *source)
{
    struct namespaces *set = pool_allocate(&namespaces_pool);

    if (!set)
        return NULL;
    refcount_init(&set->references, 1);
    for (unsigned kind = 0; kind < NAMESPACES; kind++) {
        set->of[kind] = source->of[kind];
        namespace_reference(set->of[kind]);
    }
    return set;
}

int namespaces_copy(struct namespaces *source, uint64_t flags, struct places *places,
                    struct namespaces **copy)
{
    struct namespaces *set;
    int error = 0;

    if (!(flags & CLONE_NAMESPACES)) {
        namespaces_reference(source);
        *copy = source;
        return 0;
    }
    set = duplicate(source);
    if (!set)
        return -ENOMEM;
    /* Mounts come last: nothing fails after the places were moved. */
    for (unsigned kind = NAMESPACES; kind > 0 && !error; kind--) {
        enum namespace_kind at = (enum namespace_kind)(kind - 1);

        if (!(flags & namespace_flag(at)))
            continue;
        error = make_namespace(at, source->of[at], places, &set->of[at]);
        if (!error)
            namespace_release(at, source->of[at]);
    }
    if (error)
        namespaces_release(set);
    else
        *copy = set;
    return error;
}

int namespaces_with(struct namespaces *source, struct namespace *const others[NAMESPACES],
                    struct namespaces **result)
{
    struct namespaces *set = duplicate(source);

    if (!set)
        return -ENOMEM;
    for (unsigned kind = 0; kind < NAMESPACES; kind++) {
        if (!others[kind])
            continue;
        namespace_reference(others[kind]);
        namespace_release((enum namespace_kind)kind, set->of[kind]);
        set->of[kind] = others[kind];
    }
    *result = set;
    return 0;
}
