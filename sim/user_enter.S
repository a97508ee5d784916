/*
 * The way into user code and the way signals come out of it.
 *
 * user_enter loads the guest's registers and jumps; the host's signal handlers bring it back by
 * user_leave, on the kernel stack that user_enter left.  Between user_enter_begin and
 * user_enter_end a signal aborts the entry instead of being noted (see user_run.c), so an
 * interrupt that arrives after the check of interrupt_attention is not missed.
 */
#include "machine/registers_layout.h"
#include "user_layout.h"

        .text

/* uint64_t user_enter(const struct user_registers *registers)
 * Returns what user_leave was given, or USER_ENTER_ABORTED. */
        .globl  user_enter
        .type   user_enter, @function
user_enter:
        .cfi_startproc
        endbr64
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_offset rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        pushq   %rax
        .cfi_offset rbx, -24
        .cfi_offset r12, -32
        .cfi_offset r13, -40
        .cfi_offset r14, -48
        .cfi_offset r15, -56
        movq    %rsp, user_kernel_stack(%rip)

        .globl  user_enter_begin
user_enter_begin:
        cmpl    $0, interrupt_attention(%rip)
        jne     user_enter_abort
        movl    $1, user_running(%rip)

        movq    REGISTERS_VECTOR(%rdi), %rcx
        movl    $-1, %eax
        movl    $-1, %edx
        xrstor64 (%rcx)
        movq    REGISTERS_GS(%rdi), %rax
        wrgsbase %rax
        movq    REGISTERS_FS(%rdi), %rax
        wrfsbase %rax

        movq    REGISTERS_RIP(%rdi), %rax
        movq    %rax, user_target(%rip)
        movq    REGISTERS_RAX(%rdi), %rax
        movq    REGISTERS_RBX(%rdi), %rbx
        movq    REGISTERS_RCX(%rdi), %rcx
        movq    REGISTERS_RDX(%rdi), %rdx
        movq    REGISTERS_RSI(%rdi), %rsi
        movq    REGISTERS_RBP(%rdi), %rbp
        movq    REGISTERS_R8(%rdi), %r8
        movq    REGISTERS_R9(%rdi), %r9
        movq    REGISTERS_R10(%rdi), %r10
        movq    REGISTERS_R11(%rdi), %r11
        movq    REGISTERS_R12(%rdi), %r12
        movq    REGISTERS_R13(%rdi), %r13
        movq    REGISTERS_R14(%rdi), %r14
        movq    REGISTERS_R15(%rdi), %r15

        /* The single-step flag would count the jump below as the first step: iretq loads the
         * flags and jumps in one instruction. */
        testl   $EFLAGS_TF, REGISTERS_RFLAGS(%rdi)
        jnz     1f
        pushq   REGISTERS_RFLAGS(%rdi)
        popfq
        movq    REGISTERS_RSP(%rdi), %rsp
        movq    REGISTERS_RDI(%rdi), %rdi
        jmp     *user_target(%rip)
1:
        movw    %ss, user_stack_selector(%rip)
        pushq   user_stack_selector(%rip)
        pushq   REGISTERS_RSP(%rdi)
        pushq   REGISTERS_RFLAGS(%rdi)
        movw    %cs, user_code_selector(%rip)
        pushq   user_code_selector(%rip)
        pushq   user_target(%rip)
        movq    REGISTERS_RDI(%rdi), %rdi
        iretq
        .globl  user_enter_end
user_enter_end:

        /* Any register may hold the guest's value here, so nothing is assumed. */
        .globl  user_enter_abort
user_enter_abort:
        movl    $0, user_running(%rip)
        movq    user_kernel_stack(%rip), %rsp
        pushq   $EFLAGS_HOST
        popfq
        movq    user_host_fs(%rip), %rax
        wrfsbase %rax
        fninit
        ldmxcsr user_host_mxcsr(%rip)
        movl    $USER_ENTER_ABORTED, %edi
        jmp     user_leave_here
        .cfi_endproc
        .size   user_enter, . - user_enter

/* _Noreturn void user_leave(uint64_t result): user_enter returns the result to its caller. */
        .globl  user_leave
        .type   user_leave, @function
user_leave:
        .cfi_startproc
        endbr64
        movq    user_kernel_stack(%rip), %rsp
user_leave_here:
        movq    %rdi, %rax
        popq    %rcx
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .cfi_endproc
        .size   user_leave, . - user_leave

