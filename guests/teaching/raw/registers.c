/*
 * After a call every register is what it was, but rax: the other general ones, the flags, and the
 * vector registers, also when the caller slept meanwhile or is a new child, and while others, who
 * have other values in them, run.  An unknown call leaves rax as well.
 */
#include "raw.h"

enum { GENERAL = 15, VECTORS = 16, KEY = 5, ROUNDS = 20, FLAG_PATTERNS = 5 };
enum { FLAGS_TESTED = 0xcd5, AVX = 1u << 28, OSXSAVE = 1u << 27 };

/* In the order in which the assembly below pushes: r15 lowest in memory. */
struct state {
    uint64_t vectors[VECTORS][4];
    uint64_t general[GENERAL];    /* r15 .. r8 rdi rsi rbp rbx rdx rcx rax */
    uint64_t flags;
};
enum { RAX = 14, RDX = 12, RCX = 13, RSI = 9, RDI = 8 };

static uint8_t have_avx;

/* Loads `wanted`, makes the call, stores what is there then in `found`, which lies in the caller's
 * own stack: rsp is the one register that tells a child which one that is.  Gives the address of
 * `found`, which a child has to use. */
struct state *state_call(const struct state *wanted, struct state *found);

__asm__(".text\n"
        "state_call:\n"
        "    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        /* `found` by its distance from rsp, which is the same in a child's stack. */
        "    sub %rsp, %rsi\n"
        "    push %rsi\n"
        "    testb $1, have_avx(%rip)\n"
        "    jz 1f\n"
        "    .set i, 0\n"
        "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "    vmovups 32*\\n(%rdi), %ymm\\n\n"
        "    .endr\n"
        "    jmp 2f\n"
        "1:\n"
        "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "    movups 32*\\n(%rdi), %xmm\\n\n"
        "    .endr\n"
        "2:  pushq 632(%rdi)\n"
        "    mov 512(%rdi), %r15; mov 520(%rdi), %r14; mov 528(%rdi), %r13\n"
        "    mov 536(%rdi), %r12; mov 544(%rdi), %r11; mov 552(%rdi), %r10\n"
        "    mov 560(%rdi), %r9; mov 568(%rdi), %r8; mov 584(%rdi), %rsi\n"
        "    mov 592(%rdi), %rbp; mov 600(%rdi), %rbx; mov 608(%rdi), %rdx\n"
        "    mov 616(%rdi), %rcx; mov 624(%rdi), %rax; mov 576(%rdi), %rdi\n"
        "    popfq\n"
        "    int $0x80\n"
        "    pushfq\n"
        "    cld\n"
        "    push %rdi\n"
        "    mov 16(%rsp), %rdi\n"
        "    lea 24(%rsp,%rdi), %rdi\n"
        "    mov %r15, 512(%rdi); mov %r14, 520(%rdi); mov %r13, 528(%rdi)\n"
        "    mov %r12, 536(%rdi); mov %r11, 544(%rdi); mov %r10, 552(%rdi)\n"
        "    mov %r9, 560(%rdi); mov %r8, 568(%rdi); mov %rsi, 584(%rdi)\n"
        "    mov %rbp, 592(%rdi); mov %rbx, 600(%rdi); mov %rdx, 608(%rdi)\n"
        "    mov %rcx, 616(%rdi); mov %rax, 624(%rdi)\n"
        "    pop 576(%rdi)\n"
        "    pop 632(%rdi)\n"
        "    testb $1, have_avx(%rip)\n"
        "    jz 3f\n"
        "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "    vmovups %ymm\\n, 32*\\n(%rdi)\n"
        "    .endr\n"
        "    vzeroupper\n"
        "    jmp 4f\n"
        "3:\n"
        "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "    movups %xmm\\n, 32*\\n(%rdi)\n"
        "    .endr\n"
        "4:  mov %rdi, %rax\n"
        "    pop %rsi\n"
        "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "    ret\n");

_Static_assert(offsetof(struct state, general) == 512 && offsetof(struct state, flags) == 632,
               "the assembly has these numbers");

static void avx_look(void)
{
    uint32_t a = 1, b, c, d;
    uint32_t low = 0, high;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d) : "2"(0));
    if ((c & AVX) == 0 || (c & OSXSAVE) == 0)
        return;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    have_avx = (low & 6) == 6;
}

