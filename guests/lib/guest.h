#pragma once
/*
 * A tiny C library for static Linux x86-64 programs: start code, system calls, printing and the
 * memory functions that a compiler expects.  No thread-local storage, no constructors, no heap:
 * a program that uses it depends on nothing but the system calls it makes itself.
 *
 * System calls return what the kernel returns: a result, or a negative error number.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of the calls that the library and its programs make by name. */
enum call_number {
    CALL_WRITE = 1,
    CALL_OPEN = 2,
    CALL_CLOSE = 3,
    CALL_MMAP = 9,
    CALL_MPROTECT = 10,
    CALL_RT_SIGACTION = 13,
    CALL_RT_SIGPROCMASK = 14,
    CALL_SETITIMER = 38,
    CALL_GETPID = 39,
    CALL_UNAME = 63,
    CALL_CHDIR = 80,
    CALL_MKDIR = 83,
    CALL_SYMLINK = 88,
    CALL_CLOCK_GETTIME = 228,
    CALL_EXIT_GROUP = 231,
};

static inline int64_t system_call6(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                                   uint64_t a4, uint64_t a5, uint64_t a6)
{
    register uint64_t r10 __asm__("r10") = a4;
    register uint64_t r8 __asm__("r8") = a5;
    register uint64_t r9 __asm__("r9") = a6;
    int64_t result;

    __asm__ __volatile__("syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a1), "S"(a2), "d"(a3), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
    return result;
}

static inline int64_t system_call3(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return system_call6(number, a1, a2, a3, 0, 0, 0);
}

static inline uint64_t address_of(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* What every program defines; its result is the exit status. */
int main(int argc, char **argv, char **envp);

_Noreturn void program_exit(int status);

/* Whether this is Eft: some programs would do harm elsewhere. */
bool kernel_is_eft(void);

/* ---- Printing: unbuffered to a descriptor; everything is written or given up on an error --- */

void print_bytes(int fd, const char *text, size_t length);
void print(const char *text);                /* standard output */
void print_error(const char *text);          /* standard error */
/* Understands %d %u %x (int64_t, uint64_t: pass 64-bit values), %s, %c (int) and %%. Lines of
 * at most 512 bytes, longer ones are cut. */
void print_format(int fd, const char *format, ...);

/* ---- Text and memory ----------------------------------------------------------------------- */

size_t text_length(const char *text);
bool text_equal(const char *a, const char *b);
/* Decimal digits, or hexadecimal after "0x"; what follows them is not looked at. */
uint64_t text_to_number(const char *text);

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* ---- Time and signals ---------------------------------------------------------------------- */

uint64_t clock_now_ns(void);    /* CLOCK_MONOTONIC */

struct signal_action {          /* the kernel's layout */
    void (*handler)(int signal, void *information, void *context);
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};
#define SIGNAL_FLAG_INFORMATION 4u
#define SIGNAL_FLAG_RESTORER 0x04000000u
#define SIGNAL_FLAG_RESTART 0x10000000u
#define SIGNAL_FLAG_NO_DEFER 0x40000000u
/* Installs a handler without SA_RESTART, with nothing blocked while it runs. */
int64_t signal_handle(int signal, void (*handler)(int signal, void *information, void *context));

/* ---- Memory of every kind that a wild pointer may meet (areas.c) --------------------------- */

#define PAGE_SIZE 4096u
#define AREA_SIZE 65536u

struct memory_areas {
    uint64_t writable;      /* AREA_SIZE bytes; the page behind is not there */
    uint64_t read_only;     /* a page; behind it, one without any permission */
};

/* Maps them, at the same addresses again if they were made before.  False: no memory. */
bool memory_areas_make(struct memory_areas *areas);
