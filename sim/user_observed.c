/*
 * User code in runs that repeat.
 *
 * A stretch is what runs from one return to user mode to the next trap.  Nothing that the host does
 * at a time of its own may change what a stretch does or how it ends:
 *  - the host's alarm does not end it.  In a program that counts its blocks the stretch ends when
 *    its budget is used up; in others only a pure spin is cut, at a point that does not depend on
 *    the alarm (spin.c);
 *  - interrupts from outside wait for the next point of the run (outside.c);
 *  - faults that the port resolves do not count, whatever their number;
 *  - the time-stamp counter is closed (PR_SET_TSC), and reads virtual time.
 *
 * The one exception is a person's key or the time limit while user code has run for STUCK_ALARMS
 * without a trap: it is stopped anywhere, and if it is being recorded that is said.
 */
#include <errno.h>
#include <sys/prctl.h>
#include <ucontext.h>

#include "chooser.h"
#include "outside.h"
#include "record.h"
#include "sim.h"
#include "user_run.h"

#define VECTOR_PROTECTION 13
#define STUCK_ALARMS 20u          /* of clock.c's watch: 0.2 s */
#define SPIN_STEPS 64u            /* of the first look for a pure spin; doubles */
#define EFLAGS_TRAP 0x100u

/* The watch: read and written by the handler of the alarm, reset by the main code. */
static volatile uint32_t alarms;              /* in this stretch */
static volatile uint32_t next_look;           /* at this alarm user code is left for spin.c */
static volatile sig_atomic_t is_stuck;
static volatile sig_atomic_t budget_emptied;

static enum preempt preempt;

/* The budget of this stretch; NULL: user code does not count. */
static int64_t *volatile budget;
static volatile int64_t armed;                /* what it was set to last */
static volatile int64_t counted;              /* blocks before that */

static void open_tsc(bool open)
{
    prctl(PR_SET_TSC, open ? PR_TSC_ENABLE : PR_TSC_SIGSEGV, 0UL, 0UL, 0UL);
}

void user_observed_init(void)
{
    open_tsc(false);
}

void user_observed_end(void)
{
    open_tsc(true);
}

void user_observed_options(const struct options *options)
{
    preempt = options->preempt;
}

/* ---- The alarm ----------------------------------------------------------------------------- */

static bool somebody_waits(void)
{
    return interrupt_outside_waits() ||
           (atomic_load(&cpu_of(0)->pending) & (1u << INTERRUPT_TIME_LIMIT));
}

static void empty_budget(void)
{
    counted += armed - *budget;
    armed = 0;
    *budget = 0;
    budget_emptied = 1;
}

bool user_observed_goes_on(int number)
{
    if (number != SIGALRM || spin_is_stepping())
        return true;
    alarms++;
    if (somebody_waits() && alarms >= STUCK_ALARMS) {
        is_stuck = 1;
        return false;
    }
    if (budget && outside_preempts_in_real_time() && !outside_is_replayed() && !budget_emptied) {
        empty_budget();
        return true;
    }
    return alarms < next_look;
}

/* ---- Budgets ------------------------------------------------------------------------------- */

static int64_t choose_budget(void)
{
    if (preempt == PREEMPT_TRAPS)
        return BUDGET_ENDLESS;
    if (!outside_preempts_in_real_time())
        return chooser_budget();

    int64_t blocks = outside_slice();

    return blocks > 0 ? blocks - 1 : BUDGET_ENDLESS;
}

static void arm_budget(struct user_registers *registers)
{
    budget = registers->block_budget;
    budget_emptied = 0;
    counted = 0;
    if (!budget)
        return;
    armed = choose_budget();
    *budget = armed;
}

/* Blocks since the budget was armed.  The guest can write the word: then it is any number between
 * none and all, but the same in each run. */
static uint64_t count_blocks(void)
{
    if (!budget)
        return 0;

    int64_t left = *budget;

    if (left > armed || left < -1)
        return (uint64_t)counted;
    return (uint64_t)(counted + (armed - left));
}

static bool is_budget_call(const struct trap *trap, const struct user_registers *registers)
{
    return trap->kind == TRAP_SYSCALL && registers->rax == CALL_BUDGET_USED_UP;
}

static void account_blocks(const struct trap *trap, const struct user_registers *registers)
{
    uint64_t blocks = count_blocks();

    if (budget_emptied && is_budget_call(trap, registers))
        outside_slice_ended(blocks);
    budget = NULL;
    clock_advance(blocks * TIME_BLOCK_NS);
}

/* ---- The time-stamp counter ---------------------------------------------------------------- */

unsigned user_tsc_instruction(const unsigned char *code)
{
    if (code[0] != 0x0f)
        return 0;
    if (code[1] == 0x31)
        return 2;    /* rdtsc */
    return code[1] == 0x01 && code[2] == 0xf9 ? 3 : 0;    /* rdtscp */
}

/* The processor has just decoded the instruction, so its bytes can be read. */
static bool emulate_tsc(const struct trap *trap, struct user_registers *registers)
{
    unsigned length;

    if (trap->kind != TRAP_EXCEPTION || trap->vector != VECTOR_PROTECTION || trap->error_code)
        return false;
    length = user_tsc_instruction((const unsigned char *)(uintptr_t)registers->rip);
    if (length == 0)
        return false;
    clock_advance(TIME_TRAP_NS);

    uint64_t now = machine_time_ns() + count_blocks();

    registers->rax = (uint32_t)now;
    registers->rdx = now >> 32;
    if (length == 3)
        registers->rcx = machine_cpu_index();
    registers->rip += length;
    return true;
}

