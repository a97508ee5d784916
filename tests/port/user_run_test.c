/*
 * The hosted machine against its contract (machine/machine.h), without the kernel: this file plays
 * the kernel.  Guest code is written as bytes into a page of the machine's memory.
 */
#include <stdio.h>
#include <string.h>

#include "harness/test.h"
#include "kernel_side.h"

#define CODE 0x400000u
#define DATA 0x500000u
#define CODE_PHYSICAL 0x10000u
#define DATA_PHYSICAL 0x20000u
#define DATA_PAGES 16u
#define ROOT 0x5000u
#define MILLISECOND 1000000u

static struct user_registers registers;
static char vector[16384] __attribute__((aligned(64)));
static unsigned interrupts[4];
static uint64_t code_entry, data_entry;
static struct sigaction segv_before, interrupt_before;

/* ---- The kernel's side of the seam --------------------------------------------------------- */

uint64_t page_table_lookup(physical_address root, user_address address, uint64_t window,
                           user_address *start, user_address *end)
{
    user_address page = address & ~UINT64_C(4095);

    (void)window;
    if (root != ROOT)
        return 0;
    if (page == CODE) {
        *start = CODE;
        *end = CODE + 4096;
        return code_entry;
    }
    if (page >= DATA && page < DATA + DATA_PAGES * 4096) {
        *start = DATA;
        *end = DATA + DATA_PAGES * 4096;
        return data_entry ? data_entry + (page - DATA) : 0;
    }
    return 0;
}

void kernel_interrupt(enum machine_interrupt which)
{
    interrupts[which]++;
}

/* ---- Helpers ------------------------------------------------------------------------------- */

static void start_machine(void)
{
    struct options options = { .cpus = 1, .memory_size = 1 << 20, .kernel = no_strings,
                               .arguments = no_strings, .environment = no_strings };

    info_init_ranges();
    info_init(&options);
    memory_init(options.memory_size);
    cpu_init(1);
    sigaction(SIGSEGV, NULL, &segv_before);
    sigaction(SIGINT, NULL, &interrupt_before);
    signals_init();
    clock_init(&options);
    user_run_init(true);
    code_entry = CODE_PHYSICAL | 5;
    data_entry = DATA_PHYSICAL | 7 | UINT64_C(1) << 63;
    machine_address_space_activate(ROOT);
}

#define GUEST_CODE(text) set_code(text, sizeof(text) - 1)

static void set_code(const char *text, size_t size)
{
    memcpy(machine_info()->direct_map + CODE_PHYSICAL, text, size);
    memset(&registers, 0, sizeof(registers));
    registers.vector = vector;
    registers.rip = CODE;
    registers.rsp = DATA + 4096;
    registers.rflags = 0x202;
}

static void expect_exception(uint32_t number)
{
    struct trap trap = machine_user_run(&registers);

    ck_assert_int_eq(trap.kind, TRAP_EXCEPTION);
    ck_assert_uint_eq(trap.vector, number);
}

/* ---- Traps --------------------------------------------------------------------------------- */

START_TEST(syscall_traps_with_all_registers)
{
    GUEST_CODE("\x0f\x05");
    registers.rax = 1;
    registers.rbx = 2;
    registers.rdi = 3;
    registers.r10 = 4;
    registers.r15 = 5;
    registers.fs_base = 0x1234000;
    registers.gs_base = 0x5678000;

    struct trap trap = machine_user_run(&registers);

    ck_assert_int_eq(trap.kind, TRAP_SYSCALL);
    ck_assert_uint_eq(registers.rip, CODE + 2);
    ck_assert_uint_eq(registers.rcx, CODE + 2);
    ck_assert_uint_eq(registers.r11, 0x202);
    ck_assert_uint_eq(registers.rax, 1);
    ck_assert_uint_eq(registers.rbx, 2);
    ck_assert_uint_eq(registers.rdi, 3);
    ck_assert_uint_eq(registers.r10, 4);
    ck_assert_uint_eq(registers.r15, 5);
    ck_assert_uint_eq(registers.rsp, DATA + 4096);
    ck_assert_uint_eq(registers.fs_base, 0x1234000);
    ck_assert_uint_eq(registers.gs_base, 0x5678000);
}
END_TEST

START_TEST(int80_traps_behind_the_instruction)
{
    GUEST_CODE("\xcd\x80");
    registers.rax = 66;
    registers.rcx = 7;
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_INT80);
    ck_assert_uint_eq(registers.rip, CODE + 2);
    ck_assert_uint_eq(registers.rax, 66);
    ck_assert_uint_eq(registers.rcx, 7);
}
END_TEST

