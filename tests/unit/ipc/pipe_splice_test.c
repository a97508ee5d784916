/* Bytes that move through pipes by pages: what moves, what is copied, who keeps its place. */
#include "ipc/pipe_splice.h"

#include "../fs/fs_fixture.h"
#include "fs/anonymous_file.h"
#include "harness/test.h"
#include "ipc/pipe.h"
#include "ipc/pipe_internal.h"

#define SLOTS PIPE_SLOTS_DEFAULT

static struct file *first[2], *second[2];
static char bytes[SLOTS * PAGE_SIZE];

static void begin(void)
{
    fixture_begin();
    pipe_init();
    ck_assert_int_eq(pipe_create(&context, OPEN_NONBLOCK, first), 0);
    ck_assert_int_eq(pipe_create(&context, OPEN_NONBLOCK, second), 0);
}

static void close_end(struct file **end)
{
    if (*end)
        file_release(*end);
    *end = NULL;
}

static void end(void)
{
    for (int i = 0; i < 2; i++) {
        close_end(&first[i]);
        close_end(&second[i]);
    }
    fixture_end();
}

/* ---- Short ways ---------------------------------------------------------------------------- */

static int64_t transfer(struct file *file, void *memory, size_t size, bool writes)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)memory, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return writes ? file_write(file, &buffer, UINT64_MAX) : file_read(file, &buffer);
}

static int64_t put(struct file *file, const char *text)
{
    return transfer(file, (void *)(uintptr_t)text, strlen(text), true);
}

static void fill(struct file *file, size_t size, char byte)
{
    memset(bytes, byte, size);
    ck_assert_int_eq(transfer(file, bytes, size, true), (int64_t)size);
}

static void holds(struct file *file, const char *text)
{
    char found[200] = "";

    ck_assert_int_eq(transfer(file, found, sizeof(found) - 1, false), (int64_t)strlen(text));
    ck_assert_str_eq(found, text);
}

static int64_t splice(struct file *source, struct file *target, uint64_t size)
{
    struct splice_request request = {
        .source = source, .target = target, .size = size, .size_limit = UINT64_MAX,
        .may_not_wait = true,
    };

    return pipe_splice(&request);
}

static int64_t splice_at(struct file *source, struct file *target, uint64_t size,
                         uint64_t *position)
{
    struct splice_request request = {
        .source = source, .target = target, .size = size, .size_limit = UINT64_MAX,
        .may_not_wait = true, .has_position = true, .position = *position,
    };
    int64_t result = pipe_splice(&request);

    *position = request.position;
    return result;
}

static int64_t tee(struct file *source, struct file *target, uint64_t size)
{
    const struct splice_request request = {
        .source = source, .target = target, .size = size, .may_not_wait = true,
    };

    return pipe_tee(&request);
}

static struct page *page_in(struct file *file, unsigned index)
{
    const struct pipe *pipe = pipe_of(file);

    return pipe->slots[(pipe->first + index) & (pipe->capacity - 1)].page;
}

/* ---- Between pipes ------------------------------------------------------------------------- */

START_TEST(whole_slots_move_as_they_are)
{
    struct page *page;

    begin();
    fill(first[1], PAGE_SIZE, 'a');
    ck_assert_int_eq(put(first[1], "tail"), 4);
    page = page_in(first[0], 0);
    ck_assert_int_eq(splice(first[0], second[1], PAGE_SIZE), PAGE_SIZE);
    ck_assert_ptr_eq(page_in(second[0], 0), page);
    ck_assert_int_eq(pipe_bytes(first[0]), 4);
    ck_assert_int_eq(pipe_bytes(second[0]), PAGE_SIZE);
    holds(first[0], "tail");
    end();
}
END_TEST

START_TEST(a_part_is_a_copy)
{
    begin();
    ck_assert_int_eq(put(first[1], "one two"), 7);
    ck_assert_int_eq(splice(first[0], second[1], 4), 4);
    ck_assert_ptr_ne(page_in(second[0], 0), page_in(first[0], 0));
    ck_assert_int_eq(put(first[1], "!"), 1);    /* the page is still the first pipe's to fill */
    holds(second[0], "one ");
    holds(first[0], "two!");
    end();
}
END_TEST

