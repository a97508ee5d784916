#pragma once
/*
 * For tests of the ELF parser: a good program, made in memory, that a test breaks in one place; and
 * ways to say what must come of it.
 */
#include <errno.h>
#include <string.h>

#include "harness/test.h"
#include "process/elf.h"

#define FILE_SIZE 0x3000
#define HEADERS_MAX 80
#define HEADER_SIZE 56

/* Places in the ELF header. */
#define AT_CLASS 4
#define AT_DATA 5
#define AT_VERSION 6
#define AT_TYPE 16
#define AT_MACHINE 18
#define AT_ENTRY 24
#define AT_HEADERS 32
#define AT_HEADER_SIZE 54
#define AT_HEADER_COUNT 56

enum { TYPE_LOAD = 1, TYPE_DYNAMIC = 2, TYPE_INTERPRETER = 3, TYPE_STACK = 0x6474e551 };

struct header {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_size, memory_size, alignment;
};

static struct {
    uint8_t bytes[FILE_SIZE + HEADERS_MAX * HEADER_SIZE];
    uint64_t size;
    int read_error;
} file;

static const struct machine_range user_range = { 0x10000, UINT64_C(0x7ffffffff000) };
static const struct elf_space whole_space = {
    .ranges = &user_range,
    .range_count = 1,
    .minimum_address = 0x10000,
};

static struct elf_image image;
static struct elf_problem problem;

static int64_t read_file(void *context, void *buffer, size_t size, uint64_t offset)
{
    (void)context;
    if (file.read_error)
        return file.read_error;
    if (offset >= file.size)
        return 0;
    if (size > file.size - offset)
        size = (size_t)(file.size - offset);
    memcpy(buffer, file.bytes + offset, size);
    return (int64_t)size;
}

static void put(size_t offset, uint64_t value, size_t size)
{
    memcpy(file.bytes + offset, &value, size);
}

static void put_header(unsigned index, const struct header *header)
{
    memcpy(file.bytes + 64 + index * HEADER_SIZE, header, sizeof(*header));
}

__attribute__((unused)) static struct header text_header(void)
{
    return (struct header){ TYPE_LOAD, 5, 0, 0x400000, 0x400000, 0x1800, 0x1800, 0x1000 };
}

__attribute__((unused)) static struct header data_header(void)
{
    return (struct header){ TYPE_LOAD, 6, 0x2000, 0x402000, 0x402000, 0x400, 0x2100, 0x1000 };
}

/* Text at 0x400000, data with .bss at 0x402000, entry at 0x400100. */
static void make_program(void)
{
    static const uint8_t ident[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, 0 };
    const struct header text = text_header();
    const struct header data = data_header();

    memset(&file, 0, sizeof(file));
    file.size = FILE_SIZE;
    memcpy(file.bytes, ident, sizeof(ident));
    put(AT_TYPE, 2, 2);
    put(AT_MACHINE, 62, 2);
    put(20, 1, 4);
    put(AT_ENTRY, 0x400100, 8);
    put(AT_HEADERS, 64, 8);
    put(52, 64, 2);
    put(AT_HEADER_SIZE, HEADER_SIZE, 2);
    put(AT_HEADER_COUNT, 2, 2);
    put_header(0, &text);
    put_header(1, &data);
}

static enum elf_fault parse_in(const struct elf_space *space)
{
    const struct elf_source source = { .read = read_file, .size = file.size };
    enum elf_fault fault = elf_parse(&source, space, &image, &problem);

    ck_assert_int_eq(fault, problem.fault);
    return fault;
}

__attribute__((unused)) static enum elf_fault parse(void)
{
    return parse_in(&whole_space);
}

/* The program is refused for this reason, and the line about it holds this text. */
__attribute__((unused)) static void expect(enum elf_fault fault, const char *text)
{
    char line[160];

    ck_assert_int_eq(parse(), fault);
    elf_describe(&problem, line, sizeof(line));
    ck_assert_msg(strstr(line, text) != NULL, "\"%s\" says nothing of \"%s\"", line, text);
    ck_assert_ptr_null(strchr(line, '\n'));
    ck_assert_int_eq(elf_error(&problem), fault == ELF_UNREADABLE ? file.read_error : -ENOEXEC);
}
