/*
 * ACPI tables: processors, interrupt controllers, timers, power.
 *
 * Tables are the firmware's: lengths are checked against what is mapped, checksums are computed,
 * and a table that is wrong counts as absent.  Of the AML in the DSDT only the package \_S5 is
 * looked for (the numbers that mean power-off); nothing is interpreted.
 */
#include "lib/checked.h"
#include "lib/memory.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"

#define TABLE_SIZE_MAX (UINT32_C(1) << 20)
#define TABLES_MAX 64
#define ROOT_SIZE 36
#define BIOS_START UINT64_C(0xe0000)
#define BIOS_END UINT64_C(0x100000)

#define ENTRY_LOCAL_APIC 0
#define ENTRY_IO_APIC 1
#define ENTRY_OVERRIDE 2
#define ENTRY_LOCAL_X2APIC 9
#define APIC_ENABLED 1u

/* Places in the FADT. */
#define FADT_DSDT 40
#define FADT_SMI_COMMAND 48
#define FADT_ENABLE 52
#define FADT_PM_EVENT_A 56
#define FADT_PM_CONTROL_A 64
#define FADT_PM_CONTROL_B 68
#define FADT_PM_TIMER 76
#define FADT_FLAGS 112
#define FADT_FLAG_TIMER_32_BITS (1u << 8)
#define FADT_FLAG_RESET (1u << 10)
#define FADT_RESET_SPACE 116
#define FADT_RESET_ADDRESS 120
#define FADT_RESET_VALUE 128
#define HPET_ADDRESS 44
#define SPACE_MEMORY 0              /* of what an address is */
#define SPACE_PORTS 1

#define AML_PACKAGE 0x12
#define AML_BYTE 0x0a

struct table {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char maker[6], maker_table[8];
    uint32_t maker_revision, creator, creator_revision;
};
_Static_assert(sizeof(struct table) == 36, "as ACPI says");

static struct acpi found;

const struct acpi *acpi(void)
{
    return &found;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static uint64_t load(const void *table, size_t place, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, (const char *)table + place, size);
    return value;
}

static bool sum_is_zero(const void *bytes, size_t size)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
    return sum == 0;
}

/* The whole table, or NULL if it makes no sense. */
static const struct table *table_map(physical_address address)
{
    const struct table *header;
    uint32_t length;

    if (address == 0)
        return NULL;
    header = paging_map(address, sizeof(*header), PAGING_TABLES);
    length = header->length;
    if (length < sizeof(*header) || length > TABLE_SIZE_MAX)
        return NULL;
    header = paging_map(address, length, PAGING_TABLES);
    return sum_is_zero(header, length) ? header : NULL;
}

/* ---- Tables -------------------------------------------------------------------------------- */

static void add_processor(uint32_t id, uint32_t flags)
{
    if (!(flags & APIC_ENABLED) || found.cpu_count == CPUS_LIMIT)
        return;
    found.cpu_apic_ids[found.cpu_count++] = id;
}

static void read_controller(const uint8_t *entry, uint8_t length)
{
    switch (entry[0]) {
    case ENTRY_LOCAL_APIC:
        if (length >= 8)
            add_processor(entry[3], (uint32_t)load(entry, 4, 4));
        return;
    case ENTRY_LOCAL_X2APIC:
        if (length >= 16)
            add_processor((uint32_t)load(entry, 4, 4), (uint32_t)load(entry, 8, 4));
        return;
    case ENTRY_IO_APIC:
        if (length >= 12 && !found.io_apic) {
            found.io_apic = load(entry, 4, 4);
            found.io_apic_first = (uint32_t)load(entry, 8, 4);
        }
        return;
    case ENTRY_OVERRIDE:
        if (length >= 10 && entry[2] == 0 && entry[3] < 16) {
            found.isa[entry[3]].number = (uint32_t)load(entry, 4, 4);
            found.isa[entry[3]].flags = (uint16_t)load(entry, 8, 2);
        }
        return;
    }
}

static void read_controllers(const struct table *table)
{
    const uint8_t *bytes = (const uint8_t *)table;
    size_t place = sizeof(*table) + 8;

    found.local_apic = load(table, sizeof(*table), 4);
    while (place + 2 <= table->length) {
        uint8_t length = bytes[place + 1];

        if (length < 2 || place + length > table->length)
            return;
        read_controller(bytes + place, length);
        place += length;
    }
}

/* An integer of AML in a package; moves past it. */
static bool read_integer(const uint8_t **at, const uint8_t *end, uint16_t *value)
{
    if (*at >= end)
        return false;
    if (**at == AML_BYTE) {
        (*at)++;
        if (*at >= end)
            return false;
    } else if (**at > 1) {    /* zero and one stand for themselves */
        return false;
    }
    *value = *(*at)++;
    return true;
}

