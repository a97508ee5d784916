/* Connections: backlog, waiting on both sides, refusals, shutting down, closing. */
#include "net_fixture.h"

static char bytes[1000];

static struct file *open_listener(const char *name, uint32_t backlog)
{
    struct file *file = open_socket(SOCKET_STREAM);

    ck_assert_int_eq(bind_to(file, name), 0);
    ck_assert_int_eq(socket_listen(socket_of(file), backlog), 0);
    return file;
}

START_TEST(clients_are_accepted_in_order)
{
    struct file *listener, *clients[2], *accepted;
    struct socket_name name;

    net_begin();
    listener = open_listener("@l", 5);
    for (int i = 0; i < 2; i++) {
        clients[i] = open_socket(SOCKET_STREAM);
        ck_assert_int_eq(connect_to(clients[i], "@l"), 0);
        ck_assert_int_eq(put(clients[i], i ? "two" : "one!", i ? 3 : 4), i ? 3 : 4);
    }
    ck_assert_int_eq(connect_to(clients[0], "@l"), -EISCONN);
    ck_assert_int_eq(connect_to(listener, "@l"), -EINVAL);
    ck_assert_int_eq(socket_listen(socket_of(clients[0]), 1), -EINVAL);
    ck_assert_uint_ne(events_of_file(listener) & POLL_READABLE, 0);
    ck_assert_int_eq(listener->operations->control(listener, 0x541b, 8), -EINVAL);
    ck_assert_int_eq(socket_accept(listener, &context, 0, &accepted), 0);
    ck_assert_int_eq(get(accepted, bytes, 9), 4);
    ck_assert_int_eq(socket_peer_name(socket_of(clients[0]), &name), 0);
    ck_assert_uint_eq(name.length, 2);
    ck_assert_int_eq(socket_peer_name(socket_of(accepted), &name), 0);
    ck_assert_uint_eq(name.length, 0);
    file_release(accepted);
    file_release(listener);    /* the second one is not accepted */
    ck_assert_int_eq(get(clients[1], bytes, 9), -ECONNRESET);
    ck_assert_int_eq(connect_to(clients[1], "@l"), -ECONNREFUSED);
    file_release(clients[0]);
    file_release(clients[1]);
    net_end();
}
END_TEST

START_TEST(the_backlog_is_one_more)
{
    struct file *listener, *clients[3], *accepted;
    struct call call = { .name = "@l" };
    struct thread *thread;

    net_begin();
    listener = open_listener("@l", 0);
    for (int i = 0; i < 3; i++)
        clients[i] = open_socket(SOCKET_STREAM);
    ck_assert_int_eq(connect_to(clients[0], "@l"), 0);
    ck_assert_int_eq(connect_to(clients[1], "@l"), -EAGAIN);
    may_wait(clients[1]);
    call.file = clients[1];
    thread = begin_call(do_connect, &call);
    ck_assert_int_eq(socket_accept(listener, &context, 0, &accepted), 0);
    file_release(accepted);
    ck_assert_int_eq(end_call(thread, &call), 0);
    may_wait(clients[2]);
    call = (struct call){ .file = clients[2], .name = "@l" };
    thread = begin_call(do_connect, &call);
    thread_interrupt(thread, 0);
    ck_assert_int_eq(end_call(thread, &call), -EINTR);
    call.is_done = false;
    atomic_store(&thread->interrupted, false);
    thread = begin_call(do_connect, &call);
    file_release(listener);
    ck_assert_int_eq(end_call(thread, &call), -ECONNREFUSED);
    for (int i = 0; i < 3; i++)
        file_release(clients[i]);
    net_end();
}
END_TEST

START_TEST(accepting_waits)
{
    struct file *listener, *client;
    struct call calls[2];
    struct thread *threads[2];

    net_begin();
    listener = open_listener("@l", 3);
    ck_assert_int_eq(socket_accept(listener, &context, 0, &client), -EAGAIN);
    may_wait(listener);
    for (int i = 0; i < 2; i++) {
        calls[i] = (struct call){ .file = listener };
        threads[i] = begin_call(do_accept, &calls[i]);
    }
    ck_assert_int_eq(threads[0]->waiting_for.kind, WAIT_CONNECTION);
    client = open_socket(SOCKET_STREAM);
    ck_assert_int_eq(connect_to(client, "@l"), 0);
    ck_assert_int_eq(end_call(threads[0], &calls[0]), 0);
    ck_assert(!calls[1].is_done);
    ck_assert_int_eq(socket_shutdown(socket_of(listener), 0), 0);
    ck_assert_int_eq(end_call(threads[1], &calls[1]), -EINVAL);
    file_release(calls[0].accepted);
    file_release(client);
    file_release(listener);
    net_end();
}
END_TEST

