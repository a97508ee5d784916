/* Alternate stacks: when handlers run on one, when it is too small, and one that is given up while
 * a handler runs. */
#include <setjmp.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "with_signals.h"

#define AUTO_DISARM ((int)(1u << 31))
#define STACK_SIZE 65536

static char *memory;
static sigjmp_buf back;
static volatile int depth, depth_max;
static volatile int where[8];
static stack_t during[8];

static int is_on(const void *place)
{
    return (const char *)place > memory && (const char *)place <= memory + STACK_SIZE;
}

static void set_stack(size_t size, int flags)
{
    const stack_t stack = { .ss_sp = memory, .ss_size = size, .ss_flags = flags };

    if (sigaltstack(&stack, NULL) != 0)
        printf("no stack: %s\n", error_name(errno));
}

static void show_stack(const char *what)
{
    stack_t stack;

    (void)sigaltstack(NULL, &stack);
    printf("%s: %s flags %#x size %zu\n", what, stack.ss_sp == memory ? "ours" : stack.ss_sp
           ? "another" : "none", (unsigned)stack.ss_flags, stack.ss_size);
}

static void nest(int number, siginfo_t *information, void *context)
{
    const ucontext_t *frame = context;
    int here;

    (void)information;
    where[depth] = is_on(&here);
    (void)sigaltstack(NULL, &during[depth]);
    if (depth == 0) {
        printf("saved: flags %#x size %zu\n", (unsigned)frame->uc_stack.ss_flags,
               frame->uc_stack.ss_size);
        CALL(sigaltstack(&during[0], NULL));    /* EPERM where it is in use */
    }
    depth++;
    if (depth < depth_max)
        (void)raise(number);
    depth--;
}

static void install(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

    sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

static void run(const char *what, int flags, int nested)
{
    printf("%s\n", what);
    install(SIGUSR1, nest, flags | SA_NODEFER);
    depth_max = nested;
    (void)raise(SIGUSR1);
    for (int i = 0; i < nested; i++)
        printf("depth %d: %s, flags %#x size %zu\n", i, where[i] ? "on it" : "not on it",
               (unsigned)during[i].ss_flags, during[i].ss_size);
    show_stack("after");
}

static void use(void)
{
    SECTION("use");
    set_stack(STACK_SIZE, 0);
    run("without SA_ONSTACK", 0, 1);
    run("with it, nested", SA_ONSTACK, 3);
    SECTION("SS_AUTODISARM");
    set_stack(STACK_SIZE, AUTO_DISARM);
    run("with it", SA_ONSTACK, 1);
    run("with it, nested", SA_ONSTACK, 2);
    set_stack(STACK_SIZE, AUTO_DISARM | SS_ONSTACK);
    show_stack("both flags");
    set_stack(0, SS_DISABLE);
    run("without a stack", SA_ONSTACK, 1);
}

/* ---- Where frames go ----------------------------------------------------------------------- */

static uintptr_t frame_at, interrupted_at;
static size_t used_by_frame;    /* of an alternate stack */

static void note_frame(int number, siginfo_t *information, void *context)
{
    const ucontext_t *frame = context;

    (void)number;
    (void)information;
    frame_at = (uintptr_t)context;
    interrupted_at = (uintptr_t)frame->uc_mcontext.gregs[REG_RSP];
}

static void places(void)
{
    unsigned long least = getauxval(AT_MINSIGSTKSZ);
    uintptr_t used;

    SECTION("places");
    install(SIGUSR1, note_frame, 0);
    (void)raise(SIGUSR1);
    FACT(frame_at % 16 == 0);
    FACT(interrupted_at - frame_at > 128 + 512);
    set_stack(STACK_SIZE, 0);
    install(SIGUSR1, note_frame, SA_ONSTACK);
    (void)raise(SIGUSR1);
    used = (uintptr_t)memory + STACK_SIZE - (frame_at - 8);
    FACT(used < least);
    FACT(used > 512 + 440);
    used_by_frame = used;
}

static void leave(int number, siginfo_t *information, void *context)
{
    (void)context;
    (void)information;
    siglongjmp(back, number);
}

static void small(void)
{
    static const size_t sizes[] = { 2048, 2304, 3000 };

    /* Which sizes are too small differs by processor. */
    SECTION("too small for a frame: a fault, on no stack");
    install(SIGUSR1, note_frame, SA_ONSTACK);
    install(SIGSEGV, leave, 0);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        VALUE(sizes[i]);
        set_stack(sizes[i], 0);
        frame_at = 0;
        int number = sigsetjmp(back, 1);
        if (number == 0)
            (void)raise(SIGUSR1);
        FACT((number == 0) == (frame_at != 0));
        FACT((number == 0) == (sizes[i] >= used_by_frame));
    }
    set_stack(0, SS_DISABLE);
}

/* ---- Overflow ------------------------------------------------------------------------------ */

static int overflow(int count)
{
    volatile char big[4096];

    big[0] = (char)count;
    return count > 1000000 ? 0 : overflow(count + 1) + big[0];
}

static void on_overflow(int number, siginfo_t *information, void *context)
{
    int here;

    (void)context;
    printf("signal %d code %d %s\n", number, information->si_code,
           is_on(&here) ? "on the other stack" : "on the same stack");
    siglongjmp(back, 1);
}

static void overflows(void)
{
    const struct rlimit small_stack = { 1 << 20, 1 << 20 };

    (void)setrlimit(RLIMIT_STACK, &small_stack);
    set_stack(STACK_SIZE, 0);
    install(SIGSEGV, on_overflow, SA_ONSTACK);
    if (sigsetjmp(back, 1) == 0)
        printf("%d\n", overflow(0));
    show_stack("after the jump");
    set_stack(0, SS_DISABLE);
    (void)fflush(stdout);
    if (sigsetjmp(back, 1) == 0)    /* no room for a frame: the end */
        printf("%d\n", overflow(0));
}

int main(void)
{
    memory = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    use();
    places();
    small();
    SECTION("the ordinary stack overflows");
    reap("with and without another stack", spawn(overflows));
    return 0;
}