START_TEST(tee_leaves_what_it_doubles)
{
    begin();
    ck_assert_int_eq(put(first[1], "twice"), 5);
    ck_assert_int_eq(tee(first[0], second[1], 100), 5);
    ck_assert_int_eq(tee(first[0], second[1], 2), 2);
    holds(second[0], "twicetw");
    holds(first[0], "twice");
    end();
}
END_TEST

START_TEST(what_cannot_move_says_why)
{
    begin();
    ck_assert_int_eq(splice(first[0], first[1], 1), -EINVAL);
    ck_assert_int_eq(tee(first[0], first[1], 1), -EINVAL);
    ck_assert_int_eq(splice(first[0], second[1], 1), -EAGAIN);
    ck_assert_int_eq(tee(first[0], second[1], 1), -EAGAIN);
    fill(second[1], SLOTS * PAGE_SIZE, 'x');
    ck_assert_int_eq(put(first[1], "more"), 4);
    ck_assert_int_eq(splice(first[0], second[1], 1), -EAGAIN);
    close_end(&second[0]);
    ck_assert_int_eq(splice(first[0], second[1], 1), -EPIPE);
    ck_assert_int_eq(tee(first[0], second[1], 1), -EPIPE);
    holds(first[0], "more");
    close_end(&first[1]);
    ck_assert_int_eq(splice(first[0], second[1], 1), 0);
    end();
}
END_TEST

START_TEST(as_much_moves_as_there_is_room_for)
{
    begin();
    fill(second[1], (SLOTS - 1) * PAGE_SIZE, 'x');
    fill(first[1], 2 * PAGE_SIZE, 'y');
    ck_assert_int_eq(splice(first[0], second[1], 2 * PAGE_SIZE), PAGE_SIZE);
    ck_assert_int_eq(pipe_bytes(first[0]), PAGE_SIZE);
    ck_assert_int_eq(tee(first[0], second[1], 1), -EAGAIN);
    end();
}
END_TEST

/* ---- Files --------------------------------------------------------------------------------- */

START_TEST(files_have_a_position)
{
    struct file *file;
    uint64_t position = 2;

    begin();
    make_file("/file", "0123456789");
    ck_assert_int_eq(open_file("/file", OPEN_READ_WRITE, 0, &file), 0);
    ck_assert_int_eq(splice_at(file, first[1], 3, &position), 3);
    ck_assert_uint_eq(position, 5);
    holds(first[0], "234");
    ck_assert_int_eq(splice(file, first[1], 100), 10);    /* its own position has not moved */
    ck_assert_int_eq(splice(file, first[1], 100), 0);
    ck_assert_int_eq(splice_at(first[0], file, 4, &position), 4);
    ck_assert_uint_eq(position, 9);
    holds(first[0], "456789");
    position = 0;
    ck_assert_int_eq(splice_at(file, first[1], 100, &position), 10);
    holds(first[0], "0123401239");
    ck_assert_int_eq(splice(file, file, 1), -EINVAL);
    file_release(file);
    ck_assert_int_eq(open_file("/file", OPEN_WRITE | OPEN_APPEND, 0, &file), 0);
    ck_assert_int_eq(put(first[1], "end"), 3);
    ck_assert_int_eq(splice(first[0], file, 3), -EINVAL);
    holds(first[0], "end");
    file_release(file);
    end();
}
END_TEST

/* A file that takes three bytes at most, and looks what others could do meanwhile. */
static unsigned slow_writes;

static int64_t slow_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    char taken[3];

    (void)file;
    (void)position;
    if (slow_writes++ == 0) {
        while (put(first[1], "other") == 5)
            ;
        /* All places are taken but the one that the rest comes back to. */
        ck_assert_uint_eq(pipe_of(first[0])->count, SLOTS - 1);
    }
    return io_buffer_get(buffer, taken, sizeof(taken));
}

