/* Datagrams and sequenced packets: names, peers, limits, who waits for room, and what is lost. */
#include "net_fixture.h"

static char bytes[300000];

START_TEST(messages_stay_whole)
{
    static const enum socket_type types[] = { SOCKET_DATAGRAM, SOCKET_SEQUENCED };
    struct file *files[2];

    net_begin();
    for (int i = 0; i < 2; i++) {
        struct socket_receive receive = { .flags = 0 };

        open_pair(types[i], files);
        ck_assert_int_eq(put(files[0], "hello", 5), 5);
        ck_assert_int_eq(put(files[0], "", 0), 0);
        ck_assert_int_eq(put(files[0], "world", 5), 5);
        ck_assert_int_eq(files[1]->operations->control(files[1], 0x541b, 8), 0);
        ck_assert_int_eq(controlled, types[i] == SOCKET_DATAGRAM ? 5 : 10);
        ck_assert_int_eq(get_flags(files[1], bytes, 2, MESSAGE_PEEK), 2);
        ck_assert_int_eq(get_flags(files[1], bytes, 2, MESSAGE_PEEK | MESSAGE_CUT), 5);
        ck_assert_int_eq(get_with(files[1], &receive, bytes, 2), 2);
        ck_assert_uint_eq(receive.result_flags, MESSAGE_CUT);
        ck_assert_int_eq(get(files[1], bytes, 10), 0);
        ck_assert_int_eq(get(files[1], bytes, 10), 5);
        ck_assert_int_eq(get(files[1], bytes, 10), -EAGAIN);
        ck_assert_int_eq(get_flags(files[1], bytes, 1, MESSAGE_OUT_OF_BAND), -EOPNOTSUPP);
        ck_assert_int_eq(put(files[0], bytes, 212961), -EMSGSIZE);
        ck_assert_int_eq(put(files[0], bytes, 212960), 212960);
        ck_assert_int_eq(get(files[1], bytes, sizeof(bytes)), 212960);
        close_pair(files);
    }
    net_end();
}
END_TEST

START_TEST(empty_messages_are_peeked_at_once)
{
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_DATAGRAM, files);
    ck_assert_int_eq(set_option(files[1], OPTION_PEEK_OFFSET, 0), 0);
    (void)put(files[0], "", 0);
    (void)put(files[0], "abc", 3);
    ck_assert_int_eq(get_flags(files[1], bytes, 10, MESSAGE_PEEK), 0);
    ck_assert_int_eq(get_flags(files[1], bytes, 2, MESSAGE_PEEK), 2);
    ck_assert_int_eq(get_flags(files[1], bytes, 2, MESSAGE_PEEK), 1);
    ck_assert_mem_eq(bytes, "c", 1);
    ck_assert_int_eq(get_flags(files[1], bytes, 2, MESSAGE_PEEK), -EAGAIN);
    ck_assert_int_eq(get(files[1], bytes, 2), 0);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(names_lead_to_sockets)
{
    struct socket_receive receive = { .flags = 0 };
    struct file *a, *b;

    net_begin();
    a = open_socket(SOCKET_DATAGRAM);
    b = open_socket(SOCKET_DATAGRAM);
    ck_assert_int_eq(put_to(b, "@a", "x", 1), -ECONNREFUSED);
    ck_assert_int_eq(bind_to(a, "@a"), 0);
    ck_assert_int_eq(bind_to(b, "b"), 0);
    ck_assert_int_eq(put_to(b, "@a", "one", 3), 3);
    ck_assert_int_eq(put_to(a, "b", "two", 3), 3);
    ck_assert_int_eq(get_with(a, &receive, bytes, 10), 3);
    ck_assert_uint_eq(receive.from.length, 2);
    ck_assert_str_eq(receive.from.bytes, "b");
    ck_assert_int_eq(get_with(b, &receive, bytes, 10), 3);
    ck_assert_uint_eq(receive.from.length, 2);
    ck_assert_mem_eq(receive.from.bytes, "\0a", 2);
    ck_assert_int_eq(put(a, "x", 1), -ENOTCONN);
    ck_assert_int_eq(put_to(a, "none", "x", 1), -ENOENT);
    file_release(a);
    file_release(b);
    net_end();
}
END_TEST

