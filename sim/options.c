/* The command line: options for the machine, options passed on to the kernel, and the guest. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "search/search_options.h"
#include "sim.h"
#include "version.h"

#define CPUS_LIMIT 64
#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define MEMORY_MINIMUM (UINT64_C(8) << 20)
#define MEMORY_MAXIMUM (UINT64_C(1) << 40)
#define KERNEL_OPTIONS_MAX 32
#define SECONDS_MAXIMUM 1e9

extern char **environ;

static const char *kernel_options[KERNEL_OPTIONS_MAX + 1];
static size_t kernel_option_count;


enum { OPTION_CPUS = 256, OPTION_MEMORY, OPTION_ROOT, OPTION_ENV, OPTION_CWD, OPTION_TRACE,
       OPTION_TRACE_FILE, OPTION_LOG_LEVEL, OPTION_REPORT_FILE, OPTION_GRAPH, OPTION_STATS,
       OPTION_LEAK_CHECK, OPTION_TIMELINE, OPTION_TIMELINE_EVENTS,
       OPTION_SEED, OPTION_PREEMPT, OPTION_SCHED, OPTION_VERIFY, OPTION_RECORD, OPTION_REPLAY,
       OPTION_TIME_LIMIT, OPTION_HANG_AFTER, OPTION_USER, OPTION_HOSTNAME,
       OPTION_NO_DIRECT_CALLS, OPTION_ROOT_RW, OPTION_BIND, OPTION_SAVE_CHANGES };

static const struct option long_options[] = {
    { "cpus", required_argument, NULL, OPTION_CPUS },
    { "memory", required_argument, NULL, OPTION_MEMORY },
    { "root", required_argument, NULL, OPTION_ROOT },
    { "user", required_argument, NULL, OPTION_USER },
    { "hostname", required_argument, NULL, OPTION_HOSTNAME },
    { "root-rw", required_argument, NULL, OPTION_ROOT_RW },
    { "bind", required_argument, NULL, OPTION_BIND },
    { "save-changes", required_argument, NULL, OPTION_SAVE_CHANGES },
    { "env", required_argument, NULL, OPTION_ENV },
    { "cwd", required_argument, NULL, OPTION_CWD },
    { "trace", optional_argument, NULL, OPTION_TRACE },
    { "trace-file", required_argument, NULL, OPTION_TRACE_FILE },
    { "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
    { "time-limit", required_argument, NULL, OPTION_TIME_LIMIT },
    { "hang-after", required_argument, NULL, OPTION_HANG_AFTER },
    { "report-file", required_argument, NULL, OPTION_REPORT_FILE },
    { "graph", required_argument, NULL, OPTION_GRAPH },
    { "timeline", required_argument, NULL, OPTION_TIMELINE },
    { "timeline-events", required_argument, NULL, OPTION_TIMELINE_EVENTS },
    { "no-direct-calls", no_argument, NULL, OPTION_NO_DIRECT_CALLS },
    { "stats", no_argument, NULL, OPTION_STATS },
    { "leak-check", no_argument, NULL, OPTION_LEAK_CHECK },
    { "seed", required_argument, NULL, OPTION_SEED },
    { "preempt", required_argument, NULL, OPTION_PREEMPT },
    { "sched", required_argument, NULL, OPTION_SCHED },
    { "verify", no_argument, NULL, OPTION_VERIFY },
    { "record", required_argument, NULL, OPTION_RECORD },
    { "replay", required_argument, NULL, OPTION_REPLAY },
    SEARCH_OPTIONS
    { "verbose", no_argument, NULL, 'v' },
    { "version", no_argument, NULL, 'V' },
    { "help", optional_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const char help[] =
    "Runs an x86-64 program, of Linux or of the teaching ABI, inside the Eft kernel.\n"
    "\n"
    "  --root=DIR          show the host's DIR as /; PROGRAM is a path below it, or a name\n"
    "                      that is looked for in PATH; without it $SHELL runs, or /bin/sh.\n"
    "                      What is changed there stays in memory, the host's files are as before.\n"
    "                      Without it the guest finds only itself, /dev, /proc and /tmp\n"
    "  --root-rw=DIR       the same, but what is changed there is changed on the host\n"
    "  --bind=HOST:GUEST[:ro]  show HOST, a directory or a file of the host, at GUEST as well;\n"
    "                      changes are the host's, with :ro nothing can be changed.  Several\n"
    "  --save-changes=DIR  at the end write what was changed below --root to DIR, which is empty\n"
    "                      or new: changed files, .wh.NAME for a NAME that is gone\n"
    "  --cwd=DIR           directory to start in (with --root: where you are now, if below DIR)\n"
    "  --env=NAME=VALUE    set a variable of the guest's environment; --env=NAME removes it.\n"
    "                      The rest is this process's environment\n"
    "  --user=UID[:GID]    who the guest is, by numbers (default: you; GID is UID)\n"
    "  --hostname=NAME     what it finds the machine called (default: as the host is)\n"
    "  --cpus=N            virtual CPUs, 1 to 64 (default 1)\n"
    "  --sched=POLICY      how ordinary threads share a CPU: fair (by nice values), rr (each a\n"
    "                      slice in turn), fifo (until it waits); default: fair, and rr for\n"
    "                      programs of the teaching ABI\n"
    "  --memory=SIZE       physical memory, for example 256M or 4G (default 1G)\n"
    "  --trace[=FILTER]    print system calls like strace; FILTER names calls or groups:\n"
    "                      file, memory, process, signal, time, ..., !name to leave out\n"
    "  --trace-file=FILE   print them to FILE instead of stderr; without --trace all of them\n"
    "  --time-limit=SECONDS  stop after so much of your time, say who ran and waited, exit 122\n"
    "  --hang-after=SECONDS  nothing ran for so long: say who waits for what (as Ctrl-\\ does)\n"
    "  --report-file=FILE  reports (deadlock, hang, time limit, ...) as JSON, one a line\n"
    "  --graph=FILE        who waits for whom, as DOT, or as SVG if FILE ends in .svg\n"
    "  --timeline=FILE     what every CPU and thread did when: a page if FILE ends in .html, a\n"
    "                      picture if in .svg, else a trace for Perfetto or chrome://tracing\n"
    "  --timeline-events=FILE  the run that another machine wrote down, without GUEST\n"
    "  --no-direct-calls   system calls always come by signals of the host: slow, but the program\n"
    "                      finds its own instructions unchanged when it reads them\n"
    "  --stats             at the end: times and waits of each thread and semaphore; who starves\n"
    "  --leak-check        at the end: what the kernel holds more than it did at its start\n"
    "  --seed=N            a run that repeats: virtual time, and all that is left open is chosen\n"
    "                      from N; \"random\" picks a number and prints it\n"
    "  --preempt=MODE      where it may be preempted: traps (calls and faults), or blocks (any\n"
    "                      basic block; the default for programs built by eft-cc)\n"
    "  --verify            run it twice, and compare all that happened; 123 if they differ\n"
    "  --record=FILE       write all that came from outside to FILE\n"
    "  --replay=FILE       the recorded run again, without GUEST; 123 and where if it differs\n"
    "  --search[=COUNT]    run it under COUNT schedules (10000), stop at the first failure and\n"
    "                      explain it; its options: --help=search\n"
    "  --log-level=LEVEL   kernel messages: error, warning (default), notice, info, debug\n"
    "  -v, --verbose       the same as --log-level=info\n"
    "  -V, --version       print the version\n"
    "  -h, --help[=search]  print this, or the options of --search\n"
    "\n"
    "Exit status: the guest's; 128+N if signal N killed it; 2 for a wrong command line or a\n"
    "program that cannot be run; 120 if the kernel itself failed; 121 for a deadlock: nothing\n"
    "can ever run again; 122 if the time limit was over; 123 if a run did not repeat; 119 if dpor\n"
    "found nothing but could not cover everything.\n";

static uint64_t parse_size(const char *text)
{
    static const char suffixes[] = "KMGT";
    char *end;

    errno = 0;

    unsigned long long value = strtoull(text, &end, 10);
    unsigned shift = 0;

    if (*end) {
        char letter = (char)(*end & ~0x20);
        const char *suffix = strchr(suffixes, letter);

        if (!suffix || end[1])
            end = (char *)(uintptr_t)text;
        else
            shift = 10 * (unsigned)(suffix - suffixes + 1);
    }
    if (errno == EINVAL || end == text || *text == '-')
        refuse("--memory=%s is not a size; write for example 256M or 4G", text);
    if (errno || value > MEMORY_MAXIMUM >> shift)
        refuse("--memory=%s is too much; the maximum is %lluG", text,
               (unsigned long long)(MEMORY_MAXIMUM >> 30));
    if (value << shift < MEMORY_MINIMUM)
        refuse("--memory=%s is too little; the minimum is %lluM", text,
               (unsigned long long)(MEMORY_MINIMUM >> 20));
    return (value << shift) & ~UINT64_C(4095);
}

static unsigned parse_cpus(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*end || end == text || value < 1 || value > CPUS_LIMIT)
        refuse("--cpus=%s is not a number from 1 to %d", text, CPUS_LIMIT);
    return (unsigned)value;
}

static uint64_t parse_seconds(const char *option, const char *text)
{
    char *end;

    errno = 0;

    double value = strtod(text, &end);

    if (*end || end == text || errno || !(value > 0 && value <= SECONDS_MAXIMUM))
        refuse("--%s=%s is not a number of seconds above 0", option, text);
    return (uint64_t)(value * 1e9);
}

static void parse_scheduling(const char *text)
{
    if (strcmp(text, "fair") != 0 && strcmp(text, "rr") != 0 && strcmp(text, "fifo") != 0)
        refuse("--sched=%s is not one of fair, rr, fifo", text);
    options_add_for_kernel("sched", text);
}

static void parse_level(const char *text)
{
    static const char *const levels[] = { "error", "warning", "notice", "info", "debug" };

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(text, levels[i]) == 0)
            return;
    }
    refuse("--log-level=%s is not one of error, warning, notice, info, debug", text);
}

void options_add_for_kernel(const char *name, const char *value)
{
    char *text;

    if (kernel_option_count == KERNEL_OPTIONS_MAX)
        refuse("too many options");
    if (asprintf(&text, "%s=%s", name, value ? value : "") < 0)
        refuse("no memory");
    kernel_options[kernel_option_count++] = text;
}

static void add_hang_after(const char *text)
{
    char number[24];

    snprintf(number, sizeof(number), "%llu",
             (unsigned long long)parse_seconds("hang-after", text));
    options_add_for_kernel("hang-after", number);
}

void options_change_environment(const char *setting)
{
    const char *equals = strchr(setting, '=');

    if (equals == setting || !*setting)
        refuse("--env=%s has no name; write --env=NAME=VALUE", setting);
    if (!equals) {
        unsetenv(setting);
    } else {
        char *name = strndup(setting, (size_t)(equals - setting));

        if (!name || setenv(name, equals + 1, 1) != 0)
            refuse("no memory");
        free(name);
    }
}

/* Text behind what was printed already. */
static _Noreturn void print_and_exit(const char *text)
{
    fputs(text, stdout);
    if (fflush(stdout) != 0 || ferror(stdout))
        refuse("cannot write this: %s", strerror(errno));
    exit(EXIT_SUCCESS);
}

