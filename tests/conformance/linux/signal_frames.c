/* Signal frames that a handler has changed: what rt_sigreturn makes of them. */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <ucontext.h>

#include "check.h"

#define VECTOR_SAYS 464             /* struct _fpx_sw_bytes in the legacy part */
#define VECTOR_MAGIC 0x46505853u
#define VECTOR_ROOM 16384u
#define LEGACY_SIZE 512u

static uint64_t target;           /* where the handler returns to; 0: where it came from */
static void *vector;              /* its vector state; NULL: as it is */
static sigjmp_buf back;
static volatile int handled;
static siginfo_t information;
static greg_t registers[NGREG];

/* What a frame's vector state takes, as it says itself: above it the stack may soon end. */
static size_t vector_size(const void *state)
{
    struct _fpx_sw_bytes says;

    memcpy(&says, (const char *)state + VECTOR_SAYS, sizeof(says));
    return says.magic1 == VECTOR_MAGIC && says.extended_size <= VECTOR_ROOM ? says.extended_size
                                                                            : LEGACY_SIZE;
}

static void on_signal(int number, siginfo_t *unused, void *context)
{
    ucontext_t *frame = context;

    (void)number;
    (void)unused;
    handled++;
    if (target)
        frame->uc_mcontext.gregs[REG_RIP] = (greg_t)target;
    if (vector) {
        memcpy(vector, frame->uc_mcontext.fpregs, vector_size(frame->uc_mcontext.fpregs));
        frame->uc_mcontext.fpregs = vector;
    }
}

static void on_fault(int number, siginfo_t *received, void *context)
{
    const ucontext_t *frame = context;

    information = *received;
    memcpy(registers, frame->uc_mcontext.gregs, sizeof(registers));
    siglongjmp(back, number);
}

static void try(void)
{
    int number = sigsetjmp(back, 1);

    if (number == 0) {
        raise(SIGUSR1);
        printf("returned\n");
        return;
    }
    VALUE(number);
    VALUE(information.si_code);
    FACT(information.si_addr == (void *)(uintptr_t)target);
    FACT(information.si_addr == NULL);
    FACT(registers[REG_RIP] == (greg_t)target);
    VALUE(registers[REG_TRAPNO]);
    if (registers[REG_TRAPNO] == 14)
        VALUE(registers[REG_ERR]);
}

/* Not the page of old vsyscalls, which Linux treats in a way of its own. */
static void addresses(void)
{
    static const uint64_t targets[] = {
        0x10,
        0x7fffffffefff,
        0x7ffffffff000,
        0x7fffffffffff,
        0x800000000000,
        0xdeadbeefdeadbeef,
        0xffff7fffffffffff,
        0xffff800000000000,
        0xffffffffffffffff,
    };

    for (size_t i = 0; i < COUNT(targets); i++) {
        SECTION("an address");
        target = targets[i];
        VALUE(target);
        try();
    }
    target = 0;
}

/* A copy of the vector state, at addresses that the processor likes and others. */
static void vectors(void)
{
    static const size_t offsets[] = { 0, 64, 32, 16, 8, 1 };
    char *area = aligned_alloc(64, VECTOR_ROOM + 64);

    for (size_t i = 0; i < COUNT(offsets); i++) {
        SECTION("a vector state");
        VALUE(offsets[i]);
        vector = area + offsets[i];
        int number = sigsetjmp(back, 1);

        if (number == 0) {
            raise(SIGUSR1);
            printf("returned\n");
        } else {
            VALUE(number);
            VALUE(information.si_code);
        }
    }
    vector = NULL;
    free(area);
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

    sigaction(SIGUSR1, &action, NULL);
    action.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &action, NULL);
    addresses();
    vectors();
    VALUE(handled);
    return 0;
}
