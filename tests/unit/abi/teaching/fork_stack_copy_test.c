/* Fork: the child's stack and slot, what it shares, and what a failure leaves behind. */
#include "unit/abi/teaching/teaching_fixture.h"

#include "memory/pool.h"
#include "process/endings.h"

#define DEEP (UINT64_C(300) * 4096)    /* more pages than are looked at at once */

static const struct operation nothing = { .object_kind = OBJECT_PROCESS };

static int64_t wait_for(int64_t pid)
{
    int64_t code = 0;

    ck_assert_int_eq(ending_wait((int32_t)pid, &nothing, &code), 0);
    return code;
}

/* ---- The copy ------------------------------------------------------------------------------ */

static user_address parent_pointer;
static uint64_t child_word, child_deep_word, child_result;
static user_address child_pointer;

static void look_at_stack(void)
{
    const struct user_registers *registers = &current_thread()->registers;

    child_pointer = registers->rsp;
    child_result = registers->rax;
    child_word = get_word(registers->rsp);
    child_deep_word = get_word(registers->rsp + DEEP);
    ck_assert_uint_eq(registers->rbx, 77);
    put_word(registers->rsp, 1);    /* its own */
    process_exit_code(-3);
}

static void fork_deep(void)
{
    struct user_registers *registers = &current_thread()->registers;
    int64_t pid;

    teaching_child = look_at_stack;
    parent_pointer = registers->rsp;
    put_word(parent_pointer, 0x1111);
    registers->rsp -= DEEP;
    put_word(registers->rsp, 0x2222);
    registers->rbx = 77;
    registers->rax = 58;
    pid = teaching_fork();
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(wait_for(pid), -3);
    ck_assert_uint_eq(child_result, 0);
    ck_assert_uint_eq(child_pointer, registers->rsp - TEACHING_SLOT_SIZE);
    ck_assert_uint_eq(child_word, 0x2222);
    ck_assert_uint_eq(child_deep_word, 0x1111);
    ck_assert_uint_eq(get_word(registers->rsp), 0x2222);
    /* Its stack is gone, and its slot is free. */
    ck_assert_uint_eq(user_copy_in_partial(current_space(), &child_word, child_pointer, 8), 0);
    ck_assert_int_eq(family_take_slot(current_process()->family, 1), 1);
    family_free_slot(current_process()->family, 1);
    registers->rsp = parent_pointer;
}

START_TEST(child_gets_a_copy_of_the_stack)
{
    teaching_run(fork_deep);
}
END_TEST

static unsigned children_seen;
static user_address pointers[3];

static void note_pointer(void)
{
    pointers[children_seen++] = current_thread()->registers.rsp;
}

static void fork_three(void)
{
    int64_t pids[3];

    teaching_child = note_pointer;
    for (int i = 0; i < 3; i++)
        pids[i] = teaching_fork();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(wait_for(pids[i]), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(pointers[i], teaching_slot_end(i + 1) - 8);
}

START_TEST(children_get_slots_one_below_the_other)
{
    children_seen = 0;
    teaching_run(fork_three);
}
END_TEST

/* A stack that fills its slot meets its neighbour's, which must not become part of it: the child's
 * ends where its slot does, and so does the growth of both. */
static void grow_to_the_end(void)
{
    user_address end = teaching_slot_end(0) - TEACHING_SLOT_SIZE;
    uint64_t word = 5;
    uint64_t distance;
    unsigned slot;

    put_word(end, word);
    current_thread()->registers.rsp = end + 4096;
    ck_assert_int_eq(teaching_stack_copy(&slot, &distance), 0);
    ck_assert_uint_eq(slot, 1);
    ck_assert_uint_eq(distance, TEACHING_SLOT_SIZE);
    ck_assert_uint_eq(get_word(end - 8), 0);
    put_word(end - TEACHING_SLOT_SIZE, 6);
    ck_assert_uint_eq(user_copy_out_partial(current_space(), end - TEACHING_SLOT_SIZE - 8, &word,
                                            sizeof(word)), 0);
    teaching_stack_release(current_process(), slot);
    ck_assert_uint_eq(get_word(end), 5);
    ck_assert_uint_eq(user_copy_out_partial(current_space(), end - 8, &word, sizeof(word)), 0);
}

START_TEST(full_stacks_stay_apart)
{
    teaching_run(grow_to_the_end);
}
END_TEST

/* ---- Failure ------------------------------------------------------------------------------- */

static void fork_from_elsewhere(void)
{
    struct user_registers *registers = &current_thread()->registers;
    user_address pointer = registers->rsp;

    registers->rsp = FIXTURE_DATA + 64;
    ck_assert_int_eq(teaching_fork(), -1);
    registers->rsp = teaching_slot_end(1) - 8;
    ck_assert_int_eq(teaching_fork(), -1);
    registers->rsp = 0;
    ck_assert_int_eq(teaching_fork(), -1);
    registers->rsp = UINT64_MAX;
    ck_assert_int_eq(teaching_fork(), -1);
    registers->rsp = pointer;
}

START_TEST(fork_needs_the_stack_of_the_process)
{
    teaching_run(fork_from_elsewhere);
}
END_TEST

static void wait_for_ever(void)
{
    const struct wait_reason reason = { .kind = WAIT_SIGNAL };

    (void)!wait_entries_wait(NULL, 0, &reason, WAIT_FOREVER);
}

/* Until it fails, twice: the second time as often as the first. */
static void fork_until_it_fails(void)
{
    int first = 0;

    teaching_child = wait_for_ever;
    for (int round = 0; round < 2; round++) {
        static int64_t pids[4096];
        int count = 0;

        while (count < 4096 && (pids[count] = teaching_fork()) > 0)
            count++;
        ck_assert_int_gt(count, 100);
        ck_assert_int_lt(count, 4096);
        ck_assert_int_eq(pids[count], -1);
        for (int i = 0; i < count; i++) {
            (void)teaching_kill((uint16_t)pids[i]);
            ck_assert_int_eq(wait_for(pids[i]), 0xdead);
        }
        if (round == 0)
            first = count;
        else
            ck_assert_int_ge(count, first - 2);
    }
}

START_TEST(fork_fails_without_harm)
{
    teaching_run(fork_until_it_fails);
}
END_TEST

TEST_MAIN("abi/teaching/fork_stack_copy", child_gets_a_copy_of_the_stack,
          children_get_slots_one_below_the_other, full_stacks_stay_apart,
          fork_needs_the_stack_of_the_process, fork_fails_without_harm)
