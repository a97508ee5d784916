/*
 * Behaves in one way until somebody ends it: what the tests of terminals and signals start.  Each
 * way says "ready" first.
 *
 *     behave spin    uses the CPU and makes no system call
 *     behave wait    sleeps in pause
 *     behave raw     sets the terminal to raw mode, then obeys single keys: q ends with status 0,
 *                    d divides by zero, s spins, and any other is printed; it never sets back
 */
#include "guest.h"

#define CALL_READ 0
#define CALL_IOCTL 16
#define CALL_PAUSE 34
#define TERMINAL_GET 0x5401
#define TERMINAL_SET 0x5402

/* The kernel's struct termios. */
struct terminal_modes {
    uint32_t input, output, control, local;
    uint8_t line, characters[19];
};

static void spin(void)
{
    for (;;)
        __asm__ __volatile__("pause");
}

static void divide_by_zero(void)
{
    __asm__ __volatile__("xor %%ecx, %%ecx\n idiv %%ecx" : : "a"(1), "d"(0) : "ecx");
}

static bool set_raw(void)
{
    struct terminal_modes modes;

    if (system_call3(CALL_IOCTL, 0, TERMINAL_GET, address_of(&modes)) < 0)
        return false;
    modes.input = 0;
    modes.output = 0;
    modes.local = 0;
    modes.characters[6] = 1;    /* VMIN: a byte at a time */
    modes.characters[5] = 0;    /* VTIME */
    return system_call3(CALL_IOCTL, 0, TERMINAL_SET, address_of(&modes)) == 0;
}

static int obey_keys(void)
{
    char key = 0;

    while (system_call3(CALL_READ, 0, address_of(&key), 1) == 1) {
        if (key == 'q')
            return 0;
        if (key == 'd')
            divide_by_zero();
        else if (key == 's')
            spin();
        else
            print_format(1, "<%d>", (int64_t)key);
    }
    return 1;
}

int main(int argc, char **argv, char **envp)
{
    const char *way = argc > 1 ? argv[1] : "";

    (void)envp;
    if (text_equal(way, "spin")) {
        print("ready\n");
        spin();
    } else if (text_equal(way, "wait")) {
        print("ready\n");
        for (;;)
            system_call3(CALL_PAUSE, 0, 0, 0);
    } else if (text_equal(way, "raw")) {
        if (!set_raw())
            return 98;
        print("ready\r\n");
        return obey_keys();
    }
    print_error("usage: behave spin | wait | raw\n");
    return 99;
}
