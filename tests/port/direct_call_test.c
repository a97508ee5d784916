/*
 * Direct calls (sim/direct_call.c, sim/code_copy.c), this file being the kernel: what the window
 * shows of a page of code, when it shows the page itself again, and where threads are found.
 */
#include <string.h>

#include "../../sim/code_copy.h"
#include "../../sim/direct_call.h"
#include "../../sim/instruction.h"
#include "harness/test.h"
#include "kernel_side.h"

#define CODE 0x400000u
#define ALIAS 0x500000u    /* the same page, writable when the test says so */
#define CODE_PHYSICAL 0x10000u
#define ROOT 0x5000u
#define PLACE 256u
#define OFTEN 10
#define EFLAGS_TRAP 0x100u
#define CALLS_FIRST 0x61060000u
#define CALLS_LAST 0x6108ffffu

static struct user_registers registers;
static char vector[16384] __attribute__((aligned(64)));
static uint64_t code_entry, alias_entry;

uint64_t page_table_lookup(physical_address root, user_address address, uint64_t window,
                           user_address *start, user_address *end)
{
    user_address page = address & ~UINT64_C(4095);

    (void)window;
    if (root != ROOT || (page != CODE && page != ALIAS))
        return 0;
    *start = page;
    *end = page + 4096;
    return page == CODE ? code_entry : alias_entry;
}

void kernel_interrupt(enum machine_interrupt which)
{
    (void)which;
}

static void start_machine(void)
{
    struct options options = { .cpus = 1, .memory_size = 1 << 20, .kernel = no_strings,
                               .arguments = no_strings, .environment = no_strings };

    info_init_ranges();
    info_init(&options);
    memory_init(options.memory_size);
    cpu_init(1);
    signals_init();
    clock_init(&options);
    user_run_init(true);
    code_entry = CODE_PHYSICAL | 5;
    machine_address_space_activate(ROOT);
    memset(&registers, 0, sizeof(registers));
    registers.vector = vector;
}

static unsigned char *page_bytes(void)
{
    return (unsigned char *)machine_info()->direct_map + CODE_PHYSICAL;
}

/* What user code sees there. */
static const unsigned char *shown(unsigned place)
{
    return (const unsigned char *)(uintptr_t)(CODE + place);
}

static void set_code(unsigned place, const char *code, size_t size)
{
    memset(page_bytes(), 0x90, 4096);
    memcpy(page_bytes() + place, code, size);
}

#define PAIR(number) "\xb8" number "\0\0\0\x0f\x05"

static struct trap run_from(user_address address)
{
    registers.rip = address;
    registers.rflags = 0x202 | (registers.rflags & EFLAGS_TRAP);
    return machine_user_run(&registers);
}

/* Makes the call often, and looks at it each time. */
static void call_often(unsigned place, unsigned size, uint64_t number)
{
    for (int i = 0; i < OFTEN; i++) {
        registers.rax = 0;
        ck_assert_int_eq(run_from(CODE + place).kind, TRAP_SYSCALL);
        ck_assert_uint_eq(registers.rax, number);
        ck_assert_uint_eq(registers.rip, CODE + place + size);
    }
}

START_TEST(a_hot_call_becomes_a_jump)
{
    set_code(PLACE, PAIR("\x27"), 7);
    call_often(PLACE, 7, 0x27);
    ck_assert_uint_eq(shown(PLACE)[0], 0xff);
    ck_assert_uint_eq(shown(PLACE)[5], 0x06);
    ck_assert_uint_eq(page_bytes()[PLACE], 0xb8);
    ck_assert_uint_eq(shown(PLACE + 7)[0], 0x90);
}
END_TEST

START_TEST(registers_and_vectors_come_along)
{
    /* movq %rdi, %xmm3; mov $5, %eax; syscall */
    static const char code[] = "\x66\x48\x0f\x6e\xdf" PAIR("\x5");
    uint64_t value;

    set_code(PLACE, code, sizeof(code) - 1);
    for (uint64_t i = 0; i < OFTEN; i++) {
        registers.rdi = i + 1;
        registers.rbx = i + 2;
        registers.r15 = i + 3;
        registers.rsp = i + 4;
        registers.fs_base = 0x1000 * i;
        registers.gs_base = 0x2000 * i;
        ck_assert_int_eq(run_from(CODE + PLACE).kind, TRAP_SYSCALL);
        memcpy(&value, vector + 160 + 3 * 16, sizeof(value));
        ck_assert_uint_eq(value, i + 1);
        ck_assert_uint_eq(registers.rdi, i + 1);
        ck_assert_uint_eq(registers.rbx, i + 2);
        ck_assert_uint_eq(registers.r15, i + 3);
        ck_assert_uint_eq(registers.rsp, i + 4);
        ck_assert_uint_eq(registers.fs_base, 0x1000 * i);
        ck_assert_uint_eq(registers.gs_base, 0x2000 * i);
        ck_assert_uint_eq(registers.rflags, 0x202);
    }
    ck_assert_uint_eq(shown(PLACE + 5)[0], 0xff);
}
END_TEST

