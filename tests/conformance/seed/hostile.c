/*
 * A program that counts its blocks, and does to the word in which it counts what the first argument
 * says.  Whatever it does harms nobody but itself, and the next run is the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

extern int64_t eft_budget;

static volatile int work;

/* So many blocks that it would have been preempted often. */
static void do_work(void)
{
    for (int i = 0; i < 300000; i++)
        work += i & 1;
}

static void *page(void)
{
    return (void *)((uintptr_t)&eft_budget & ~(uintptr_t)4095);
}

static int attack(const char *how)
{
    if (strcmp(how, "huge") == 0)
        *(volatile int64_t *)&eft_budget = INT64_MAX;
    else if (strcmp(how, "negative") == 0)
        *(volatile int64_t *)&eft_budget = INT64_MIN + 1000;
    else if (strcmp(how, "zero") == 0)
        *(volatile int64_t *)&eft_budget = 0;
    else if (strcmp(how, "unmap") == 0)
        return munmap(page(), 4096);
    else if (strcmp(how, "protect") == 0)
        return mprotect(page(), 4096, PROT_READ);
    else if (strcmp(how, "over") == 0)
        return mmap(page(), 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED;
    else if (strcmp(how, "shared") == 0)
        return mmap(page(), 4096, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED;
    else if (strcmp(how, "none") != 0)
        return 1;
    return 0;
}

int main(int argument_count, char **arguments)
{
    for (int i = 1; i < argument_count; i++) {
        if (attack(arguments[i]) != 0)
            return 1;
        do_work();
    }
    printf("worked %d\n", work);
    return 0;
}
