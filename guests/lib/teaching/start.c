/*
 * Where a program of the teaching ABI begins.  The ABI itself passes nothing; Eft leaves the number
 * of arguments in rdi and their array in rsi, both 0 when there are none.  The stack pointer is as
 * after a call, 16n + 8, so that _start could be a function; it is not one, because the frame
 * pointer is cleared first: backtraces end here.
 */
#include "teaching.h"

_Noreturn __attribute__((used)) void program_start(uint64_t argc, char **argv);

__asm__(".text\n"
        ".global _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    sub $8, %rsp\n"
        "    call program_start\n"
        "    ud2\n"
        ".size _start, . - _start\n");

_Noreturn void program_start(uint64_t argc, char **argv)
{
    if (!argv)
        argc = 0;
    process_exit(main((int)argc, argv));
}
