#pragma once
/*
 * Timelines (--timeline): what every thread and CPU did when.
 *
 * timeline.c follows the events of the run (machine/observer.h) and turns them into slices,
 * wake-ups and counters; these go to one of the writers below.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMELINE_NAME_SIZE 48

struct observer_event;
struct options;

/* At the start, when the options are known: opens the file and begins to listen. */
void timeline_init(const struct options *options);
/* The machine stops; `why` is told in the file: "deadlock", ..., NULL: it came to its end. */
void timeline_finish(const char *why);

/* Instead of a run: draws what another machine has written down (struct observer_record). */
_Noreturn void timeline_replay(const struct options *options);
/* What its first number is called in the next event ("": unknown); NULL: the kernel is asked. */
void timeline_use_name(const char *name);
void timeline_event(const struct observer_event *event);

/* ---- For the writers ----------------------------------------------------------------------- */

enum timeline_row {
    ROW_CPU,       /* who runs on a CPU; id: its number */
    ROW_THREAD,    /* what state a thread is in; id: the thread's */
    ROW_CALLS,     /* which system calls it makes; the same id */
};

/* What a slice is painted as. */
enum timeline_look {
    LOOK_RUNNING,
    LOOK_READY,
    LOOK_SEMAPHORE,
    LOOK_PROCESS,
    LOOK_INPUT,
    LOOK_SLEEP,
    LOOK_OTHER_WAIT,
    LOOK_CALL,
    LOOK_MERGED,    /* several too short to be told apart */
    LOOKS
};

struct timeline_slice {
    enum timeline_row row;
    enum timeline_look look;
    int32_t id;                      /* of the row */
    int32_t thread_id, process_id;
    uint64_t start_ns, end_ns;
    const char *name;                /* valid during the call only, as all texts here */
};

struct timeline_wake {
    int32_t from_thread, from_process, to_thread, to_process;
    uint64_t woken_ns, runs_ns;      /* when it was woken, and when it ran then */
};

struct timeline_writer {
    /* False: it cannot be written; errno says why. */
    bool (*begin)(const char *path);
    void (*thread)(int32_t thread_id, int32_t process_id, const char *name);
    void (*slice)(const struct timeline_slice *slice);
    void (*wake)(const struct timeline_wake *wake);
    void (*counter)(const char *name, uint64_t at_ns, int64_t value);
    /* Something that happened to the thread (0: to the whole machine) at one instant. */
    void (*mark)(int32_t thread_id, int32_t process_id, uint64_t at_ns, const char *name);
    /* False: not all could be written. */
    bool (*end)(uint64_t end_ns);
};

extern const struct timeline_writer timeline_json;
extern const struct timeline_writer timeline_html;
extern const struct timeline_writer timeline_svg;
