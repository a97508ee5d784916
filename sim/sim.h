#pragma once
/*
 * Private declarations of the hosted port: the kernel's machine inside one Linux process.
 *
 * Everything that the sim changes in the host (signal actions, alternate stack, system-call
 * dispatch, terminal modes) is recorded where it is changed and undone by host_restore().
 *
 * Threads: the main thread runs all virtual CPUs; one watcher thread (watcher.c) waits for host
 * descriptors; one helper (populate.c) asks the host for memory and knows nothing else.  Only
 * functions marked "any thread" may be called from them.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

#include "fs/hostfs.h"
#include "machine/machine.h"

/* Guests live below this address; the host's program, libraries, heap and stacks above it. */
#define GUEST_END UINT64_C(0x500000000000)
#define GUEST_TOP (GUEST_END - 0x10000)    /* nothing of theirs lies above it (window.c) */
#define HOST_ADDRESS_END UINT64_C(0x7ffffffff000)

#define EXIT_REFUSED 2      /* bad command line, broken program, host that cannot do it */
#define EXIT_PANIC 120      /* the kernel found itself broken */
#define EXIT_DEADLOCK 121   /* nothing could ever run again */
#define EXIT_TIME_LIMIT 122
#define EXIT_DIVERGED 123   /* a replay or --verify: the run is not the same */

/* What moves the clock of runs that repeat; docs/simulation.md has the table. */
#define TIME_BLOCK_NS 1     /* a basic block of a program that counts them */
#define TIME_TRAP_NS 1000   /* a call, a fault, a pure spin that was cut, a look at the counter */
#define TIME_RELAX_NS 100   /* a round of a CPU that spins in the kernel */

/* ---- options.c: the command line ----------------------------------------------------------- */

enum preempt {
    PREEMPT_DEFAULT,    /* blocks in programs that count them, else traps */
    PREEMPT_TRAPS,
    PREEMPT_BLOCKS,
};

#define HOST_BINDS_MAX 32

struct options {
    bool observed;                     /* one of the following, or a search: the run repeats */
    bool seeded, seed_is_new;          /* --seed; a random one */
    bool verify, verbose;
    bool interactive;                  /* the guest has a terminal */
    bool traced;                       /* --trace */
    bool no_direct_calls;
    bool real_preemption;              /* recorded or replayed without --seed */
    enum preempt preempt;
    uint64_t seed;
    const char *record, *replay;       /* NULL: none */
    uint64_t boot_wall_time_ns, recorded_vector_size;    /* of a replay */
    const char *program_path;          /* on the host, without a root */
    unsigned cpus;
    uint64_t memory_size;
    const char *root;                  /* NULL: none */
    bool root_is_shared;               /* --root-rw */
    const char *binds[HOST_BINDS_MAX]; /* --bind */
    size_t bind_count;
    const char *save_changes;          /* NULL: changes end with the run */
    const char *working_directory;     /* NULL: the host's where that makes sense */
    bool has_user;                     /* --user */
    uint32_t user_id, group_id;
    const char *host_name;             /* NULL: the host's */
    const char *trace_file;
    const char *report_file, *graph_file, *timeline_file;
    const char *timeline_events;    /* of another machine: nothing is run */
    uint64_t time_limit_ns;            /* 0: none */
    const char *const *kernel;         /* for machine_info, NULL at the end */
    const char *const *arguments;
    const char *const *environment;
};

/* Prints help, version or one line about a mistake and exits where that is due. */
void options_parse(int argument_count, char **arguments, struct options *options);
void options_parse_seed(struct options *options, const char *text);
void options_parse_preempt(struct options *options, const char *text);
void options_check_repeat(struct options *options, bool has_guest);
/* --env=SETTING, and that it was given. */
void options_change_environment(const char *setting);
void options_note_environment(const char *setting);
/* options_root.c: what the guest finds, and who it is. */
void options_parse_user(struct options *options, const char *text);
void options_parse_host_name(struct options *options, const char *text);
/* With a root: a shell if no program is named, a program of PATH for a name without a slash. */
void options_choose_program(struct options *options);
void options_tell_user(const struct options *options);    /* to the kernel */
void options_set_root(struct options *options, const char *directory, bool is_shared);
void options_add_bind(struct options *options, const char *bind);
/* Opens what the guest is to find of the host. */
void options_open_roots(const struct options *options);
/* Whether the run is observed, and what the guest then sees of the host; reads a recording.  When
 * the standard descriptors are known. */
