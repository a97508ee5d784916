#pragma once
/*
 * Timers: one heap of deadlines per CPU; the machine's timer is armed for the earliest of them and
 * the end of the running thread's slice, so an idle machine takes no ticks.
 *
 * A timer's function runs in interrupt context, usually on the CPU that armed it: it may wake
 * threads and arm timers, not sleep.  Calls of one timer's function never overlap.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/heap.h"

struct timer {
    struct heap_node node;                     /* protected by the timer lock of `cpu` */
    void (*expired)(struct timer *timer);      /* constant after initialisation */
    _Atomic unsigned cpu;                      /* where it is or was armed last */
    uint64_t due_ns;                           /* as `node`, whose key is the latest time */
};

void timer_init(struct timer *timer, void (*expired)(struct timer *timer));
/* Arms it for an absolute time (machine_time_ns); an armed one is moved.  Any context.
 * Calls for one timer from several CPUs at once are kept apart by its owner.
 * Timers are embedded in objects whose number is limited, so the heap cannot be full. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
/* The same for a span: it runs as soon as there is an interrupt at or after `due_ns`, and at
 * `latest_ns` there is one. */
void timer_arm_between(struct timer *timer, uint64_t due_ns, uint64_t latest_ns);
/* Off; its function may be running just now.  Any context. */
void timer_disarm(struct timer *timer);
/* Returns whether it was armed.  After the return its function does not start any more; one that
 * already runs on another CPU has ended, so the caller holds no lock that it takes. */
bool timer_cancel(struct timer *timer);
bool timer_is_armed(const struct timer *timer);
/* Whether a timer of any CPU is armed or its function is running. */
bool timer_any_armed(void);

/* INTERRUPT_TIMER of this CPU: runs what is due, ends the slice if that is over, arms again. */
void timer_interrupt(void);

/* For the scheduler. */
void timer_init_cpu(unsigned cpu);
/* Interrupts off: when the slice of this CPU's current thread ends; UINT64_MAX: nobody waits. */
void timer_set_slice_end(uint64_t slice_end_ns);
/* For accounting: when what runs on this CPU has used the processor time after which it must look
 * at its processor timers; UINT64_MAX: never.  Interrupts off. */
void timer_set_processor_alarm(uint64_t alarm_ns);
