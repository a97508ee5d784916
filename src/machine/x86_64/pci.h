#pragma once
/* PCI: finding functions, their registers, and message-signalled interrupts. */
#include <stdbool.h>
#include <stdint.h>

struct pci_function {
    uint32_t address;       /* bus, device and function, as the configuration port wants them */
    uint16_t vendor, device;
};

uint32_t pci_read(const struct pci_function *function, unsigned place);

/* The `skip`-th function of this vendor and device; false if there are not so many. */
bool pci_find(uint16_t vendor, uint16_t device, unsigned skip, struct pci_function *function);
/* The first capability with this number behind the place (0: from the start); 0: none. */
unsigned pci_capability(const struct pci_function *function, uint8_t number, unsigned behind);
/* A part of what a base-address register decodes, mapped; NULL: it decodes no memory. */
void *pci_map(const struct pci_function *function, unsigned base_register, uint64_t offset,
              uint64_t size);
/* Lets the function read and write memory. */
void pci_enable(const struct pci_function *function);
/* Entry `entry` of the interrupt table arrives as this vector on the first processor. */
bool pci_route(const struct pci_function *function, unsigned entry, uint8_t vector);
