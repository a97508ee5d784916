/*
 * The smallest program worth running: greets, says what it was given, and ends with status 0.
 * It makes two kinds of system calls: write and exit_group.
 */
#include "guest.h"

int main(int argc, char **argv, char **envp)
{
    (void)envp;
    print_format(1, "Hello! I am %s, a static Linux program in user mode.\n",
                 argc > 0 ? argv[0] : "nameless");
    for (int i = 1; i < argc; i++)
        print_format(1, "argument %d: %s\n", (int64_t)i, argv[i]);
    return 0;
}