/* The C library reads the clock with it, for a report or a picture. */
bool user_observed_tsc_for_host(ucontext_t *context)
{
    greg_t *general = context->uc_mcontext.gregs;
    unsigned length, low, high, processor;

    if (!chooser_is_active() || general[REG_TRAPNO] != VECTOR_PROTECTION || general[REG_ERR])
        return false;
    length = user_tsc_instruction((const unsigned char *)general[REG_RIP]);
    if (length == 0)
        return false;
    open_tsc(true);
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(processor));
    open_tsc(false);
    general[REG_RAX] = low;
    general[REG_RDX] = high;
    if (length == 3)
        general[REG_RCX] = processor;
    general[REG_RIP] += length;
    return true;
}

/* ---- One stretch --------------------------------------------------------------------------- */

static void begin_watch(void)
{
    is_stuck = 0;
    alarms = 0;
    next_look = 2;
}

/* Nobody knows any more at which point of the run this is.  The time limit is CPU 0's, which may
 * be one that waits for its turn: this one sees to it. */
static void give_way_to_outside(void)
{
    uint32_t limit = 1u << INTERRUPT_TIME_LIMIT;
    bool is_over = (atomic_fetch_and(&cpu_of(0)->pending, ~limit) & limit) != 0;

    if (record_is_recording())
        sim_note("%s stopped a program that made no calls: from here on this recording cannot be "
                 "replayed", is_over ? "the time limit" : "a key");
    if (is_over)
        interrupt_raise(machine_cpu_index(), INTERRUPT_TIME_LIMIT);
    outside_point();
}

/* A stretch that was cut as a spin before begins as one, most likely. */
static bool begins_as_spin(struct user_registers *registers, struct trap *trap, bool *trapped)
{
    uint64_t length = registers->spin_steps;

    if (length == 0)
        return false;
    registers->spin_steps = 0;
    switch (spin_check(registers, length, trap, &length)) {
    case SPIN_FOUND:
        registers->spin_steps = length;
        *trap = (struct trap){ .kind = TRAP_SPIN };
        return true;
    case SPIN_TRAPPED:
        *trapped = true;
        return false;
    case SPIN_NOT:
        return false;
    }
    __builtin_unreachable();
}

/* The alarm has left user code: looks for a pure spin.  Returns false to let it go on. */
static bool look_for_spin(struct user_registers *registers, struct trap *trap)
{
    uint64_t length = (uint64_t)SPIN_STEPS * next_look / 2;

    if (registers->rflags & EFLAGS_TRAP)
        return false;    /* the guest steps through itself */
    next_look = alarms + next_look;    /* doubles, so looking takes a bounded part of the time */
    switch (spin_check(registers, length, trap, &length)) {
    case SPIN_FOUND:
        registers->spin_steps = length;
        *trap = (struct trap){ .kind = TRAP_SPIN, .spin_began = true };
        return true;
    case SPIN_TRAPPED:
        return true;
    case SPIN_NOT:
        return false;
    }
    __builtin_unreachable();
}

/* Whether a trap has to be dealt with by the kernel; the others are the port's own. */
static bool is_for_kernel(struct user_registers *registers, struct trap *trap)
{
    switch (trap->kind) {
    case TRAP_INTERRUPT:
        return !is_stuck && look_for_spin(registers, trap) && is_for_kernel(registers, trap);
    case TRAP_PAGE_FAULT:
        return !soft_tlb_fill(trap->address, trap->access);
    case TRAP_EXCEPTION:
        return !emulate_tsc(trap, registers);
    case TRAP_SYSCALL:
    case TRAP_INT80:
    case TRAP_SPIN:
        return true;
    }
    __builtin_unreachable();
}

/* Returns false when an interrupt must be delivered first. */
static bool run_stretch(struct user_registers *registers, struct trap *trap)
{
    bool trapped = false;

    if (begins_as_spin(registers, trap, &trapped))
        return true;
    for (;;) {
        if (trapped && is_for_kernel(registers, trap))
            return true;
        interrupt_collect();
        if (is_stuck)
            give_way_to_outside();
        if (atomic_load(&cpu_current()->pending))
            return false;
        if (registers->rip >= HOST_ADDRESS_END) {
            *trap = (struct trap){ .kind = TRAP_EXCEPTION, .vector = VECTOR_PROTECTION };
            return true;
        }
        *trap = user_run_once(registers);
        trapped = true;
    }
}

struct trap user_run_observed(struct user_registers *registers)
{
    struct trap trap = { .kind = TRAP_INTERRUPT };

    /* Not after the trap: the kernel takes note of it before anything else happens. */
    cpu_choose();
    soft_tlb_enter(cpu_current()->root, NULL);
    outside_point();
    interrupt_collect();
    if (atomic_load(&cpu_current()->pending))
        return trap;
    begin_watch();
    arm_budget(registers);
    if (!run_stretch(registers, &trap)) {
        trap.kind = TRAP_INTERRUPT;
        account_blocks(&trap, registers);
        return trap;
    }
    account_blocks(&trap, registers);
    clock_advance(TIME_TRAP_NS);
    return trap;
}
