#pragma once
/*
 * Code of a program in words: its functions, those of libraries that it has mapped, and what the
 * kernel put there.
 */
#include "process/process.h"

#define CODE_TEXT_SIZE 160
#define CODE_LIBRARY_SIZE 48

struct code_description {
    char text[CODE_TEXT_SIZE];          /* "function+0x12 (file.c:34)"; "": nothing is known */
    char of_library[CODE_LIBRARY_SIZE];    /* whose code it is; "": the program's own */
};

/* Of a process that runs: takes its address space's lock. */
void process_describe_code(const struct process *process, user_address address,
                           struct code_description *description);

/* For reports, while nothing else runs: never sleeps.  Who is in the middle of changing the
 * mappings gets names of the program alone. */
void process_describe_code_at_rest(const struct process *process, user_address address,
                                   struct code_description *description);
