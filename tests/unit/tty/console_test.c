/* The machine's console: its nodes, what the first program finds open, interrupts. */
#include "tty/console.h"

#include "../fs/fs_fixture.h"
#include "config.h"
#include "device/channel.h"
#include "fs/devfs.h"
#include "fs/file_table.h"

#include "tty_fixture.h"

#define CONSOLE_ID DEVICE_ID(5, 1)
#define CURRENT_TERMINAL_ID DEVICE_ID(5, 0)
#define SET_EXCLUSIVE 0x540cu
#define PRINTED fake_machine.terminal.text

/* ---- The host's standard streams ----------------------------------------------------------- */

static enum channel_kind kinds[3];
static uint64_t host_device;    /* what the streams are */

static enum channel_kind host_kind(unsigned channel)
{
    ck_assert_uint_lt(channel, 3);
    return kinds[channel];
}

static int host_status(unsigned channel, struct channel_status *status)
{
    ck_assert(kinds[channel] == CHANNEL_STREAM || kinds[channel] == CHANNEL_FILE);
    *status = (struct channel_status){
        .mode = host_device ? MODE_CHARACTER | 0666 : MODE_FIFO | 0600,
        .flags = channel == 0 ? OPEN_READ : OPEN_WRITE,
        .device_id = host_device, .inode = 70 + channel,
    };
    return 0;
}

static const struct channel_operations channels = {
    .count = 3, .kind = host_kind, .status = host_status,
};

/* ---- Beginning and end --------------------------------------------------------------------- */

static struct file_table *table;

static int open_null(struct file *of)
{
    (void)of;
    return 0;
}

static const struct file_operations null_operations = { 0 };
static struct device null_node = {
    .name = "null", .mode = MODE_CHARACTER | 0666, .id = DEVICE_ID(1, 3), .is_stream = true,
    .operations = &null_operations, .open = open_null,
};

static void make_node(const char *text, uint64_t id)
{
    const struct node_request node = {
        .text = text, .mode = MODE_CHARACTER | 0666, .device_id = id,
    };

    ck_assert_int_eq(fs_make_node(&context, &node), 0);
}

/* A kernel with a console, on that host; `nodes`: and with a /dev. */
static void begin_on(const struct channel_operations *host, bool nodes)
{
    struct filesystem *filesystem;

    fake_scheduler_init(1);
    fake_machine_info.channels = host;
    fs_init();
    job_control_init();
    console_init();
    device_register(&null_node);
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    fixture_mount_root(filesystem);
    if (nodes) {
        ck_assert_int_eq(make_directory("/dev"), 0);
        make_node("/dev/console", CONSOLE_ID);
        make_node("/dev/tty", CURRENT_TERMINAL_ID);
        make_node("/dev/null", null_node.id);
    }
    ck_assert_int_eq(file_table_create(&table), 0);
    fake_machine.terminal_room = SIZE_MAX;
}

static void begin_console(bool nodes)
{
    begin_on(NULL, nodes);
}

static void begin_with(enum channel_kind in, enum channel_kind out, enum channel_kind error)
{
    kinds[0] = in;
    kinds[1] = out;
    kinds[2] = error;
    begin_on(&channels, true);
}

/* The file there, without a reference. */
static struct file *opened(int fd)
{
    struct file *found = file_table_get(table, fd);

    if (found)
        file_release(found);
    return found;
}

static void open_standard(void)
{
    ck_assert_int_eq(console_open_standard(&context.root, table), 0);
}

static void print(struct file *to, const char *text)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)text, strlen(text) };
    struct io_buffer buffer;
    uint64_t position = 0;

    io_buffer_init(&buffer, NULL, &segment, 1);
    ck_assert_int_eq(to->operations->write(to, &buffer, &position), (int64_t)strlen(text));
}

/* ---- Descriptors --------------------------------------------------------------------------- */

