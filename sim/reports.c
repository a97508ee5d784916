/*
 * What is written for programs when a run goes wrong: reports (--report-file) and wait-for graphs
 * (--graph), and the clock that ends runs (--time-limit).
 *
 * A graph replaces the one before it, so it is kept until the end; for a name in .svg graphviz then
 * draws it.  The time limit is wall time, whatever clock the guest sees: a host thread sleeps
 * until it is over, and asks the kernel to stop; if that does not answer, it ends the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define GRACE_NS (3 * NS_PER_SECOND)    /* for the kernel to report and stop */
#define GRAPH_START "digraph "

extern char **environ;

static int report = -1;    /* descriptors; -1: not wanted */
static int graph = -1;
static const char *graph_file;
static char *graph_text;
static size_t graph_length;

/* ---- Files --------------------------------------------------------------------------------- */

static int open_output(const char *option, const char *path)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (descriptor < 0)
        refuse("%s: cannot write %s: %s", option, path, strerror(errno));
    return descriptor;
}

static bool write_all(int descriptor, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(descriptor, text, length);

        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
    return true;
}

void reports_write(const char *text, size_t length)
{
    if (report >= 0 && !write_all(report, text, length)) {
        sim_note("the report is cut: %s", strerror(errno));
        report = -1;
    }
}

void reports_write_graph(const char *text, size_t length)
{
    char *larger;

    if (graph < 0)
        return;
    if (strncmp(text, GRAPH_START, strlen(GRAPH_START)) == 0)
        graph_length = 0;
    larger = realloc(graph_text, graph_length + length);
    if (!larger)
        return;
    graph_text = larger;
    memcpy(graph_text + graph_length, text, length);
    graph_length += length;
}

/* ---- Drawing ------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* The graph as a file that a child can read. */
static int graph_as_input(void)
{
    int descriptor = memfd_create("graph", 0);

    if (descriptor >= 0 && (!write_all(descriptor, graph_text, graph_length) ||
                            lseek(descriptor, 0, SEEK_SET) != 0)) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

/* Returns whether graphviz is there and was content. */
static bool draw(void)
{
    static char program[] = "dot", format[] = "-Tsvg";
    char *const arguments[] = { program, format, NULL };
    posix_spawn_file_actions_t actions;
    int input = graph_as_input();
    int status = -1;
    pid_t child;

    if (input < 0 || posix_spawn_file_actions_init(&actions) != 0)
        return false;
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, graph, STDOUT_FILENO);
    user_observed_end();
    if (posix_spawnp(&child, "dot", &actions, NULL, arguments, environ) == 0)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            continue;
    posix_spawn_file_actions_destroy(&actions);
    close(input);
    return status == 0;
}

/* Without graphviz the graph itself is better than nothing. */
static void save_source(void)
{
    char *path;
    int descriptor;

    if (asprintf(&path, "%s.dot", graph_file) < 0)
        return;
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor >= 0 && write_all(descriptor, graph_text, graph_length))
        sim_note("%s cannot be drawn: graphviz (dot) is not installed, or failed; "
                 "the graph is in %s", graph_file, path);
    free(path);
}

void reports_finish(void)
{
    if (graph < 0)
        return;
    if (graph_length == 0) {
        unlink(graph_file);    /* nothing went wrong */
    } else if (!ends_with(graph_file, ".svg")) {
        if (!write_all(graph, graph_text, graph_length))
            sim_note("cannot write %s: %s", graph_file, strerror(errno));
    } else if (!draw()) {
        unlink(graph_file);
        save_source();
    }
    graph = -1;
}

/* ---- The time limit ------------------------------------------------------------------------ */

static void sleep_ns(uint64_t ns)
{
    struct timespec rest = { .tv_sec = (time_t)(ns / NS_PER_SECOND),
                             .tv_nsec = (long)(ns % NS_PER_SECOND) };

    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        continue;
}

static void *end_in_time(void *limit)
{
    static const char message[] = "sim: time limit: the kernel does not answer\n";

    sleep_ns(*(const uint64_t *)limit);
    interrupt_raise(0, INTERRUPT_TIME_LIMIT);
    syscall(SYS_tgkill, getpid(), signals_main_thread(), SIGALRM);
    sleep_ns(GRACE_NS);
    host_restore();
    (void)!write(STDERR_FILENO, message, sizeof(message) - 1);
    _exit(EXIT_TIME_LIMIT);
}

static void start_time_limit(uint64_t limit_ns)
{
    static uint64_t limit;
    sigset_t every, before;
    pthread_t thread;

    limit = limit_ns;
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, &before);
    if (pthread_create(&thread, NULL, end_in_time, &limit) != 0)
        refuse("the host gives no thread for --time-limit");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void reports_init(const struct options *options)
{
    if (options->report_file)
        report = open_output("--report-file", options->report_file);
    if (options->graph_file)
        graph = open_output("--graph", options->graph_file);
    graph_file = options->graph_file;
    if (options->time_limit_ns > 0)
        start_time_limit(options->time_limit_ns);
}
