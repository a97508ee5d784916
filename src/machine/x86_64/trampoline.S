/*
 * Where other processors wake up: 16-bit code, copied to a page below 1 MiB, that goes to 64-bit
 * mode in one step and on to smp_entry in the image.  It runs wherever its page is; ebx is where.
 */
#include "layout.h"

#define AT(label) ((label) - smp_trampoline)
#define CR4_PHYSICAL_EXTENSION 0x20
#define CR0_PROTECTION_AND_PAGING 0x80000001
#define EFER_LONG_AND_NO_EXECUTE 0x900

        .section .rodata
        .code16
        .globl  smp_trampoline
        .balign 16
smp_trampoline:
        cli
        cld
        movw    %cs, %ax
        movw    %ax, %ds
        movzwl  %ax, %ebx
        shll    $4, %ebx
        leal    AT(descriptors)(%ebx), %eax
        movl    %eax, AT(table) + 2
        leal    AT(long_mode)(%ebx), %eax
        movl    %eax, AT(target)
        lgdtl   AT(table)

        movl    $CR4_PHYSICAL_EXTENSION, %eax
        movl    %eax, %cr4
        movl    TRAMPOLINE_ROOT, %eax
        movl    %eax, %cr3
        movl    $MSR_EFER, %ecx
        xorl    %edx, %edx
        movl    $EFER_LONG_AND_NO_EXECUTE, %eax
        wrmsr
        movl    $CR0_PROTECTION_AND_PAGING, %eax
        movl    %eax, %cr0
        ljmpl   *AT(target)

        .code64
long_mode:
        movl    %ebx, %ebx
        xorl    %eax, %eax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movq    TRAMPOLINE_STACK(%rbx), %rsp
        xorl    %ebp, %ebp
        pushq   $0
        movabsq $smp_entry, %rax
        jmp     *%rax

        .balign 8
descriptors:
        .quad   0
        .quad   0
        .quad   0x00af9b000000ffff       /* 64-bit code of the kernel */
table:
        .word   table - descriptors - 1
        .long   0
        .balign 4
target:
        .long   0
        .word   SELECTOR_KERNEL_CODE
        .globl  smp_trampoline_end
smp_trampoline_end:

        .section .note.GNU-stack, "", @progbits
