/* Pseudo terminals: what goes in at one end and comes out at the other, packet mode, closing. */
#include "fs/file_table.h"
#include "process/shares.h"
#include "tty/devpts.h"
#include "tty/pty.h"

#include "tty_fixture.h"

#define FLUSH 0x540bu
#define SET_PACKET_MODE 0x5420u
#define GET_NUMBER 0x80045430u
#define GET_PACKET_MODE 0x80045438u
#define SET_LOCK 0x40045431u
#define GET_LOCK 0x80045439u
#define SEND_SIGNAL 0x40045436u
#define OPEN_PEER 0x5441u

/* ---- The rest of the kernel, as far as a master sees it ------------------------------------ */

static struct pty *pty;
static struct file master, peer;
static unsigned removed, peers_released;
static int table_answer;

void devpts_remove(struct pty *of)
{
    ck_assert_ptr_eq(of, pty);
    removed++;
}

int devpts_open_peer(struct pty *of, uint32_t flags, struct file **result)
{
    ck_assert_ptr_eq(of, pty);
    *result = &peer;
    return flags == 7 ? -EACCES : 0;
}

struct file_table *current_files(void)
{
    return NULL;
}

int file_table_add(struct file_table *table, struct file *of, bool close_on_exec, uint64_t limit)
{
    ck_assert_ptr_null(table);
    ck_assert_ptr_eq(of, &peer);
    ck_assert_uint_eq(limit, 9);
    return table_answer + (close_on_exec ? 100 : 0);
}

void file_release(struct file *of)
{
    ck_assert_ptr_eq(of, &peer);
    peers_released++;
}

bool file_is_readable(struct file *of)
{
    return (file_flags(of) & OPEN_ACCESS_MODE) != OPEN_WRITE;
}

bool file_is_writable(struct file *of)
{
    return (file_flags(of) & OPEN_ACCESS_MODE) != OPEN_READ;
}

struct limit process_limit(struct process *process, unsigned which)
{
    (void)process;
    (void)which;
    return (struct limit){ .soft = 9 };
}

/* ---- Both ends ----------------------------------------------------------------------------- */

static void begin_pair(void)
{
    begin();
    ck_assert_int_eq(pty_create(5, &pty), 0);
    master = (struct file){ .operations = &pty_master_operations, .contents = pty };
    master.flags = OPEN_READ_WRITE;
    file = (struct file){ .flags = OPEN_READ_WRITE };
    ck_assert_int_eq(tty_open(&file, &pty->tty, false), 0);
    removed = peers_released = 0;
}

static int64_t move(struct file *of, struct call *call, bool is_write)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)call->bytes, call->size };
    struct io_buffer buffer;
    uint64_t position = 0;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return is_write ? of->operations->write(of, &buffer, &position)
                    : of->operations->read(of, &buffer, &position);
}

static void master_thread(void *argument)
{
    struct call *call = argument;

    call->result = move(&master, call, false);
    call->over = true;
}

static void master_writer(void *argument)
{
    struct call *call = argument;

    call->result = move(&master, call, true);
    call->over = true;
}

static void start_master(struct call *call, void (*entry)(void *argument), size_t size)
{
    *call = (struct call){ .size = size };
    memset(call->bytes, 'x', sizeof(call->bytes));
    fake_thread_start("master", entry, call);
    fake_scheduler_run();
}

static void master_types(const char *text)
{
    struct call call = { .size = strlen(text) };

    memcpy(call.bytes, text, call.size);
    ck_assert_int_eq(move(&master, &call, true), (int64_t)call.size);
}

/* What is there to be read, without waiting. */
static void master_sees(const char *bytes, size_t count)
{
    static struct call call;

    call.size = sizeof(call.bytes);
    master.flags |= OPEN_NONBLOCK;
    ck_assert_int_eq(move(&master, &call, false), count ? (int64_t)count : -EAGAIN);
    master.flags &= ~OPEN_NONBLOCK;
    ck_assert_mem_eq(call.bytes, bytes, count);
}
#define SEES(text) master_sees(text, sizeof(text) - 1)

static int64_t ask(uint32_t request, const void *argument)
{
    return pty_master_operations.control(&master, request, (uint64_t)(uintptr_t)argument);
}

START_TEST(bytes_go_both_ways)
{
    begin_pair();
    master_types("abc\r");
    SEES("abc\r\n");
    start_read(&calls[0], 100);
    gives(&calls[0], 4, "abc\n");
    start_write(&calls[0], "answer\n");
    gives(&calls[0], 7, NULL);
    SEES("answer\r\n");
    SEES("");
    master.operations->release(&master);
    tty_file_operations.release(&file);
}
END_TEST

