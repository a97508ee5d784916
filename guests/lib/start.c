/*
 * Where a program of guests/lib begins.  The kernel starts it with the stack pointer at argc,
 * followed by argv, a null pointer, envp, a null pointer and the auxiliary vector; no register
 * but rsp has a meaning.  The frame pointer is cleared so that backtraces end here.
 */
#include "guest.h"

_Noreturn __attribute__((used)) void program_start(uint64_t *stack);

__asm__(".text\n"
        ".global _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call program_start\n"
        "    ud2\n"
        ".size _start, . - _start\n");

_Noreturn void program_start(uint64_t *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    char **envp = argv + argc + 1;

    program_exit(main(argc, argv, envp));
}

_Noreturn void program_exit(int status)
{
    for (;;)
        system_call3(CALL_EXIT_GROUP, (uint64_t)status, 0, 0);
}

/* The release, the third of uname's names, ends with the kernel's own. */
bool kernel_is_eft(void)
{
    static const char ending[] = "-eft";
    char names[6][65];
    size_t length;

    if (system_call3(CALL_UNAME, address_of(names), 0, 0) != 0)
        return false;
    length = text_length(names[2]);
    return length >= sizeof(ending) &&
           text_equal(names[2] + length - (sizeof(ending) - 1), ending);
}
