#pragma once
/*
 * The machine: everything the kernel needs that C cannot say.  A port implements this header
 * and nothing else (optional devices: device/channel.h, fs/hostfs.h).  Two ports: sim/ (one
 * Linux process) and machine/x86_64 (QEMU); the unit tests have a third, the fake machine.
 *
 * The guest instruction set is x86-64 on all of them, so registers, page-table format and both
 * system-call conventions are portable core code.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t physical_address;
typedef uint64_t user_address;    /* never dereferenced by the kernel */

/* ---- What the machine is: read once, never changes ----------------------------------------- */

struct machine_range {
    uint64_t start;    /* page aligned */
    uint64_t end;      /* exclusive */
};

struct hostfs_operations;     /* fs/hostfs.h */
struct channel_operations;    /* device/channel.h */
struct observer_operations;   /* machine/observer.h */

struct machine_info {
    const char *name;                              /* "hosted", "x86_64" */
    unsigned cpu_count;
    const struct machine_range *memory;            /* usable RAM, sorted, disjoint */
    size_t memory_range_count;
    bool memory_is_zero;                           /* RAM never touched so far reads as zero */
    /* Has RAM of [*start, *end), which was zero and not prepared when user code got it, been
     * touched?  True: *start and *end become the bounds of the first pages in a row that were.  The
     * member is NULL where nobody can tell. */
    bool (*memory_find_touched)(physical_address *start, physical_address *end);
    char *direct_map;                              /* physical p is at direct_map + p */
    physical_address kernel_root;                  /* page tables whose upper half every address
                                                    * space has, as it is; 0: none */
    const struct machine_range *user_ranges;       /* where user mappings may lie, sorted */
    size_t user_range_count;
    uint64_t boot_wall_time_ns;                    /* since 1970, at machine_time_ns() == 0 */
    uint64_t random_seed;                          /* in sim: the run's seed */

    size_t vector_state_size;                      /* bytes of struct user_registers.vector */
    uint64_t vector_features;                      /* what it may hold, as in XCR0; 0: unknown */
    uint64_t hwcap, hwcap2;                        /* AT_HWCAP and AT_HWCAP2 for programs */
    uint64_t minimum_signal_stack;                 /* AT_MINSIGSTKSZ */
    const char *cpu_model;                         /* for /proc/cpuinfo */
    /* Does user code find the page at 0xffffffffff600000 through which very old programs of Linux
     * call?  What maps says of it ("--xp"); NULL: there is none.  The member is NULL where there
     * never is one. */
    const char *(*find_old_call_page)(void);
    const char *node_name;                         /* uname -n */
    uint32_t user_id, group_id;                    /* the first process runs as these */
    const uint32_t *groups;                        /* and is in these groups */
    unsigned group_count;

    const char *const *options;                    /* "name" or "name=value", NULL at the end */
    const char *const *arguments;                  /* the first program and its arguments, NULL */
    const char *const *environment;                /* its environment, NULL at the end */
    const char *working_directory;                 /* where it starts; NULL: "/" */
    const void *boot_archive;                      /* initial files, ustar; NULL: none */
    size_t boot_archive_size;

    const struct hostfs_operations *hostfs;        /* NULL: no host files */
    const struct channel_operations *channels;     /* NULL: standard streams are the console */
    const struct observer_operations *observer;    /* NULL: nobody watches and chooses */
};

const struct machine_info *machine_info(void);

/* This range of RAM, never used and zero so far, is about to be used.  Where memory comes into
 * being when it is touched, a port may do that for the whole range at once; it stays zero.  Any
 * context. */
void machine_memory_prepare(physical_address start, physical_address end);

/* ---- Stopping and talking ------------------------------------------------------------------ */

enum machine_halt {
    MACHINE_HALT_OK,        /* `status` is the exit status of the first program */
    MACHINE_HALT_REFUSED,   /* the program could not be started: one line was printed */
    MACHINE_HALT_PANIC,
    MACHINE_HALT_DEADLOCK,      /* nothing can ever run again: it was reported */
    MACHINE_HALT_TIME_LIMIT,    /* INTERRUPT_TIME_LIMIT came: what ran was reported */
    MACHINE_HALT_RESTART,       /* not the end: it starts again, as it was started */
};
/* Stops every CPU; the outside world can tell them apart. */
_Noreturn void machine_halt(enum machine_halt why, int status);

enum machine_stream {
    MACHINE_STREAM_LOG,         /* the kernel's own messages: all is taken, may be slow */
    MACHINE_STREAM_TRACE,       /* system-call trace: the same */
    MACHINE_STREAM_REPORT,      /* reports for programs, JSON: the same; dropped if not wanted */
    MACHINE_STREAM_GRAPH,       /* a wait-for graph, DOT: the same */
    MACHINE_STREAM_TERMINAL,    /* output of the console terminal */
};
/* Returns how many bytes were taken.  The terminal may take fewer than all;
 * INTERRUPT_CONSOLE then says when it has room again.  Any context, even inside a panic; takes
 * no kernel lock. */