START_TEST(master_waits_for_bytes)
{
    begin_pair();
    start_master(&calls[1], master_thread, 100);
    ck_assert(!calls[1].over);
    start_write(&calls[0], "x");
    gives(&calls[1], 1, "x");
    start_master(&calls[1], master_thread, 0);
    gives(&calls[1], 0, NULL);
}
END_TEST

START_TEST(output_waits_for_the_master)
{
    begin_pair();
    pty->tty.line.settings.output_flags = 0;
    calls[0] = (struct call){ .size = 16000 };
    fake_thread_start("write", write_thread, &calls[0]);
    fake_scheduler_run();
    ck_assert(!calls[0].over);
    ck_assert_uint_eq(pty_master_operations.poll(&master, NULL) & POLL_READABLE, POLL_READABLE);
    start_master(&calls[1], master_thread, 16000);
    ck_assert(calls[1].over && calls[1].result >= 12288);
    ck_assert(calls[0].over);
    ck_assert_int_eq(calls[0].result, 16000);
}
END_TEST

START_TEST(master_waits_for_room)
{
    begin_pair();
    pty->tty.line.settings.local_flags = 0;
    start_master(&calls[1], master_writer, 16000);
    ck_assert(!calls[1].over);
    ck_assert_uint_eq(pty_master_operations.poll(&master, NULL) & POLL_WRITABLE, 0);
    start_read(&calls[0], 4000);
    gives(&calls[0], 4000, "xxx");
    ck_assert(calls[1].over);
    ck_assert_int_eq(calls[1].result, 16000);
    master.flags |= OPEN_NONBLOCK;
    start_master(&calls[1], master_writer, 16000);
    ck_assert(calls[1].over && calls[1].result < 16000);
    ck_assert_int_eq(ask(FLUSH, (const void *)1), 0);
    ck_assert_uint_eq(pty_master_operations.poll(&master, NULL) & POLL_WRITABLE, POLL_WRITABLE);
}
END_TEST

START_TEST(stopped_output_is_refused)
{
    begin_pair();
    master_types("\x13");
    file.flags |= OPEN_NONBLOCK;
    start_write(&calls[0], "x");
    gives(&calls[0], -EAGAIN, NULL);
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL) & POLL_WRITABLE, 0);
    master_types("\x11");
    start_write(&calls[0], "x");
    gives(&calls[0], 1, NULL);
    ck_assert_int_eq(tty_drain(&pty->tty, false), 0);
}
END_TEST

START_TEST(packets_tell_what_happened)
{
    int32_t number = 1;
    struct terminal_settings settings;

    begin_pair();
    ck_assert_int_eq(ask(SET_PACKET_MODE, &number), 0);
    number = 0;
    ck_assert_int_eq(ask(GET_PACKET_MODE, &number), 0);
    ck_assert_int_eq(number, 1);
    SEES("");
    start_write(&calls[0], "data");
    SEES("\0data");
    ck_assert_int_eq(control(FLUSH, (const void *)2), 0);
    ck_assert_uint_eq(pty_master_operations.poll(&master, NULL) & POLL_PRIORITY, POLL_PRIORITY);
    start_write(&calls[0], "more");
    SEES("\x03");
    SEES("\0more");
    master_types("\x13");
    SEES("\x04");
    master_types("\x11");
    SEES("\x08");
    master_types("\x03");
    SEES("\x03");
    SEES("\0^C");
    ck_assert_int_eq(control(0x540a, (const void *)0), 0);
    SEES("\x04");
    ck_assert_int_eq(control(0x540a, (const void *)1), 0);
    SEES("\x08");
    ck_assert_int_eq(control(0x802c542a, &settings), 0);
    settings.input_flags &= ~INPUT_FLOW_CONTROL;
    ck_assert_int_eq(control(0x402c542b, &settings), 0);
    SEES("\x10");
    settings.input_flags |= INPUT_FLOW_CONTROL;
    settings.local_flags |= LOCAL_EXTERNAL;
    ck_assert_int_eq(control(0x402c542b, &settings), 0);
    SEES("\x60");
    number = 0;
    ck_assert_int_eq(ask(SET_PACKET_MODE, &number), 0);
    start_write(&calls[0], "plain");
    SEES("plain");
}
END_TEST

