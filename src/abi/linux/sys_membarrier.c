/*
 * membarrier: memory barriers on behalf of other threads.
 *
 * A barrier for a process is an interrupt on each CPU that runs one of its threads; CPUs that come
 * to it later, or have just left it, have made a full barrier when they changed address spaces
 * (memory/tlb.h).  The interrupt's return is what "sync core" asks for as well.
 */
#include "abi/linux/syscalls.h"
#include "memory/address_space.h"
#include "memory/tlb.h"
#include "process/process.h"

enum command {
    COMMAND_QUERY = 0,
    COMMAND_GLOBAL = 1 << 0,
    COMMAND_GLOBAL_EXPEDITED = 1 << 1,
    COMMAND_REGISTER_GLOBAL = 1 << 2,
    COMMAND_PRIVATE = 1 << 3,
    COMMAND_REGISTER_PRIVATE = 1 << 4,
    COMMAND_PRIVATE_CORE = 1 << 5,
    COMMAND_REGISTER_PRIVATE_CORE = 1 << 6,
    COMMAND_REGISTRATIONS = 1 << 9,
};
#define COMMANDS_KNOWN                                                                          \
    (COMMAND_GLOBAL | COMMAND_GLOBAL_EXPEDITED | COMMAND_REGISTER_GLOBAL | COMMAND_PRIVATE |    \
     COMMAND_REGISTER_PRIVATE | COMMAND_PRIVATE_CORE | COMMAND_REGISTER_PRIVATE_CORE |          \
     COMMAND_REGISTRATIONS)

static int64_t barrier_if_registered(uint32_t registration)
{
    if (!(atomic_load(&current_process()->memory_barriers) & registration))
        return -EPERM;
    tlb_barrier(address_space_root(current_space()));
    return 0;
}

static int64_t register_for(uint32_t registration)
{
    atomic_fetch_or(&current_process()->memory_barriers, registration);
    return 0;
}

int64_t sys_membarrier(int32_t command, uint32_t flags, int32_t cpu)
{
    (void)cpu;
    if (flags)
        return -EINVAL;
    switch (command) {
    case COMMAND_QUERY:
        return COMMANDS_KNOWN;
    case COMMAND_GLOBAL:
    case COMMAND_GLOBAL_EXPEDITED:    /* to those that are not registered as well: no harm */
        tlb_barrier(0);
        return 0;
    case COMMAND_REGISTER_GLOBAL:
    case COMMAND_REGISTER_PRIVATE:
    case COMMAND_REGISTER_PRIVATE_CORE:
        return register_for((uint32_t)command);
    case COMMAND_PRIVATE:
        return barrier_if_registered(COMMAND_REGISTER_PRIVATE);
    case COMMAND_PRIVATE_CORE:
        return barrier_if_registered(COMMAND_REGISTER_PRIVATE_CORE);
    case COMMAND_REGISTRATIONS:
        return atomic_load(&current_process()->memory_barriers);
    }
    return -EINVAL;
}
