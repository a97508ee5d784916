/*
 * Tables of System V objects.
 *
 *   finds an id                            removes the object
 *   has a reference
 *                                          locks it, takes it out, marks it
 *   locks it, works on it                  <- forbidden: it looks at the mark when it has the lock
 *
 * Invariant, with the table's lock: places[p] holds the object whose id is p modulo ID_PLACES;
 * `keys` has all of them but those with IPC_KEY_PRIVATE.
 */
#include "ipc/ipc_table.h"

#include <stddef.h>

#include "fs/inode.h"
#include "lib/assert.h"

#define ID_PLACES (1u << IPC_PLACE_BITS)
#define SEQUENCES (INT32_MAX / ID_PLACES)
#define PLACES_AT_LEAST 64u             /* used one after the other before any is used again */

_Static_assert(IPC_OBJECTS_MAX <= ID_PLACES, "every place has ids");

void ipc_table_init(struct ipc_table *table, unsigned limit,
                    void (*destroy)(struct ipc_object *object))
{
    ASSERT(limit <= IPC_OBJECTS_MAX);
    table->destroy = destroy;
    table->limit = limit;
    mutex_init(&table->creation, RANK_IPC_TABLE, "ipc objects");
    spin_init(&table->lock, RANK_IPC_NAMES, "ipc names");
    tree_init(&table->keys, NULL);
}

void ipc_object_init(struct ipc_object *object, const struct ipc_request *request)
{
    const struct credentials *who = &request->caller->credentials;

    refcount_init(&object->references, 1);
    mutex_init(&object->lock, RANK_IPC, "ipc object");
    object->key = request->key;
    object->space = ipc_space();
    object->creator_user_id = object->user_id = who->effective_user_id;
    object->creator_group_id = object->group_id = who->effective_group_id;
    object->mode = request->flags & IPC_PERMISSION_BITS;
}

/* ---- Permissions --------------------------------------------------------------------------- */

static bool is_in_group(const struct ipc_object *object, const struct credentials *who)
{
    return who->effective_group_id == object->group_id ||
           who->effective_group_id == object->creator_group_id ||
           credentials_in_group(who, object->group_id) ||
           credentials_in_group(who, object->creator_group_id);
}

static bool is_owner(const struct ipc_object *object, const struct credentials *who)
{
    return who->effective_user_id == object->user_id ||
           who->effective_user_id == object->creator_user_id;
}

int ipc_check_permission(const struct ipc_object *object, const struct ipc_caller *caller,
                         uint32_t wanted)
{
    uint32_t granted = object->mode;

    wanted = wanted >> 6 | wanted >> 3 | wanted;
    if (is_owner(object, &caller->credentials))
        granted >>= 6;
    else if (is_in_group(object, &caller->credentials))
        granted >>= 3;
    return (wanted & ~granted & 7) && !caller->may_all ? -EACCES : 0;
}

int ipc_check_owner(const struct ipc_object *object, const struct ipc_caller *caller)
{
    return is_owner(object, &caller->credentials) || caller->is_admin ? 0 : -EPERM;
}

int ipc_change_owner(struct ipc_object *object, uint32_t user_id, uint32_t group_id, uint32_t mode)
{
    if (user_id == UINT32_MAX || group_id == UINT32_MAX)
        return -EINVAL;
    object->user_id = user_id;
    object->group_id = group_id;
    object->mode = (object->mode & ~IPC_PERMISSION_BITS) | (mode & IPC_PERMISSION_BITS);
    return 0;
}

/* ---- Names --------------------------------------------------------------------------------- */

/* The order of the tree of keys. */
static bool comes_before(uint64_t space, int32_t key, const struct ipc_object *object)
{
    return space != object->space ? space < object->space : key < object->key;
}

/* In the current namespace.  The table is locked. */
static struct ipc_object *find_key(const struct ipc_table *table, int32_t key)
{
    struct tree_node *node = table->keys.root;
    uint64_t space = ipc_space();

    while (node) {
        struct ipc_object *object = TREE_ENTRY(node, struct ipc_object, key_node);

        if (object->key == key && object->space == space)
            return object;
        node = comes_before(space, key, object) ? node->left : node->right;
    }
    return NULL;
}

static void add_key(struct ipc_table *table, struct ipc_object *object)
{
    struct tree_node **link = &table->keys.root, *parent = NULL;

    while (*link) {
        const struct ipc_object *at = TREE_ENTRY(*link, struct ipc_object, key_node);

        parent = *link;
        link = comes_before(object->space, object->key, at) ? &parent->left : &parent->right;
    }
    tree_insert(&table->keys, &object->key_node, parent, link);
}

