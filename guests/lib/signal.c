/* Time, and signal handlers: the kernel demands a restorer, the code that a handler returns to. */
#include "guest.h"

void signal_restorer(void);

__asm__(".text\n"
        ".type signal_restorer, @function\n"
        "signal_restorer:\n"
        "    mov $15, %eax\n"
        "    syscall\n"
        ".size signal_restorer, . - signal_restorer\n");

int64_t signal_handle(int signal, void (*handler)(int signal, void *information, void *context))
{
    struct signal_action action = {
        .handler = handler,
        .flags = SIGNAL_FLAG_INFORMATION | SIGNAL_FLAG_RESTORER | SIGNAL_FLAG_NO_DEFER,
        .restorer = signal_restorer,
        .mask = 0,
    };

    return system_call6(CALL_RT_SIGACTION, (uint64_t)signal, address_of(&action), 0, 8, 0, 0);
}

uint64_t clock_now_ns(void)
{
    uint64_t time[2] = { 0, 0 };

    system_call3(CALL_CLOCK_GETTIME, 1, address_of(time), 0);
    return time[0] * 1000000000u + time[1];
}
