#pragma once
/*
 * The fake machine: an implementation of machine/machine.h for unit tests.
 *
 * - Time is a variable (fake_machine_advance).
 * - Interrupts are a flag and pending bits for each CPU.  Like on the real machines they are
 *   delivered when they are on: to `fake_machine.interrupt`, which a test sets (NULL: they are only
 *   counted).  harness/fake_scheduler.h has the function that the scheduler's tests use.
 * - The calling CPU is a variable too: a test that sets fake_machine.cpu acts as that CPU.
 * - Kernel contexts are fibers and really switch.
 * - Physical memory is memory of the host; fake_machine_init(size) sets it up with machine_info().
 *   Change fake_machine_info before calling what reads it (page_allocator_init, ...).
 * - User mode plays a script of traps.
 * - A halt ends the test: MACHINE_HALT_PANIC prints the console and calls abort().
 *
 * The usual beginning of a test of something that needs memory and locks, but no threads (once a
 * test: the core has static data, and libcheck runs each test in a process of its own):
 *
 *     fake_machine_init(16 << 20);
 *     page_allocator_init();
 *
 * Locks and current_thread() work without more.  For threads see harness/fake_scheduler.h.
 * Programs link the harness before the core, so panic() is harness/fake_panic.c unless the test is
 * that of debug/panic.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "machine/machine.h"

#define FAKE_MEMORY_START 0x100000u    /* physical address where RAM begins */
#define FAKE_CONSOLE_SIZE 65536
#define FAKE_INTERRUPTS 4              /* of enum machine_interrupt */

/* What one CPU was told. */
struct fake_cpu {
    bool interrupts_enabled;
    unsigned pending;                      /* bit: enum machine_interrupt */
    unsigned delivered[FAKE_INTERRUPTS];
    uint64_t timer_deadline_ns;            /* UINT64_MAX: not armed */
    unsigned timer_sets;                   /* calls of machine_timer_set */
    unsigned notifications;                /* calls of machine_cpu_notify for it */
    physical_address active_root;
    unsigned activations;                  /* calls of machine_address_space_activate */
    unsigned flushes;                      /* calls of machine_tlb_flush */
    user_address flush_start, flush_end;   /* the last one */
    void (*started)(void);                 /* by machine_cpu_start */
};

struct fake_console {
    char text[FAKE_CONSOLE_SIZE];    /* NUL-terminated */
    size_t length;
};

struct fake_machine {
    unsigned cpu;
    uint64_t time_ns;
    struct fake_cpu cpus[CPUS_MAX];
    struct fake_console log, trace, report, graph, terminal;
    size_t terminal_room;          /* how much the terminal takes before it is full */
    const char *input;             /* what machine_console_read returns next */
    unsigned relaxations;          /* calls of machine_cpu_relax */

    /* Hooks; all may be NULL. */
    void (*interrupt)(enum machine_interrupt which);    /* interrupts off */
    void (*relax)(void);
    /* Nothing is pending.  Must make something pending or not return.  NULL: time moves to the
     * deadline of this CPU's timer; without one the test fails. */
    void (*idle)(void);
    void (*halt)(enum machine_halt why, int status);    /* may longjmp */
    struct trap (*user_run)(struct user_registers *registers);
    size_t (*describe)(physical_address root, uint64_t address, char *text, size_t size);
    size_t (*describe_file)(const char *path, uint64_t offset, char *text, size_t size);
};

extern struct fake_machine fake_machine;
extern struct machine_info fake_machine_info;

/* A new machine with this much memory and one CPU (fake_machine_info.cpu_count), interrupts off, as
 * when the kernel starts.  Memory of an earlier one is given back. */
void fake_machine_init(size_t memory_size);
/* Time goes by: timers that are due become pending, and are delivered if interrupts are on. */
void fake_machine_advance(uint64_t ns);
/* Makes an interrupt pending on a CPU, and delivers it if that is the calling one and they are
 * on. */
void fake_machine_raise(unsigned cpu, enum machine_interrupt which);
/* machine_user_run returns these, one a call; beyond the last the test fails. */
void fake_machine_play(const struct trap *traps, size_t count);

/* How often the kernel asked to be stopped by the outside world. */
extern unsigned fake_machine_suspensions;
