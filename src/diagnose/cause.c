/*
 * Why nobody will ever end a wait: what can be told from what is left.
 *
 * Only said when nothing runs any more, or of a holder that has ended: before that somebody may
 * still come and end the wait.
 */
#include "diagnose/diagnose_internal.h"
#include "lib/format.h"
#include "lib/text.h"
#include "process/semaphore_set.h"

#define TIMES_SIZE 32

static const char *use_text(const struct picture *picture, const struct view *view,
                            const struct semaphore_use *use, char *text, size_t size)
{
    char who[WHO_SIZE], where[WHAT_SIZE], when[SECONDS_SIZE];
    struct place place;

    place_find(&place, view->process, use->instruction);
    format(text, size, "%s at %s, %s", picture_who(picture, use->thread, who, sizeof(who)),
           seconds_text(use->at_ns, when, sizeof(when)), place_text(&place, where, sizeof(where)));
    return text;
}

static void dead_owner_cause(const struct picture *picture, const struct view *view, char *text,
                             size_t size)
{
    const struct ended_thread *gone = ended_find(view->owner_id);
    char who[WHO_SIZE], when[SECONDS_SIZE];

    (void)picture_who(picture, view->owner_id, who, sizeof(who));
    if (gone)
        format(text, size, "%s ended at %s and never gave it back", who,
               seconds_text(gone->ended_ns, when, sizeof(when)));
    else
        format(text, size, "%s has ended and never gave it back", who);
}

/* "once", "3 times" */
static const char *times_text(uint64_t count, char *text, size_t size)
{
    if (count == 1)
        format(text, size, "once");
    else
        format(text, size, "%llu times", (unsigned long long)count);
    return text;
}

/* No holder is known: it is no lock, or a lock that nobody holds. */
static void signal_cause(const struct picture *picture, const struct view *view, char *text,
                         size_t size)
{
    const struct semaphore_statistics *statistics = &view->semaphore.statistics;
    char use[2 * WHAT_SIZE], signals[TIMES_SIZE], acquisitions[TIMES_SIZE];

    if (view->semaphore.removed)
        format(text, size, "it was removed");
    else if (statistics->signalled.thread == 0)
        format(text, size, "nobody has ever signalled it, and nobody is left who could");
    else
        format(text, size, "it began with %lld, was signalled %s and taken %s; the last signal "
               "came from %s; nobody is left who could give another",
               (long long)view->semaphore.initial,
               times_text(statistics->signals, signals, sizeof(signals)),
               times_text(statistics->acquisitions, acquisitions, sizeof(acquisitions)),
               use_text(picture, view, &statistics->signalled, use, sizeof(use)));
}

static void lost_cause(const struct picture *picture, const struct view *view, char *text,
                       size_t size)
{
    struct semaphore_use lost;
    char use[2 * WHAT_SIZE];

    if (text[0] == '\0' || !semaphore_sets_lost_signal(view->object, &lost))
        return;
    size_t length = text_length_bounded(text, size);

    format(text + length, size - length, "; a signal was lost, because there was no such semaphore "
           "then: %s", use_text(picture, view, &lost, use, sizeof(use)));
}

static void child_cause(const struct picture *picture, const struct view *view, char *text,
                        size_t size)
{
    if ((int32_t)view->object <= 0)
        return;    /* any of several */
    for (unsigned i = 0; i < picture->count; i++) {
        if (picture->views[i].process_id == (int32_t)view->object)
            return;    /* it says itself why it does not end */
    }
    format(text, size, "there is no such process, and there will be none");
}

const char *view_cause(const struct picture *picture, const struct view *view, char *text,
                       size_t size)
{
    text[0] = '\0';
    if (view->owner_is_dead && view->kind != WAIT_CHILD)
        dead_owner_cause(picture, view, text, size);
    else if (picture->kind != PICTURE_DEADLOCK || view->owner != NOBODY)
        return text;
    else if (view->kind == WAIT_SEMAPHORE && view->has_semaphore)
        signal_cause(picture, view, text, size);
    else if (view->kind == WAIT_CHILD)
        child_cause(picture, view, text, size);
    else if (view->kind == WAIT_SIGNAL)
        format(text, size, "nobody is left who could send one");
    else if (view->kind == WAIT_SEMAPHORE_ARRAY)
        format(text, size, "nobody is left who could give it back");
    else if (view->kind == WAIT_FUTEX)
        format(text, size, "nobody is left who could wake it");
    else if (view->kind == WAIT_INPUT || view->kind == WAIT_SOCKET_INPUT)
        format(text, size, "nobody is left who could write to it");
    else if (view->kind == WAIT_OUTPUT || view->kind == WAIT_SOCKET_ROOM)
        format(text, size, "nobody is left who could read from it");
    else if (view->kind == WAIT_CONNECTION)
        format(text, size, "nobody is left who could connect to it");
    else if (view->kind == WAIT_EVENT || view->kind == WAIT_MESSAGES)
        format(text, size, "nobody is left who could change it");
    else if (view->kind == WAIT_SPIN)
        format(text, size, "nobody is left who could change it");
    if (view->kind == WAIT_SEMAPHORE)
        lost_cause(picture, view, text, size);
    return text;
}