/* Name(\_S5, Package { SLP_TYPa, SLP_TYPb, ... }) */
static void find_power_off(const struct table *dsdt)
{
    const uint8_t *bytes = (const uint8_t *)dsdt;
    const uint8_t *end = bytes + dsdt->length;

    for (const uint8_t *at = bytes + sizeof(*dsdt); at + 8 < end; at++) {
        if (memcmp(at, "_S5_", 4) != 0 || at[4] != AML_PACKAGE)
            continue;
        at += 5;
        at += 1 + (*at >> 6);    /* length of the package, in one to four bytes */
        at++;                    /* number of elements */
        found.has_power_off = read_integer(&at, end, &found.power_off_a) &&
                              read_integer(&at, end, &found.power_off_b);
        return;
    }
}

static void read_reset(const struct table *table)
{
    if (table->length <= FADT_RESET_VALUE || !(load(table, FADT_FLAGS, 4) & FADT_FLAG_RESET))
        return;

    uint64_t address = load(table, FADT_RESET_ADDRESS, 8);

    if (load(table, FADT_RESET_SPACE, 1) == SPACE_PORTS)
        found.reset_port = (uint16_t)address;
    else if (load(table, FADT_RESET_SPACE, 1) == SPACE_MEMORY && address != 0)
        found.reset_register = paging_map(address, 1, PAGING_DEVICE);
    found.reset_value = (uint8_t)load(table, FADT_RESET_VALUE, 1);
}

static void read_fixed(const struct table *table)
{
    if (table->length < FADT_FLAGS + 4)
        return;
    found.smi_command = (uint16_t)load(table, FADT_SMI_COMMAND, 4);
    found.acpi_enable = (uint8_t)load(table, FADT_ENABLE, 1);
    found.pm_event_a = (uint16_t)load(table, FADT_PM_EVENT_A, 4);
    found.pm_control_a = (uint16_t)load(table, FADT_PM_CONTROL_A, 4);
    found.pm_control_b = (uint16_t)load(table, FADT_PM_CONTROL_B, 4);
    found.pm_timer = (uint16_t)load(table, FADT_PM_TIMER, 4);
    found.pm_timer_is_32_bits = load(table, FADT_FLAGS, 4) & FADT_FLAG_TIMER_32_BITS;
    read_reset(table);

    const struct table *dsdt = table_map(load(table, FADT_DSDT, 4));

    if (dsdt && found.pm_control_a)
        find_power_off(dsdt);
}

static void read_table(const struct table *table)
{
    if (memcmp(table->signature, "APIC", 4) == 0)
        read_controllers(table);
    else if (memcmp(table->signature, "FACP", 4) == 0)
        read_fixed(table);
    else if (memcmp(table->signature, "HPET", 4) == 0 && table->length >= HPET_ADDRESS + 8)
        found.timer = load(table, HPET_ADDRESS, 8);
}

static void read_all(const struct table *list, size_t pointer_size)
{
    size_t count = (list->length - sizeof(*list)) / pointer_size;

    for (size_t i = 0; i < count && i < TABLES_MAX; i++) {
        const struct table *table =
            table_map(load(list, sizeof(*list) + i * pointer_size, pointer_size));

        if (table)
            read_table(table);
    }
}

/* ---- The root ------------------------------------------------------------------------------ */

/* Where a BIOS leaves the root pointer, when the loader has not said. */
static physical_address search_root(void)
{
    const char *area = paging_map(BIOS_START, BIOS_END - BIOS_START, PAGING_TABLES);

    for (uint64_t place = 0; place + ROOT_SIZE <= BIOS_END - BIOS_START; place += 16) {
        if (memcmp(area + place, "RSD PTR ", 8) == 0 && sum_is_zero(area + place, 20))
            return BIOS_START + place;
    }
    return 0;
}

/* NULL: there is none. */
static const char *find_root(void)
{
    const struct boot_information *boot = boot_information();
    physical_address address = boot->acpi_root;

    if (boot->acpi_copy_size > 0)
        return (const char *)boot->acpi_copy;
    if (address == 0)
        address = search_root();
    return address ? paging_map(address, ROOT_SIZE, PAGING_TABLES) : NULL;
}

void acpi_init(void)
{
    const char *root = find_root();

    for (unsigned i = 0; i < 16; i++)
        found.isa[i].number = i;
    if (!root) {
        port_log("no ACPI tables: one processor, no power-off");
        return;
    }

    uint64_t extended = root[15] >= 2 ? load(root, 24, 8) : 0;
    const struct table *list = table_map(extended ? extended : load(root, 16, 4));

    if (!list) {
        port_log("the ACPI tables are damaged: one processor, no power-off");
        return;
    }
    read_all(list, extended ? 8 : 4);
}
