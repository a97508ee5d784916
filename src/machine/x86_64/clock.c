/*
 * Time and the timer.
 *
 * The time-stamp counter tells the time, when those of all processors agree; otherwise the HPET
 * does.  Its rate is measured against the HPET or the ACPI timer at boot.  The timer is the local
 * APIC's: by deadline where the processor can, else by counting down.
 */
#include "lib/random.h"
#include "lib/text.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define FS_PER_NS UINT64_C(1000000)
#define CALIBRATION_NS UINT64_C(10000000)
#define CALIBRATION_LOOKS 5
#define ACPI_TIMER_HZ UINT64_C(3579545)
#define JITTER_NS UINT64_C(200000)
#define COUNT_MAX UINT64_C(0x7fffffff)

#define HPET_CAPABILITIES (0x00 / 8)
#define HPET_CONFIGURATION (0x10 / 8)
#define HPET_COUNTER (0xf0 / 8)
#define HPET_SIZE 0x400
#define HPET_64_BITS (UINT64_C(1) << 13)
#define HPET_ENABLE 1u

#define CMOS_SELECT 0x70
#define CMOS_DATA 0x71
#define CMOS_STATUS_A 0x0a
#define CMOS_STATUS_B 0x0b
#define CMOS_UPDATING 0x80
#define CMOS_BINARY 0x04

/* value * numerator >> 32 */
static uint64_t scale(uint64_t value, uint64_t numerator)
{
    return (uint64_t)((unsigned __int128)value * numerator >> 32);
}

static volatile uint64_t *hpet;            /* NULL: none */
static uint64_t hpet_ns_scale;             /* ns per tick << 32 */
static uint64_t timestamp_hz, timestamp_ns_scale;
static uint64_t apic_hz;
static uint64_t timestamp_start, hpet_start;
static bool uses_hpet, timestamps_are_one;

static bool has_jitter;
static struct random jitter[CPUS_LIMIT];    /* each used by its own processor only */

/* ---- A clock to compare with --------------------------------------------------------------- */

static void hpet_init(void)
{
    if (acpi()->timer == 0)
        return;

    volatile uint64_t *registers = paging_map(acpi()->timer, HPET_SIZE, PAGING_DEVICE);
    uint64_t period_fs = registers[HPET_CAPABILITIES] >> 32;

    if (!(registers[HPET_CAPABILITIES] & HPET_64_BITS) || period_fs == 0)
        return;
    hpet = registers;
    hpet[HPET_CONFIGURATION] = HPET_ENABLE;
    hpet_ns_scale = (period_fs << 32) / FS_PER_NS;
}

static uint64_t reference_count(void)
{
    return hpet ? hpet[HPET_COUNTER] : port_read_32(acpi()->pm_timer);
}

static uint64_t reference_elapsed_ns(uint64_t from, uint64_t to)
{
    uint64_t mask = acpi()->pm_timer_is_32_bits ? UINT32_MAX : 0xffffff;

    if (hpet)
        return scale(to - from, hpet_ns_scale);
    return ((to - from) & mask) * NS_PER_SECOND / ACPI_TIMER_HZ;
}

/* ---- Calibration --------------------------------------------------------------------------- */

struct sample {
    uint64_t reference, timestamp;
    uint32_t apic;
};

/* The look that took least is the one nothing came in between of. */
static struct sample take_sample(void)
{
    struct sample best = { 0 };
    uint64_t best_length = UINT64_MAX;

    for (unsigned i = 0; i < CALIBRATION_LOOKS; i++) {
        uint64_t before = timestamp_read();
        uint64_t reference = reference_count();
        uint32_t apic = apic_timer_count();
        uint64_t after = timestamp_read();

        if (after - before >= best_length)
            continue;
        best_length = after - before;
        best = (struct sample){ reference, before + (after - before) / 2, apic };
    }
    return best;
}

static void calibrate(void)
{
    struct sample first, last;
    uint64_t elapsed_ns;

    apic_timer_mode(false);
    apic_timer_start(UINT32_MAX);
    first = take_sample();
    while (reference_elapsed_ns(first.reference, reference_count()) < CALIBRATION_NS)
        cpu_pause();
    last = take_sample();
    apic_timer_start(0);
    elapsed_ns = reference_elapsed_ns(first.reference, last.reference);
    timestamp_hz = (last.timestamp - first.timestamp) * NS_PER_SECOND / elapsed_ns;
    apic_hz = (uint64_t)(first.apic - last.apic) * NS_PER_SECOND / elapsed_ns;
    timestamp_ns_scale = (NS_PER_SECOND << 32) / timestamp_hz;
}

/* ---- The time of day ----------------------------------------------------------------------- */

static uint8_t cmos_read(uint8_t place)
{
    port_write_8(CMOS_SELECT, place);
    return port_read_8(CMOS_DATA);
}

static uint64_t cmos_number(uint8_t place, bool is_binary)
{
    uint8_t value = cmos_read(place);

    return is_binary ? value : (uint64_t)(value >> 4) * 10 + (value & 15);
}

/* Days from 1970 to a day of the Gregorian calendar. */
static uint64_t days_until(uint64_t year, uint64_t month, uint64_t day)
{
    uint64_t shifted = month > 2 ? month - 3 : month + 9;    /* March is the first month */
    uint64_t years = month > 2 ? year : year - 1;

    return years * 365 + years / 4 - years / 100 + years / 400 + (shifted * 153 + 2) / 5 + day -
           719469;
}

