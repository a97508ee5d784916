/* futex: waiting and waking, with and without bit sets.  What else Linux has answers ENOSYS. */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "futex/futex.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "time/clock.h"

#define COMMAND_MASK 0x7f
#define COMMAND_WAIT 0
#define COMMAND_WAKE 1
#define COMMAND_WAIT_BITS 9
#define COMMAND_WAKE_BITS 10
#define FLAG_CLOCK_REAL 256

/* Absolute, in machine_time_ns; WAIT takes how long, WAIT_BITS until when. */
static int read_deadline(int32_t operation, user_address timeout, uint64_t *deadline_ns)
{
    struct linux_timespec time;
    uint64_t ns, now_ns = clock_monotonic_ns();
    uint64_t base_ns = (operation & COMMAND_MASK) == COMMAND_WAIT ? 0
                       : operation & FLAG_CLOCK_REAL               ? clock_real_ns()
                                                                   : now_ns;

    *deadline_ns = UINT64_MAX;
    if (!timeout)
        return 0;
    if (user_copy_in(current_space(), &time, timeout, sizeof(time)) != 0)
        return -EFAULT;
    if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= (int64_t)NS_PER_SECOND)
        return -EINVAL;
    if (__builtin_mul_overflow((uint64_t)time.seconds, NS_PER_SECOND, &ns) ||
        __builtin_add_overflow(ns, (uint64_t)time.nanoseconds, &ns))
        return 0;
    if (ns < base_ns)
        *deadline_ns = now_ns;    /* past */
    else if (!__builtin_add_overflow(now_ns, ns - base_ns, &ns))
        *deadline_ns = ns;
    return 0;
}

static int64_t wait_until(const struct futex_request *request, uint32_t expected,
                          uint64_t deadline_ns);

static int64_t resume_wait(struct interrupted_call *call)
{
    const struct futex_request request = {
        .space = current_space(),
        .word = call->arguments[0],
        .bits = (uint32_t)call->arguments[2],
    };

    return wait_until(&request, (uint32_t)call->arguments[1], call->deadline_ns);
}

/* An interrupted wait with a timeout goes on with what is left of it. */
static int64_t wait_until(const struct futex_request *request, uint32_t expected,
                          uint64_t deadline_ns)
{
    struct interrupted_call *call = &user_thread_of(current_thread())->interrupted;
    int error = futex_wait(request, expected, deadline_ns);

    if (error != -EINTR)
        return error;
    if (deadline_ns == UINT64_MAX)
        return -CALL_RESTART;
    call->resume = resume_wait;
    call->deadline_ns = deadline_ns;
    call->arguments[0] = request->word;
    call->arguments[1] = expected;
    call->arguments[2] = request->bits;
    return -CALL_RESUME;
}

int64_t sys_futex(user_address word, int32_t operation, uint32_t value, user_address timeout,
                  user_address word2, uint32_t value3)
{
    int32_t command = operation & COMMAND_MASK;
    bool has_bits = command == COMMAND_WAIT_BITS || command == COMMAND_WAKE_BITS;
    const struct futex_request request = {
        .space = current_space(),
        .word = word,
        .bits = has_bits ? value3 : FUTEX_ANY,
    };
    uint64_t deadline_ns;
    int error;

    (void)word2;
    if (command == COMMAND_WAIT || command == COMMAND_WAIT_BITS) {
        error = read_deadline(operation, timeout, &deadline_ns);
        if (error)
            return error;
    }
    if ((operation & FLAG_CLOCK_REAL) && command != COMMAND_WAIT_BITS)
        return -ENOSYS;
    if (command == COMMAND_WAIT || command == COMMAND_WAIT_BITS)
        return wait_until(&request, value, deadline_ns);
    if (command == COMMAND_WAKE || command == COMMAND_WAKE_BITS)
        return futex_wake(&request, value);
    return -ENOSYS;
}
