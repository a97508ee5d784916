/*
 * The first program of the course: greets and ends with code 233.  It fills 32 KiB of its stack
 * first, which is more than a process begins with: the stack has to grow by itself.
 */
#include "teaching.h"

enum { FILLED = 32 * 1024, CODE_HELLO = 233 };

/* How many bytes are not what was written. */
static REPORTED int stack_fill(void)
{
    volatile unsigned char bytes[FILLED];
    int wrong = 0;

    for (int i = 0; i < FILLED; i++)
        bytes[i] = (unsigned char)i;
    for (int i = 0; i < FILLED; i++)
        wrong += bytes[i] != (unsigned char)i;
    return wrong;
}

int main(int argc, char **argv)
{
    if (stack_fill() != 0)
        panic("The stack does not keep what is written to it.\n");
    print("Hello, world!!!\n");
    for (int i = 1; i < argc; i++)
        print("argument %d: %s\n", i, argv[i]);
    return CODE_HELLO;
}
