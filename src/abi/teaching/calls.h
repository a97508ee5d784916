#pragma once
/* The functions behind the calls of syscalls.def, and what they share with each other. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/abi.h"
#include "abi/linux/arguments.h"
#include "machine/machine.h"
#include "machine/observer.h"

struct address_space;
struct elf_image;
struct exec_image;
struct exec_request;
struct file;
struct fs_context;
struct process;
struct text_builder;

/* Kinds of arguments that only this ABI has: numbers that use a part of their register. */
#define ARGUMENT_FD8(name) uint8_t, name, KIND_FD, NONE
#define ARGUMENT_U8(name) uint8_t, name, KIND_U32, NONE
#define ARGUMENT_PID16(name) uint16_t, name, KIND_PID, NONE
#define ARGUMENT_ENUM8(name, set) uint8_t, name, KIND_ENUM, set

/* What a call touches that other processes could notice. */
enum call_object {
    CALL_TOUCHES_NOTHING,
    CALL_TOUCHES_DESCRIPTOR,     /* the console or an open file: the first argument says which */
    CALL_TOUCHES_FILES,
    CALL_TOUCHES_SPACE,          /* of the family */
    CALL_TOUCHES_HEAP,           /* of Allocate */
    CALL_TOUCHES_CLOCK,
    CALL_TOUCHES_PROCESS_IDS,
    CALL_TOUCHES_OWN_PROCESS,
    CALL_TOUCHES_EVERYTHING,
};

enum call_result { RESULT_NUMBER, RESULT_ADDRESS, RESULT_NOTHING, RESULT_NEVER };

#define FAILED INT64_C(-1)
#define SEMAPHORE_MISSING 1

#define CALL(number, function, name, object, access, result, ...) \
    int64_t teaching_##function(ARGUMENT_LIST(ARGUMENT_PARAMETER, void, name, ##__VA_ARGS__));
#include "abi/teaching/syscalls.def"
#undef CALL

/* ---- table.c */
/* A signal ended the wait of the current call: it will be made again, if the process lives on.
 * Returns what the function should return. */
int64_t teaching_interrupted(void);
/* For calls that only look whether something has changed, before they look: sleeps a little when
 * they are made again and again.  `input`: what is looked for is input of this file, which ends the
 * sleep; NULL: it is the time.  False: a signal came. */
bool teaching_poll_pause(struct file *input);
/* The current call's operation, for functions that tell the observer themselves. */
struct operation teaching_operation(uint8_t object_kind, uint8_t access, uint64_t object);

/* ---- start.c */
bool teaching_accepts(const struct elf_image *elf);
MUST_CHECK int teaching_build_start(const struct exec_request *request,
                                    struct exec_image *image);
void teaching_leave(struct process *process);

/* ---- fork_stack_copy.c */
/* Takes a slot for a child of the current process, maps its stack and copies what is in the
 * current one's.  *slot, and *distance: how far below it lies.  -EAGAIN: no slot; -ENOMEM. */
MUST_CHECK int teaching_stack_copy(unsigned *slot, uint64_t *distance);
/* Gives a slot and its memory back. */
void teaching_stack_release(struct process *process, unsigned slot);

/* ---- heap.c: the heap of Allocate */
/* For each family, when its space is made: maps the heap.  -ENOMEM. */
MUST_CHECK int teaching_heap_map(struct address_space *space);
/* A family for which that has succeeded has ended. */
void teaching_heap_leave(void);
/* 0: there is no room. */
user_address teaching_heap_take(uint64_t size, uint64_t alignment);
/* Returns false if no block begins there. */
bool teaching_heap_give(user_address address);
uint64_t teaching_heap_used(void);

/* ---- sys_file.c */
/* A copy of the current process's, with references. */
void teaching_fs_context(struct fs_context *context);
/* Nobody reads what the console shows any more: the current process and its family die of it. */
void teaching_console_has_gone(void);

/* ---- sys_stat.c */
/* Writes kernel text to the current process's standard output, as far as that takes it. */
void teaching_print(const char *text, size_t size);

/* ---- program_path.c */
/* Where the program is that Spawn was asked for, as a path that can be opened: `text` of PATH_MAX
 * bytes is replaced.  -ENOENT, -EACCES, ... */
MUST_CHECK int teaching_find_program(char *text);
/* The directory that the current process's program came from, into PATH_MAX bytes. */
void teaching_program_directory(char *text);
