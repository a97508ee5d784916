/* futex: the call with many operations.  Checks come in Linux's order: the time first of all. */
#include "abi/linux/futex_arguments.h"
#include "abi/linux/syscalls.h"
#include "process/abi.h"

#define FLAG_PRIVATE 128
#define FLAG_CLOCK_REAL 256
#define COMMAND_MASK (~(FLAG_PRIVATE | FLAG_CLOCK_REAL))

enum command {
    COMMAND_WAIT,
    COMMAND_WAKE,
    COMMAND_FILE,    /* FUTEX_FD: gone since Linux 2.6.26 */
    COMMAND_REQUEUE,
    COMMAND_COMPARE_REQUEUE,
    COMMAND_WAKE_OPERATION,
    COMMAND_LOCK,
    COMMAND_UNLOCK,
    COMMAND_TRY_LOCK,
    COMMAND_WAIT_BITS,
    COMMAND_WAKE_BITS,
    COMMAND_WAIT_FOR_LOCK,
    COMMAND_REQUEUE_TO_LOCK,
    COMMAND_LOCK_2,
    COMMANDS
};

/* The arguments of the call. */
struct futex_call {
    int32_t operation;
    enum command command;
    struct futex_word word, word2;
    uint32_t value, value3;
    user_address time;    /* or, for commands that take none, a second number */
    struct futex_deadline deadline;
};

/* ---- Waiting ------------------------------------------------------------------------------- */

static int64_t wait_until(const struct futex_wait *wait);

static int64_t resume_wait(struct interrupted_call *call)
{
    const struct futex_wait wait = {
        .word = futex_word_of(call->arguments[0], (call->arguments[2] & FLAG_PRIVATE) != 0),
        .expected = (uint32_t)call->arguments[1],
        .bits = (uint32_t)(call->arguments[1] >> 32),
        .deadline = { call->deadline_ns, (call->arguments[2] & FLAG_CLOCK_REAL) != 0 },
    };

    call->resume = NULL;    /* once only, as on Linux */
    return wait_until(&wait);
}

/* An interrupted wait with a timeout goes on with what is left of it, unless a handler ran. */
static int64_t wait_until(const struct futex_wait *wait)
{
    struct interrupted_call *call = &user_thread_of(current_thread())->interrupted;
    int error = futex_wait(wait);

    if (error != -EINTR)
        return error;
    if (wait->deadline.ns == WAIT_FOREVER)
        return -CALL_RESTART;
    call->resume = resume_wait;
    call->deadline_ns = wait->deadline.ns;
    call->arguments[0] = wait->word.address;
    call->arguments[1] = wait->expected | (uint64_t)wait->bits << 32;
    call->arguments[2] = (wait->word.is_private ? FLAG_PRIVATE : 0u) |
                         (wait->deadline.real ? FLAG_CLOCK_REAL : 0u);
    return -CALL_RESUME;
}

static int64_t call_wait(const struct futex_call *call, uint32_t bits)
{
    const struct futex_wait wait = {
        .word = call->word,
        .expected = call->value,
        .bits = bits,
        .deadline = call->deadline,
    };

    return wait_until(&wait);
}

/* Those about locks begin anew after every signal: their times are absolute. */
static int64_t repeated(int error)
{
    return error == -EINTR ? -CALL_RESTART_ALWAYS : error;
}

static int64_t call_wait_for_lock(const struct futex_call *call)
{
    const struct futex_wait wait = {
        .word = call->word,
        .expected = call->value,
        .bits = FUTEX_ANY,
        .deadline = call->deadline,
    };

    return repeated(futex_wait_for_lock(&wait, &call->word2));
}

/* ---- Waking -------------------------------------------------------------------------------- */

static int64_t call_wake_operation(const struct futex_call *call)
{
    const struct futex_wake_two request = {
        .first = call->word,
        .second = call->word2,
        .first_count = (int32_t)call->value,
        .second_count = (int32_t)call->time,
        .operation = call->value3,
    };

    return futex_wake_operation(&request);
}

