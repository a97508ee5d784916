#pragma once
/*
 * Private declarations of the x86-64 port, by the file that defines them.  Order of the boot:
 * boot.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"

/* ---- halt.c -------------------------------------------------------------------------------- */

/* The machine cannot do what is needed: one line, then the end. */
_Noreturn void port_refuse(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
/* A line of the port's own to the log. */
void port_log(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

/* ---- boot_information.c: what the loader tells ---------------------------------------------- */

enum boot_kind { BOOT_PVH, BOOT_MULTIBOOT };

#define BOOT_RANGES_MAX 128
#define BOOT_COMMAND_MAX 2048

enum boot_memory { BOOT_MEMORY_RAM = 1 };    /* others are kept free of the kernel */

struct boot_range {
    uint64_t start, end;
    uint32_t type;
};
struct boot_information {
    struct boot_range ranges[BOOT_RANGES_MAX];
    unsigned range_count;
    physical_address archive, archive_end;    /* both 0: none */
    physical_address acpi_root;               /* RSDP, 0: unknown */
    uint8_t acpi_copy[40];                    /* a copy of it */
    size_t acpi_copy_size;                    /* 0: none */
    char command[BOOT_COMMAND_MAX];
};
/* While the first 4 GiB are mapped by boot.S. */
void boot_information_read(enum boot_kind kind, physical_address information);
const struct boot_information *boot_information(void);

/* ---- memory.c, paging.c -------------------------------------------------------------------- */

/* Divides the RAM: what is taken already, what this port takes, what the kernel gets. */
void memory_init(physical_address image, physical_address image_end);
/* A page of zeros, or as many in a row, for ever.  Before memory_finish only. */
physical_address memory_take(uint64_t size);
/* The rest becomes machine_info()->memory. */
void memory_finish(void);

void paging_init(physical_address image);

/* Tables below 4 GiB for the moment of waking up: the kernel's, and this page at its own
 * address. */
physical_address paging_trampoline_root(physical_address page);
/* The kernel's code at this address is at that physical one. */
physical_address paging_image_address(const void *symbol);
/* What is at a physical address, for ever: registers of a device, or tables in memory. */
enum paging_kind { PAGING_DEVICE, PAGING_TABLES };
void *paging_map(physical_address address, uint64_t size, enum paging_kind kind);
/* The top of a stack of a processor: its fault stacks, then the one it boots and idles on. */
#define CPU_FAULT_STACKS 4
#define CPU_IDLE_STACK CPU_FAULT_STACKS
void *paging_cpu_stack(unsigned cpu, unsigned stack);
void paging_create_cpu_stacks(unsigned cpu);
/* Does the address lie in a page that is kept free below a stack? */
bool paging_is_stack_guard(uint64_t address);

/* ---- info.c, boot_file.c ------------------------------------------------------------------- */

struct machine_info *info_edit(void);
void info_init(void);
/* Takes `.eft/boot` off the front of the archive, if it is there. */
void boot_file_read(void);
/* A value of the command line or of the boot file: "name=value"; NULL if there is none. */
const char *port_option(const char *name);

/* ---- acpi.c -------------------------------------------------------------------------------- */

struct acpi {
    unsigned cpu_count;
    uint32_t cpu_apic_ids[64];
    physical_address local_apic, io_apic, timer;    /* 0: none; the last is the HPET */
    uint32_t io_apic_first;                         /* interrupt number of its first input */
    struct {
        uint32_t number;
        uint16_t flags;
    } isa[16];                                      /* inputs of the old interrupts */
    uint16_t pm_timer, pm_control_a, pm_control_b, pm_event_a;    /* ports */
    uint16_t smi_command;
    uint8_t acpi_enable;
    bool has_power_off, pm_timer_is_32_bits;
    uint16_t power_off_a, power_off_b;              /* for the control ports */
    uint16_t reset_port;                            /* where reset_value resets all; 0: none */
    volatile uint8_t *reset_register;               /* the same; NULL: none */
    uint8_t reset_value;
};
void acpi_init(void);
const struct acpi *acpi(void);

/* ---- apic.c -------------------------------------------------------------------------------- */

void apic_init(void);           /* once: where it is, old controllers off */
void apic_init_cpu(void);       /* on each processor */
void apic_end_of_interrupt(void);
uint32_t apic_id(void);
enum apic_message { APIC_FIXED = 0x000, APIC_NMI = 0x400, APIC_INIT = 0x500, APIC_START = 0x600 };
void apic_send(uint32_t target, enum apic_message message, uint8_t vector);
void apic_timer_start(uint32_t ticks);
uint32_t apic_timer_count(void);
void apic_timer_mode(bool deadline);
/* An old interrupt (0 to 15) arrives as this vector on the first processor. */
void apic_route_isa(unsigned interrupt, uint8_t vector);

#define VECTOR_TIMER 0xe0
#define VECTOR_NOTIFY 0xe1
#define VECTOR_SERIAL 0xe2
#define VECTOR_LINK 0xe3
#define VECTOR_SPURIOUS 0xff

/* ---- clock.c ------------------------------------------------------------------------------- */

void clock_init(void);
/* After all processors are up: may the time-stamp counters be used? */
void clock_choose(bool timestamps_agree);
void clock_init_cpu(void);    /* on each processor, after clock_choose */
void clock_wait_ns(uint64_t ns);
/* The interrupt came: is the kernel's timer due? */
bool clock_timer_due(void);

/* ---- smp.c, trampoline.S ------------------------------------------------------------------- */

void smp_init(void);
/* Stops all processors but this one; each prints where it was. */
void smp_stop_others(bool print);
struct kernel_trap;
/* The NMI has come: prints where this processor was, if that is wanted, and stops it. */
void smp_stop_here(const struct kernel_trap *trap);

/* ---- interrupt.c, entry.S ------------------------------------------------------------------ */

/* What entry.S has pushed for a trap in kernel mode. */
struct kernel_trap {
    uint64_t rbp_of_frame, rip_of_frame;    /* so that backtraces go through */
    uint64_t rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
void interrupt_init(void);
void interrupt_use_fault_stacks(void);
/* An interrupt of a device or another processor was taken in user mode: it is noted. */
void interrupt_note(uint32_t vector);
/* Notes one that came without a vector of its own, on this processor. */
void interrupt_raise_here(enum machine_interrupt which);

void entry_syscall(void);

/* ---- lock.c -------------------------------------------------------------------------------- */

/* A lock of the port's own: interrupts go off and, with the release, back to what they were.  The
 * wait for it ends after a while all the same, because in a panic its owner may have stopped. */
bool lock_take(_Atomic bool *lock);
void lock_release(_Atomic bool *lock, bool were_on);

/* ---- serial.c, console.c, link.c ----------------------------------------------------------- */

enum serial_port { SERIAL_CONSOLE, SERIAL_LINK, SERIAL_PORTS };
bool serial_init(enum serial_port port);
void serial_enable_interrupts(enum serial_port port);
void serial_write(enum serial_port port, const void *bytes, size_t size);
int serial_read(enum serial_port port);    /* -1: nothing */

void console_init_early(void);
void console_init_interrupts(void);

/* ---- observe.c ----------------------------------------------------------------------------- */

void observe_init(void);      /* after link_init */
void observe_finish(void);    /* at the end: what is not sent yet */

/* ---- self_test.c --------------------------------------------------------------------------- */

void self_test(uint64_t user_code);    /* an address in a page that is there */

/* ---- describe.c ---------------------------------------------------------------------------- */

/* Prints the calls that led to rip, by the frame pointers above rsp. */
void print_backtrace_from(uint64_t rip, uint64_t rbp, uint64_t rsp);
