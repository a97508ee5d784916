/* The fake machine; its kernel contexts are in fake_contexts.c. */
#include "harness/fake_machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/fake_contexts.h"

struct fake_machine fake_machine;
struct machine_info fake_machine_info;

static struct machine_range memory_range;
static const struct machine_range user_range = { 0x10000, UINT64_C(0x7ffffffff000) };
static void *host_memory;
static size_t host_memory_size;

static const struct trap *script;
static size_t script_length;

static void fail(const char *why)
{
    fprintf(stderr, "%sfake machine: %s\n", fake_machine.log.text, why);
    abort();
}

static struct fake_cpu *self(void)
{
    return &fake_machine.cpus[fake_machine.cpu];
}

/* ---- Set-up -------------------------------------------------------------------------------- */

static void give_memory(size_t size)
{
    if (host_memory)
        munmap(host_memory, host_memory_size);
    host_memory_size = size;
    host_memory = NULL;
    memory_range = (struct machine_range){ FAKE_MEMORY_START, FAKE_MEMORY_START + size };
    if (size == 0)
        return;
    host_memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host_memory == MAP_FAILED)
        fail("no memory from the host");
}

void fake_machine_init(size_t memory_size)
{
    give_memory(memory_size);
    fake_machine = (struct fake_machine){ .terminal_room = SIZE_MAX };
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
        fake_machine.cpus[cpu].timer_deadline_ns = UINT64_MAX;
    script_length = 0;
    fake_contexts_reset();
    fake_machine_info = (struct machine_info){
        .name = "fake",
        .cpu_count = 1,
        .memory = &memory_range,
        .memory_range_count = memory_size > 0,
        .memory_is_zero = true,
        .direct_map = (char *)((uintptr_t)host_memory - FAKE_MEMORY_START),
        .user_ranges = &user_range,
        .user_range_count = 1,
        .boot_wall_time_ns = UINT64_C(1700000000000000000),
        .random_seed = 1,
        .vector_state_size = 832,
        .minimum_signal_stack = 2048,
        .cpu_model = "fake",
        .node_name = "fake",
        .user_id = 1000,
        .group_id = 1000,
    };
}

const struct machine_info *machine_info(void)
{
    return &fake_machine_info;
}

/* ---- Stopping and talking ------------------------------------------------------------------ */

void machine_halt(enum machine_halt why, int status)
{
    if (fake_machine.halt)
        fake_machine.halt(why, status);
    fail(why == MACHINE_HALT_PANIC ? "panic" : "halted");
    abort();
}

static struct fake_console *console_of(enum machine_stream stream)
{
    switch (stream) {
    case MACHINE_STREAM_LOG:
        return &fake_machine.log;
    case MACHINE_STREAM_TRACE:
        return &fake_machine.trace;
    case MACHINE_STREAM_REPORT:
        return &fake_machine.report;
    case MACHINE_STREAM_GRAPH:
        return &fake_machine.graph;
    case MACHINE_STREAM_TERMINAL:
        return &fake_machine.terminal;
    }
    abort();
}

size_t machine_console_write(enum machine_stream stream, const char *text, size_t length)
{
    struct fake_console *console = console_of(stream);

    if (stream == MACHINE_STREAM_TERMINAL) {
        if (length > fake_machine.terminal_room)
            length = fake_machine.terminal_room;
        fake_machine.terminal_room -= length;
    }
    if (length >= FAKE_CONSOLE_SIZE - console->length)
        fail("the console is full");
    memcpy(console->text + console->length, text, length);
    console->length += length;
    return length;
}

int machine_console_read(void)
{
    if (!fake_machine.input || *fake_machine.input == '\0')
        return -1;
    return (unsigned char)*fake_machine.input++;
}

void machine_console_size(uint16_t *rows, uint16_t *columns)
{
    *rows = 25;
    *columns = 80;
}

size_t machine_describe_address(physical_address root, uint64_t address, char *text, size_t size)
{
    return fake_machine.describe ? fake_machine.describe(root, address, text, size) : 0;
}

size_t machine_describe_file(const char *path, uint64_t offset, char *text, size_t size)
{
    return fake_machine.describe_file ? fake_machine.describe_file(path, offset, text, size) : 0;
}

