#pragma once
/*
 * The System V objects (sets of semaphores, queues of messages, shared memory): found by a key that
 * programs agree on, or by the id that the kernel gave, and kept until somebody removes them.
 *
 * An id is a place in the table and a number that grows, so the id of an object that is gone is not
 * soon that of another one.
 *
 * Objects of all namespaces are in one table, and share its places; each is found in its own
 * namespace only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "lib/refcount.h"
#include "lib/tree.h"
#include "sync/mutex.h"
#include "sync/spinlock.h"

#define IPC_OBJECTS_MAX 32000u        /* of each kind */
#define IPC_KEY_PRIVATE 0
#define IPC_PLACE_BITS 15              /* of an id, as on Linux; above them a number that grows */
#define IPC_PERMISSION_BITS 0777u

/* Flags of the calls that get an object, beside its permissions. */
#define IPC_CREATE 01000u
#define IPC_EXCLUSIVE 02000u

/* Permissions that an operation needs. */
#define IPC_READ 0444u
#define IPC_WRITE 0222u
#define IPC_EXECUTE 0111u

/* Who asks. */
struct ipc_caller {
    struct credentials credentials;
    int32_t process_id;
    bool may_all;        /* no permissions hold for it */
    bool may_exceed;     /* limits of resources */
    bool is_admin;       /* it may change and remove what others have made */
};

struct ipc_object {
    /* Constant once it is in its table. */
    int32_t id;
    uint32_t creator_user_id, creator_group_id;
    uint64_t space;                /* its namespace */

    int32_t key;                   /* protected by the table's lock; changes with this one, too */
    struct refcount references;    /* the table's, and whoever works with it */
    struct tree_node key_node;     /* protected by the table's lock */
    struct mutex lock;             /* RANK_IPC */

    /* Protected by `lock`. */
    uint32_t user_id, group_id;
    uint32_t mode;                 /* permissions, and what the kind adds */
    bool removed;                  /* for good; whoever has a reference finds it like this */
};

struct ipc_table {
    void (*destroy)(struct ipc_object *object);    /* of the last reference; constant */
    unsigned limit;              /* of objects; constant */
    struct mutex creation;       /* RANK_IPC_TABLE: who looks for a key, and perhaps makes */
    struct spinlock lock;        /* RANK_IPC_NAMES */

    /* Protected by `lock`. */
    struct tree keys;
    struct ipc_object *places[IPC_OBJECTS_MAX];
    unsigned in_use, next_place;
    unsigned sequence;
};

void ipc_table_init(struct ipc_table *table, unsigned limit,
                    void (*destroy)(struct ipc_object *object));
/* Removes all objects of a namespace, 0: of all, with `remove`, which is given a locked one. */
void ipc_table_clear(struct ipc_table *table, uint64_t space,
                     void (*remove)(struct ipc_object *object));

/* How an object is got, in this order: found by its key, or made. */
struct ipc_request {
    int32_t key;
    uint32_t flags;                      /* IPC_CREATE, IPC_EXCLUSIVE, permissions */
    const struct ipc_caller *caller;
    /* Makes one, not in the table yet, with ipc_object_init. */
    MUST_CHECK int (*create)(const struct ipc_request *request, struct ipc_object **object);
    /* One that was made has no place in the table and is given back next.  NULL: nothing to do. */
    void (*abandon)(struct ipc_object *object);
    /* Does one that was found suit?  It is locked. */
    MUST_CHECK int (*check)(const struct ipc_request *request, struct ipc_object *object);
    uint64_t size;                       /* what the kind makes of it */
};

/* The id.  -ENOENT, -EEXIST, -EACCES, -ENOSPC, and what `create` and `check` say. */
MUST_CHECK int64_t ipc_get(struct ipc_table *table, const struct ipc_request *request);
void ipc_object_init(struct ipc_object *object, const struct ipc_request *request);

/* The object of that id, locked, with a reference.  -EINVAL: there is none; -EIDRM. */
MUST_CHECK int ipc_find(struct ipc_table *table, int32_t id, struct ipc_object **object)
    TRIES_TO_ACQUIRE(0, &(*object)->lock);
void ipc_unlock(struct ipc_table *table, struct ipc_object *object)
    RELEASES(&object->lock);    /* ... and the reference */
void ipc_release(struct ipc_table *table, struct ipc_object *object);
/* The object is locked: it is found by its id only, and shows no key. */
void ipc_forget_key(struct ipc_table *table, struct ipc_object *object) REQUIRES(&object->lock);
/* The object is locked: nobody finds it any more. */
void ipc_remove(struct ipc_table *table, struct ipc_object *object) REQUIRES(&object->lock);

/* The object is locked.  -EACCES. */
MUST_CHECK int ipc_check_permission(const struct ipc_object *object,
                                    const struct ipc_caller *caller, uint32_t wanted);
/* May the caller change or remove it?  -EPERM. */
MUST_CHECK int ipc_check_owner(const struct ipc_object *object, const struct ipc_caller *caller);
/* IPC_SET.  -EINVAL: no user or group has that id. */
MUST_CHECK int ipc_change_owner(struct ipc_object *object, uint32_t user_id, uint32_t group_id,
                                uint32_t mode);

/* ---- Status -------------------------------------------------------------------------------- */

enum ipc_lookup { IPC_BY_ID, IPC_BY_PLACE, IPC_BY_PLACE_UNCHECKED };
/* As ipc_find, if the caller may read it. */
MUST_CHECK int ipc_find_for_status(struct ipc_table *table, int32_t id, enum ipc_lookup lookup,
                                   const struct ipc_caller *caller, struct ipc_object **object)
    TRIES_TO_ACQUIRE(0, &(*object)->lock);
struct ipc_status {
    int32_t id, key;
    uint32_t user_id, group_id, creator_user_id, creator_group_id, mode;
};
void ipc_status_get(const struct ipc_object *object, struct ipc_status *status);

/* How many there are in the current namespace; the highest place of these, -1: none. */
unsigned ipc_count(struct ipc_table *table);
int32_t ipc_last_place(struct ipc_table *table);
/* Without any lock, for reports, when all stands still: NULL, or the object. */
struct ipc_object *ipc_peek(const struct ipc_table *table, int32_t id);

/* ---- All kinds ----------------------------------------------------------------------------- */

/* Boot.  `process_id` tells that of the current thread, 0: it has none. */
void ipc_init(int32_t (*process_id)(void));
int32_t ipc_process_id(void);
/* Boot, if there can be others than the machine's own: tells that of the current thread. */
void ipc_set_space(uint64_t (*space)(void));
uint64_t ipc_space(void);
uint64_t ipc_now_s(void);    /* since 1970 */
/* Nobody is in a namespace any more, or (0) the machine stops: what programs have left is given
 * back. */
void ipc_space_end(uint64_t space);