/* Values that tell registers and processes apart. */
static void state_fill(struct state *state, uint64_t salt)
{
    for (int i = 0; i < VECTORS; i++) {
        for (int j = 0; j < 4; j++)
            state->vectors[i][j] = salt << 32 | (uint64_t)(i * 16 + j);
    }
    for (int i = 0; i < GENERAL; i++)
        state->general[i] = salt << 40 | 0x1000u | (uint64_t)i;
    state->flags = 2;
}

static void state_set_call(struct state *state, uint64_t number, uint64_t a, uint64_t b)
{
    state->general[RAX] = number;
    state->general[RDI] = a;
    state->general[RSI] = b;
    state->general[RDX] = 0;
}

/* A description of what differs, or NULL. */
static const char *state_compare(const struct state *wanted, const struct state *found,
                                 bool rax_too)
{
    for (int i = 0; i < GENERAL; i++) {
        if (wanted->general[i] != found->general[i] && (i != RAX || rax_too))
            return i == RCX ? "rcx" : "a general register";
    }
    if ((wanted->flags & FLAGS_TESTED) != (found->flags & FLAGS_TESTED))
        return "the flags";
    for (int i = 0; i < VECTORS; i++) {
        for (int j = 0; j < (have_avx ? 4 : 2); j++) {
            if (wanted->vectors[i][j] != found->vectors[i][j])
                return "a vector register";
        }
    }
    return NULL;
}

static struct state wanted_by_parent;

/* Makes a call with several flags; what changes. */
static const char *call_changes(uint64_t number, uint64_t a, uint64_t b)
{
    static const uint64_t flags[FLAG_PATTERNS] = { 2, 3, 0x8d7, 0x402, 0xcd7 };
    bool unknown = number == NOTHING || number == 4 || number > NOTHING;
    struct state found;

    for (int i = 0; i < FLAG_PATTERNS; i++) {
        const char *changed;

        state_fill(&wanted_by_parent, (uint64_t)i + 1);
        state_set_call(&wanted_by_parent, number, a, b);
        wanted_by_parent.flags = flags[i];
        state_call(&wanted_by_parent, &found);
        changed = state_compare(&wanted_by_parent, &found, unknown);
        if (changed)
            return changed;
    }
    return NULL;
}

static void check_call(const char *name, uint64_t number, uint64_t a, uint64_t b)
{
    check(name, call_changes(number, a, b) == NULL);
}

static void calls_that_do_not_block(void)
{
    static uint64_t layout[2] = { 8, 8 };
    static char buffer[8];

    check_call("registers_read", READ, 1, at(buffer));
    check_call("registers_write", WRITE, 1, at(buffer));
    check_call("registers_open", OPEN, at("/dev/random"), 0);
    check_call("registers_close", CLOSE, 99, 0);
    check_call("registers_brk", BRK, HEAP_START + PAGE, 0);
    check_call("registers_getpid", GETPID, 0, 0);
    check_call("registers_spawn", SPAWN, at("/none"), 5);
    check_call("registers_kill", KILL, 60000, 0);
    check_call("registers_sem_new", SEM, SEM_NEW, KEY);
    check_call("registers_sem_signal", SEM, SEM_SIGNAL, KEY);
    check_call("registers_sem_wait", SEM, SEM_WAIT, KEY);
    check_call("registers_sem_remove", SEM, SEM_REMOVE, KEY);
    check_call("registers_time", TIME, 0, 0);
    check_call("registers_allocate", ALLOCATE, at(layout), 0);
    check_call("registers_deallocate", DEALLOCATE, 0, at(layout));
    check_call("registers_unknown_65535", NOTHING, 7, 8);
    check_call("registers_unknown_4", 4, 7, 8);
    check_call("registers_unknown_large", 0xdead0004u, 7, 8);
}