void machine_program_loaded(physical_address root, const char *path, uint64_t bias)
{
    (void)root;
    (void)path;
    (void)bias;
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static void deliver_one(void)
{
    struct fake_cpu *cpu = self();
    unsigned which = (unsigned)__builtin_ctz(cpu->pending);

    cpu->pending &= ~(1u << which);
    cpu->delivered[which]++;
    cpu->interrupts_enabled = false;
    if (fake_machine.interrupt)
        fake_machine.interrupt((enum machine_interrupt)which);
    /* Perhaps on another CPU now, if the thread was switched. */
}

static void deliver_pending(void)
{
    while (self()->interrupts_enabled && self()->pending) {
        deliver_one();
        self()->interrupts_enabled = true;
    }
}

bool machine_interrupts_disable(void)
{
    bool were_on = self()->interrupts_enabled;

    self()->interrupts_enabled = false;
    return were_on;
}

void machine_interrupts_restore(bool enabled)
{
    self()->interrupts_enabled = enabled;
    deliver_pending();
}

bool machine_interrupts_enabled(void)
{
    return self()->interrupts_enabled;
}

void fake_machine_raise(unsigned cpu, enum machine_interrupt which)
{
    fake_machine.cpus[cpu].pending |= 1u << which;
    deliver_pending();
}

/* ---- CPUs ---------------------------------------------------------------------------------- */

unsigned machine_cpu_index(void)
{
    return fake_machine.cpu;
}

void machine_cpu_start(unsigned cpu, void (*entry)(void))
{
    fake_machine.cpus[cpu].started = entry;
}

void machine_cpu_notify(unsigned cpu)
{
    fake_machine.cpus[cpu].notifications++;
    fake_machine_raise(cpu, INTERRUPT_NOTIFY);
}

void machine_cpu_relax(void)
{
    if (fake_machine.relaxations++ > 1000000)
        fail("spins for ever");
    if (fake_machine.relax)
        fake_machine.relax();
}

static void become_not_idle(void)
{
    if (fake_machine.idle) {
        fake_machine.idle();
        return;
    }
    if (self()->timer_deadline_ns == UINT64_MAX)
        fail("idle for ever");
    fake_machine_advance(self()->timer_deadline_ns - fake_machine.time_ns);
}

void machine_cpu_idle(void)
{
    if (self()->interrupts_enabled)
        fail("machine_cpu_idle with interrupts on");
    while (!self()->pending)
        become_not_idle();
    deliver_one();
}

/* ---- Time ---------------------------------------------------------------------------------- */

void machine_time_show(struct machine_time_line *line)
{
    (void)line;    /* the kernel must be asked */
}

uint64_t machine_time_ns(void)
{
    return fake_machine.time_ns;
}

static void fire_due_timers(void)
{
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
        if (fake_machine.cpus[cpu].timer_deadline_ns > fake_machine.time_ns)
            continue;
        fake_machine.cpus[cpu].timer_deadline_ns = UINT64_MAX;
        fake_machine.cpus[cpu].pending |= 1u << INTERRUPT_TIMER;
    }
}

void machine_timer_set(uint64_t deadline_ns)
{
    self()->timer_sets++;
    self()->timer_deadline_ns = deadline_ns;
    if (deadline_ns == UINT64_MAX)
        return;
    fire_due_timers();
    deliver_pending();
}

void fake_machine_advance(uint64_t ns)
{
    fake_machine.time_ns += ns;
    fire_due_timers();
    deliver_pending();
}

/* ---- User mode and translation ------------------------------------------------------------- */

void fake_machine_play(const struct trap *traps, size_t count)
{
    script = traps;
    script_length = count;
}

struct trap machine_user_run(struct user_registers *registers)
{
    if (self()->interrupts_enabled)
        fail("machine_user_run with interrupts on");
    if (fake_machine.user_run)
        return fake_machine.user_run(registers);
    if (script_length == 0)
        fail("the script of traps is at its end");
    script_length--;
    return *script++;
}

void machine_address_space_activate(physical_address root)
{
    self()->active_root = root;
    self()->activations++;
}

void machine_tlb_flush(user_address start, user_address end)
{
    self()->flushes++;
    self()->flush_start = start;
    self()->flush_end = end;
}

void machine_memory_prepare(physical_address start, physical_address end)
{
    (void)start;
    (void)end;
}

unsigned fake_machine_suspensions;

void machine_suspend(void)
{
    fake_machine_suspensions++;
}