size_t machine_console_write(enum machine_stream stream, const char *text, size_t length);
/* Next input byte of the terminal or -1; never waits; INTERRUPT_CONSOLE says when to look. */
int machine_console_read(void);
/* Size of the terminal in characters; both 0 when unknown. */
void machine_console_size(uint16_t *rows, uint16_t *columns);

/* Job control of the outside world: the first program was stopped (Ctrl-Z).  Gives the
 * terminal back and stops the machine; returns when it is continued, at once where nobody
 * could do that. */
void machine_suspend(void);

/* Writes "function+0x12 (file.c:34)" for a code address of the kernel (root 0), or of the
 * program whose address space has this root; returns the length, 0 when nothing is known.  In a
 * program functions of its headers that were inlined are skipped, and one of its own that was
 * inlined has no offset: "function (file.c:34)".  Any context; used on paths that are ending. */
size_t machine_describe_address(physical_address root, uint64_t address, char *text, size_t size);
/* The same for a byte of a file that a program has mapped: its own, or that of a library.
 * `path` is the guest's, from the root of all mounts. */
size_t machine_describe_file(const char *path, uint64_t offset, char *text, size_t size);
/* A program was loaded: debuggers and machine_describe_address may want to know.  `path` is the
 * guest's path of its file, `bias` what was added to the file's addresses.  "[vdso]": the kernel
 * put that there, and describes its addresses itself. */
void machine_program_loaded(physical_address root, const char *path, uint64_t bias);

/* ---- This CPU ------------------------------------------------------------------------------ */

unsigned machine_cpu_index(void);
/* Runs `entry` on that CPU, interrupts off, on a stack of the port's.  Once per CPU. */
void machine_cpu_start(unsigned cpu, void (*entry)(void));
/* That CPU gets at least one INTERRUPT_NOTIFY after this call; several may merge. */
void machine_cpu_notify(unsigned cpu);
/* Call in every spin; another CPU makes progress. */
void machine_cpu_relax(void);
/* Called with interrupts off: sleeps until one is pending, takes it, returns with interrupts
 * off.  A wake-up between the caller's check and the sleep is not lost. */
void machine_cpu_idle(void);

/* ---- Interrupts ---------------------------------------------------------------------------- */

enum machine_interrupt {
    INTERRUPT_TIMER,
    INTERRUPT_NOTIFY,
    INTERRUPT_CONSOLE,    /* terminal: input arrived, room for output, or its size changed */
    INTERRUPT_CHANNEL,    /* a channel that answered -EAGAIN is ready again */
    INTERRUPT_TIME_LIMIT, /* the run has taken as long as its user allowed */
};
/* This CPU; returns whether they were on. */
bool machine_interrupts_disable(void);
/* If on: pending interrupts are delivered before the return. */
void machine_interrupts_restore(bool enabled);
bool machine_interrupts_enabled(void);

/* ---- Time ---------------------------------------------------------------------------------- */

/* Since boot; never goes back; the same on all CPUs. */
uint64_t machine_time_ns(void);
/* One INTERRUPT_TIMER on this CPU at or after the absolute deadline; replaces the previous one;
 * a past deadline fires at once; UINT64_MAX disarms. */
void machine_timer_set(uint64_t deadline_ns);

enum machine_cpu_source {
    CPU_SOURCE_NONE,       /* ask the kernel */
    CPU_SOURCE_WORD,       /* `cpu` of the line: on one CPU at a time user code runs */
    CPU_SOURCE_COUNTER,    /* rdtscp says it */
};
/* How user code can read the clock by itself: in memory that it sees, but does not write. */
struct machine_time_line {
    uint32_t sequence;      /* odd while the next four change */
    uint32_t has_line;      /* 0: the kernel must be asked */
    uint64_t counter;       /* the time-stamp counter was here ... */
    uint64_t time_ns;       /* ... at this time, and ... */
    uint64_t multiplier;    /* ... gains so many ns a tick, times 2^32 */
    uint32_t cpu_source;    /* enum machine_cpu_source */
    uint32_t cpu;
};
/* What machine_time_ns() is when the counter is there. */
static inline uint64_t machine_time_of(const struct machine_time_line *line, uint64_t counter)
{
    uint64_t ticks = counter - line->counter;

    if ((int64_t)ticks < 0)
        return line->time_ns;
    return line->time_ns + (uint64_t)((unsigned __int128)ticks * line->multiplier >> 32);
}
/* Once, at boot: zeroed memory for such a line, which stays.  The port keeps it true from now on;
 * one that cannot leaves it as it is. */
void machine_time_show(struct machine_time_line *line);