START_TEST(requests_of_the_master)
{
    int32_t number = -1;

    begin_pair();
    ck_assert_int_eq(ask(GET_NUMBER, &number), 0);
    ck_assert_int_eq(number, 5);
    ck_assert_int_eq(ask(GET_NUMBER, NULL), -EFAULT);
    ck_assert_int_eq(ask(GET_LOCK, &number), 0);
    ck_assert_int_eq(number, 1);
    number = 0;
    ck_assert_int_eq(ask(SET_LOCK, &number), 0);
    ck_assert(!pty->is_locked);
    ck_assert_int_eq(ask(SET_LOCK, NULL), -EFAULT);
    ck_assert_int_eq(ask(SEND_SIGNAL, (const void *)9), -EINVAL);
    pty->tty.control.foreground_group = 2;
    ck_assert_int_eq(ask(SEND_SIGNAL, (const void *)SIGNAL_INT), 0);
    has_sent("2:2 ");
    start_write(&calls[0], "four");
    ck_assert_int_eq(ask(0x541b, &number), 0);
    ck_assert_int_eq(number, 4);
    ck_assert_int_eq(ask(FLUSH, (const void *)0), 0);
    SEES("");
    ck_assert_int_eq(ask(FLUSH, (const void *)3), -EINVAL);
    ck_assert_int_eq(ask(0x5411, &number), 0);
    ck_assert_int_eq(number, 0);
    ck_assert_int_eq(ask(0x540c, NULL), 0);
    ck_assert_int_eq(ask(0x80045440u, &number), 0);
    ck_assert_int_eq(number, 1);
    ck_assert_int_eq(ask(0x5409, NULL), 0);
    ck_assert_int_eq(ask(0x5422, NULL), -ENOTTY);
    ck_assert_int_eq(ask(0x5412, NULL), -ENOTTY);
    ck_assert_int_eq(ask(0x540e, NULL), -EPERM);    /* the leader has another terminal */
    ck_assert_int_eq(ask(0x9999, NULL), -ENOTTY);
    ck_assert_int_eq(ask(0x80045432u, &number), 0);
    ck_assert_int_eq(number, 0x8805);
}
END_TEST

START_TEST(peer_becomes_a_descriptor)
{
    begin_pair();
    table_answer = 4;
    ck_assert_int_eq(ask(OPEN_PEER, (const void *)2), 4);
    ck_assert_int_eq(ask(OPEN_PEER, (const void *)(uintptr_t)(2 | OPEN_CLOSE_ON_EXEC)), 104);
    ck_assert_int_eq(ask(OPEN_PEER, (const void *)7), -EACCES);
    ck_assert_uint_eq(peers_released, 0);
    table_answer = -EMFILE;
    ck_assert_int_eq(ask(OPEN_PEER, (const void *)2), -EMFILE);
    ck_assert_uint_eq(peers_released, 1);
}
END_TEST

START_TEST(terminal_that_is_left_is_an_error)
{
    begin_pair();
    start_write(&calls[0], "last");
    start_master(&calls[1], master_thread, 100);
    gives(&calls[1], 4, "last");
    start_master(&calls[1], master_thread, 100);
    ck_assert(!calls[1].over);
    tty_file_operations.release(&file);
    fake_scheduler_run();
    gives(&calls[1], -EIO, NULL);
    ck_assert_uint_eq(pty_master_operations.poll(&master, NULL) & POLL_HANGUP, POLL_HANGUP);
    master_types("kept\n");
}
END_TEST

START_TEST(closing_the_master_hangs_up)
{
    begin_pair();
    start_read(&calls[0], 10);
    master.operations->release(&master);
    fake_scheduler_run();
    ck_assert_uint_eq(removed, 1);
    gives(&calls[0], -EIO, NULL);
    start_read(&calls[0], 10);
    gives(&calls[0], 0, NULL);
    tty_file_operations.release(&file);
}
END_TEST

START_TEST(exclusive_terminal_is_not_opened_again)
{
    struct file other = { .flags = OPEN_READ_WRITE };

    begin_pair();
    ck_assert_int_eq(control(0x540c, NULL), 0);
    ck_assert_int_eq(tty_open(&other, &pty->tty, false), -EBUSY);
    is_root = true;
    ck_assert_int_eq(tty_open(&other, &pty->tty, false), 0);
    is_root = false;
    ck_assert_int_eq(control(0x540d, NULL), 0);
    ck_assert_int_eq(tty_open(&other, &pty->tty, false), 0);
}
END_TEST

TEST_MAIN("tty/pty_master", bytes_go_both_ways, master_waits_for_bytes,
          output_waits_for_the_master, master_waits_for_room, stopped_output_is_refused,
          packets_tell_what_happened, requests_of_the_master, peer_becomes_a_descriptor,
          terminal_that_is_left_is_an_error, closing_the_master_hangs_up,
          exclusive_terminal_is_not_opened_again)
