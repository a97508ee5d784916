/*
 * Where a program that counts its basic blocks is.
 *
 * eft-cc puts a call of a small counter at the start of each block (guests/lib/eft_budget.S), and
 * that is where such a program is preempted.  Nobody looks for the counter: the block is meant, and
 * its address is on the stack, below what the counter has pushed so far.
 *
 * The counter is known by its code, because programs need not have symbols.
 */
#include "diagnose/diagnose_internal.h"
#include "lib/memory.h"

#define CODE_SIZE 26
#define INSTRUCTIONS 12

/* Operands, which the linker or a later version may change, are not compared. */
#define FIRST_OPERAND 3
#define SECOND_OPERAND 15
#define OPERAND_SIZE 4

static const uint8_t counter[CODE_SIZE] = {
    0x48, 0xff, 0x0d, 0, 0, 0, 0,         /* decq budget(%rip) */
    0x78, 0x01, 0xc3, 0x50, 0x51,         /* js; ret; push %rax; push %rcx */
    0x41, 0x53, 0xb8, 0, 0, 0, 0,         /* push %r11; mov $number, %eax */
    0x0f, 0x05, 0x41, 0x5b, 0x59, 0x58,   /* syscall; pop %r11; pop %rcx; pop %rax */
    0xc3,                                 /* ret */
};

/* Where the counter's instructions begin, and how many words it has pushed before each. */
static const struct {
    uint8_t offset, pushed;
} instructions[INSTRUCTIONS] = {
    { 0, 0 }, { 7, 0 }, { 9, 0 }, { 10, 0 }, { 11, 1 }, { 12, 2 },
    { 14, 3 }, { 19, 3 }, { 21, 3 }, { 23, 2 }, { 24, 1 }, { 25, 0 },
};

static bool is_counter(physical_address root, user_address start)
{
    uint8_t code[CODE_SIZE];

    if (!peek(root, start, code, sizeof(code)))
        return false;
    memset(code + FIRST_OPERAND, 0, OPERAND_SIZE);
    memset(code + SECOND_OPERAND, 0, OPERAND_SIZE);
    return memcmp(code, counter, sizeof(code)) == 0;
}

user_address place_of_block(const struct thread *thread)
{
    physical_address root = thread->user_address_space;
    user_address next = thread->registers.rip;
    user_address back;

    for (unsigned i = 0; i < INSTRUCTIONS; i++) {
        if (next < instructions[i].offset || !is_counter(root, next - instructions[i].offset))
            continue;
        if (!peek(root, thread->registers.rsp + 8u * instructions[i].pushed, &back, sizeof(back)))
            return 0;
        return back - 1;    /* within the instruction that called */
    }
    return 0;
}
