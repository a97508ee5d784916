/*
 * The hosted machine in runs that repeat: streams of choices, virtual time, pure spins, the budget
 * of basic blocks.  This file plays the kernel, as user_run_test.c does.
 */
#include <stdio.h>
#include <string.h>

#include "../../sim/chooser.h"
#include "harness/test.h"
#include "kernel_side.h"

#define CODE 0x400000u
#define DATA 0x500000u
#define CODE_PHYSICAL 0x10000u
#define DATA_PHYSICAL 0x20000u
#define ROOT 0x5000u
#define TRAP_NS 1000u

static struct user_registers registers;
static char vector[16384] __attribute__((aligned(64)));
static unsigned timer_interrupts;
static int64_t *word;    /* in the data page */

/* ---- The kernel's side of the seam --------------------------------------------------------- */

uint64_t page_table_lookup(physical_address root, user_address address, uint64_t window,
                           user_address *start, user_address *end)
{
    user_address page = address & ~UINT64_C(4095);

    (void)window;
    if (root != ROOT || (page != CODE && page != DATA))
        return 0;
    *start = page;
    *end = page + 4096;
    return page == CODE ? CODE_PHYSICAL | 5 : DATA_PHYSICAL | 7 | UINT64_C(1) << 63;
}

void kernel_interrupt(enum machine_interrupt which)
{
    timer_interrupts += which == INTERRUPT_TIMER;
}

/* ---- Helpers ------------------------------------------------------------------------------- */

static void start_machine(void)
{
    struct options options = { .cpus = 1, .memory_size = 1 << 20, .kernel = no_strings,
                               .arguments = no_strings, .environment = no_strings,
                               .observed = true, .seeded = true, .seed = 7 };

    info_init_ranges();
    info_init(&options);
    memory_init(options.memory_size);
    cpu_init(1);
    signals_init();
    clock_init(&options);
    user_run_init(true);
    machine_address_space_activate(ROOT);
    timer_interrupts = 0;
}

#define GUEST_CODE(text) set_code(text, sizeof(text) - 1)

static void set_code(const char *text, size_t size)
{
    memcpy(machine_info()->direct_map + CODE_PHYSICAL, text, size);
    memset(machine_info()->direct_map + DATA_PHYSICAL, 0, 4096);
    memset(&registers, 0, sizeof(registers));
    registers.vector = vector;
    registers.rip = CODE;
    registers.rsp = DATA + 4096;
    registers.rflags = 0x202;
    registers.rbx = DATA;
    word = (int64_t *)(void *)(machine_info()->direct_map + DATA_PHYSICAL);
}

/* ---- Choices ------------------------------------------------------------------------------- */

START_TEST(one_stream_does_not_shift_another)
{
    uint64_t alone[16];

    chooser_seed(42);
    for (int i = 0; i < 16; i++)
        alone[i] = chooser_bits(CHOOSE_THREAD);
    chooser_seed(42);
    for (int i = 0; i < 16; i++) {
        (void)chooser_bits(CHOOSE_CPU);
        ck_assert_uint_eq(chooser_bits(CHOOSE_THREAD), alone[i]);
        (void)chooser_number(CHOOSE_BUDGET, 3);
    }
    chooser_seed(43);
    ck_assert_uint_ne(chooser_bits(CHOOSE_THREAD), alone[0]);
}
END_TEST

START_TEST(numbers_are_below_the_count_and_all_occur)
{
    unsigned seen[5] = { 0 };

    chooser_seed(1);
    for (int i = 0; i < 5000; i++) {
        uint64_t number = chooser_number(CHOOSE_KERNEL, 5);

        ck_assert_uint_lt(number, 5);
        seen[number]++;
    }
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_gt(seen[i], 800);
        ck_assert_uint_lt(seen[i], 1200);
    }
    ck_assert_uint_eq(chooser_number(CHOOSE_KERNEL, 1), 0);
}
END_TEST