START_TEST(jumps_between_the_instructions_go_on)
{
    /* mov %rsi, %r8; mov %rdi, %rax; mov %rdx, %rdi; syscall */
    static const char code[] = "\x49\x89\xf0\x48\x89\xf8\x48\x89\xd7\x0f\x05";

    set_code(PLACE, code, sizeof(code) - 1);
    registers.rdi = 77;
    registers.rdx = 77;
    call_often(PLACE, 11, 77);
    ck_assert_uint_eq(shown(PLACE + 3)[0], 0xff);    /* the last two are long enough */
    registers.rdi = 1;
    registers.rdx = 2;
    registers.rax = 3;
    ck_assert_int_eq(run_from(CODE + PLACE + 6).kind, TRAP_SYSCALL);
    ck_assert_uint_eq(registers.rax, 3);
    ck_assert_uint_eq(registers.rdi, 2);
    ck_assert_uint_eq(registers.rip, CODE + PLACE + 11);
    ck_assert_int_eq(run_from(CODE + PLACE + 9).kind, TRAP_SYSCALL);
    ck_assert_uint_eq(registers.rip, CODE + PLACE + 11);
}
END_TEST

START_TEST(a_fault_before_the_call_is_at_its_instruction)
{
    /* xor %r8d, %r8d; movslq (%rdi), %rax; syscall */
    static const char code[] = "\x45\x31\xc0\x48\x63\x07\x0f\x05";

    set_code(PLACE, code, sizeof(code) - 1);
    memcpy(page_bytes(), "\x9\0\0", 4);
    registers.rdi = CODE;
    call_often(PLACE, 8, 9);
    ck_assert_uint_eq(shown(PLACE)[0], 0xff);
    registers.rdi = 0x123000;

    struct trap trap = run_from(CODE + PLACE);

    ck_assert_int_eq(trap.kind, TRAP_PAGE_FAULT);
    ck_assert_uint_eq(trap.address, 0x123000);
    ck_assert_uint_eq(registers.rip, CODE + PLACE + 3);
    registers.rdi = CODE;
    ck_assert_int_eq(run_from(registers.rip).kind, TRAP_SYSCALL);
    ck_assert_uint_eq(registers.rax, 9);
}
END_TEST

START_TEST(a_single_step_stops_where_it_would)
{
    set_code(PLACE, PAIR("\x27"), 7);
    call_often(PLACE, 7, 0x27);
    registers.rax = 1;
    registers.rflags = EFLAGS_TRAP;

    struct trap trap = run_from(CODE + PLACE);

    ck_assert_int_eq(trap.kind, TRAP_EXCEPTION);
    ck_assert_uint_eq(trap.vector, 1);
    ck_assert_uint_eq(registers.rip, CODE + PLACE + 5);
    ck_assert_uint_eq(registers.rax, 0x27);
}
END_TEST

START_TEST(what_the_kernel_writes_is_seen)
{
    set_code(PLACE, PAIR("\x27"), 7);
    call_often(PLACE, 7, 0x27);
    page_bytes()[PLACE + 1] = 0x28;
    call_often(PLACE, 7, 0x28);
    ck_assert_uint_eq(shown(PLACE)[0], 0xff);
    code_copy_host_writes(page_bytes() + 4000, 200);
    page_bytes()[PLACE + 1] = 0x29;
    call_often(PLACE, 7, 0x29);
    for (unsigned char i = 0; i < 20; i++) {    /* in the end it stays as it is */
        page_bytes()[PLACE + 1] = i;
        call_often(PLACE, 7, i);
    }
    ck_assert_uint_eq(shown(PLACE)[0], 0xb8);
}
END_TEST

