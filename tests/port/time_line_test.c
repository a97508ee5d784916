/* The hosted machine's time by the processor's counter: monotonic, close to the host's clock, and
 * the same for guests, who see the line. */
#include <time.h>

#include "harness/test.h"
#include "kernel_side.h"

#define TOLERANCE_NS 1000000
#define ROUNDS 300000

/* ---- The kernel's side of the seam: never called ------------------------------------------- */

uint64_t page_table_lookup(physical_address root, user_address address, uint64_t window,
                           user_address *start, user_address *end)
{
    (void)root;
    (void)window;
    *start = *end = address;
    return 0;
}

void kernel_interrupt(enum machine_interrupt which)
{
    ck_abort_msg("interrupt %u", which);
}

/* ---- The line ------------------------------------------------------------------------------ */

static uint64_t host_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t counter(void)
{
    return __builtin_ia32_rdtsc();
}

START_TEST(line_never_goes_back_and_stays_with_the_clock)
{
    uint64_t boot_ns = host_ns(), last_ns = 0;

    time_line_init(boot_ns);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = host_ns() - boot_ns, now = time_line_ns(), after = host_ns() - boot_ns;

        ck_assert_uint_ge(now, last_ns);
        ck_assert_uint_ge(now + TOLERANCE_NS, before);
        ck_assert_uint_le(now, after + TOLERANCE_NS);
        last_ns = now;
    }
}
END_TEST

START_TEST(line_is_shown_to_guests_and_says_the_same)
{
    struct machine_time_line line = { .sequence = 0 };
    uint64_t boot_ns = host_ns();

    time_line_init(boot_ns);
    time_line_show(&line);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = time_line_ns();

        ck_assert_uint_eq(line.sequence % 2, 0);
        if (!line.has_line)
            continue;

        uint64_t seen = machine_time_of(&line, counter());
        uint64_t after = time_line_ns();

        ck_assert_uint_ge(seen, before);
        ck_assert_uint_ge(after, seen);
    }
}
END_TEST

START_TEST(counter_before_the_line_gives_its_beginning)
{
    const struct machine_time_line line = {
        .counter = 1000, .time_ns = 77, .multiplier = UINT64_C(1) << 31, .has_line = 1,
    };

    ck_assert_uint_eq(machine_time_of(&line, 1000), 77);
    ck_assert_uint_eq(machine_time_of(&line, 990), 77);
    ck_assert_uint_eq(machine_time_of(&line, 1010), 82);
    ck_assert_uint_eq(machine_time_of(&line, 1000 + (UINT64_C(1) << 60)),
                      77 + (UINT64_C(1) << 59));
}
END_TEST

TEST_MAIN("sim/time_line", line_never_goes_back_and_stays_with_the_clock,
          line_is_shown_to_guests_and_says_the_same,
          counter_before_the_line_gives_its_beginning)