START_TEST(exceptions_carry_the_processors_number)
{
    GUEST_CODE("\x31\xc9\xf7\xf1");    /* xor ecx, ecx; div ecx */
    expect_exception(0);
    ck_assert_uint_eq(registers.rip, CODE + 2);
    GUEST_CODE("\xcc");
    expect_exception(3);
    ck_assert_uint_eq(registers.rip, CODE + 1);
    GUEST_CODE("\x0f\x0b");
    expect_exception(6);
    ck_assert_uint_eq(registers.rip, CODE);
    GUEST_CODE("\xf4");
    expect_exception(13);
    GUEST_CODE("\x48\xb8\0\0\0\0\0\0\0\x80\xff\xe0");    /* jump to a non-canonical address */
    expect_exception(13);
}
END_TEST

START_TEST(single_step_stops_after_each_instruction)
{
    GUEST_CODE("\x90\x90\x90");
    registers.rflags = 0x302;
    expect_exception(1);
    ck_assert_uint_eq(registers.rip, CODE + 1);
    expect_exception(1);
    ck_assert_uint_eq(registers.rip, CODE + 2);
}
END_TEST

START_TEST(odd_flags_do_not_reach_the_host)
{
    static const uint64_t flags[] = { 0x40202 /* AC */, 0x4202 /* NT */, 0x602 /* DF */ };

    for (size_t i = 0; i < 3; i++) {
        GUEST_CODE("\x0f\x05");
        registers.rflags = flags[i];
        ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_SYSCALL);
        ck_assert_uint_eq(registers.r11, flags[i]);
    }
}
END_TEST

START_TEST(entry_at_a_non_canonical_address_is_an_exception)
{
    GUEST_CODE("\x90");
    registers.rip = UINT64_C(1) << 63;
    expect_exception(13);
}
END_TEST

/* ---- Translation --------------------------------------------------------------------------- */

START_TEST(page_fault_tells_address_and_access)
{
    GUEST_CODE("\x48\x8b\x07");    /* mov rax, [rdi] */
    registers.rdi = 0x700123;

    struct trap trap = machine_user_run(&registers);

    ck_assert_int_eq(trap.kind, TRAP_PAGE_FAULT);
    ck_assert_uint_eq(trap.address, 0x700123);
    ck_assert_uint_eq(trap.access, 0);

    GUEST_CODE("\x48\x89\x07");    /* mov [rdi], rax: the code page is read-only */
    registers.rdi = CODE;
    trap = machine_user_run(&registers);
    ck_assert_int_eq(trap.kind, TRAP_PAGE_FAULT);
    ck_assert_uint_eq(trap.access, ACCESS_WRITE);

    GUEST_CODE("\xff\xe7");        /* jmp rdi: data is not executable */
    registers.rdi = DATA;
    trap = machine_user_run(&registers);
    ck_assert_int_eq(trap.kind, TRAP_PAGE_FAULT);
    ck_assert_uint_eq(trap.access, ACCESS_EXECUTE);
    ck_assert_uint_eq(registers.rip, DATA);
}
END_TEST

START_TEST(tlb_fills_and_flushes)
{
    char *data = machine_info()->direct_map + DATA_PHYSICAL;

    GUEST_CODE("\x48\x89\x07\x0f\x05");    /* mov [rdi], rax; syscall */
    registers.rdi = DATA + 4096;
    registers.rax = 0x55;
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_SYSCALL);
    ck_assert_int_eq(data[4096], 0x55);

    registers.rip = CODE;                  /* taken away, but not flushed: still there */
    data_entry = 0;
    registers.rax = 0x66;
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_SYSCALL);
    ck_assert_int_eq(data[4096], 0x66);

    registers.rip = CODE;
    machine_tlb_flush(DATA, DATA + DATA_PAGES * 4096);
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_PAGE_FAULT);
}
END_TEST

START_TEST(another_root_sees_nothing_of_the_first)
{
    GUEST_CODE("\x0f\x05");
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_SYSCALL);
    machine_address_space_activate(ROOT + 4096);
    registers.rip = CODE;
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_PAGE_FAULT);
}
END_TEST

/* ---- Vector state -------------------------------------------------------------------------- */

START_TEST(vector_registers_survive_traps_and_libc)
{
    /* movq xmm7, rax; syscall; movq rax, xmm7; syscall */
    GUEST_CODE("\x66\x48\x0f\x6e\xf8\x0f\x05\x66\x48\x0f\x7e\xf8\x0f\x05");
    registers.rax = UINT64_C(0x1122334455667788);
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_SYSCALL);

    double noise = 1.5;
    for (int i = 0; i < 100; i++)
        noise = noise * 1.25 + i;
    char text[64];
    snprintf(text, sizeof(text), "%f", noise);    /* uses vector registers */

    registers.rax = 0;
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_SYSCALL);
    ck_assert_uint_eq(registers.rax, UINT64_C(0x1122334455667788));
}
END_TEST

