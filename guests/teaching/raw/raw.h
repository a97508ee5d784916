#pragma once
/*
 * For programs written from the specification of the teaching ABI alone: they use nothing of
 * guests/lib, and make every call by its number.  A program checks facts; each prints `ok NAME` or
 * `not ok NAME`, and the program ends with how many did not hold.
 *
 * Static data is shared with children, the stack is not; see RAW_FORK for what a child may use.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, BRK = 12, GETPID = 39, FORK = 58, SPAWN = 59,
    EXIT = 60, WAITPID = 61, KILL = 62, SEM = 66, TIME = 201, STAT = 65530, LIST = 65531,
    STAT_OF_TUTORIAL = 65532, ALLOCATE = 65533, DEALLOCATE = 65534, NOTHING = 65535,
};
enum { SEM_NEW, SEM_REMOVE, SEM_SIGNAL, SEM_WAIT };
enum { CODE_KILLED = 0xdead, NS_PER_MS = 1000000, PAGE = 4096 };

#define STACK_TOP 0x400000000000u
#define SLOT_SIZE 0x100000000u
#define HEAP_START 0x200000000000u
#define SHARED_HEAP_START 0x400000000000u
#define SHARED_HEAP_SIZE 0x100000u
#define MINUS_ONE ((int64_t)-1)

/* What the registers were when the program began. */
#pragma GCC visibility push(hidden)    /* in this program, so not by way of a table */
extern uint64_t raw_entry_rsp, raw_entry_rdi, raw_entry_rsi;
#pragma GCC visibility pop
int64_t raw_main(void);

/* The stack pointer is as after a call, and raw_main's result the exit code. */
__asm__(".text\n"
        ".global _start\n"
        "_start:\n"
        "    mov %rsp, raw_entry_rsp(%rip)\n"
        "    mov %rdi, raw_entry_rdi(%rip)\n"
        "    mov %rsi, raw_entry_rsi(%rip)\n"
        "    sub $8, %rsp\n"
        "    call raw_main\n"
        "    mov %rax, %rdi\n"
        "    mov $60, %eax\n"
        "    int $0x80\n"
        "    ud2\n"
        ".bss\n"
        ".balign 8\n"
        ".global raw_entry_rsp, raw_entry_rdi, raw_entry_rsi\n"
        "raw_entry_rsp: .skip 8\n"
        "raw_entry_rdi: .skip 8\n"
        "raw_entry_rsi: .skip 8\n"
        ".text\n");

#define RAW static inline __attribute__((always_inline, unused))

RAW int64_t raw(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    __asm__ volatile("int $0x80" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "memory");
    return (int64_t)number;
}

RAW uint64_t at(const volatile void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* The child's registers but rsp and rax are the parent's, so they point into the wrong stack. */
RAW int64_t raw_fork(void)
{
    int64_t rax = FORK;

    __asm__ volatile("int $0x80" : "+a"(rax) : : "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                     "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    return rax;
}

RAW _Noreturn void raw_exit(int64_t code)
{
    (void)raw(EXIT, (uint64_t)code, 0, 0);
    __builtin_trap();
}

/* A child that runs a function, which gives its exit code. */
RAW int64_t raw_start(int64_t (*run)(int64_t), int64_t argument)
{
    int64_t child = raw_fork();

    if (child == 0) {
        __asm__ volatile("" : "+r"(run));
        raw_exit(run(argument));
    }
    return child;
}

RAW int64_t raw_wait(int64_t pid)
{
    return raw(WAITPID, (uint64_t)pid, 0, 0);
}

RAW int64_t raw_sem(uint64_t operation, uint64_t key, uint64_t value)
{
    return raw(SEM, operation, key, value);
}

/* Lets others run: for a while that is also many calls. */
RAW void raw_pass_time(int64_t milliseconds)
{
    int64_t end = raw(TIME, 0, 0, 0) + milliseconds * NS_PER_MS;

    for (int calls = 0; calls < 30 || raw(TIME, 0, 0, 0) < end; calls++)
        (void)raw(TIME, 0, 0, 0);
}

static volatile int raw_failed;

static __attribute__((noinline, unused)) void check(const char *name, bool holds)
{
    char line[128];
    size_t length = 0;

    for (const char *text = holds ? "ok " : "not ok "; *text; text++)
        line[length++] = *text;
    for (; *name && length < sizeof(line) - 1; name++)
        line[length++] = *name;
    line[length++] = '\n';
    (void)raw(WRITE, 1, at(line), length);
    if (!holds)
        raw_failed++;
}