START_TEST(budgets_are_mostly_long_and_sometimes_very_short)
{
    unsigned very_short = 0, large = 0;

    chooser_seed(9);
    for (int i = 0; i < 4000; i++) {
        int64_t budget = chooser_budget();

        ck_assert_int_ge(budget, 0);
        ck_assert_int_lt(budget, 65536);
        very_short += budget < 16;
        large += budget >= 4096;
    }
    ck_assert_uint_gt(very_short, 300);
    ck_assert_uint_gt(large, 1500);
}
END_TEST

static unsigned choose_last(int32_t current, const struct candidate *candidates, unsigned count)
{
    (void)current;
    (void)candidates;
    return count - 1;
}

static int64_t choose_three(void)
{
    return 3;
}

START_TEST(a_strategy_answers_what_it_wants_to)
{
    static const struct chooser_strategy strategy = { .choose_thread = choose_last,
                                                      .choose_budget = choose_three };
    struct candidate candidates[4] = { { .thread = 1 } };

    chooser_use(&strategy);
    ck_assert_uint_eq(chooser_observer.choose_thread(0, candidates, 4), 3);
    ck_assert_int_eq(chooser_budget(), 3);
    ck_assert_uint_lt(chooser_observer.choose_number(4), 4);    /* the built-in one */
    chooser_use(NULL);
}
END_TEST

/* ---- Time ---------------------------------------------------------------------------------- */

START_TEST(the_clock_moves_by_traps_alone)
{
    uint64_t before;

    GUEST_CODE("\x0f\x05\x0f\x05");    /* syscall; syscall */
    before = machine_time_ns();
    ck_assert_uint_eq(machine_time_ns(), before);
    (void)machine_user_run(&registers);
    ck_assert_uint_eq(machine_time_ns(), before + TRAP_NS);
    (void)machine_user_run(&registers);
    ck_assert_uint_eq(machine_time_ns(), before + 2 * TRAP_NS);
    ck_assert_uint_eq(machine_info()->boot_wall_time_ns, CLOCK_EPOCH_NS);
}
END_TEST

START_TEST(an_idle_machine_jumps_to_its_timer)
{
    const uint64_t hour = UINT64_C(3600000000000);

    machine_timer_set(hour);
    machine_interrupts_disable();
    machine_cpu_idle();
    ck_assert_uint_eq(timer_interrupts, 1);
    ck_assert_uint_ge(machine_time_ns(), hour);
    ck_assert_uint_lt(machine_time_ns(), hour + 100000);    /* not later than a timer may be */
}
END_TEST

START_TEST(the_counter_is_virtual_time)
{
    struct trap trap;

    GUEST_CODE("\x0f\x31\x48\x89\xc6\x0f\x01\xf9\x0f\x05");    /* rdtsc; mov rsi,rax; rdtscp */
    trap = machine_user_run(&registers);
    ck_assert_int_eq(trap.kind, TRAP_SYSCALL);
    ck_assert_uint_eq(registers.rsi, TRAP_NS);
    ck_assert_uint_eq(registers.rax, 2 * TRAP_NS);
    ck_assert_uint_gt(clock_host_ns(), 0);    /* the port itself may still read the clock */
}
END_TEST

/* ---- Spins --------------------------------------------------------------------------------- */

/* pause; mov eax,[rbx]; test eax,eax; jz -8; syscall */
#define SPIN_CODE "\xf3\x90\x8b\x03\x85\xc0\x74\xf8\x0f\x05"

START_TEST(a_pure_spin_is_cut_at_its_lowest_instruction)
{
    struct trap trap;

    for (int offset = 0; offset < 3; offset++) {    /* wherever it enters the circle */
        static const user_address entries[] = { CODE, CODE + 2, CODE + 4 };

        GUEST_CODE(SPIN_CODE);
        registers.rip = entries[offset];
        registers.rflags = 0x246;
        trap = machine_user_run(&registers);
        ck_assert_int_eq(trap.kind, TRAP_SPIN);
        ck_assert(trap.spin_began);
        ck_assert_uint_eq(registers.rip, CODE);
        ck_assert_uint_eq(registers.rax, 0);
    }
    trap = machine_user_run(&registers);    /* nothing has changed */
    ck_assert_int_eq(trap.kind, TRAP_SPIN);
    ck_assert(!trap.spin_began);
    *word = 1;
    trap = machine_user_run(&registers);
    ck_assert_int_eq(trap.kind, TRAP_SYSCALL);
    ck_assert_uint_eq(registers.rax, 1);
}
END_TEST