START_TEST(control_word_begins_as_after_reset)
{
    GUEST_CODE("\x0f\xae\x1f\x0f\x05");    /* stmxcsr [rdi]; syscall */
    registers.rdi = DATA;
    memset(vector, 0, sizeof(vector));
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_SYSCALL);
    ck_assert_uint_eq(*(uint32_t *)(void *)(machine_info()->direct_map + DATA_PHYSICAL), 0x1f80);
}
END_TEST

/* ---- Interrupts and time ------------------------------------------------------------------- */

START_TEST(timer_ends_a_spinning_guest)
{
    GUEST_CODE("\xeb\xfe");

    uint64_t deadline = machine_time_ns() + 5 * MILLISECOND;

    machine_timer_set(deadline);
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_INTERRUPT);
    ck_assert_uint_ge(machine_time_ns(), deadline);
    ck_assert_uint_eq(interrupts[INTERRUPT_TIMER], 0);    /* off: nothing was delivered yet */
    machine_interrupts_restore(true);
    ck_assert_uint_eq(interrupts[INTERRUPT_TIMER], 1);
}
END_TEST

/* The alarm falls on every instruction around the entry; none may be lost, or this hangs. */
START_TEST(no_alarm_is_lost_around_the_entry)
{
    GUEST_CODE("\xeb\xfe");
    for (unsigned i = 0; i < 20000; i++) {
        machine_timer_set(machine_time_ns() + i % 4000);
        ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_INTERRUPT);
        machine_interrupts_restore(true);
        machine_interrupts_disable();
    }
}
END_TEST

START_TEST(pending_interrupt_keeps_user_code_from_running)
{
    GUEST_CODE("\xeb\xfe");
    machine_cpu_notify(0);
    ck_assert_int_eq(machine_user_run(&registers).kind, TRAP_INTERRUPT);
    machine_interrupts_restore(true);
    ck_assert_uint_eq(interrupts[INTERRUPT_NOTIFY], 1);
}
END_TEST

START_TEST(idle_sleeps_until_the_deadline)
{
    uint64_t deadline = machine_time_ns() + 20 * MILLISECOND;

    machine_timer_set(deadline);
    machine_cpu_idle();
    ck_assert_uint_ge(machine_time_ns(), deadline);
    ck_assert_uint_eq(interrupts[INTERRUPT_TIMER], 1);
    ck_assert(!machine_interrupts_enabled());
}
END_TEST

START_TEST(past_deadline_fires_at_once)
{
    machine_timer_set(0);
    machine_cpu_idle();
    ck_assert_uint_eq(interrupts[INTERRUPT_TIMER], 1);
}
END_TEST

/* ---- Contexts ------------------------------------------------------------------------------ */

static struct machine_context main_context, other_context;
static int visits;

static void other_entry(void)
{
    for (;;) {
        visits++;
        machine_context_switch(&other_context, &main_context);
    }
}

START_TEST(contexts_switch_back_and_forth)
{
    static char stack[16384] __attribute__((aligned(16)));

    machine_context_init(&other_context, stack, sizeof(stack), other_entry);
    for (int i = 1; i <= 3; i++) {
        machine_context_switch(&main_context, &other_context);
        ck_assert_int_eq(visits, i);
    }
}
END_TEST

START_TEST(host_signals_are_given_back)
{
    struct sigaction action;

    sigaction(SIGSEGV, NULL, &action);
    ck_assert(action.sa_sigaction != segv_before.sa_sigaction);
    signals_restore();
    sigaction(SIGSEGV, NULL, &action);
    ck_assert(action.sa_sigaction == segv_before.sa_sigaction);
    sigaction(SIGINT, NULL, &action);
    ck_assert(action.sa_sigaction == interrupt_before.sa_sigaction);
    sigaction(SIGALRM, NULL, &action);
    ck_assert(action.sa_handler == SIG_IGN);    /* one may still be on its way */
}
END_TEST

static const TTest *const panics[] = { NULL };
TEST_MAIN_WITH_SETUP("sim/user_run", start_machine, panics,
          syscall_traps_with_all_registers, int80_traps_behind_the_instruction,
          exceptions_carry_the_processors_number, single_step_stops_after_each_instruction,
          odd_flags_do_not_reach_the_host, entry_at_a_non_canonical_address_is_an_exception,
          page_fault_tells_address_and_access, tlb_fills_and_flushes,
          another_root_sees_nothing_of_the_first, vector_registers_survive_traps_and_libc,
          control_word_begins_as_after_reset, timer_ends_a_spinning_guest,
          no_alarm_is_lost_around_the_entry, pending_interrupt_keeps_user_code_from_running,
          idle_sleeps_until_the_deadline, past_deadline_fires_at_once,
          contexts_switch_back_and_forth, host_signals_are_given_back)