/* The next free place; there is one.  As on Linux the first ones are used over and over, if there
 * are not many objects. */
static unsigned take_place(struct ipc_table *table)
{
    unsigned limit = table->in_use * 3 / 2;

    if (limit < PLACES_AT_LEAST)
        limit = PLACES_AT_LEAST;
    if (limit > table->limit)
        limit = table->limit;
    for (;;) {
        if (table->next_place >= limit) {
            table->next_place = 0;
            table->sequence = (table->sequence + 1) % SEQUENCES;
        }

        unsigned place = table->next_place++;

        if (!table->places[place])
            return place;
    }
}

static int add(struct ipc_table *table, struct ipc_object *object)
{
    int error = 0;

    spin_lock(&table->lock);
    if (table->in_use < table->limit) {
        unsigned place = take_place(table);

        object->id = (int32_t)(place + table->sequence * ID_PLACES);
        table->places[place] = object;
        table->in_use++;
        if (object->key != IPC_KEY_PRIVATE)
            add_key(table, object);
    } else {
        error = -ENOSPC;
    }
    spin_unlock(&table->lock);
    return error;
}

static void remove_key(struct ipc_table *table, struct ipc_object *object)
{
    if (object->key != IPC_KEY_PRIVATE)
        tree_remove(&table->keys, &object->key_node);
    object->key = IPC_KEY_PRIVATE;
}

void ipc_forget_key(struct ipc_table *table, struct ipc_object *object)
{
    ASSERT(mutex_is_held(&object->lock));
    spin_lock(&table->lock);
    remove_key(table, object);
    spin_unlock(&table->lock);
}

void ipc_remove(struct ipc_table *table, struct ipc_object *object)
{
    ASSERT(mutex_is_held(&object->lock));
    ASSERT(!object->removed);
    object->removed = true;
    spin_lock(&table->lock);
    table->places[(uint32_t)object->id % ID_PLACES] = NULL;
    table->in_use--;
    remove_key(table, object);
    spin_unlock(&table->lock);
    ipc_release(table, object);    /* the table's; the caller has one more */
}

void ipc_release(struct ipc_table *table, struct ipc_object *object)
{
    if (refcount_drop(&object->references))
        table->destroy(object);
}

void ipc_unlock(struct ipc_table *table, struct ipc_object *object)
{
    mutex_unlock(&object->lock);
    ipc_release(table, object);
}

/* Of a namespace, or (0) of all.  With a reference, or NULL. */
static struct ipc_object *reference_place(struct ipc_table *table, int32_t id, bool any_sequence,
                                          uint64_t space)
{
    uint32_t place = (uint32_t)id % ID_PLACES;
    struct ipc_object *object;

    if (id < 0 || place >= IPC_OBJECTS_MAX)
        return NULL;
    spin_lock(&table->lock);
    object = table->places[place];
    if (object && !any_sequence && object->id != id)
        object = NULL;
    if (object && space != 0 && object->space != space)
        object = NULL;
    if (object)
        refcount_take(&object->references);
    spin_unlock(&table->lock);
    return object;
}

static int lock_found(struct ipc_table *table, struct ipc_object *found,
                      struct ipc_object **object) TRIES_TO_ACQUIRE(0, &(*object)->lock)
    LOCKS_UNCHECKED
{
    if (!found)
        return -EINVAL;
    mutex_lock(&found->lock);
    if (found->removed) {
        ipc_unlock(table, found);
        return -EIDRM;
    }
    *object = found;
    return 0;
}

int ipc_find(struct ipc_table *table, int32_t id, struct ipc_object **object) LOCKS_UNCHECKED
{
    return lock_found(table, reference_place(table, id, false, ipc_space()), object);
}

/* The same by its place alone, whatever the number. */
static int find_place(struct ipc_table *table, int32_t place, uint64_t space,
                      struct ipc_object **object) TRIES_TO_ACQUIRE(0, &(*object)->lock)
    LOCKS_UNCHECKED
{
    return lock_found(table, reference_place(table, place, true, space), object);
}

/* ---- Getting one --------------------------------------------------------------------------- */

static struct ipc_object *reference_key(struct ipc_table *table, int32_t key)
{
    struct ipc_object *object;

    spin_lock(&table->lock);
    object = find_key(table, key);
    if (object)
        refcount_take(&object->references);
    spin_unlock(&table->lock);
    return object;
}

