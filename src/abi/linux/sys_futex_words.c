/*
 * The newer futex calls: futex_waitv, and futex_wake, futex_wait and futex_requeue, whose arguments
 * have room for words of other sizes.  There are none yet, neither here nor on Linux.  Behind a
 * word may be a second one, the node of memory where it is waited for.
 */
#include "abi/linux/futex_arguments.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/abi.h"

#define WORD_SIZE_MASK 3u
#define WORD_SIZE_32 2u
#define WORD_WITH_NODE 4u        /* a second word says on which node of memory */
#define WORD_BY_POLICY 8u        /* ... or the policy of its memory: there are no policies */
#define WORD_PRIVATE 128u
#define WORD_FLAGS (WORD_SIZE_MASK | WORD_WITH_NODE | WORD_BY_POLICY | WORD_PRIVATE)
#define CLOCK_REAL 0
#define CLOCK_MONOTONIC 1

struct linux_futex_waitv {
    uint64_t value, address;
    uint32_t flags, reserved;
};
LINUX_LAYOUT(struct linux_futex_waitv, 24);

static bool flags_are_valid(uint32_t flags)
{
    return !(flags & ~WORD_FLAGS) && (flags & WORD_SIZE_MASK) == WORD_SIZE_32;
}

static struct futex_word word_of(user_address address, uint32_t flags)
{
    struct futex_word word = futex_word_of(address, (flags & WORD_PRIVATE) != 0);

    word.has_node = (flags & WORD_WITH_NODE) != 0;
    return word;
}

/* A time of the clock with this number.  -EINVAL, -EFAULT. */
static int read_deadline(user_address time, int32_t clock, struct futex_deadline *deadline)
{
    if (time && clock != CLOCK_REAL && clock != CLOCK_MONOTONIC)
        return -EINVAL;
    return futex_read_deadline(time, clock == CLOCK_REAL, deadline);
}

/* A wait that a signal ended is repeated: its time is absolute. */
static int64_t repeated(int result)
{
    return result == -EINTR ? -CALL_RESTART : result;
}

/* ---- Several words ------------------------------------------------------------------------- */

/* One of the array at `address`, checked. */
static int read_word(user_address address, unsigned index, struct linux_futex_waitv *word)
{
    if (user_copy_in(current_space(), word, address + index * sizeof(*word), sizeof(*word)) != 0)
        return -EFAULT;
    if (!flags_are_valid(word->flags) || word->reserved != 0 || word->value > UINT32_MAX)
        return -EINVAL;
    return 0;
}

static int read_words(user_address address, unsigned count, struct futex_wait *waits)
{
    for (unsigned i = 0; i < count; i++) {
        struct linux_futex_waitv word;
        int error = read_word(address, i, &word);

        if (error)
            return error;
        waits[i] = (struct futex_wait){ .word = word_of(word.address, word.flags),
                                        .expected = (uint32_t)word.value };
    }
    return 0;
}

int64_t sys_futex_waitv(user_address address, uint32_t count, uint32_t flags, user_address time,
                        int32_t clock)
{
    size_t size = count * sizeof(struct futex_wait);
    struct futex_deadline deadline;
    struct futex_wait *waits;
    int result;

    if (flags || count == 0 || count > FUTEX_WAIT_MANY_MAX || !address)
        return -EINVAL;
    result = read_deadline(time, clock, &deadline);
    if (result)
        return result;
    waits = memory_allocate(size);
    if (!waits)
        return -ENOMEM;
    result = read_words(address, count, waits);
    if (!result)
        result = futex_wait_many(waits, count, &deadline);
    memory_free(waits, size);
    return repeated(result);
}

int64_t sys_futex_requeue(user_address words, uint32_t flags, int32_t wake_count,
                          int32_t requeue_count)
{
    struct linux_futex_waitv source, target;
    int error;

    if (flags || !words)
        return -EINVAL;
    error = read_word(words, 0, &source);
    if (!error)
        error = read_word(words, 1, &target);
    if (error)
        return error;
    if (source.flags != target.flags)
        return -EINVAL;

    const struct futex_requeue request = {
        .source = word_of(source.address, source.flags),
        .target = word_of(target.address, target.flags),
        .wake_count = wake_count,
        .requeue_count = requeue_count,
        .compares = true,
        .expected = (uint32_t)source.value,
    };

    return futex_requeue(&request);
}

/* ---- One word ------------------------------------------------------------------------------ */

int64_t sys_futex_wake(user_address address, uint64_t mask, int32_t count, uint32_t flags)
{
    struct futex_word word = word_of(address, flags);

    if (!flags_are_valid(flags) || mask > UINT32_MAX)
        return -EINVAL;
    return futex_wake(&word, (uint32_t)mask, count, true);
}

int64_t sys_futex_wait(user_address address, uint64_t value, uint64_t mask, uint32_t flags,
                       user_address time, int32_t clock)
{
    struct futex_wait wait = {
        .word = word_of(address, flags),
        .expected = (uint32_t)value,
        .bits = (uint32_t)mask,
    };
    int error;

    if (!flags_are_valid(flags) || value > UINT32_MAX || mask > UINT32_MAX)
        return -EINVAL;
    error = read_deadline(time, clock, &wait.deadline);
    return error ? error : repeated(futex_wait(&wait));
}
