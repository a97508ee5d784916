/* Read, Write, Open, Close: characters from the console, numbers of files, hostile arguments. */
#include "unit/abi/teaching/teaching_fixture.h"

#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/inode.h"

#define BUFFER FIXTURE_DATA

/* ---- A console whose input a test supplies ------------------------------------------------- */

static const char *input;        /* what is still to be read; "~": nothing now */
static char output[64];
static size_t output_size;

static int64_t fake_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)file;
    (void)position;
    ck_assert(buffer->may_not_wait);
    if (*input == '~') {
        input++;
        return -EAGAIN;
    }
    return *input ? io_buffer_put(buffer, input++, 1) : 0;
}

static int64_t fake_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)file;
    (void)position;

    int64_t size = io_buffer_get(buffer, output + output_size, sizeof(output) - output_size);

    output_size += size > 0 ? (size_t)size : 0;
    return size;
}

static const struct file_operations fake_operations = { .read = fake_read, .write = fake_write };

static void open_console(void)
{
    const struct inode_kind kind = { .file_operations = &fake_operations };
    const struct inode_request node = { .mode = MODE_CHARACTER | 0600u };
    struct file_request request = {
        .operations = &fake_operations, .flags = OPEN_READ_WRITE, .is_stream = true,
    };
    struct file *file;

    filesystem_init_anonymous();
    ck_assert_int_eq(inode_create(filesystem_anonymous(), &kind, &node, &request.inode), 0);
    for (int fd = 0; fd < 3; fd++) {
        ck_assert_int_eq(file_create(&request, &file), 0);
        ck_assert_int_eq(file_table_replace(current_files(), fd, file, false, 256), 0);
    }
    inode_release(request.inode);
}

/* What one Read gives, as text. */
static const char *read_text(void)
{
    static char text[8];
    int64_t size = teaching_read(0, BUFFER, 4);

    memset(text, 0, sizeof(text));
    ck_assert_int_ge(size, 0);
    ck_assert_int_le(size, 4);
    ck_assert_int_eq(user_copy_in(current_space(), text, BUFFER, (size_t)size), 0);
    return text;
}

/* ---- Characters ---------------------------------------------------------------------------- */

static void read_characters(void)
{
    open_console();
    input = "a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x90\x9fz";
    ck_assert_str_eq(read_text(), "a");
    ck_assert_str_eq(read_text(), "\xc3\xa9");
    ck_assert_str_eq(read_text(), "\xe4\xb8\xad");
    ck_assert_str_eq(read_text(), "\xf0\x9f\x90\x9f");
    ck_assert_str_eq(read_text(), "z");
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(read_text(), "\x04");    /* the end, again and again */
}

START_TEST(read_gives_one_character)
{
    teaching_run(read_characters);
}
END_TEST

static void read_what_comes_slowly(void)
{
    open_console();
    input = "~~\xe4~~\xb8~~\xad" "b";
    ck_assert_str_eq(read_text(), "");
    ck_assert_str_eq(read_text(), "");
    ck_assert_str_eq(read_text(), "");
    ck_assert_str_eq(read_text(), "\xe4\xb8\xad");
    ck_assert_str_eq(read_text(), "b");
}

START_TEST(read_keeps_the_begin_of_a_character)
{
    teaching_run(read_what_comes_slowly);
}
END_TEST

static void read_broken_characters(void)
{
    static const char replacement[] = "\xef\xbf\xbd";

    open_console();
    input = "\x80" "\xff" "\xc3" "a" "\xe0\x80" "b" "\xe4\xc3\xa9" "\xf0\x9f";
    ck_assert_str_eq(read_text(), replacement);    /* 80 */
    ck_assert_str_eq(read_text(), replacement);    /* ff */
    ck_assert_str_eq(read_text(), replacement);    /* c3 */
    ck_assert_str_eq(read_text(), "a");
    ck_assert_str_eq(read_text(), replacement);    /* e0, which 80 may not follow */
    ck_assert_str_eq(read_text(), "b");
    ck_assert_str_eq(read_text(), replacement);    /* e4 */
    ck_assert_str_eq(read_text(), "\xc3\xa9");
    ck_assert_str_eq(read_text(), replacement);    /* cut by the end */
    ck_assert_str_eq(read_text(), "\x04");
}

START_TEST(read_replaces_what_makes_no_sense)
{
    teaching_run(read_broken_characters);
}
END_TEST

static void read_badly(void)
{
    open_console();
    input = "abc";
    ck_assert_int_eq(teaching_read(0, BUFFER, 3), -1);
    ck_assert_int_eq(teaching_read(0, BUFFER, 0), -1);
    ck_assert_int_eq(teaching_read(0, 0, 4), -1);
    ck_assert_int_eq(teaching_read(0, UINT64_MAX - 1, UINT64_MAX), -1);
    ck_assert_int_eq(teaching_read(1, BUFFER, 4), 0);
    ck_assert_int_eq(teaching_read(3, BUFFER, 4), -1);
    ck_assert_int_eq(teaching_read(255, BUFFER, 4), -1);
}

START_TEST(read_refuses)
{
    teaching_run(read_badly);
}
END_TEST

static void write_and_fail(void)
{
    open_console();
    ck_assert_int_eq(user_copy_out(current_space(), BUFFER, "hello", 5), 0);
    ck_assert_int_eq(teaching_write(1, BUFFER, 5), 5);
    ck_assert_int_eq(teaching_write(2, BUFFER, 1), 1);
    ck_assert_int_eq(teaching_write(0, BUFFER, 5), 0);
    ck_assert_int_eq(teaching_write(1, BUFFER, 0), 0);
    ck_assert_int_eq(teaching_write(1, 0, 5), -1);
    ck_assert_int_eq(teaching_write(1, BUFFER, UINT64_MAX), -1);
    ck_assert_int_eq(teaching_write(1, UINT64_MAX, 2), -1);
    ck_assert_int_eq(teaching_write(9, BUFFER, 5), -1);
    ck_assert_str_eq(output, "helloh");
}

START_TEST(write_takes_all_or_refuses)
{
    teaching_run(write_and_fail);
}
END_TEST

TEST_MAIN("abi/teaching/sys_file", read_gives_one_character, read_keeps_the_begin_of_a_character,
          read_replaces_what_makes_no_sense, read_refuses, write_takes_all_or_refuses)
