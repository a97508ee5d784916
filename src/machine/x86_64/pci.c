/*
 * PCI by the configuration ports, which every PC has.  Buses are followed from 0 through the
 * bridges, as the firmware has numbered them; base addresses are the firmware's too.
 */
#include "machine/x86_64/pci.h"

#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA 0xcfc
#define ADDRESS_ENABLE 0x80000000u

#define PLACE_ID 0x00
#define PLACE_COMMAND 0x04
#define PLACE_HEADER 0x0c
#define PLACE_BARS 0x10
#define PLACE_BUSES 0x18
#define PLACE_CAPABILITIES 0x34
#define COMMAND_MEMORY_AND_MASTER 0x6u
#define STATUS_CAPABILITIES (1u << 20)
#define HEADER_MULTIPLE (1u << 23)
#define HEADER_BRIDGE 1
#define NO_VENDOR 0xffff

#define BAR_PORTS 1u
#define BAR_64_BITS 4u
#define BARS 6

#define CAPABILITY_MSIX 0x11
#define MSIX_ENABLE (1u << 31)
#define MSIX_MASK_ALL (1u << 30)
#define MSIX_ENTRY_SIZE 16
#define MESSAGE_ADDRESS 0xfee00000u

#define BUSES 256u
#define DEVICES 32u
#define FUNCTIONS 8u

static uint32_t address_of(unsigned bus, unsigned device, unsigned function)
{
    return bus << 16 | device << 11 | function << 8;
}

uint32_t pci_read(const struct pci_function *function, unsigned place)
{
    port_write_32(PORT_ADDRESS, ADDRESS_ENABLE | function->address | (place & 0xfc));
    return port_read_32(PORT_DATA);
}

static void pci_write(const struct pci_function *function, unsigned place, uint32_t value)
{
    port_write_32(PORT_ADDRESS, ADDRESS_ENABLE | function->address | (place & 0xfc));
    port_write_32(PORT_DATA, value);
}

/* ---- Finding ------------------------------------------------------------------------------- */

struct search {
    uint16_t vendor, device;
    unsigned skip;
    bool seen[BUSES];
};

static bool read_identity(struct pci_function *function)
{
    uint32_t identity = pci_read(function, PLACE_ID);

    function->vendor = (uint16_t)identity;
    function->device = (uint16_t)(identity >> 16);
    return function->vendor != NO_VENDOR;
}

static bool search_bus(struct search *search, unsigned bus, struct pci_function *found);

static bool search_function(struct search *search, struct pci_function *function)
{
    uint32_t header = pci_read(function, PLACE_HEADER) >> 16 & 0x7f;

    if (function->vendor == search->vendor && function->device == search->device &&
        search->skip-- == 0)
        return true;
    return header == HEADER_BRIDGE &&
           search_bus(search, pci_read(function, PLACE_BUSES) >> 8 & 0xff, function);
}

static bool search_device(struct search *search, unsigned bus, unsigned device,
                          struct pci_function *found)
{
    struct pci_function at = { .address = address_of(bus, device, 0) };

    if (!read_identity(&at))
        return false;

    unsigned count = pci_read(&at, PLACE_HEADER) & HEADER_MULTIPLE ? FUNCTIONS : 1;

    for (unsigned number = 0; number < count; number++) {
        *found = (struct pci_function){ .address = address_of(bus, device, number) };
        if (read_identity(found) && search_function(search, found))
            return true;
    }
    return false;
}

/* Each bus is looked at once, whatever the bridges say. */
static bool search_bus(struct search *search, unsigned bus, struct pci_function *found)
{
    if (search->seen[bus])
        return false;
    search->seen[bus] = true;
    for (unsigned device = 0; device < DEVICES; device++) {
        if (search_device(search, bus, device, found))
            return true;
    }
    return false;
}

bool pci_find(uint16_t vendor, uint16_t device, unsigned skip, struct pci_function *function)
{
    struct search search = { .vendor = vendor, .device = device, .skip = skip };

    return search_bus(&search, 0, function);
}

unsigned pci_capability(const struct pci_function *function, uint8_t number, unsigned behind)
{
    unsigned place;

    if (!(pci_read(function, PLACE_COMMAND) & STATUS_CAPABILITIES))
        return 0;
    place = pci_read(function, behind ? behind : PLACE_CAPABILITIES) >> (behind ? 8 : 0) & 0xfc;
    for (unsigned count = 0; place != 0 && count < 48; count++) {
        uint32_t head = pci_read(function, place);

        if ((head & 0xff) == number)
            return place;
        place = head >> 8 & 0xfc;
    }
    return 0;
}

/* ---- Registers ----------------------------------------------------------------------------- */

void *pci_map(const struct pci_function *function, unsigned base_register, uint64_t offset,
              uint64_t size)
{
    uint64_t base;

    if (base_register >= BARS)
        return NULL;
    base = pci_read(function, PLACE_BARS + 4 * base_register);
    if (base & BAR_PORTS)
        return NULL;
    if ((base & BAR_64_BITS) && base_register + 1 < BARS)
        base |= (uint64_t)pci_read(function, PLACE_BARS + 4 * (base_register + 1)) << 32;
    base &= ~UINT64_C(15);
    return base ? paging_map(base + offset, size, PAGING_DEVICE) : NULL;
}

void pci_enable(const struct pci_function *function)
{
    uint32_t command = pci_read(function, PLACE_COMMAND) & 0xffff;

    pci_write(function, PLACE_COMMAND, command | COMMAND_MEMORY_AND_MASTER);
}

bool pci_route(const struct pci_function *function, unsigned entry, uint8_t vector)
{
    unsigned place = pci_capability(function, CAPABILITY_MSIX, 0);
    volatile uint32_t *table;

    if (place == 0)
        return false;

    uint32_t head = pci_read(function, place);
    uint32_t where = pci_read(function, place + 4);

    if (entry > (head >> 16 & 0x7ff))
        return false;
    table = pci_map(function, where & 7, (where & ~7u) + entry * MSIX_ENTRY_SIZE,
                    MSIX_ENTRY_SIZE);
    if (!table)
        return false;
    table[0] = MESSAGE_ADDRESS | cpu_of(0)->apic_id << 12;
    table[1] = 0;
    table[2] = vector;
    table[3] = 0;
    pci_write(function, place, (head & ~MSIX_MASK_ALL) | MSIX_ENABLE);
    return true;
}
