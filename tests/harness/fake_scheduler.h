#pragma once
/*
 * For tests of anything that blocks: the real scheduler on the fake machine, with real switches.
 *
 *     fake_scheduler_init(1);                memory, scheduler, timers; the test is the idle thread
 *     fake_thread_start("reader", read_it, &pipe);
 *     fake_scheduler_run();                    runs threads until none is ready
 *     ck_assert(...);                          look at what they did, change something
 *     fake_machine_advance(1000);              timers fire
 *     fake_scheduler_run();
 *
 * The test's own context may not block.
 */
#include <stdint.h>

#include "harness/fake_machine.h"

struct thread;

/* A machine with 64 MiB and this many CPUs, and the scheduler on all of them. */
void fake_scheduler_init(unsigned cpu_count);
/* A kernel thread; the reference is the caller's (thread_release). */
struct thread *fake_thread_start(const char *name, void (*entry)(void *argument), void *argument);
/* On the calling CPU: takes pending interrupts and runs threads until there is nothing to do. */
void fake_scheduler_run(void);
/* As above on another CPU. */
void fake_scheduler_run_on(unsigned cpu);
