/* The parser of ELF files: broken program headers and segments, and where programs are put. */
#include "unit/process/elf_fixture.h"

/* ---- Broken program headers ---------------------------------------------------------------- */

START_TEST(bad_header_size_is_refused)
{
    make_program();
    put(AT_HEADER_SIZE, 32, 2);
    expect(ELF_HEADERS_BAD, "32 bytes");
}
END_TEST

START_TEST(no_headers_are_refused)
{
    make_program();
    put(AT_HEADER_COUNT, 0, 2);
    expect(ELF_NO_SEGMENTS, "nothing to load");
}
END_TEST

START_TEST(no_load_segments_are_refused)
{
    struct header none = { .type = TYPE_STACK };

    make_program();
    put_header(0, &none);
    put_header(1, &none);
    expect(ELF_NO_SEGMENTS, "nothing to load");
}
END_TEST

START_TEST(many_headers_are_refused)
{
    make_program();
    put(AT_HEADER_COUNT, 0xffff, 2);
    expect(ELF_HEADERS_MANY, "65535");
}
END_TEST

START_TEST(headers_beyond_the_file_are_refused)
{
    make_program();
    put(AT_HEADERS, FILE_SIZE - 100, 8);
    expect(ELF_HEADERS_CUT, "program headers");
}
END_TEST

START_TEST(headers_that_wrap_are_refused)
{
    make_program();
    put(AT_HEADERS, UINT64_MAX - 10, 8);
    expect(ELF_HEADERS_CUT, "program headers");
}
END_TEST

START_TEST(too_many_segments_are_refused)
{
    make_program();
    put(AT_HEADER_COUNT, ELF_SEGMENTS_MAX + 1, 2);
    for (unsigned i = 0; i <= ELF_SEGMENTS_MAX; i++) {
        const struct header header = { TYPE_LOAD, 6, 0, 0x400000 + i * UINT64_C(0x1000), 0, 0,
                                       0x1000, 0x1000 };

        put_header(i, &header);
    }
    expect(ELF_SEGMENTS_MANY, "more than 64");
}
END_TEST

/* ---- Broken segments ----------------------------------------------------------------------- */

static void break_data(void (*change)(struct header *data))
{
    struct header data = data_header();

    make_program();
    change(&data);
    put_header(1, &data);
}

static void grow_in_file(struct header *data)
{
    data->file_size = data->memory_size + 1;
}

START_TEST(more_in_file_than_in_memory_is_refused)
{
    break_data(grow_in_file);
    expect(ELF_FILE_OVER_MEMORY, "segment 1 is larger in the file");
}
END_TEST

static void shift_offset(struct header *data)
{
    data->offset += 8;
}

START_TEST(misaligned_segment_is_refused)
{
    break_data(shift_offset);
    expect(ELF_MISALIGNED, "offset of segment 1");
}
END_TEST

static void wrap_memory(struct header *data)
{
    data->memory_size = UINT64_MAX - data->address + 1;
}

static void end_in_last_page(struct header *data)
{
    data->memory_size = UINT64_MAX - data->address - 5;
}

START_TEST(wrapping_segments_are_refused)
{
    break_data(wrap_memory);
    expect(ELF_SEGMENT_WRAPS, "segment 1");
    break_data(end_in_last_page);
    expect(ELF_SEGMENT_WRAPS, "segment 1");
}
END_TEST

static void wrap_offset(struct header *data)
{
    data->offset = UINT64_MAX - 0xfff;
}

static void reach_beyond_file(struct header *data)
{
    data->file_size = 0x1001;
}

START_TEST(segments_beyond_the_file_are_refused)
{
    break_data(wrap_offset);
    expect(ELF_SEGMENT_CUT, "segment 1");
    break_data(reach_beyond_file);
    expect(ELF_SEGMENT_CUT, "segment 1");
}
END_TEST

static void overlap_by_a_byte(struct header *data)
{
    data->address = 0x4017ff;
    data->offset = 0x17ff;
}

static void enclose(struct header *data)
{
    data->address = 0x3ff000;
    data->offset = 0x1000;
    data->memory_size = 0x10000;
}

