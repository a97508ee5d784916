/*
 * Time and the timer: the host's monotonic clock, and one alarm (SIGALRM) for the earliest deadline
 * of all virtual CPUs.
 *
 * The alarm is set only when something earlier than what it is set for is wanted; one that comes
 * too early is harmless and is set again (interrupt_collect).
 */
#include <time.h>

#include "sim.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define CPU_TURN_NS UINT64_C(1000000)    /* user code of one CPU while another has work */

static uint64_t boot_ns;
static timer_t alarm_timer;
static uint64_t alarm_deadline_ns = UINT64_MAX;

static uint64_t host_time_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

void clock_init(void)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID,
        .sigev_signo = SIGALRM,
        ._sigev_un._tid = signals_main_thread(),
    };

    if (timer_create(CLOCK_MONOTONIC, &event, &alarm_timer) != 0)
        refuse("this host gives no timer (timer_create)");
    boot_ns = host_time_ns(CLOCK_MONOTONIC);
    info_edit()->boot_wall_time_ns = host_time_ns(CLOCK_REALTIME);
}

uint64_t machine_time_ns(void)
{
    return host_time_ns(CLOCK_MONOTONIC) - boot_ns;
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

static void alarm_set(uint64_t deadline_ns)
{
    uint64_t host_ns = boot_ns + deadline_ns;
    struct itimerspec setting = {
        .it_value = { .tv_sec = (time_t)(host_ns / NS_PER_SECOND),
                      .tv_nsec = (long)(host_ns % NS_PER_SECOND) },
    };

    alarm_deadline_ns = deadline_ns;
    timer_settime(alarm_timer, TIMER_ABSTIME, &setting, NULL);
}

void clock_arm(void)
{
    uint64_t next = clock_next_deadline();

    if (cpu_others_busy()) {
        uint64_t turn_end = machine_time_ns() + CPU_TURN_NS;

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
}

void machine_timer_set(uint64_t deadline_ns)
{
    cpu_current()->timer_deadline_ns = deadline_ns;
    clock_arm();
}
