#pragma once
/* The vDSO in the programs of Linux: see guests/vdso. */
#include <stddef.h>

#include "lib/error.h"
#include "machine/machine.h"

struct exec_image;
struct exec_request;
struct process;

/* Boot, before processes: makes it.  If there is no memory, the first program finds none either. */
void vdso_init(void);

/* Operation `build_start` of struct abi: maps it, and does what exec_build_start does. */
MUST_CHECK int linux_build_start(const struct exec_request *request, struct exec_image *image);
/* Operation `describe_address`. */
size_t vdso_describe(const struct process *process, user_address address, char *text, size_t size);