START_TEST(stores_of_the_same_value_are_no_progress)
{
    struct trap trap;

    /* mov eax,1; xchg [rbx],eax; test eax,eax; jnz -11; syscall */
    GUEST_CODE("\xb8\x01\x00\x00\x00\x87\x03\x85\xc0\x75\xf5\x0f\x05");
    *word = 1;
    trap = machine_user_run(&registers);
    ck_assert_int_eq(trap.kind, TRAP_SPIN);
    *word = 0;
    trap = machine_user_run(&registers);
    ck_assert_int_eq(trap.kind, TRAP_SYSCALL);
    ck_assert_int_eq(*word, 1);
}
END_TEST

START_TEST(a_loop_that_counts_is_no_spin)
{
    struct trap trap;

    /* mov ecx,0x08000000; inc dword [rbx]; dec ecx; jnz -6; syscall */
    GUEST_CODE("\xb9\x00\x00\x00\x08\xff\x03\xff\xc9\x75\xfa\x0f\x05");
    trap = machine_user_run(&registers);
    ck_assert_int_eq(trap.kind, TRAP_SYSCALL);
    ck_assert_int_eq(*word, 0x08000000);
    ck_assert_uint_eq(machine_time_ns(), TRAP_NS);
}
END_TEST

/* ---- Blocks -------------------------------------------------------------------------------- */

START_TEST(a_budget_ends_at_its_block_and_moves_the_clock)
{
    static const struct chooser_strategy strategy = { .choose_budget = choose_three };
    struct trap trap;

    chooser_use(&strategy);
    /* dec qword [rbx]; jns -5; mov eax,CALL_BUDGET_USED_UP; syscall */
    GUEST_CODE("\x48\xff\x0b\x79\xfb\xb8\x01\x54\x46\x45\x0f\x05");
    registers.block_budget = word;
    trap = machine_user_run(&registers);
    ck_assert_int_eq(trap.kind, TRAP_SYSCALL);
    ck_assert_uint_eq(registers.rax, CALL_BUDGET_USED_UP);
    ck_assert_int_eq(*word, -1);
    ck_assert_uint_eq(machine_time_ns(), TRAP_NS + 4);    /* blocks 3, 2, 1, 0 */
    chooser_use(NULL);
}
END_TEST

START_TEST(a_guest_that_writes_its_budget_does_not_move_the_clock)
{
    struct trap trap;

    /* mov qword [rbx],-1; shr qword [rbx]; syscall: the largest number there is */
    GUEST_CODE("\x48\xc7\x03\xff\xff\xff\xff\x48\xd1\x2b\x0f\x05");
    registers.block_budget = word;
    trap = machine_user_run(&registers);
    ck_assert_int_eq(trap.kind, TRAP_SYSCALL);
    ck_assert_uint_eq(machine_time_ns(), TRAP_NS);
}
END_TEST

static const TTest *const panics[] = { NULL };
TEST_MAIN_WITH_SETUP("sim/chooser", start_machine, panics,
          one_stream_does_not_shift_another,
          numbers_are_below_the_count_and_all_occur,
          budgets_are_mostly_long_and_sometimes_very_short,
          a_strategy_answers_what_it_wants_to,
          the_clock_moves_by_traps_alone,
          an_idle_machine_jumps_to_its_timer,
          the_counter_is_virtual_time,
          a_pure_spin_is_cut_at_its_lowest_instruction,
          stores_of_the_same_value_are_no_progress,
          a_loop_that_counts_is_no_spin,
          a_budget_ends_at_its_block_and_moves_the_clock,
          a_guest_that_writes_its_budget_does_not_move_the_clock)