START_TEST(wrong_calls_are_refused)
{
    struct file *stream, *datagram, *accepted;
    struct socket_name name;

    net_begin();
    stream = open_socket(SOCKET_STREAM);
    datagram = open_socket(SOCKET_DATAGRAM);
    ck_assert_int_eq(socket_listen(socket_of(datagram), 1), -EOPNOTSUPP);
    ck_assert_int_eq(socket_listen(socket_of(stream), 1), -EINVAL);
    ck_assert_int_eq(socket_accept(datagram, &context, 0, &accepted), -EOPNOTSUPP);
    ck_assert_int_eq(socket_accept(stream, &context, 0, &accepted), -EINVAL);
    ck_assert_int_eq(socket_connect(socket_of(stream), NULL, &context, false), -EINVAL);
    ck_assert_int_eq(socket_shutdown(socket_of(stream), 3), -EINVAL);
    ck_assert_int_eq(socket_shutdown(socket_of(stream), -1), -EINVAL);
    ck_assert_int_eq(socket_shutdown(socket_of(stream), 2), 0);
    ck_assert_int_eq(socket_peer_name(socket_of(stream), &name), -ENOTCONN);
    ck_assert_int_eq(bind_to(datagram, "file"), 0);
    ck_assert_int_eq(connect_to(stream, "file"), -EPROTOTYPE);
    file_release(stream);
    file_release(datagram);
    net_end();
}
END_TEST

START_TEST(directions_are_shut_down_on_both_sides)
{
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    ck_assert_int_eq(socket_shutdown(socket_of(files[0]), 1), 0);
    ck_assert_int_eq(put(files[0], "x", 1), -EPIPE);
    ck_assert_int_eq(get(files[1], bytes, 1), 0);
    ck_assert_int_eq(put(files[1], "x", 1), 1);
    ck_assert_int_eq(get(files[0], bytes, 1), 1);
    ck_assert_uint_eq(events_of_file(files[1]) & (POLL_READ_HANGUP | POLL_HANGUP),
                      POLL_READ_HANGUP);
    ck_assert_int_eq(socket_shutdown(socket_of(files[1]), 1), 0);
    ck_assert_uint_ne(events_of_file(files[0]) & POLL_HANGUP, 0);
    close_pair(files);
    net_end();
}
END_TEST

START_TEST(who_accepts_inherits_and_knows_the_client)
{
    struct file *listener, *client, *accepted;
    struct socket_option option = { .number = 17 };

    net_begin();
    listener = open_listener("server", 3);
    ck_assert_int_eq(set_option(listener, OPTION_PASS_CREDENTIALS, 1), 0);
    client = open_socket(SOCKET_STREAM);
    ck_assert_int_eq(set_option(client, OPTION_PASS_CREDENTIALS, 1), 0);
    process_number = 9;
    ck_assert_int_eq(connect_to(client, "server"), 0);
    ck_assert_int_eq(socket_accept(listener, &context, 0, &accepted), 0);
    ck_assert_int_eq(get_option(accepted, OPTION_PASS_CREDENTIALS), 1);
    ck_assert_int_eq(socket_get_option(socket_of(accepted), &option), 0);
    ck_assert_int_eq(option.value.number, 9);
    ck_assert_int_eq(socket_get_option(socket_of(client), &option), 0);
    ck_assert_int_eq(option.value.number, 7);
    file_release(accepted);
    file_release(client);
    file_release(listener);
    net_end();
}
END_TEST

TEST_MAIN("net/connection", clients_are_accepted_in_order, the_backlog_is_one_more,
          accepting_waits, wrong_calls_are_refused, directions_are_shut_down_on_both_sides,
          who_accepts_inherits_and_knows_the_client)
