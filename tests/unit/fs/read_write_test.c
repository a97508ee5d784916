/* Tests of reading and writing: limits of sizes and offsets, positions, appending, copies. */
#include "fs/read_write.h"

#include "harness/test.h"
#include "lib/checked.h"
#include "unit/fs/fs_fixture.h"

static struct file *open_with(const char *text, uint32_t flags)
{
    struct file *file;

    ck_assert_int_eq(open_file(text, flags, 0644, &file), 0);
    return file;
}

static int64_t move(struct file *file, bool out, void *bytes, size_t size, uint64_t limit)
{
    struct io_segment segment = { (uint64_t)(uintptr_t)bytes, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return out ? file_write(file, &buffer, limit) : file_read(file, &buffer);
}

static int64_t write_text(struct file *file, const char *text)
{
    char copy[64];

    strcpy(copy, text);
    return move(file, true, copy, strlen(text), UINT64_MAX);
}

static void check_contents(const char *name, const char *expected)
{
    char text[128] = "";
    struct file *file = open_with(name, OPEN_READ);

    ck_assert_int_eq(move(file, false, text, sizeof(text) - 1, 0), (int64_t)strlen(expected));
    ck_assert_str_eq(text, expected);
    file_release(file);
}

START_TEST(file_access_mode_is_heeded)
{
    char bytes[4] = "abc";

    fixture_begin();
    make_file("/f", "contents");
    struct file *reader = open_with("/f", OPEN_READ);
    struct file *writer = open_with("/f", OPEN_WRITE);
    struct file *neither = open_with("/f", OPEN_PATH);
    struct file *directory = open_with("/", OPEN_READ | OPEN_DIRECTORY);

    ck_assert_int_eq(move(reader, true, bytes, 3, UINT64_MAX), -EBADF);
    ck_assert_int_eq(move(writer, false, bytes, 3, 0), -EBADF);
    ck_assert_int_eq(move(neither, false, bytes, 3, 0), -EBADF);
    ck_assert_int_eq(move(directory, false, bytes, 3, 0), -EISDIR);
    ck_assert_int_eq(file_seek(neither, 0, SEEK_FROM_START), -EBADF);
    ck_assert_int_eq(file_truncate(neither, 0, UINT64_MAX), -EBADF);
    ck_assert_int_eq(file_truncate(reader, 0, UINT64_MAX), -EINVAL);
    ck_assert_int_eq(file_sync(neither), -EBADF);
    ck_assert_int_eq(file_sync(reader), 0);
    ck_assert_int_eq(file_read_directory(reader, NULL, NULL), -ENOTDIR);
    ck_assert_int_eq(file_read_directory(neither, NULL, NULL), -EBADF);
    file_release(reader);
    file_release(writer);
    file_release(neither);
    file_release(directory);
    fixture_end();
}
END_TEST

START_TEST(file_size_limit_cuts_and_refuses)
{
    char bytes[10] = "123456789";

    fixture_begin();
    struct file *file = open_with("/f", OPEN_READ_WRITE | OPEN_CREATE);

    ck_assert_int_eq(move(file, true, bytes, 10, 6), 6);
    ck_assert_int_eq(move(file, true, bytes, 10, 6), -EFBIG);
    ck_assert_int_eq(move(file, true, bytes, 0, 6), 0);
    ck_assert_int_eq(file_truncate(file, 7, 6), -EFBIG);
    ck_assert_int_eq(file_truncate(file, 6, 5), 0);    /* does not grow */
    ck_assert_int_eq(file_truncate(file, 2, 0), 0);
    file_release(file);
    fixture_end();
}
END_TEST

START_TEST(file_offsets_reach_to_the_end_of_the_world)
{
    char byte = 'x';
    uint64_t last = FILE_SIZE_MAX;

    fixture_begin();
    struct file *file = open_with("/f", OPEN_READ_WRITE | OPEN_CREATE);

    ck_assert_int_eq(file_write_kernel(file, &byte, 1, last - 1), 1);
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, last - 1), 1);
    ck_assert_int_eq(file_write_kernel(file, &byte, 1, last), -EINVAL);
    ck_assert_int_eq(file_write_kernel(file, &byte, 0, last), 0);
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, last), -EINVAL);
    ck_assert_int_eq(file_write_kernel(file, &byte, 1, last + 1), -EINVAL);
    ck_assert_int_eq(file_seek(file, 0, SEEK_FROM_END), (int64_t)last);
    ck_assert_int_eq(file_seek(file, 1, SEEK_FROM_END), -EINVAL);
    ck_assert_int_eq(file_seek(file, 1, SEEK_FROM_CURRENT), -EINVAL);
    ck_assert_int_eq(file_seek(file, -1, SEEK_FROM_START), -EINVAL);
    ck_assert_int_eq(file_seek(file, INT64_MIN, SEEK_FROM_CURRENT), -EINVAL);
    ck_assert_int_eq(file_seek(file, 0, 5), -EINVAL);
    ck_assert_int_eq(file_seek(file, 0, -1), -EINVAL);
    ck_assert_int_eq(file_seek(file, 1, SEEK_TO_DATA), (int64_t)round_down(last - 1, PAGE_SIZE));
    ck_assert_int_eq(file_truncate(file, INT64_MAX, UINT64_MAX), 0);
    ck_assert_int_eq(file_truncate(file, -1, UINT64_MAX), -EINVAL);
    ck_assert_int_eq(file_truncate(file, 0, UINT64_MAX), 0);
    file_release(file);
    fixture_end();
}
END_TEST