static int64_t call_requeue(const struct futex_call *call)
{
    const struct futex_requeue request = {
        .source = call->word,
        .target = call->word2,
        .wake_count = (int32_t)call->value,
        .requeue_count = (int32_t)call->time,
        .compares = call->command != COMMAND_REQUEUE,
        .expected = call->value3,
    };

    return call->command == COMMAND_REQUEUE_TO_LOCK ? futex_requeue_to_lock(&request)
                                                    : futex_requeue(&request);
}

/* ---- All of them --------------------------------------------------------------------------- */

/* Only these four take a time; a pointer that others have there is not looked at. */
static int read_time(struct futex_call *call)
{
    switch (call->command) {
    case COMMAND_WAIT:
        return futex_read_timeout(call->time, &call->deadline);
    case COMMAND_LOCK:
        return futex_read_deadline(call->time, true, &call->deadline);
    case COMMAND_WAIT_BITS:
    case COMMAND_WAIT_FOR_LOCK:
    case COMMAND_LOCK_2:
        return futex_read_deadline(call->time, (call->operation & FLAG_CLOCK_REAL) != 0,
                                   &call->deadline);
    case COMMAND_WAKE:
    case COMMAND_FILE:
    case COMMAND_REQUEUE:
    case COMMAND_COMPARE_REQUEUE:
    case COMMAND_WAKE_OPERATION:
    case COMMAND_UNLOCK:
    case COMMAND_TRY_LOCK:
    case COMMAND_WAKE_BITS:
    case COMMAND_REQUEUE_TO_LOCK:
    case COMMANDS:
        return 0;
    }
    return 0;    /* a number without a name */
}

static bool may_choose_clock(enum command command)
{
    return command == COMMAND_WAIT_BITS || command == COMMAND_WAIT_FOR_LOCK ||
           command == COMMAND_LOCK_2;
}

static int64_t serve(const struct futex_call *call)
{
    switch (call->command) {
    case COMMAND_WAIT:
        return call_wait(call, FUTEX_ANY);
    case COMMAND_WAIT_BITS:
        return call_wait(call, call->value3);
    case COMMAND_WAKE:
        return futex_wake(&call->word, FUTEX_ANY, (int32_t)call->value, false);
    case COMMAND_WAKE_BITS:
        return futex_wake(&call->word, call->value3, (int32_t)call->value, false);
    case COMMAND_REQUEUE:
    case COMMAND_COMPARE_REQUEUE:
    case COMMAND_REQUEUE_TO_LOCK:
        return call_requeue(call);
    case COMMAND_WAKE_OPERATION:
        return call_wake_operation(call);
    case COMMAND_LOCK:
    case COMMAND_LOCK_2:
        return repeated(futex_lock(&call->word, &call->deadline));
    case COMMAND_TRY_LOCK:
        return futex_try_lock(&call->word);
    case COMMAND_UNLOCK:
        return futex_unlock(&call->word);
    case COMMAND_WAIT_FOR_LOCK:
        return call_wait_for_lock(call);
    case COMMAND_FILE:
    case COMMANDS:
        return -ENOSYS;
    }
    return -ENOSYS;
}

int64_t sys_futex(user_address word, int32_t operation, uint32_t value, user_address time,
                  user_address word2, uint32_t value3)
{
    bool is_private = (operation & FLAG_PRIVATE) != 0;
    struct futex_call call = {
        .operation = operation,
        .command = (enum command)(operation & COMMAND_MASK),
        .word = futex_word_of(word, is_private),
        .word2 = futex_word_of(word2, is_private),
        .value = value,
        .value3 = value3,
        .time = time,
    };
    int error = read_time(&call);

    if (error)
        return error;
    if ((operation & FLAG_CLOCK_REAL) && !may_choose_clock(call.command))
        return -ENOSYS;
    return serve(&call);
}
