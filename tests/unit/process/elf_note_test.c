/*
 * The note of programs that count their basic blocks: found where it is, and never trusted.
 */
#include "process/elf.h"

#include <string.h>

#include "harness/test.h"
#include "lib/container.h"

#define FILE_SIZE 4096

static unsigned char bytes[FILE_SIZE];
static size_t length;

static int64_t read_bytes(void *context, void *buffer, size_t size, uint64_t offset)
{
    (void)context;
    if (offset >= length)
        return 0;

    size_t there = length - offset < size ? length - (size_t)offset : size;

    memcpy(buffer, bytes + offset, there);
    return (int64_t)there;
}

static void add(const void *data, size_t size)
{
    memcpy(bytes + length, data, size);
    length += (size + 3) & ~(size_t)3;
}

static void add_note(const char *name, uint32_t type, const void *content, uint32_t size)
{
    const uint32_t header[3] = { (uint32_t)strlen(name) + 1, size, type };

    add(header, sizeof(header));
    add(name, strlen(name) + 1);
    add(content, size);
}

static void begin(void)
{
    memset(bytes, 0, sizeof(bytes));
    length = 0;
}

static uint64_t find(void)
{
    const struct elf_source source = { .read = read_bytes, .size = length };

    return elf_note_budget(&source, 0, length);
}

static const uint64_t word = 0x4a7000;

START_TEST(the_note_names_the_word)
{
    begin();
    add_note("Eft", 1, &word, sizeof(word));
    ck_assert_uint_eq(find(), word);
}
END_TEST

START_TEST(it_may_stand_behind_others)
{
    static const char build_id[20] = "something";

    begin();
    add_note("GNU", 3, build_id, sizeof(build_id));
    add_note("Eft", 2, &word, sizeof(word));
    add_note("Eft", 1, &word, sizeof(word));
    ck_assert_uint_eq(find(), word);
}
END_TEST

START_TEST(other_notes_say_nothing)
{
    static const uint64_t odd = 0x4a7001;

    begin();
    ck_assert_uint_eq(find(), 0);
    add_note("GNU", 1, &word, sizeof(word));
    add_note("Eft", 7, &word, sizeof(word));
    add_note("Eft", 1, &word, 4);
    add_note("Eft", 1, &odd, sizeof(odd));
    ck_assert_uint_eq(find(), 0);
}
END_TEST

START_TEST(lengths_that_lie_are_no_harm)
{
    for (size_t cut = 0; cut < 24; cut++) {
        begin();
        add_note("Eft", 1, &word, sizeof(word));
        length = cut;
        ck_assert_uint_eq(find(), 0);
    }
    for (unsigned field = 0; field < 2; field++) {
        static const uint32_t lies[] = { 0x7fffffff, 0xffffffff, 0xfffffffd, 5, 0 };

        for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
            begin();
            add_note("Eft", 1, &word, sizeof(word));
            memcpy(bytes + field * 4, &lies[i], 4);
            ck_assert_uint_eq(find(), 0);
        }
    }
}
END_TEST

START_TEST(segments_outside_the_file_are_not_read)
{
    begin();
    add_note("Eft", 1, &word, sizeof(word));

    const struct elf_source source = { .read = read_bytes, .size = length };

    ck_assert_uint_eq(elf_note_budget(&source, 8, length), 0);
    ck_assert_uint_eq(elf_note_budget(&source, UINT64_MAX - 4, 16), 0);
    ck_assert_uint_eq(elf_note_budget(&source, 0, UINT64_MAX), 0);
}
END_TEST

TEST_MAIN("process/elf_note", the_note_names_the_word, it_may_stand_behind_others,
          other_notes_say_nothing, lengths_that_lie_are_no_harm,
          segments_outside_the_file_are_not_read)
