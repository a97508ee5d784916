/*
 * System calls select and pselect6.
 *
 * Their sets are bits in 64-bit words, as many as the number of descriptors needs; descriptors
 * beyond what the process's table has room for do not exist, and Linux ignores those bits.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/poll_arguments.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "fs/file_table.h"
#include "lib/bitmap.h"
#include "lib/container.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define POLL_READ_BAND 0x080u
#define POLL_WRITE_BAND 0x200u

enum select_set { SET_READABLE, SET_WRITABLE, SET_EXCEPTIONAL };
#define SETS 3u

/* Which events make a descriptor ready in each set. */
static const uint32_t events_of_set[SETS] = {
    [SET_READABLE] = POLL_READABLE | POLL_READ_NORMAL | POLL_READ_BAND | POLL_HANGUP |
                     POLL_ERROR | POLL_INVALID,
    [SET_WRITABLE] = POLL_WRITABLE | POLL_WRITE_NORMAL | POLL_WRITE_BAND | POLL_ERROR |
                     POLL_INVALID,
    [SET_EXCEPTIONAL] = POLL_PRIORITY,
};

struct selection {
    uint32_t descriptors;             /* numbers below this count */
    user_address addresses[SETS];     /* 0: an empty set */
    uint64_t *sets[SETS];             /* what is asked for, then what is ready */
    struct poll_request *requests;    /* one for each descriptor that is in any set */
    uint32_t count;
    uint64_t deadline_ns;
};

static size_t set_size(const struct selection *selection)
{
    return BITMAP_WORDS((size_t)selection->descriptors) * sizeof(uint64_t);
}

/* Of this descriptor, in all sets together. */
static uint32_t events_wanted(const struct selection *selection, uint32_t fd)
{
    uint32_t events = 0;

    for (unsigned i = 0; i < SETS; i++) {
        if (bitmap_test(selection->sets[i], fd))
            events |= events_of_set[i];
    }
    return events;
}

static int read_sets(struct selection *selection)
{
    int error = 0;

    for (unsigned i = 0; i < SETS && !error; i++) {
        if (selection->addresses[i])
            error = user_copy_in(current_space(), selection->sets[i], selection->addresses[i],
                                 set_size(selection));
    }
    return error;
}

static int write_sets(const struct selection *selection)
{
    int error = 0;

    for (unsigned i = 0; i < SETS && !error; i++) {
        if (selection->addresses[i])
            error = user_copy_out(current_space(), selection->addresses[i], selection->sets[i],
                                  set_size(selection));
    }
    return error;
}

/* -EBADF if one is not open. */
static int open_requests(struct selection *selection)
{
    for (uint32_t fd = 0; fd < selection->descriptors; fd++) {
        uint32_t events = events_wanted(selection, fd);

        if (events == 0)
            continue;
        if (file_table_flag(current_files(), (int)fd) < 0)
            return -EBADF;
        poll_request_open(&selection->requests[selection->count++], (int32_t)fd, events);
    }
    return 0;
}

/* Replaces the sets by those that are ready; how many bits they have. */
static int64_t collect_results(struct selection *selection)
{
    const struct poll_request *request = selection->requests;
    int64_t ready = 0;

    for (uint32_t fd = 0; fd < selection->descriptors; fd++) {
        if (events_wanted(selection, fd) == 0)
            continue;
        for (unsigned i = 0; i < SETS; i++) {
            if (!bitmap_test(selection->sets[i], fd))
                continue;
            if (request->returned & events_of_set[i])
                ready++;
            else
                bitmap_clear(selection->sets[i], fd);
        }
        request++;
    }
    return ready;
}

static int64_t select_opened(struct selection *selection)
{
    int64_t result = poll_wait(selection->requests, selection->count, selection->deadline_ns);

    if (result < 0)
        return result == -EINTR ? -CALL_RESTART_NO_HANDLER : result;
    result = collect_results(selection);
    return write_sets(selection) ? -EFAULT : result;
}

static uint32_t descriptors_in_sets(const struct selection *selection)
{
    uint32_t count = 0;

    for (uint32_t fd = 0; fd < selection->descriptors; fd++)
        count += events_wanted(selection, fd) != 0;
    return count;
}

/* With memory for the sets: then the memory for the requests. */
static int64_t select_in(struct selection *selection)
{
    size_t size;
    int64_t result = read_sets(selection);

    if (result)
        return result;
    size = (descriptors_in_sets(selection) + 1) * sizeof(struct poll_request);
    selection->requests = memory_allocate(size);
    if (!selection->requests)
        return -ENOMEM;
    result = open_requests(selection);
    if (!result)
        result = select_opened(selection);
    poll_requests_close(selection->requests, selection->count);
    memory_free(selection->requests, size);
    return result;
}

static int64_t select_files(int32_t count, struct selection *selection)
{
    uint32_t capacity = file_table_capacity(current_files());
    int64_t result;
    size_t size;
    char *memory;

    if (count < 0)
        return -EINVAL;
    selection->descriptors = (uint32_t)count < capacity ? (uint32_t)count : capacity;
    size = SETS * set_size(selection) + sizeof(uint64_t);
    memory = memory_allocate(size);
    if (!memory)
        return -ENOMEM;
    for (unsigned i = 0; i < SETS; i++)
        selection->sets[i] = (uint64_t *)(void *)(memory + i * set_size(selection));
    result = select_in(selection);
    memory_free(memory, size);
    return result;
}

int64_t sys_select(int32_t count, user_address readable, user_address writable,
                   user_address exceptional, user_address timeout_address)
{
    struct selection selection = { .addresses = { readable, writable, exceptional } };
    struct poll_timeout timeout;
    int error = poll_timeout_read(&timeout, timeout_address, true);

    if (error)
        return error;
    selection.deadline_ns = timeout.deadline_ns;
    return poll_timeout_finish(&timeout, select_files(count, &selection));
}

int64_t sys_pselect6(int32_t count, user_address readable, user_address writable,
                     user_address exceptional, user_address timeout_address,
                     user_address mask_address)
{
    struct selection selection = { .addresses = { readable, writable, exceptional } };
    struct linux_sigset_argument mask = { 0 };
    struct poll_timeout timeout;
    int error = 0;

    if (mask_address)
        error = user_copy_in(current_space(), &mask, mask_address, sizeof(mask));
    if (!error)
        error = poll_timeout_read(&timeout, timeout_address, false);
    if (!error)
        error = poll_mask_set(mask.set, mask.size);
    if (error)
        return error;
    selection.deadline_ns = timeout.deadline_ns;
    return poll_timeout_finish(&timeout, select_files(count, &selection));
}
