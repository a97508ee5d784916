/*
 * All ways into the kernel and back to user mode, and the switch of kernel contexts.
 *
 * User code is a call: user_enter saves its caller's registers on the kernel stack, loads the
 * user's and goes; whatever stops the user code stores its registers into the same structure and
 * returns from user_enter with the reason.  So nothing of a user trap stays on the stack.
 *
 * A trap in kernel mode (an interrupt, or a fault of the kernel's own) is an ordinary call of C.
 *
 * NMI, machine check and debug traps may come between any two instructions, also where GS is still
 * the user's, or RSP is: they run on stacks of their own, and take the address of struct cpu from
 * the top of those.  The first two do not return to user_enter; a debug trap from user mode moves
 * to the common path.
 */
#include "layout.h"
#include "machine/registers_layout.h"

/* What a C function may change. */
        .macro  PUSH_CALLER_SAVED
        pushq   %r11
        pushq   %r10
        pushq   %r9
        pushq   %r8
        pushq   %rdi
        pushq   %rsi
        pushq   %rdx
        pushq   %rcx
        pushq   %rax
        .endm

        .macro  POP_CALLER_SAVED
        popq    %rax
        popq    %rcx
        popq    %rdx
        popq    %rsi
        popq    %rdi
        popq    %r8
        popq    %r9
        popq    %r10
        popq    %r11
        .endm

/* What a C function leaves as it is. */
        .macro  PUSH_CALLEE_SAVED
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        .endm

        .macro  POP_CALLEE_SAVED
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        .endm

/* The first instructions behind a trap from user mode: GS becomes the kernel's, and the general
 * registers but for the stack pointer go where user_enter was told; that address stays in rdi. */
        .macro  STORE_USER_REGISTERS
        swapgs
        movq    %rdi, %gs:CPU_SCRATCH
        movq    %gs:CPU_REGISTERS, %rdi
        movq    %rax, REGISTERS_RAX(%rdi)
        movq    %rbx, REGISTERS_RBX(%rdi)
        movq    %rcx, REGISTERS_RCX(%rdi)
        movq    %rdx, REGISTERS_RDX(%rdi)
        movq    %rsi, REGISTERS_RSI(%rdi)
        movq    %rbp, REGISTERS_RBP(%rdi)
        movq    %r8, REGISTERS_R8(%rdi)
        movq    %r9, REGISTERS_R9(%rdi)
        movq    %r10, REGISTERS_R10(%rdi)
        movq    %r11, REGISTERS_R11(%rdi)
        movq    %r12, REGISTERS_R12(%rdi)
        movq    %r13, REGISTERS_R13(%rdi)
        movq    %r14, REGISTERS_R14(%rdi)
        movq    %r15, REGISTERS_R15(%rdi)
        movq    %gs:CPU_SCRATCH, %rax
        movq    %rax, REGISTERS_RDI(%rdi)
        .endm

        .text

/* Vector stubs of 16 bytes each; where the processor pushes no error code, a zero stands in. */
        .balign 16
        .globl  entry_vectors
entry_vectors:
        .set    vector, 0
        .rept   256
        .balign 16
        .if     (vector != 8) && ((vector < 10) || (vector > 14)) && (vector != 17) && \
                (vector != 21) && (vector != 29) && (vector != 30)
        pushq   $0
        .endif
        pushq   $vector
        .if     (vector == VECTOR_NMI) || (vector == VECTOR_DOUBLE_FAULT) || \
                (vector == VECTOR_MACHINE_CHECK) || (vector == VECTOR_DEBUG)
        jmp     entry_paranoid
        .else
        jmp     entry_common
        .endif
        .set    vector, vector + 1
        .endr

        .balign 16
/* On the stack: vector, error code, rip, cs, rflags, rsp, ss. */
        .type   entry_common, @function
entry_common:
        testb   $3, 24(%rsp)
        jnz     from_user

/* A frame as a call makes it comes first, so that backtraces show what was interrupted. */
from_kernel:
        PUSH_CALLER_SAVED
        pushq   11 * 8(%rsp)             /* rip */
        pushq   %rbp
        movq    %rsp, %rbp
        leaq    user_iret(%rip), %rax
        cmpq    %rax, 8(%rsp)
        je      user_iret_faulted
        movq    %rsp, %rdi
        call    interrupt_in_kernel
        popq    %rbp
        addq    $8, %rsp
        POP_CALLER_SAVED
        addq    $16, %rsp
        iretq

/* The iretq to user mode faulted: as if the first instruction there had.  The structure still
 * holds what was to be loaded. */
user_iret_faulted:
        swapgs
        movl    11 * 8(%rsp), %eax       /* vector */
        movq    12 * 8(%rsp), %rdx       /* error code */
        jmp     user_leave

/* The stack is the one user_enter left, a few words further down. */
from_user:
        STORE_USER_REGISTERS
        movq    2 * 8(%rsp), %rax
        movq    %rax, REGISTERS_RIP(%rdi)
        movq    4 * 8(%rsp), %rax
        movq    %rax, REGISTERS_RFLAGS(%rdi)
        movq    5 * 8(%rsp), %rax
        movq    %rax, REGISTERS_RSP(%rdi)
        popq    %rax                     /* vector */
        popq    %rdx                     /* error code */
