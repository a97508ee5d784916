/*
 * Schedules as text: where a run departs from the usual order.
 *
 *     7:2,9:4         at the 7th decision thread 2 goes on, at the 9th thread 4
 *     @17,7:2         the same, and everything else that is chosen (CPUs, timers) comes from
 *                     seed 17 from the first instruction of the program on
 *     -               the usual order
 *
 * The usual order: the thread that ran goes on; if it cannot, or was only computing, the one that
 * has been ready for longest.  Decisions are counted from 1, where at least two threads can go on.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"
#include "search/array.h"
#include "search/search_internal.h"

#define COMMENT '#'

struct departure {
    uint32_t decision;    /* from 1 */
    int32_t thread;
};

static struct departure *departures;
static uint32_t departure_count, departure_room;
static uint32_t next_departure;
static bool reseeds;
static uint64_t reseed;

/* ---- Writing ------------------------------------------------------------------------------- */

char *schedule_text(const struct run *run, bool with_seed, uint64_t seed)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    const char *between = "";

    if (!stream)
        refuse("no memory for a schedule");
    if (with_seed) {
        fprintf(stream, "@%" PRIu64, seed);
        between = ",";
    }
    for (uint32_t i = 0; i < run->decision_count; i++) {
        const struct run_decision *decision = &run->decisions[i];

        if (decision->chosen == decision->usual)
            continue;
        fprintf(stream, "%s%u:%d", between, i + 1, decision->chosen_id);
        between = ",";
    }
    if (!*between)
        fputc('-', stream);
    fclose(stream);
    return text;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *text)
{
    for (;;) {
        while (isspace((unsigned char)*text) || *text == ',')
            text++;
        if (*text != COMMENT)
            return text;
        while (*text && *text != '\n')
            text++;
    }
}

static bool parse_number(const char **text, uint64_t limit, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(*text, &end, 10);
    if (!isdigit((unsigned char)**text) || errno || *number > limit)
        return false;
    *text = end;
    return true;
}

static bool parse_departure(const char **text)
{
    uint64_t decision, thread;

    if (!parse_number(text, UINT32_MAX, &decision) || *(*text)++ != ':' ||
        !parse_number(text, INT32_MAX, &thread) || decision == 0)
        return false;
    if (departure_count > 0 && departures[departure_count - 1].decision >= decision)
        return false;
    ARRAY_GROW(departures, departure_room, departure_count + 1);
    departures[departure_count++] = (struct departure){ (uint32_t)decision, (int32_t)thread };
    return true;
}

static bool parse(const char *text)
{
    departure_count = 0;
    reseeds = false;
    text = skip_blanks(text);
    if (*text == '-')
        return !*skip_blanks(text + 1);
    if (*text == '@') {
        text++;
        reseeds = parse_number(&text, UINT64_MAX, &reseed);
        if (!reseeds)
            return false;
    }
    for (text = skip_blanks(text); *text; text = skip_blanks(text)) {
        if (!parse_departure(&text))
            return false;
    }
    return reseeds || departure_count > 0;
}

static char *read_file(const char *path)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = fopen(path, "re");

    if (!file)
        return NULL;
    if (getdelim(&text, &length, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

void schedule_follow(const char *text_or_file)
{
    char *text;

    if (parse(text_or_file))
        return;
    text = read_file(text_or_file);
    if (!text)
        refuse("--schedule=%s is neither a schedule (such as 7:2,9:4) nor a file with one",
               text_or_file);
    if (!parse(text))
        refuse("%s holds no schedule: numbers such as 7:2,9:4, decisions in rising order",
               text_or_file);
    free(text);
}

bool schedule_reseeds(uint64_t *seed)
{
    *seed = reseed;
    return reseeds;
}

/* ---- Following ----------------------------------------------------------------------------- */

static void begin(uint64_t seed)
{
    (void)seed;
    next_departure = 0;
}

static _Noreturn void diverge(const struct turn *turn, const struct departure *departure)
{
    char options[256] = "";
    size_t used = 0;

    for (unsigned i = 0; i < turn->count && used + 16 < sizeof(options); i++)
        used += (size_t)snprintf(options + used, sizeof(options) - used, "%s%d", i ? ", " : "",
                                 turn->candidates[i].thread);
    refuse("the schedule is not one of this program: decision %u is between threads %s, not %d",
           departure->decision, options, departure->thread);
}

static int choose(const struct run *run, const struct turn *turn)
{
    const struct departure *departure = &departures[next_departure];

    if (next_departure == departure_count || departure->decision != run->decision_count + 1)
        return (int)turn->usual;
    next_departure++;
    for (unsigned i = 0; i < turn->count; i++) {
        if (turn->candidates[i].thread == departure->thread)
            return (int)i;
    }
    diverge(turn, departure);
}

void schedule_finish(const struct run *run)
{
    if (next_departure < departure_count)
        sim_note("the schedule is not one of this program: the run ended after %u decisions, the "
                 "schedule goes on to decision %u", run->decision_count,
                 departures[departure_count - 1].decision);
}

const struct strategy strategy_schedule = {
    .name = "schedule", .begin = begin, .choose = choose,
};
