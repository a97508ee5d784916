#pragma once
/* The search's part of the command line, for options.c: entries of getopt_long's table (their
 * values are those of enum search_option, from OPTION_SEARCH_FIRST on) and lines of --help. */
#include <getopt.h>

#include "search/search.h"

enum {
    OPTION_SEARCH_FIRST = 1024,
    OPTION_SEARCH_LAST = OPTION_SEARCH_FIRST + SEARCH_OPTION_SCHEDULE,
};

#define SEARCH_OPTION(name, argument, option) \
    { name, argument, NULL, OPTION_SEARCH_FIRST + SEARCH_OPTION_##option },
#define SEARCH_OPTIONS \
    SEARCH_OPTION("search", optional_argument, SEARCH) \
    SEARCH_OPTION("strategy", required_argument, STRATEGY) \
    SEARCH_OPTION("jobs", required_argument, JOBS) \
    SEARCH_OPTION("shard", required_argument, SHARD) \
    SEARCH_OPTION("expect-output", required_argument, EXPECT_OUTPUT) \
    SEARCH_OPTION("expect-status", required_argument, EXPECT_STATUS) \
    SEARCH_OPTION("max-steps", required_argument, MAX_STEPS) \
    SEARCH_OPTION("keep-going", no_argument, KEEP_GOING) \
    SEARCH_OPTION("check", required_argument, CHECK) \
    SEARCH_OPTION("schedule", required_argument, SCHEDULE)

#define SEARCH_HELP \
    " --search [OPTION...] GUEST [ARGUMENT...]\n" \
    "Runs a program under many schedules, to find one under which it fails.\n" \
    "\n" \
    "  --search[=COUNT]    run it under COUNT schedules (10000); stop at the first deadlock,\n" \
    "                      hang, crash, panic or wrong exit status, say how it came about,\n" \
    "                      and print the command that repeats it\n" \
    "  --strategy=NAME     portfolio (default), random, pct, pos, or dpor: all of a small\n" \
    "                      program\n" \
    "  --jobs=N            search in N processes (one for each processor of the host)\n" \
    "  --shard=I/N         only part I of N of the search: others run on other machines\n" \
    "  --expect-output=FILE  it is a failure if the output is not that of FILE\n" \
    "  --expect-status=N   it is a failure if the exit status is not N (0)\n" \
    "  --max-steps=N       a run with more operations than N hangs (100000)\n" \
    "  --keep-going        count failures and go on\n" \
    "  --check=N           after dpor: N random runs must be among those it made (200)\n" \
    "  --schedule=TEXT     one run by a schedule that a search printed, or by the file TEXT\n" \
    "\n" \
    "docs/search.md shows how; the other options are in --help.\n"