/* A direct call (direct_call.c): user code jumps here, with the address behind the call in rcx, as
 * the call leaves it.  The rest is the guest's, and nothing of it may be lost or written to. */
        .globl  user_direct_call
        .type   user_direct_call, @function
user_direct_call:
        .cfi_startproc
        .cfi_undefined rip
        endbr64
        movl    $0, user_running(%rip)
        movq    %rsp, user_guest_stack(%rip)
        movq    user_kernel_stack(%rip), %rsp
        pushfq
        pushq   %rdi
        movq    user_running_registers(%rip), %rdi
        popq    REGISTERS_RDI(%rdi)
        popq    REGISTERS_RFLAGS(%rdi)
        movq    %rax, REGISTERS_RAX(%rdi)
        movq    %rbx, REGISTERS_RBX(%rdi)
        movq    %rcx, REGISTERS_RIP(%rdi)
        movq    %rdx, REGISTERS_RDX(%rdi)
        movq    %rsi, REGISTERS_RSI(%rdi)
        movq    %rbp, REGISTERS_RBP(%rdi)
        movq    %r8, REGISTERS_R8(%rdi)
        movq    %r9, REGISTERS_R9(%rdi)
        movq    %r10, REGISTERS_R10(%rdi)
        movq    %r12, REGISTERS_R12(%rdi)
        movq    %r13, REGISTERS_R13(%rdi)
        movq    %r14, REGISTERS_R14(%rdi)
        movq    %r15, REGISTERS_R15(%rdi)
        movq    user_guest_stack(%rip), %rax
        movq    %rax, REGISTERS_RSP(%rdi)
        rdgsbase %rax
        movq    %rax, REGISTERS_GS(%rdi)
        rdfsbase %rax
        movq    %rax, REGISTERS_FS(%rdi)
        movq    user_host_fs(%rip), %rax
        wrfsbase %rax

        testl   $EFLAGS_NOT_FOR_C, REGISTERS_RFLAGS(%rdi)
        jz      1f
        pushq   $EFLAGS_HOST
        popfq
1:
        movq    REGISTERS_VECTOR(%rdi), %rcx
        movl    user_vector_mask(%rip), %eax
        movl    4+user_vector_mask(%rip), %edx
        xsaveopt64 (%rcx)
        testb   $1, VECTOR_USED(%rcx)
        jz      2f
        fninit
2:
        ldmxcsr user_host_mxcsr(%rip)
        movl    $USER_ENTER_CALLED, %edi
        jmp     user_leave
        .cfi_endproc
        .size   user_direct_call, . - user_direct_call

/* void user_trap_entry(int, siginfo_t *, void *): every signal the sim handles arrives here, on
 * the alternate stack.  The FS base may be the guest's: libc must not be reached with it.
 * Nor with the alignment-check flag, which the host leaves as the guest set it. */
        .globl  user_trap_entry
        .type   user_trap_entry, @function
user_trap_entry:
        .cfi_startproc
        endbr64
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_offset rbx, -16
        subq    $16, %rsp
        .cfi_adjust_cfa_offset 16
        rdfsbase %rax
        movq    %rax, (%rsp)
        movq    user_host_fs(%rip), %rax
        wrfsbase %rax
        testl   $EFLAGS_AC, UCONTEXT_RFLAGS(%rdx)
        jnz     2f
1:
        movq    %rsp, %rcx
        call    user_run_signal
        movq    (%rsp), %rax
        wrfsbase %rax
        addq    $16, %rsp
        .cfi_adjust_cfa_offset -16
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        ret
        .cfi_adjust_cfa_offset 24
2:
        pushq   $EFLAGS_HOST
        popfq
        jmp     1b
        .cfi_endproc
        .size   user_trap_entry, . - user_trap_entry

        .data
        .balign 8
        .globl  user_kernel_stack, user_target, user_host_fs, user_host_mxcsr, user_running
        .globl  user_running_registers, user_vector_mask
user_kernel_stack:   .quad 0
user_target:         .quad 0
user_host_fs:        .quad 0
user_guest_stack:    .quad 0
user_running_registers: .quad 0
user_vector_mask:    .quad 0
user_stack_selector: .quad 0
user_code_selector:  .quad 0
user_host_mxcsr:     .long 0x1f80
user_running:        .long 0

        .section .note.GNU-stack, "", @progbits
