#pragma once
/*
 * Private declarations of the hosted port: the kernel's machine inside one Linux process.
 *
 * Everything that the sim changes in the host (signal actions, alternate stack, system-call
 * dispatch, terminal modes) is recorded where it is changed and undone by host_restore().
 *
 * Threads: the main thread runs all virtual CPUs; one watcher thread (watcher.c) waits for host
 * descriptors.  Only functions marked "any thread" may be called from it.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

#include "machine/machine.h"

/* Guests live below this address; the host's program, libraries, heap and stacks above it. */
#define GUEST_END UINT64_C(0x500000000000)
#define HOST_ADDRESS_END UINT64_C(0x7ffffffff000)

#define EXIT_REFUSED 2      /* bad command line, broken program, host that cannot do it */
#define EXIT_PANIC 120      /* the kernel found itself broken */

/* ---- options.c: the command line ----------------------------------------------------------- */

struct options {
    unsigned cpus;
    uint64_t memory_size;
    const char *root;                  /* NULL: none */
    const char *working_directory;     /* NULL: the host's where that makes sense */
    const char *trace_file;
    const char *const *kernel;         /* for machine_info, NULL at the end */
    const char *const *arguments;
    const char *const *environment;
};

/* Prints help, version or one line about a mistake and exits where that is due. */
void options_parse(int argument_count, char **arguments, struct options *options);
/* "name=value" for the kernel; before kernel_start. */
void options_add_for_kernel(const char *name, const char *value);

/* ---- main.c -------------------------------------------------------------------------------- */

/* One line "sim: ..." on stderr, then exit status 2; undoes what was changed so far. */
_Noreturn void refuse(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
/* Undoes every change to the host.  Async-signal-safe; may be called twice. */
void host_restore(void);

/* ---- info.c, memory.c ---------------------------------------------------------------------- */

void info_init_ranges(void);    /* user_ranges only: before anything else */
void info_init(const struct options *options);
struct machine_info *info_edit(void);    /* before kernel_start only */

/* A memfd of this size, mapped as the direct map. */
void memory_init(uint64_t size);
int memory_descriptor(void);

/* ---- archive.c: the first program as a boot archive ---------------------------------------- */

void archive_init(const char *program_path);
const char *archive_program_name(void);    /* its path in the guest */

/* ---- cpu.c, interrupt.c, clock.c ----------------------------------------------------------- */

struct virtual_cpu {
    ucontext_t context;                /* where it goes on when it is chosen again */
    void (*entry)(void);
    _Atomic uint32_t pending;          /* bits of enum machine_interrupt; any thread sets them */
    uint64_t timer_deadline_ns;        /* UINT64_MAX: not armed */
    physical_address root;
    bool started;
    bool idle;                         /* in machine_cpu_idle */
    bool interrupts_on;
};

void cpu_init(unsigned count);
struct virtual_cpu *cpu_current(void);
struct virtual_cpu *cpu_of(unsigned index);
unsigned cpu_count(void);
/* Goes on with the next CPU that has work, if there is one. */
void cpu_rotate(void);
bool cpu_others_busy(void);

/* Something for the main thread to look at: pending bits of a CPU or host events.  Read by the
 * last instructions before user code, so that nothing set earlier is missed. */
extern _Atomic uint32_t interrupt_attention;
/* Any thread, any context: sets the bit for that CPU and makes the main thread look. */
void interrupt_raise(unsigned cpu, enum machine_interrupt which);
/* Main thread: turns host alarms into timer interrupts of the CPUs that are due. */
void interrupt_collect(void);

void clock_init(void);
/* Main thread: arms the host's alarm for the earliest deadline of all CPUs. */
void clock_arm(void);
uint64_t clock_next_deadline(void);
void clock_alarm_rang(void);    /* async-signal-safe */

/* ---- signals.c ----------------------------------------------------------------------------- */

void signals_init(void);
void signals_restore(void);
/* Async-signal-safe: a signal of the host arrived; what it means is remembered. */
void signals_note(int number);
/* Sleeps until a signal or the absolute time; signals are let in only here, so none is missed. */
void signals_wait(uint64_t deadline_ns);
pid_t signals_main_thread(void);

/* ---- user_run.c, user_enter.S -------------------------------------------------------------- */

void user_run_init(void);
/* Called by the signal handler: leaves user mode when the signal interrupted it. */
void user_run_signal(int number, siginfo_t *information, ucontext_t *context, uint64_t *fs_base);

/* ---- soft_tlb.c ---------------------------------------------------------------------------- */

/* Nothing of the host's lies where guests live. */
bool soft_tlb_window_is_empty(void);
/* Maps the page (and its neighbours) if the tables of the active root allow the access. */
bool soft_tlb_fill(user_address address, uint32_t access);
void soft_tlb_switch(physical_address root);

/* ---- console.c, channel.c, watcher.c, hostfs_server.c, symbols.c --------------------------- */

void console_init(const char *trace_file);
void console_restore(void);           /* async-signal-safe */
void console_host_key(char byte);     /* async-signal-safe: a key the host turned into a signal */
void console_continued(void);         /* async-signal-safe: SIGCONT */
/* The terminal's descriptors; -1: none. */
int console_input(void);
int console_output(void);

extern const struct channel_operations channel_operations;
void channel_init(void);

/* Waits for descriptors in a thread of its own.  Main thread: asks for one interrupt when the
 * descriptor is readable or writable (POLLIN, POLLOUT). */
void watcher_watch(int descriptor, short events, enum machine_interrupt interrupt);

extern struct hostfs_operations hostfs_operations;
void hostfs_init(const char *root);
/* A host descriptor for a guest path below the root, or -1; for symbols only. */
int hostfs_open_path(const char *guest_path);

void symbols_init(const char *program_path);
