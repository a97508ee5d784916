/*
 * --verify: two processes run the same thing at the same time and report their events through
 * pipes; this one compares them as they come, so nothing is stored and the first difference is
 * known with both of its sides.
 *
 * Each of the two is started anew, so that the host places everything elsewhere; both get the
 * input from a copy.  The first one's output is seen, the second one's is not: it is part of what
 * is compared.
 */
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal.h"
#include "sim.h"

#define ROLE "EFT_VERIFY"         /* in the environment of the two: descriptor, role, seed */
#define RUNS 2
#define BUFFERED 1024
#define FIRST_DESCRIPTOR 10       /* away from the standard ones, which may be closed */
#define INPUT_MAX ((off_t)256 << 20)
#define KIND_END UINT32_MAX

struct run {
    pid_t process;
    int events;                   /* read end of its pipe */
    struct observer_event buffer[BUFFERED];
    size_t count, next;           /* in the buffer */
};

static int report = -1;           /* one of the two: write end */
static struct observer_event reported[BUFFERED];
static size_t reported_count;

/* ---- One of the two ------------------------------------------------------------------------- */

static void flush_reports(void)
{
    const char *next = (const char *)reported;
    size_t rest = reported_count * sizeof(reported[0]);

    reported_count = 0;
    while (rest > 0) {
        ssize_t written = write(report, next, rest);

        if (written < 0 && errno != EINTR)
            _exit(EXIT_DIVERGED);    /* nobody compares any more */
        if (written > 0) {
            next += written;
            rest -= (size_t)written;
        }
    }
}

bool verify_is_one_of_two(void)
{
    return report >= 0 || getenv(ROLE) != NULL;
}

void verify_event(const struct observer_event *event)
{
    if (report < 0)
        return;
    reported[reported_count++] = *event;
    if (reported_count == BUFFERED)
        flush_reports();
}

void verify_finish(int status)
{
    const struct observer_event end = {
        .kind = KIND_END,
        .numbers = { (uint64_t)status, journal_count(), journal_hash() },
    };

    if (report < 0)
        return;
    verify_event(&end);
    flush_reports();
    report = -1;
}

static void become_one_of_two(struct options *options, const char *role)
{
    unsigned number;

    if (sscanf(role, "%d %u %" SCNu64, &report, &number, &options->seed) != 3)
        refuse("%s is not to be set by hand", ROLE);
    unsetenv(ROLE);
    options->seeded = true;
    if (number > 0)
        options_write_nothing(options);
}

/* ---- The one that compares ------------------------------------------------------------------ */

static int safe_descriptor(int descriptor)
{
    int safe = descriptor < 0 ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);

    if (safe < 0)
        refuse("--verify gets no descriptor: %s", strerror(errno));
    close(descriptor);
    return safe;
}

static void copy_all(int from, int to)
{
    char chunk[65536];
    off_t total = 0;
    ssize_t count;

    while ((count = read(from, chunk, sizeof(chunk))) != 0) {
        if (count < 0 && errno != EINTR)
            refuse("cannot read the input: %s", strerror(errno));
        if (count > 0 && write(to, chunk, (size_t)count) != count)
            refuse("cannot keep the input for two runs: %s", strerror(errno));
        total += count > 0 ? count : 0;
        if (total > INPUT_MAX)
            refuse("the input is too long for --verify");
    }
}

/* A file with all of the input; -1: standard input is closed. */
static int prepare_input(void)
{
    if (fcntl(STDIN_FILENO, F_GETFD) < 0)
        return -1;
    if (isatty(STDIN_FILENO))
        refuse("--verify runs the program twice and cannot read a terminal: give the input as a "
               "file or pipe (< /dev/null for none)");

    int copy = safe_descriptor(memfd_create("eft-input", MFD_CLOEXEC));

    copy_all(STDIN_FILENO, copy);
    return copy;
}

/* One that is closed stays so. */
static void redirect(const char *path, int mode, int to)
{
    if (fcntl(to, F_GETFD) < 0)
        return;

    int descriptor = open(path, mode);

    if (descriptor < 0 || dup2(descriptor, to) < 0)
        _exit(EXIT_REFUSED);
    if (descriptor != to)
        close(descriptor);
}

