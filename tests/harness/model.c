/* Models: the odometer of choices, and virtual CPUs as fibers. */
#include "harness/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/fiber.h"
#include "sched/per_cpu.h"
#include "sched/scheduler.h"

#define CPUS 4
#define CHOICES_MAX 10000
#define STACK_SIZE 65536
/* A switch costs ThreadSanitizer 50 times as much. */
#if defined(__SANITIZE_THREAD__)
#define PREEMPTIONS_LIMIT 3
#else
#define PREEMPTIONS_LIMIT UINT32_MAX
#endif

/* The odometer. */
static struct {
    uint8_t value[CHOICES_MAX];
    uint8_t count[CHOICES_MAX];
    unsigned length;    /* choices that are fixed, from the runs before */
    unsigned made;      /* in this run */
} choices;

static const struct model *model;
static bool exploring;
static const char *failure;
static unsigned preemptions;
static bool is_idle[CPUS];
static const struct spinlock *wanted_lock[CPUS];    /* that another CPU has; NULL: none */
static struct fiber cpus[CPUS];
static struct fiber explorer;
static char stacks[CPUS][STACK_SIZE] __attribute__((aligned(64)));

static void finish_run(void)
{
    fiber_switch(&cpus[fake_machine.cpu], &explorer);
}

static void fail_run(const char *why)
{
    if (!failure)
        failure = why;
    finish_run();
}

/* ---- Choices ------------------------------------------------------------------------------- */

unsigned model_choose(unsigned count)
{
    if (count == 1 || !exploring)
        return 0;
    if (choices.made == CHOICES_MAX)
        fail_run("goes on for ever");
    if (choices.made == choices.length) {
        choices.value[choices.length] = 0;
        choices.count[choices.length] = (uint8_t)count;
        choices.length++;
    }
    if (choices.count[choices.made] != count)
        fail_run("does not repeat: something depends on earlier runs");
    return choices.value[choices.made++];
}

/* Sets the choices for the next run; false when all were tried. */
static bool advance_odometer(void)
{
    while (choices.length > 0) {
        unsigned last = choices.length - 1;

        if (++choices.value[last] < choices.count[last])
            return true;
        choices.length--;
    }
    return false;
}

/* ---- CPUs ---------------------------------------------------------------------------------- */

static bool can_run(unsigned cpu)
{
    if (is_idle[cpu])
        return fake_machine.cpus[cpu].pending != 0;
    return !wanted_lock[cpu] || wanted_lock[cpu]->owner == 0;
}

static void switch_to_cpu(unsigned cpu)
{
    unsigned self = fake_machine.cpu;

    fake_machine.cpu = cpu;
    fiber_switch(&cpus[self], &cpus[cpu]);
}

static uint64_t earliest_deadline(void)
{
    uint64_t earliest = UINT64_MAX;

    for (unsigned cpu = 0; cpu < model->cpu_count; cpu++) {
        if (fake_machine.cpus[cpu].timer_deadline_ns < earliest)
            earliest = fake_machine.cpus[cpu].timer_deadline_ns;
    }
    return earliest;
}

/* Timers become pending only: they are delivered when their CPUs turn interrupts on. */
static void jump_in_time(void)
{
    bool was_on = fake_machine.cpus[fake_machine.cpu].interrupts_enabled;

    fake_machine.cpus[fake_machine.cpu].interrupts_enabled = false;
    fake_machine_advance(earliest_deadline() - fake_machine.time_ns);
    fake_machine.cpus[fake_machine.cpu].interrupts_enabled = was_on;
}

static unsigned preemptions_max(void)
{
    bool limited = model->preemptions_max != 0 && model->preemptions_max < PREEMPTIONS_LIMIT;

    return limited ? model->preemptions_max : PREEMPTIONS_LIMIT;
}

/* Goes on with this CPU (if it may), with another one, or after a jump in time; ends the run if
 * there is none of it. */
static void choose_next(bool may_go_on)
{
    unsigned options[CPUS];
    unsigned count = 0;
    unsigned self = fake_machine.cpu;
    bool may_leave = !may_go_on || preemptions < preemptions_max();

    if (may_go_on)
        options[count++] = self;
    for (unsigned cpu = 0; may_leave && cpu < model->cpu_count; cpu++) {
        if (cpu != self && can_run(cpu))
            options[count++] = cpu;
    }

    unsigned jumps = earliest_deadline() != UINT64_MAX && (may_leave || count == 0);

    if (count + jumps == 0) {
        finish_run();
        return;    /* to clean up */
    }

    unsigned choice = model_choose(count + jumps);

    preemptions += may_go_on && choice > 0;
    if (choice == count)
        jump_in_time();
    else if (options[choice] != self)
        switch_to_cpu(options[choice]);
}

