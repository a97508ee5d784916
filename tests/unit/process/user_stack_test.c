/*
 * The first stack of a program: planned and filled without a machine's help, then walked as a C
 * library walks it.
 */
#include <string.h>

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "memory/page.h"
#include "process/process_internal.h"

#define TOP UINT64_C(0x7ffffffff000)
#define VECTOR_WORDS_MAX 4096

static struct exec_strings strings;
static struct elf_image elf;
static struct credentials who;
static struct user_stack_request request;
static struct user_stack stack;
static uint64_t words[VECTOR_WORDS_MAX];

static void begin(void)
{
    fake_machine_init(4 << 20);
    page_allocator_init();
    fake_machine_info.hwcap = 0x178bfbff;
    fake_machine_info.hwcap2 = 2;
    fake_machine_info.minimum_signal_stack = 3376;
    exec_strings_init(&strings, 8 << 20);
    who = (struct credentials){
        .user_id = 1000, .effective_user_id = 1001, .group_id = 1002, .effective_group_id = 1003,
    };
    elf = (struct elf_image){ .entry = 0x1234, .headers_address = 0x40, .header_count = 9 };
    request = (struct user_stack_request){
        .strings = &strings,
        .path = "/bin/program",
        .credentials = &who,
        .elf = &elf,
        .bias = 0x10000,
    };
}

static void add_arguments(unsigned count, const char *const *texts)
{
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(exec_strings_add_argument(&strings, texts[i]), 0);
}

static void add_environment(unsigned count, const char *const *texts)
{
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(exec_strings_add_environment(&strings, texts[i]), 0);
}

static void plan(void)
{
    user_stack_plan(&request, TOP, &stack);
    ck_assert_uint_le(stack.vector_size, sizeof(words));
    user_stack_fill(&request, &stack, words);
}

/* The string of the block that this address of the program's stands for. */
static const char *text_at(uint64_t address)
{
    ck_assert_uint_ge(address, stack.strings);
    ck_assert_uint_lt(address, stack.path);
    return strings.bytes + (address - stack.strings);
}

static uint64_t auxiliary(uint64_t type, const uint64_t *vector)
{
    for (; vector[0] != 0; vector += 2) {
        if (vector[0] == type)
            return vector[1];
    }
    ck_abort_msg("no auxiliary entry %u", (unsigned)type);
    return 0;
}

START_TEST(strings_are_where_the_pointers_say)
{
    static const char *const arguments[] = { "program", "", "a b" };
    static const char *const environment[] = { "HOME=/", "X=" };

    begin();
    add_arguments(3, arguments);
    add_environment(2, environment);
    plan();
    ck_assert_uint_eq(words[0], 3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_str_eq(text_at(words[1 + i]), arguments[i]);
    ck_assert_uint_eq(words[4], 0);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_str_eq(text_at(words[5 + i]), environment[i]);
    ck_assert_uint_eq(words[7], 0);
    ck_assert_uint_eq(stack.arguments_end, words[5]);
    ck_assert_uint_eq(stack.strings, words[1]);
}
END_TEST

START_TEST(stack_without_arguments_is_complete)
{
    begin();
    plan();
    ck_assert_uint_eq(words[0], 0);
    ck_assert_uint_eq(words[1], 0);
    ck_assert_uint_eq(words[2], 0);
    ck_assert_uint_eq(auxiliary(9, words + 3), 0x11234);
}
END_TEST

START_TEST(places_are_ordered_and_aligned)
{
    static const char *const arguments[] = { "p", "1234567", "12345678" };

    begin();
    for (unsigned i = 0; i < 40; i++) {
        add_arguments(1, &arguments[i % 3]);
        plan();
        ck_assert_uint_eq(stack.pointer % 16, 0);
        ck_assert_uint_le(stack.pointer + stack.vector_size, stack.random);
        ck_assert_uint_eq(stack.random + 16, stack.platform);
        ck_assert_uint_lt(stack.platform, stack.strings);
        ck_assert_uint_eq(stack.strings + strings.size, stack.path);
        ck_assert_uint_eq(stack.path + strlen("/bin/program") + 1, stack.end);
        ck_assert_uint_eq(stack.end, TOP - 8);
    }
}
END_TEST

START_TEST(auxiliary_vector_begins_with_the_vdso)
{
    const uint64_t *vector = words + 3;

    begin();
    request.vdso = 0x7fff0000;
    plan();
    ck_assert_uint_eq(vector[0], 33);
    ck_assert_uint_eq(vector[1], 0x7fff0000);
    ck_assert_uint_eq(vector[2], 51);
    ck_assert_uint_eq(auxiliary(15, vector), stack.platform);    /* the last one is there, too */
}
END_TEST

START_TEST(auxiliary_vector_is_complete)
{
    static const char *const arguments[] = { "program" };
    const uint64_t *vector = words + 4;

    begin();
    add_arguments(1, arguments);
    plan();
    ck_assert_uint_eq(vector[0], 51);                          /* as Linux: MINSIGSTKSZ first */
    ck_assert_uint_eq(auxiliary(51, vector), 3376);
    ck_assert_uint_eq(auxiliary(16, vector), 0x178bfbff);      /* HWCAP */
    ck_assert_uint_eq(auxiliary(6, vector), 4096);             /* PAGESZ */
    ck_assert_uint_eq(auxiliary(17, vector), 100);             /* CLKTCK */
    ck_assert_uint_eq(auxiliary(3, vector), 0x10040);          /* PHDR */
    ck_assert_uint_eq(auxiliary(4, vector), 56);               /* PHENT */
    ck_assert_uint_eq(auxiliary(5, vector), 9);                /* PHNUM */
    ck_assert_uint_eq(auxiliary(7, vector), 0);                /* BASE */
    ck_assert_uint_eq(auxiliary(8, vector), 0);                /* FLAGS */
    ck_assert_uint_eq(auxiliary(9, vector), 0x11234);          /* ENTRY */
    ck_assert_uint_eq(auxiliary(11, vector), 1000);            /* UID */
    ck_assert_uint_eq(auxiliary(12, vector), 1001);            /* EUID */
    ck_assert_uint_eq(auxiliary(13, vector), 1002);            /* GID */
    ck_assert_uint_eq(auxiliary(14, vector), 1003);            /* EGID */
    ck_assert_uint_eq(auxiliary(23, vector), 0);               /* SECURE */
    ck_assert_uint_eq(auxiliary(25, vector), stack.random);    /* RANDOM */
    ck_assert_uint_eq(auxiliary(26, vector), 2);               /* HWCAP2 */
    ck_assert_uint_eq(auxiliary(31, vector), stack.path);      /* EXECFN */
    ck_assert_uint_eq(auxiliary(15, vector), stack.platform);  /* PLATFORM */
    ck_assert_mem_eq(stack.auxiliary_vector, vector, stack.vector_size - 4 * sizeof(uint64_t));
}
END_TEST

START_TEST(headers_that_are_not_loaded_have_no_address)
{
    begin();
    elf.headers_address = 0;
    plan();
    ck_assert_uint_eq(auxiliary(3, words + 3), 0);
}
END_TEST

TEST_MAIN("process/user_stack", strings_are_where_the_pointers_say,
          stack_without_arguments_is_complete, places_are_ordered_and_aligned,
          auxiliary_vector_is_complete,
          auxiliary_vector_begins_with_the_vdso, headers_that_are_not_loaded_have_no_address)
