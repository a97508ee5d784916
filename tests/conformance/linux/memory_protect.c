/* mprotect: splitting and merging, faults with signal, code and address, handlers that repair. */
#include <signal.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

static sigjmp_buf landing;
static char *base;
static int repair, repaired;

static void on_fault(int number, siginfo_t *information, void *context)
{
    long offset = (char *)information->si_addr - base;

    (void)context;
    if (repair) {
        repaired++;
        if (mprotect(base + offset / (long)PAGE * (long)PAGE, PAGE, PROT_READ | PROT_WRITE) != 0)
            _exit(9);
        return;    /* the instruction is tried again */
    }
    printf("  signal %d code %d at offset %ld\n", number, information->si_code, offset);
    siglongjmp(landing, 1);
}

static void read_at(size_t offset)
{
    printf("read at %zu:\n", offset);
    if (sigsetjmp(landing, 1) == 0)
        printf("  %d\n", *(volatile char *)(base + offset));
}

static void write_at(size_t offset)
{
    printf("write at %zu:\n", offset);
    if (sigsetjmp(landing, 1) == 0) {
        *(volatile char *)(base + offset) = 5;
        printf("  done\n");
    }
}

static void run_at(size_t offset)
{
    printf("run at %zu:\n", offset);
    if (sigsetjmp(landing, 1) == 0) {
        ((void (*)(void))(uintptr_t)(base + offset))();
        printf("  returned\n");
    }
}

static void all_protections(void)
{
    static const int protections[] = { PROT_NONE, PROT_READ, PROT_WRITE,
                                       PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
                                       PROT_READ | PROT_WRITE | PROT_EXEC };

    SECTION("every protection but PROT_EXEC alone, which some processors can hide from reads");
    base = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *base = (char)0xc3;    /* ret */
    for (size_t i = 0; i < COUNT(protections); i++) {
        printf("protection %d\n", protections[i]);
        CALL(mprotect(base, PAGE, protections[i]));
        read_at(0);
        write_at(8);
        run_at(0);
    }
    CALL(munmap(base, PAGE));
    read_at(0);
    write_at(0);
    run_at(0);
}

static void ranges(void)
{
    SECTION("ranges");
    base = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(base, 1, 8 * PAGE);
    CALL(mprotect(base + 2 * PAGE, 3 * PAGE, PROT_READ));
    CALL(mprotect(base + 3 * PAGE, 1, PROT_NONE));
    for (size_t page = 1; page < 6; page++) {
        read_at(page * PAGE);
        write_at(page * PAGE);
    }
    CALL(mprotect(base, 8 * PAGE, PROT_READ | PROT_WRITE));
    write_at(3 * PAGE);
    CALL(munmap(base + 4 * PAGE, PAGE));
    CALL(mprotect(base + 3 * PAGE, 3 * PAGE, PROT_READ));    /* up to the hole */
    write_at(3 * PAGE);
    write_at(5 * PAGE);
    CALL(mprotect(base + 4 * PAGE, PAGE, PROT_READ));
    CALL(mprotect(base + 1, PAGE, PROT_READ));
    CALL(mprotect(base, 0, PROT_READ));
    CALL(syscall(SYS_mprotect, base, -1L, PROT_READ));
    CALL(syscall(SYS_mprotect, base, PAGE, 0x100L));
    CALL(syscall(SYS_mprotect, -4096L, PAGE, PROT_READ));
    CALL(munmap(base, 8 * PAGE));
}

static void repairing(void)
{
    long sum = 0;

    SECTION("a handler that repairs");
    base = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    repair = 1;
    for (size_t page = 0; page < 64; page++)
        base[page * PAGE + page] = (char)page;
    for (size_t page = 0; page < 64; page++)
        sum += base[page * PAGE + page];
    VALUE(sum);
    VALUE(repaired);
    mprotect(base, 64 * PAGE, PROT_READ);
    repaired = 0;
    memset(base, 1, 64 * PAGE);    /* faults in the middle of string instructions */
    VALUE(repaired);
    repair = 0;
    munmap(base, 64 * PAGE);
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    all_protections();
    ranges();
    repairing();
    return 0;
}
