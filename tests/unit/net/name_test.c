/* Names: files, abstract ones, those that are chosen; the list of all sockets; lack of memory. */
#include "net_fixture.h"

START_TEST(a_file_is_a_name_while_the_socket_is_open)
{
    struct file *a, *b, *client;
    struct socket_name name;
    struct file_status status;
    struct path path;

    net_begin();
    a = open_socket(SOCKET_STREAM);
    b = open_socket(SOCKET_STREAM);
    client = open_socket(SOCKET_STREAM);
    context.umask = 022;
    ck_assert_int_eq(bind_to(a, "no/where"), -ENOENT);
    ck_assert_int_eq(bind_to(a, "file"), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "file", 0, &path), 0);
    ck_assert_int_eq(path_status(&path, &status), 0);
    path_release(&path);
    ck_assert_uint_eq(status.mode, MODE_SOCKET | 0755);
    ck_assert_int_eq(try_open("file", OPEN_READ), -ENXIO);
    ck_assert_int_eq(bind_to(b, "file"), -EADDRINUSE);
    ck_assert_int_eq(bind_to(a, "other"), -EINVAL);
    ck_assert_int_eq(try_open("other", OPEN_READ), -ENOENT);
    ck_assert_int_eq(bind_to(a, "@other"), -EINVAL);
    socket_name(socket_of(a), &name);
    ck_assert_uint_eq(name.length, 5);
    ck_assert_str_eq(name.bytes, "file");
    ck_assert_int_eq(connect_to(client, "file"), -ECONNREFUSED);
    ck_assert_int_eq(socket_listen(socket_of(a), 1), 0);
    ck_assert_int_eq(make_link("file", "link"), 0);
    ck_assert_int_eq(connect_to(client, "link"), 0);
    become(1000, 1000);
    ck_assert_int_eq(connect_to(b, "link"), -EACCES);
    become(0, 0);
    file_release(a);
    ck_assert_int_eq(connect_to(b, "file"), -ECONNREFUSED);
    make_file("plain", "x");
    ck_assert_int_eq(connect_to(b, "plain"), -ECONNREFUSED);
    ck_assert_int_eq(connect_to(b, "none"), -ENOENT);
    file_release(client);
    file_release(b);
    net_end();
}
END_TEST

START_TEST(abstract_names_are_one_for_each_type)
{
    struct file *a, *b, *c;

    net_begin();
    a = open_socket(SOCKET_STREAM);
    b = open_socket(SOCKET_STREAM);
    c = open_socket(SOCKET_DATAGRAM);
    ck_assert_int_eq(bind_to(a, "@name"), 0);
    ck_assert_int_eq(bind_to(b, "@name"), -EADDRINUSE);
    ck_assert_int_eq(bind_to(b, "@names"), 0);
    ck_assert_int_eq(bind_to(c, "@name"), 0);
    file_release(a);
    a = open_socket(SOCKET_STREAM);
    ck_assert_int_eq(bind_to(a, "@name"), 0);
    file_release(a);
    file_release(b);
    file_release(c);
    net_end();
}
END_TEST

START_TEST(names_are_chosen)
{
    const struct socket_name none = { .length = 0 };
    struct socket_name names[2];
    struct file *files[2];

    net_begin();
    for (int i = 0; i < 2; i++) {
        files[i] = open_socket(SOCKET_DATAGRAM);
        ck_assert_int_eq(socket_bind(socket_of(files[i]), &none, &context), 0);
        ck_assert_int_eq(socket_bind(socket_of(files[i]), &none, &context), 0);
        socket_name(socket_of(files[i]), &names[i]);
        ck_assert_uint_eq(names[i].length, 6);
    }
    ck_assert_mem_ne(names[0].bytes, names[1].bytes, 6);
    close_pair(files);
    net_end();
}
END_TEST

static struct socket_view views[8];
static unsigned view_count;

static void note_view(const struct socket_view *view, void *wanted)
{
    ck_assert_ptr_eq(wanted, views);
    views[view_count++] = *view;
}

