/* The port's own lock: below the kernel's, so that any of its code may print. */
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"

#define LOCK_LOOKS 100000000u

bool lock_take(_Atomic bool *lock)
{
    bool were_on = machine_interrupts_enabled();
    unsigned looks = 0;

    __asm__ volatile("cli" : : : "memory");
    while (atomic_exchange_explicit(lock, true, memory_order_acquire) && looks++ < LOCK_LOOKS)
        cpu_pause();
    return were_on;
}

void lock_release(_Atomic bool *lock, bool were_on)
{
    atomic_store_explicit(lock, false, memory_order_release);
    if (were_on)
        machine_interrupts_restore(true);
}
