/*
 * What the loader tells: memory map, command line, archive, where the firmware's tables are.
 *
 * All of it is copied before anything is allocated, so nothing of the loader's needs to be kept but
 * the archive.  The loader's structures lie in the first 4 GiB, which boot.S maps.
 */
#include "lib/memory.h"
#include "lib/text.h"
#include "machine/x86_64/layout.h"
#include "machine/x86_64/port.h"

#define PVH_MAGIC 0x336ec578u

/* The structures of the PVH boot protocol. */
struct pvh_start {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command, acpi_root;
    uint64_t ranges;                 /* version 1 and later */
    uint32_t range_count, reserved;
};
struct pvh_module {
    uint64_t address, size, command, reserved;
};
struct pvh_range {
    uint64_t address, size;
    uint32_t type, reserved;
};

/* Multiboot2: a list of these, each with its contents. */
struct multiboot_tag {
    uint32_t type, size;
};
enum multiboot_tag_type {
    TAG_END = 0,
    TAG_COMMAND = 1,
    TAG_MODULE = 3,
    TAG_RANGES = 6,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
};

static struct boot_information information;

const struct boot_information *boot_information(void)
{
    return &information;
}

static const void *physical(uint64_t address)
{
    return (const void *)(uintptr_t)(DIRECT_MAP_BASE + address);
}

/* Keeps the ranges sorted by their start. */
static void add_range(uint64_t start, uint64_t size, uint32_t type)
{
    unsigned at = information.range_count;

    if (size == 0 || at == BOOT_RANGES_MAX)
        return;
    for (; at > 0 && information.ranges[at - 1].start > start; at--)
        information.ranges[at] = information.ranges[at - 1];
    information.ranges[at] = (struct boot_range){ start, start + size, type };
    information.range_count++;
}

static void read_pvh(const struct pvh_start *start)
{
    const struct pvh_range *ranges = physical(start->ranges);
    const struct pvh_module *modules = physical(start->modules);

    if (start->magic != PVH_MAGIC || start->version < 1 || start->range_count == 0)
        port_refuse("the loader gives no memory map (PVH version %u)", start->version);
    for (unsigned i = 0; i < start->range_count; i++)
        add_range(ranges[i].address, ranges[i].size, ranges[i].type);
    if (start->command)
        (void)text_copy(information.command, physical(start->command), BOOT_COMMAND_MAX);
    if (start->module_count > 0) {
        information.archive = modules[0].address;
        information.archive_end = modules[0].address + modules[0].size;
    }
    information.acpi_root = start->acpi_root;
}

/* ---- Multiboot2 ---------------------------------------------------------------------------- */

static void read_ranges(const struct multiboot_tag *tag)
{
    const uint32_t *head = (const uint32_t *)(const void *)(tag + 1);
    uint32_t step = head[0];
    const char *end = (const char *)tag + tag->size;

    for (const char *at = (const char *)(head + 2); step >= 20 && at + step <= end; at += step) {
        struct pvh_range range;    /* the same fields */

        memcpy(&range, at, sizeof(range));
        add_range(range.address, range.size, range.type);
    }
}

static void read_module(const struct multiboot_tag *tag)
{
    const uint32_t *module = (const uint32_t *)(const void *)(tag + 1);

    if (information.archive)
        return;    /* one is enough */
    information.archive = module[0];
    information.archive_end = module[1];
}

static void read_tag(const struct multiboot_tag *tag)
{
    size_t size = tag->size - sizeof(*tag);

    switch (tag->type) {
    case TAG_COMMAND:
        (void)text_copy(information.command, (const char *)(tag + 1), BOOT_COMMAND_MAX);
        return;
    case TAG_MODULE:
        read_module(tag);
        return;
    case TAG_RANGES:
        read_ranges(tag);
        return;
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW:
        if (information.acpi_copy_size < size && size <= sizeof(information.acpi_copy)) {
            memcpy(information.acpi_copy, tag + 1, size);
            information.acpi_copy_size = size;
        }
        return;
    }
}

static void read_multiboot(physical_address address)
{
    const uint32_t *head = physical(address);
    physical_address end = address + head[0];

    for (address += 8; address + sizeof(struct multiboot_tag) <= end;) {
        const struct multiboot_tag *tag = physical(address);

        if (tag->type == TAG_END || tag->size < sizeof(*tag))
            break;
        read_tag(tag);
        address += (tag->size + 7u) & ~7u;
    }
    if (information.range_count == 0)
        port_refuse("the loader gives no memory map");
}

void boot_information_read(enum boot_kind kind, physical_address address)
{
    switch (kind) {
    case BOOT_PVH:
        read_pvh(physical(address));
        return;
    case BOOT_MULTIBOOT:
        read_multiboot(address);
        return;
    }
}
