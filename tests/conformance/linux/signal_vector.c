/* The vector state in a signal frame: its layout, that handlers begin with a fresh one and may use
 * it, and that what they change in the frame is what returns. */
#include <cpuid.h>
#include <setjmp.h>
#include <stddef.h>

#include "with_signals.h"

#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u
#define LEGACY_SIZE 512u
#define PLACE_XMM 160
#define PLACE_FEATURES 512
#define PLACE_COMPACTION 520
#define PLACE_RESERVED 528
#define PLACE_YMM 576
#define FEATURE_X87 1u
#define FEATURE_SSE 2u
#define FEATURE_AVX 4u

static sigjmp_buf back;
static volatile int handled;
static void (*change)(unsigned char *state, struct _fpx_sw_bytes *says);

static uint64_t enabled_features(void)
{
    unsigned a, b, c, d;

    __cpuid(1, a, b, c, d);
    if (!(c & bit_OSXSAVE))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return a | (uint64_t)d << 32;
}

static void on_signal(int number, siginfo_t *information, void *context)
{
    ucontext_t *frame = context;
    unsigned char *state = (unsigned char *)frame->uc_mcontext.fpregs;
    struct _fpx_sw_bytes says;
    unsigned mxcsr;
    unsigned short control;

    (void)number;
    (void)information;
    /* Before anything else may use them. */
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(control));
    __asm__ volatile("pxor %%xmm0, %%xmm0; pcmpeqd %%xmm15, %%xmm15" ::: "xmm0", "xmm15");
    if (handled++ == 0)
        printf("a handler begins with mxcsr %#x, control word %#x\n", mxcsr, control);
    memcpy(&says, state + 464, sizeof(says));
    if (change)
        change(state, &says);
    memcpy(state + 464, &says, sizeof(says));
}

static void on_fault(int number, siginfo_t *information, void *context)
{
    const ucontext_t *frame = context;

    printf("signal %d code %d addr %s trap %lld\n", number, information->si_code,
           information->si_addr ? "set" : "0", (long long)frame->uc_mcontext.gregs[REG_TRAPNO]);
    siglongjmp(back, 1);
}

/* ---- Layout -------------------------------------------------------------------------------- */

static void look(unsigned char *state, struct _fpx_sw_bytes *says)
{
    uint64_t features, compaction;
    uint32_t last;
    unsigned char others = 0;

    memcpy(&features, state + PLACE_FEATURES, sizeof(features));
    memcpy(&compaction, state + PLACE_COMPACTION, sizeof(compaction));
    memcpy(&last, state + says->xstate_size, sizeof(last));
    for (int i = PLACE_RESERVED; i < PLACE_YMM; i++)
        others |= state[i];
    FACT((uintptr_t)state % 64 == 0);
    FACT(says->magic1 == MAGIC1);
    FACT(last == MAGIC2);
    FACT(says->extended_size == says->xstate_size + 4);
    FACT((features & ~says->xstate_bv) == 0);
    FACT((says->xstate_bv & enabled_features()) == says->xstate_bv);
    FACT((features & 3) == 3);
    FACT((says->xstate_bv & 3) == 3);
    FACT(compaction == 0);
    FACT(others == 0);
    FACT(state[PLACE_XMM + 5 * 16] == 0x77);    /* xmm5 */
}

static void layout(void)
{
    SECTION("layout");
    change = look;
    static const unsigned long long value[2] = { 0x7777777777777777, 0x7777777777777777 };
    long result;

    __asm__ volatile("movdqu %1, %%xmm5; syscall" : "=a"(result)
                     : "m"(value), "a"(SYS_tkill), "D"((long)thread_id()), "S"((long)SIGUSR1)
                     : "xmm5", "rcx", "r11", "memory");
    VALUE(result);
}

/* ---- What returns -------------------------------------------------------------------------- */

