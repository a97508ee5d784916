/* Streams: pieces, peeks, ends, credentials, waiting, lack of room and of memory. */
#include "net_fixture.h"

static char bytes[1 << 20];

START_TEST(bytes_come_in_order_and_in_any_pieces)
{
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    ck_assert_int_eq(put(files[0], "hello ", 6), 6);
    ck_assert_int_eq(put(files[0], "world", 5), 5);
    ck_assert_int_eq(get(files[1], bytes, 3), 3);
    ck_assert_int_eq(get(files[1], bytes + 3, 100), 8);
    ck_assert_mem_eq(bytes, "hello world", 11);
    ck_assert_int_eq(get(files[1], bytes, 1), -EAGAIN);
    ck_assert_int_eq(put(files[0], "", 0), 0);
    ck_assert_int_eq(get(files[1], bytes, 1), -EAGAIN);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(large_pieces_lie_in_pages)
{
    static char copy[60000];
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 13 + i / 256);
    ck_assert_int_eq(put(files[0], bytes, sizeof(copy)), sizeof(copy));
    for (size_t at = 0, size = 1; at < sizeof(copy); at += size, size = size * 3 % 9001 + 1) {
        if (size > sizeof(copy) - at)
            size = sizeof(copy) - at;
        ck_assert_int_eq(get_flags(files[1], copy + at, size, MESSAGE_PEEK), (int64_t)size);
        ck_assert_mem_eq(copy + at, bytes + at, size);
        memset(copy + at, 0, size);
        ck_assert_int_eq(get(files[1], copy + at, size), (int64_t)size);
    }
    ck_assert_mem_eq(copy, bytes, sizeof(copy));
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(costs_are_those_of_linux)
{
    static const struct {
        size_t size;
        uint64_t stream, datagram;
    } costs[] = {
        { 0, 768, 768 },         { 192, 768, 768 },        { 193, 1280, 1280 },
        { 704, 1280, 1280 },     { 705, 2304, 2304 },      { 3776, 4352, 4352 },
        { 3777, 4864, 8448 },    { 5000, 6400, 8448 },     { 10000, 12544, 16640 },
        { 16064, 16640, 16640 }, { 16065, 17152, 20736 },  { 32768, 33536, 37120 },
        { 36544, 37120, 37120 }, { 106000, 107776 + 0, 135424 }, { 200000, 0, 200960 },
        { 212960, 0, 332032 },
    };

    for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
        if (costs[i].size <= STREAM_PIECE_MAX)
            ck_assert_uint_eq(stream_cost(costs[i].size), costs[i].stream);
        ck_assert_uint_eq(datagram_cost(costs[i].size), costs[i].datagram);
    }
}
END_TEST

