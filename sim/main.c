/*
 * The hosted port's program: sets the machine up, starts the kernel, and takes everything down
 * again when the kernel halts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#include "chooser.h"
#include "journal.h"
#include "record.h"
#include "search/search.h"
#include "sim.h"
#include "timeline.h"
#include "verify.h"
#include "window.h"

#define RESTARTED "EFT_RESTARTED"              /* in the environment of the second start only */
#define STACK_LIMIT ((rlim_t)8 << 20)
#define PERSONALITY_ASK 0xffffffffu

void host_restore(void)
{
    console_restore();
    signals_restore();
}

void refuse(const char *pattern, ...)
{
    va_list arguments;

    host_restore();
    if (!search_may_refuse())
        exit(EXIT_REFUSED);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(arguments, pattern);
    vfprintf(stderr, pattern, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_REFUSED);
}

void sim_note(const char *pattern, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, pattern);
    vsnprintf(text, sizeof(text), pattern, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s%s", program_invocation_short_name, text,
            console_is_raw() ? "\r\n" : "\n");
}

/* ---- Runs that repeat ---------------------------------------------------------------------- */

static bool is_verbose;
static uint64_t began_ns;
static char **own_arguments;

static void run_init(const struct options *options)
{
    is_verbose = options->verbose;
    began_ns = clock_host_ns();
    stream_init();
    user_observed_options(options);
    journal_init();
    if (options->record)
        record_create(options);
}

static int run_finish(int status)
{
    if (!chooser_is_active())
        return status;
    status = record_finish(status);
    verify_finish(status);
    if (is_verbose)
        sim_note("exit %d, virtual %.9f s, real %.3f s, seed %" PRIu64 ", %" PRIu64
                 " events, hash %016" PRIx64, status, (double)machine_time_ns() / 1e9,
                 (double)(clock_host_ns() - began_ns) / 1e9, machine_info()->random_seed,
                 journal_count(), journal_hash());
    return status;
}

/* -------------------------------------------------------------------------------------------- */

static int exit_status_of(enum machine_halt why, int status)
{
    switch (why) {
    case MACHINE_HALT_OK:
    case MACHINE_HALT_RESTART:
        return status;
    case MACHINE_HALT_REFUSED:
        return EXIT_REFUSED;
    case MACHINE_HALT_PANIC:
        return EXIT_PANIC;
    case MACHINE_HALT_DEADLOCK:
        return EXIT_DEADLOCK;
    case MACHINE_HALT_TIME_LIMIT:
        return EXIT_TIME_LIMIT;
    }
    abort();
}

/* What a timeline says of it; NULL: the usual end. */
static const char *ending_of(enum machine_halt why)
{
    switch (why) {
    case MACHINE_HALT_OK:
    case MACHINE_HALT_REFUSED:
    case MACHINE_HALT_RESTART:
        return NULL;
    case MACHINE_HALT_PANIC:
        return "panic";
    case MACHINE_HALT_DEADLOCK:
        return "deadlock";
    case MACHINE_HALT_TIME_LIMIT:
        return "time limit";
    }
    abort();
}

/* The machine's new start is this program's.  A run that is to be repeated ends instead. */
_Noreturn static void start_again(void)
{
    execv("/proc/self/exe", own_arguments);
    refuse("cannot start again: %s", strerror(errno));
}

void machine_halt(enum machine_halt why, int status)
{
    search_halt(why, status);
    host_restore();
    timeline_finish(ending_of(why));
    if (why != MACHINE_HALT_PANIC)
        reports_finish();
    status = run_finish(exit_status_of(why, status));
    if (why == MACHINE_HALT_PANIC)
        _exit(status);
    if (why == MACHINE_HALT_RESTART && !chooser_is_active())
        start_again();
    exit(status);
}

/* In the legacy layout of address spaces, which an unlimited stack or a personality chooses,
 * the host's libraries lie where guests live.  The program starts again without it, once. */
static void leave_legacy_layout(char **arguments)
{
    struct rlimit limit;

    if (window_claim()) {
        unsetenv(RESTARTED);
        return;
    }
    if (getenv(RESTARTED) || getrlimit(RLIMIT_STACK, &limit) != 0)
        refuse("the host placed its own mappings where guests live, below %#llx",
               (unsigned long long)GUEST_END);
    limit.rlim_cur = limit.rlim_max < STACK_LIMIT ? limit.rlim_max : STACK_LIMIT;
    setrlimit(RLIMIT_STACK, &limit);
    personality((unsigned long)personality(PERSONALITY_ASK) & ~(unsigned long)ADDR_COMPAT_LAYOUT);
    setenv(RESTARTED, "1", 1);
    execv("/proc/self/exe", arguments);
    refuse("cannot start again without the legacy layout of address spaces");
}

int main(int argument_count, char **arguments)
{
    struct options options;

    own_arguments = arguments;
    info_init_ranges();
    leave_legacy_layout(arguments);
    options_parse(argument_count, arguments, &options);
    if (options.timeline_events)
        timeline_replay(&options);
    search_prepare(&options);
    verify_start(&options, arguments);
    channel_init();    /* before anything is opened: 0 to 2 are the guest's, open or not */
    options_make_repeatable(&options);
    options_tell_user(&options);
    info_init(&options);
    memory_init(options.memory_size);
    options_open_roots(&options);
    if (options.root) {
        symbols_init(NULL);
    } else {
        archive_init(options.program_path, options.arguments[0]);
        symbols_init(options.program_path);
        options_add_for_kernel("program", archive_program_name());
    }
    cpu_init(options.cpus);
    signals_init();
    clock_init(&options);
    console_init(options.trace_file);
    reports_init(&options);
    timeline_init(&options);
    user_run_init(!options.no_direct_calls);
    if (options.observed)
        run_init(&options);
    search_start();
    cpu_start_kernel();
}