START_TEST(what_user_code_writes_elsewhere_is_seen)
{
    /* movb %dl, (%rsi); ud2, and what it changes */
    static const char code[] = PAIR("\x27") "\x88\x16\x0f\x0b";

    set_code(PLACE, code, sizeof(code) - 1);
    call_often(PLACE, 7, 0x27);
    alias_entry = CODE_PHYSICAL | 7 | UINT64_C(1) << 63;
    registers.rsi = ALIAS + PLACE + 1;
    registers.rdx = 0x31;
    ck_assert_int_eq(run_from(CODE + PLACE + 7).kind, TRAP_EXCEPTION);
    call_often(PLACE, 7, 0x31);
    ck_assert_uint_eq(shown(PLACE)[0], 0xb8);    /* as long as it may be written */
    alias_entry = 0;
    machine_tlb_flush(ALIAS, ALIAS + 4096);
    call_often(PLACE, 7, 0x31);
    call_often(PLACE, 7, 0x31);
    ck_assert_uint_eq(shown(PLACE)[0], 0xff);
}
END_TEST

START_TEST(a_page_that_is_not_executable_is_itself)
{
    set_code(PLACE, PAIR("\x27"), 7);
    call_often(PLACE, 7, 0x27);
    code_entry |= UINT64_C(1) << 63;
    machine_tlb_flush(CODE, CODE + 4096);
    ck_assert_int_eq(run_from(CODE + PLACE).kind, TRAP_PAGE_FAULT);
    ck_assert_ptr_null(code_copy_at(CODE));
}
END_TEST

START_TEST(what_cannot_be_proved_stays)
{
    static const char *const codes[] = {
        "\x90\x0f\x05",                          /* at the border, below */
        "\xeb\x00\x0f\x05",                      /* a jump comes before it */
        "\x48\x8d\x05\0\0\0\0\x0f\x05",          /* relative to the instruction pointer */
    };
    static const unsigned sizes[] = { 3, 4, 9 };
    static const unsigned places[] = { 20, PLACE, PLACE };

    for (unsigned i = 0; i < 3; i++) {
        set_code(places[i], codes[i], sizes[i]);
        for (int round = 0; round < OFTEN; round++) {
            ck_assert_int_eq(run_from(CODE + places[i]).kind, TRAP_SYSCALL);
            ck_assert_uint_eq(registers.rip, CODE + places[i] + sizes[i]);
        }
        ck_assert_int_eq(memcmp(shown(places[i]), codes[i], sizes[i]), 0);
    }
}
END_TEST

START_TEST(addresses_on_the_way_have_an_origin)
{
    user_address way;

    set_code(PLACE, PAIR("\x27"), 7);
    call_often(PLACE, 7, 0x27);
    ck_assert_int_eq(direct_call_at(CODE + PLACE, &way), DIRECT_CALL_NONE);
    ck_assert_int_eq(direct_call_at(CODE + PLACE + 3, &way), DIRECT_CALL_INSIDE);
    ck_assert_int_eq(direct_call_at(CODE + PLACE + 5, &way), DIRECT_CALL_CALL);
    ck_assert(way > CALLS_FIRST && way < CALLS_LAST);
    ck_assert_uint_eq(direct_call_origin(way), CODE + PLACE + 5);
    ck_assert_uint_eq(direct_call_origin(way + 10), CODE + PLACE + 5);
    ck_assert_uint_eq(direct_call_origin(way - 5), CODE + PLACE);
    ck_assert_uint_eq(direct_call_origin(CODE), CODE);
    ck_assert_uint_eq(direct_call_origin(CALLS_LAST - 8), CALLS_LAST - 8);
    ck_assert_uint_eq(direct_call_origin(UINT64_MAX), UINT64_MAX);
    /* No byte of the slot's address begins an instruction. */
    for (unsigned i = 3; i < 7; i++)
        ck_assert_uint_eq(instruction_decode(shown(PLACE + i), 16).length, 0);
}
END_TEST

static const TTest *const panics[] = { NULL };
TEST_MAIN_WITH_SETUP("sim/direct_call", start_machine, panics,
          a_hot_call_becomes_a_jump, registers_and_vectors_come_along,
          jumps_between_the_instructions_go_on, a_fault_before_the_call_is_at_its_instruction,
          a_single_step_stops_where_it_would, what_the_kernel_writes_is_seen,
          what_user_code_writes_elsewhere_is_seen, a_page_that_is_not_executable_is_itself,
          what_cannot_be_proved_stays, addresses_on_the_way_have_an_origin)
