#pragma once
/*
 * The calls of syscalls.def as plain data, for programs that make calls without knowing them (the
 * fuzzing guest) and for tests.  Freestanding; the arrays are static in whoever includes this.
 */
#include <stdint.h>

#include "abi/linux/arguments.h"

enum descriptor_status { DESCRIPTOR_DONE, DESCRIPTOR_PARTIAL, DESCRIPTOR_ABSENT };

struct syscall_descriptor {
    uint16_t number;
    uint8_t status;                            /* enum descriptor_status */
    uint8_t argument_count;
    uint8_t kinds[SYSCALL_ARGUMENTS_MAX];      /* enum argument_kind */
    const char *name;
};

#define SYSCALL(call_number, call_name, call_status, ...)                            \
    { .number = (call_number), .status = DESCRIPTOR_##call_status,                   \
      .argument_count = ARGUMENT_COUNT(call_name, ##__VA_ARGS__),                    \
      .kinds = { ARGUMENT_LIST(ARGUMENT_KIND, KIND_NONE, call_name, ##__VA_ARGS__) },  \
      .name = #call_name },
static const struct syscall_descriptor syscall_descriptors[] = {
#include "abi/linux/syscalls.def"
};
#undef SYSCALL
