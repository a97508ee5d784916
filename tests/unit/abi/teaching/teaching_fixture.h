#pragma once
/*
 * For tests of the teaching ABI's calls: a process of that ABI, made as exec makes it but without a
 * program, whose thread runs the test's body.
 *
 *     static void body(void) { ... teaching_fork() ... }
 *     START_TEST(name) { teaching_run(body); } END_TEST
 *
 * Children run `teaching_child` (NULL: they exit with 0), with their own registers.
 */
#include "abi/teaching/calls.h"
#include "abi/teaching/layout.h"
#include "memory/user_memory.h"
#include "process/exec.h"
#include "process/family.h"
#include "unit/process/process_fixture.h"

static void (*teaching_child)(void);

static void child_entry(void *argument)
{
    (void)argument;
    if (teaching_child)
        teaching_child();
    process_exit_code(0);
}

/* Instead of the fixture's space: one with a family, the shared heap and a stack. */
static void teaching_space(void)
{
    const struct exec_request request = {
        .strings = &(struct exec_strings){ .argument_count = 0 },
        .limits = &fixture_process->limits,
    };
    struct exec_image image = { .space = fixture_process->space };

    ck_assert_int_eq(teaching_build_start(&request, &image), 0);
    fixture_process->family = image.family;
    fixture_process->abi = &abi_teaching;
    current_thread()->registers.rsp = image.stack;
    ck_assert_uint_eq(image.stack, TEACHING_STACKS_END - 8);
}

static void (*teaching_body)(void);

static void teaching_entry(void)
{
    teaching_space();
    fixture_process->family->id = fixture_process->id;
    fixture_process->family->semaphores.id = (uint32_t)fixture_process->id;
    teaching_body();
}

__attribute__((unused)) static void teaching_run(void (*body)(void))
{
    teaching_body = body;
    process_set_user_entry(child_entry);
    fixture_run(teaching_entry);
    ck_assert(fixture_halted);
}

/* Words of the current process's memory. */
__attribute__((unused)) static void put_word(user_address address, uint64_t word)
{
    ck_assert_int_eq(user_copy_out(current_space(), address, &word, sizeof(word)), 0);
}

__attribute__((unused)) static uint64_t get_word(user_address address)
{
    uint64_t word = 0;

    ck_assert_int_eq(user_copy_in(current_space(), &word, address, sizeof(word)), 0);
    return word;
}
