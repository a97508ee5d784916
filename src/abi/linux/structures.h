#pragma once
/*
 * The layouts that x86-64 Linux programs see, with their sizes and offsets asserted.  Fields have
 * the names of the kernel's own concepts; Linux's names stand behind where they differ.
 */
#include <stddef.h>
#include <stdint.h>

#include "signal/signal.h"

#define LINUX_LAYOUT(type, size) _Static_assert(sizeof(type) == (size), #type)
#define LINUX_PLACE(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #field)

/* ---- Time ---------------------------------------------------------------------------------- */

struct linux_timespec {
    int64_t seconds, nanoseconds;
};
LINUX_LAYOUT(struct linux_timespec, 16);

struct linux_timeval {
    int64_t seconds, microseconds;
};
LINUX_LAYOUT(struct linux_timeval, 16);

struct linux_timezone {
    int32_t minutes_west, daylight_saving;
};

struct linux_itimerval {
    struct linux_timeval interval, value;
};
LINUX_LAYOUT(struct linux_itimerval, 32);

struct linux_itimerspec {
    struct linux_timespec interval, value;
};

struct linux_sigevent {
    uint64_t value;
    int32_t number, notify, thread_id, padding[11];
};
LINUX_LAYOUT(struct linux_sigevent, 64);

struct linux_timex {
    uint32_t modes, padding1;
    int64_t offset, frequency, maximum_error, estimated_error;
    int32_t status, padding2;
    int64_t constant, precision, tolerance;
    struct linux_timeval time;
    int64_t tick;
    int64_t pulse[2];
    int32_t pulse_shift, padding3;
    int64_t pulse_counts[5];
    int32_t atomic_offset, reserved[11];
};
LINUX_LAYOUT(struct linux_timex, 208);
LINUX_PLACE(struct linux_timex, status, 40);
LINUX_PLACE(struct linux_timex, time, 72);
LINUX_PLACE(struct linux_timex, atomic_offset, 160);

struct linux_tms {
    int64_t user, system, children_user, children_system;
};
LINUX_LAYOUT(struct linux_tms, 32);

#define LINUX_CLOCK_TICKS 100    /* a second, in times() and AT_CLKTCK */

/* ---- Files --------------------------------------------------------------------------------- */

struct linux_stat {
    uint64_t device, inode, links;
    uint32_t mode, user_id, group_id, padding;
    uint64_t device_id;
    int64_t size, block_size, blocks;
    struct linux_timespec access_time, modify_time, change_time;
    int64_t reserved[3];
};
LINUX_LAYOUT(struct linux_stat, 144);
LINUX_PLACE(struct linux_stat, mode, 24);
LINUX_PLACE(struct linux_stat, size, 48);
LINUX_PLACE(struct linux_stat, access_time, 72);

struct linux_statx_time {
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t reserved;
};

struct linux_statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, user_id, group_id;
    uint16_t mode, padding;
    uint64_t inode, size, blocks, attributes_mask;
    struct linux_statx_time access_time, birth_time, change_time, modify_time;
    uint32_t device_id_major, device_id_minor, device_major, device_minor;
    uint64_t mount_id;
    uint32_t direct_memory_alignment, direct_offset_alignment;
    uint64_t reserved[12];
};
LINUX_LAYOUT(struct linux_statx, 256);
LINUX_PLACE(struct linux_statx, inode, 32);
LINUX_PLACE(struct linux_statx, access_time, 64);
LINUX_PLACE(struct linux_statx, device_id_major, 128);

struct linux_statfs {
    int64_t type, block_size;
    uint64_t blocks, blocks_free, blocks_available, files, files_free;
    int32_t id[2];
    int64_t name_max, fragment_size, flags, reserved[4];
};
LINUX_LAYOUT(struct linux_statfs, 120);
LINUX_PLACE(struct linux_statfs, flags, 80);

struct linux_iovec {
    uint64_t base, length;
};
LINUX_LAYOUT(struct linux_iovec, 16);

/* An entry of getdents64; the name with its NUL and padding to 8 bytes follow. */
struct linux_dirent64 {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};
LINUX_PLACE(struct linux_dirent64, name, 19);

struct linux_pollfd {
    int32_t fd;
    int16_t events, returned;
};
LINUX_LAYOUT(struct linux_pollfd, 8);

/* The sixth argument of pselect6 points to this. */
struct linux_sigset_argument {
    uint64_t set, size;
};

struct linux_flock {
    int16_t type, whence;
    int32_t padding;
    int64_t start, length;
    int32_t process_id, padding2;
};
LINUX_LAYOUT(struct linux_flock, 32);

