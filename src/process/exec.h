#pragma once
/*
 * Starting a program: its image and stack in a new address space.  Building comes first and may
 * fail; only then is anything of the process replaced.  execve is the same with another source
 * of strings and the point of no return between exec_prepare and exec_commit.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "machine/machine.h"
#include "process/elf.h"
#include "process/process.h"

/* Arguments and environment, copied into kernel memory one behind the other with their NULs. */
struct exec_strings {
    char *bytes;
    size_t size, capacity;
    uint32_t argument_count, environment_count;
    size_t arguments_size;         /* of `size`: the arguments, the rest is the environment */
    uint64_t limit;                /* strings and pointers together; -E2BIG beyond */
};

void exec_strings_init(struct exec_strings *strings, uint64_t stack_limit);
void exec_strings_destroy(struct exec_strings *strings);
/* Arguments first, then the environment.  -E2BIG, -ENOMEM. */
MUST_CHECK int exec_strings_add_argument(struct exec_strings *strings, const char *text);
MUST_CHECK int exec_strings_add_environment(struct exec_strings *strings, const char *text);

/* The same from user memory.  -EFAULT. */
MUST_CHECK int exec_strings_copy_argument(struct exec_strings *strings,
                                          struct address_space *space, user_address text);
MUST_CHECK int exec_strings_copy_environment(struct exec_strings *strings,
                                             struct address_space *space, user_address text);
/* For scripts: `count` others instead of the first argument. */
MUST_CHECK int exec_strings_replace_first(struct exec_strings *strings, const char *const *others,
                                          unsigned count);

/* A program that is ready to run but not running. */
struct exec_image {
    const struct abi *abi;
    struct address_space *space;
    struct family *family;         /* NULL: the ABI knows none */
    struct elf_image elf;
    uint64_t bias;                 /* added to the addresses in the file */
    user_address entry, stack;
    user_address vdso;             /* where its header is; 0: none */
    user_address interpreter_base; /* AT_BASE; 0: it is a static program */
    uint64_t first_argument, second_argument;    /* in rdi and rsi */
    user_address arguments_start, arguments_end, environment_start, environment_end;
    uint64_t auxiliary_vector[2 * AUXILIARY_VECTOR_PAIRS];
};

#define EXEC_COMPLAINT_SIZE 320

struct exec_request {
    struct file *executable;
    const char *path;              /* AT_EXECFN */
    const struct fs_context *context;    /* who looks for its interpreter */
    const struct exec_strings *strings;
    const struct credentials *credentials;    /* that the program will have */
    bool is_secure;                           /* it can do more than who starts it */
    const struct limits *limits;
    uint8_t random[AUXILIARY_RANDOM_SIZE];
};

/* For elf_parse: a regular file, and where programs may lie. */
struct elf_source exec_source(struct file *file);
struct elf_space exec_space(void);

/* Boot, once: the ABIs that there are, NULL at the end. */
void exec_set_abis(const struct abi *const *abis);

/* For ABIs: Linux's stack with arguments, environment and auxiliary vector, and its break. */
MUST_CHECK int exec_build_start(const struct exec_request *request, struct exec_image *image);

/* Builds the image.  On failure nothing is left, and `complaint` holds one line that says
 * what is wrong with the file, without its name.  -ENOEXEC, -ENOMEM, -EIO, -E2BIG. */
MUST_CHECK int exec_prepare(const struct exec_request *request, struct exec_image *image,
                            char *complaint, size_t complaint_size);
/* Gives a prepared image back that was not used. */
void exec_discard(struct exec_image *image);
/* Makes it the process's program and sets the thread's registers.  Nothing fails from here. */
void exec_commit(struct process *process, struct thread *thread,
                 const struct exec_request *request, struct exec_image *image);
