/* The options of searches and schedules. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "search/search_internal.h"
#include "search/search_options.h"

#define COUNT_DEFAULT 10000
#define STEPS_MAX_DEFAULT 100000
#define CHECK_DEFAULT 200

struct search_settings search_settings = {
    .shards = 1, .steps_max = STEPS_MAX_DEFAULT, .check_runs = CHECK_DEFAULT,
};

static const char *only_with_search;    /* an option that was given; NULL: none */

static uint64_t number(const char *option, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value < least || value > most)
        refuse("--%s=%s is not a number from %llu to %llu", option, text,
               (unsigned long long)least, (unsigned long long)most);
    return value;
}

static const char *name_of(enum search_option option)
{
    static const struct option entries[] = { SEARCH_OPTIONS };
    const struct option *entry = entries;

    while (entry->val != OPTION_SEARCH_FIRST + (int)option)
        entry++;
    return entry->name;
}

static enum strategy_choice strategy_of(const char *name)
{
    static const char *const names[] = { "portfolio", "random", "pct", "pos", "dpor" };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum strategy_choice)i;
    }
    refuse("--strategy=%s is not one of portfolio, random, pct, pos, dpor", name);
}

static void parse_shard(const char *text)
{
    unsigned index, count;
    char rest;

    if (sscanf(text, "%u/%u%c", &index, &count, &rest) != 2 || index < 1 || index > count)
        refuse("--shard=%s is not a part such as 2/8", text);
    search_settings.shard = index - 1;
    search_settings.shards = count;
}

static void set_search(const char *value)
{
    search_settings.wanted = true;
    if (value)
        search_settings.count = number("search", value, 1, UINT64_MAX >> 1);
}

void search_option(enum search_option option, const char *value)
{
    switch (option) {
    case SEARCH_OPTION_SEARCH:
        set_search(value);
        return;
    case SEARCH_OPTION_SCHEDULE:
        search_settings.schedule = value;
        return;
    case SEARCH_OPTION_STRATEGY:
        search_settings.strategy = strategy_of(value);
        break;
    case SEARCH_OPTION_JOBS:
        search_settings.jobs = (unsigned)number("jobs", value, 1, JOBS_MAX);
        break;
    case SEARCH_OPTION_SHARD:
        parse_shard(value);
        break;
    case SEARCH_OPTION_EXPECT_OUTPUT:
        search_settings.expect_output = value;
        break;
    case SEARCH_OPTION_EXPECT_STATUS:
        search_settings.expect_status = (int)number("expect-status", value, 0, 255);
        break;
    case SEARCH_OPTION_MAX_STEPS:
        search_settings.steps_max = (uint32_t)number("max-steps", value, 1, UINT32_MAX >> 1);
        search_settings.steps_given = true;
        return;    /* goes with --schedule, too */
    case SEARCH_OPTION_KEEP_GOING:
        search_settings.keep_going = true;
        break;
    case SEARCH_OPTION_CHECK:
        search_settings.check_runs = number("check", value, 0, UINT64_MAX >> 1);
        break;
    }
    only_with_search = name_of(option);
}

static void check(const struct options *options)
{
    if (search_settings.wanted && search_settings.schedule)
        refuse("--search looks for schedules, --schedule follows one: not both");
    if (search_settings.steps_given && !search_is_asked_for())
        refuse("--max-steps is for --search and --schedule");
    if (only_with_search && !search_settings.wanted)
        refuse("--%s is for searches: give --search as well", only_with_search);
    if (options->record || options->replay)
        refuse("--search and --schedule do not go with --record or --replay");
    if (search_settings.wanted && options->verify)
        refuse("--verify compares two runs, --search makes many: verify the schedule it prints");
    if (search_settings.strategy == CHOICE_DPOR && search_settings.shards > 1)
        refuse("--strategy=dpor cannot be split with --shard");
}

bool search_is_asked_for(void)
{
    return search_settings.wanted || search_settings.schedule;
}

void search_prepare(struct options *options)
{
    if (!search_is_asked_for() && !only_with_search && !search_settings.steps_given)
        return;
    check(options);
    options->observed = options->seeded = true;
    search_settings.seed = options->seed;
    search_settings.time_limit_ns = options->time_limit_ns;
    search_settings.cpus = options->cpus;
    search_settings.verbose = options->verbose;
    search_settings.guest = options->arguments;
    input_close_terminal();
    if (!search_settings.wanted)
        return;
    options->time_limit_ns = 0;
    if (!search_settings.count && search_settings.strategy != CHOICE_DPOR)
        search_settings.count = COUNT_DEFAULT;
    if (search_settings.strategy == CHOICE_DPOR)
        search_settings.jobs = 1;
    else if (search_settings.jobs == 0)
        search_settings.jobs = search_settings.verbose ? 1 : jobs_usual();
    input_keep();
    totals_init();
    search_settings.job = jobs_start(search_settings.jobs);
}
