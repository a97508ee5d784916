/*
 * Time and the timer.
 *
 * Real time: the host's monotonic clock (time_line.c), and one alarm (SIGALRM) for the earliest
 * deadline of all virtual CPUs.  The alarm is set only when something earlier than what it is set
 * for is wanted; one that comes too early is harmless and is set again (interrupt_collect).
 *
 * Virtual time, in runs that repeat: the clock moves by what is done (the TIME_ constants of
 * sim.h) and jumps to the next deadline when no CPU has anything to do.  The host's alarm is then a
 * watch that rings WATCH_NS after WATCH_NS; when it rings has no influence on the run (spin.c).
 *
 * The processor's time-stamp counter may be closed to this thread (user_observed.c), and the
 * C library reads the clock with it: the host's time is asked for by system call where that is so.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "chooser.h"
#include "sim.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define CPU_TURN_NS UINT64_C(1000000)    /* user code of one CPU while another has work */
#define SPACE_TURN_NS UINT64_C(4000000)  /* if all others have other spaces (soft_tlb.c) */
#define CPU_TURN_LEAST_NS (CPU_TURN_NS / 2)    /* of CPU time: the host may be busy elsewhere */
#define RETRY_NS UINT64_C(1000000)       /* until user code that counts blocks has to stop */
#define WATCH_NS UINT64_C(10000000)
#define PREEMPT_NS UINT64_C(4000000)     /* a recorded run in real time: length of a slice */
#define LATENESS_NS 100000u

static bool is_virtual;
static uint64_t virtual_ns;
static uint64_t next_deadline_ns = UINT64_MAX;    /* virtual time: of all CPUs */

static struct machine_time_line *shown_line;    /* to guests; NULL: not yet */
static uint64_t boot_ns;
static timer_t alarm_timer;
static _Atomic bool alarm_has_rung;          /* since somebody asked whether the turn is over */
static bool turn_is_new;                     /* no user code has run in it */
static uint64_t turn_began_ns;               /* of the host's CPU time */
static uint64_t alarm_deadline_ns = UINT64_MAX;

static uint64_t host_time_ns(clockid_t clock)
{
    struct timespec now;

    if (is_virtual)
        syscall(SYS_clock_gettime, clock, &now);
    else
        clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t clock_host_ns(void)
{
    return host_time_ns(CLOCK_MONOTONIC);
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_SECOND),
                              .tv_nsec = (long)(ns % NS_PER_SECOND) };
}

static void start_watch(uint64_t interval_ns)
{
    struct itimerspec setting = { timespec_of(interval_ns), timespec_of(interval_ns) };

    timer_settime(alarm_timer, 0, &setting, NULL);
}

void clock_init(const struct options *options)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID,
        .sigev_signo = SIGALRM,
        ._sigev_un._tid = signals_main_thread(),
    };

    if (timer_create(CLOCK_MONOTONIC, &event, &alarm_timer) != 0)
        refuse("this host gives no timer (timer_create)");
    boot_ns = host_time_ns(CLOCK_MONOTONIC);
    time_line_init(boot_ns);
    info_edit()->boot_wall_time_ns = host_time_ns(CLOCK_REALTIME);
    if (!chooser_is_active())
        return;
    is_virtual = true;
    if (!options->real_preemption)
        info_edit()->boot_wall_time_ns = CLOCK_EPOCH_NS;
    if (options->replay)
        info_edit()->boot_wall_time_ns = options->boot_wall_time_ns;
    start_watch(options->real_preemption ? PREEMPT_NS : WATCH_NS);
}

uint64_t machine_time_ns(void)
{
    if (is_virtual)
        return virtual_ns;
    return time_line_ns();
}

void machine_time_show(struct machine_time_line *line)
{
    if (!is_virtual)
        time_line_show(line);
    line->cpu_source = CPU_SOURCE_WORD;
    shown_line = line;
}

void clock_show_cpu(unsigned index)
{
    if (shown_line)
        shown_line->cpu = index;
}

uint64_t clock_next_deadline(void)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0; i < cpu_count(); i++) {
        if (cpu_of(i)->timer_deadline_ns < next)
            next = cpu_of(i)->timer_deadline_ns;
    }
    return next;
}

/* ---- Virtual time -------------------------------------------------------------------------- */

void clock_advance(uint64_t ns)
{
    virtual_ns += ns;
    if (virtual_ns >= next_deadline_ns)
        atomic_store(&interrupt_attention, 1);
}

void clock_jump(uint64_t deadline_ns)
{
    if (deadline_ns > virtual_ns)
        clock_advance(deadline_ns - virtual_ns);
}

/* Half of the timers are on time. */
static uint64_t choose_lateness(void)
{
    if (chooser_number(CHOOSE_LATENESS, 2) == 0)
        return 0;
    return chooser_number(CHOOSE_LATENESS, LATENESS_NS);
}

static void set_virtual(uint64_t deadline_ns)
{
    if (deadline_ns < UINT64_MAX - LATENESS_NS)
        deadline_ns += choose_lateness();
    cpu_current()->timer_deadline_ns = deadline_ns;
    clock_arm();
}

/* ---- Real time ----------------------------------------------------------------------------- */

static void alarm_set(uint64_t deadline_ns)
{
    struct itimerspec setting = { .it_value = timespec_of(boot_ns + deadline_ns) };

    alarm_deadline_ns = deadline_ns;
    timer_settime(alarm_timer, TIMER_ABSTIME, &setting, NULL);
}

void clock_arm(void)
{
    uint64_t next = clock_next_deadline();

    if (is_virtual) {
        next_deadline_ns = next;
        clock_advance(0);
        return;
    }
    if (cpu_others_busy()) {
        uint64_t turn_end =
            machine_time_ns() + (cpu_others_share_space() ? CPU_TURN_NS : SPACE_TURN_NS);

        if (turn_end < next)
            next = turn_end;
    }
    if (next < alarm_deadline_ns)
        alarm_set(next);
}

/* The alarm has rung: none is set any more. */
void clock_alarm_rang(void)
{
    alarm_deadline_ns = UINT64_MAX;
    atomic_store_explicit(&alarm_has_rung, true, memory_order_relaxed);
}

bool clock_turn_is_over(void)
{
    if (!atomic_load_explicit(&alarm_has_rung, memory_order_relaxed))
        return false;
    atomic_store_explicit(&alarm_has_rung, false, memory_order_relaxed);
    if (turn_is_new || host_time_ns(CLOCK_THREAD_CPUTIME_ID) - turn_began_ns < CPU_TURN_LEAST_NS)
        return false;
    turn_is_new = true;
    return true;
}

void clock_turn_begin(void)
{
    if (turn_is_new)
        turn_began_ns = host_time_ns(CLOCK_THREAD_CPUTIME_ID);
    turn_is_new = false;
}

void clock_alarm_again(void)
{
    struct itimerspec setting = { .it_value = timespec_of(RETRY_NS) };

    if (!is_virtual)
        timer_settime(alarm_timer, 0, &setting, NULL);
}

void machine_timer_set(uint64_t deadline_ns)
{
    if (is_virtual) {
        set_virtual(deadline_ns);
        return;
    }
    cpu_current()->timer_deadline_ns = deadline_ns;
    clock_arm();
}
