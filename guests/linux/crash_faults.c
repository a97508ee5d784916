/* What the processor or the page tables refuse: each function is to die where it stands. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "crash.h"

static const char constant[64] = "constant";
static char writable[4096];

static void divide_by_zero(void)
{
    __asm__ volatile("xor %%edx, %%edx\n mov $7, %%eax\n xor %%ecx, %%ecx\n idiv %%ecx"
                     : : : "eax", "ecx", "edx");
}

static void divide_overflow(void)
{
    __asm__ volatile("mov $0x80000000, %%eax\n cltd\n mov $-1, %%ecx\n idiv %%ecx"
                     : : : "eax", "ecx", "edx");
}

static void call_address(uint64_t address)
{
    __asm__ volatile("call *%0" : : "r"(address) : "memory");
}

static void jump_to_zero(void)
{
    call_address(0);
}

static void jump_to_kernel(void)
{
    call_address(0xffffffff80000000);
}

static void jump_non_canonical(void)
{
    call_address(0x1234567812345678);
}

static void undefined_instruction(void)
{
    __asm__ volatile("ud2");
}

static void halt(void)
{
    __asm__ volatile("hlt");
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

static void deep_recursion(void)
{
    volatile char frame[1000];
    void (*volatile again)(void) = deep_recursion;

    frame[0] = 1;
    again();
    frame[999] = frame[0];
}

static void store(uint64_t address)
{
    __asm__ volatile("movb $1, (%0)" : : "r"(address) : "memory");
}

static void load(uint64_t address)
{
    __asm__ volatile("movb (%0), %%al" : : "r"(address) : "rax", "memory");
}

static void write_to_text(void)
{
    store((uint64_t)(uintptr_t)write_to_text);
}

static void write_to_rodata(void)
{
    store((uint64_t)(uintptr_t)constant);
}

static void write_null(void)
{
    store(0);
}

static void read_null(void)
{
    load(0);
}

/* The vDSO writes there, not a call that could refuse it. */
static void time_to_nowhere(void)
{
    clock_gettime(CLOCK_MONOTONIC, (struct timespec *)16);
}

static void read_high(void)
{
    load(0x7fff00000000);
}

static void read_kernel(void)
{
    load(0xffffffff80000000);
}

static void read_non_canonical(void)
{
    load(0x8000000000000000 >> 3);
}

static void read_last_page(void)
{
    load(0x7ffffffff000);
}

static void misaligned_vector(void)
{
    __asm__ volatile("movaps 1(%0), %%xmm0" : : "r"(writable) : "xmm0", "memory");
}

static void execute_data(void)
{
    writable[0] = (char)0xc3;    /* ret */
    call_address((uint64_t)(uintptr_t)writable);
}

static void execute_stack(void)
{
    volatile char code[16] = { (char)0xc3 };

    call_address((uint64_t)(uintptr_t)code);
}

static void execute_heap(void)
{
    char *code = malloc(100000);

    memset(code, 0xc3, 100000);
    call_address((uint64_t)(uintptr_t)code);
}

static void read_forbidden(void)
{
    char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    load((uint64_t)(uintptr_t)page);
}

static void read_unmapped(void)
{
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    load((uint64_t)(uintptr_t)page);
    munmap(page, 4096);
    load((uint64_t)(uintptr_t)page);
}

static void unmap_own_code(void)
{
    uint64_t page = (uint64_t)(uintptr_t)unmap_own_code & ~(uint64_t)4095;

    /* By hand: the libc's wrapper could lie in the page. */
    __asm__ volatile("syscall\n nop" : : "a"(11), "D"(page), "S"(4096L) : "rcx", "r11", "memory");
}

static void unmask_vector_exception(void)
{
    uint32_t mxcsr = 0x1f80 & ~0x200u;    /* divide by zero raises */

    __asm__ volatile("ldmxcsr %0\n pxor %%xmm1, %%xmm1\n movsd %1, %%xmm0\n divsd %%xmm1, %%xmm0"
                     : : "m"(mxcsr), "m"((double){ 1.0 }) : "xmm0", "xmm1");
}

static void unmask_x87_exception(void)
{
    uint16_t control = 0x37f & ~4u;

    __asm__ volatile("fldcw %0\n fld1\n fldz\n fdivrp\n fwait" : : "m"(control));
}

static void privileged_cli(void)
{
    __asm__ volatile("cli");
}

static void privileged_in(void)
{
    __asm__ volatile("inb $0x60, %%al" : : : "rax");
}

static void privileged_out(void)
{
    __asm__ volatile("outb %%al, $0x80" : : "a"(0));
}

static void privileged_rdmsr(void)
{
    __asm__ volatile("rdmsr" : : "c"(0xc0000080) : "rax", "rdx");
}

static void privileged_control_register(void)
{
    __asm__ volatile("mov %%cr0, %%rax" : : : "rax");
}

static void privileged_lgdt(void)
{
    __asm__ volatile("lgdt %0" : : "m"(writable));
}

static void software_interrupt(void)
{
    __asm__ volatile("int $0x90");
}

static void software_page_fault(void)
{
    __asm__ volatile("int $14");
}

static void far_jump(void)
{
    uint8_t target[10] = { 0, 0, 0, 0, 0x10, 0 };    /* offset 0, selector of the kernel */

    __asm__ volatile("ljmp *%0" : : "m"(target));
}

static void bound_stack_pointer(void)
{
    __asm__ volatile("mov $0x1000, %%rsp\n push %%rax" : : : "memory");
}

const struct crash crash_faults[] = {
    { "divide_by_zero", divide_by_zero },
    { "divide_overflow", divide_overflow },
    { "jump_to_zero", jump_to_zero },
    { "jump_to_kernel", jump_to_kernel },
    { "jump_non_canonical", jump_non_canonical },
    { "undefined_instruction", undefined_instruction },
    { "halt", halt },
    { "breakpoint", breakpoint },
    { "deep_recursion", deep_recursion },
    { "write_to_text", write_to_text },
    { "write_to_rodata", write_to_rodata },
    { "write_null", write_null },
    { "read_null", read_null },
    { "read_high", read_high },
    { "time_to_nowhere", time_to_nowhere },
    { "read_kernel", read_kernel },
    { "read_non_canonical", read_non_canonical },
    { "read_last_page", read_last_page },
    { "misaligned_vector", misaligned_vector },
    { "execute_data", execute_data },
    { "execute_stack", execute_stack },
    { "execute_heap", execute_heap },
    { "read_forbidden", read_forbidden },
    { "read_unmapped", read_unmapped },
    { "unmap_own_code", unmap_own_code },
    { "unmask_vector_exception", unmask_vector_exception },
    { "unmask_x87_exception", unmask_x87_exception },
    { "privileged_cli", privileged_cli },
    { "privileged_in", privileged_in },
    { "privileged_out", privileged_out },
    { "privileged_rdmsr", privileged_rdmsr },
    { "privileged_control_register", privileged_control_register },
    { "privileged_lgdt", privileged_lgdt },
    { "software_interrupt", software_interrupt },
    { "software_page_fault", software_page_fault },
    { "far_jump", far_jump },
    { "bound_stack_pointer", bound_stack_pointer },
    { NULL, NULL },
};
