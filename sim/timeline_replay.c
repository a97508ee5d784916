/*
 * A timeline of a run on another machine (--timeline-events): the events come from a file.
 *
 * The machine's processors wrote them in the order in which they got to it: they are sorted by
 * time, and those of the same time stay as they were.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "machine/observer.h"
#include "sim.h"
#include "timeline.h"

struct entry {
    struct observer_record record;
    size_t place;    /* in the file */
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *first = a, *second = b;

    if (first->record.event.time_ns != second->record.event.time_ns)
        return first->record.event.time_ns < second->record.event.time_ns ? -1 : 1;
    return first->place < second->place ? -1 : first->place > second->place;
}

static struct entry *read_entries(const char *path, size_t *count)
{
    struct entry *entries = NULL;
    struct entry next = { .place = 0 };
    FILE *input = fopen(path, "rb");

    if (!input)
        refuse("cannot open %s: %s", path, strerror(errno));
    while (fread(&next.record, sizeof(next.record), 1, input) == 1) {
        if ((next.place & (next.place - 1)) == 0) {    /* full: 0, 1, 2, 4, ... */
            entries = realloc(entries, (next.place ? 2 * next.place : 1) * sizeof(*entries));
            if (!entries)
                refuse("no memory for the events of %s", path);
        }
        next.record.name[OBSERVER_NAME_SIZE - 1] = '\0';
        entries[next.place++] = next;
    }
    fclose(input);
    *count = next.place;
    return entries;
}

/* How the run ended; NULL: as usual. */
static const char *tell(const struct entry *entries, size_t count)
{
    const char *why = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct observer_record *record = &entries[i].record;

        if (record->event.kind == OBSERVER_RUN_ENDED) {
            why = record->name[0] ? record->name : NULL;
        } else if (record->event.cpu < CPUS_MAX) {
            timeline_use_name(record->name);
            timeline_event(&record->event);
        }
    }
    return why;
}

_Noreturn void timeline_replay(const struct options *options)
{
    size_t count;
    struct entry *entries = read_entries(options->timeline_events, &count);

    if (!options->timeline_file)
        refuse("--timeline-events needs --timeline");
    timeline_init(options);
    if (count > 0)
        qsort(entries, count, sizeof(*entries), compare_entries);
    timeline_finish(tell(entries, count));
    free(entries);
    exit(EXIT_SUCCESS);
}
