/* Code in words: by the file that is mapped, by the kernel's own, by the program's space. */
#include "process/describe.h"

#include "../fs/fs_fixture.h"
#include "harness/test.h"
#include "memory/memory_object.h"
#include "process/process_internal.h"

#define PROGRAM_PLACE UINT64_C(0x10000000)
#define LIBRARY_PLACE UINT64_C(0x20000000)
#define ANONYMOUS_PLACE UINT64_C(0x30000000)
#define SIZE (4 * 4096)
#define OFFSET 4096

static struct process process;
static struct abi abi;
static struct file *program, *library;
static struct memory_object *object;

static size_t describe_file(const char *path, uint64_t offset, char *text, size_t size)
{
    return (size_t)snprintf(text, size, "<%s %#llx>", path, (unsigned long long)offset);
}

static size_t describe_space(physical_address space_root, uint64_t address, char *text, size_t size)
{
    ck_assert_uint_eq(space_root, address_space_root(process.space));
    return (size_t)snprintf(text, size, "space %#llx", (unsigned long long)address);
}

static size_t describe_by_abi(const struct process *whose, user_address address, char *text,
                              size_t size)
{
    ck_assert_ptr_eq(whose, &process);
    return (size_t)snprintf(text, size, "kernel's %#llx", (unsigned long long)address);
}

static struct file *make_mapped(const char *path, user_address place)
{
    struct map_request request = {
        .address = place, .length = SIZE, .protection = PROTECTION_READ, .flags = MAP_AT_ADDRESS,
        .object = object, .object_offset = OFFSET,
    };
    user_address address;

    ck_assert_int_eq(open_file(path, OPEN_READ | OPEN_CREATE, 0755, &request.file), 0);
    ck_assert_int_eq(address_space_map(process.space, &request, &address), 0);
    return request.file;
}

static void begin(void)
{
    const struct map_request anonymous = {
        .address = ANONYMOUS_PLACE, .length = SIZE, .protection = PROTECTION_READ,
        .flags = MAP_AT_ADDRESS,
    };
    user_address address;

    fixture_begin();
    abi = (struct abi){ .name = "test" };
    process = (struct process){ .abi = &abi };
    ck_assert_int_eq(address_space_create(&process.space), 0);
    ck_assert_int_eq(memory_object_create_anonymous(OFFSET + SIZE, &object), 0);
    program = make_mapped("/program", PROGRAM_PLACE);
    library = make_mapped("/some.so", LIBRARY_PLACE);
    process.executable = program;
    ck_assert_int_eq(address_space_map(process.space, &anonymous, &address), 0);
}

static void end(void)
{
    address_space_release(process.space);
    memory_object_release(object);
    file_release(program);
    file_release(library);
    fixture_end();
}

/* Both ways say the same. */
static void is_called(user_address address, const char *text, const char *from)
{
    struct code_description description;

    process_describe_code(&process, address, &description);
    ck_assert_str_eq(description.text, text);
    ck_assert_str_eq(description.of_library, from);
    process_describe_code_at_rest(&process, address, &description);
    ck_assert_str_eq(description.text, text);
    ck_assert_str_eq(description.of_library, from);
}

START_TEST(files_are_asked_for_first)
{
    begin();
    fake_machine.describe_file = describe_file;
    fake_machine.describe = describe_space;
    abi.describe_address = describe_by_abi;
    is_called(PROGRAM_PLACE + 0x123, "</program 0x1123>", "");
    is_called(LIBRARY_PLACE + 0x3fff, "</some.so 0x4fff>", "some.so");
    end();
}
END_TEST

START_TEST(without_symbols_the_file_is_named)
{
    begin();
    is_called(PROGRAM_PLACE, "program+0x1000", "");
    is_called(LIBRARY_PLACE + 1, "some.so+0x1001", "some.so");
    end();
}
END_TEST

START_TEST(what_has_no_file_is_the_kernels_or_the_programs)
{
    begin();
    fake_machine.describe_file = describe_file;
    is_called(ANONYMOUS_PLACE, "", "");
    is_called(ANONYMOUS_PLACE + SIZE, "", "");
    fake_machine.describe = describe_space;
    is_called(ANONYMOUS_PLACE + 4, "space 0x30000004", "");
    abi.describe_address = describe_by_abi;
    is_called(ANONYMOUS_PLACE + 5, "kernel's 0x30000005", "");
    end();
}
END_TEST

/* A report that comes while the space is being changed neither waits nor looks into it. */
START_TEST(a_space_that_is_being_changed_is_left_alone)
{
    struct code_description description;

    begin();
    fake_machine.describe_file = describe_file;
    mutex_lock(&process.space->lock);
    process_describe_code_at_rest(&process, LIBRARY_PLACE, &description);
    ck_assert_str_eq(description.text, "");
    mutex_unlock(&process.space->lock);
    process_describe_code_at_rest(&process, LIBRARY_PLACE, &description);
    ck_assert_str_eq(description.text, "</some.so 0x1000>");
    end();
}
END_TEST

TEST_MAIN("process/describe", files_are_asked_for_first, without_symbols_the_file_is_named,
          what_has_no_file_is_the_kernels_or_the_programs,
          a_space_that_is_being_changed_is_left_alone)
