/* Files in messages: what becomes of them, circles of sockets, chains, accounts. */
#include "net_fixture.h"

#include "lib/random.h"

static char bytes[1000];

/* Is the socket of this pair's other end closed? */
static bool is_closed_behind(struct file *file)
{
    return (events_of_file(file) & POLL_HANGUP) != 0;
}

START_TEST(files_are_taken_peeked_at_or_lost)
{
    struct socket_receive receive = { .flags = MESSAGE_PEEK };
    struct file *files[2], *carried[2];

    net_begin();
    for (int type = SOCKET_STREAM; type <= SOCKET_DATAGRAM; type++) {
        open_pair((enum socket_type)type, files);
        open_pair(SOCKET_STREAM, carried);
        ck_assert_int_eq(put_file(files[0], carried[1]), 1);
        file_release(carried[1]);
        receive.flags = MESSAGE_PEEK;
        ck_assert_int_eq(get_with(files[1], &receive, bytes, 10), 1);
        ck_assert_uint_eq(rights_count(receive.rights), 1);
        ck_assert_ptr_eq(rights_file(receive.rights, 0), carried[1]);
        rights_free(receive.rights);
        receive = (struct socket_receive){ .flags = 0 };
        ck_assert_int_eq(get_with(files[1], &receive, bytes, 10), 1);
        ck_assert(!is_closed_behind(carried[0]));
        rights_free(receive.rights);
        ck_assert(is_closed_behind(carried[0]));
        file_release(carried[0]);
        open_pair(SOCKET_STREAM, carried);
        ck_assert_int_eq(put_file(files[0], carried[1]), 1);
        file_release(carried[1]);
        close_pair(files);
        ck_assert(is_closed_behind(carried[0]));
        file_release(carried[0]);
    }
    net_end();
}
END_TEST

