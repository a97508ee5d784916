/*
 * The options of runs that repeat, and what follows from them.
 *
 * A run with a seed sees nothing of the host that differs between two hosts: not its environment,
 * not its working directory, not its name.  A recording without a seed is an ordinary session, so
 * it sees the user's environment, and takes it into the file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "outside.h"
#include "record.h"
#include "search/search.h"
#include "sim.h"
#include "verify.h"

#define SETTINGS_MAX 256

static const char *settings[SETTINGS_MAX + 1];    /* --env, in order */
static size_t setting_count;

static const char *const fixed_environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/",
    "TERM=dumb",
};

void options_note_environment(const char *setting)
{
    if (setting_count == SETTINGS_MAX)
        refuse("too many --env options");
    settings[setting_count++] = setting;
}

static uint64_t random_seed(void)
{
    uint32_t seed;    /* short enough to type */

    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        refuse("the host gives no random number for a seed");
    return seed;
}

void options_parse_seed(struct options *options, const char *text)
{
    char *end;

    options->seeded = true;
    if (strcmp(text, "random") == 0) {
        options->seed = random_seed();
        options->seed_is_new = true;
        return;
    }
    errno = 0;
    options->seed = strtoull(text, &end, 0);
    if (errno || *end || end == text || *text == '-')
        refuse("--seed=%s is neither a number nor \"random\"", text);
}

void options_parse_preempt(struct options *options, const char *text)
{
    if (strcmp(text, "traps") == 0)
        options->preempt = PREEMPT_TRAPS;
    else if (strcmp(text, "blocks") == 0)
        options->preempt = PREEMPT_BLOCKS;
    else
        refuse("--preempt=%s is neither traps nor blocks", text);
}

static bool repeats(const struct options *options)
{
    return options->seeded || options->verify || options->record || options->replay ||
           search_is_asked_for();
}

void options_check_repeat(struct options *options, bool has_guest)
{
    if (options->verify && (options->record || options->replay))
        refuse("--verify runs the program itself twice: not with --record or --replay");
    if (repeats(options) && (options->root_is_shared || options->bind_count > 0 ||
                             options->save_changes))
        refuse("--root-rw, --bind and --save-changes are not for runs that repeat");
    if (options->save_changes && (!options->root || options->root_is_shared))
        refuse("--save-changes saves what was changed below --root: give --root as well");
    if (options->preempt != PREEMPT_DEFAULT && !repeats(options))
        refuse("--preempt says where a run that repeats is preempted: give --seed as well");
    if (options->replay && (options->record || options->seeded))
        refuse("--replay takes its seed from the recording: not with --seed or --record");
    if (!has_guest && !options->replay && !options->timeline_events)
        refuse("no guest program given; try: %s --help", program_invocation_short_name);
    if (options->verify && !options->seeded && !search_is_asked_for()) {
        options->seeded = true;
        options->seed = random_seed();
        options->seed_is_new = true;
    }
    if (options->seed_is_new && !verify_is_one_of_two())
        sim_note("seed %" PRIu64, options->seed);
    if (options->preempt == PREEMPT_BLOCKS)
        options_add_for_kernel("preempt", "blocks");
}

void options_write_nothing(struct options *options)
{
    if (options->trace_file)
        options->trace_file = "/dev/null";
    if (options->report_file)
        options->report_file = "/dev/null";
    if (options->timeline_file)
        options->timeline_file = "/dev/null";
    if (options->graph_file)
        options->graph_file = "/dev/null";
}

/* What the user said with --env, on top of what all runs with a seed have. */
static void fix_environment(struct options *options)
{
    extern char **environ;

    clearenv();
    for (size_t i = 0; i < sizeof(fixed_environment) / sizeof(fixed_environment[0]); i++)
        options_change_environment(fixed_environment[i]);
    for (size_t i = 0; i < setting_count; i++)
        options_change_environment(settings[i]);
    options->environment = (const char *const *)environ;
}

void options_make_repeatable(struct options *options)
{
    options->observed = options->observed || options->seeded || options->record || options->replay;
    if (!options->observed)
        return;
    if (options->replay) {
        record_open_replay(options);
        outside_init(options);
        return;
    }
    if (options->record && !options->seeded) {
        options->real_preemption = true;
        options->seed = random_seed();
    } else {
        fix_environment(options);
        if (!options->working_directory)
            options->working_directory = "/";
    }
    outside_init(options);
    options->interactive = outside_is_interactive();
}
