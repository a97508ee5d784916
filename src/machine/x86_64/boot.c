/*
 * The boot, as a list of calls: from the first C code to kernel_start.
 *
 * Up to paging_init, memory is what boot.S mapped: the first 4 GiB at DIRECT_MAP_BASE, and the
 * image.
 */
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/host_files.h"
#include "machine/x86_64/link.h"
#include "machine/x86_64/port.h"

extern const char image_start[], image_end[];

_Noreturn void boot_main(enum boot_kind kind, physical_address information, uint64_t distance);

/* On the idle stack of the first processor, which has a guard page. */
static _Noreturn void start_kernel(void)
{
    kernel_start();
}

static _Noreturn void continue_on(void *stack, void (*code)(void))
{
    __asm__ volatile("movq %0, %%rsp; xorl %%ebp, %%ebp; pushq $0; jmp *%1"
                     : : "r"(stack), "r"(code) : "memory");
    __builtin_unreachable();
}

_Noreturn void boot_main(enum boot_kind kind, physical_address information, uint64_t distance)
{
    physical_address image = (uint64_t)(uintptr_t)image_start - KERNEL_BASE + distance;

    console_init_early();
    interrupt_init();
    cpu_find_features();
    cpu_init(0);
    boot_information_read(kind, information);
    memory_init(image, image + (uint64_t)(image_end - image_start));
    paging_init(image);
    boot_file_read();
    info_init();
    link_init();
    observe_init();
    acpi_init();
    paging_create_cpu_stacks(0);
    cpu_set_fault_stacks(0);
    interrupt_use_fault_stacks();
    apic_init();
    apic_init_cpu();
    clock_init();
    smp_init();
    clock_init_cpu();
    console_init_interrupts();
    host_files_init();
    memory_finish();
    continue_on(paging_cpu_stack(0, CPU_IDLE_STACK), start_kernel);
}