START_TEST(a_peer_keeps_strangers_away)
{
    struct file *a, *b, *stranger;

    net_begin();
    a = open_socket(SOCKET_DATAGRAM);
    b = open_socket(SOCKET_DATAGRAM);
    stranger = open_socket(SOCKET_DATAGRAM);
    ck_assert_int_eq(bind_to(a, "@a"), 0);
    ck_assert_int_eq(bind_to(b, "@b"), 0);
    ck_assert_int_eq(connect_to(a, "@b"), 0);
    ck_assert_int_eq(connect_to(a, "@b"), 0);
    ck_assert_int_eq(put_to(stranger, "@a", "x", 1), -EPERM);
    ck_assert_int_eq(connect_to(stranger, "@a"), -EPERM);
    ck_assert_int_eq(connect_to(b, "@a"), 0);
    ck_assert_int_eq(put(a, "lost", 4), 4);
    ck_assert_int_eq(socket_connect(socket_of(b), NULL, &context, false), 0);
    ck_assert_int_eq(get_option(a, OPTION_ERROR), ECONNRESET);
    ck_assert_int_eq(get(b, bytes, 9), -EAGAIN);
    ck_assert_int_eq(socket_connect(socket_of(b), NULL, &context, false), 0);
    ck_assert_int_eq(connect_to(a, "@nobody"), -ECONNREFUSED);
    file_release(b);
    ck_assert_int_eq(put(a, "x", 1), -ECONNREFUSED);
    ck_assert_int_eq(put(a, "x", 1), -ENOTCONN);
    file_release(a);
    file_release(stranger);
    net_end();
}
END_TEST

START_TEST(so_many_wait_and_no_more)
{
    struct file *receiver, *sender;
    struct call call = { .size = 1 };
    struct thread *thread;
    int count = 0;

    net_begin();
    receiver = open_socket(SOCKET_DATAGRAM);
    sender = open_socket(SOCKET_DATAGRAM);
    ck_assert_int_eq(bind_to(receiver, "@r"), 0);
    ck_assert_int_eq(connect_to(sender, "@r"), 0);
    while (put(sender, "x", 1) == 1)
        count++;
    ck_assert_int_eq(count, 11);
    ck_assert_uint_eq(events_of_file(sender) & POLL_WRITABLE, 0);
    ck_assert_int_eq(get(receiver, bytes, 1), 1);
    ck_assert_uint_ne(events_of_file(sender) & POLL_WRITABLE, 0);
    ck_assert_int_eq(put(sender, "x", 1), 1);
    may_wait(sender);
    call.file = sender;
    thread = begin_call(do_put, &call);
    ck_assert_int_eq(get(receiver, bytes, 1), 1);
    ck_assert_int_eq(end_call(thread, &call), 1);
    ck_assert_uint_eq(events_of_file(sender) & POLL_WRITABLE, 0);
    call.is_done = false;
    thread = begin_call(do_put, &call);
    file_release(receiver);
    ck_assert_int_eq(end_call(thread, &call), -ECONNREFUSED);
    file_release(sender);
    net_end();
}
END_TEST

/* Who waits for room leaves the list of its former peer. */
START_TEST(blocked_senders_forget_their_peers)
{
    struct file *receiver, *senders[2];

    net_begin();
    receiver = open_socket(SOCKET_DATAGRAM);
    ck_assert_int_eq(bind_to(receiver, "@r"), 0);
    for (int i = 0; i < 2; i++) {
        senders[i] = open_socket(SOCKET_DATAGRAM);
        ck_assert_int_eq(connect_to(senders[i], "@r"), 0);
        while (put(senders[i], "x", 1) == 1)
            continue;
    }
    ck_assert_uint_eq(events_of_file(senders[0]) & POLL_WRITABLE, 0);
    ck_assert_uint_eq(events_of_file(senders[1]) & POLL_WRITABLE, 0);
    ck_assert_uint_eq(list_length(&socket_of(receiver)->blocked_senders), 2);
    ck_assert_int_eq(socket_connect(socket_of(senders[0]), NULL, &context, false), 0);
    ck_assert_uint_eq(list_length(&socket_of(receiver)->blocked_senders), 1);
    file_release(senders[1]);
    ck_assert(list_is_empty(&socket_of(receiver)->blocked_senders));
    file_release(senders[0]);
    file_release(receiver);
    net_end();
}
END_TEST

