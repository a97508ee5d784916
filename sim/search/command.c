/*
 * The command that repeats a failure, for a shell: the options of the search's own command that
 * matter for a run, the schedule, the program, and the input that it read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "search/array.h"
#include "search/search_internal.h"

#define SCHEDULE_MAX 2000          /* longer ones go into a file */
#define HANG_LIMIT_SECONDS 10      /* a run that does not end by itself */

struct given {
    const char *name, *value;      /* NULL: no value */
};

static struct given *given;        /* the options of the command line */
static uint32_t given_count, given_room;

void search_note_option(const char *name, const char *value)
{
    ARRAY_GROW(given, given_room, given_count + 1);
    given[given_count++] = (struct given){ name, value };
}

void command_print_word(const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_-./=:,@%+";

    if (*word && strspn(word, safe) == strlen(word)) {
        fputs(word, stdout);
        return;
    }
    putchar('\'');
    for (; *word; word++) {
        if (*word == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*word);
    }
    putchar('\'');
}

/* Options that the repeated run must not have, or gets anew. */
static bool is_of_search(const char *name)
{
    static const char *const names[] = { "search", "strategy", "jobs", "shard", "expect-output",
                                         "expect-status", "max-steps", "keep-going", "check",
                                         "seed", "time-limit" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static void print_options(void)
{
    for (uint32_t i = 0; i < given_count; i++) {
        char *option;

        if (is_of_search(given[i].name))
            continue;
        if (asprintf(&option, "--%s%s%s", given[i].name, given[i].value ? "=" : "",
                     given[i].value ? given[i].value : "") < 0)
            abort();
        putchar(' ');
        command_print_word(option);
        free(option);
    }
}

static const char *write_schedule(const char *schedule)
{
    static char name[64];
    FILE *file;

    if (strlen(schedule) <= SCHEDULE_MAX)
        return schedule;
    snprintf(name, sizeof(name), "schedule-%08" PRIx32,
             (uint32_t)hash_bytes(HASH_START, schedule, strlen(schedule)));
    file = fopen(name, "we");
    if (!file || fprintf(file, "%s\n", schedule) < 0 || fclose(file) != 0)
        return schedule;
    return name;
}

/* It ends right after what was told; a computation without an operation only the clock can end. */
static void print_end_of_hang(const struct run *run)
{
    printf(" --max-steps %" PRIu32 " --time-limit %d",
           run->step_count > run->decision_count ? run->step_count : run->decision_count,
           HANG_LIMIT_SECONDS);
}

void command_print(const struct minimal *minimal)
{
    char *schedule = schedule_text(&minimal->run, minimal->reseeds, minimal->seed);

    printf("repeat it:  ");
    input_print_before();
    command_print_word(program_invocation_name);
    printf(" --seed %" PRIu64 " --schedule ", search_settings.seed);
    command_print_word(write_schedule(schedule));
    if (minimal->run.outcome == OUTCOME_HANG)
        print_end_of_hang(&minimal->run);
    print_options();
    for (const char *const *word = search_settings.guest; *word; word++) {
        putchar(' ');
        command_print_word(*word);
    }
    input_print_after();
    printf("\n");
    free(schedule);
}