void options_make_repeatable(struct options *options);
/* All files that the run would write are /dev/null. */
void options_write_nothing(struct options *options);
/* "name=value" for the kernel; before kernel_start. */
void options_add_for_kernel(const char *name, const char *value);

/* ---- main.c -------------------------------------------------------------------------------- */

/* One line "sim: ..." on stderr, then exit status 2; undoes what was changed so far. */
_Noreturn void refuse(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
/* One line "sim: ..." on stderr. */
void sim_note(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
/* Undoes every change to the host.  Async-signal-safe; may be called twice. */
void host_restore(void);

/* ---- info.c, memory.c, populate.c ---------------------------------------------------------- */

void info_init_ranges(void);    /* user_ranges only: before anything else */
void info_init(const struct options *options);
struct machine_info *info_edit(void);    /* before kernel_start only */

/* A memfd of this size, mapped as the direct map. */
void memory_init(uint64_t size);
int memory_descriptor(void);

/* ---- archive.c: the first program as a boot archive ---------------------------------------- */

/* `name`: what the guest calls it; the last part counts. */
void archive_init(const char *program_path, const char *name);
const char *archive_program_name(void);    /* its path in the guest */

/* ---- cpu.c, interrupt.c, clock.c ----------------------------------------------------------- */

struct virtual_cpu {
    struct machine_context context;    /* where it goes on when it is chosen again */
    char *stack;                       /* the one it started on */
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
/* The stack that a CPU started on. */
char *cpu_stack(unsigned index, size_t *size);
/* CPU 0 starts, on a stack of its own; does not return. */
void cpu_start_kernel(void);
bool cpu_others_busy(void);
bool cpu_others_share_space(void);     /* one that is busy does */
bool cpu_uses_root(physical_address root);
/* With an observer: a choice of who goes on, this CPU included. */
void cpu_choose(void);
/* Several CPUs and an observer: another one may go on at any point of the kernel. */
extern bool cpu_takes_kernel_points;
void cpu_choose_at_kernel_point(void);
static inline void cpu_kernel_point(void)
{
    if (__builtin_expect(cpu_takes_kernel_points, 0))
        cpu_choose_at_kernel_point();
}

/* Something for the main thread to look at: pending bits of a CPU or host events.  Read by the
 * last instructions before user code, so that nothing set earlier is missed. */
extern _Atomic uint32_t interrupt_attention;
/* Any thread, any context: sets the bit for that CPU and makes the main thread look. */
void interrupt_raise(unsigned cpu, enum machine_interrupt which);
/* The same for what the world outside does: CPU 0, at a point of the run (outside.c). */
void interrupt_raise_outside(enum machine_interrupt which);
uint32_t interrupt_take_outside(void);
bool interrupt_outside_waits(void);
/* Main thread: turns host alarms into timer interrupts of the CPUs that are due. */
void interrupt_collect(void);

void clock_init(const struct options *options);
#define CLOCK_EPOCH_NS UINT64_C(1735689600000000000)    /* 2025-01-01: seeded runs begin */
uint64_t clock_host_ns(void);    /* the host's monotonic clock */
/* User code of this CPU is about to run: guests see its number (machine_time_show). */
void clock_show_cpu(unsigned index);
/* time_line.c: real time since boot by the processor's counter, which guests can be shown. */
void time_line_init(uint64_t boot_host_ns);
uint64_t time_line_ns(void);
void time_line_show(struct machine_time_line *shown);
/* Virtual time. */
void clock_advance(uint64_t ns);
void clock_jump(uint64_t deadline_ns);
/* Main thread: arms the host's alarm for the earliest deadline of all CPUs. */
void clock_arm(void);
uint64_t clock_next_deadline(void);
void clock_alarm_rang(void);    /* async-signal-safe */
/* Has it rung since this was last asked, and user code had some of the host's time?  Then another
 * busy CPU has its turn, which begins when its user code goes on. */
bool clock_turn_is_over(void);
void clock_turn_begin(void);
void clock_alarm_again(void);   /* async-signal-safe: real time, it has no effect yet */

/* ---- signals.c ----------------------------------------------------------------------------- */

void signals_init(void);
void signals_restore(void);
/* Async-signal-safe: a signal of the host arrived; what it means is remembered. */
void signals_note(int number);
/* Sleeps until a signal or the absolute time; signals are let in only here, so none is missed. */
void signals_wait(uint64_t deadline_ns);
void signals_wait_host(uint64_t rest_ns);    /* the same, so long; UINT64_MAX: for ever */
pid_t signals_main_thread(void);

/* ---- user_run.c, user_enter.S -------------------------------------------------------------- */

void user_run_init(bool direct_calls);
void user_observed_options(const struct options *options);
/* No user code runs any more: programs that we start find the host's counter open. */
void user_observed_end(void);
/* Called by the signal handler: leaves user mode when the signal interrupted it. */
void user_run_signal(int number, siginfo_t *information, ucontext_t *context, uint64_t *fs_base);

/* ---- soft_tlb.c ---------------------------------------------------------------------------- */

/* Maps the page (and its neighbours) if the tables of the active root allow the access. */
bool soft_tlb_fill(user_address address, uint32_t access);
/* User code of this root runs next; `handled`: the page fault that the kernel has just seen to, or
 * NULL.  True: the window showed another one before. */
bool soft_tlb_enter(physical_address root, const struct trap *handled);
/* Empties the window: nobody's turn. */
void soft_tlb_leave(void);
/* The page that the active root has there, if user code may execute and not write it; else 0. */
physical_address soft_tlb_constant_page(user_address address);

/* ---- int80.c: calls of the teaching ABI without the host's slow way ------------------------- */

/* User code has executed an `int 0x80` there, by the slow way: the next time may be faster. */
void int80_executed(user_address address);
/* Where the `int 0x80` is that faulted at this address; 0: it was none. */
user_address int80_of_fault(user_address address);
/* Empties the window; while it is on, all is mapped for reading only. */
void soft_tlb_read_only(bool on);

/* ---- console.c, channel.c, watcher.c, hostfs_server.c, symbols.c --------------------------- */

void console_init(const char *trace_file);
void console_restore(void);           /* async-signal-safe */
void console_host_key(char byte);     /* async-signal-safe: a key the host turned into a signal */
bool console_is_raw(void);
void console_continued(void);         /* async-signal-safe: SIGCONT */

/* reports.c: reports for programs, wait-for graphs, the time limit */
void reports_init(const struct options *options);    /* after signals_init */
void reports_write(const char *text, size_t length);
void reports_write_graph(const char *text, size_t length);
void reports_finish(void);            /* the machine stops */

extern const struct channel_operations channel_operations;
void channel_init(void);
void stream_init(void);    /* stream.c: the same for runs that repeat */

/* Waits for descriptors in a thread of its own.  Main thread: asks for one interrupt when the
 * descriptor is readable or writable (POLLIN, POLLOUT). */
void watcher_watch(int descriptor, short events, enum machine_interrupt interrupt);

extern struct hostfs_operations hostfs_operations;
/* What this descriptor (O_PATH) leads to appears at that place; the root of all comes first. */
void hostfs_add(int descriptor, const char *place, enum hostfs_sharing sharing);
/* For a search: the nodes that exist now stay; those that came later go. */
void hostfs_keep_nodes(void);
void hostfs_drop_nodes(void);
/* A host descriptor for a guest path below the root, or -1; for symbols only. */
int hostfs_open_path(const char *guest_path);

void symbols_init(const char *program_path);