START_TEST(all_sockets_are_listed)
{
    struct file *listener, *client, *alone;

    net_begin();
    listener = open_socket(SOCKET_STREAM);
    client = open_socket(SOCKET_STREAM);
    alone = open_socket(SOCKET_DATAGRAM);
    ck_assert_int_eq(bind_to(listener, "@l"), 0);
    ck_assert_int_eq(socket_listen(socket_of(listener), 1), 0);
    ck_assert_int_eq(connect_to(client, "@l"), 0);
    socket_for_each(0, note_view, views);
    ck_assert_uint_eq(view_count, 4);
    ck_assert_uint_eq(views[0].flags, 0x10000);
    ck_assert_uint_eq(views[0].state, 1);
    ck_assert_uint_eq(views[0].name.length, 2);
    ck_assert_uint_eq(views[1].state, 3);
    ck_assert_uint_eq(views[1].inode_number, client->inode->number);
    ck_assert_uint_eq(views[2].type, SOCKET_DATAGRAM);
    ck_assert_uint_eq(views[3].state, 2);
    ck_assert_uint_eq(views[3].inode_number, 0);
    file_release(listener);
    file_release(client);
    file_release(alone);
    net_end();
}
END_TEST

START_TEST(opening_says_what_is_wrong)
{
    static const struct {
        struct socket_kind kind;
        int error;
    } cases[] = {
        { { .type = 4 }, -ESOCKTNOSUPPORT },
        { { .type = SOCKET_STREAM, .protocol = 2 }, -EPROTONOSUPPORT },
        { { .type = SOCKET_STREAM, .protocol = 1 }, 0 },
        { { .type = SOCKET_RAW }, 0 },
    };
    struct file *file, *files[2];

    net_begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(socket_open(&cases[i].kind, &context, &file), cases[i].error);
        if (!cases[i].error)
            file_release(file);
        ck_assert_int_eq(socket_open_pair(&cases[i].kind, &context, files), cases[i].error);
        if (!cases[i].error)
            close_pair(files);
    }
    make_file("file", "x");
    ck_assert_int_eq(open_file("file", OPEN_READ, 0, &file), 0);
    ck_assert_ptr_null(socket_of(file));
    ck_assert(socket_raises_signal(file));
    file_release(file);
    net_end();
}
END_TEST

/* Less and less memory: everything fails somewhere, and nothing is lost. */
static void try_everything(void)
{
    const struct socket_kind kind = { .type = SOCKET_STREAM, .flags = OPEN_NONBLOCK };
    struct file *listener = NULL, *client = NULL, *accepted, *files[2];

    if (socket_open_pair(&kind, &context, files) == 0) {
        (void)put_file(files[0], files[1]);
        close_descriptor(files[1]);
        close_descriptor(files[0]);
    }
    if (socket_open(&kind, &context, &listener) == 0 && bind_to(listener, "@l") == 0 &&
        socket_listen(socket_of(listener), 1) == 0 &&
        socket_open(&kind, &context, &client) == 0 && connect_to(client, "@l") == 0 &&
        socket_accept(listener, &context, 0, &accepted) == 0)
        file_release(accepted);
    if (listener)
        file_release(listener);
    if (client)
        file_release(client);
}

START_TEST(without_memory_nothing_is_lost)
{
    static struct page *taken[20000];
    size_t count = 0;
    struct socket_rights *rights;

    net_begin();
    pool_release_spares();
    while (count < 20000 && (taken[count] = page_allocate(PAGE_DIRTY)))
        count++;
    ck_assert_uint_lt(count, 20000);
    rights = rights_create(253);
    if (rights)
        rights_free(rights);
    for (int pages = 0; pages < 30; pages++) {
        try_everything();
        pool_release_spares();
        page_release(taken[--count]);
    }
    while (count > 0)
        page_release(taken[--count]);
    try_everything();
    net_end();
}
END_TEST

TEST_MAIN("net/name", a_file_is_a_name_while_the_socket_is_open,
          abstract_names_are_one_for_each_type, names_are_chosen, all_sockets_are_listed,
          opening_says_what_is_wrong, without_memory_nothing_is_lost)
