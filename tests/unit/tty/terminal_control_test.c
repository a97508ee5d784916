/* ioctl on terminals: settings, sizes, counts, flow. */
#include "tty_fixture.h"

/* ---- ioctl --------------------------------------------------------------------------------- */

START_TEST(settings_are_as_linux_begins_and_keep_their_sizes)
{
    uint8_t bytes[44];
    struct terminal_settings settings;

    begin();
    memset(bytes, 0xee, sizeof(bytes));
    ck_assert_int_eq(control(0x5401, bytes), 0);
    ck_assert_uint_eq(bytes[35], 0);
    ck_assert_uint_eq(bytes[36], 0xee);    /* TCGETS writes 36 bytes */
    ck_assert_int_eq(control(0x802c542a, &settings), 0);
    ck_assert_uint_eq(settings.input_flags, 042400);
    ck_assert_uint_eq(settings.output_flags, 05);
    ck_assert_uint_eq(settings.control_flags, 0277);
    ck_assert_uint_eq(settings.local_flags, 0105073);
    ck_assert_uint_eq(settings.output_speed, 38400);
    memset(bytes, 0xee, sizeof(bytes));
    ck_assert_int_eq(control(0x5405, bytes), 0);
    ck_assert_uint_eq(bytes[17], 0);
    ck_assert_uint_eq(bytes[18], 0xee);    /* and TCGETA 18 */
    ck_assert_int_eq(control(0x5401, NULL), -EFAULT);
    ck_assert_int_eq(control(0x5402, NULL), -EFAULT);
    ck_assert_int_eq(control(0x1234, bytes), -ENOTTY);
}
END_TEST

START_TEST(settings_of_nonsense_do_no_harm)
{
    struct terminal_settings settings;

    begin();
    memset(&settings, 0xff, sizeof(settings));
    ck_assert_int_eq(control(0x402c542b, &settings), 0);
    type("\xff\x03\n\x7f");
    file.flags = OPEN_NONBLOCK;
    start_write(&calls[0], "\n\t\r\b\x01");
    start_read(&calls[0], 100);
    memset(&settings, 0, sizeof(settings));
    ck_assert_int_eq(control(0x402c542d, &settings), 0);
    ck_assert_int_eq(control(0x802c542a, &settings), 0);
    ck_assert_uint_eq(settings.control_flags, 0260);    /* 8 bits, receiver on */
    ck_assert_uint_eq(settings.output_speed, 0);
    type("\x03\n");
    start_read(&calls[0], 10);
    gives(&calls[0], 2, "\x03\n");
}
END_TEST

START_TEST(speeds_follow_their_bits)
{
    struct terminal_settings settings;

    begin();
    ck_assert_int_eq(control(0x802c542a, &settings), 0);
    settings.control_flags = (settings.control_flags & ~CONTROL_SPEED_MASK) | 015;
    ck_assert_int_eq(control(0x5402, &settings), 0);
    ck_assert_int_eq(control(0x802c542a, &settings), 0);
    ck_assert_uint_eq(settings.output_speed, 9600);
    ck_assert_uint_eq(settings.input_speed, 9600);
    settings.control_flags = (settings.control_flags & ~CONTROL_SPEED_MASK) | 010002;
    ck_assert_int_eq(control(0x5402, &settings), 0);
    ck_assert_int_eq(control(0x802c542a, &settings), 0);
    ck_assert_uint_eq(settings.output_speed, 115200);
    settings.control_flags = (settings.control_flags & ~CONTROL_SPEED_MASK) | 010000;
    settings.output_speed = 12345;
    ck_assert_int_eq(control(0x402c542b, &settings), 0);
    ck_assert_int_eq(control(0x802c542a, &settings), 0);
    ck_assert_uint_eq(settings.output_speed, 12345);
}
END_TEST

START_TEST(bytes_can_be_counted_and_flushed)
{
    int32_t count = -1;

    begin();
    type("abc\nde");
    ck_assert_int_eq(control(0x541b, &count), 0);
    ck_assert_int_eq(count, 4);
    screen_room = 0;
    start_write(&calls[0], "12345");
    ck_assert_int_eq(control(0x5411, &count), 0);
    ck_assert_int_eq(count, 5);
    ck_assert_int_eq(control(0x540b, (const void *)1), 0);
    ck_assert_int_eq(control(0x5411, &count), 0);
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(control(0x541b, &count), 0);
    ck_assert_int_eq(count, 4);
    ck_assert_int_eq(control(0x540b, (const void *)0), 0);
    ck_assert_int_eq(control(0x541b, &count), 0);
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(control(0x540b, (const void *)3), -EINVAL);
    ck_assert_int_eq(control(0x541b, NULL), -EFAULT);
}
END_TEST

