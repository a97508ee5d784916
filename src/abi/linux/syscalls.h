#pragma once
/* The functions behind the calls of syscalls.def: int64_t sys_NAME(arguments).  Results as Linux's:
 * a value, or a negative error number. */
#include <stdint.h>

#include "abi/linux/arguments.h"
#include "machine/machine.h"

#define SYSCALL(number, name, status, ...) \
    int64_t sys_##name(ARGUMENT_LIST(ARGUMENT_PARAMETER, void, name, ##__VA_ARGS__));
#include "abi/linux/syscalls.def"
#undef SYSCALL
