/*
 * The heap of the program's own: where it ends, how it grows by pages, and that it can be given
 * back.  A child shares it, and its end.
 */
#include "teaching.h"

#define HEAP_START 0x200000000000u
#define HEAP_MAX (4ul << 30)
#define FAILED UINT64_MAX

enum { PAGE = 4096, PAGES = 16, WORD_STEP = 512, PATTERN = 0x5a5a };

static volatile uint64_t *words(void)
{
    return (volatile uint64_t *)HEAP_START;
}

static void expect(bool holds, const char *what)
{
    if (!holds)
        panic("brk: it does not hold that %s\n", what);
    print("%s\n", what);
}

/* Writes one word into each page, then looks for them. */
static bool pages_keep(void)
{
    bool same = true;

    for (uint64_t i = 0; i < PAGES; i++)
        words()[i * WORD_STEP] = PATTERN + i;
    for (uint64_t i = 0; i < PAGES; i++)
        same = same && words()[i * WORD_STEP] == PATTERN + i;
    return same;
}

static REPORTED void child_shares(void)
{
    int child = process_fork();

    if (child == 0) {
        words()[1] = words()[0] + 1;
        process_exit(heap_end(0) == HEAP_START + PAGES * PAGE ? 0 : 1);
    }
    expect(process_wait(child) == 0, "a child sees the same end of the heap");
    expect(words()[1] == PATTERN + 1, "and the same memory");
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    expect(heap_end(0) == HEAP_START, "the heap begins empty at 0x200000000000");
    expect(heap_end(HEAP_START + PAGES * PAGE) == HEAP_START + PAGES * PAGE, "it grows to 64 KiB");
    expect(pages_keep(), "its pages keep what is written to them");
    child_shares();
    expect(heap_end(HEAP_START - PAGE) == FAILED, "it cannot end before its start");
    expect(heap_end(HEAP_START + HEAP_MAX + PAGE) == FAILED, "nor beyond 4 GiB");
    expect(heap_end(0) == HEAP_START + PAGES * PAGE, "what failed changed nothing");
    expect(heap_end(HEAP_START) == HEAP_START, "it can be given back");
    expect(heap_end(HEAP_START + PAGE) == HEAP_START + PAGE, "and grow again");
    expect(words()[0] == 0, "with zeros");
    return 0;
}