user_leave:
        movq    %gs:CPU_KERNEL_STACK, %rsp
        pushq   $2                       /* the user's direction and alignment flags go */
        popfq
        shlq    $32, %rdx
        orq     %rdx, %rax
        POP_CALLEE_SAVED
        ret

        .size   entry_common, . - entry_common

/* `syscall`: rip is in rcx, the flags are in r11, interrupts are off, RSP is the user's. */
        .globl  entry_syscall
        .type   entry_syscall, @function
entry_syscall:
        STORE_USER_REGISTERS
        movq    %rsp, REGISTERS_RSP(%rdi)
        movq    %rcx, REGISTERS_RIP(%rdi)
        movq    %r11, REGISTERS_RFLAGS(%rdi)
        movl    $VECTOR_SYSCALL, %eax
        xorl    %edx, %edx
        jmp     user_leave

        .size   entry_syscall, . - entry_syscall

/* uint64_t user_enter(struct user_registers *registers, bool after_syscall)
 * Returns the vector in the low half, the error code in the high one. */
        .globl  user_enter
        .type   user_enter, @function
user_enter:
        PUSH_CALLEE_SAVED
        movq    %rsp, %gs:CPU_KERNEL_STACK
        movq    %rsp, %gs:CPU_TASK_STACK
        movq    %rdi, %gs:CPU_REGISTERS
        movq    REGISTERS_RBX(%rdi), %rbx
        movq    REGISTERS_RDX(%rdi), %rdx
        movq    REGISTERS_RBP(%rdi), %rbp
        movq    REGISTERS_R8(%rdi), %r8
        movq    REGISTERS_R9(%rdi), %r9
        movq    REGISTERS_R10(%rdi), %r10
        movq    REGISTERS_R12(%rdi), %r12
        movq    REGISTERS_R13(%rdi), %r13
        movq    REGISTERS_R14(%rdi), %r14
        movq    REGISTERS_R15(%rdi), %r15
        movq    REGISTERS_RAX(%rdi), %rax
        testl   %esi, %esi
        jz      1f
        movq    REGISTERS_RIP(%rdi), %rcx
        movq    REGISTERS_RFLAGS(%rdi), %r11
        movq    REGISTERS_RSI(%rdi), %rsi
        movq    REGISTERS_RSP(%rdi), %rsp
        movq    REGISTERS_RDI(%rdi), %rdi
        swapgs
        sysretq
1:
        pushq   $SELECTOR_USER_DATA
        pushq   REGISTERS_RSP(%rdi)
        pushq   REGISTERS_RFLAGS(%rdi)
        pushq   $SELECTOR_USER_CODE
        pushq   REGISTERS_RIP(%rdi)
        movq    REGISTERS_RCX(%rdi), %rcx
        movq    REGISTERS_R11(%rdi), %r11
        movq    REGISTERS_RSI(%rdi), %rsi
        movq    REGISTERS_RDI(%rdi), %rdi
        swapgs
user_iret:
        iretq

        .size   user_enter, . - user_enter

/* On the top of this stack, above what the processor pushed (up to 8 bytes of alignment lie
 * between): the address of struct cpu.  GS base is kept in r12, struct cpu in rbx. */
        .balign 16
        .type   entry_paranoid, @function
entry_paranoid:
        PUSH_CALLER_SAVED
        pushq   11 * 8(%rsp)
        pushq   %rbp
        movq    %rsp, %rbp
        pushq   %rbx
        pushq   %r12
        cld
        movq    18 * 8(%rbp), %rbx       /* behind ss */
        movl    $MSR_GS_BASE, %ecx
        rdmsr
        shlq    $32, %rdx
        leaq    (%rax, %rdx), %r12
        cmpl    $VECTOR_DEBUG, 11 * 8(%rbp)
        jne     1f
        testb   $3, 14 * 8(%rbp)
        jnz     debug_from_user
1:
        movq    %rbx, %rax
        movq    %rbx, %rdx
        shrq    $32, %rdx
        wrmsr
        movq    %rbp, %rdi
        call    interrupt_on_own_stack
        movq    %r12, %rax
        movq    %r12, %rdx
        shrq    $32, %rdx
        movl    $MSR_GS_BASE, %ecx
        wrmsr
        popq    %r12
        popq    %rbx
        popq    %rbp
        addq    $8, %rsp
        POP_CALLER_SAVED
        addq    $16, %rsp
        iretq

        .size   entry_paranoid, . - entry_paranoid

/* In user mode the saved GS base is the user's and the kernel's waits behind swapgs: all as it is
 * for other vectors.  The registers go back to what they were, then the common path takes over;
 * it reads the processor's words here, and leaves this stack. */
debug_from_user:
        popq    %r12
        popq    %rbx
        popq    %rbp
        addq    $8, %rsp
        POP_CALLER_SAVED
        jmp     from_user

/* void machine_context_switch(struct machine_context *from, struct machine_context *to) */
        .globl  machine_context_switch
        .type   machine_context_switch, @function
machine_context_switch:
        PUSH_CALLEE_SAVED
        movq    %rsp, (%rdi)
        movq    (%rsi), %rsp
        POP_CALLEE_SAVED
        ret

        .section .note.GNU-stack, "", @progbits
