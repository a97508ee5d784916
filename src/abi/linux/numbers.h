#pragma once
/* NUMBER_read, NUMBER_write, ...: the numbers of syscalls.def as constants. */

#define SYSCALL(call_number, call_name, status, ...) NUMBER_##call_name = (call_number),
enum syscall_number {
#include "abi/linux/syscalls.def"
};
#undef SYSCALL
