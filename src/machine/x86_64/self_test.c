/*
 * Faults of the kernel on purpose (option self-test=NAME), to see that they are reported: tests use
 * it, and whoever writes another port.  They happen at the end of the first system call: then the
 * page of the program that it came from is there, and only its being the user's forbids it.
 */
#include "lib/assert.h"
#include "lib/text.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/layout.h"
#include "machine/x86_64/port.h"

extern const char image_start[];

/* Not a tail call: the address of the local variable is used behind it. */
__attribute__((noinline)) static uint64_t overflow(volatile uint64_t *caller)
{
    volatile uint64_t own[32];

    own[0] = *caller + 1;
    return own[0] == UINT64_MAX ? 0 : overflow(own) + own[0];
}

static void write_text(void)
{
    __asm__ volatile("movb $0, (%0)" : : "r"(image_start) : "memory");
}

static void execute_data(void)
{
    static uint8_t code[] = { 0xc3 };

    __asm__ volatile("call *%0" : : "r"(code) : "memory");
}

static void read_user(uint64_t address)
{
    (void)*(volatile char *)(uintptr_t)address;
}

static void execute_user(uint64_t address)
{
    __asm__ volatile("call *%0" : : "r"(address) : "memory");
}

void self_test(uint64_t user_code)
{
    static const char *name;
    static bool is_known;
    volatile uint64_t start = 0;

    if (!is_known)    /* whoever comes first; all find the same */
        name = port_option("self-test");
    is_known = true;
    if (!name)
        return;
    if (text_equal(name, "stack"))
        (void)overflow(&start);
    else if (text_equal(name, "text"))
        write_text();
    else if (text_equal(name, "data"))
        execute_data();
    else if (text_equal(name, "user"))
        read_user(user_code);
    else if (text_equal(name, "user-code"))
        execute_user(user_code);
    else if (text_equal(name, "alias"))
        *(volatile char *)(uintptr_t)(DIRECT_MAP_BASE + paging_image_address(image_start)) = 0;
    panic("the self-test %s did not fault", name);
}