static _Noreturn void print_help(const char *subject)
{
    const char *name = program_invocation_short_name;

    if (subject && strcmp(subject, "search") != 0)
        refuse("there is no help on \"%s\"; --help=search is on the options of --search", subject);
    printf("Usage: %s", name);
    if (subject)
        print_and_exit(SEARCH_HELP);
    printf(" [OPTION...] GUEST [ARGUMENT...]\n"
           "       %s [OPTION...] --root=DIR [PROGRAM [ARGUMENT...]]\n", name);
    print_and_exit(help);
}

/* The current directory as the guest sees it: below the root, or "/". */
static const char *default_working_directory(const char *root)
{
    char *top = realpath(root, NULL);
    char *here = getcwd(NULL, 0);
    const char *result = "/";

    if (top && here) {
        size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);

        if (strncmp(here, top, length) == 0 && here[length] == '/')
            result = strdup(here + length);
    }
    free(top);
    free(here);
    return result ? result : "/";
}

/* The options about what the guest finds; false: it is another one. */
static bool parse_root(int option, struct options *options)
{
    switch (option) {
    case OPTION_ROOT:
    case OPTION_ROOT_RW:
        options_set_root(options, optarg, option == OPTION_ROOT_RW);
        return true;
    case OPTION_BIND:
        options_add_bind(options, optarg);
        return true;
    case OPTION_SAVE_CHANGES:
        options->save_changes = optarg;
        return true;
    case OPTION_USER:
        options_parse_user(options, optarg);
        return true;
    case OPTION_HOSTNAME:
        options_parse_host_name(options, optarg);
        return true;
    default:
        return false;
    }
}

