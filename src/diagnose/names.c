/*
 * What reports call threads and what they wait for.
 *
 * Threads that have ended are remembered in a ring, because others may wait for what they held.
 */
#include "diagnose/diagnose_internal.h"
#include "lib/container.h"
#include "lib/format.h"
#include "lib/text.h"
#include "process/process.h"

#define ENDED_KEPT 256    /* a power of two */

static struct {
    struct spinlock lock;    /* RANK_THREAD_TABLE */

    /* Protected by `lock`; read without by reports, when nothing runs. */
    struct ended_thread threads[ENDED_KEPT];
    unsigned next;
} ended = { .lock = SPINLOCK_INITIAL(RANK_THREAD_TABLE, "ended threads") };

void ended_add(const struct thread *thread)
{
    spin_lock(&ended.lock);
    struct ended_thread *entry = &ended.threads[ended.next++ % ENDED_KEPT];

    *entry = (struct ended_thread){
        .id = thread->id,
        .process_id = thread->process ? thread->process->id : 0,
        .ended_ns = machine_time_ns(),
    };
    (void)text_copy(entry->name, thread->name, sizeof(entry->name));
    spin_unlock(&ended.lock);
}

const struct ended_thread *ended_find(int32_t thread_id)
{
    for (unsigned i = 1; i <= ENDED_KEPT; i++) {
        const struct ended_thread *entry = &ended.threads[(ended.next - i) % ENDED_KEPT];

        if (thread_id != 0 && entry->id == thread_id)
            return entry;
    }
    return NULL;
}

/* ---- Who ----------------------------------------------------------------------------------- */

const char *view_who(const struct view *view, char *text, size_t size)
{
    if (view->process_id == 0)
        format(text, size, "kernel thread %d (%s)", view->id, view->name);
    else if (view->is_alone)
        format(text, size, "process %d (%s)", view->process_id, view->name);
    else
        format(text, size, "thread %d of process %d (%s)", view->id, view->process_id, view->name);
    return text;
}

const char *picture_who(const struct picture *picture, int32_t thread_id, char *text, size_t size)
{
    int32_t index = picture_find(picture, thread_id);
    const struct ended_thread *gone = ended_find(thread_id);

    if (index != NOBODY)
        return view_who(&picture->views[index], text, size);
    if (gone && gone->process_id != 0)
        format(text, size, "process %d (%s)", gone->process_id, gone->name);
    else
        format(text, size, "thread %d", thread_id);
    return text;
}

/* ---- What ---------------------------------------------------------------------------------- */

const char *semaphore_text(uint64_t id, char *text, size_t size)
{
    uint32_t key = (uint32_t)id;

    format(text, size, key < 0x1000 ? "semaphore %u" : "semaphore 0x%x", key);
    return text;
}

static void child_text(const struct picture *picture, const struct view *view, char *text,
                       size_t size)
{
    int32_t process_id = (int32_t)view->object;

    if (process_id <= 0) {
        format(text, size, "a child to end");
        return;
    }
    if (process_id == view->process_id) {
        format(text, size, "itself (process %d) to end", process_id);
        return;
    }
    for (unsigned i = 0; i < picture->count; i++) {
        const struct view *other = &picture->views[i];

        if (other->process_id == process_id && process_id != 0) {
            format(text, size, "process %d (%s) to end", process_id, other->name);
            return;
        }
    }
    format(text, size, "process %d to end", process_id);
}

static void futex_text(const struct picture *picture, const struct view *view, char *text,
                       size_t size)
{
    char who[WHO_SIZE];

    if (view->lock == LOCK_THREAD)
        format(text, size, "%s to end", picture_who(picture, view->owner_id, who, sizeof(who)));
    else
        format(text, size, "%s 0x%llx", lock_kind_text(view->lock) ? "lock" : "futex",
               (unsigned long long)view->object);
}

const char *view_what(const struct picture *picture, const struct view *view, char *text,
                      size_t size)
{
    unsigned long long object = view->object;

    text[0] = '\0';
    switch (view->kind) {
    case WAIT_NONE:
        break;
    case WAIT_SLEEP:
        (void)text_copy(text, "a time to come", size);
        break;
    case WAIT_MUTEX:
        (void)text_copy(text, "a lock inside the kernel", size);
        break;
    case WAIT_INPUT:
        (void)text_copy(text, view->external ? "input" : "input from a pipe", size);
        break;
    case WAIT_OUTPUT:
        (void)text_copy(text, view->external ? "room for output" : "room in a pipe", size);
        break;
    case WAIT_POLL:
        format(text, size, "one of %llu files", object);
        break;
    case WAIT_CHILD:
        child_text(picture, view, text, size);
        break;
    case WAIT_SIGNAL:
        (void)text_copy(text, "a signal", size);
        break;
    case WAIT_SEMAPHORE:
        (void)semaphore_text(view->object, text, size);
        break;
    case WAIT_FUTEX:
        futex_text(picture, view, text, size);
        break;
    case WAIT_PAGE:
        (void)text_copy(text, "a page to be read", size);
        break;
    case WAIT_FILE_LOCK:
        format(text, size, "a lock on the file with inode %llu", object);
        break;
    case WAIT_SEMAPHORE_ARRAY:
        format(text, size, "semaphore %u of System V set %llu", (unsigned)(object & 0xffff),
               object >> 16);
        break;
    case WAIT_EVENT:
        (void)text_copy(text, "the counter of an eventfd", size);
        break;
    case WAIT_MESSAGES:
        format(text, size, "message queue %llu", object);
        break;
    case WAIT_SOCKET_INPUT:
        format(text, size, "a message on socket %llu", object);
        break;
    case WAIT_SOCKET_ROOM:
        format(text, size, "room in socket %llu", object);
        break;
    case WAIT_CONNECTION:
        format(text, size, "a connection to socket %llu", object);
        break;
    case WAIT_SPIN:
        (void)text_copy(text, "a change of its memory: it goes round in a loop", size);
        break;
    }
    return text;
}
