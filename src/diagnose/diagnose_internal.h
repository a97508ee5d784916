#pragma once
/* Private to diagnose/: the picture that reports are made of, and those who write it down. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "sched/thread.h"
#include "sync/semaphore.h"
#include "sync/wait_queue.h"

/* ---- place.c: places in programs' source --------------------------------------------------- */

struct place {
    user_address address;      /* 0: none */
    char function[48];         /* "": not known; the rest says nothing then */
    char file[48];             /* "": not known, nor the line */
    uint32_t line;
    char of_library[48];          /* whose code it is; "": the program's own */
};

void place_find(struct place *place, const struct process *process, user_address address);
/* Is it in the program's own source? */
bool place_is_own(const struct place *place);
/* "take (dinner.c:41)", "take", or the address. */
const char *place_text(const struct place *place, char *text, size_t size);
/* Where the thread is in its program: at the call it makes, if it makes one. */
user_address place_of_thread(const struct thread *thread);
/* Who called the library function that the thread is in: the first return address on its stack that
 * is in code of the program's own whose lines are known.  A guess.  0: there is none. */
user_address place_of_caller(const struct process *process, user_address stack_pointer,
                             const struct place *callee);

/* block_place.c: the basic block at whose start the thread is being counted (eft-cc); 0: it is in
 * none. */
user_address place_of_block(const struct thread *thread);

/* ---- peek.c: programs' memory, without sleeping -------------------------------------------- */

/* False: it is not all there.  No page is brought in for it. */
bool peek(physical_address root, user_address address, void *bytes, size_t size);
bool peek_is_code(physical_address root, user_address address);

/* ---- names.c: what reports call things ----------------------------------------------------- */

#define WHO_SIZE 64
#define WHAT_SIZE 96

/* A thread that has ended: kept for a while, because others may wait for what it held. */
struct ended_thread {
    int32_t id, process_id;
    char name[THREAD_NAME_SIZE];
    uint64_t ended_ns;
};
void ended_add(const struct thread *thread);
/* The last one with that thread id; NULL: forgotten, or never was. */
const struct ended_thread *ended_find(int32_t thread_id);

/* ---- picture.c: all threads at one instant ------------------------------------------------- */

#define NOBODY (-1)
#define ROBUST_SHOWN 4u

/* How it is known who holds the lock that a futex is part of. */
enum lock_kind {
    LOCK_UNKNOWN,
    LOCK_INHERITING,      /* a lock of the kernel's, with priority inheritance: certain */
    LOCK_ROBUST,          /* the thread's own list says that it takes it: as certain as that list */
    LOCK_GLIBC,           /* guessed: memory around the word looks like a mutex of this library */
    LOCK_MUSL,
    LOCK_MUSL_NAMELESS,   /* the same, of a kind that does not say who holds it */
    LOCK_THREAD,          /* the end of a thread (pthread_join) */
};

/* One thread.  In pictures only: nothing here points to anything but `process`, which stays while
 * nothing else runs. */
struct view {
    int32_t id, process_id;            /* process 0: a thread of the kernel's own */
    char name[THREAD_NAME_SIZE];
    bool is_alone;                     /* the only thread of its process */
    enum thread_state state;
    unsigned cpu;
    physical_address root;             /* 0: none, or on its way out */
    const struct process *process;     /* NULL: likewise */
    uint64_t run_ns;                   /* on a CPU so far */

    /* What it waits for, and since when; WAIT_NONE when it does not. */
    enum wait_kind kind;
    uint64_t object, since_ns;
    bool external;
    struct place place;
    user_address stack_pointer;
    struct place caller;               /* of the library function at `place`, guessed */

    /* Of WAIT_FUTEX. */
    enum lock_kind lock;
    /* Locks on the thread's list: the first few, and how many there are. */
    user_address robust_list, robust_held[ROBUST_SHOWN];
    unsigned robust_count;
    user_address end_word;             /* is cleared when the thread ends */

    /* Of WAIT_SEMAPHORE, when it is one that we know. */
    bool has_semaphore;
    struct semaphore_report semaphore;
    int32_t value;                     /* of WAIT_SEMAPHORE_ARRAY */

    /* Who could end the wait: a thread of the picture, or NOBODY. */
    int32_t owner_id;                  /* its thread id, 0: not known */
    int32_t owner;                     /* its index */
    bool owner_is_dead;                /* it ended with what it held */
    struct place owner_place;          /* where it took it */
    uint64_t owner_since_ns;
    unsigned cycle;                    /* number of the circle it is in, from 1; 0: none */
    uint32_t mark;                     /* of cycles_find */
};

enum picture_kind {
    PICTURE_DEADLOCK,
    PICTURE_CYCLE,
    PICTURE_TIME_LIMIT,
    PICTURE_HANG,          /* nothing has run for long */
    PICTURE_ASKED,         /* somebody wanted to know */
};

