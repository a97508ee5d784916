#pragma once
/*
 * The observer: who watches a run and makes the choices that no rule makes (seeded runs, search,
 * timelines).  Optional: a port without one leaves machine_info()->observer NULL; the core then
 * decides as it always does, and nothing here costs it anything.
 *
 * With an observer a thread stops before every operation that others could notice, so that the
 * observer can let another thread go first.  This header has plain types only; the events are
 * those of debug/trace.h.
 */
#include <stdbool.h>
#include <stdint.h>

/* What an operation touches.  Two operations of different threads depend on each other if they
 * touch the same object and not both only read it; OBJECT_EVERYTHING is every object. */
enum object_kind {
    OBJECT_NONE,          /* nothing that others could notice */
    OBJECT_SEMAPHORE,     /* number: set id << 32 | key */
    OBJECT_PROCESS,       /* number: process id */
    OBJECT_CONSOLE,
    OBJECT_MEMORY,        /* an address space; number: process id of the family's first */
    OBJECT_FILE,
    OBJECT_CLOCK,
    OBJECT_FUTEX,
    OBJECT_EVERYTHING,
};

enum operation_access {
    OPERATION_READ,
    OPERATION_CHANGE,
    /* Takes what must be there (a semaphore's count, a process that has ended): cannot be executed
     * while it is not. */
    OPERATION_TAKE,
    OPERATION_GIVE,       /* makes a TAKE of the same object possible; never has to wait */
};

struct operation {
    uint8_t object_kind;          /* enum object_kind */
    uint8_t access;               /* enum operation_access */
    uint16_t call;                /* number in its ABI's table, for reports */
    uint64_t object;
    uint64_t instruction;         /* the program's address of the call */
};

/* A thread that could run next. */
struct candidate {
    int32_t thread;
    /* What it does first if it is chosen.  OBJECT_NONE: goes on with a computation of its own. */
    struct operation next;
};

struct observer_event {
    uint64_t time_ns;
    uint32_t kind;                /* enum trace_event */
    uint32_t cpu;
    uint64_t numbers[3];
};

/* An event as it is told to another program, with the name that kernel_name has for its first
 * number.  The last record of a run has the kind below, and how the run ended as its name. */
#define OBSERVER_NAME_SIZE 24
#define OBSERVER_RUN_ENDED UINT32_MAX
struct observer_record {
    struct observer_event event;
    char name[OBSERVER_NAME_SIZE];
};

/* An observer without choose_thread only listens: the core decides as always. */
struct observer_operations {
    /* Which of the candidates (at least 2, in the order of the run queue) runs next on this CPU?
     * `current` is the thread that ran until now, 0 if it was idle.  Returns an index. */
    unsigned (*choose_thread)(int32_t current, const struct candidate *candidates,
                              unsigned count);
    /* Does choose_thread look at the candidates?  If not, they are not collected, and it gets NULL:
     * that is cheaper by far among thousands of threads.  NULL: yes. */
    bool (*looks_at_candidates)(void);
    /* Any other choice: a number below `count`. */
    uint64_t (*choose_number)(uint64_t count);
    /* Something happened.  Called with interrupts in any state and locks held: it must not call
     * the kernel. */
    void (*event)(const struct observer_event *event);
};