static int64_t check_found(const struct ipc_request *request, struct ipc_object *object)
{
    int error;

    if ((request->flags & (IPC_CREATE | IPC_EXCLUSIVE)) == (IPC_CREATE | IPC_EXCLUSIVE))
        return -EEXIST;
    error = request->check ? request->check(request, object) : 0;
    if (!error)
        error = ipc_check_permission(object, request->caller,
                                     request->flags & IPC_PERMISSION_BITS);
    return error ? error : object->id;
}

static int64_t make(struct ipc_table *table, const struct ipc_request *request)
{
    struct ipc_object *object;
    int error = request->create(request, &object);

    if (error)
        return error;
    refcount_take(&object->references);    /* it may be removed before its id is read */
    error = add(table, object);

    int64_t id = object->id;

    if (error && request->abandon)
        request->abandon(object);
    ipc_release(table, object);
    if (error)
        ipc_release(table, object);
    return error ? error : id;
}

static int64_t find_or_make(struct ipc_table *table, const struct ipc_request *request)
{
    for (;;) {
        struct ipc_object *found = reference_key(table, request->key), *object;
        int64_t result;

        if (!found)
            return request->flags & IPC_CREATE ? make(table, request) : -ENOENT;
        if (lock_found(table, found, &object) != 0)
            continue;    /* it was removed just now */
        result = check_found(request, object);
        ipc_unlock(table, object);
        return result;
    }
}

int64_t ipc_get(struct ipc_table *table, const struct ipc_request *request)
{
    int64_t result;

    mutex_lock(&table->creation);
    if (request->key == IPC_KEY_PRIVATE)
        result = make(table, request);
    else
        result = find_or_make(table, request);
    mutex_unlock(&table->creation);
    return result;
}

/* ---- Status -------------------------------------------------------------------------------- */

int ipc_find_for_status(struct ipc_table *table, int32_t id, enum ipc_lookup lookup,
                        const struct ipc_caller *caller, struct ipc_object **object)
    LOCKS_UNCHECKED
{
    int error = lookup == IPC_BY_ID ? ipc_find(table, id, object)
                                    : find_place(table, id, ipc_space(), object);

    if (error || lookup == IPC_BY_PLACE_UNCHECKED)
        return error;
    error = ipc_check_permission(*object, caller, IPC_READ);
    if (error)
        ipc_unlock(table, *object);
    return error;
}

void ipc_status_get(const struct ipc_object *object, struct ipc_status *status)
{
    *status = (struct ipc_status){
        .id = object->id,
        .key = object->key,
        .user_id = object->user_id,
        .group_id = object->group_id,
        .creator_user_id = object->creator_user_id,
        .creator_group_id = object->creator_group_id,
        .mode = object->mode,
    };
}

/* ---- All of them --------------------------------------------------------------------------- */

unsigned ipc_count(struct ipc_table *table)
{
    uint64_t space = ipc_space();
    unsigned count = 0;

    spin_lock(&table->lock);
    for (unsigned place = 0, seen = 0; seen < table->in_use; place++) {
        seen += table->places[place] != NULL;
        count += table->places[place] && table->places[place]->space == space;
    }
    spin_unlock(&table->lock);
    return count;
}

/* The highest one of a namespace, or (0) of all; -1: there is none. */
static int32_t last_place(struct ipc_table *table, uint64_t space)
{
    int32_t place = IPC_OBJECTS_MAX - 1;

    spin_lock(&table->lock);
    if (table->in_use == 0)
        place = -1;
    while (place >= 0 && (!table->places[place] ||
                          (space != 0 && table->places[place]->space != space)))
        place--;
    spin_unlock(&table->lock);
    return place;
}

int32_t ipc_last_place(struct ipc_table *table)
{
    return last_place(table, ipc_space());
}

struct ipc_object *ipc_peek(const struct ipc_table *table, int32_t id)
{
    uint32_t place = (uint32_t)id % ID_PLACES;
    struct ipc_object *object =
        id >= 0 && place < IPC_OBJECTS_MAX ? table->places[place] : NULL;

    return object && object->id == id ? object : NULL;
}

void ipc_table_clear(struct ipc_table *table, uint64_t space,
                     void (*remove)(struct ipc_object *object))
{
    struct ipc_object *object;

    for (int32_t place = last_place(table, space); place >= 0; place--) {
        if (find_place(table, place, space, &object) != 0)
            continue;
        remove(object);
        ipc_unlock(table, object);
    }
}
