/* First lines of scripts: what is the interpreter, what its argument, and what is none. */
#include "process/script.h"

#include "harness/test.h"
#include "unit/fs/fs_fixture.h"

static struct script script;

/* What a file that begins like this is. */
static int read_bytes(const char *bytes, size_t size)
{
    struct file *file;
    int result;

    ck_assert_int_eq(open_file("/script", OPEN_READ_WRITE | OPEN_CREATE | OPEN_TRUNCATE, 0755,
                               &file), 0);
    ck_assert_int_eq(file_write_kernel(file, bytes, size, 0), (int64_t)size);
    memset(&script, 0xff, sizeof(script));
    result = script_read(file, &script);
    file_release(file);
    return result;
}

static int read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

static void is_run_by(const char *text, const char *interpreter, const char *argument)
{
    ck_assert_int_eq(read_text(text), 1);
    ck_assert_str_eq(script.interpreter, interpreter);
    ck_assert_pstr_eq(script.argument, argument);
}

START_TEST(lines_are_taken_apart)
{
    fixture_begin();
    is_run_by("#!/bin/sh\necho", "/bin/sh", NULL);
    is_run_by("#!/bin/sh", "/bin/sh", NULL);
    is_run_by("#! \t/bin/sh \t\n", "/bin/sh", NULL);
    is_run_by("#!/bin/sh -x\n", "/bin/sh", "-x");
    is_run_by("#!/bin/env \t a b\tc \nmore", "/bin/env", "a b\tc");
    is_run_by("#!relative\n", "relative", NULL);
    fixture_end();
}
END_TEST

START_TEST(others_are_no_scripts)
{
    fixture_begin();
    ck_assert_int_eq(read_text(""), 0);
    ck_assert_int_eq(read_text("#"), 0);
    ck_assert_int_eq(read_text("!#/bin/sh\n"), 0);
    ck_assert_int_eq(read_text(" #!/bin/sh\n"), 0);
    ck_assert_int_eq(read_bytes("\177ELF", 4), 0);
    ck_assert_int_eq(read_text("#!"), -ENOEXEC);
    ck_assert_int_eq(read_text("#!\n/bin/sh"), -ENOEXEC);
    ck_assert_int_eq(read_text("#! \t \n"), -ENOEXEC);
    fixture_end();
}
END_TEST

START_TEST(a_nul_ends_the_path)
{
    fixture_begin();
    ck_assert_int_eq(read_bytes("#!/bin/sh\0-x\n", 13), 1);
    ck_assert_str_eq(script.interpreter, "/bin/sh");
    ck_assert_ptr_null(script.argument);
    fixture_end();
}
END_TEST

/* A path that may go on behind what is looked at is none; an argument is cut. */
START_TEST(long_lines)
{
    char text[2 * SCRIPT_LINE_SIZE + 1];

    fixture_begin();
    memset(text, 'p', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "#!", 2);
    ck_assert_int_eq(read_text(text), -ENOEXEC);
    text[SCRIPT_LINE_SIZE - 1] = '\n';    /* the last byte that is seen */
    ck_assert_int_eq(read_text(text), 1);
    ck_assert_uint_eq(strlen(script.interpreter), SCRIPT_LINE_SIZE - 3);
    text[SCRIPT_LINE_SIZE - 1] = 'p';
    text[100] = ' ';
    ck_assert_int_eq(read_text(text), 1);
    ck_assert_uint_eq(strlen(script.interpreter), 98);
    ck_assert_uint_eq(strlen(script.argument), SCRIPT_LINE_SIZE - 1 - 101);
    fixture_end();
}
END_TEST

TEST_MAIN("process/script", lines_are_taken_apart, others_are_no_scripts, a_nul_ends_the_path,
          long_lines)
