#pragma once
/* Replacing the program of a running process. */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "process/process.h"

struct exec_strings;

struct execution {
    const struct fs_context *context;     /* who looks for interpreters, and from where */
    struct file *file;                    /* from program_open; stays the caller's */
    const char *path;                     /* as the program will know it */
    bool is_hidden;                       /* that path leads nowhere once the program runs */
    struct exec_strings *strings;         /* may be changed */
    uint8_t random[AUXILIARY_RANDOM_SIZE];
};

/* Opens a program's file: a regular one with permission, which nobody may write from then on.
 * `start` NULL: the working directory; `lookup` of enum lookup_flags.  -EACCES, -ETXTBSY, ... */
MUST_CHECK int program_open(const struct fs_context *context, const struct path *start,
                            const char *text, uint32_t lookup, struct file **file);

/* Of a script the program that its first line names, and so on until it is none: *file (with a
 * reference) is what runs then, and the strings begin as it expects.  -ENOEXEC, -ELOOP, and what
 * opening gives. */
MUST_CHECK int program_follow_scripts(struct execution *execution, struct file **file);

/* The current process goes on with the program in the file; its other threads end.  On an error
 * nothing has happened, unless it was too late for one: then the process is killed and ends on its
 * way to user mode.  -ENOEXEC, -E2BIG, -ENOENT, -ENOMEM, -ELOOP, ... */
MUST_CHECK int process_execute(struct execution *execution);
