/*
 * Interrupt controllers: the local APIC of each processor (x2APIC where there is one, else by
 * memory), and the I/O APIC for the old interrupts that serial ports have.
 */
#include "lib/assert.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"

#define LOCAL_ID 0x20
#define LOCAL_END_OF_INTERRUPT 0xb0
#define LOCAL_SPURIOUS 0xf0
#define LOCAL_COMMAND 0x300
#define LOCAL_COMMAND_HIGH 0x310
#define LOCAL_TIMER 0x320
#define LOCAL_LINE_0 0x350
#define LOCAL_LINE_1 0x360
#define LOCAL_ERROR 0x370
#define LOCAL_TIMER_START 0x380
#define LOCAL_TIMER_COUNT 0x390
#define LOCAL_TIMER_DIVIDE 0x3e0
#define LOCAL_SIZE 0x1000

#define SPURIOUS_ENABLE 0x100
#define ENTRY_MASKED 0x10000
#define ENTRY_LEVEL 0x8000
#define ENTRY_ACTIVE_LOW 0x2000
#define LINE_NMI 0x400
#define TIMER_DEADLINE 0x40000
#define DIVIDE_BY_1 0xb
#define COMMAND_BUSY 0x1000
#define COMMAND_ASSERT 0x4000

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2 (UINT64_C(1) << 10)
#define APIC_BASE_ENABLE (UINT64_C(1) << 11)
#define APIC_BASE_DEFAULT UINT64_C(0xfee00000)
#define MSR_X2APIC 0x800u
#define MSR_X2APIC_COMMAND 0x830u

#define IO_SELECT 0
#define IO_WINDOW 4
#define IO_VERSION 1
#define IO_ENTRIES 16

#define OVERRIDE_LOW 3              /* polarity, then trigger: 3 is low, or level */

#define PIC_1 0x20
#define PIC_2 0xa0

static volatile uint32_t *local;    /* NULL: x2APIC */
static volatile uint32_t *io;       /* NULL: none */

/* ---- Local --------------------------------------------------------------------------------- */

static uint32_t local_read(uint32_t place)
{
    return local ? local[place / 4] : (uint32_t)msr_read(MSR_X2APIC + place / 16);
}

static void local_write(uint32_t place, uint32_t value)
{
    if (local)
        local[place / 4] = value;
    else
        msr_write(MSR_X2APIC + place / 16, value);
}

uint32_t apic_id(void)
{
    return local ? local_read(LOCAL_ID) >> 24 : local_read(LOCAL_ID);
}

void apic_end_of_interrupt(void)
{
    local_write(LOCAL_END_OF_INTERRUPT, 0);
}

void apic_send(uint32_t target, enum apic_message message, uint8_t vector)
{
    uint32_t command = (uint32_t)message | vector | COMMAND_ASSERT;

    if (!local) {
        /* Unlike a store to memory, this write does not wait for earlier stores. */
        __asm__ volatile("mfence; lfence" : : : "memory");
        msr_write(MSR_X2APIC_COMMAND, (uint64_t)target << 32 | command);
        return;
    }

    bool were_on = machine_interrupts_disable();

    while (local_read(LOCAL_COMMAND) & COMMAND_BUSY)
        cpu_pause();
    local_write(LOCAL_COMMAND_HIGH, target << 24);
    local_write(LOCAL_COMMAND, command);
    if (were_on)
        __asm__ volatile("sti" : : : "memory");
}

void apic_timer_mode(bool deadline)
{
    local_write(LOCAL_TIMER_DIVIDE, DIVIDE_BY_1);
    local_write(LOCAL_TIMER, VECTOR_TIMER | (deadline ? TIMER_DEADLINE : 0));
    __asm__ volatile("mfence" : : : "memory");    /* before the first deadline is written */
}

void apic_timer_start(uint32_t ticks)
{
    local_write(LOCAL_TIMER_START, ticks);
}

uint32_t apic_timer_count(void)
{
    return local_read(LOCAL_TIMER_COUNT);
}

void apic_init_cpu(void)
{
    uint64_t base = msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    msr_write(MSR_APIC_BASE, local ? base : base | APIC_BASE_X2);
    local_write(LOCAL_LINE_0, ENTRY_MASKED);
    local_write(LOCAL_LINE_1, LINE_NMI);
    local_write(LOCAL_ERROR, ENTRY_MASKED);
    local_write(LOCAL_TIMER, ENTRY_MASKED);
    local_write(LOCAL_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    cpu_self()->apic_id = apic_id();
}

/* ---- I/O ----------------------------------------------------------------------------------- */

static uint32_t io_read(uint32_t number)
{
    io[IO_SELECT] = number;
    return io[IO_WINDOW];
}

static void io_write(uint32_t number, uint32_t value)
{
    io[IO_SELECT] = number;
    io[IO_WINDOW] = value;
}

static unsigned io_inputs(void)
{
    return (io_read(IO_VERSION) >> 16 & 0xff) + 1;
}

void apic_route_isa(unsigned interrupt, uint8_t vector)
{
    uint32_t number = acpi()->isa[interrupt].number - acpi()->io_apic_first;
    uint16_t flags = acpi()->isa[interrupt].flags;
    uint32_t entry = vector;

    if (!io || number >= io_inputs())
        return;
    entry |= (flags & 3) == OVERRIDE_LOW ? ENTRY_ACTIVE_LOW : 0;
    entry |= (flags >> 2 & 3) == OVERRIDE_LOW ? ENTRY_LEVEL : 0;
    io_write(IO_ENTRIES + 2 * number + 1, cpu_of(0)->apic_id << 24);
    io_write(IO_ENTRIES + 2 * number, entry);
}

/* The controllers of the first PC: their interrupts go to 32 and above, and none comes. */
static void disable_old_controllers(void)
{
    static const uint8_t first[] = { 0x11, VECTOR_EXCEPTIONS, 4, 1, 0xff };
    static const uint8_t second[] = { 0x11, VECTOR_EXCEPTIONS + 8, 2, 1, 0xff };

    for (unsigned i = 0; i < sizeof(first); i++) {
        port_write_8((uint16_t)(PIC_1 + (i > 0)), first[i]);
        port_write_8((uint16_t)(PIC_2 + (i > 0)), second[i]);
    }
}

void apic_init(void)
{
    physical_address base = acpi()->local_apic ? acpi()->local_apic : APIC_BASE_DEFAULT;

    disable_old_controllers();
    if (!cpu_features()->x2apic)
        local = paging_map(base, LOCAL_SIZE, PAGING_DEVICE);
    if (!acpi()->io_apic)
        return;
    io = paging_map(acpi()->io_apic, LOCAL_SIZE, PAGING_DEVICE);
    for (unsigned i = 0; i < io_inputs(); i++)
        io_write(IO_ENTRIES + 2 * i, ENTRY_MASKED);
}
