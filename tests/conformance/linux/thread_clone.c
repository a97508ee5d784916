/* clone and clone3: new threads without a C library, what they start with, and refusals. */
#include "with_threads.h"

#define CLONE_FOR_THREADS \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define STACK_SIZE 65536
#define GET_FS_BASE 0x1003    /* of arch_prctl */

struct arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup, more[4];
};

/* What the new thread finds out about itself. */
static struct seen {
    volatile int id, child_word, ended;
    int parent_word, process;
    unsigned long fs_base;
    uint64_t signal_mask, xmm;
    struct head *list;
    stack_t alternate;
} seen;

static char tls_area[4096] __attribute__((aligned(64)));
static uint32_t child_word, parent_word;
static char stack[STACK_SIZE] __attribute__((aligned(16)));

static long raw(long number, long a, long b, long c, long d)
{
    long result;
    register long r10 __asm__("r10") = d;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

/* No stack protector, no errno, no buffers: it may have no area of its own. */
__attribute__((noinline, used)) static void child(void)
{
    uint64_t xmm;
    size_t size;

    __asm__ volatile("movq %%xmm5, %0" : "=r"(xmm));
    seen.xmm = xmm;
    seen.child_word = (int)child_word;
    seen.parent_word = (int)parent_word;
    seen.id = (int)raw(SYS_gettid, 0, 0, 0, 0);
    seen.process = (int)raw(SYS_getpid, 0, 0, 0, 0);
    (void)raw(SYS_arch_prctl, GET_FS_BASE, (long)&seen.fs_base, 0, 0);
    (void)raw(SYS_rt_sigprocmask, 0, 0, (long)&seen.signal_mask, 8);
    (void)raw(SYS_sigaltstack, 0, (long)&seen.alternate, 0, 0);
    (void)raw(SYS_get_robust_list, 0, (long)&seen.list, (long)&size, 0);
    seen.ended = 1;
    (void)raw(SYS_exit, 0, 0, 0, 0);
}

#define CLONE_AND_CALL_CHILD        \
    "movq %[mark], %%xmm5\n\t"      \
    "syscall\n\t"                   \
    "testq %%rax, %%rax\n\t"        \
    "jnz 1f\n\t"                    \
    "xorl %%ebp, %%ebp\n\t"         \
    "call child\n\t"                \
    "hlt\n"                         \
    "1:"

/* The child begins behind the instruction, on its own stack, with the maker's registers. */
static long clone_thread(unsigned long flags, void *top, void *parent_id, void *child_id, void *tls)
{
    long result;
    register void *r10 __asm__("r10") = child_id;
    register void *r8 __asm__("r8") = tls;

    __asm__ volatile(CLONE_AND_CALL_CHILD
                     : "=a"(result)
                     : "a"(SYS_clone), "D"(flags), "S"(top), "d"(parent_id), "r"(r10), "r"(r8),
                       [mark] "r"(0x1234567812345678)
                     : "rcx", "r11", "memory", "xmm5");
    return result;
}

static long clone3_thread(const struct arguments *arguments, size_t size)
{
    long result;

    __asm__ volatile(CLONE_AND_CALL_CHILD
                     : "=a"(result)
                     : "a"(SYS_clone3), "D"(arguments), "S"(size),
                       [mark] "r"(0x1234567812345678)
                     : "rcx", "r11", "memory", "xmm5");
    return result;
}

static void await_child(void)
{
    struct timespec soon = { 5, 0 };

    while (*(volatile uint32_t *)&child_word == 77 &&
           futex(&child_word, FUTEX_WAIT, 77, &soon) == 0)
        continue;
    for (int i = 0; i < MEMBER_PATIENCE_MS && !seen.ended; i++)
        sleep_ms(1);
    await_end(seen.id);
}

static void show_child(long id)
{
    FACT(id > 0 && id != getpid());
    FACT(seen.id == id);
    FACT(seen.process == getpid());
    FACT(seen.fs_base == (unsigned long)tls_area);
    FACT(seen.child_word == id);
    FACT(seen.parent_word == id);
    (void)printf("vector register %#llx, mask %#llx\n", (unsigned long long)seen.xmm,
                 (unsigned long long)seen.signal_mask);
    FACT(seen.list == NULL);
    VALUE(seen.alternate.ss_flags);
    VALUE(child_word);
    FACT(parent_word == id);
}

static void begin(void)
{
    memset(&seen, 0, sizeof(seen));
    child_word = 77;
    parent_word = 0;
}

static void make(void)
{
    struct arguments arguments = {
        .flags = CLONE_FOR_THREADS | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |
                 CLONE_CHILD_CLEARTID,
        .child_tid = (uintptr_t)&child_word,
        .parent_tid = (uintptr_t)&parent_word,
        .stack = (uintptr_t)stack,
        .stack_size = sizeof(stack),
        .tls = (uintptr_t)tls_area,
    };
    stack_t alternate = { .ss_sp = malloc(65536), .ss_size = 65536 };
    sigset_t set;
    long id;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR2);
    (void)pthread_sigmask(SIG_SETMASK, &set, NULL);
    (void)sigaltstack(&alternate, NULL);
    SECTION("clone");
    begin();
    id = clone_thread(arguments.flags, stack + sizeof(stack), &parent_word, &child_word, tls_area);
    await_child();
    show_child(id);
    SECTION("clone with a signal, which is not looked at");
    begin();
    id = clone_thread(arguments.flags | SIGCHLD, stack + sizeof(stack), &parent_word, &child_word,
                      tls_area);
    await_child();
    show_child(id);
    SECTION("clone3");
    begin();
    id = clone3_thread(&arguments, 88);
    await_child();
    show_child(id);
    SECTION("clone3, the first form");
    begin();
    id = clone3_thread(&arguments, 64);
    await_child();
    show_child(id);
    SECTION("clone3 of the future");
    begin();
    id = clone3_thread(&arguments, sizeof(arguments));
    await_child();
    show_child(id);
    SECTION("words that cannot be written");
    begin();
    child_word = 0;
    id = clone_thread(arguments.flags, stack + sizeof(stack), (void *)8, (void *)8, tls_area);
    await_child();
    FACT(seen.id == id);
}