START_TEST(flow_is_controlled_by_programs)
{
    begin();
    ck_assert_int_eq(control(0x540a, (const void *)0), 0);
    type("ab\x11");
    shows("");
    ck_assert_int_eq(control(0x540a, (const void *)1), 0);
    shows("ab");
    ck_assert_int_eq(control(0x540a, (const void *)2), 0);
    ck_assert_int_eq(control(0x540a, (const void *)3), 0);
    shows("\x13\x11");
    ck_assert_int_eq(control(0x540a, (const void *)4), -EINVAL);
}
END_TEST

START_TEST(another_size_is_announced)
{
    struct terminal_size size = { .rows = 24, .columns = 80 };

    begin();
    ck_assert_int_eq(control(0x5414, &size), 0);
    ck_assert_int_eq(control(0x5414, &size), 0);
    ck_assert_str_eq(sent, "1:28 ");
    memset(&size, 0, sizeof(size));
    ck_assert_int_eq(control(0x5413, &size), 0);
    ck_assert_uint_eq(size.rows, 24);
    ck_assert_uint_eq(size.columns, 80);
    ck_assert_int_eq(control(0x5413, NULL), -EFAULT);
    ck_assert_int_eq(control(0x5414, NULL), -EFAULT);
}
END_TEST

START_TEST(characters_are_typed_for_programs)
{
    struct process *leader;

    begin();
    leader = current;
    ck_assert_int_eq(control(0x5412, "a"), 0);
    ck_assert_int_eq(control(0x5412, "\n"), 0);
    shows("a\r\n");
    start_read(&calls[0], 10);
    gives(&calls[0], 2, "a\n");
    ck_assert_int_eq(control(0x5412, "\x03"), 0);
    ck_assert_str_eq(sent, "1:2 ");
    ck_assert_int_eq(control(0x5412, NULL), -EFAULT);
    leader->terminal = 0;
    ck_assert_int_eq(control(0x5412, "b"), -EPERM);
    is_root = true;
    ck_assert_int_eq(control(0x5412, "b"), 0);
}
END_TEST

START_TEST(the_line_belongs_to_the_machine_unless_it_is_local)
{
    struct terminal_settings settings;
    int32_t number = -1;

    begin();
    ck_assert_int_eq(control(0x5424, &number), 0);    /* TIOCGETD */
    ck_assert_int_eq(number, 0);
    number = 1;
    ck_assert_int_eq(control(0x541a, &number), 0);    /* TIOCSSOFTCAR */
    ck_assert_int_eq(control(0x5419, &number), 0);
    ck_assert_int_eq(number, 1);
    ck_assert_int_eq(control(0x802c542a, &settings), 0);
    ck_assert_uint_ne(settings.control_flags & CONTROL_LOCAL, 0);
    number = 0;
    ck_assert_int_eq(control(0x541a, &number), 0);
    ck_assert_int_eq(control(0x5419, &number), 0);
    ck_assert_int_eq(number, 0);
    ck_assert_int_eq(control(0x541a, NULL), -EFAULT);
}
END_TEST

START_TEST(old_settings_change_half_of_the_flags)
{
    struct terminal_settings before, after;
    uint8_t bytes[18];

    begin();
    ck_assert_int_eq(control(0x802c542a, &before), 0);
    ck_assert_int_eq(control(0x5405, bytes), 0);
    bytes[6] &= (uint8_t)~LOCAL_ECHO;
    ck_assert_int_eq(control(0x5406, bytes), 0);    /* TCSETA */
    ck_assert_int_eq(control(0x802c542a, &after), 0);
    ck_assert_uint_eq(after.local_flags, before.local_flags & ~LOCAL_ECHO);
    ck_assert_uint_eq(after.control_flags, before.control_flags);
    ck_assert_int_eq(control(0x5406, NULL), -EFAULT);
}
END_TEST

TEST_MAIN("tty/terminal_control", settings_are_as_linux_begins_and_keep_their_sizes,
          settings_of_nonsense_do_no_harm, speeds_follow_their_bits,
          bytes_can_be_counted_and_flushed, flow_is_controlled_by_programs,
          another_size_is_announced, characters_are_typed_for_programs,
          the_line_belongs_to_the_machine_unless_it_is_local,
          old_settings_change_half_of_the_flags)
