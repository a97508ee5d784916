#pragma once
/*
 * System calls: from a trap to a function of a table and back.
 */
#include <stdint.h>

#include "abi/linux/arguments.h"
#include "machine/machine.h"
#include "process/abi.h"

struct thread;

enum syscall_status { SYSCALL_DONE, SYSCALL_PARTIAL, SYSCALL_ABSENT };

struct syscall_argument {
    uint8_t kind;    /* enum argument_kind */
    uint8_t set;     /* enum name_set of abi/linux/names.h, for flags and enumerations */
};

struct syscall {
    int64_t (*call)(const uint64_t *arguments);    /* NULL: answers -ENOSYS */
    const char *name;                              /* NULL: no call has this number */
    uint8_t status;                                /* enum syscall_status */
    uint8_t argument_count;
    struct syscall_argument arguments[SYSCALL_ARGUMENTS_MAX];
};

extern const struct abi abi_linux;
extern const struct abi abi_teaching;

#define ABI_CALL_SIZE 2    /* bytes of `syscall` and of `int 0x80` */

/* abi_linux.serve. */
void abi_serve_linux(struct thread *thread);

/* For abi->serve: makes the call of this table and returns its result, with the trace's lines. */
int64_t abi_make_call(struct thread *thread, const struct syscall *call,
                      const uint64_t *arguments);

/* Serves the call of a TRAP_SYSCALL or TRAP_INT80 of the current thread and sets its result. */
void abi_dispatch(struct thread *thread, const struct trap *trap);

/* Boot: reads the options `trace` and `trace=FILTER`.  -EINVAL after one line about a bad
 * filter. */
MUST_CHECK int trace_calls_init(void);