START_TEST(overlaps_are_refused)
{
    break_data(overlap_by_a_byte);
    expect(ELF_OVERLAP, "overlaps");
    break_data(enclose);
    expect(ELF_OVERLAP, "overlaps");
}
END_TEST

static void move_low(struct header *data)
{
    data->address = 0x2000;
}

static void move_high(struct header *data)
{
    data->address = UINT64_C(0x7fffffffe000);
}

static void move_to_kernel(struct header *data)
{
    data->address = UINT64_C(0xffffffff80002000);
}

START_TEST(addresses_outside_are_refused)
{
    break_data(move_low);
    expect(ELF_OUTSIDE, "0x2000");
    break_data(move_high);
    expect(ELF_OUTSIDE, "0x7fffffffe000");
    break_data(move_to_kernel);
    expect(ELF_OUTSIDE, "0xffffffff80002000");
}
END_TEST

START_TEST(segments_must_lie_in_one_range)
{
    static const struct machine_range ranges[] = { { 0x10000, 0x403000 }, { 0x403000, 0x500000 } };
    const struct elf_space space = { ranges, 2, 0x10000 };

    make_program();
    ck_assert_int_eq(parse_in(&space), ELF_OUTSIDE);
}
END_TEST

START_TEST(entry_outside_is_refused)
{
    make_program();
    put(AT_ENTRY, 0x401800, 8);
    expect(ELF_ENTRY_OUTSIDE, "0x401800");
}
END_TEST

/* ---- Position-independent programs --------------------------------------------------------- */

static void make_independent(void)
{
    struct header text = text_header();
    struct header data = data_header();

    make_program();
    put(AT_TYPE, 3, 2);
    put(AT_ENTRY, 0x100, 8);
    text.address = 0;
    data.address = 0x2000;
    put_header(0, &text);
    put_header(1, &data);
}

START_TEST(bias_is_fixed_and_inside)
{
    uint64_t bias, again;

    make_independent();
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert(image.position_independent);
    ck_assert(elf_choose_bias(&image, &whole_space, &bias));
    ck_assert(elf_choose_bias(&image, &whole_space, &again));
    ck_assert_uint_eq(bias, again);
    ck_assert_uint_eq(bias % 0x1000, 0);
    ck_assert_uint_ge(image.low + bias, user_range.start);
    ck_assert_uint_le(image.high + bias, user_range.end / 4 * 3);
}
END_TEST

START_TEST(bias_keeps_the_alignment)
{
    struct header text = text_header();
    uint64_t bias;

    make_independent();
    text.address = 0;
    text.alignment = 0x200000;
    put_header(0, &text);
    ck_assert_int_eq(parse(), ELF_FINE);
    ck_assert(elf_choose_bias(&image, &whole_space, &bias));
    ck_assert_uint_eq(bias % 0x200000, 0);
}
END_TEST

START_TEST(independent_program_must_fit)
{
    static const struct machine_range small = { 0x10000, 0x14000 };
    const struct elf_space space = { &small, 1, 0x10000 };

    make_independent();
    ck_assert_int_eq(parse_in(&space), ELF_OUTSIDE);
}
END_TEST

START_TEST(huge_alignment_is_refused)
{
    struct header text = text_header();

    make_independent();
    text.address = 0;
    text.alignment = UINT64_C(1) << 63;
    put_header(0, &text);
    expect(ELF_OUTSIDE, "cannot be loaded");
}
END_TEST

TEST_MAIN("process/elf_segments", bad_header_size_is_refused, no_headers_are_refused,
          no_load_segments_are_refused, many_headers_are_refused,
          headers_beyond_the_file_are_refused, headers_that_wrap_are_refused,
          too_many_segments_are_refused, more_in_file_than_in_memory_is_refused,
          misaligned_segment_is_refused, wrapping_segments_are_refused,
          segments_beyond_the_file_are_refused, overlaps_are_refused,
          addresses_outside_are_refused, segments_must_lie_in_one_range,
          entry_outside_is_refused, bias_is_fixed_and_inside, bias_keeps_the_alignment,
          independent_program_must_fit, huge_alignment_is_refused)
