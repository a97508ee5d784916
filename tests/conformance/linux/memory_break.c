/* brk: growing, shrinking, zeroes, limits, obstacles. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

static uintptr_t set_break(uintptr_t address)
{
    return (uintptr_t)syscall(SYS_brk, address);
}

int main(void)
{
    uintptr_t start, top;
    struct rlimit limit;
    char *memory;

    setvbuf(stdout, malloc(8192), _IOFBF, 8192);    /* no heap use from here on */
    printf("ready\n");
    start = set_break(0);
    FACT(start != 0);
    FACT(set_break(1) == start);
    FACT(set_break(UINTPTR_MAX) == start);
    FACT(set_break(start - (1UL << 30)) == start);
    FACT(set_break(1UL << 47) == start);
    top = start + 10 * PAGE + 5;
    FACT(set_break(top) == top);
    memory = (char *)start;
    FACT(memory[10 * PAGE] == 0);
    memset(memory, 'x', 10 * PAGE + 5);
    FACT(set_break(start + PAGE) == start + PAGE);
    FACT(set_break(top) == top);
    FACT(memory[0] == 'x');
    FACT(memory[2 * PAGE] == 0);    /* given back and fetched anew */
    FACT(set_break(start + (64UL << 20)) == start + (64UL << 20));
    for (size_t offset = 0; offset < 64UL << 20; offset += PAGE)
        memory[offset] = 1;
    FACT(set_break(start) == start);
    top = (start + PAGE - 1) / PAGE * PAGE;
    FACT((uintptr_t)mmap((void *)(top + 4 * PAGE), PAGE, PROT_READ,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
         top + 4 * PAGE);
    FACT(set_break(top + 2 * PAGE) == top + 2 * PAGE);
    FACT(set_break(top + 5 * PAGE) == top + 2 * PAGE);    /* a mapping in the way */
    munmap((void *)(top + 4 * PAGE), PAGE);
    getrlimit(RLIMIT_DATA, &limit);
    limit.rlim_cur = 1 << 20;
    CALL(setrlimit(RLIMIT_DATA, &limit));
    FACT(set_break(top + (4UL << 20)) == top + 2 * PAGE);
    FACT(set_break(start) == start);
    return 0;
}
