/*
 * The parser of ELF files: what is taken, and every kind of file that is not a program for us.
 * Each must be refused for its own reason, and described in one line that says so.
 */
#include "process/elf.h"

#include "unit/process/elf_fixture.h"

/* ---- What is fine -------------------------------------------------------------------------- */

START_TEST(good_program_is_taken)
{
    make_program();
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert_int_eq(elf_error(&problem), 0);
    ck_assert(!image.position_independent);
    ck_assert(!image.stack_executable);
    ck_assert_uint_eq(image.entry, 0x400100);
    ck_assert_uint_eq(image.headers_address, 0x400040);
    ck_assert_uint_eq(image.header_count, 2);
    ck_assert_uint_eq(image.segment_count, 2);
    ck_assert_uint_eq(image.low, 0x400000);
    ck_assert_uint_eq(image.high, 0x405000);
    ck_assert_uint_eq(image.segments[0].protection, 5);
    ck_assert_uint_eq(image.segments[1].protection, 3);
    ck_assert_uint_eq(image.segments[1].memory_size, 0x2100);
}
END_TEST

START_TEST(segments_are_sorted_by_address)
{
    const struct header text = text_header();
    const struct header data = data_header();

    make_program();
    put_header(0, &data);
    put_header(1, &text);
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert_uint_eq(image.segments[0].address, 0x400000);
    ck_assert_uint_eq(image.segments[1].address, 0x402000);
}
END_TEST

START_TEST(empty_segments_are_skipped)
{
    struct header data = data_header();

    make_program();
    data.file_size = data.memory_size = 0;
    put_header(1, &data);
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert_uint_eq(image.segment_count, 1);
}
END_TEST

START_TEST(pure_bss_needs_no_congruence)
{
    struct header data = data_header();

    make_program();
    data.file_size = 0;
    data.offset = 0x123;
    put_header(1, &data);
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert_uint_eq(image.segments[1].file_size, 0);
}
END_TEST

START_TEST(segments_may_share_a_page)
{
    struct header data = data_header();

    make_program();
    data.offset = 0x1900;
    data.address = 0x401900;
    put_header(1, &data);
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert_uint_eq(image.segment_count, 2);
}
END_TEST

START_TEST(gnu_stack_decides_about_execution)
{
    struct header stack = { .type = TYPE_STACK, .flags = 6 };

    make_program();
    put(AT_HEADER_COUNT, 3, 2);
    put_header(2, &stack);
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert(!image.stack_executable);
    stack.flags = 7;
    put_header(2, &stack);
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert(image.stack_executable);
}
END_TEST

START_TEST(unknown_headers_are_ignored)
{
    const struct header unknown = { 0x6474e553, 4, UINT64_MAX, UINT64_MAX, 0, UINT64_MAX,
                                    UINT64_MAX, 3 };

    make_program();
    put(AT_HEADER_COUNT, 3, 2);
    put_header(2, &unknown);
    ck_assert_int_eq(parse(), ELF_FINE);
}
END_TEST

START_TEST(odd_alignment_is_ignored)
{
    struct header text = text_header();

    make_program();
    text.alignment = 0x1001;
    put_header(0, &text);
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert_uint_eq(image.alignment, 0x1000);
}
END_TEST

/* ---- Not a program at all ------------------------------------------------------------------ */

START_TEST(empty_file_is_refused)
{
    make_program();
    file.size = 0;
    expect(ELF_EMPTY, "is empty");
}
END_TEST

START_TEST(unreadable_file_is_refused)
{
    make_program();
    file.read_error = -EIO;
    expect(ELF_UNREADABLE, "cannot be read");
}
END_TEST

START_TEST(script_is_refused)
{
    make_program();
    memcpy(file.bytes, "#!/bin/sh\n", 10);
    expect(ELF_SCRIPT, "#!");
}
END_TEST

START_TEST(short_script_is_refused)
{
    make_program();
    memcpy(file.bytes, "#!", 2);
    file.size = 2;
    expect(ELF_SCRIPT, "script");
}
END_TEST

START_TEST(text_is_refused)
{
    make_program();
    memset(file.bytes, 'x', 200);
    expect(ELF_TEXT, "text");
}
END_TEST

START_TEST(other_bytes_are_refused)
{
    make_program();
    file.bytes[0] = 0x80;
    expect(ELF_NOT_ELF, "not an ELF program");
}
END_TEST

START_TEST(every_cut_is_refused)
{
    for (uint64_t size = 1; size < 0x2400; size++) {
        make_program();
        file.size = size;

        enum elf_fault wanted = size < 64                      ? ELF_HEADER_CUT
                                : size < 64 + 2 * HEADER_SIZE ? ELF_HEADERS_CUT
                                                               : ELF_SEGMENT_CUT;

        expect(wanted, "cut short");
    }
    file.size = 0x2400;
    ck_assert_int_eq(parse(), ELF_FINE);
}
END_TEST

/* ---- Programs for others ------------------------------------------------------------------- */

START_TEST(program_of_32_bits_is_refused)
{
    make_program();
    file.bytes[AT_CLASS] = 1;
    put(AT_MACHINE, 3, 2);
    expect(ELF_CLASS_32, "is a 32-bit program; Eft runs 64-bit x86 programs only");
}
END_TEST