static uint64_t wall_seconds(void)
{
    bool is_binary = cmos_read(CMOS_STATUS_B) & CMOS_BINARY;
    uint64_t seconds, again;

    do {
        while (cmos_read(CMOS_STATUS_A) & CMOS_UPDATING)
            cpu_pause();
        seconds = cmos_number(0, is_binary);

        uint64_t days = days_until(2000 + cmos_number(9, is_binary), cmos_number(8, is_binary),
                                   cmos_number(7, is_binary));

        again = cmos_number(0, is_binary);
        seconds += days * 86400 + cmos_number(4, is_binary) * 3600 +
                   cmos_number(2, is_binary) * 60;
    } while (seconds % 60 != again % 60);
    return seconds;
}

/* ---- The seam ------------------------------------------------------------------------------ */

static void jitter_init(void)
{
    has_jitter = port_option("seed") != NULL;
    for (unsigned i = 0; i < CPUS_LIMIT; i++)
        random_init(&jitter[i], machine_info()->random_seed + i);
}

void clock_init(void)
{
    hpet_init();
    if (!hpet && !acpi()->pm_timer)
        port_refuse("neither HPET nor ACPI timer: nothing to measure time with");
    calibrate();
    jitter_init();
    timestamp_start = timestamp_read();
    hpet_start = hpet ? hpet[HPET_COUNTER] : 0;
    info_edit()->boot_wall_time_ns = wall_seconds() * NS_PER_SECOND;
}

void clock_choose(bool timestamps_agree)
{
    const char *wanted = port_option("clock");

    if (wanted && !text_equal(wanted, "hpet"))
        port_log("clock=%s: there is no such clock", wanted);
    timestamps_are_one = timestamps_agree && !(wanted && text_equal(wanted, "hpet"));
    uses_hpet = !timestamps_are_one && hpet;
    if (!timestamps_are_one && !hpet)
        port_log("%s, and there is no HPET",
                 timestamps_agree ? "clock=hpet" : "the processors' time stamps differ");
}

void machine_time_show(struct machine_time_line *line)
{
    line->cpu_source = cpu_features()->has_counter_cpu ? CPU_SOURCE_COUNTER : CPU_SOURCE_NONE;
    if (!timestamps_are_one)
        return;
    line->counter = timestamp_start;
    line->multiplier = timestamp_ns_scale;
    line->has_line = 1;
}

uint64_t machine_time_ns(void)
{
    if (uses_hpet)
        return scale(hpet[HPET_COUNTER] - hpet_start, hpet_ns_scale);

    uint64_t elapsed = timestamp_read() - timestamp_start;

    return (int64_t)elapsed < 0 ? 0 : scale(elapsed, timestamp_ns_scale);
}

void clock_wait_ns(uint64_t ns)
{
    uint64_t end = machine_time_ns() + ns;

    while (machine_time_ns() < end)
        cpu_pause();
}

static bool uses_deadline(void)
{
    return cpu_features()->deadline_timer && !uses_hpet;
}

void clock_init_cpu(void)
{
    apic_timer_mode(uses_deadline());
}

static uint64_t timestamp_of(uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_SECOND;

    if (seconds > UINT32_MAX / 4)
        seconds = UINT32_MAX / 4;
    return timestamp_start + seconds * timestamp_hz +
           ns % NS_PER_SECOND * timestamp_hz / NS_PER_SECOND + 1;
}

static void arm(uint64_t deadline_ns)
{
    uint64_t now = machine_time_ns();
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    uint64_t count;

    if (uses_deadline()) {
        msr_write(MSR_TIMESTAMP_DEADLINE, timestamp_of(deadline_ns));
        return;
    }
    if (left >= COUNT_MAX / 4)
        left = COUNT_MAX / 4;    /* half a second at least: it is armed again then */
    count = left * apic_hz / NS_PER_SECOND + 1;
    apic_timer_start((uint32_t)(count < COUNT_MAX ? count : COUNT_MAX));
}

bool clock_timer_due(void)
{
    struct cpu *cpu = cpu_self();

    if (cpu->timer_deadline_ns == UINT64_MAX)
        return false;
    if (machine_time_ns() < cpu->timer_deadline_ns) {
        arm(cpu->timer_deadline_ns);
        return false;
    }
    cpu->timer_deadline_ns = UINT64_MAX;
    return true;
}

/* In a run with a seed the timer rings a little late, by that seed: so different seeds preempt
 * threads at different places. */
static uint64_t jittered(uint64_t deadline_ns)
{
    if (!has_jitter || deadline_ns > UINT64_MAX - JITTER_NS)
        return deadline_ns;
    return deadline_ns + random_below(&jitter[cpu_self()->index], JITTER_NS);
}

void machine_timer_set(uint64_t deadline_ns)
{
    bool were_on = machine_interrupts_disable();
    struct cpu *cpu = cpu_self();

    deadline_ns = jittered(deadline_ns);
    cpu->timer_deadline_ns = deadline_ns;
    cpu->pending &= ~(1u << INTERRUPT_TIMER);    /* it was for the previous deadline */
    if (deadline_ns != UINT64_MAX)
        arm(deadline_ns);
    else if (uses_deadline())
        msr_write(MSR_TIMESTAMP_DEADLINE, 0);
    else
        apic_timer_start(0);
    machine_interrupts_restore(were_on);
}
