/* The real scheduler on the fake machine. */
#include "harness/fake_scheduler.h"

#include "harness/fake_interrupt.h"
#include "lib/assert.h"
#include "memory/page.h"
#include "sched/per_cpu.h"
#include "sched/scheduler.h"

void fake_scheduler_init(unsigned cpu_count)
{
    fake_machine_init(64 << 20);
    fake_machine_info.cpu_count = cpu_count;
    fake_machine.interrupt = fake_interrupt;
    page_allocator_init();
    scheduler_init();
}

struct thread *fake_thread_start(const char *name, void (*entry)(void *argument), void *argument)
{
    const struct thread_request request = { .name = name, .entry = entry, .argument = argument };
    struct thread *thread;
    int error = thread_create(&request, &thread);

    ASSERT(!error);
    thread_start(thread);
    return thread;
}

void fake_scheduler_run(void)
{
    const struct per_cpu *cpu = this_cpu();

    ASSERT(cpu->current == cpu->idle);
    ASSERT(!machine_interrupts_enabled());
    for (;;) {
        machine_interrupts_restore(true);
        machine_interrupts_disable();
        if (cpu->runqueue.ready_count == 0)
            return;
        schedule(THREAD_READY);
    }
}

void fake_scheduler_run_on(unsigned cpu)
{
    unsigned before = fake_machine.cpu;

    fake_machine.cpu = cpu;
    fake_scheduler_run();
    fake_machine.cpu = before;
}