START_TEST(several_readers_get_one_message_each)
{
    struct file *files[2];
    struct call calls[3];
    struct thread *threads[3];

    net_begin();
    open_pair(SOCKET_DATAGRAM, files);
    may_wait(files[1]);
    for (int i = 0; i < 3; i++) {
        calls[i] = (struct call){ .file = files[1], .size = 10 };
        threads[i] = begin_call(do_get, &calls[i]);
    }
    (void)put(files[0], "1", 1);
    (void)put(files[0], "22", 2);
    ck_assert_int_eq(end_call(threads[0], &calls[0]), 1);
    ck_assert_int_eq(end_call(threads[1], &calls[1]), 2);
    ck_assert(!calls[2].is_done);
    ck_assert_int_eq(socket_shutdown(socket_of(files[1]), 0), 0);
    ck_assert_int_eq(end_call(threads[2], &calls[2]), 0);
    ck_assert_int_eq(put(files[0], "x", 1), -EPIPE);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(sequenced_ones_need_a_connection)
{
    struct file *alone, *files[2];

    net_begin();
    alone = open_socket(SOCKET_SEQUENCED);
    ck_assert_int_eq(get(alone, bytes, 1), -ENOTCONN);
    ck_assert_int_eq(put(alone, bytes, 1), -ENOTCONN);
    open_pair(SOCKET_SEQUENCED, files);
    ck_assert_int_eq(put(files[0], "unread", 6), 6);
    ck_assert_int_eq(socket_shutdown(socket_of(files[1]), 1), 0);
    ck_assert_int_eq(get(files[0], bytes, 9), 0);
    file_release(files[1]);
    ck_assert_int_eq(put(files[0], "x", 1), -ECONNRESET);
    ck_assert_int_eq(put(files[0], "x", 1), -EPIPE);
    file_release(files[0]);
    open_pair(SOCKET_SEQUENCED, files);
    (void)put(files[0], "", 0);
    file_release(files[1]);
    ck_assert_int_eq(get_option(files[0], OPTION_ERROR), 0);
    file_release(files[0]);
    file_release(alone);
    net_end();
}
END_TEST

START_TEST(bad_memory_loses_the_message)
{
    const struct io_segment segment = { 8, 100 };
    struct address_space *space = (struct address_space *)(uintptr_t)64;
    struct socket_send send = { .flags = MESSAGE_OUT_OF_BAND };
    struct file *files[2];
    struct io_buffer buffer;
    uint64_t position = 0;

    net_begin();
    open_pair(SOCKET_DATAGRAM, files);
    io_buffer_init(&buffer, space, &segment, 1);
    ck_assert_int_eq(files[0]->operations->write(files[0], &buffer, &position), -EFAULT);
    (void)put(files[0], "abc", 3);
    io_buffer_init(&buffer, space, &segment, 1);
    ck_assert_int_eq(files[1]->operations->read(files[1], &buffer, &position), -EFAULT);
    ck_assert_int_eq(get(files[1], bytes, 10), -EAGAIN);
    ck_assert_int_eq(send_with(files[0], &send, "x", 1), -EOPNOTSUPP);
    ck_assert(!socket_raises_signal(files[0]));
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(who_asks_for_credentials_gets_a_name)
{
    struct socket_receive receive = { .flags = 0 };
    struct socket_send send = {
        .has_credentials = true, .credentials = { 1, 2, 3 },
    };
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_DATAGRAM, files);
    ck_assert_int_eq(set_option(files[0], OPTION_PASS_CREDENTIALS, 1), 0);
    ck_assert_int_eq(set_option(files[1], OPTION_PASS_CREDENTIALS, 1), 0);
    ck_assert_int_eq(put(files[0], "x", 1), 1);
    ck_assert_int_eq(get_with(files[1], &receive, bytes, 10), 1);
    ck_assert_uint_eq(receive.from.length, 6);
    ck_assert(receive.has_credentials);
    ck_assert_int_eq(receive.credentials.process_id, 7);
    ck_assert_int_eq(send_with(files[0], &send, "x", 1), 1);
    ck_assert_int_eq(get_with(files[1], &receive, bytes, 10), 1);
    ck_assert_uint_eq(receive.credentials.group_id, 3);
    close_pair(files);
    net_end();
}
END_TEST

TEST_MAIN("net/datagram", messages_stay_whole, empty_messages_are_peeked_at_once,
          names_lead_to_sockets, a_peer_keeps_strangers_away, so_many_wait_and_no_more,
          blocked_senders_forget_their_peers, several_readers_get_one_message_each,
          sequenced_ones_need_a_connection, bad_memory_loses_the_message,
          who_asks_for_credentials_gets_a_name)
