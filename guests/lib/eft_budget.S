/*
 * What eft-cc links into a program: the callback that the compiler puts at the start of every
 * basic block.  It counts down a word that the kernel sets; when the word falls below zero the
 * program asks the kernel what to do, whatever ABI it has: a thread can so be preempted at any
 * block, and at the same block again in the next run.
 *
 * Flags are dead at a call, every register is preserved.  The word is a page of its own, for the
 * kernel to read and to write, and begins so high that it never gets below zero elsewhere.
 */
        .equ    BUDGET_USED_UP, 0x45465401

        .text
        .globl  __sanitizer_cov_trace_pc
        .type   __sanitizer_cov_trace_pc, @function
__sanitizer_cov_trace_pc:
        .cfi_startproc
        decq    eft_budget(%rip)
        js      1f
        ret
1:      push    %rax
        .cfi_adjust_cfa_offset 8
        push    %rcx
        .cfi_adjust_cfa_offset 8
        push    %r11
        .cfi_adjust_cfa_offset 8
        mov     $BUDGET_USED_UP, %eax
        syscall
        pop     %r11
        .cfi_adjust_cfa_offset -8
        pop     %rcx
        .cfi_adjust_cfa_offset -8
        pop     %rax
        .cfi_adjust_cfa_offset -8
        ret
        .cfi_endproc
        .size   __sanitizer_cov_trace_pc, . - __sanitizer_cov_trace_pc

        .section .eft_budget, "aw", @progbits
        .balign 4096
        .globl  eft_budget
        .hidden eft_budget
        .type   eft_budget, @object
eft_budget:
        .quad   0x7fffffffffffffff
        .size   eft_budget, 8
        .balign 4096

/*
 * Says where the word is; in a position-independent program, counted from the program's first
 * byte.  The note is writable, so that there the linker may leave a relocation, which changes
 * what is in memory; the kernel reads the file.
 */
        .section .eft_note, "aw", @note
        .balign 4
        .long   4
        .long   8
        .long   1
        .asciz  "Eft"
        .quad   eft_budget

        .section .note.GNU-stack, "", @progbits
