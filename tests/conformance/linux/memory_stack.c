/* Stacks that grow: the first one, its limit, and MAP_GROWSDOWN. */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

static sigjmp_buf landing;
static volatile int code;
static uintptr_t fault_address, top;

static void on_fault(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)context;
    code = information->si_code;
    fault_address = (uintptr_t)information->si_addr;
    siglongjmp(landing, 1);
}

static __attribute__((noinline)) long descend(long depth)
{
    volatile char frame[4000];

    frame[0] = (char)depth;
    if (depth == 0)
        return frame[0];
    return descend(depth - 1) + frame[0] * 0 + 1;
}

static void overflow(const char *name)
{
    if (sigsetjmp(landing, 1) == 0) {
        descend(100000000);
    } else {
        uintptr_t depth = top - fault_address;
        struct rlimit limit;

        getrlimit(RLIMIT_STACK, &limit);
        printf("%s: code %d, within a page's frame of the limit %d\n", name, code,
               depth + 70000 > limit.rlim_cur && depth < limit.rlim_cur + 3 * PAGE);
    }
}

int main(void)
{
    stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    struct rlimit limit;
    char here, *area;

    top = (uintptr_t)&here;
    CALL(sigaltstack(&stack, NULL));
    sigaction(SIGSEGV, &action, NULL);
    CALL(getrlimit(RLIMIT_STACK, &limit));
    VALUE(limit.rlim_cur);
    VALUE(descend(1800));    /* 7 MiB, most of it never touched before */
    overflow("overflow");
    overflow("overflow again");
    limit.rlim_cur = 2 << 20;
    CALL(setrlimit(RLIMIT_STACK, &limit));
    VALUE(descend(300));
    limit.rlim_cur = 16 << 20;
    CALL(setrlimit(RLIMIT_STACK, &limit));
    VALUE(descend(3500));    /* a raised limit counts at once */
    overflow("overflow of 16 MiB");
    area = mmap(NULL, 1024 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    munmap(area, 1024 * PAGE);
    area = MAP(mmap(area + 1000 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
    if (sigsetjmp(landing, 1) == 0) {
        for (size_t page = 0; page < 50; page++)
            *(volatile char *)(area - page * PAGE) = 1;
        printf("MAP_GROWSDOWN grew by 50 pages\n");
    } else {
        printf("MAP_GROWSDOWN did not grow: code %d\n", code);
    }
    return 0;
}
