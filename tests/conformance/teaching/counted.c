/*
 * A Linux program to be built by eft-cc with each compiler: it must run like any other, and its
 * blocks must count.  The budget is a word of the callback that eft-cc links.
 */
#include <stdio.h>

enum { ROUNDS = 1000 };

extern long eft_budget;

static int shared;

/* With a pure loop whose rounds no optimisation may take together. */
static void rounds_run(int rounds)
{
    for (int i = 0; i < rounds; i++)
        __asm__ volatile("" : "+m"(shared));
}

int main(void)
{
    long before = eft_budget, used;

    rounds_run(ROUNDS);
    used = before - eft_budget;
    /* Inside, the kernel may have given a new budget meanwhile. */
    printf("%d rounds, at least a block each: %s\n", ROUNDS,
           used >= ROUNDS || used < 0 ? "yes" : "no");
    return 0;
}