START_TEST(arm_program_of_32_bits_is_refused)
{
    make_program();
    file.bytes[AT_CLASS] = 1;
    put(AT_MACHINE, 40, 2);
    expect(ELF_CLASS_32, "32-bit program for ARM");
}
END_TEST

START_TEST(bad_class_is_refused)
{
    make_program();
    file.bytes[AT_CLASS] = 3;
    expect(ELF_CLASS_BAD, "class is 3");
}
END_TEST

START_TEST(big_endian_program_is_refused)
{
    make_program();
    file.bytes[AT_DATA] = 2;
    expect(ELF_BIG_ENDIAN, "big-endian");
}
END_TEST

START_TEST(bad_byte_order_is_refused)
{
    make_program();
    file.bytes[AT_DATA] = 0;
    expect(ELF_DATA_BAD, "byte order");
}
END_TEST

START_TEST(bad_version_is_refused)
{
    make_program();
    file.bytes[AT_VERSION] = 0;
    expect(ELF_VERSION_BAD, "version is 0");
}
END_TEST

START_TEST(other_machines_are_named)
{
    static const struct {
        uint16_t number;
        const char *name;
    } machines[] = { { 40, "ARM" }, { 183, "AArch64" }, { 243, "RISC-V" }, { 9999, "9999" } };

    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        make_program();
        put(AT_MACHINE, machines[i].number, 2);
        expect(ELF_MACHINE_OTHER, machines[i].name);
    }
}
END_TEST

START_TEST(object_file_is_refused)
{
    make_program();
    put(AT_TYPE, 1, 2);
    expect(ELF_RELOCATABLE, "not been linked");
}
END_TEST

START_TEST(core_dump_is_refused)
{
    make_program();
    put(AT_TYPE, 4, 2);
    expect(ELF_CORE, "core dump");
}
END_TEST

START_TEST(unknown_type_is_refused)
{
    make_program();
    put(AT_TYPE, 0xfe00, 2);
    expect(ELF_TYPE_BAD, "type");
}
END_TEST

START_TEST(shared_library_is_refused)
{
    make_program();
    put(AT_TYPE, 3, 2);
    put(AT_ENTRY, 0, 8);
    expect(ELF_SHARED_LIBRARY, "shared library");
}
END_TEST

START_TEST(interpreter_is_found)
{
    const struct header interpreter = { TYPE_INTERPRETER, 4, 0x2800, 0, 0, 28, 28, 1 };

    make_program();
    put(AT_HEADER_COUNT, 3, 2);
    put_header(2, &interpreter);
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert_uint_eq(image.interpreter, 0x2800);
    ck_assert_uint_eq(image.interpreter_size, 28);
}
END_TEST

START_TEST(interpreter_without_a_name_is_refused)
{
    struct header interpreter = { TYPE_INTERPRETER, 4, 0x2000, 0, 0, 1, 1, 1 };

    make_program();
    put(AT_HEADER_COUNT, 3, 2);
    put_header(2, &interpreter);
    expect(ELF_INTERPRETER_NAME, "no proper name");
    interpreter.file_size = interpreter.memory_size = PATH_MAX + 1;
    put_header(2, &interpreter);
    ck_assert_int_ne(parse(), ELF_FINE);
}
END_TEST

START_TEST(interpreter_name_is_harmless)
{
    char name[300], line[320];

    memset(name, '\n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    problem = (struct elf_problem){ .fault = ELF_NO_INTERPRETER };
    elf_describe_interpreter(&problem, name, line, sizeof(line));
    ck_assert_ptr_nonnull(strstr(line, "its interpreter ????"));
    ck_assert_ptr_null(strchr(line, '\n'));
    ck_assert_ptr_nonnull(strstr(line, "--root=/"));
}
END_TEST

START_TEST(interpreter_beyond_the_file_is_refused)
{
    const struct header interpreter = { TYPE_INTERPRETER, 4, UINT64_MAX - 3, 0, 0, 28, 28, 1 };

    make_program();
    put(AT_HEADER_COUNT, 3, 2);
    put_header(2, &interpreter);
    expect(ELF_SEGMENT_CUT, "segment 2");
}
END_TEST

START_TEST(every_fault_has_a_text)
{
    char line[160];

    for (int fault = ELF_UNREADABLE; fault < ELF_FAULTS; fault++) {
        problem = (struct elf_problem){ .fault = (enum elf_fault)fault, .error = -EIO };
        elf_describe(&problem, line, sizeof(line));
        ck_assert_str_ne(line, "is fine");
    }
}
END_TEST

TEST_MAIN("process/elf", good_program_is_taken, segments_are_sorted_by_address,
          empty_segments_are_skipped, pure_bss_needs_no_congruence, segments_may_share_a_page,
          gnu_stack_decides_about_execution, unknown_headers_are_ignored,
          odd_alignment_is_ignored, empty_file_is_refused, unreadable_file_is_refused,
          script_is_refused, short_script_is_refused, text_is_refused, other_bytes_are_refused,
          every_cut_is_refused, program_of_32_bits_is_refused, arm_program_of_32_bits_is_refused,
          bad_class_is_refused, big_endian_program_is_refused, bad_byte_order_is_refused,
          bad_version_is_refused, other_machines_are_named, object_file_is_refused,
          core_dump_is_refused, unknown_type_is_refused, shared_library_is_refused,
          interpreter_is_found, interpreter_without_a_name_is_refused, interpreter_name_is_harmless,
          interpreter_beyond_the_file_is_refused, every_fault_has_a_text)