/* Where an option that takes the name of a file puts it; NULL: another option. */
static const char **file_of(int option, struct options *options)
{
    switch (option) {
    case OPTION_TRACE_FILE:
        return &options->trace_file;
    case OPTION_RECORD:
        return &options->record;
    case OPTION_REPLAY:
        return &options->replay;
    case OPTION_REPORT_FILE:
        return &options->report_file;
    case OPTION_GRAPH:
        return &options->graph_file;
    case OPTION_TIMELINE:
        return &options->timeline_file;
    case OPTION_TIMELINE_EVENTS:
        return &options->timeline_events;
    default:
        return NULL;
    }
}

static void parse_other(int option, struct options *options)
{
    switch (option) {
    case OPTION_CPUS:
        options->cpus = parse_cpus(optarg);
        break;
    case OPTION_MEMORY:
        options->memory_size = parse_size(optarg);
        break;
    case OPTION_ENV:
        options_change_environment(optarg);
        options_note_environment(optarg);
        break;
    case OPTION_CWD:
        options->working_directory = optarg;
        break;
    case OPTION_TRACE:
        options->traced = true;
        options_add_for_kernel("trace", optarg);
        break;
    case OPTION_SEED:
        options_parse_seed(options, optarg);
        break;
    case OPTION_PREEMPT:
        options_parse_preempt(options, optarg);
        break;
    case OPTION_VERIFY:
        options->verify = true;
        break;
    case OPTION_TIME_LIMIT:
        options->time_limit_ns = parse_seconds("time-limit", optarg);
        break;
    case OPTION_HANG_AFTER:
        add_hang_after(optarg);
        break;
    case OPTION_LEAK_CHECK:
        options_add_for_kernel("leak-check", NULL);
        break;
    case OPTION_STATS:
        options_add_for_kernel("stats", NULL);
        break;
    case OPTION_SEARCH_FIRST ... OPTION_SEARCH_LAST:
        search_option((enum search_option)(option - OPTION_SEARCH_FIRST), optarg);
        break;
    case OPTION_LOG_LEVEL:
        parse_level(optarg);
        options_add_for_kernel("log-level", optarg);
        break;
    case 'v':
        options->verbose = true;
        options_add_for_kernel("log-level", "info");
        break;
    case 'V':
        printf("%s", program_invocation_short_name);
        print_and_exit(" (Eft) " EFT_VERSION "\n");
    case 'h':
        print_help(optarg);
    default:
        exit(EXIT_REFUSED);    /* getopt_long has said what is wrong */
    }
}