/* Children that use all registers otherwise while the parent sleeps. */
static int64_t disturb(int64_t salt)
{
    static struct state states[ROUNDS];
    struct state found;

    for (int i = 0; i < ROUNDS; i++) {
        struct state *mine = &states[salt];

        state_fill(mine, (uint64_t)(0x100 + salt));
        state_set_call(mine, TIME, 0, 0);
        state_call(mine, &found);
        if (state_compare(mine, &found, false) != NULL)
            return 1;
    }
    (void)raw_sem(SEM_SIGNAL, KEY, 0);
    return 0;
}

static void calls_that_block(void)
{
    int64_t child;
    struct state found;

    (void)raw_sem(SEM_NEW, KEY, 0);
    child = raw_start(disturb, 1);
    state_fill(&wanted_by_parent, 9);
    state_set_call(&wanted_by_parent, SEM, SEM_WAIT, KEY);
    state_call(&wanted_by_parent, &found);
    check("registers_sem_wait_blocked", state_compare(&wanted_by_parent, &found, false) == NULL);
    check("registers_sem_wait_result", found.general[RAX] == 0);
    check("registers_of_the_other", raw_wait(child) == 0);
    child = raw_start(disturb, 2);
    state_fill(&wanted_by_parent, 10);
    state_set_call(&wanted_by_parent, WAITPID, (uint64_t)child, 0);
    state_call(&wanted_by_parent, &found);
    check("registers_waitpid_blocked", state_compare(&wanted_by_parent, &found, false) == NULL);
    check("registers_waitpid_result", found.general[RAX] == 0);
}

static __attribute__((noinline)) int64_t fork_and_compare(void)
{
    struct state place, *found;
    bool same;

    state_fill(&wanted_by_parent, 11);
    state_set_call(&wanted_by_parent, FORK, 1, 2);
    wanted_by_parent.flags = 0x8d7;
    found = state_call(&wanted_by_parent, &place);
    same = state_compare(&wanted_by_parent, found, false) == NULL;
    if (found->general[RAX] == 0)
        raw_exit(same ? 21 : 22);
    check("registers_fork_parent", same);
    return (int64_t)found->general[RAX];
}

/* Loops without calls: what the others have in the registers must not appear here. */
static int64_t spin(int64_t salt)
{
    uint64_t pattern = (uint64_t)salt * 0x0101010101010101u, result;
    int64_t end = raw(TIME, 0, 0, 0) + 30 * NS_PER_MS;

    do {
        __asm__ volatile("movq %1, %%xmm7\n"
                         "movq %1, %%xmm15\n"
                         "mov $200000, %%ecx\n"
                         "1: dec %%ecx\n"
                         "jnz 1b\n"
                         "pxor %%xmm15, %%xmm7\n"
                         "movq %%xmm7, %0\n"
                         "movq %%xmm15, %%rcx\n"
                         "xor %1, %%rcx\n"
                         "or %%rcx, %0"
                         : "=&r"(result)
                         : "r"(pattern)
                         : "rcx", "xmm7", "xmm15");
    } while (result == 0 && raw(TIME, 0, 0, 0) < end);
    return result == 0 ? 0 : 1;
}

int64_t raw_main(void)
{
    int64_t children[3], child;

    avx_look();
    calls_that_do_not_block();
    calls_that_block();
    child = fork_and_compare();
    check("registers_fork_child", raw_wait(child) == 21);
    for (int i = 0; i < 3; i++)
        children[i] = raw_start(spin, i + 1);
    child = 0;
    for (int i = 0; i < 3; i++)
        child += raw_wait(children[i]);
    check("registers_when_preempted", child == 0);
    return raw_failed;
}