START_TEST(what_is_not_taken_comes_back_to_its_place)
{
    static const struct file_operations operations = { .write = slow_write };
    struct file *slow;
    char found[8] = "";

    begin();
    slow_writes = 0;
    ck_assert_int_eq(anonymous_file_create(&operations, "slow", 0, NULL, &slow), 0);
    ck_assert_int_eq(put(first[1], "abcdef"), 6);
    for (unsigned i = 1; i < SLOTS; i++)
        fill(first[1], PAGE_SIZE, 'x');
    ck_assert_int_eq(splice(first[0], slow, 6), 3);
    ck_assert_uint_eq(pipe_of(first[0])->reserved, 0);
    ck_assert_int_eq(transfer(first[0], found, 4, false), 4);
    ck_assert_str_eq(found, "defx");
    file_release(slow);
    end();
}
END_TEST

START_TEST(packets_do_not_come_back)
{
    static const struct file_operations operations = { .write = slow_write };
    struct file *packets[2], *slow;

    begin();
    slow_writes = 1;
    ck_assert_int_eq(anonymous_file_create(&operations, "slow", 0, NULL, &slow), 0);
    ck_assert_int_eq(pipe_create(&context, OPEN_NONBLOCK | OPEN_DIRECT, packets), 0);
    ck_assert_int_eq(put(packets[1], "abcdef"), 6);
    ck_assert_int_eq(put(packets[1], "next"), 4);
    ck_assert_int_eq(splice(packets[0], slow, 6), 3);
    holds(packets[0], "next");
    file_release(packets[0]);
    file_release(packets[1]);
    file_release(slow);
    end();
}
END_TEST

/* ---- Memory -------------------------------------------------------------------------------- */

static struct page *take_all_pages(void)
{
    struct page *page, *last = NULL;

    while ((page = page_allocate(PAGE_DIRTY))) {
        *(struct page **)page_data(page) = last;
        last = page;
    }
    return last;
}

static void give_back(struct page *last)
{
    while (last) {
        struct page *page = last;

        last = *(struct page **)page_data(page);
        page_release(page);
    }
}

START_TEST(nothing_is_lost_without_memory)
{
    struct page *taken;
    struct file *file;

    begin();
    make_file("/file", "contents");
    ck_assert_int_eq(open_file("/file", OPEN_READ, 0, &file), 0);
    ck_assert_int_eq(put(first[1], "stays"), 5);
    taken = take_all_pages();
    ck_assert_int_eq(tee(first[0], second[1], 5), -ENOMEM);
    ck_assert_int_eq(splice(first[0], second[1], 2), -ENOMEM);
    ck_assert_int_eq(splice(file, second[1], 5), -ENOMEM);
    ck_assert_uint_eq(pipe_of(second[0])->reserved, 0);
    ck_assert_int_eq(splice(first[0], second[1], 5), 5);    /* a whole slot needs none */
    give_back(taken);
    holds(second[0], "stays");
    ck_assert_int_eq(splice(file, second[1], 100), 8);
    holds(second[0], "contents");
    file_release(file);
    end();
}
END_TEST

START_TEST(a_pipe_is_filled_as_far_as_it_goes)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)bytes, sizeof(bytes) };
    struct io_buffer buffer;

    begin();
    ck_assert_int_eq(put(first[1], "x"), 1);
    io_buffer_init(&buffer, NULL, &segment, 1);
    ck_assert_int_eq(pipe_fill(first[1], &buffer), (SLOTS - 1) * PAGE_SIZE);
    io_buffer_init(&buffer, NULL, &segment, 1);
    ck_assert_int_eq(pipe_fill(first[1], &buffer), -EAGAIN);
    close_end(&first[0]);
    ck_assert_int_eq(pipe_fill(first[1], &buffer), -EPIPE);
    end();
}
END_TEST

TEST_MAIN("ipc/pipe_splice", whole_slots_move_as_they_are, a_part_is_a_copy,
          tee_leaves_what_it_doubles, what_cannot_move_says_why,
          as_much_moves_as_there_is_room_for, files_have_a_position,
          what_is_not_taken_comes_back_to_its_place, packets_do_not_come_back,
          nothing_is_lost_without_memory, a_pipe_is_filled_as_far_as_it_goes)