START_TEST(without_channels_all_three_are_the_terminal)
{
    begin_console(true);
    open_standard();
    ck_assert_ptr_nonnull(opened(0));
    ck_assert_ptr_eq(opened(1), opened(0));
    ck_assert_ptr_eq(opened(2), opened(0));
    ck_assert_ptr_null(opened(3));
    ck_assert_uint_eq(opened(0)->inode->device_id, CONSOLE_ID);
    ck_assert_ptr_nonnull(opened(0)->path.name);
    ck_assert_int_eq(file_table_close(table, 0), 0);
    print(opened(1), "still open\n");
    ck_assert_str_eq(PRINTED, "still open\r\n");
    file_table_release(table);
}
END_TEST

START_TEST(without_a_node_the_terminal_has_no_name)
{
    begin_console(false);
    open_standard();
    ck_assert_ptr_nonnull(opened(0));
    ck_assert_ptr_eq(opened(2), opened(0));
    ck_assert_ptr_null(opened(0)->path.name);
    ck_assert_uint_eq(opened(0)->inode->device_id, CONSOLE_ID);
    ck_assert_uint_eq(opened(0)->inode->mode, MODE_CHARACTER | 0600);
    print(opened(2), "x");
    ck_assert_str_eq(PRINTED, "x");
    file_table_release(table);
}
END_TEST

START_TEST(another_console_in_dev_is_not_taken)
{
    struct file *again;

    begin_console(true);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/dev/console"), 0);
    make_node("/dev/console", null_node.id);
    open_standard();
    ck_assert_ptr_null(opened(0)->path.name);
    make_node("/dev/ours", CONSOLE_ID);
    ck_assert_int_eq(open_file("/dev/ours", OPEN_READ_WRITE, 0, &again), 0);
    ck_assert_int_eq(opened(0)->operations->control(opened(0), SET_EXCLUSIVE, 0), 0);
    file_release(again);    /* not the last one */
    ck_assert_int_eq(try_open("/dev/ours", OPEN_READ_WRITE), -EBUSY);
    print(opened(0), "ours");
    ck_assert_str_eq(PRINTED, "ours");
    file_table_release(table);
}
END_TEST

START_TEST(closed_ones_stay_closed)
{
    begin_with(CHANNEL_ABSENT, CHANNEL_TERMINAL, CHANNEL_ABSENT);
    open_standard();
    ck_assert_ptr_null(opened(0));
    ck_assert_ptr_nonnull(opened(1));
    ck_assert_ptr_null(opened(2));
    file_table_release(table);
}
END_TEST

START_TEST(streams_and_files_are_channels)
{
    begin_with(CHANNEL_STREAM, CHANNEL_FILE, CHANNEL_TERMINAL);
    open_standard();
    ck_assert_uint_eq(opened(0)->flags & 3, OPEN_READ);
    ck_assert_uint_eq(opened(1)->flags & 3, OPEN_WRITE);
    ck_assert(opened(0)->is_stream);
    ck_assert_ptr_ne(opened(0)->operations, &tty_file_operations);
    ck_assert_ptr_eq(opened(2)->operations, &tty_file_operations);
    file_table_release(table);
}
END_TEST

START_TEST(channels_need_no_dev)
{
    kinds[0] = kinds[1] = kinds[2] = CHANNEL_STREAM;
    begin_on(&channels, false);
    open_standard();
    ck_assert_ptr_nonnull(opened(2));
    ck_assert_ptr_ne(opened(2), opened(1));
    file_table_release(table);
}
END_TEST

