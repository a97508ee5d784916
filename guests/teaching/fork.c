/*
 * What two processes share after a fork, and what not: the static `shared` is one, of the local
 * `count` each has its own.  The child ends with code 64, the parent with 1056.
 */
#include "teaching.h"

enum {
    COUNT_AT_FORK = 32,
    COUNT_OF_CHILD = 32,
    COUNT_OF_PARENT = 1024,
    CODE_CHILD = 64,
    VALUE_BEFORE = 0xdeadbeef,
    VALUE_AFTER = 0x2333,
};

static volatile unsigned shared = VALUE_BEFORE;

static void expect(bool holds, const char *what)
{
    if (!holds)
        panic("fork: it does not hold that %s\n", what);
}

static int child_run(volatile int *count)
{
    print("I am the child process\n");
    expect(*count == COUNT_AT_FORK, "the child has a copy of the parent's stack");
    print("child read value of shared: 0x%x\n", shared);
    shared = VALUE_AFTER;
    print("child changed the value of shared: 0x%x\n", shared);
    *count += COUNT_OF_CHILD;
    return *count;
}

static int parent_run(volatile int *count, int child)
{
    int64_t code;

    print("I am the parent process\n");
    expect(*count == COUNT_AT_FORK, "the parent's stack is its own");
    print("Waiting for child to exit...\n");
    code = process_wait(child);
    print("Child exited with status %ld\n", code);
    expect(code == CODE_CHILD, "the child's code is 64");
    print("parent read value of shared: 0x%x\n", shared);
    expect(shared == VALUE_AFTER, "both share the static variable");
    expect(process_wait(child) == code, "one can wait again, and get the same code");
    *count += COUNT_OF_PARENT;
    return *count;
}

int main(int argc, char **argv)
{
    volatile int count = COUNT_AT_FORK;
    int child = process_fork();

    (void)argc;
    (void)argv;
    if (child < 0)
        panic("fork: there can be no more processes\n");
    return child == 0 ? child_run(&count) : parent_run(&count, child);
}
