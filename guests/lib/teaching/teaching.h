#pragma once
/*
 * A small C library for programs of the teaching ABI (`int 0x80`): start code, calls, printing,
 * reading lines, sleeping, spin locks, semaphores, scoped locks and random numbers.
 *
 * After a fork the two processes share code, data and heap; only the stack is private, a copy in
 * another place.  So what processes share is static, and what each has for itself is local.  A
 * pointer to something local is not valid in the child (it points to the parent's copy): keep none
 * across process_fork.
 *
 * The stubs of the calls are always inlined: the address at which a program traps then lies in the
 * function that made the call, and reports name that function.  REPORTED keeps a function that a
 * report shall name from being inlined itself.
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUB static inline __attribute__((always_inline, unused))

#ifdef __clang__
#define REPORTED __attribute__((noinline))
#else
#define REPORTED __attribute__((noinline, noclone))
#endif

enum call_number {
    CALL_READ = 0,
    CALL_WRITE = 1,
    CALL_OPEN = 2,
    CALL_CLOSE = 3,
    CALL_BRK = 12,
    CALL_GETPID = 39,
    CALL_FORK = 58,
    CALL_SPAWN = 59,
    CALL_EXIT = 60,
    CALL_WAITPID = 61,
    CALL_KILL = 62,
    CALL_SEM = 66,
    CALL_TIME = 201,
    CALL_STAT = 65530,
    CALL_LIST = 65531,
    CALL_ALLOCATE = 65533,
    CALL_DEALLOCATE = 65534,
};

enum semaphore_operation { SEM_NEW, SEM_REMOVE, SEM_SIGNAL, SEM_WAIT };

/* Prints to standard error and exits with code 1. */
__attribute__((format(printf, 1, 2), noreturn)) void panic(const char *format, ...);

/* What every program defines; its result is the exit code.  Without arguments argc is 0. */
int main(int argc, char **argv);

/* ---- Calls: rax is the number and the result, every other register is preserved ------------- */

STUB int64_t call3(uint64_t number, uint64_t first, uint64_t second, uint64_t third)
{
    int64_t result;

    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "memory");
    return result;
}

