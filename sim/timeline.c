/*
 * From events to slices: what every thread and CPU is doing, followed event by event.
 *
 * All this runs inside the kernel's calls of the observer, on the main thread, with locks held: it
 * calls nothing of the kernel but kernel_name.  Memory is used for threads that live and for
 * semaphores; all else goes to the writer at once.
 */
#include "timeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chooser.h"
#include "config.h"
#include "debug/trace.h"
#include "machine/observer.h"
#include "search/search.h"
#include "sim.h"

#define THREAD_BUCKETS 4096u    /* a power of two */
#define SEMAPHORE_BUCKETS 256u

/* The kernel's states of threads, by their names. */
enum state { STATE_NEW, STATE_READY, STATE_RUNNING, STATE_BLOCKED, STATE_DEAD };

struct thread_track {
    struct thread_track *next;
    int32_t id, process_id;
    enum state state;
    uint64_t since_ns;
    enum timeline_look look;               /* of what it waits for */
    char wait[TIMELINE_NAME_SIZE];
    char name[THREAD_NAME_SIZE];
    char call[TIMELINE_NAME_SIZE];         /* "": in none */
    uint64_t call_since_ns;
    int32_t woken_by, woken_by_process;    /* 0: nobody that could be drawn */
    uint64_t woken_ns;
};

struct cpu_track {
    int32_t thread_id;    /* 0: idle */
    uint64_t since_ns;
};

struct semaphore_track {
    struct semaphore_track *next;
    uint64_t id;
    char name[TIMELINE_NAME_SIZE];
};

static const struct timeline_writer *writer;
static const char *file;
static struct thread_track *threads[THREAD_BUCKETS];
static struct semaphore_track *semaphores[SEMAPHORE_BUCKETS];
static struct cpu_track cpus[CPUS_MAX];
static int64_t ready_count;
static uint64_t last_ns;
static const char *event_name;    /* what the machine calls it that the event is of */

/* ---- Threads ------------------------------------------------------------------------------- */

static struct thread_track *track_of(int32_t id)
{
    struct thread_track *track = threads[(uint32_t)id % THREAD_BUCKETS];

    while (track && track->id != id)
        track = track->next;
    return track;
}

static void add_thread(int32_t id, int32_t process_id, uint64_t now_ns)
{
    struct thread_track *track = calloc(1, sizeof(*track));

    if (!track)
        return;
    track->id = id;
    track->process_id = process_id;
    track->since_ns = now_ns;
    track->next = threads[(uint32_t)id % THREAD_BUCKETS];
    threads[(uint32_t)id % THREAD_BUCKETS] = track;
}

static void remove_thread(int32_t id)
{
    struct thread_track **link = &threads[(uint32_t)id % THREAD_BUCKETS];

    while (*link && (*link)->id != id)
        link = &(*link)->next;
    if (!*link)
        return;

    struct thread_track *track = *link;

    *link = track->next;
    free(track);
}

/* Whom the event is about that happened on this CPU; NULL: it is idle. */
static struct thread_track *current_on(uint32_t cpu)
{
    return cpus[cpu].thread_id ? track_of(cpus[cpu].thread_id) : NULL;
}

void timeline_use_name(const char *name)
{
    event_name = name;
}

static const char *name_of(enum kernel_name of, uint64_t number)
{
    if (event_name)
        return *event_name ? event_name : NULL;
    return kernel_name(of, number);
}

/* ---- Slices -------------------------------------------------------------------------------- */

static void end_state(const struct thread_track *track, uint64_t now_ns)
{
    static const struct {
        enum timeline_look look;
        const char *name;
    } states[] = {
        [STATE_READY] = { LOOK_READY, "ready" },
        [STATE_RUNNING] = { LOOK_RUNNING, "running" },
    };
    struct timeline_slice slice = {
        .row = ROW_THREAD,
        .id = track->id,
        .thread_id = track->id,
        .process_id = track->process_id,
        .start_ns = track->since_ns,
        .end_ns = now_ns,
    };

    if (track->state == STATE_NEW || track->state == STATE_DEAD)
        return;
    if (track->state == STATE_BLOCKED) {
        slice.look = track->look;
        slice.name = track->wait;
    } else {
        slice.look = states[track->state].look;
        slice.name = states[track->state].name;
    }
    writer->slice(&slice);
}

static void end_call(struct thread_track *track, uint64_t now_ns)
{
    const struct timeline_slice slice = {
        .row = ROW_CALLS,
        .look = LOOK_CALL,
        .id = track->id,
        .thread_id = track->id,
        .process_id = track->process_id,
        .start_ns = track->call_since_ns,
        .end_ns = now_ns,
        .name = track->call,
    };

    if (track->call[0])
        writer->slice(&slice);
    track->call[0] = '\0';
}