static void parse_one(int option, struct options *options)
{
    const char **file = file_of(option, options);

    if (file)
        *file = optarg;
    else if (option == OPTION_SCHED)
        parse_scheduling(optarg);
    else if (option == OPTION_NO_DIRECT_CALLS)
        options->no_direct_calls = true;
    else if (!parse_root(option, options))
        parse_other(option, options);
}

static void check_trace(const struct options *options)
{
    if (!options->trace_file)
        return;
    if (!*options->trace_file)
        refuse("--trace-file needs a name");
    if (!options->traced)
        options_add_for_kernel("trace", NULL);
}

void options_parse(int argument_count, char **arguments, struct options *options)
{
    int option, index = -1;

    arguments[0] = program_invocation_short_name;    /* in front of getopt_long's messages */
    *options = (struct options){ .cpus = 1, .memory_size = MEMORY_DEFAULT };
    while ((option = getopt_long(argument_count, arguments, "+vVh", long_options, &index)) != -1) {
        search_note_option(index < 0 ? "verbose" : long_options[index].name, optarg);
        parse_one(option, options);
        index = -1;
    }
    options_check_repeat(options, optind < argument_count || options->root);
    check_trace(options);
    options->arguments = (const char *const *)(arguments + optind);
    options->environment = (const char *const *)environ;
    options->kernel = kernel_options;
    options_choose_program(options);
    options->program_path = options->arguments[0];
    if (options->root && !options->working_directory && !options->seeded)
        options->working_directory = default_working_directory(options->root);
}