struct picture {
    enum picture_kind kind;
    uint64_t now_ns;
    uint64_t quiet_since_ns;           /* of PICTURE_HANG */
    struct view *views;
    unsigned count, capacity;
    unsigned omitted;                  /* threads for which there was no memory */
    unsigned cycles;
};

/* Takes a picture of all threads; what is in motion meanwhile may be seen in part.  Without memory
 * it shows as many as it can. */
void picture_take(struct picture *picture, enum picture_kind kind);
void picture_free(struct picture *picture);
/* The index of that thread, or NOBODY. */
int32_t picture_find(const struct picture *picture, int32_t thread_id);

/* "process 3 (dinner)", "thread 5 of process 3 (dinner)", "kernel thread 4 (x)". */
const char *view_who(const struct view *view, char *text, size_t size);
/* The same by thread id, also of one that has ended. */
const char *picture_who(const struct picture *picture, int32_t thread_id, char *text, size_t size);
/* "semaphore 3": small keys are numbers to a person, large ones words in hexadecimal. */
const char *semaphore_text(uint64_t id, char *text, size_t size);
/* "semaphore 3", "process 5 (dinner) to end", "a signal". */
const char *view_what(const struct picture *picture, const struct view *view, char *text,
                      size_t size);
/* Why nobody will ever end the wait, in words; "" if that is not known or the circle says it. */
const char *view_cause(const struct picture *picture, const struct view *view, char *text,
                       size_t size);

/* ---- locks.c: locks of programs ------------------------------------------------------------ */

/* What a futex waited for is part of, and who holds it; the thread's list of robust locks. */
void locks_look(const struct picture *picture, struct view *view);
/* When all views have been looked at: for locks that do not say who holds them. */
void locks_guess(const struct picture *picture, struct view *view);
bool lock_is_guess(const struct view *view);
/* "a mutex of glibc", ...; NULL: nothing is known. */
const char *lock_kind_text(enum lock_kind kind);

/* ---- standstill.c -------------------------------------------------------------------------- */

/* All other CPUs stop where their threads may be preempted, interrupts off here.  False: one of
 * them does not answer, and all go on. */
bool standstill_begin(void);
void standstill_end(void);

/* ---- cycle.c ------------------------------------------------------------------------------- */

/* Numbers the circles of owners in view->cycle; returns how many there are. */
unsigned cycles_find(struct view *views, unsigned count);
/* The member that a text begins with: the one with the lowest id. */
int32_t cycle_first(const struct picture *picture, unsigned cycle);
/* For thread_watch.blocks: has the current thread closed a circle? */
bool cycle_is_closed_by(struct thread *thread);

/* ---- Writers ------------------------------------------------------------------------------- */

void report_text(const struct picture *picture);
void report_json(const struct picture *picture);
void report_graph(const struct picture *picture);

/* ---- output.c: text for the machine's streams ---------------------------------------------- */

#define OUTPUT_SIZE 512

struct output {
    enum machine_stream stream;
    size_t length;
    char bytes[OUTPUT_SIZE];
};
void output_init(struct output *output, enum machine_stream stream);
void output_add(struct output *output, const char *pattern, ...)
    __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; also what DOT takes as one. */
void output_quoted(struct output *output, const char *text);
void output_flush(struct output *output);

/* A time as seconds: "0.103". */
#define SECONDS_SIZE 32
const char *seconds_text(uint64_t ns, char *text, size_t size);

/* ---- statistics.c -------------------------------------------------------------------------- */

/* All do nothing unless the option `stats` is set. */
void statistics_init(void);
void statistics_blocks(struct thread *thread);
void statistics_acquired(struct thread *thread, uint64_t overtaken);
void statistics_removed(const struct semaphore *semaphore);
void statistics_ended(struct thread *thread);
/* The tables, on the log stream. */
void statistics_print(void);

/* fairness.c: what the tables say in a sentence. */
struct thread_row {
    struct thread_row *next;
    /* The program: threads are compared with those of the same one. */
    physical_address root;
    int32_t id, process_id;
    char name[THREAD_NAME_SIZE];
    bool has_ended;
    uint64_t started_ns, ended_ns;
    uint64_t run_ns, ready_ns, blocked_ns, asleep_ns;
    uint64_t switches, acquisitions, overtaken, longest_wait_ns;

    /* The wait for a semaphore that it is in. */
    bool is_waiting;
    uint64_t wait_began_ns;
    uint64_t others_before;            /* what others of the program had taken when it began */
    /* The wait in which others took most, of those in which it was not passed over (fairness.c). */
    uint64_t passed, passed_wait_ns;
};
/* What the other threads of its program have taken so far. */
uint64_t fairness_others(const struct thread_row *rows, const struct thread_row *row);
/* One line for each program about Jain's index and one about who starves. */
void fairness_print(const struct thread_row *rows);
/* Of `count` threads: 1000 is equal, 1000 / count one has all. */
unsigned fairness_index(const uint64_t *shares, unsigned count);
bool fairness_is_starving(const struct thread_row *rows, const struct thread_row *row);