START_TEST(devices_that_are_ours_are_opened_as_such)
{
    host_device = DEVICE_ID(1, 3);
    begin_with(CHANNEL_STREAM, CHANNEL_STREAM, CHANNEL_STREAM);
    open_standard();
    ck_assert_ptr_eq(opened(0)->operations, &null_operations);
    ck_assert_uint_eq(opened(0)->flags & 3, OPEN_READ);
    ck_assert_uint_eq(opened(1)->flags & 3, OPEN_WRITE);
    ck_assert_int_eq(file_table_close(table, 2), 0);

    /* Not there: the host's is as good. */
    ck_assert_int_eq(fs_unlink(&context, NULL, "/dev/null"), 0);
    open_standard();
    ck_assert_ptr_nonnull(opened(2));
    ck_assert_ptr_ne(opened(2)->operations, &null_operations);
    file_table_release(table);
}
END_TEST

START_TEST(no_memory_for_a_terminal)
{
    begin_console(false);
    while (page_allocate(PAGE_DIRTY))
        continue;
    for (int i = 0, error = 0; error == 0; i++) {
        struct file *unused;

        ck_assert_int_lt(i, 10000);
        error = file_reserve(&unused);    /* never given back */
    }
    ck_assert_int_eq(console_open_standard(&context.root, table), -ENOMEM);
    ck_assert_ptr_null(opened(0));
}
END_TEST

/* ---- Sessions ------------------------------------------------------------------------------ */

START_TEST(the_console_controls_who_was_started_from_it)
{
    struct file *own;

    begin_with(CHANNEL_STREAM, CHANNEL_STREAM, CHANNEL_TERMINAL);
    ck_assert_int_eq(try_open("/dev/tty", OPEN_READ_WRITE), -ENXIO);
    ck_assert_int_eq(try_open("/dev/console", OPEN_READ_WRITE), 0);    /* takes no control */
    ck_assert_int_eq(try_open("/dev/tty", OPEN_READ_WRITE), -ENXIO);
    console_control_first(&processes[0]);
    ck_assert_int_eq(open_file("/dev/tty", OPEN_READ_WRITE, 0, &own), 0);
    print(own, "own");
    ck_assert_str_eq(PRINTED, "own");
    file_release(own);
    current = &processes[2];    /* of another session */
    ck_assert_int_eq(try_open("/dev/tty", OPEN_READ_WRITE), -ENXIO);
}
END_TEST

START_TEST(the_console_controls_nobody_who_does_not_see_it)
{
    begin_with(CHANNEL_STREAM, CHANNEL_FILE, CHANNEL_ABSENT);
    console_control_first(&processes[0]);
    ck_assert_int_eq(try_open("/dev/tty", OPEN_READ_WRITE), -ENXIO);
    fake_machine.input = "\x03";
    console_interrupt();
    has_sent("1:2 ");    /* but ^C ends it */
}
END_TEST

START_TEST(what_is_typed_comes_by_interrupt)
{
    struct terminal_size size = { 0 };
    struct file *terminal;

    begin_console(true);
    console_control_first(&processes[0]);
    open_standard();
    terminal = opened(0);
    file = (struct file){ .operations = terminal->operations, .contents = terminal->contents };
    start_read(&calls[0], 100);
    ck_assert(!calls[0].over);
    fake_machine.input = "word\r";
    console_interrupt();
    fake_scheduler_run();
    ck_assert_str_eq(PRINTED, "word\r\n");
    gives(&calls[0], 5, "word\n");
    has_sent("");    /* the size has not changed */
    ck_assert_int_eq(terminal->operations->control(terminal, 0x5413,
                                                   (uint64_t)(uintptr_t)&size), 0);
    ck_assert_uint_eq(size.rows, 25);
    ck_assert_uint_eq(size.columns, 80);
    file_table_release(table);
}
END_TEST

TEST_MAIN("tty/console", without_channels_all_three_are_the_terminal,
          without_a_node_the_terminal_has_no_name, another_console_in_dev_is_not_taken,
          closed_ones_stay_closed, streams_and_files_are_channels, channels_need_no_dev,
          devices_that_are_ours_are_opened_as_such, no_memory_for_a_terminal,
          the_console_controls_who_was_started_from_it,
          the_console_controls_nobody_who_does_not_see_it, what_is_typed_comes_by_interrupt)
