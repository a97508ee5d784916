/* From a trap to a call: which instruction belongs to which ABI, what a call changes, numbers that
 * are none, the call of programs that count their blocks, processes that were killed meanwhile. */
#include "abi/abi.h"

#include "unit/abi/teaching/teaching_fixture.h"

static const struct trap int80 = { .kind = TRAP_INT80 };
static const struct trap syscall_trap = { .kind = TRAP_SYSCALL };

static struct user_registers *registers(void)
{
    return &current_thread()->registers;
}

/* Makes the call with all other registers set to something, and looks that they stay. */
static uint64_t make(const struct trap *trap, uint64_t number, uint64_t first, uint64_t second)
{
    struct user_registers before;

    registers()->rax = number;
    registers()->rdi = first;
    registers()->rsi = second;
    registers()->rdx = 0x1111;
    registers()->rcx = 0x2222;
    registers()->r11 = 0x3333;
    registers()->r15 = 0x4444;
    registers()->rip = 0x111100000010;
    registers()->rflags = 0x202;
    before = *registers();
    abi_dispatch(current_thread(), trap);
    before.rax = registers()->rax;
    if (trap->kind == TRAP_SYSCALL) {
        before.rcx = before.rip;
        before.r11 = before.rflags;
    }
    ck_assert_int_eq(memcmp(&before, registers(), sizeof(before)), 0);
    return registers()->rax;
}

static void call_in_two_ways(void)
{
    ck_assert_uint_eq(make(&int80, 39, 0, 0), (uint64_t)current_process()->id);
    ck_assert_uint_eq(make(&int80, 0xffff0027, 0, 0), (uint64_t)current_process()->id);
    ck_assert_int_eq((int64_t)make(&syscall_trap, 39, 0, 0), -ENOSYS);
}

START_TEST(teaching_program_calls_by_int80)
{
    teaching_run(call_in_two_ways);
}
END_TEST

static void call_as_linux(void)
{
    current_process()->abi = &abi_linux;
    ck_assert_uint_eq(make(&syscall_trap, 39, 0, 0), (uint64_t)current_process()->id);
    ck_assert_int_eq((int64_t)make(&int80, 39, 0, 0), -ENOSYS);
    ck_assert_int_eq((int64_t)make(&syscall_trap, 100000, 0, 0), -ENOSYS);
    current_process()->abi = &abi_teaching;
}

START_TEST(linux_program_calls_by_syscall)
{
    teaching_run(call_as_linux);
}
END_TEST

static void call_numbers_that_are_none(void)
{
    for (uint64_t number = 0; number < 65536; number++) {
        bool is_call = number < 4 || number == 12 || number == 39 || number == 66 ||
                       (number >= 58 && number <= 62) || number == 201 || number >= 65530;

        if (!is_call)
            ck_assert_uint_eq(make(&int80, number, 1, 2), number);
    }
    ck_assert_uint_eq(make(&int80, 65535, 1, 2), 65535);
    ck_assert_uint_eq(make(&int80, 0xabcd0004, 1, 2), 0xabcd0004);
    /* Not one line for each of them. */
    ck_assert_uint_lt(fake_machine.log.length, 4096);
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "makes call 4 (0x4)"));
}

START_TEST(number_without_call_changes_nothing)
{
    teaching_run(call_numbers_that_are_none);
}
END_TEST

static void call_without_result(void)
{
    ck_assert_uint_eq(make(&int80, 62, 50000, 0), 62);                   /* Kill of nobody */
    ck_assert_uint_eq(make(&int80, 62, 1, 0), 62);                       /* of the kernel */
    ck_assert_uint_eq(make(&int80, 65534, 0, 0), 65534);                 /* Deallocate of nothing */
    ck_assert_uint_eq(make(&int80, 65534, 0x400000000000, 0), 65534);    /* of no block */
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "wants to kill process 1: refused"));
}

START_TEST(call_without_result_leaves_rax)
{
    teaching_run(call_without_result);
}
END_TEST

static void use_budget_up(void)
{
    const struct abi *abis[] = { &abi_teaching, &abi_linux };

    for (int i = 0; i < 2; i++) {
        current_process()->abi = abis[i];
        ck_assert_uint_eq(make(&syscall_trap, CALL_BUDGET_USED_UP, 1, 2), CALL_BUDGET_USED_UP);
    }
    current_process()->abi = &abi_teaching;
}

START_TEST(used_up_budget_is_no_call)
{
    teaching_run(use_budget_up);
}
END_TEST

/* ---- Semaphores and their results ---------------------------------------------------------- */

static uint64_t sem(uint64_t operation, uint64_t key, uint64_t value)
{
    registers()->rdx = value;
    registers()->rax = 66;
    registers()->rdi = operation;
    registers()->rsi = key;
    abi_dispatch(current_thread(), &int80);
    return registers()->rax;
}