/* ---- Terminals ----------------------------------------------------------------------------- */

#define LINUX_CONTROL_CHARACTERS 19

struct linux_termios {
    uint32_t input_flags, output_flags, control_flags, local_flags;
    uint8_t line;
    uint8_t characters[LINUX_CONTROL_CHARACTERS];
};
LINUX_LAYOUT(struct linux_termios, 36);

struct linux_winsize {
    uint16_t rows, columns, pixels_x, pixels_y;
};
LINUX_LAYOUT(struct linux_winsize, 8);

/* ---- Processes and the machine ------------------------------------------------------------- */

struct linux_rlimit {
    uint64_t soft, hard;
};
LINUX_LAYOUT(struct linux_rlimit, 16);

#define SCHED_ATTRIBUTES_SIZE_FIRST 48u    /* without the last two */
struct linux_sched_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;    /* ns; SCHED_DEADLINE */
    uint32_t utilisation_minimum, utilisation_maximum;
};
LINUX_LAYOUT(struct linux_sched_attributes, 56);
LINUX_PLACE(struct linux_sched_attributes, runtime, 24);

struct linux_rusage {
    struct linux_timeval user_time, system_time;
    int64_t peak_resident_kib;
    int64_t text_size, data_size, stack_size;    /* always 0, as on Linux */
    int64_t minor_faults, major_faults, swaps, blocks_in, blocks_out;
    int64_t messages_sent, messages_received, signals;
    int64_t voluntary_switches, involuntary_switches;
};
LINUX_LAYOUT(struct linux_rusage, 144);

struct linux_sysinfo {
    int64_t uptime_seconds;
    uint64_t loads[3];
    uint64_t total_memory, free_memory, shared_memory, buffer_memory, total_swap, free_swap;
    uint16_t processes, padding;
    uint32_t padding2;
    uint64_t total_high, free_high;
    uint32_t memory_unit, padding3;
};
LINUX_LAYOUT(struct linux_sysinfo, 112);
LINUX_PLACE(struct linux_sysinfo, total_high, 88);

#define LINUX_NAME_SIZE 65

struct linux_utsname {
    char system[LINUX_NAME_SIZE], node[LINUX_NAME_SIZE], release[LINUX_NAME_SIZE];
    char version[LINUX_NAME_SIZE], machine[LINUX_NAME_SIZE], domain[LINUX_NAME_SIZE];
};
LINUX_LAYOUT(struct linux_utsname, 390);

struct linux_capability_header {
    uint32_t version;
    int32_t process_id;
};

struct linux_capability_data {
    uint32_t effective, permitted, inheritable;
};

/* ---- Signals ------------------------------------------------------------------------------- */

struct linux_sigaction {
    uint64_t handler, flags, restorer, mask;
};
LINUX_LAYOUT(struct linux_sigaction, 32);

struct linux_sigstack {
    uint64_t base;
    int32_t flags, padding;
    uint64_t size;
};
LINUX_LAYOUT(struct linux_sigstack, 24);

struct linux_siginfo {
    struct signal_information information;
    uint8_t zero[80];
};
LINUX_LAYOUT(struct linux_siginfo, 128);

struct linux_sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error_code, trap_number, old_mask, fault_address;
    uint64_t vector;                /* fpstate: address of the XSAVE area, 0: none */
    uint64_t reserved[8];
};
LINUX_LAYOUT(struct linux_sigcontext, 256);
LINUX_PLACE(struct linux_sigcontext, vector, 184);

struct linux_ucontext {
    uint64_t flags, link;
    struct linux_sigstack stack;
    struct linux_sigcontext registers;
    uint64_t mask;
};
LINUX_PLACE(struct linux_ucontext, registers, 40);
LINUX_PLACE(struct linux_ucontext, mask, 296);

struct linux_rt_sigframe {
    uint64_t return_address;
    struct linux_ucontext context;
    struct linux_siginfo information;
};
LINUX_LAYOUT(struct linux_rt_sigframe, 440);

#define UCONTEXT_HAS_XSTATE 1u
#define UCONTEXT_SS 2u
#define UCONTEXT_STRICT_SS 4u

/* Bytes 464..511 of the vector state in a frame. */
struct linux_vector_trailer {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t state_size, padding[7];
};
LINUX_LAYOUT(struct linux_vector_trailer, 48);
#define VECTOR_MAGIC1 0x46505853u
#define VECTOR_MAGIC2 0x46505845u
