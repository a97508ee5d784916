/*
 * Reports for programs: one JSON object a line on MACHINE_STREAM_REPORT.  docs/diagnose.md has the
 * schema.
 */
#include "diagnose/diagnose_internal.h"

#define CAUSE_SIZE 320

static const char *const kind_names[] = {
    [PICTURE_DEADLOCK] = "deadlock",
    [PICTURE_CYCLE] = "cycle",
    [PICTURE_TIME_LIMIT] = "time limit",
    [PICTURE_HANG] = "hang",
    [PICTURE_ASKED] = "asked",
};

static void add_place(struct output *output, const char *name, const struct place *place)
{
    output_add(output, ",\"%s\":{\"address\":\"0x%llx\"", name,
               (unsigned long long)place->address);
    if (place->function[0]) {
        output_add(output, ",\"function\":");
        output_quoted(output, place->function);
    }
    if (place->file[0]) {
        output_add(output, ",\"file\":");
        output_quoted(output, place->file);
        output_add(output, ",\"line\":%u", place->line);
    }
    if (place->of_library[0]) {
        output_add(output, ",\"library\":");
        output_quoted(output, place->of_library);
    }
    output_add(output, "}");
}

static void add_semaphore(struct output *output, const struct view *view)
{
    const struct semaphore_statistics *statistics = &view->semaphore.statistics;

    output_add(output, ",\"semaphore\":{\"set\":%u,\"key\":%u,\"value\":%lld,\"initial\":%lld",
               (unsigned)(view->object >> 32), (uint32_t)view->object,
               (long long)view->semaphore.count, (long long)view->semaphore.initial);
    output_add(output, ",\"is_lock\":%s,\"waiting\":%u",
               statistics->is_lock ? "true" : "false", view->semaphore.waiting);
    output_add(output, ",\"acquisitions\":%llu,\"signals\":%llu,\"longest_wait_ns\":%llu}",
               (unsigned long long)statistics->acquisitions,
               (unsigned long long)statistics->signals,
               (unsigned long long)statistics->longest_wait_ns);
}

static void add_owner(struct output *output, const struct picture *picture,
                      const struct view *view)
{
    char who[WHO_SIZE];

    if (view->owner_id == 0)
        return;
    output_add(output, ",\"held_by\":{\"thread\":%d,\"name\":", view->owner_id);
    output_quoted(output, picture_who(picture, view->owner_id, who, sizeof(who)));
    output_add(output, ",\"alive\":%s,\"guess\":%s", view->owner_is_dead ? "false" : "true",
               lock_is_guess(view) ? "true" : "false");
    if (view->owner_place.address) {
        output_add(output, ",\"since_ns\":%llu", (unsigned long long)view->owner_since_ns);
        add_place(output, "where", &view->owner_place);
    }
    output_add(output, "}");
}

static void add_wait(struct output *output, const struct picture *picture,
                     const struct view *view)
{
    char text[CAUSE_SIZE];

    output_add(output, ",\"waits_for\":{\"kind\":");
    output_quoted(output, wait_kind_name(view->kind));
    output_add(output, ",\"object\":%llu,\"text\":", (unsigned long long)view->object);
    output_quoted(output, view_what(picture, view, text, sizeof(text)));
    output_add(output, ",\"since_ns\":%llu,\"external\":%s", (unsigned long long)view->since_ns,
               view->external ? "true" : "false");
    if (view->has_semaphore)
        add_semaphore(output, view);
    if (lock_kind_text(view->lock))
        output_add(output, ",\"lock\":\"%s\"", lock_kind_text(view->lock));
    add_owner(output, picture, view);
    if (view_cause(picture, view, text, sizeof(text))[0]) {
        output_add(output, ",\"cause\":");
        output_quoted(output, text);
    }
    output_add(output, "}");
}

/* The first few of them. */
static void add_robust(struct output *output, const struct view *view)
{
    output_add(output, ",\"robust_locks\":%u,\"robust\":[", view->robust_count);
    for (unsigned i = 0; i < view->robust_count && i < ROBUST_SHOWN; i++)
        output_add(output, "%s\"0x%llx\"", i > 0 ? "," : "",
                   (unsigned long long)view->robust_held[i]);
    output_add(output, "]");
}

static void add_thread(struct output *output, const struct picture *picture,
                       const struct view *view)
{
    output_add(output, "{\"thread\":%d,\"process\":%d,\"name\":", view->id, view->process_id);
    output_quoted(output, view->name);
    output_add(output, ",\"state\":\"%s\",\"cpu\":%u", thread_state_name(view->state), view->cpu);
    if (view->cycle)
        output_add(output, ",\"cycle\":%u", view->cycle);
    if (view->place.address)
        add_place(output, "where", &view->place);
    if (view->caller.address)
        add_place(output, "called_from", &view->caller);
    if (view->robust_count > 0)
        add_robust(output, view);
    if (view->kind != WAIT_NONE)
        add_wait(output, picture, view);
    output_add(output, "}");
}

static void add_cycle(struct output *output, const struct picture *picture, unsigned cycle)
{
    int32_t first = cycle_first(picture, cycle);
    int32_t i = first;

    output_add(output, "%s[", cycle > 1 ? "," : "");
    do {
        output_add(output, "%s%d", i == first ? "" : ",", picture->views[i].id);
        i = picture->views[i].owner;
    } while (i != first);
    output_add(output, "]");
}

void report_json(const struct picture *picture)
{
    struct output output;

    output_init(&output, MACHINE_STREAM_REPORT);
    output_add(&output, "{\"format\":\"eft report\",\"version\":1,\"kind\":\"%s\",\"time_ns\":%llu",
               kind_names[picture->kind], (unsigned long long)picture->now_ns);
    output_add(&output, ",\"omitted\":%u,\"threads\":[", picture->omitted);
    for (unsigned i = 0; i < picture->count; i++) {
        output_add(&output, "%s", i > 0 ? "," : "");
        add_thread(&output, picture, &picture->views[i]);
    }
    output_add(&output, "],\"cycles\":[");
    for (unsigned cycle = 1; cycle <= picture->cycles; cycle++)
        add_cycle(&output, picture, cycle);
    output_add(&output, "]}\n");
    output_flush(&output);
}
