/*
 * The stack: where it begins, that it grows inside its slot of 4 GiB to where it is touched, that a
 * process which leaves the slot dies alone, and what of it a child gets.
 */
#include "raw.h"

enum { DEEP = 16 << 20, COPIED = 256 * 1024, CODE_SURVIVED = 77, KEY = 3 };

static volatile uint64_t rsp_of_child[3];
static volatile bool child_goes_on;

RAW uint64_t stack_pointer(void)
{
    uint64_t rsp;

    __asm__ volatile("mov %%rsp, %0" : "=r"(rsp));
    return rsp;
}

static void begins(void)
{
    check("first_stack_pointer", raw_entry_rsp == STACK_TOP - 8);
    check("no_arguments", raw_entry_rdi == 0 && raw_entry_rsi == 0);
}

static void grows(void)
{
    volatile uint64_t *deep = (volatile uint64_t *)(stack_pointer() - DEEP);

    deep[0] = 5;
    check("stack_grows_to_the_touch", deep[0] == 5);
    check("pages_between_are_there", deep[DEEP / 16] == 0 && deep[1] == 0);
}

/* The kernel touches it first. */
static void grows_by_kernel(void)
{
    static const char random[] = "/dev/random";
    int64_t fd = raw(OPEN, at(random), 11, 0);
    uint64_t place = stack_pointer() - 2 * DEEP;

    check("stack_grows_for_the_kernel", raw(READ, (uint64_t)fd, place, 100) == 100);
    (void)raw(CLOSE, (uint64_t)fd, 0, 0);
}

static int64_t touch(int64_t address)
{
    *(volatile char *)address = 1;
    return CODE_SURVIVED;
}

static int64_t touch_beyond_slot(int64_t slots)
{
    return touch((int64_t)(stack_pointer() & ~(uint64_t)(SLOT_SIZE - 1)) -
                 slots * (int64_t)SLOT_SIZE + PAGE);
}

static int64_t push_down(int64_t unused)
{
    (void)unused;
    __asm__ volatile("mov $0x111100000000, %%rax\n"
                     "mov %%rax, %%rsp\n"
                     "push %%rax"
                     : : : "rax", "memory");
    return CODE_SURVIVED;
}

/* 4 GiB are more than there is.  The process may die of it, the others may not. */
static int64_t touch_end_of_slot(int64_t unused)
{
    (void)unused;
    return touch((int64_t)(stack_pointer() & ~(uint64_t)(SLOT_SIZE - 1)) + PAGE);
}

static int64_t jump(int64_t address)
{
    ((void (*)(void))address)();
    return CODE_SURVIVED;
}

static int64_t divide(int64_t zero)
{
    __asm__ volatile("mov $1, %%eax\n cltd\n idivl %k0" : : "r"(zero) : "rax", "rdx");
    return CODE_SURVIVED;
}

static int64_t undefined(int64_t unused)
{
    (void)unused;
    __asm__ volatile("ud2");
    return CODE_SURVIVED;
}

static int64_t halt(int64_t unused)
{
    (void)unused;
    __asm__ volatile("hlt");
    return CODE_SURVIVED;
}

static bool dies(int64_t (*run)(int64_t), int64_t argument)
{
    int64_t code = raw_wait(raw_start(run, argument));

    return code != 0 && code != CODE_SURVIVED;
}

static void faults(void)
{
    check("touch_beyond_the_slot_kills", dies(touch_beyond_slot, 3));
    check("stack_pointer_outside_kills", dies(push_down, 0));
    check("touch_of_null_kills", dies(touch, 0));
    check("touch_of_text_kills", dies(touch, 0x111100001000));
    check("touch_of_kernel_kills", dies(touch, (int64_t)0xffffff0000000000));
    check("jump_to_data_kills", dies(jump, (int64_t)at(&child_goes_on)));
    check("jump_to_nowhere_kills", dies(jump, 0x222200000000));
    check("division_by_zero_kills", dies(divide, 0));
    check("undefined_instruction_kills", dies(undefined, 0));
    check("privileged_instruction_kills", dies(halt, 0));
    (void)raw_wait(raw_start(touch_end_of_slot, 0));
    check("exhaustion_by_a_child_is_survived", raw(BRK, HEAP_START + DEEP, 0, 0) != MINUS_ONE);
    *(volatile char *)(HEAP_START + DEEP - 1) = 1;
    (void)raw(BRK, HEAP_START, 0, 0);
}

static int64_t tell_stack(int64_t index)
{
    rsp_of_child[index] = stack_pointer();
    (void)raw_sem(SEM_WAIT, KEY, 0);
    return 0;
}

/* The distance of two stacks in slots, if it is a whole number of them, otherwise 0. */
static uint64_t slots_between(uint64_t upper, uint64_t lower)
{
    uint64_t distance = upper - lower;
    uint64_t slots = (distance + SLOT_SIZE / 2) / SLOT_SIZE;
    uint64_t rest = slots * SLOT_SIZE > distance ? slots * SLOT_SIZE - distance
                                                 : distance - slots * SLOT_SIZE;

    return rest < PAGE ? slots : 0;
}

static void slots(void)
{
    int64_t children[3];
    uint64_t mine = stack_pointer();

    (void)raw_sem(SEM_NEW, KEY, 0);
    for (int i = 0; i < 3; i++) {
        children[i] = raw_start(tell_stack, i);
        while (rsp_of_child[i] == 0)
            raw_pass_time(1);
    }
    check("children_have_slots_of_4_GiB", slots_between(mine, rsp_of_child[0]) >= 1);
    check("first_slots_below", slots_between(rsp_of_child[0], rsp_of_child[1]) == 1 &&
          slots_between(rsp_of_child[1], rsp_of_child[2]) == 1);
    for (int i = 0; i < 3; i++)
        (void)raw_sem(SEM_SIGNAL, KEY, 0);
    for (int i = 0; i < 3; i++)
        (void)raw_wait(children[i]);
}

/* The whole used stack is copied, and each has its own afterwards. */
static __attribute__((noinline)) void copies(void)
{
    volatile uint32_t words[COPIED / 4];
    int64_t child, code;
    uint32_t wrong = 0;

    for (uint32_t i = 0; i < COPIED / 4; i++)
        words[i] = i * 3;
    child_goes_on = false;
    child = raw_fork();
    if (child == 0) {
        for (uint32_t i = 0; i < COPIED / 4; i++)
            wrong += words[i] != i * 3;
        words[100] = 1;
        while (!child_goes_on)
            raw_pass_time(1);
        raw_exit(wrong == 0 && words[100] == 1 && words[200] == 600 ? 31 : 32);
    }
    words[200] = 2;
    child_goes_on = true;
    code = raw_wait(child);
    check("stack_is_copied", code == 31);
    check("stacks_are_apart", words[100] == 300 && words[200] == 2);
}

int64_t raw_main(void)
{
    begins();
    grows();
    grows_by_kernel();
    faults();
    slots();
    copies();
    return raw_failed;
}