static void end_cpu(uint32_t cpu, uint64_t now_ns)
{
    const struct thread_track *track = current_on(cpu);
    char name[TIMELINE_NAME_SIZE];
    const struct timeline_slice slice = {
        .row = ROW_CPU,
        .look = LOOK_RUNNING,
        .id = (int32_t)cpu,
        .thread_id = cpus[cpu].thread_id,
        .process_id = track ? track->process_id : 0,
        .start_ns = cpus[cpu].since_ns,
        .end_ns = now_ns,
        .name = name,
    };

    if (cpus[cpu].thread_id == 0)
        return;
    snprintf(name, sizeof(name), "%s %d", track ? track->name : "thread", cpus[cpu].thread_id);
    writer->slice(&slice);
}

/* ---- Events -------------------------------------------------------------------------------- */

/* Whoever runs where somebody is made ready has woken it, unless time or the world outside did. */
static void note_waker(struct thread_track *woken, const struct observer_event *event)
{
    const struct thread_track *waker = current_on(event->cpu);

    woken->woken_by = 0;
    if (!waker || waker == woken || woken->look == LOOK_SLEEP || woken->look == LOOK_INPUT)
        return;
    woken->woken_by = waker->id;
    woken->woken_by_process = waker->process_id;
    woken->woken_ns = event->time_ns;
}

static void draw_wake(struct thread_track *woken, uint64_t now_ns)
{
    const struct timeline_wake wake = {
        .from_thread = woken->woken_by,
        .from_process = woken->woken_by_process,
        .to_thread = woken->id,
        .to_process = woken->process_id,
        .woken_ns = woken->woken_ns,
        .runs_ns = now_ns,
    };

    if (woken->woken_by != 0)
        writer->wake(&wake);
    woken->woken_by = 0;
}

static void state_changed(const struct observer_event *event)
{
    struct thread_track *track = track_of((int32_t)event->numbers[0]);
    enum state from = (enum state)event->numbers[1], to = (enum state)event->numbers[2];
    int64_t ready_before = ready_count;

    if (!track)
        return;
    ready_count += (to == STATE_READY) - (from == STATE_READY);
    if (ready_count != ready_before)
        writer->counter("ready threads", event->time_ns, ready_count);
    end_state(track, event->time_ns);
    if (from == STATE_BLOCKED && to == STATE_READY)
        note_waker(track, event);
    if (to == STATE_RUNNING)
        draw_wake(track, event->time_ns);
    track->state = to;
    track->since_ns = event->time_ns;
}

static void switched(const struct observer_event *event)
{
    int32_t previous = (int32_t)event->numbers[0];
    struct thread_track *track = track_of(previous);

    end_cpu(event->cpu, event->time_ns);
    cpus[event->cpu] = (struct cpu_track){ (int32_t)event->numbers[1], event->time_ns };
    if (track && track->state == STATE_DEAD) {
        end_call(track, event->time_ns);
        remove_thread(previous);
    }
}

static void thread_named(const struct observer_event *event)
{
    struct thread_track *track = track_of((int32_t)event->numbers[0]);

    if (!track)
        return;
    memcpy(track->name, &event->numbers[1], sizeof(track->name));
    track->name[sizeof(track->name) - 1] = '\0';
    writer->thread(track->id, track->process_id, track->name);
}

static enum timeline_look look_of(const char *kind)
{
    static const struct {
        const char *name;
        enum timeline_look look;
    } looks[] = {
        { "semaphore", LOOK_SEMAPHORE }, { "futex", LOOK_SEMAPHORE }, { "mutex", LOOK_SEMAPHORE },
        { "child", LOOK_PROCESS },       { "input", LOOK_INPUT },     { "output", LOOK_INPUT },
        { "poll", LOOK_INPUT },          { "sleep", LOOK_SLEEP },
    };

    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        if (strcmp(kind, looks[i].name) == 0)
            return looks[i].look;
    }
    return LOOK_OTHER_WAIT;
}

static void name_semaphore(uint64_t id, char *name)
{
    uint32_t key = (uint32_t)id;

    snprintf(name, TIMELINE_NAME_SIZE, key < 0x1000 ? "semaphore %u" : "semaphore 0x%x", key);
}

static void wait_began(const struct observer_event *event)
{
    struct thread_track *track = current_on(event->cpu);
    const char *kind = name_of(KERNEL_NAME_WAIT, event->numbers[0]);
    unsigned long long object = event->numbers[1];

    if (!track)
        return;
    if (!kind)
        kind = "something";
    track->look = look_of(kind);
    if (strcmp(kind, "semaphore") == 0)
        name_semaphore(object, track->wait);
    else if (track->look == LOOK_PROCESS)
        snprintf(track->wait, sizeof(track->wait), "process %llu to end", object);
    else if (strcmp(kind, "futex") == 0)
        snprintf(track->wait, sizeof(track->wait), "futex 0x%llx", object);
    else
        snprintf(track->wait, sizeof(track->wait), "%s", kind);
}

