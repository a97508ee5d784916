/* Reports for people, line by line on the log stream. */
#include "debug/log.h"
#include "diagnose/diagnose_internal.h"
#include "lib/format.h"

#define THREADS_SHOWN 100u
#define CAUSE_SIZE 320

/* "4 threads wait, 3 of them for each other in a circle" */
static const char *waiting_text(const struct picture *picture, char *text, size_t size)
{
    unsigned count = picture->count + picture->omitted;
    unsigned in_cycles = 0;
    struct text_builder line;

    for (unsigned i = 0; i < picture->count; i++)
        in_cycles += picture->views[i].cycle != 0;
    text_builder_init(&line, text, size);
    text_builder_add(&line, "%u %s", count, count == 1 ? "thread waits" : "threads wait");
    if (in_cycles == 1)
        text_builder_add(&line, ", %sfor itself", count == 1 ? "" : "one of them ");
    else if (picture->cycles == 1)
        text_builder_add(&line, ", %u of them for each other in a circle", in_cycles);
    else if (picture->cycles > 1)
        text_builder_add(&line, ", %u of them for each other in %u circles", in_cycles,
                         picture->cycles);
    return text;
}

static void headline(const struct picture *picture)
{
    char when[SECONDS_SIZE], since[SECONDS_SIZE], waiting[WHAT_SIZE];

    (void)seconds_text(picture->now_ns, when, sizeof(when));
    (void)waiting_text(picture, waiting, sizeof(waiting));
    switch (picture->kind) {
    case PICTURE_DEADLOCK:
        log_line(LOG_ERROR, "deadlock after %s: nothing can ever run again; %s", when, waiting);
        break;
    case PICTURE_CYCLE:
        log_line(LOG_WARNING, "deadlock of some after %s, others still run: %s", when, waiting);
        break;
    case PICTURE_TIME_LIMIT:
        log_line(LOG_ERROR, "time limit after %s: the run was stopped; %u %s", when,
                 picture->count + picture->omitted,
                 picture->count == 1 ? "thread" : "threads");
        break;
    case PICTURE_HANG:
        log_line(LOG_ERROR, "hang after %s: nothing has run since %s; %s", when,
                 seconds_text(picture->quiet_since_ns, since, sizeof(since)), waiting);
        break;
    case PICTURE_ASKED:
        log_line(LOG_ERROR, "asked for after %s: %u %s", when, picture->count + picture->omitted,
                 picture->count == 1 ? "thread" : "threads");
        break;
    }
}

/* The value tells most about a semaphore. */
static void add_value(const struct view *view, struct text_builder *line)
{
    if (view->kind == WAIT_SEMAPHORE && view->has_semaphore)
        text_builder_add(line, ", value %lld", (long long)view->semaphore.count);
    if (view->kind == WAIT_SEMAPHORE_ARRAY)
        text_builder_add(line, ", value %d", view->value);
}

static void print_wait(const struct picture *picture, const struct view *view,
                       enum log_level level)
{
    char text[CAUSE_SIZE], who[WHO_SIZE], what[WHAT_SIZE], where[WHAT_SIZE], when[SECONDS_SIZE];
    struct text_builder line;

    text_builder_init(&line, text, sizeof(text));
    text_builder_add(&line, "%s", view_who(view, who, sizeof(who)));
    if (view->kind == WAIT_NONE) {
        text_builder_add(&line, " is %s", thread_state_name(view->state));
        if (view->state == THREAD_RUNNING)
            text_builder_add(&line, " on CPU %u", view->cpu);
    } else {
        text_builder_add(&line, " waits for %s", view_what(picture, view, what, sizeof(what)));
        add_value(view, &line);
        text_builder_add(&line, ", since %s", seconds_text(view->since_ns, when, sizeof(when)));
    }
    if (view->caller.address)
        text_builder_add(&line, ", at %s, in %s", place_text(&view->caller, where, sizeof(where)),
                         place_text(&view->place, what, sizeof(what)));
    else if (view->place.address)
        text_builder_add(&line, ", at %s", place_text(&view->place, where, sizeof(where)));
    log_line(level, "  %s", text);
}

/* "held by thread 4 of process 2 (dinner): a guess from its memory, which looks like ..." */
static void print_lock(const struct picture *picture, const struct view *view,
                       enum log_level level)
{
    const char *kind = lock_kind_text(view->lock);
    char who[WHO_SIZE];

