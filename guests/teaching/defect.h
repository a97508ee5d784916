#pragma once
/*
 * For programs that would show a defect which kernels of this ABI are known to have.  Each prints
 * `ok NAME` when the kernel does not have it, and ends with the number of failures.
 */
#include "teaching.h"

static inline int defect_check(const char *name, bool holds)
{
    print("%s %s\n", holds ? "ok" : "not ok", name);
    return holds ? 0 : 1;
}

/* Lets the others run until they wait, or are in the middle of what they do. */
static inline void defect_let_others_run(void)
{
    for (int i = 0; i < 200; i++)
        cpu_relax();
    sleep_ms(5);
}