STUB uint64_t address_of(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* Of the console: at most one character, 0 when there is none yet. */
STUB int64_t file_read(int fd, void *buffer, size_t size)
{
    return call3(CALL_READ, (uint64_t)fd, address_of(buffer), size);
}

STUB int64_t file_write(int fd, const void *bytes, size_t size)
{
    return call3(CALL_WRITE, (uint64_t)fd, address_of(bytes), size);
}

/* Read-only; 0 when it cannot be opened. */
STUB int file_open(const char *path, size_t length)
{
    return (int)call3(CALL_OPEN, address_of(path), length, 0);
}

STUB bool file_close(int fd)
{
    return call3(CALL_CLOSE, (uint64_t)fd, 0, 0) == 1;
}

STUB void directory_list(const char *path, size_t length)
{
    (void)call3(CALL_LIST, address_of(path), length, 0);
}

/* 0 asks for the end of the heap; otherwise sets it.  All ones when that is not possible. */
STUB uint64_t heap_end(uint64_t end)
{
    return (uint64_t)call3(CALL_BRK, end, 0, 0);
}

struct layout {
    uint64_t align;
    uint64_t size;
};

/* From the heap that all programs share; NULL when it is full. */
STUB void *memory_allocate(const struct layout *layout)
{
    return (void *)(uintptr_t)call3(CALL_ALLOCATE, address_of(layout), 0, 0);
}

STUB void memory_release(void *memory, const struct layout *layout)
{
    (void)call3(CALL_DEALLOCATE, address_of(memory), address_of(layout), 0);
}

STUB int process_id(void)
{
    return (int)call3(CALL_GETPID, 0, 0, 0);
}

/*
 * 0 in the child, the child's pid in the parent, -1 when there can be no more processes.
 *
 * In the child rsp lies in another stack; no other register is changed.  So nothing may be kept in
 * registers, not even the frame pointer: all are declared as changed.  (Compile with
 * -fomit-frame-pointer, or the compiler refuses rbp here, rightly.)
 */
STUB int process_fork(void)
{
    int64_t result = CALL_FORK;

    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     :
                     : "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12",
                       "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                       "xmm15", "memory");
    return (uint16_t)result == UINT16_MAX ? -1 : (int)(uint16_t)result;
}

/* The pid of a new process that runs another program; 0 when there is no such program. */
STUB int process_spawn(const char *path, size_t length)
{
    return (int)call3(CALL_SPAWN, address_of(path), length, 0);
}

STUB _Noreturn void process_exit(int64_t code)
{
    for (;;)
        (void)call3(CALL_EXIT, (uint64_t)code, 0, 0);
}

/* Blocks until that process, of whatever parent, has ended; its exit code. */
STUB int64_t process_wait(int pid)
{
    return call3(CALL_WAITPID, (uint64_t)pid, 0, 0);
}

STUB void process_kill(int pid)
{
    (void)call3(CALL_KILL, (uint64_t)pid, 0, 0);
}

/* The kernel prints a table of the processes. */
STUB void process_list(void)
{
    (void)call3(CALL_STAT, 0, 0, 0);
}

/*
 * A child that runs a function and exits with code 0; its pid.  Safe to use everywhere: the child
 * never comes back into what is compiled around it, and the function is hidden from the compiler,
 * so that it is not inlined, and no address of a local of its is computed before the fork.
 */
STUB int process_start(void (*run)(int), int argument)
{
    int child = process_fork();

    if (child == 0) {
        __asm__ volatile("" : "+r"(run));
        run(argument);
        process_exit(0);
    }
    if (child < 0)
        panic("There can be no more processes.\n");
    return child;
}

/* Waits for each; how many ended with another code than 0. */
STUB int process_wait_all(const int *pids, int count)
{
    int failed = 0;

    for (int i = 0; i < count; i++)
        failed += process_wait(pids[i]) != 0;
    return failed;
}

/* Nanoseconds since 1970. */
STUB int64_t time_now_ns(void)
{
    return call3(CALL_TIME, 0, 0, 0);
}

/* ---- Semaphores: the key is its name, for all processes that come of one by forks ----------- */

/* 0: made; 1: the key existed, and that semaphore is replaced. */
STUB int64_t semaphore_new(uint32_t key, uint64_t value)
{
    return call3(CALL_SEM, SEM_NEW, key, value);
}

/* These give 1 when there is no such semaphore (any more), otherwise 0. */
STUB int64_t semaphore_remove(uint32_t key)
{
    return call3(CALL_SEM, SEM_REMOVE, key, 0);
}

STUB int64_t semaphore_signal(uint32_t key)
{
    return call3(CALL_SEM, SEM_SIGNAL, key, 0);
}

STUB int64_t semaphore_wait(uint32_t key)
{
    return call3(CALL_SEM, SEM_WAIT, key, 0);
}

/* ---- Spin locks: inlined, so that their loops are counted like the program's own ------------ */

struct spin_lock {
    _Atomic uint32_t held;
};

STUB void cpu_relax(void)
{
    __asm__ volatile("pause");
}

STUB void spin_acquire(struct spin_lock *lock)
{
    while (atomic_exchange_explicit(&lock->held, 1, memory_order_acquire) != 0) {
        while (atomic_load_explicit(&lock->held, memory_order_relaxed) != 0)
            cpu_relax();
    }
}

STUB void spin_release(struct spin_lock *lock)
{
    atomic_store_explicit(&lock->held, 0, memory_order_release);
}

/* ---- Scoped locks: released where the block ends, however it is left ------------------------ */

struct semaphore_guard {
    uint32_t key;
};

STUB struct semaphore_guard semaphore_guard_enter(uint32_t key)
{
    (void)semaphore_wait(key);
    return (struct semaphore_guard){ key };
}

STUB void semaphore_guard_leave(struct semaphore_guard *guard)
{
    (void)semaphore_signal(guard->key);
}

STUB struct spin_lock *spin_guard_enter(struct spin_lock *lock)
{
    spin_acquire(lock);
    return lock;
}

STUB void spin_guard_leave(struct spin_lock **lock)
{
    spin_release(*lock);
}

/* A declaration: from here to the end of the block the lock is held. */
#define SEMAPHORE_GUARD(key) \
    __attribute__((cleanup(semaphore_guard_leave), unused)) \
    struct semaphore_guard semaphore_guard = semaphore_guard_enter(key)
#define SPIN_GUARD(lock) \
    __attribute__((cleanup(spin_guard_leave), unused)) \
    struct spin_lock *spin_guard = spin_guard_enter(lock)

/* ---- Printing: the whole text in one call, so that lines of several processes do not mix ---- */

#define PRINT_SIZE 1024    /* longer texts are cut */

/* Of printf: %d %u %x %c %s %%, with l (64 bits), z, a width, and - or 0 before it. */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
__attribute__((format(printf, 1, 2))) void print_error(const char *format, ...);
/* The same into a buffer, cut and ended by a zero; the length. */
size_t format_list(char *buffer, size_t size, const char *format, va_list arguments);

/* ---- Reading -------------------------------------------------------------------------------- */

/*
 * A line from the console, echoed, without its end; the length, or -1 at the end of input (0x04).
 * Backspace takes a character back, 0x03 all of them; what does not fit is dropped.
 */
int64_t read_line(char *line, size_t size);

/* A choice of the user: argument `index` if there is one, otherwise a line that is asked for.
 * False, and an empty text: nothing was given. */
struct question {
    int argc;
    char **argv;
    int index;
    const char *prompt;
};
bool question_ask(const struct question *question, char *answer, size_t size);
/* The same for a number, which is `otherwise` when nothing was given, and above all limits when it
 * is none. */
uint64_t question_ask_number(const struct question *question, uint64_t otherwise);

/* ---- Time and chance ------------------------------------------------------------------------ */

/* There is no such call: asks for the time until it has come. */
void sleep_ms(uint64_t milliseconds);

struct random {
    uint64_t state;
};

void random_seed(struct random *random, uint64_t seed);
void random_seed_by_time(struct random *random);    /* and pid: differs between processes */
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t limit);

/* ---- Text and memory ------------------------------------------------------------------------ */

size_t text_length(const char *text);
bool text_equal(const char *left, const char *right);
/* Decimal digits, or hexadecimal after "0x"; what follows them is not looked at. */
uint64_t text_to_number(const char *text);

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *left, const void *right, size_t size);
