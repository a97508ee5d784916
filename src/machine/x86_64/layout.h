#pragma once
/*
 * Addresses and numbers that assembly, C and the linker script share.
 *
 *   0x0000000000000000   programs (the lower half; another root for each address space)
 *   DIRECT_MAP_BASE      all RAM, at its physical address + this; no execution
 *   STACKS_BASE          kernel stacks a second time, each above a page that is never mapped
 *   DEVICES_BASE         registers of devices, tables of the firmware
 *   CPU_STACKS_BASE      stacks for idling, and for the four vectors that need one of their own
 *   KERNEL_BASE          the kernel's image
 */

#define DIRECT_MAP_BASE 0xffff800000000000
#define DIRECT_MAP_SIZE 0x0000400000000000
#define STACKS_BASE     0xffffc00000000000
#define DEVICES_BASE    0xffffe00000000000
#define CPU_STACKS_BASE 0xffffe80000000000
#define KERNEL_BASE     0xffffffff80000000
#define KERNEL_LOAD     0x200000             /* where the loader puts the image, if it can */

#define BOOT_STACK_SIZE 16384
#define CPUS_LIMIT 64

/* Selectors: Linux's, because programs can see those of user mode.  `sysret` wants the order of the
 * last three; the first of them (32-bit code) is not there. */
#define SELECTOR_KERNEL_CODE 0x10
#define SELECTOR_KERNEL_DATA 0x18
#define SELECTOR_USER_CODE32 0x23
#define SELECTOR_USER_DATA   0x2b
#define SELECTOR_USER_CODE   0x33
#define SELECTOR_TASK        0x40

/* struct cpu (cpu.h), through GS in kernel mode. */
#define CPU_SELF         0
#define CPU_REGISTERS    8
#define CPU_KERNEL_STACK 16
#define CPU_SCRATCH      24
#define CPU_TASK_STACK   36                  /* the task state's rsp0 */

#define VECTOR_DEBUG 1
#define VECTOR_NMI 2
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PROTECTION 13
#define VECTOR_PAGE_FAULT 14
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_EXCEPTIONS 32                 /* below this: the processor's own */
#define VECTOR_INT80 0x80
#define VECTOR_SYSCALL 256                   /* not a vector of the processor: `syscall` */

/* Model-specific registers that assembly touches. */
#define MSR_EFER 0xc0000080
#define MSR_GS_BASE 0xc0000101
#define EFER_LONG_MODE 0x100

/* The page below 1 MiB in which other processors wake up: what is where behind its code. */
#define TRAMPOLINE_ROOT 0xff0                /* 4 bytes: physical address of the page tables */
#define TRAMPOLINE_STACK 0xff8               /* 8 bytes: its stack */
#define TRAMPOLINE_SIZE 4096
