/* Words and times of futex calls. */
#include "abi/linux/futex_arguments.h"

#include "abi/linux/structures.h"
#include "memory/user_memory.h"
#include "time/clock.h"

struct futex_word futex_word_of(user_address address, bool is_private)
{
    return (struct futex_word){ .space = current_space(), .address = address,
                                .is_private = is_private };
}

/* Nanoseconds, WAIT_FOREVER if there is no time or it is too far away. */
static int read_time(user_address address, uint64_t *ns)
{
    struct linux_timespec time;

    *ns = WAIT_FOREVER;
    if (!address)
        return 0;
    if (user_copy_in(current_space(), &time, address, sizeof(time)) != 0)
        return -EFAULT;
    if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= (int64_t)NS_PER_SECOND)
        return -EINVAL;
    if (__builtin_mul_overflow((uint64_t)time.seconds, NS_PER_SECOND, ns) ||
        __builtin_add_overflow(*ns, (uint64_t)time.nanoseconds, ns))
        *ns = WAIT_FOREVER;
    return 0;
}

int futex_read_deadline(user_address time, bool real, struct futex_deadline *deadline)
{
    deadline->real = real;
    return read_time(time, &deadline->ns);
}

int futex_read_timeout(user_address time, struct futex_deadline *deadline)
{
    int error = read_time(time, &deadline->ns);

    deadline->real = false;
    if (__builtin_add_overflow(deadline->ns, clock_monotonic_ns(), &deadline->ns))
        deadline->ns = WAIT_FOREVER;
    return error;
}