START_TEST(a_socket_in_its_own_queue_goes)
{
    struct file *files[2], *witness[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    open_pair(SOCKET_STREAM, witness);
    ck_assert_int_eq(put_file(files[0], files[1]), 1);
    ck_assert_int_eq(put_file(files[0], witness[1]), 1);
    file_release(witness[1]);
    ck_assert(!is_closed_behind(witness[0]));
    close_descriptor(files[1]);
    ck_assert(is_closed_behind(witness[0]));
    close_descriptor(files[0]);
    file_release(witness[0]);
    net_end();
}
END_TEST

/* Both ends of a pair are in flight to one another: no socket is ever closed but by the look at the
 * last descriptor. */
START_TEST(the_last_descriptor_makes_it_look)
{
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    ck_assert_int_eq(put_file(files[0], files[0]), 1);
    ck_assert_int_eq(put_file(files[1], files[1]), 1);
    close_descriptor(files[0]);
    ck_assert_uint_eq(refcount_value(&files[1]->references), 2);
    close_descriptor(files[1]);
    net_end();
}
END_TEST

START_TEST(what_somebody_holds_stays)
{
    struct file *a[2], *b[2], *held;
    struct socket_receive receive = { .flags = 0 };

    net_begin();
    open_pair(SOCKET_STREAM, a);
    open_pair(SOCKET_STREAM, b);
    held = a[1];
    ck_assert_int_eq(put_file(a[0], b[1]), 1);
    ck_assert_int_eq(put_file(b[0], a[1]), 1);
    close_descriptor(a[0]);
    close_descriptor(b[1]);
    close_descriptor(b[0]);
    ck_assert_int_eq(get_with(held, &receive, bytes, 10), 1);
    ck_assert_ptr_eq(rights_file(receive.rights, 0), b[1]);
    close_descriptor(held);
    rights_free(receive.rights);
    flight_collect(NULL);
    net_end();
}
END_TEST

START_TEST(who_waits_to_be_accepted_carries_for_the_listener)
{
    struct file *listener, *client, *accepted, *witness[2];

    net_begin();
    for (int round = 0; round < 2; round++) {
        open_pair(SOCKET_STREAM, witness);
        listener = open_socket(SOCKET_STREAM);
        ck_assert_int_eq(bind_to(listener, "@l"), 0);
        ck_assert_int_eq(socket_listen(socket_of(listener), 3), 0);
        client = open_socket(SOCKET_STREAM);
        ck_assert_int_eq(connect_to(client, "@l"), 0);
        ck_assert_int_eq(put_file(client, listener), 1);
        ck_assert_int_eq(put_file(client, witness[1]), 1);
        file_release(witness[1]);
        if (round == 1) {
            ck_assert_int_eq(socket_accept(listener, &context, 0, &accepted), 0);
            close_descriptor(accepted);
        }
        close_descriptor(client);
        close_descriptor(listener);
        ck_assert(is_closed_behind(witness[0]));
        file_release(witness[0]);
    }
    net_end();
}
END_TEST

START_TEST(a_long_chain_goes_without_a_deep_stack)
{
    struct file *before, *files[2];

    net_begin();
    open_pair(SOCKET_STREAM, files);
    file_release(files[0]);
    before = files[1];
    for (int i = 0; i < 3000; i++) {
        open_pair(SOCKET_STREAM, files);
        ck_assert_int_eq(put_file(files[0], before), 1);
        file_release(before);
        file_release(files[0]);
        before = files[1];
    }
    file_release(before);
    net_end();
}
END_TEST

START_TEST(each_user_has_so_many_under_way)
{
    struct file *files[2];

    net_begin();
    open_pair(SOCKET_DATAGRAM, files);
    for (int i = 0; i < 4; i++) {
        struct socket_send send = { .rights = rights_create(2) };
        int error;

        for (int j = 0; j < 2; j++) {
            file_reference(files[0]);
            rights_add(send.rights, files[0]);
        }
        error = rights_charge(send.rights, 1000, 5);
        ck_assert_int_eq(error, i < 3 ? 0 : -ETOOMANYREFS);
        if (error)
            rights_free(send.rights);
        else
            ck_assert_int_eq(send_with(files[0], &send, "x", 1), 1);
    }
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(get(files[1], bytes, 1), 1);
    close_pair(files);
    rights_free(NULL);
    net_end();
}
END_TEST

/* Sockets that send one another around at random, and are closed in any order: in the end nothing
 * is left, and never does one go that is held. */
#define SOCKETS 16
#define STEPS 3000

static struct file *held[SOCKETS];
static struct random random_numbers;

static unsigned below(unsigned limit)
{
    return (unsigned)random_below(&random_numbers, limit);
}

static void drop(unsigned slot)
{
    if (held[slot])
        close_descriptor(held[slot]);
    held[slot] = NULL;
}

static void step(void)
{
    static const enum socket_type types[] = { SOCKET_STREAM, SOCKET_DATAGRAM, SOCKET_SEQUENCED };
    struct socket_receive receive = { .flags = below(4) ? 0 : MESSAGE_PEEK };
    unsigned a = below(SOCKETS), b = below(SOCKETS);
    struct file *files[2];

    switch (below(8)) {
    case 0:
        drop(a);
        drop((a + 1) % SOCKETS);
        open_pair(types[below(3)], files);
        held[a] = files[0];
        held[(a + 1) % SOCKETS] = files[1];
        break;
    case 1:
        drop(a);
        break;
    case 2:
        if (!held[a] || get_with(held[a], &receive, bytes, 1) <= 0 || !receive.rights)
            break;
        drop(b);
        held[b] = rights_file(receive.rights, 0);
        file_reference(held[b]);
        break;
    default:
        if (held[a] && held[b])
            (void)put_file(held[a], held[b]);
        break;
    }
    rights_free(receive.rights);
}

START_TEST(random_circles_leave_nothing)
{
    net_begin();
    for (unsigned seed = 1; seed <= 10; seed++) {
        random_init(&random_numbers, seed);
        for (int i = 0; i < STEPS; i++)
            step();
        for (unsigned i = 0; i < SOCKETS; i++)
            drop(i);
        /* Nobody is told when a file is let go that is no descriptor's. */
        flight_collect(NULL);
    }
    net_end();
}
END_TEST

TEST_MAIN("net/flight", files_are_taken_peeked_at_or_lost, a_socket_in_its_own_queue_goes,
          the_last_descriptor_makes_it_look, what_somebody_holds_stays,
          who_waits_to_be_accepted_carries_for_the_listener,
          a_long_chain_goes_without_a_deep_stack, each_user_has_so_many_under_way,
          random_circles_leave_nothing)