START_TEST(file_appends_at_the_end)
{
    fixture_begin();
    make_file("/f", "begin ");
    struct file *file = open_with("/f", OPEN_WRITE | OPEN_APPEND);
    struct file *other = open_with("/f", OPEN_WRITE);

    ck_assert_int_eq(write_text(file, "one "), 4);
    ck_assert_int_eq(file_seek(other, 0, SEEK_FROM_END), 10);
    ck_assert_int_eq(write_text(other, "two "), 4);
    ck_assert_int_eq(file_seek(file, 0, SEEK_FROM_START), 0);
    ck_assert_int_eq(write_text(file, "three"), 5);
    ck_assert_int_eq(file_write_kernel(file, "!", 1, 0), 1);    /* pwrite too, as on Linux */
    check_contents("/f", "begin one two three!");
    file_release(file);
    file_release(other);
    fixture_end();
}
END_TEST

START_TEST(file_bytes_move_in_segments)
{
    char a[3] = "ab", b[6] = "cdefg", c[4] = "";
    struct io_segment segments[] = {
        { (uint64_t)(uintptr_t)a, 2 }, { (uint64_t)(uintptr_t)c, 0 }, { (uint64_t)(uintptr_t)b, 5 },
    };
    struct io_buffer buffer;

    fixture_begin();
    struct file *file = open_with("/f", OPEN_READ_WRITE | OPEN_CREATE);

    io_buffer_init(&buffer, NULL, segments, 3);
    ck_assert_int_eq(file_write(file, &buffer, UINT64_MAX), 7);
    check_contents("/f", "abcdefg");
    segments[1].length = 3;
    io_buffer_init(&buffer, NULL, segments, 3);
    ck_assert_int_eq(file_read_at(file, &buffer, 1), 6);
    ck_assert_str_eq(a, "bc");
    ck_assert_str_eq(c, "def");
    ck_assert_int_eq(b[0], 'g');
    file_release(file);
    fixture_end();
}
END_TEST

/* ---- Streams ------------------------------------------------------------------------------- */

static int64_t stream_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    ck_assert(!mutex_is_held(&file->position_lock));
    ck_assert_uint_eq(*position, 0);
    return io_buffer_put(buffer, "stream", 6);
}

static int64_t stream_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)position;
    ck_assert(!mutex_is_held(&file->position_lock));
    return (int64_t)buffer->remaining > 3 ? 3 : (int64_t)buffer->remaining;
}

static const struct file_operations stream_operations = {
    .read = stream_read, .write = stream_write,
};
static const struct inode_operations no_inode_operations = { 0 };

static struct file *make_stream(void)
{
    const struct inode_kind kind = { &no_inode_operations, &stream_operations };
    const struct inode_request inode_request = { .mode = MODE_FIFO | 0600 };
    struct inode *inode;
    struct file *file;

    ck_assert_int_eq(inode_create(filesystem_anonymous(), &kind, &inode_request, &inode), 0);
    const struct file_request request = {
        .operations = &stream_operations, .inode = inode, .flags = OPEN_READ_WRITE,
        .is_stream = true, .description = "pipe:[1]",
    };

    ck_assert_int_eq(file_create(&request, &file), 0);
    inode_release(inode);
    return file;
}

