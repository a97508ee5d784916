/*
 * Timelines as Chrome's trace events (JSON array format): Perfetto and chrome://tracing open them.
 *
 * Written while the run goes on.  The array's end may be missing when the process is killed: the
 * format allows that.  CPUs are the threads of a process of their own; each thread of a guest has a
 * track for its states and one for its calls, because slices of one track must nest.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "timeline.h"

#define BUFFER_SIZE 65536u
#define LINE_SIZE 512
#define MACHINE_PROCESS 4194304    /* above every id of a guest */
#define CALLS_TRACK 8388608        /* added to a thread's id */
#define NS_PER_US 1000u

static int output = -1;
static char buffer[BUFFER_SIZE];
static size_t used;
static bool failed;
static uint64_t flow_count;

static const char *const look_colors[LOOKS] = {
    [LOOK_RUNNING] = "thread_state_running",  [LOOK_READY] = "thread_state_runnable",
    [LOOK_SEMAPHORE] = "terrible",            [LOOK_PROCESS] = "bad",
    [LOOK_INPUT] = "thread_state_iowait",     [LOOK_SLEEP] = "thread_state_sleeping",
    [LOOK_OTHER_WAIT] = "thread_state_unknown", [LOOK_CALL] = "good", [LOOK_MERGED] = "grey",
};

/* ---- Output -------------------------------------------------------------------------------- */

static void flush(void)
{
    size_t done = 0;

    while (done < used && !failed) {
        ssize_t written = write(output, buffer + done, used - done);

        if (written > 0)
            done += (size_t)written;
        else if (errno != EINTR)
            failed = true;
    }
    used = 0;
}

__attribute__((format(printf, 1, 2))) static void put(const char *pattern, ...)
{
    char line[LINE_SIZE];
    va_list arguments;

    va_start(arguments, pattern);
    int length = vsnprintf(line, sizeof(line), pattern, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(line))
        return;
    if (used + (size_t)length > BUFFER_SIZE)
        flush();
    memcpy(buffer + used, line, (size_t)length);
    used += (size_t)length;
}

/* A JSON string, with its quotes; bytes that are no ASCII are taken as Latin-1. */
static const char *quoted(const char *text)
{
    static char result[6 * TIMELINE_NAME_SIZE + 3];
    size_t at = 0;

    result[at++] = '"';
    for (size_t i = 0; text[i] && i < TIMELINE_NAME_SIZE; i++) {
        unsigned char byte = (unsigned char)text[i];
        char piece[8] = { (char)byte };

        if (byte == '"' || byte == '\\')
            snprintf(piece, sizeof(piece), "\\%c", byte);
        else if (byte < ' ' || byte >= 0x7f)
            snprintf(piece, sizeof(piece), "\\u%04x", byte);
        memcpy(result + at, piece, strlen(piece));
        at += strlen(piece);
    }
    result[at++] = '"';
    result[at] = '\0';
    return result;
}

/* Microseconds, as the format wants them, to the nanosecond. */
#define TIME "%" PRIu64 ".%03u"
#define TIME_OF(ns) (ns) / NS_PER_US, (unsigned)((ns) % NS_PER_US)

/* ---- The writer ---------------------------------------------------------------------------- */

static void name_track(int32_t process_id, int32_t track, const char *name, const char *suffix)
{
    char text[TIMELINE_NAME_SIZE];

    snprintf(text, sizeof(text), "%s%s", name, suffix);
    put(",\n{\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"name\":\"thread_name\",\"args\":{\"name\":%s}}",
        process_id, track, quoted(text));
}

static bool json_begin(const char *path)
{
    output = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output < 0)
        return false;
    put("[{\"ph\":\"M\",\"pid\":%d,\"name\":\"process_name\",\"args\":{\"name\":\"CPUs\"}}",
        MACHINE_PROCESS);
    put(",\n{\"ph\":\"M\",\"pid\":%d,\"name\":\"process_sort_index\",\"args\":{\"sort_index\":-1}}",
        MACHINE_PROCESS);
    return true;
}

static void json_thread(int32_t thread_id, int32_t process_id, const char *name)
{
    put(",\n{\"ph\":\"M\",\"pid\":%d,\"name\":\"process_name\",\"args\":{\"name\":%s}}",
        process_id, quoted(name));
    name_track(process_id, thread_id, name, "");
    name_track(process_id, thread_id + CALLS_TRACK, name, " calls");
}

static void json_slice(const struct timeline_slice *slice)
{
    int32_t process = slice->row == ROW_CPU ? MACHINE_PROCESS : slice->process_id;
    int32_t track = slice->row == ROW_CALLS ? slice->id + CALLS_TRACK : slice->id;
    static bool named[4096];

    if (slice->row == ROW_CPU && !named[slice->id % 4096]) {
        char name[TIMELINE_NAME_SIZE];

        named[slice->id % 4096] = true;
        snprintf(name, sizeof(name), "CPU %d", slice->id);
        name_track(MACHINE_PROCESS, track, name, "");
    }
    put(",\n{\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"ts\":" TIME ",\"dur\":" TIME ",\"name\":%s",
        process, track, TIME_OF(slice->start_ns), TIME_OF(slice->end_ns - slice->start_ns),
        quoted(slice->name));
    if (slice->row == ROW_CPU)
        put(",\"args\":{\"process\":%d,\"thread\":%d}}", slice->process_id, slice->thread_id);
    else
        put(",\"cname\":\"%s\"}", look_colors[slice->look]);
}

static void json_wake(const struct timeline_wake *wake)
{
    flow_count++;
    put(",\n{\"ph\":\"s\",\"id\":%" PRIu64 ",\"pid\":%d,\"tid\":%d,\"ts\":" TIME
        ",\"name\":\"wakes\",\"cat\":\"wake\"}", flow_count, wake->from_process,
        wake->from_thread, TIME_OF(wake->woken_ns));
    put(",\n{\"ph\":\"f\",\"bp\":\"e\",\"id\":%" PRIu64 ",\"pid\":%d,\"tid\":%d,\"ts\":" TIME
        ",\"name\":\"wakes\",\"cat\":\"wake\"}", flow_count, wake->to_process, wake->to_thread,
        TIME_OF(wake->runs_ns));
}

static void json_counter(const char *name, uint64_t at_ns, int64_t value)
{
    put(",\n{\"ph\":\"C\",\"pid\":%d,\"ts\":" TIME ",\"name\":%s,\"args\":{\"value\":%" PRId64 "}}",
        MACHINE_PROCESS, TIME_OF(at_ns), quoted(name), value);
}

static void json_mark(int32_t thread_id, int32_t process_id, uint64_t at_ns, const char *name)
{
    put(",\n{\"ph\":\"i\",\"s\":\"%s\",\"pid\":%d,\"tid\":%d,\"ts\":" TIME ",\"name\":%s}",
        thread_id ? "t" : "g", thread_id ? process_id : MACHINE_PROCESS, thread_id,
        TIME_OF(at_ns), quoted(name));
}

static bool json_end(uint64_t end_ns)
{
    (void)end_ns;
    put("]\n");
    flush();
    return !failed && close(output) == 0;
}

const struct timeline_writer timeline_json = {
    .begin = json_begin,
    .thread = json_thread,
    .slice = json_slice,
    .wake = json_wake,
    .counter = json_counter,
    .mark = json_mark,
    .end = json_end,
};
