/*
 * The first instructions: from the loader's 32-bit protected mode to C in 64 bits at the kernel's
 * own addresses.
 *
 * Here the image may be at any multiple of 2 MiB: ebp holds the distance to where it is linked.
 * The tables made here map the first 4 GiB of memory, once at 0 for this code and once at
 * DIRECT_MAP_BASE, and the image at KERNEL_BASE; paging.c replaces them soon.
 */
#include "layout.h"

#define PHYSICAL(symbol) ((symbol) - KERNEL_BASE)
#define ENTRY_TABLE 0x3              /* present, writable */
#define ENTRY_LARGE 0x83             /* the same, of 2 MiB */
#define LARGE_PAGE 0x200000
#define CR0_PROTECTION 0x1
#define CR0_PAGING 0x80000000
#define CR4_PHYSICAL_EXTENSION 0x20
#define CPUID_EXTENDED 0x80000001
#define CPUID_LONG_MODE 29
#define MULTIBOOT2_MAGIC 0x36d76289
#define MULTIBOOT2_HEADER 0xe85250d6

/* The note by which a PVH loader finds the entry. */
        .section .note.pvh, "a", @note
        .balign 4
        .long   4                        /* length of the name */
        .long   4                        /* length of the address */
        .long   18                       /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   PHYSICAL(boot_pvh)

/* The header by which a multiboot2 loader finds the entry, and learns that it may load the image
 * elsewhere. */
        .section .multiboot, "a", @progbits
        .balign 8
header:
        .long   MULTIBOOT2_HEADER
        .long   0                        /* 32-bit protected mode */
        .long   header_end - header
        .long   -(MULTIBOOT2_HEADER + header_end - header)
        .word   3, 0                     /* entry address */
        .long   12
        .long   PHYSICAL(boot_multiboot)
        .balign 8
        .word   6, 0                     /* modules on pages of their own */
        .long   8
        .word   10, 0                    /* relocatable */
        .long   24
        .long   0x100000, 0xfffff000     /* from, to */
        .long   LARGE_PAGE
        .long   0                        /* anywhere */
        .word   0, 0
        .long   8
header_end:

        .section .boot.text, "ax", @progbits
        .code32

/* ebx: physical address of struct pvh_start. */
        .globl  boot_pvh
boot_pvh:
        movl    $0, %esi                 /* kind of information: BOOT_PVH */
        jmp     1f

/* eax: magic number, ebx: physical address of the information. */
        .globl  boot_multiboot
boot_multiboot:
        movl    $1, %esi                 /* BOOT_MULTIBOOT */
        cmpl    $MULTIBOOT2_MAGIC, %eax
        jne     boot_stop
1:
        cli
        cld
        /* The distance: a call pushes where we are.  The four bytes it needs are taken from
         * the loader's information no more than from its stack: its first field is restored. */
        movl    (%ebx), %edx
        leal    4(%ebx), %esp
        call    2f
2:      popl    %ebp
        movl    %edx, (%ebx)
        subl    $PHYSICAL(2b), %ebp
        leal    PHYSICAL(boot_stack_top)(%ebp), %esp
        movl    %ebx, %edi

        movl    $CPUID_EXTENDED, %eax
        cpuid
        btl     $CPUID_LONG_MODE, %edx
        jnc     boot_stop

        /* 4 GiB in large pages. */
        leal    PHYSICAL(boot_low_pages)(%ebp), %edx
        movl    $ENTRY_LARGE, %eax
        movl    $2048, %ecx
3:      movl    %eax, (%edx)
        addl    $LARGE_PAGE, %eax
        addl    $8, %edx
        loop    3b
        leal    PHYSICAL(boot_low_pages) + ENTRY_TABLE(%ebp), %eax
        leal    PHYSICAL(boot_low_table)(%ebp), %edx
        movl    $4, %ecx
4:      movl    %eax, (%edx)
        addl    $4096, %eax
        addl    $8, %edx
        loop    4b

        /* The image: 1 GiB from where it was loaded. */
        leal    ENTRY_LARGE(%ebp), %eax
        leal    PHYSICAL(boot_image_pages)(%ebp), %edx
        movl    $512, %ecx
5:      movl    %eax, (%edx)
        addl    $LARGE_PAGE, %eax
        addl    $8, %edx
        loop    5b
        leal    PHYSICAL(boot_image_pages) + ENTRY_TABLE(%ebp), %eax
        movl    %eax, PHYSICAL(boot_image_table) + 510 * 8(%ebp)

        leal    PHYSICAL(boot_root)(%ebp), %edx
        leal    PHYSICAL(boot_low_table) + ENTRY_TABLE(%ebp), %eax
        movl    %eax, (%edx)
        movl    %eax, 256 * 8(%edx)
        leal    PHYSICAL(boot_image_table) + ENTRY_TABLE(%ebp), %eax
        movl    %eax, 511 * 8(%edx)

        movl    %cr4, %eax
        orl     $CR4_PHYSICAL_EXTENSION, %eax
        movl    %eax, %cr4
        movl    %edx, %cr3
        movl    $MSR_EFER, %ecx
        rdmsr
        orl     $EFER_LONG_MODE, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $(CR0_PAGING | CR0_PROTECTION), %eax
        movl    %eax, %cr0

        /* 64-bit code needs a descriptor, and its table an address. */
        leal    PHYSICAL(boot_descriptors)(%ebp), %eax
        pushl   %eax
        pushw   $(boot_descriptors_end - boot_descriptors - 1)
        lgdt    (%esp)
        addl    $6, %esp
        pushl   $SELECTOR_KERNEL_CODE
        leal    PHYSICAL(boot_long)(%ebp), %eax
        pushl   %eax
        lret

boot_stop:
        cli
        hlt
        jmp     boot_stop

        .code64
boot_long:
        movabsq $boot_high, %rax
        jmp     *%rax

        .text
boot_high:
        xorl    %eax, %eax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        leaq    boot_stack_top(%rip), %rsp
        movl    %ebp, %edx
        xchgl   %edi, %esi
        pushq   $0                       /* where backtraces end */
        xorl    %ebp, %ebp
        call    boot_main                /* (kind, information, distance) */
        ud2

        .section .rodata
        .balign 8
boot_descriptors:
        .quad   0
        .quad   0
        .quad   0x00af9b000000ffff       /* 64-bit code of the kernel */
boot_descriptors_end:

        .bss
        .balign 4096
boot_root:        .skip 4096
boot_low_table:   .skip 4096
boot_low_pages:   .skip 4 * 4096
boot_image_table: .skip 4096
boot_image_pages: .skip 4096
boot_stack:       .skip BOOT_STACK_SIZE
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
