#pragma once
/* What the files of the call trace share with each other only. */
#include <stdbool.h>
#include <stdint.h>

#include "abi/abi.h"
#include "lib/format.h"

#define TRACE_LINE_SIZE 4096

/* A call that is being made: what its line will be. */
struct trace_call {
    const struct syscall *call;
    uint64_t arguments[SYSCALL_ARGUMENTS_MAX];
    uint64_t started_ns;
    unsigned printed;            /* arguments that are in `line` already */
    bool interrupted;            /* "<unfinished ...>" was printed ... */
    unsigned resumed_at;         /* ... before this argument */
    struct text_builder builder;
    char line[TRACE_LINE_SIZE];
};

/* ---- trace_filter.c */
/* "file,!stat,openat,...".  -EINVAL, with the word that is wrong in `wrong`. */
MUST_CHECK int trace_filter_parse(const char *filter, char *wrong, size_t wrong_size);
bool trace_filter_passes(const struct syscall *call);

/* ---- trace_values.c: all print at the end of a line */
void trace_flags(struct text_builder *line, uint64_t value, unsigned set);
void trace_error(struct text_builder *line, int error);
void trace_signal_set(struct text_builder *line, uint64_t set);
/* User memory: strings, byte strings of which at most 32 are shown, plain addresses. */
void trace_user_string(struct text_builder *line, user_address address);
void trace_user_bytes(struct text_builder *line, user_address address, uint64_t size);
void trace_address(struct text_builder *line, user_address address);

/* ---- trace_structures.c */
/* Prints the structure if the kind has one and it can be read; false: print an address. */
bool trace_structure(struct text_builder *line, unsigned kind, user_address address);
/* "[{0, -1, SEM_UNDO}, ...]", for semop. */
void trace_semaphore_operations(struct text_builder *line, user_address address, uint64_t count);
void trace_segments(struct text_builder *line, user_address address, uint64_t count,
                    uint64_t size);

/* ---- trace_arguments.c */
/* Is it known only when the call has returned? */
bool trace_argument_is_output(unsigned kind);
void trace_argument(struct trace_call *call, unsigned index, bool has_result, int64_t result);
void trace_result(struct trace_call *call, int64_t result);