static void call_began(const struct observer_event *event)
{
    struct thread_track *track = current_on(event->cpu);
    const char *name = name_of(KERNEL_NAME_CALL, event->numbers[0]);

    if (!track)
        return;
    end_call(track, event->time_ns);    /* one that does not return in the usual way */
    if (name)
        snprintf(track->call, sizeof(track->call), "%s", name);
    else
        snprintf(track->call, sizeof(track->call), "call %llu",
                 (unsigned long long)event->numbers[0]);
    track->call_since_ns = event->time_ns;
}

static void call_ended(const struct observer_event *event)
{
    struct thread_track *track = current_on(event->cpu);

    if (track)
        end_call(track, event->time_ns);
}

/* Two sets may have the same key: the second one's counter has its set in its name. */
static const char *counter_name(uint64_t id)
{
    struct semaphore_track **bucket = &semaphores[(id ^ id >> 32) % SEMAPHORE_BUCKETS];
    struct semaphore_track *track = *bucket;

    while (track && track->id != id)
        track = track->next;
    if (track)
        return track->name;
    track = calloc(1, sizeof(*track));
    if (!track)
        return NULL;
    track->id = id;
    name_semaphore(id, track->name);
    for (const struct semaphore_track *other = *bucket; other; other = other->next) {
        if ((uint32_t)other->id == (uint32_t)id)
            snprintf(track->name, sizeof(track->name), "semaphore %u of set %u", (uint32_t)id,
                     (uint32_t)(id >> 32));
    }
    track->next = *bucket;
    *bucket = track;
    return track->name;
}

static void semaphore_changed(const struct observer_event *event)
{
    const char *name = counter_name(event->numbers[0]);

    if (name)
        writer->counter(name, event->time_ns, (int64_t)event->numbers[1]);
}

/* The thread was started before its process was told of. */
static void process_started(const struct observer_event *event)
{
    struct thread_track *track = track_of((int32_t)event->numbers[2]);

    if (track)
        track->process_id = (int32_t)event->numbers[0];
    else
        add_thread((int32_t)event->numbers[2], (int32_t)event->numbers[0], event->time_ns);
}

static void process_ended(const struct observer_event *event)
{
    const struct thread_track *track = current_on(event->cpu);
    char name[TIMELINE_NAME_SIZE];

    snprintf(name, sizeof(name), "process %lld ended", (long long)event->numbers[0]);
    if (track)
        writer->mark(track->id, track->process_id, event->time_ns, name);
}

static void thread_started(const struct observer_event *event)
{
    const struct thread_track *parent = current_on(event->cpu);
    int32_t id = (int32_t)event->numbers[0];

    if (!track_of(id))
        add_thread(id, parent ? parent->process_id : id, event->time_ns);
}

/* A search prints a command that repeats what it found: that run has a timeline, not the search. */
static void leave_to_found_run(void)
{
    writer = NULL;
    unlink(file);
}

void timeline_event(const struct observer_event *event)
{
    if (search_is_active && writer)
        leave_to_found_run();
    if (!writer)
        return;
    last_ns = event->time_ns;
    switch (event->kind) {
    case TRACE_thread_state:
        state_changed(event);
        break;
    case TRACE_switch:
        switched(event);
        break;
    case TRACE_thread_start:
        thread_started(event);
        break;
    case TRACE_thread_name:
        thread_named(event);
        break;
    case TRACE_process_start:
        process_started(event);
        break;
    case TRACE_process_end:
        process_ended(event);
        break;
    case TRACE_wait_begin:
        wait_began(event);
        break;
    case TRACE_syscall_enter:
        call_began(event);
        break;
    case TRACE_syscall_exit:
        call_ended(event);
        break;
    case TRACE_semaphore:
        semaphore_changed(event);
        break;
    }
}

/* ---- Beginning and end --------------------------------------------------------------------- */

static const struct observer_operations listener = { .event = timeline_event };

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

void timeline_init(const struct options *options)
{
    file = options->timeline_file;
    if (!file)
        return;
    writer = ends_with(file, ".html")  ? &timeline_html
             : ends_with(file, ".svg") ? &timeline_svg
                                       : &timeline_json;
    if (!writer->begin(file))
        refuse("--timeline: cannot write %s: %s", file, strerror(errno));
    if (options->observed)
        chooser_listen(timeline_event);
    else
        info_edit()->observer = &listener;
}

void timeline_finish(const char *why)
{
    const struct timeline_writer *finished = writer;

    if (!finished)
        return;
    for (unsigned bucket = 0; bucket < THREAD_BUCKETS; bucket++) {
        for (struct thread_track *track = threads[bucket]; track; track = track->next) {
            end_state(track, last_ns);
            end_call(track, last_ns);
        }
    }
    for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++)
        end_cpu(cpu, last_ns);
    if (why)
        finished->mark(0, 0, last_ns, why);
    writer = NULL;
    if (!finished->end(last_ns))
        sim_note("the timeline %s is cut: %s", file, strerror(errno));
}