START_TEST(a_full_socket_takes_no_more)
{
    struct file *files[2];
    int64_t sent;
    int count = 0;

    net_begin();
    open_pair(SOCKET_STREAM, files);
    while ((sent = put(files[0], bytes, 1)) == 1)
        count++;
    ck_assert_int_eq(sent, -EAGAIN);
    ck_assert_int_eq(count, 278);
    ck_assert_uint_eq(events_of_file(files[0]) & POLL_WRITABLE, 0);
    ck_assert_uint_eq(events_of_file(files[1]) & (POLL_READABLE | POLL_WRITABLE),
                      POLL_READABLE | POLL_WRITABLE);
    ck_assert_int_eq(files[0]->operations->control(files[0], 0x5411, 8), 0);
    ck_assert_int_eq(controlled, 278 * 768);
    ck_assert_int_eq(files[1]->operations->control(files[1], 0x541b, 8), 0);
    ck_assert_int_eq(controlled, 278);
    ck_assert_int_eq(files[1]->operations->control(files[1], 0x5401, 8), -ENOTTY);
    ck_assert_int_eq(get(files[1], bytes, 200), 200);
    ck_assert_uint_eq(events_of_file(files[0]) & POLL_WRITABLE, 0);
    ck_assert_int_eq(put(files[0], bytes, 1), 1);
    ck_assert_int_eq(get(files[1], bytes, 70), 70);
    ck_assert_uint_ne(events_of_file(files[0]) & POLL_WRITABLE, 0);
    ck_assert_int_eq(put(files[0], bytes, sizeof(bytes)), 6 * 36544);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(peeks_take_nothing)
{
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    (void)put(files[0], "abc", 3);
    (void)put(files[0], "def", 3);
    ck_assert_int_eq(get_flags(files[1], bytes, 5, MESSAGE_PEEK), 5);
    ck_assert_mem_eq(bytes, "abcde", 5);
    ck_assert_int_eq(get_flags(files[1], bytes, 50, MESSAGE_PEEK), 6);
    ck_assert_int_eq(set_option(files[1], OPTION_PEEK_OFFSET, 2), 0);
    ck_assert_int_eq(get_flags(files[1], bytes, 2, MESSAGE_PEEK), 2);
    ck_assert_mem_eq(bytes, "cd", 2);
    ck_assert_int_eq(get_option(files[1], OPTION_PEEK_OFFSET), 4);
    ck_assert_int_eq(get(files[1], bytes, 3), 3);
    ck_assert_int_eq(get_option(files[1], OPTION_PEEK_OFFSET), 1);
    ck_assert_int_eq(get_flags(files[1], bytes, 9, MESSAGE_PEEK), 2);
    ck_assert_int_eq(get_flags(files[1], bytes, 9, MESSAGE_PEEK), -EAGAIN);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(wrong_calls_are_refused)
{
    const struct socket_name nobody = name_of("@nobody");
    struct file *alone, *files[2];
    struct socket_send send = { .to = &nobody };

    net_begin();
    alone = open_socket(SOCKET_STREAM);
    open_pair(SOCKET_STREAM, files);
    ck_assert_int_eq(get(alone, bytes, 1), -EINVAL);
    ck_assert_int_eq(put(alone, bytes, 1), -ENOTCONN);
    ck_assert_int_eq(send_with(alone, &send, "x", 1), -EOPNOTSUPP);
    ck_assert_int_eq(send_with(files[0], &send, "x", 1), -EISCONN);
    send = (struct socket_send){ .flags = MESSAGE_OUT_OF_BAND };
    ck_assert_int_eq(send_with(files[0], &send, "x", 1), -EOPNOTSUPP);
    ck_assert_int_eq(get_flags(files[0], bytes, 1, MESSAGE_OUT_OF_BAND), -EOPNOTSUPP);
    file_release(alone);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(bad_memory_moves_nothing)
{
    const struct io_segment segment = { 8, 100 };
    struct address_space *space = (struct address_space *)(uintptr_t)64;
    struct file *files[2];
    struct io_buffer buffer;
    uint64_t position = 0;

    net_begin();
    open_pair(SOCKET_STREAM, files);
    io_buffer_init(&buffer, space, &segment, 1);
    ck_assert_int_eq(files[0]->operations->write(files[0], &buffer, &position), -EFAULT);
    (void)put(files[0], bytes, 20000);
    io_buffer_init(&buffer, space, &segment, 1);
    ck_assert_int_eq(files[1]->operations->read(files[1], &buffer, &position), -EFAULT);
    ck_assert_int_eq(get(files[1], bytes, sizeof(bytes)), 20000);
    (void)put(files[0], bytes, 20);
    io_buffer_init(&buffer, space, &segment, 1);
    ck_assert_int_eq(files[1]->operations->read(files[1], &buffer, &position), -EFAULT);
    io_buffer_init(&buffer, space, &segment, 0);
    ck_assert_int_eq(files[1]->operations->read(files[1], &buffer, &position), 0);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(who_closes_leaves_an_end_or_an_error)
{
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    (void)put(files[1], "left", 4);
    file_release(files[1]);
    ck_assert_int_eq(put(files[0], "x", 1), -EPIPE);
    ck_assert_int_eq(get(files[0], bytes, 9), 4);
    ck_assert_int_eq(get(files[0], bytes, 9), 0);
    ck_assert_uint_eq(events_of_file(files[0]),
                      POLL_HANGUP | POLL_READ_HANGUP | POLL_READABLE | POLL_READ_NORMAL |
                          POLL_WRITABLE | POLL_WRITE_NORMAL | POLL_WRITE_BAND);
    file_release(files[0]);
    open_pair(SOCKET_STREAM, files);
    (void)put(files[0], "unread", 6);
    file_release(files[1]);
    ck_assert_uint_ne(events_of_file(files[0]) & POLL_ERROR, 0);
    ck_assert_int_eq(get(files[0], bytes, 9), -ECONNRESET);
    ck_assert_int_eq(get(files[0], bytes, 9), 0);
    file_release(files[0]);
    net_end();
}
END_TEST

START_TEST(pieces_of_several_senders_are_told_apart)
{
    struct socket_receive receive = { .flags = 0 };
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    (void)put(files[0], "before", 6);
    ck_assert_int_eq(set_option(files[1], OPTION_PASS_CREDENTIALS, 1), 0);
    (void)put(files[0], "a", 1);
    (void)put(files[0], "b", 1);
    process_number = 8;
    (void)put(files[0], "c", 1);
    ck_assert_int_eq(get_with(files[1], &receive, bytes, 100), 6);
    ck_assert_int_eq(receive.credentials.process_id, 0);
    ck_assert_uint_eq(receive.credentials.user_id, 65534);
    ck_assert_int_eq(get_with(files[1], &receive, bytes, 100), 2);
    ck_assert(receive.has_credentials);
    ck_assert_int_eq(receive.credentials.process_id, 7);
    ck_assert_int_eq(get_with(files[1], &receive, bytes, 100), 1);
    ck_assert_int_eq(receive.credentials.process_id, 8);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(reads_and_writes_wait)
{
    struct file *files[2];
    struct call reading = { .size = 10 }, writing = { .size = 600000 };
    struct thread *thread, *other;

    net_begin();
    open_pair(SOCKET_STREAM, files);
    may_wait(files[0]);
    may_wait(files[1]);
    reading.file = files[1];
    thread = begin_call(do_get, &reading);
    ck_assert_int_eq(thread->waiting_for.kind, WAIT_SOCKET_INPUT);
    (void)put(files[0], "abc", 3);
    ck_assert_int_eq(end_call(thread, &reading), 3);
    writing.file = files[0];
    other = begin_call(do_put, &writing);
    ck_assert_int_eq(other->waiting_for.kind, WAIT_SOCKET_ROOM);
    for (int64_t left = 600000; left > 0; fake_scheduler_run()) {
        int64_t taken = get_flags(files[1], bytes, 100000, MESSAGE_NO_WAIT);

        ck_assert_int_gt(taken, 0);
        left -= taken;
    }
    ck_assert_int_eq(end_call(other, &writing), 600000);
    reading = (struct call){ .file = files[1], .size = 10 };
    thread = begin_call(do_get, &reading);
    thread_interrupt(thread, 0);
    ck_assert_int_eq(end_call(thread, &reading), -EINTR);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(a_wait_has_a_limit_of_time)
{
    struct socket_option limit = {
        .number = OPTION_RECEIVE_TIMEOUT, .size = 16, .value.words = { 2, 0 },
    };
    struct file *files[2];
    struct call call = { .size = 10 };
    struct thread *thread;

    net_begin();
    open_pair(SOCKET_STREAM, files);
    may_wait(files[0]);
    ck_assert_int_eq(socket_set_option(socket_of(files[0]), &limit), 0);
    call.file = files[0];
    thread = begin_call(do_get, &call);
    fake_machine_advance(3000000000);
    ck_assert_int_eq(end_call(thread, &call), -EAGAIN);
    call.is_done = false;
    thread = begin_call(do_get, &call);
    thread_interrupt(thread, 0);
    ck_assert_int_eq(end_call(thread, &call), -CALL_NO_RESTART);
    ck_assert_int_eq(set_option(files[0], OPTION_RECEIVE_LOW, 5), 0);
    (void)put(files[1], "abc", 3);
    call.is_done = false;
    thread = begin_call(do_get, &call);
    (void)put(files[1], "de", 2);
    ck_assert_int_eq(end_call(thread, &call), 5);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(without_memory_nothing_is_sent)
{
    static struct page *taken[20000];
    size_t count = 0;
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    while (count < 20000 && (taken[count] = page_allocate(PAGE_DIRTY)))
        count++;
    ck_assert_uint_lt(count, 20000);
    ck_assert_int_eq(put(files[0], bytes, 30000), -ENOBUFS);
    page_release(taken[--count]);
    page_release(taken[--count]);
    page_release(taken[--count]);
    ck_assert_int_eq(put(files[0], bytes, 30000), -ENOBUFS);
    while (count > 0)
        page_release(taken[--count]);
    ck_assert_int_eq(put(files[0], bytes, 30000), 30000);
    close_pair(files);
    net_end();
}
END_TEST

TEST_MAIN("net/stream", bytes_come_in_order_and_in_any_pieces, large_pieces_lie_in_pages,
          costs_are_those_of_linux, a_full_socket_takes_no_more, peeks_take_nothing,
          wrong_calls_are_refused, bad_memory_moves_nothing, who_closes_leaves_an_end_or_an_error,
          pieces_of_several_senders_are_told_apart, reads_and_writes_wait,
          a_wait_has_a_limit_of_time, without_memory_nothing_is_sent)