/* Sends the signal with all bits of xmm5, ymm6's upper half and st0 known; shows them after it. */
static void send_and_show(void)
{
    static const unsigned long long ones[2] = { ~0ULL, ~0ULL };
    unsigned long long five[2] = { 0, 0 }, six[4] = { 0, 0, 0, 0 };
    bool has_avx = (enabled_features() & FEATURE_AVX) != 0;
    double top = 0;
    unsigned mxcsr;
    long result;

    __asm__ volatile("fld1");
    if (has_avx)
        __asm__ volatile("vpcmpeqd %%xmm6, %%xmm6, %%xmm6; vinsertf128 $1, %%xmm6, %%ymm6, %%ymm6"
                         ::: "xmm6");
    __asm__ volatile("movdqu %1, %%xmm5; syscall; movdqu %%xmm5, %2" : "=a"(result)
                     : "m"(ones), "m"(five), "a"(SYS_tkill), "D"((long)thread_id()),
                       "S"((long)SIGUSR1)
                     : "xmm5", "rcx", "r11", "memory");
    if (has_avx)
        __asm__ volatile("vmovdqu %%ymm6, %0; vzeroupper" : "=m"(six) :: "memory");
    else
        six[3] = five[1];    /* told as if it had been there */
    __asm__ volatile("fstpl %0" : "=m"(top));
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    /* Of an empty stack emulators give other values. */
    printf("xmm5 %#llx, top %s, mxcsr %#x\n", five[0], top == 1 ? "1" : "something else", mxcsr);
    FACT(!has_avx || six[3] == ~0ULL || six[3] == 0);
    FACT(!has_avx || six[3] == ~0ULL);
    __asm__ volatile("fninit");
    mxcsr = 0x1f80;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

static void nothing(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)state;
    (void)says;
}

static void change_xmm(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)says;
    memset(state + PLACE_XMM + 5 * 16, 0x42, 16);
    ((struct _libc_fpstate *)(void *)state)->mxcsr = 0x9f80;
}

static void clear_features(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)says;
    memset(state + PLACE_FEATURES, 0, 8);
}

static void clear_sse(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)says;
    state[PLACE_FEATURES] &= (unsigned char)~FEATURE_SSE;
}

static void no_magic(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)state;
    says->magic1 = 0;
}

static void no_magic2(unsigned char *state, struct _fpx_sw_bytes *says)
{
    memset(state + says->xstate_size, 0, 4);
}

static void too_large(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)state;
    says->xstate_size = 1 << 20;
}

static void too_small(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)state;
    says->xstate_size = 512;
}

static void fewer_features(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)state;
    says->xstate_bv &= 3u;
}

static void no_feature_said(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)state;
    says->xstate_bv = 0;
}

static void bad_mxcsr(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)says;
    ((struct _libc_fpstate *)(void *)state)->mxcsr = 0xffffffff;
}

static void bad_feature(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)says;
    state[PLACE_FEATURES + 7] |= 0x40;
}

static void bad_compaction(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)says;
    state[PLACE_COMPACTION + 7] |= 0x80;
}

static void bad_reserved(unsigned char *state, struct _fpx_sw_bytes *says)
{
    (void)says;
    state[PLACE_RESERVED] = 1;
}

static void returns(void)
{
    static const struct {
        const char *what;
        void (*change)(unsigned char *state, struct _fpx_sw_bytes *says);
    } cases[] = {
        { "unchanged", nothing },
        { "xmm and mxcsr changed", change_xmm },
        { "no features: all is as at the beginning", clear_features },
        { "without SSE", clear_sse },
        { "without the first magic number: the old part only", no_magic },
        { "without the second magic number", no_magic2 },
        { "a size that is too large", too_large },
        { "a size that is too small", too_small },
        { "only x87 and SSE are meant", fewer_features },
        { "none is meant", no_feature_said },
        { "reserved bits of mxcsr", bad_mxcsr },
        { "a feature that is not there", bad_feature },
        { "compacted", bad_compaction },
        { "reserved bytes of the header", bad_reserved },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        SECTION(cases[i].what);
        change = cases[i].change;
        if (sigsetjmp(back, 1) == 0)
            send_and_show();
        __asm__ volatile("fninit");
    }
}

/* ---- No state at all ----------------------------------------------------------------------- */

static void on_without(int number, siginfo_t *information, void *context)
{
    ucontext_t *frame = context;

    (void)number;
    (void)information;
    frame->uc_mcontext.fpregs = NULL;
}

static void on_wild(int number, siginfo_t *information, void *context)
{
    ucontext_t *frame = context;

    (void)number;
    (void)information;
    frame->uc_mcontext.fpregs = (void *)0x10;
}

static void install(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

    (void)sigaction(SIGUSR1, &action, NULL);
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

    (void)sigaction(SIGSEGV, &action, NULL);
    install(on_signal);
    layout();
    returns();
    SECTION("no state");
    install(on_without);
    if (sigsetjmp(back, 1) == 0)
        send_and_show();
    SECTION("a state that is not there");
    install(on_wild);
    if (sigsetjmp(back, 1) == 0)
        send_and_show();
    return 0;
}