static bool is_outermost(void)
{
    return this_cpu()->interrupts_off_depth == 0;
}

/* What no model is about: these locks are taken without a choice. */
static bool is_of_interest(const struct spinlock *lock)
{
    return lock->rank != RANK_THREAD_TABLE && lock->rank != RANK_POOL &&
           lock->rank != RANK_PAGE_ALLOCATOR;
}

static void make_choice(void)
{
    if (!exploring)
        return;
    if (model->disturb)
        model->disturb();
    choose_next(true);
}

void model_before_lock(const struct spinlock *lock)
{
    if (is_of_interest(lock) && (is_outermost() || model->all_points))
        make_choice();
    while (lock->owner != 0) {
        wanted_lock[fake_machine.cpu] = lock;
        choose_next(false);
        wanted_lock[fake_machine.cpu] = NULL;
    }
}

void model_after_unlock(const struct spinlock *lock)
{
    bool ends_condition = is_outermost() && lock->rank < RANK_WAIT_QUEUE;

    if (is_of_interest(lock) && (ends_condition || model->all_points))
        make_choice();
}

static bool others_can_run(void)
{
    for (unsigned cpu = 0; cpu < model->cpu_count; cpu++) {
        if (cpu != fake_machine.cpu && can_run(cpu))
            return true;
    }
    return earliest_deadline() != UINT64_MAX;
}

/* Lets another CPU do something.  There may be none: what this one waits for may have happened
 * since it looked. */
static void at_relax(void)
{
    if (others_can_run()) {
        fake_machine.relaxations = 0;
        choose_next(false);
    } else if (fake_machine.relaxations > 3) {
        fail_run("a CPU spins for ever");
    }
}

/* Called until an interrupt is pending. */
static void at_idle(void)
{
    unsigned self = fake_machine.cpu;

    is_idle[self] = true;
    choose_next(false);
    is_idle[self] = false;
}

static void run_cpu(void)
{
    scheduler_run_idle();
}

/* ---- Runs ---------------------------------------------------------------------------------- */

struct thread *model_thread(unsigned cpu, const char *name, void (*entry)(void *argument),
                            void *argument)
{
    unsigned self = fake_machine.cpu;

    fake_machine.cpu = cpu;

    struct thread *thread = fake_thread_start(name, entry, argument);

    fake_machine.cpu = self;
    thread_release(thread);
    return thread;
}

static void begin_run(void)
{
    choices.made = 0;
    preemptions = 0;
    failure = NULL;
    fake_machine.cpu = 0;
    fake_machine.time_ns = 0;
    for (unsigned cpu = 0; cpu < model->cpu_count; cpu++) {
        fake_machine.cpus[cpu].pending = 0;
        fake_machine.cpus[cpu].interrupts_enabled = false;
        fake_machine.cpus[cpu].timer_deadline_ns = UINT64_MAX;
        is_idle[cpu] = false;
        wanted_lock[cpu] = NULL;
        fiber_init(&cpus[cpu], stacks[cpu], STACK_SIZE, run_cpu);
    }
    scheduler_init();
}

/* Runs the CPUs until all are idle. */
static void run_cpus(void)
{
    fake_machine.cpu = model_choose(model->cpu_count);
    fiber_switch(&explorer, &cpus[fake_machine.cpu]);
    exploring = false;
    for (unsigned cpu = 0; cpu < model->cpu_count; cpu++) {
        if (!is_idle[cpu] && !failure)
            failure = "CPUs wait for each other's locks";
    }
}

static void run_once(void)
{
    begin_run();
    model->setup();
    exploring = true;
    run_cpus();
    if (!failure)
        failure = model->check();
    if (failure)
        return;
    if (model->clean_up) {
        model->clean_up();
        for (unsigned cpu = 0; cpu < model->cpu_count; cpu++)
            fake_machine_raise(cpu, INTERRUPT_NOTIFY);    /* none is in its idle loop now */
        run_cpus();
    }
    if (thread_count() > 0)
        failure = "threads sleep for ever";
}

static void describe_choices(char *text, size_t size)
{
    for (unsigned i = 0; i < choices.made && i + 1 < size; i++)
        text[i] = (char)('0' + choices.value[i]);
}

struct model_result model_explore(const struct model *wanted)
{
    struct model_result result = { 0 };

    model = wanted;
    fake_scheduler_init(model->cpu_count);
    fake_machine.relax = at_relax;
    fake_machine.idle = at_idle;
    memset(&choices, 0, sizeof(choices));
    do {
        run_once();
        result.runs++;
        if (choices.made > result.choices_max)
            result.choices_max = choices.made;
    } while (!failure && advance_odometer());
    result.failure = failure;
    if (failure)
        describe_choices(result.choices, sizeof(result.choices));
    return result;
}