/* ---- Kernel contexts ----------------------------------------------------------------------- */

struct machine_context {
    uint64_t opaque[8];
};
/* The first switch to it calls entry on that stack, interrupts off; entry does not return. */
void machine_context_init(struct machine_context *context, void *stack, size_t stack_size,
                          void (*entry)(void));
/* A kernel stack will be in this memory, which begins at a multiple of twice its size.  Returns
 * where it is to be used: there, or where the same memory is seen above a page that nothing may
 * touch.  The same answer for the same memory, which may serve other purposes in between. */
void *machine_stack_place(void *memory, size_t size);
/* Interrupts off on both sides.  `from` may be resumed on another CPU only after the code
 * running in `to` says so. */
void machine_context_switch(struct machine_context *from, struct machine_context *to);

/* ---- User mode ----------------------------------------------------------------------------- */

struct user_registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags, fs_base, gs_base;
    /* XSAVE area in the standard format, 64-byte aligned, machine_info()->vector_state_size
     * bytes, owned by the thread.  All zero is a valid initial state. */
    void *vector;
    /* Of a program that counts its basic blocks (built by eft-cc), in the direct map: the number of
     * blocks until it calls the kernel by itself (CALL_BUDGET_USED_UP).  NULL: no such program.
     * A port may set it before user code runs and read it after; all others leave it alone. */
    int64_t *block_budget;
    uint64_t spin_steps;    /* the port's own; 0 at the start */
};
/* rax of that `syscall`; the kernel answers it before any ABI sees it. */
#define CALL_BUDGET_USED_UP 0x45465401u

enum trap_kind {
    TRAP_SYSCALL,       /* the `syscall` instruction; rip is behind it, rcx and r11 are clobbered */
    TRAP_INT80,         /* int 0x80; rip is behind it */
    TRAP_PAGE_FAULT,    /* rip is at the instruction */
    TRAP_EXCEPTION,     /* rip as the processor pushed it */
    TRAP_INTERRUPT,     /* something is pending; delivered when interrupts are next enabled */
    /* It goes round: its registers and its memory come back to the same values, so nothing new
     * happens until another thread or an interrupt changes its memory.  With an observer only. */
    TRAP_SPIN,
};

enum trap_access {
    ACCESS_WRITE = 1 << 0,
    ACCESS_EXECUTE = 1 << 1,
};

struct trap {
    enum trap_kind kind;
    uint32_t access;         /* page fault: enum trap_access; neither bit: a read */
    user_address address;    /* page fault: what was accessed */
    uint32_t vector;         /* exception: the processor's number */
    uint32_t error_code;     /* exception: what the processor pushed, else 0 */
    bool spin_began;         /* spin: it did something else since user code was entered */
};

/* Runs user code until it traps.  Interrupts off on entry and on return; on return `registers`
 * holds the complete user state including vectors.  Never returns for a fault that the page
 * tables already allow (TLB refill). */
struct trap machine_user_run(struct user_registers *registers);

/* ---- Address translation: page tables are built by memory/page_table.c --------------------- */

/* This CPU translates user addresses through root (0: none) from now on. */
void machine_address_space_activate(physical_address root);
/* This CPU forgets translations of the active root in the range.  Entries that only gained
 * permissions need no flush: a spurious fault is resolved without the kernel seeing it. */
void machine_tlb_flush(user_address start, user_address end);

/* ---- What the kernel gives the port -------------------------------------------------------- */

/* CPU 0, interrupts off, direct map ready, machine_info valid. */
_Noreturn void kernel_start(void);
/* Interrupts off, already acknowledged, on the current kernel stack; may switch threads before
 * it returns. */
void kernel_interrupt(enum machine_interrupt which);
/* The kernel itself faulted; panics. */
_Noreturn void kernel_fault(const char *what, uint64_t address, uint64_t instruction);

/* What people call a number of a trace event; NULL: unknown.  A pure read, in any context: an
 * observer may call it while it is told of the event. */
enum kernel_name {
    KERNEL_NAME_CALL,     /* a system call, in the ABI of the thread that runs on this CPU */
    KERNEL_NAME_WAIT,     /* what a thread waits for: the kind of wait_begin */
};
const char *kernel_name(enum kernel_name of, uint64_t number);
/* The same for the first number of an event of this kind; NULL also if it is of no such thing. */
const char *kernel_event_name(uint32_t kind, uint64_t number);

/* Pure read of the tables for the refill of a software TLB; takes no lock.  Returns the entry
 * of the last level (format: memory/page_table.h, as the hardware's), 0 if not present.  When
 * present, sets *start and *end to the largest range around `address`, at most `window` bytes to
 * either side, whose entries have the same permissions and map one contiguous physical range. */
uint64_t page_table_lookup(physical_address root, user_address address, uint64_t window,
                           user_address *start, user_address *end);