START_TEST(file_streams_have_no_position)
{
    char text[8] = "";

    fixture_begin();
    struct file *stream = make_stream();

    ck_assert_int_eq(move(stream, false, text, 6, 0), 6);
    ck_assert_str_eq(text, "stream");
    ck_assert_int_eq(move(stream, true, text, 2, 0), 2);    /* limits are for files */
    ck_assert_int_eq(file_seek(stream, 0, SEEK_FROM_START), -ESPIPE);
    ck_assert_int_eq(file_read_kernel(stream, text, 1, 0), -ESPIPE);
    ck_assert_int_eq(file_write_kernel(stream, text, 1, 0), -ESPIPE);
    ck_assert_int_eq(file_truncate(stream, 0, 0), -EINVAL);
    ck_assert_int_eq(file_sync(stream), -EINVAL);
    struct memory_object *object;

    ck_assert_int_eq(file_memory_object(stream, false, &object), -ENODEV);
    file_release(stream);
    fixture_end();
}
END_TEST

/* ---- Copies -------------------------------------------------------------------------------- */

START_TEST(file_copies_move_positions)
{
    uint64_t position = 2;

    fixture_begin();
    make_file("/from", "0123456789");
    struct file *source = open_with("/from", OPEN_READ);
    struct file *target = open_with("/to", OPEN_READ_WRITE | OPEN_CREATE);

    ck_assert_int_eq(file_copy(&(struct file_copy_request){
                         .source = source, .source_position = &position, .target = target,
                         .size = 3, .size_limit = UINT64_MAX }), 3);
    ck_assert_uint_eq(position, 5);
    ck_assert_uint_eq(source->position, 0);
    ck_assert_uint_eq(target->position, 3);
    ck_assert_int_eq(file_copy(&(struct file_copy_request){
                         .source = source, .target = target, .size = 100,
                         .size_limit = UINT64_MAX }), 10);
    ck_assert_uint_eq(source->position, 10);
    check_contents("/to", "2340123456789");
    ck_assert_int_eq(file_copy(&(struct file_copy_request){
                         .source = source, .target = target, .size = 100,
                         .size_limit = UINT64_MAX }), 0);
    ck_assert_int_eq(file_copy(&(struct file_copy_request){ .size = 0 }), 0);
    file_release(source);
    file_release(target);
    fixture_end();
}
END_TEST

START_TEST(file_copies_give_back_what_could_not_be_written)
{
    fixture_begin();
    make_file("/from", "0123456789");
    struct file *source = open_with("/from", OPEN_READ);
    struct file *target = open_with("/to", OPEN_READ_WRITE | OPEN_CREATE);

    ck_assert_int_eq(file_copy(&(struct file_copy_request){
                         .source = source, .target = target, .size = 10, .size_limit = 4 }), 4);
    ck_assert_uint_eq(source->position, 4);
    ck_assert_int_eq(file_copy(&(struct file_copy_request){
                         .source = source, .target = target, .size = 10, .size_limit = 4 }),
                     -EFBIG);
    ck_assert_uint_eq(source->position, 4);
    /* A target that takes three bytes at a time. */
    struct file *stream = make_stream();

    ck_assert_int_eq(file_seek(source, 0, SEEK_FROM_START), 0);
    ck_assert_int_eq(file_copy(&(struct file_copy_request){
                         .source = source, .target = stream, .size = 10,
                         .size_limit = UINT64_MAX }), 10);
    file_release(stream);
    file_release(source);
    file_release(target);
    fixture_end();
}
END_TEST

START_TEST(file_copies_large_amounts)
{
    static char pattern[300001], copied[300001];

    fixture_begin();
    for (unsigned i = 0; i < sizeof(pattern); i++)
        pattern[i] = (char)(i * 7 % 251);
    struct file *source = open_with("/from", OPEN_READ_WRITE | OPEN_CREATE);
    struct file *target = open_with("/to", OPEN_READ_WRITE | OPEN_CREATE);

    ck_assert_int_eq(file_write_kernel(source, pattern, sizeof(pattern), 0), sizeof(pattern));
    ck_assert_int_eq(file_copy(&(struct file_copy_request){
                         .source = source, .target = target, .size = UINT64_MAX,
                         .size_limit = UINT64_MAX }), sizeof(pattern));
    ck_assert_int_eq(file_read_kernel(target, copied, sizeof(copied), 0), sizeof(copied));
    ck_assert_mem_eq(copied, pattern, sizeof(pattern));
    file_release(source);
    file_release(target);
    fixture_end();
}
END_TEST

TEST_MAIN("fs/read_write", file_access_mode_is_heeded, file_size_limit_cuts_and_refuses,
          file_offsets_reach_to_the_end_of_the_world, file_appends_at_the_end,
          file_bytes_move_in_segments, file_streams_have_no_position, file_copies_move_positions,
          file_copies_give_back_what_could_not_be_written, file_copies_large_amounts)