static _Noreturn void run_one(unsigned number, int input, int events, uint64_t seed,
                              char **arguments)
{
    char text[96];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (input >= 0) {
        snprintf(text, sizeof(text), "/proc/self/fd/%d", input);
        redirect(text, O_RDONLY, STDIN_FILENO);
    }
    if (number > 0) {
        redirect("/dev/null", O_WRONLY, STDOUT_FILENO);
        redirect("/dev/null", O_WRONLY, STDERR_FILENO);
    }
    fcntl(events, F_SETFD, 0);
    snprintf(text, sizeof(text), "%d %u %" PRIu64, events, number, seed);
    setenv(ROLE, text, 1);
    execv("/proc/self/exe", arguments);
    _exit(EXIT_REFUSED);
}

static void start(struct run *run, unsigned number, int input, uint64_t seed, char **arguments)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        refuse("--verify gets no pipe: %s", strerror(errno));
    ends[0] = safe_descriptor(ends[0]);
    ends[1] = safe_descriptor(ends[1]);
    fflush(NULL);
    run->process = fork();
    if (run->process < 0)
        refuse("--verify gets no process: %s", strerror(errno));
    if (run->process == 0)
        run_one(number, input, ends[1], seed, arguments);
    close(ends[1]);
    run->events = ends[0];
}

static void fill(struct run *run)
{
    char *bytes = (char *)run->buffer;
    size_t have = 0;

    while (have < sizeof(run->buffer) && (have == 0 || have % sizeof(run->buffer[0]) != 0)) {
        ssize_t count = read(run->events, bytes + have, sizeof(run->buffer) - have);

        if (count == 0)
            break;
        have += count > 0 ? (size_t)count : 0;
    }
    run->count = have / sizeof(run->buffer[0]);
    run->next = 0;
}

/* NULL: the process is gone without having reported its end. */
static const struct observer_event *next_event(struct run *run)
{
    if (run->next == run->count)
        fill(run);
    return run->next < run->count ? &run->buffer[run->next++] : NULL;
}

static void describe(const struct observer_event *event, char *text, size_t size)
{
    if (!event)
        snprintf(text, size, "nothing: the process died");
    else if (event->kind == KIND_END)
        snprintf(text, size, "the end, exit status %" PRIu64, event->numbers[0]);
    else
        journal_describe(event, text, size);
}

static bool same(const struct observer_event *first, const struct observer_event *second)
{
    return first && second ? journal_same(first, second) : first == second;
}

static int end_of(const struct run *run)
{
    int status = 0;

    while (waitpid(run->process, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static _Noreturn void differ(struct run *runs, uint64_t index, const struct observer_event *first,
                             const struct observer_event *second)
{
    char texts[RUNS][160];

    describe(first, texts[0], sizeof(texts[0]));
    describe(second, texts[1], sizeof(texts[1]));
    for (unsigned i = 0; i < RUNS; i++)
        kill(runs[i].process, SIGKILL);
    for (unsigned i = 0; i < RUNS; i++)
        end_of(&runs[i]);
    fprintf(stderr, "verify: the runs differ at event %" PRIu64 ": %s in the first, %s in the "
            "second\n", index, texts[0], texts[1]);
    exit(EXIT_DIVERGED);
}

static _Noreturn void compare(struct run *runs)
{
    for (uint64_t index = 0;; index++) {
        const struct observer_event *first = next_event(&runs[0]);
        const struct observer_event *second = next_event(&runs[1]);

        if (!same(first, second))
            differ(runs, index, first, second);
        if (!first || first->kind == KIND_END)
            break;
    }

    int status = end_of(&runs[0]);
    int other = end_of(&runs[1]);

    if (status != other) {
        fprintf(stderr, "verify: the runs end with status %d and %d\n", status, other);
        exit(EXIT_DIVERGED);
    }
    fprintf(stderr, "verify: %d runs, hash identical\n", RUNS);
    exit(status);
}

void verify_start(struct options *options, char **arguments)
{
    static struct run runs[RUNS];
    const char *role = getenv(ROLE);

    if (role) {
        become_one_of_two(options, role);
        return;
    }
    if (!options->verify)
        return;

    int input = prepare_input();

    for (unsigned i = 0; i < RUNS; i++)
        start(&runs[i], i, input, options->seed, arguments);
    compare(runs);
}