    if (!kind || view->lock == LOCK_THREAD)
        return;
    if (view->owner_id == 0)
        log_line(level, "      its memory looks like %s, which does not say who holds it", kind);
    else
        log_line(level, "      held by %s%s%s", picture_who(picture, view->owner_id, who,
                                                            sizeof(who)),
                 lock_is_guess(view) ? ": a guess, its memory looks like " : ": ", kind);
}

static void print_robust(const struct view *view, enum log_level level)
{
    char text[CAUSE_SIZE];
    struct text_builder line;

    if (view->robust_count == 0)
        return;
    text_builder_init(&line, text, sizeof(text));
    for (unsigned i = 0; i < view->robust_count && i < ROBUST_SHOWN; i++)
        text_builder_add(&line, "%s0x%llx", i > 0 ? ", " : "",
                         (unsigned long long)view->robust_held[i]);
    if (view->robust_count > ROBUST_SHOWN)
        text_builder_add(&line, " and %u more", view->robust_count - ROBUST_SHOWN);
    log_line(level, "      holds the robust lock%s %s", view->robust_count == 1 ? "" : "s", text);
}

static void print_owner(const struct picture *picture, const struct view *view,
                        enum log_level level)
{
    char who[WHO_SIZE], where[WHAT_SIZE], when[SECONDS_SIZE], cause[CAUSE_SIZE];

    if (view->kind == WAIT_SEMAPHORE && view->owner_id != 0 && view->owner_place.address != 0)
        log_line(level, "      held by %s since %s, taken at %s",
                 picture_who(picture, view->owner_id, who, sizeof(who)),
                 seconds_text(view->owner_since_ns, when, sizeof(when)),
                 place_text(&view->owner_place, where, sizeof(where)));
    else if (view->kind == WAIT_FUTEX)
        print_lock(picture, view, level);
    else if (view->kind != WAIT_CHILD && view->owner_id != 0)
        log_line(level, "      held by %s",
                 picture_who(picture, view->owner_id, who, sizeof(who)));
    if (view_cause(picture, view, cause, sizeof(cause))[0])
        log_line(level, "      %s", cause);
    print_robust(view, level);
}

static void print_threads(const struct picture *picture, enum log_level level)
{
    unsigned shown = 0, left_out = picture->omitted;

    for (unsigned i = 0; i < picture->count; i++) {
        const struct view *view = &picture->views[i];

        if (picture->kind == PICTURE_CYCLE && view->cycle == 0)
            continue;
        if (shown == THREADS_SHOWN) {
            left_out++;
            continue;
        }
        shown++;
        print_wait(picture, view, level);
        print_owner(picture, view, level);
    }
    if (left_out > 0)
        log_line(level, "  and %u more", left_out);
}

/*
 *   .-> process 2 (dinner) waits for semaphore 1, held by
 *   |   process 3 (dinner), which waits for semaphore 0, held by
 *   '-- process 2 (dinner)
 */
static void draw_cycle(const struct picture *picture, unsigned cycle, enum log_level level)
{
    int32_t first = cycle_first(picture, cycle);
    int32_t i = first;
    char who[WHO_SIZE], what[WHAT_SIZE];
    unsigned shown = 0;
    bool is_guess = false;

    log_line(level, "the circle:");
    do {
        const struct view *view = &picture->views[i];
        bool is_end = view->kind == WAIT_CHILD || view->lock == LOCK_THREAD;
        const char *by = is_end ? "" : ", held by";

        if (shown < THREADS_SHOWN)
            log_line(level, "  %s %s%s waits for %s%s", i == first ? ".->" : "|  ",
                     view_who(view, who, sizeof(who)), i == first ? "" : ", which",
                     view_what(picture, view, what, sizeof(what)), by);
        shown++;
        is_guess = is_guess || lock_is_guess(view);
        i = view->owner;
    } while (i != first);
    if (shown > THREADS_SHOWN)
        log_line(level, "  |   ... and %u more", shown - THREADS_SHOWN);
    log_line(level, "  '-- %s%s", view_who(&picture->views[first], who, sizeof(who)),
             is_guess ? "  (who holds what is in part a guess)" : "");
}

void report_text(const struct picture *picture)
{
    enum log_level level = picture->kind == PICTURE_CYCLE ? LOG_WARNING : LOG_ERROR;

    headline(picture);
    print_threads(picture, level);
    for (unsigned cycle = 1; cycle <= picture->cycles; cycle++)
        draw_cycle(picture, cycle, level);
}