static void refusals(void)
{
    static const struct {
        const char *name;
        unsigned long flags;
    } combinations[] = {
        { "THREAD", CLONE_THREAD },
        { "THREAD SIGHAND", CLONE_THREAD | CLONE_SIGHAND },
        { "THREAD VM", CLONE_THREAD | CLONE_VM },
        { "SIGHAND", CLONE_SIGHAND },
        { "SIGHAND FS", CLONE_SIGHAND | CLONE_FS },
        { "FS NEWNS", CLONE_FS | CLONE_NEWNS },
        { "FS NEWUSER", CLONE_FS | CLONE_NEWUSER },
        { "a thread, NEWUSER", CLONE_FOR_THREADS | CLONE_NEWUSER },
        { "a thread, NEWPID", (CLONE_FOR_THREADS & ~CLONE_FS) | CLONE_NEWPID },
        { "a thread, NEWNS", CLONE_FOR_THREADS | CLONE_NEWNS },
        { "PIDFD DETACHED", CLONE_PIDFD | CLONE_DETACHED },
    };

    SECTION("clone: flags that do not go together");
    for (size_t i = 0; i < COUNT(combinations); i++) {
        long result = raw(SYS_clone, (long)combinations[i].flags, 0, 0, 0);

        if (result == 0)
            _exit(0);
        show(combinations[i].name, result);
    }
    SECTION("an area that cannot be");
    begin();
    show("fs_base beyond user space",
         clone_thread(CLONE_FOR_THREADS | CLONE_SETTLS, stack + sizeof(stack), NULL, NULL,
                      (void *)0x7ffffffff000));
    show("fs_base that is no address",
         clone_thread(CLONE_FOR_THREADS | CLONE_SETTLS, stack + sizeof(stack), NULL, NULL,
                      (void *)-1L));
}

#define CLONE3(...) clone3_show(#__VA_ARGS__, (struct arguments){ __VA_ARGS__ }, 88)

static void clone3_show(const char *text, struct arguments arguments, size_t size)
{
    long result = raw(SYS_clone3, (long)&arguments, (long)size, 0, 0);

    if (result == 0)
        _exit(0);
    show(text, result);
}

static void clone3_refusals(void)
{
    struct arguments arguments = { .flags = CLONE_THREAD };

    SECTION("clone3: sizes");
    show("no address", raw(SYS_clone3, 0, 88, 0, 0));
    show("size 63", raw(SYS_clone3, (long)&arguments, 63, 0, 0));
    show("size 0", raw(SYS_clone3, (long)&arguments, 0, 0, 0));
    show("size 4097", raw(SYS_clone3, (long)&arguments, 4097, 0, 0));
    show("size -1", raw(SYS_clone3, (long)&arguments, -1, 0, 0));
    clone3_show("no size of its own", (struct arguments){ .flags = CLONE_THREAD, .more = { 0, 1 } },
                sizeof(struct arguments));
    clone3_show("control group in the first form",
                (struct arguments){ .flags = 0x200000000ULL }, 64);
    SECTION("clone3: arguments");
    CLONE3(.flags = CLONE_THREAD);
    CLONE3(.flags = CLONE_DETACHED);
    CLONE3(.flags = 1);
    CLONE3(.flags = 0x11);
    CLONE3(.flags = 0x400000000ULL);
    CLONE3(.flags = CLONE_VM | CLONE_SIGHAND | 0x100000000ULL);
    CLONE3(.exit_signal = 65);
    CLONE3(.exit_signal = 256);
    CLONE3(.exit_signal = -1ULL);
    CLONE3(.flags = CLONE_FOR_THREADS, .exit_signal = SIGCHLD);
    CLONE3(.flags = CLONE_FOR_THREADS, .stack = 4096);
    CLONE3(.flags = CLONE_FOR_THREADS, .stack_size = 4096);
    CLONE3(.flags = CLONE_FOR_THREADS, .stack = 4096, .stack_size = -1ULL);
    CLONE3(.flags = CLONE_FOR_THREADS, .stack = -4096ULL, .stack_size = 4096);
    CLONE3(.flags = CLONE_FOR_THREADS, .set_tid_size = 1);
    CLONE3(.flags = CLONE_FOR_THREADS, .set_tid = 4096);
    CLONE3(.flags = CLONE_FOR_THREADS, .set_tid = 4096, .set_tid_size = 33);
    CLONE3(.flags = CLONE_FOR_THREADS | CLONE_NEWPID);
}

int main(void)
{
    make();
    refusals();
    clone3_refusals();
    return 0;
}
