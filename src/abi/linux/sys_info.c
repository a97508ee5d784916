/* Calls that tell about the machine, and random numbers. */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "config.h"
#include "device/random.h"
#include "lib/text.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/machine_names.h"
#include "process/process.h"
#include "time/clock.h"

#define RANDOM_NONBLOCK 1u
#define RANDOM_RANDOM 2u
#define RANDOM_INSECURE 4u
#define RANDOM_CHUNK 256

int64_t sys_uname(user_address address)
{
    struct linux_utsname name = { .system = "Linux", .machine = "x86_64" };

    machine_name_read(MACHINE_NAME_NODE, name.node);
    machine_name_read(MACHINE_NAME_DOMAIN, name.domain);
    (void)text_copy(name.release, KERNEL_RELEASE, sizeof(name.release));
    (void)text_copy(name.version, KERNEL_VERSION, sizeof(name.version));
    return user_copy_out(current_space(), address, &name, sizeof(name));
}

static int64_t set_name(enum machine_name which, user_address address, int32_t length)
{
    char text[MACHINE_NAME_MAX];

    if (!current_can(CAPABILITY_ADMINISTRATION))
        return -EPERM;
    if (length < 0 || length > (int32_t)sizeof(text))
        return -EINVAL;
    if (user_copy_in(current_space(), text, address, (size_t)length) != 0)
        return -EFAULT;
    machine_name_set(which, text, (size_t)length);
    return 0;
}

int64_t sys_sethostname(user_address name, int32_t length)
{
    return set_name(MACHINE_NAME_NODE, name, length);
}

int64_t sys_setdomainname(user_address name, int32_t length)
{
    return set_name(MACHINE_NAME_DOMAIN, name, length);
}

int64_t sys_sysinfo(user_address address)
{
    const struct page_statistics pages = page_statistics();
    uint64_t now_ns = clock_monotonic_ns();
    const struct linux_sysinfo information = {
        .uptime_seconds = (int64_t)((now_ns + NS_PER_SECOND - 1) / NS_PER_SECOND),
        .total_memory = pages.total * PAGE_SIZE,
        .free_memory = pages.free * PAGE_SIZE,
        .processes = (uint16_t)thread_count(),
        .memory_unit = 1,
    };

    return user_copy_out(current_space(), address, &information, sizeof(information));
}

int64_t sys_getcpu(user_address cpu, user_address node, user_address cache)
{
    const uint32_t own_cpu = machine_cpu_index();
    const uint32_t own_node = 0;
    int error = 0;

    (void)cache;
    if (cpu)
        error = user_copy_out(current_space(), cpu, &own_cpu, sizeof(own_cpu));
    if (!error && node)
        error = user_copy_out(current_space(), node, &own_node, sizeof(own_node));
    return error;
}

/* Never blocks: the generator is ready from the start. */
int64_t sys_getrandom(user_address buffer, uint64_t count, uint32_t flags)
{
    uint8_t chunk[RANDOM_CHUNK];
    uint64_t done = 0;

    if (flags & ~(RANDOM_NONBLOCK | RANDOM_RANDOM | RANDOM_INSECURE))
        return -EINVAL;
    if ((flags & RANDOM_RANDOM) && (flags & RANDOM_INSECURE))
        return -EINVAL;
    if (count > INT32_MAX)
        count = INT32_MAX;
    while (done < count) {
        size_t size = count - done < sizeof(chunk) ? (size_t)(count - done) : sizeof(chunk);

        random_bytes(chunk, size);

        size_t copied = user_copy_out_partial(current_space(), buffer + done, chunk, size);

        done += copied;
        if (copied < size)
            return done ? (int64_t)done : -EFAULT;
        if (signal_is_pending())    /* after the first part, as Linux */
            break;
    }
    return (int64_t)done;
}
