/* Kernel log: levels, the ring, cut lines. */
#include "debug/log.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "harness/fake_machine.h"
#include "harness/test.h"

static const char *options[2];

static void begin(const char *option)
{
    fake_machine_init(0);
    options[0] = option;
    fake_machine_info.options = option ? options : NULL;
    fake_machine.time_ns = 12345678901;
    log_init();
}

static void log_all_levels(void)
{
    log_line(LOG_ERROR, "an error %d", 1);
    log_line(LOG_WARNING, "a warning");
    log_line(LOG_NOTICE, "a notice");
    log_line(LOG_INFO, "information");
    log_line(LOG_DEBUG, "debugging");
}

static const char *log_text(void)
{
    static char text[LOG_SIZE + 1];
    uint64_t position = 0;

    text[log_read(&position, text, LOG_SIZE)] = '\0';
    return text;
}

START_TEST(log_shows_warnings_and_errors)
{
    begin(NULL);
    log_all_levels();
    ck_assert_str_eq(fake_machine.log.text, "eft: an error 1\neft: a warning\n");
}
END_TEST

START_TEST(log_level_option_sets_what_is_shown)
{
    begin("log-level=debug");
    log_all_levels();
    ck_assert_str_eq(fake_machine.log.text,
                     "eft: an error 1\neft: a warning\neft: a notice\neft: information\n"
                     "eft: debugging\n");
}
END_TEST

START_TEST(log_level_error_shows_only_errors)
{
    begin("log-level=error");
    log_all_levels();
    ck_assert_str_eq(fake_machine.log.text, "eft: an error 1\n");
}
END_TEST

START_TEST(log_level_that_is_unknown_is_said)
{
    begin("log-level=loud");
    ck_assert_str_eq(fake_machine.log.text, "eft: unknown log level 'loud'\n");
}
END_TEST

START_TEST(log_keeps_all_levels)
{
    begin(NULL);
    log_all_levels();
    ck_assert_str_eq(log_text(), "<3>[   12.345678] an error 1\n<4>[   12.345678] a warning\n"
                                 "<5>[   12.345678] a notice\n<6>[   12.345678] information\n"
                                 "<7>[   12.345678] debugging\n");
}
END_TEST

START_TEST(log_read_goes_on_where_it_stopped)
{
    char text[16];
    uint64_t position = 0;

    begin(NULL);
    log_line(LOG_INFO, "0123456789");
    ck_assert_uint_eq(log_read(&position, text, 10), 10);
    ck_assert_mem_eq(text, "<6>[   12.", 10);
    ck_assert_uint_eq(position, 10);
    ck_assert_uint_eq(log_read(&position, text, 9), 9);
    ck_assert_mem_eq(text, "345678] 0", 9);
    ck_assert_uint_eq(log_read(&position, text, 16), 10);
    ck_assert_mem_eq(text, "123456789\n", 10);
    ck_assert_uint_eq(log_read(&position, text, 16), 0);
}
END_TEST

START_TEST(log_forgets_the_oldest)
{
    char text[64];
    char wanted[64];
    uint64_t position = 0;

    begin(NULL);
    for (int i = 0; i < 10000; i++)
        log_line(LOG_DEBUG, "line %05d", i);    /* 29 bytes */
    ck_assert_uint_eq(log_read(&position, text, sizeof(text)), sizeof(text));
    ck_assert_uint_eq(position, UINT64_C(290000) - LOG_SIZE + sizeof(text));

    /* All of what is left is there, up to the last line. */
    size_t length = 0;

    do {
        length = log_read(&position, text, 29);
        if (length == 29)
            memcpy(wanted, text, 29);
    } while (length == 29);
    ck_assert_uint_eq(position, 290000);
}
END_TEST

START_TEST(log_line_that_is_too_long_is_cut)
{
    char text[1000];

    begin(NULL);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_line(LOG_ERROR, "%s", text);
    log_line(LOG_ERROR, "next");

    const char *end = strchr(fake_machine.log.text, '\n');

    ck_assert_ptr_nonnull(end);
    ck_assert_str_eq(end, "\neft: next\n");
    ck_assert_int_gt(end - fake_machine.log.text, 200);
    ck_assert_ptr_nonnull(strstr(log_text(), "x\n<3>[   12.345678] next\n"));
}
END_TEST

START_TEST(log_restores_interrupts)
{
    begin(NULL);
    machine_interrupts_restore(true);
    log_line(LOG_ERROR, "x");
    ck_assert(machine_interrupts_enabled());
    machine_interrupts_disable();
    log_line(LOG_ERROR, "x");
    ck_assert(!machine_interrupts_enabled());
}
END_TEST

TEST_MAIN("debug/log", log_shows_warnings_and_errors, log_level_option_sets_what_is_shown,
          log_level_error_shows_only_errors, log_level_that_is_unknown_is_said,
          log_keeps_all_levels, log_read_goes_on_where_it_stopped, log_forgets_the_oldest,
          log_line_that_is_too_long_is_cut, log_restores_interrupts)
