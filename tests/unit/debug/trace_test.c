/* Trace rings: order across CPUs, wrapping, formats. */
#include "debug/trace.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "harness/fake_machine.h"
#include "harness/test.h"

static char lines[64][160];
static size_t line_count;

static void collect(const char *line)
{
    ck_assert_uint_lt(line_count, 64);
    snprintf(lines[line_count++], sizeof(lines[0]), "%s", line);
}

static void begin(unsigned cpu_count)
{
    fake_machine_init(0);
    fake_machine_info.cpu_count = cpu_count;
    line_count = 0;
}

START_TEST(trace_empty_prints_nothing)
{
    begin(4);
    trace_print_last(10, collect);
    ck_assert_uint_eq(line_count, 0);
}
END_TEST

START_TEST(trace_prints_in_the_order_of_recording)
{
    begin(3);
    for (unsigned i = 0; i < 10; i++) {
        fake_machine.cpu = i * 7 % 3;
        trace_record(TRACE_interrupt, i, 0, 0);
    }
    trace_print_last(4, collect);
    ck_assert_uint_eq(line_count, 4);
    ck_assert_str_eq(lines[0], "[0] 7 interrupt 6");
    ck_assert_str_eq(lines[1], "[1] 8 interrupt 7");
    ck_assert_str_eq(lines[2], "[2] 9 interrupt 8");
    ck_assert_str_eq(lines[3], "[0] 10 interrupt 9");
}
END_TEST

START_TEST(trace_prints_all_when_there_are_fewer)
{
    begin(1);
    trace_record(TRACE_switch, 1, 2, 3000);
    trace_record(TRACE_page_fault, 0x1000, 1, 0x400000);
    trace_print_last(100, collect);
    ck_assert_uint_eq(line_count, 2);
    ck_assert_str_eq(lines[0], "[0] 1 switch from thread 1 to 2 at 3000 ns");
    ck_assert_str_eq(lines[1], "[0] 2 page fault at 1000, access 1, ip 400000");
}
END_TEST

START_TEST(trace_negative_numbers_are_signed)
{
    begin(1);
    trace_record(TRACE_syscall_exit, 1, (uint64_t)-14, 0);
    trace_print_last(1, collect);
    ck_assert_str_eq(lines[0], "[0] 1 syscall 1 exit, result -14");
}
END_TEST

START_TEST(trace_ring_keeps_the_newest)
{
    begin(1);
    for (unsigned i = 1; i <= 3 * TRACE_RING_EVENTS; i++)
        trace_record(TRACE_interrupt, i, 0, 0);
    trace_print_last(2, collect);
    ck_assert_uint_eq(line_count, 2);
    ck_assert_str_eq(lines[1], "[0] 12288 interrupt 12288");
}
END_TEST

static void keep_first(const char *line)
{
    if (line_count++ == 0)
        snprintf(lines[0], sizeof(lines[0]), "%s", line);
}

/* A busy CPU overwrites its own history, not that of a quiet one. */
START_TEST(trace_rings_are_separate)
{
    begin(2);
    fake_machine.cpu = 1;
    trace_record(TRACE_interrupt, 77, 0, 0);
    fake_machine.cpu = 0;
    for (unsigned i = 0; i < 2 * TRACE_RING_EVENTS; i++)
        trace_record(TRACE_interrupt, i, 0, 0);
    trace_print_last(2 * TRACE_RING_EVENTS + 1, keep_first);
    ck_assert_str_eq(lines[0], "[1] 1 interrupt 77");
    ck_assert_uint_eq(line_count, TRACE_RING_EVENTS + 1);
}
END_TEST

static const struct {
    const char *name, *format;
} events[] = {
#define EVENT(name, format) { #name, format },
#include "debug/events.def"
#undef EVENT
};

/* At most three conversions, all of them of 64 bits. */
START_TEST(trace_formats_fit_the_three_numbers)
{
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        int conversions = 0;

        for (const char *at = strchr(events[i].format, '%'); at; at = strchr(at + 1, '%')) {
            ck_assert_msg(strncmp(at, "%lld", 4) == 0 || strncmp(at, "%llu", 4) == 0 ||
                              strncmp(at, "%llx", 4) == 0,
                          "event %s: %s", events[i].name, events[i].format);
            conversions++;
        }
        ck_assert_int_le(conversions, 3);
    }
    ck_assert_uint_eq(sizeof(events) / sizeof(events[0]), TRACE_EVENT_COUNT);
}
END_TEST

TEST_MAIN("debug/trace", trace_empty_prints_nothing, trace_prints_in_the_order_of_recording,
          trace_prints_all_when_there_are_fewer, trace_negative_numbers_are_signed,
          trace_ring_keeps_the_newest, trace_rings_are_separate,
          trace_formats_fit_the_three_numbers)
