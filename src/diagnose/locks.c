/*
 * Locks of programs: what a futex is part of, and who holds it.
 *
 * The kernel knows the owners of its own locks (with priority inheritance), and what a thread says
 * in its list of robust locks.  Any other mutex is the business of a library; but those of glibc
 * and musl have the owner's thread id in their memory, so the words around the futex are looked at.
 * What comes of that is a guess: any program may have such words by chance.
 */
#include "diagnose/diagnose_internal.h"
#include "futex/futex.h"

#define LIST_MAX 2048            /* entries, as futex/robust.c walks */
#define ENTRY_BITS UINT64_C(1)

/* ---- The list of robust locks -------------------------------------------------------------- */

struct robust_head {
    uint64_t first, offset, pending;
};

static bool read_head(const struct view *view, struct robust_head *head)
{
    return view->robust_list != 0 && peek(view->root, view->robust_list, head, sizeof(*head));
}

static void add_if_held(struct view *view, user_address word)
{
    uint32_t value;

    if (!peek(view->root, word, &value, sizeof(value)) ||
        (value & FUTEX_OWNER) != (uint32_t)view->id)
        return;
    if (view->robust_count < ROBUST_SHOWN)
        view->robust_held[view->robust_count] = word;
    view->robust_count++;
}

static void look_at_list(struct view *view)
{
    struct robust_head head;
    uint64_t entry;

    view->robust_count = 0;
    if (!read_head(view, &head))
        return;
    entry = head.first & ~ENTRY_BITS;
    for (unsigned i = 0; i < LIST_MAX && entry != view->robust_list; i++) {
        add_if_held(view, entry + head.offset);
        if (!peek(view->root, entry, &entry, sizeof(entry)))
            return;
        entry &= ~ENTRY_BITS;
    }
}

static bool is_taking(const struct view *view)
{
    struct robust_head head;

    return read_head(view, &head) && head.pending != 0 &&
           (head.pending & ~ENTRY_BITS) + head.offset == view->object;
}

/* ---- Mutexes of libraries ------------------------------------------------------------------ */

#define KIND_TYPES 0x3u          /* normal, recursive, error checking, adaptive */
#define KIND_ROBUST 0x4u         /* musl */
#define KIND_SHARED 0x80u        /* between processes */
#define KIND_ELISION 0x300u      /* glibc: how it is to be locked */
#define MUSL_BUSY 16u            /* a mutex of the normal type is held, by whomever */

/* Does a thread of that id hold something that this one waits for? */
static bool may_hold(const struct picture *picture, const struct view *view, uint32_t id,
                     bool is_shared)
{
    int32_t index = id <= THREAD_ID_MAX ? picture_find(picture, (int32_t)id) : NOBODY;

    return index != NOBODY && picture->views[index].process_id != 0 &&
           (is_shared || picture->views[index].process_id == view->process_id);
}

static bool looks_like_glibc(const struct picture *picture, struct view *view)
{
    struct {
        uint32_t lock, count, owner, users, kind;
    } mutex;

    if (!peek(view->root, view->object, &mutex, sizeof(mutex)) ||
        (mutex.lock != 1 && mutex.lock != 2) || mutex.users == 0 ||
        (mutex.kind & ~(KIND_TYPES | KIND_SHARED | KIND_ELISION)) != 0 ||
        !may_hold(picture, view, mutex.owner, mutex.kind & KIND_SHARED))
        return false;
    view->lock = LOCK_GLIBC;
    view->owner_id = (int32_t)mutex.owner;
    return true;
}

static bool looks_like_musl(const struct picture *picture, struct view *view)
{
    struct {
        uint32_t type, lock, waiters;
    } mutex;
    uint32_t holder;

    if (!peek(view->root, view->object - sizeof(mutex.type), &mutex, sizeof(mutex)) ||
        (mutex.type & ~(KIND_TYPES | KIND_ROBUST | KIND_SHARED)) != 0 || mutex.waiters == 0)
        return false;
    holder = mutex.lock & FUTEX_OWNER;
    if ((mutex.type & (KIND_TYPES | KIND_ROBUST)) == 0) {
        if (holder == MUSL_BUSY)
            view->lock = LOCK_MUSL_NAMELESS;
        return holder == MUSL_BUSY;
    }
    if (!may_hold(picture, view, holder, mutex.type & KIND_SHARED))
        return false;
    view->lock = LOCK_MUSL;
    view->owner_id = (int32_t)holder;
    return true;
}

/* The word holds the id of a thread until that one has ended. */
static bool is_end_of_thread(const struct picture *picture, struct view *view, uint32_t word)
{
    int32_t index = word <= THREAD_ID_MAX ? picture_find(picture, (int32_t)word) : NOBODY;

    if (index == NOBODY || picture->views[index].end_word != view->object ||
        picture->views[index].process_id != view->process_id)
        return false;
    view->lock = LOCK_THREAD;
    view->owner_id = (int32_t)word;
    return true;
}

void locks_look(const struct picture *picture, struct view *view)
{
    uint32_t word;

    look_at_list(view);
    if (view->kind != WAIT_FUTEX || !peek(view->root, view->object, &word, sizeof(word)))
        return;
    if (view->owner_id != 0) {
        view->lock = LOCK_INHERITING;
        return;
    }
    if (is_taking(view)) {
        view->lock = LOCK_ROBUST;
        view->owner_id = (int32_t)(word & FUTEX_OWNER);
        return;
    }
    if (!is_end_of_thread(picture, view, word) && !looks_like_glibc(picture, view))
        (void)looks_like_musl(picture, view);
}

/* If exactly one other thread of the process waits for a mutex, that one is taken for the holder:
 * nobody else who is stuck would give it back. */
void locks_guess(const struct picture *picture, struct view *view)
{
    int32_t found = 0;

    if (view->lock != LOCK_MUSL_NAMELESS || view->owner_id != 0)
        return;
    for (unsigned i = 0; i < picture->count; i++) {
        const struct view *other = &picture->views[i];

        if (other->lock != LOCK_MUSL_NAMELESS || other->process_id != view->process_id ||
            other->object == view->object)
            continue;
        if (found != 0)
            return;
        found = other->id;
    }
    view->owner_id = found;
}

bool lock_is_guess(const struct view *view)
{
    return view->lock == LOCK_GLIBC || view->lock == LOCK_MUSL || view->lock == LOCK_MUSL_NAMELESS;
}

const char *lock_kind_text(enum lock_kind kind)
{
    switch (kind) {
    case LOCK_UNKNOWN:
        return NULL;
    case LOCK_INHERITING:
        return "a lock with priority inheritance";
    case LOCK_ROBUST:
        return "a robust lock";
    case LOCK_GLIBC:
        return "a mutex of glibc";
    case LOCK_MUSL:
    case LOCK_MUSL_NAMELESS:
        return "a mutex of musl";
    case LOCK_THREAD:
        return "the end of a thread";
    }
    return NULL;
}