static void use_semaphores(void)
{
    ck_assert_uint_eq(sem(3, 5, 0), 1);
    ck_assert_uint_eq(sem(2, 5, 0), 1);
    ck_assert_uint_eq(sem(1, 5, 0), 1);
    ck_assert_uint_eq(sem(0, 5, 2), 0);
    ck_assert_uint_eq(sem(3, 5, 0), 0);
    ck_assert_uint_eq(sem(0xffffff03, 0xffffffff00000005, 0), 0);    /* upper halves mean nothing */
    ck_assert_uint_eq(sem(2, 5, 0), 0);
    ck_assert_uint_eq(sem(0, 5, UINT64_MAX), 1);
    ck_assert_uint_eq(sem(2, 5, 0), 0);
    ck_assert_uint_eq(sem(1, 5, 0), 0);
    ck_assert_uint_eq(sem(4, 5, 0), UINT64_MAX);
    ck_assert_uint_eq(sem(255, 5, 0), UINT64_MAX);
}

START_TEST(semaphores_answer_as_the_specification_says)
{
    teaching_run(use_semaphores);
}
END_TEST

/* ---- Killed while it was about to call ----------------------------------------------------- */

static void call_when_killed(void)
{
    ck_assert_uint_eq(sem(0, 5, 1), 0);
    process_end(current_process(), SIGNAL_KILL, 0xdead);
    (void)sem(3, 5, 0);
    ck_assert_int_eq(user_thread_of(current_thread())->interrupted.code, CALL_RESTART_ALWAYS);
    signal_deliver_pending();
    ck_abort_msg("survived");
}

START_TEST(killed_process_takes_nothing)
{
    teaching_run(call_when_killed);
    ck_assert_int_eq(fixture_status, 0xad);
}
END_TEST

/* ---- Memory -------------------------------------------------------------------------------- */

static void move_the_break(void)
{
    const uint64_t start = TEACHING_BREAK_START;

    ck_assert_uint_eq(make(&int80, 12, 0, 0), start);
    ck_assert_uint_eq(make(&int80, 12, start + 5000, 0), start + 5000);
    put_word(start + 8184, 7);    /* in the page that holds the end */
    ck_assert_uint_eq(user_zero_partial(current_space(), start + 8192, 1), 0);
    ck_assert_uint_eq(make(&int80, 12, start + 8192, 0), start + 8192);
    put_word(start + 8192, 7);
    ck_assert_uint_eq(make(&int80, 12, start - 1, 0), UINT64_MAX);
    ck_assert_uint_eq(make(&int80, 12, start + TEACHING_BREAK_SIZE + 1, 0), UINT64_MAX);
    ck_assert_uint_eq(make(&int80, 12, UINT64_MAX, 0), UINT64_MAX);
    ck_assert_uint_eq(make(&int80, 12, start + TEACHING_BREAK_SIZE, 0), UINT64_MAX);    /* of 64M */
    ck_assert_uint_eq(make(&int80, 12, 0, 0), start + 8192);
    ck_assert_uint_eq(get_word(start + 8184), 7);
    ck_assert_uint_eq(make(&int80, 12, start, 0), start);
    ck_assert_uint_eq(user_zero_partial(current_space(), start, 1), 0);
    ck_assert_uint_eq(make(&int80, 12, start + 1, 0), start + 1);
    ck_assert_uint_eq(get_word(start + 8), 0);
}

START_TEST(break_moves_by_pages)
{
    teaching_run(move_the_break);
}
END_TEST

static uint64_t allocate(uint64_t first, uint64_t second)
{
    put_word(FIXTURE_DATA, first);
    put_word(FIXTURE_DATA + 8, second);
    return make(&int80, 65533, FIXTURE_DATA, 0);
}

static void read_layouts(void)
{
    ck_assert_uint_eq(allocate(8, 24), TEACHING_HEAP_START);
    ck_assert_uint_eq(allocate(24, 8), TEACHING_HEAP_START + 32);       /* the other order */
    ck_assert_uint_eq(allocate(8192, 16), TEACHING_HEAP_START + 64);    /* too large to align to */
    ck_assert_uint_eq(allocate(3, 5), 0);
    ck_assert_uint_eq(allocate(0, 8), 0);    /* nothing, in the other order */
    ck_assert_uint_eq(allocate(8, 0), 0);
    ck_assert_uint_eq(allocate(8, UINT64_MAX), 0);
    ck_assert_uint_eq(make(&int80, 65533, 0, 0), 0);
    ck_assert_uint_eq(make(&int80, 65533, UINT64_MAX - 3, 0), 0);
}

START_TEST(layouts_are_read_either_way_round)
{
    teaching_run(read_layouts);
}
END_TEST

TEST_MAIN("abi/dispatch", teaching_program_calls_by_int80, linux_program_calls_by_syscall,
          number_without_call_changes_nothing, call_without_result_leaves_rax,
          used_up_budget_is_no_call, semaphores_answer_as_the_specification_says,
          killed_process_takes_nothing, break_moves_by_pages, layouts_are_read_either_way_round)
