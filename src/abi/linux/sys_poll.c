/* System calls poll and ppoll. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/poll_arguments.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define ON_STACK 8u
#define NS_PER_MILLISECOND UINT64_C(1000000)

/* Entry by entry, because the rest of each belongs to the program. */
static int write_results(user_address files, const struct poll_request *requests, uint32_t count)
{
    int error = 0;

    for (uint32_t i = 0; i < count && !error; i++) {
        int16_t returned = (int16_t)requests[i].returned;
        user_address target = files + i * sizeof(struct linux_pollfd) +
                              offsetof(struct linux_pollfd, returned);

        error = user_copy_out(current_space(), target, &returned, sizeof(returned));
    }
    return error;
}

static int64_t poll_opened(user_address files, struct poll_request *requests, uint32_t count,
                           uint64_t deadline_ns)
{
    int64_t result = poll_wait(requests, count, deadline_ns);

    if (result >= 0 || result == -EINTR) {
        if (write_results(files, requests, count) != 0)
            result = -EFAULT;
    }
    return result == -EINTR ? -CALL_RESTART_NO_HANDLER : result;
}

/* `entries` and `requests` have room for all. */
static int64_t poll_copied(user_address files, struct linux_pollfd *entries,
                           struct poll_request *requests, uint32_t count, uint64_t deadline_ns)
{
    int64_t result = user_copy_in(current_space(), entries, files, count * sizeof(*entries));

    if (result)
        return result;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t events = (uint16_t)entries[i].events | POLL_ERROR | POLL_HANGUP;

        if (entries[i].fd >= 0)
            poll_request_open(&requests[i], entries[i].fd, events);
        else
            requests[i] = (struct poll_request){ .file = NULL };
    }
    result = poll_opened(files, requests, count, deadline_ns);
    poll_requests_close(requests, count);
    return result;
}

static int64_t poll_files(user_address files, uint32_t count, uint64_t deadline_ns)
{
    struct linux_pollfd entries_on_stack[ON_STACK];
    struct poll_request requests_on_stack[ON_STACK];
    size_t size = count * (sizeof(struct linux_pollfd) + sizeof(struct poll_request));
    struct poll_request *requests;
    int64_t result;

    if (count > open_files_limit())
        return -EINVAL;
    if (count <= ON_STACK)
        return poll_copied(files, entries_on_stack, requests_on_stack, count, deadline_ns);
    requests = memory_allocate(size);
    if (!requests)
        return -ENOMEM;
    result = poll_copied(files, (struct linux_pollfd *)(requests + count), requests, count,
                         deadline_ns);
    memory_free(requests, size);
    return result;
}

static int64_t poll_until(user_address files, uint32_t count, uint64_t deadline_ns);

/* restart_syscall: the arguments are still in the registers. */
static int64_t poll_resume(struct interrupted_call *call)
{
    const struct user_registers *registers = &current_thread()->registers;

    return poll_until(registers->rdi, (uint32_t)registers->rsi, call->deadline_ns);
}

static int64_t poll_until(user_address files, uint32_t count, uint64_t deadline_ns)
{
    struct interrupted_call *interrupted = &user_thread_of(current_thread())->interrupted;
    int64_t result = poll_files(files, count, deadline_ns);

    if (result != -CALL_RESTART_NO_HANDLER)
        return result;
    interrupted->resume = poll_resume;
    interrupted->deadline_ns = deadline_ns;
    return -CALL_RESUME;
}

int64_t sys_poll(user_address files, uint32_t count, int32_t timeout)
{
    uint64_t deadline_ns = timeout == 0 ? 0 : WAIT_FOREVER;

    if (timeout > 0)
        deadline_ns = machine_time_ns() + (uint64_t)timeout * NS_PER_MILLISECOND;
    return poll_until(files, count, deadline_ns);
}

int64_t sys_ppoll(user_address files, uint32_t count, user_address timeout_address,
                  user_address mask, uint64_t mask_size)
{
    struct poll_timeout timeout;
    int error = poll_timeout_read(&timeout, timeout_address, false);

    if (!error)
        error = poll_mask_set(mask, mask_size);
    if (error)
        return error;
    return poll_timeout_finish(&timeout, poll_files(files, count, timeout.deadline_ns));
}
