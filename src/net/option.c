/*
 * Options of sockets (SOL_SOCKET).  Those of networks that mean nothing here are remembered and
 * given back, as on Linux.
 */
#include "config.h"
#include "lib/memory.h"
#include "net/net_internal.h"
#include "sched/pid_namespace.h"
#include "time/clock.h"

/* SO_ */
#define OPTION_DEBUG 1
#define OPTION_REUSE_ADDRESS 2
#define OPTION_TYPE 3
#define OPTION_ERROR 4
#define OPTION_NO_ROUTE 5
#define OPTION_BROADCAST 6
#define OPTION_SEND_BUFFER 7
#define OPTION_RECEIVE_BUFFER 8
#define OPTION_KEEP_ALIVE 9
#define OPTION_IN_LINE 10
#define OPTION_NO_CHECK 11
#define OPTION_PRIORITY 12
#define OPTION_LINGER 13
#define OPTION_REUSE_PORT 15
#define OPTION_PASS_CREDENTIALS 16
#define OPTION_PEER_CREDENTIALS 17
#define OPTION_RECEIVE_LOW 18
#define OPTION_SEND_LOW 19
#define OPTION_RECEIVE_TIMEOUT 20
#define OPTION_SEND_TIMEOUT 21
#define OPTION_TIMESTAMP 29
#define OPTION_ACCEPTS 30
#define OPTION_SEND_BUFFER_FORCE 32
#define OPTION_RECEIVE_BUFFER_FORCE 33
#define OPTION_TIMESTAMP_NS 35
#define OPTION_PROTOCOL 38
#define OPTION_DOMAIN 39
#define OPTION_PEEK_OFFSET 42

#define BUFFER_MAX 4194304u            /* net.core.wmem_max and rmem_max */
#define SEND_BUFFER_MIN 4608u
#define RECEIVE_BUFFER_MIN 2304u
#define PRIORITY_MAX 6                 /* for who is not root */
#define NS_PER_MICROSECOND 1000

struct option_time {
    int64_t seconds, microseconds;
};
_Static_assert(sizeof(struct option_time) == SOCKET_OPTION_SIZE_MAX, "the largest value");

/* ---- Flags that are only remembered -------------------------------------------------------- */

static const uint8_t remembered[] = {
    OPTION_DEBUG, OPTION_REUSE_ADDRESS, OPTION_NO_ROUTE, OPTION_BROADCAST, OPTION_KEEP_ALIVE,
    OPTION_IN_LINE, OPTION_NO_CHECK, OPTION_TIMESTAMP, OPTION_TIMESTAMP_NS,
};

/* Its bit, or 0. */
static uint32_t flag_of(int32_t number)
{
    for (unsigned i = 0; i < sizeof(remembered); i++) {
        if (remembered[i] == number)
            return UINT32_C(1) << i;
    }
    return 0;
}

static int set_flag(struct socket *socket, uint32_t flag, const struct socket_option *option)
{
    if (option->number == OPTION_DEBUG && option->value.number && !option->is_root)
        return -EACCES;
    if (option->value.number)
        atomic_fetch_or(&socket->options.flags, flag);
    else
        atomic_fetch_and(&socket->options.flags, ~flag);
    return 0;
}

/* ---- Setting ------------------------------------------------------------------------------- */

/* Twice the value, as Linux counts its own structures in. */
static uint32_t buffer_size(int32_t value, uint32_t minimum, bool is_forced)
{
    uint32_t size = (uint32_t)value;

    if (is_forced)
        size = value < 0 ? 0 : size > INT32_MAX / 2 ? INT32_MAX / 2 : size;
    else if (size > BUFFER_MAX)
        size = BUFFER_MAX;
    return size * 2 > minimum ? size * 2 : minimum;
}

static int set_buffer(struct socket *socket, const struct socket_option *option)
{
    bool is_forced = option->number == OPTION_SEND_BUFFER_FORCE ||
                     option->number == OPTION_RECEIVE_BUFFER_FORCE;

    if (is_forced && !option->is_root)
        return -EPERM;
    if (option->number == OPTION_RECEIVE_BUFFER || option->number == OPTION_RECEIVE_BUFFER_FORCE) {
        atomic_store(&socket->options.receive_limit,
                     buffer_size(option->value.number, RECEIVE_BUFFER_MIN, is_forced));
        return 0;
    }
    atomic_store(&socket->options.send_limit,
                 buffer_size(option->value.number, SEND_BUFFER_MIN, is_forced));
    wait_queue_wake_all(&socket->writable);
    return 0;
}

/* Negative times are as good as none, but do not wait at all. */
static int set_timeout(_Atomic uint64_t *timeout_ns, const struct socket_option *option)
{
    struct option_time time;
    uint64_t ns;

    if (option->size < sizeof(time))
        return -EINVAL;
    memcpy(&time, option->value.bytes, sizeof(time));
    if (time.microseconds < 0 || time.microseconds >= 1000000)
        return -EDOM;
    if (time.seconds < 0)
        ns = 1;
    else if (time.seconds >= INT64_MAX / (int64_t)NS_PER_SECOND - 1)
        ns = 0;
    else
        ns = (uint64_t)time.seconds * NS_PER_SECOND +
             (uint64_t)time.microseconds * NS_PER_MICROSECOND;
    atomic_store(timeout_ns, ns);
    return 0;
}

static int set_number(struct socket *socket, const struct socket_option *option)
{
    int32_t value = option->value.number;

    switch (option->number) {
    case OPTION_PRIORITY:
        if ((value < 0 || value > PRIORITY_MAX) && !option->is_root)
            return -EPERM;
        atomic_store(&socket->options.priority, value);
        return 0;
    case OPTION_PASS_CREDENTIALS:
        atomic_store(&socket->options.pass_credentials, value != 0);
        return 0;
    case OPTION_RECEIVE_LOW:
        value = value < 0 ? INT32_MAX : value;
        atomic_store(&socket->options.receive_low, value ? value : 1);
        return 0;
    case OPTION_PEEK_OFFSET:
        atomic_store(&socket->options.peek_offset, value);
        return 0;
    }
    return -ENOPROTOOPT;
}

int socket_set_option(struct socket *socket, const struct socket_option *option)
{
    uint32_t flag = flag_of(option->number);

    if (option->size < sizeof(option->value.number))
        return -EINVAL;
    if (flag)
        return set_flag(socket, flag, option);
    switch (option->number) {
    case OPTION_SEND_BUFFER:
    case OPTION_RECEIVE_BUFFER:
    case OPTION_SEND_BUFFER_FORCE:
    case OPTION_RECEIVE_BUFFER_FORCE:
        return set_buffer(socket, option);
    case OPTION_RECEIVE_TIMEOUT:
        return set_timeout(&socket->options.receive_timeout_ns, option);
    case OPTION_SEND_TIMEOUT:
        return set_timeout(&socket->options.send_timeout_ns, option);
    case OPTION_LINGER:
        if (option->size < sizeof(uint64_t))
            return -EINVAL;
        atomic_store(&socket->options.linger, option->value.words[0]);
        return 0;
    case OPTION_REUSE_PORT:
        return option->value.number ? -EOPNOTSUPP : 0;
    }
    return set_number(socket, option);
}

/* ---- Getting ------------------------------------------------------------------------------- */

static void get_timeout(uint64_t ns, struct socket_option *option)
{
    const struct option_time time = {
        .seconds = (int64_t)(ns / NS_PER_SECOND),
        .microseconds = (int64_t)(ns % NS_PER_SECOND / NS_PER_MICROSECOND),
    };

    memcpy(option->value.bytes, &time, sizeof(time));
    option->size = sizeof(time);
}

static void get_peer_credentials(struct socket *socket, struct socket_option *option)
{
    struct socket_credentials credentials;

    spin_lock(&socket->lock);
    credentials = socket->peer_credentials;
    spin_unlock(&socket->lock);
    if (credentials.process_id == 0)    /* nobody yet */
        credentials.user_id = credentials.group_id = UINT32_MAX;
    else
        credentials.process_id = pid_seen(credentials.process_id);
    memcpy(option->value.bytes, &credentials, sizeof(credentials));
    option->size = sizeof(credentials);
}

static int get_number(struct socket *socket, int32_t number, int32_t *value)
{
    const struct socket_options *options = &socket->options;

    switch (number) {
    case OPTION_TYPE:
        *value = (int32_t)socket->type;
        return 0;
    case OPTION_ERROR:
        *value = -socket_take_error(socket);
        return 0;
    case OPTION_SEND_BUFFER:
        *value = (int32_t)atomic_load(&options->send_limit);
        return 0;
    case OPTION_RECEIVE_BUFFER:
        *value = (int32_t)atomic_load(&options->receive_limit);
        return 0;
    case OPTION_PRIORITY:
        *value = atomic_load(&options->priority);
        return 0;
    case OPTION_PASS_CREDENTIALS:
        *value = atomic_load(&options->pass_credentials);
        return 0;
    case OPTION_RECEIVE_LOW:
        *value = atomic_load(&options->receive_low);
        return 0;
    case OPTION_SEND_LOW:
    case OPTION_DOMAIN:
        *value = 1;
        return 0;
    case OPTION_ACCEPTS:
        *value = socket_state(socket) == SOCKET_LISTENING;
        return 0;
    case OPTION_PEEK_OFFSET:
        *value = atomic_load(&options->peek_offset);
        return 0;
    case OPTION_PROTOCOL:
    case OPTION_REUSE_PORT:
        *value = 0;
        return 0;
    }
    return -ENOPROTOOPT;
}

int socket_get_option(struct socket *socket, struct socket_option *option)
{
    uint32_t flag = flag_of(option->number);

    option->size = sizeof(option->value.number);
    if (flag) {
        option->value.number = (atomic_load(&socket->options.flags) & flag) != 0;
        return 0;
    }
    switch (option->number) {
    case OPTION_RECEIVE_TIMEOUT:
        get_timeout(atomic_load(&socket->options.receive_timeout_ns), option);
        return 0;
    case OPTION_SEND_TIMEOUT:
        get_timeout(atomic_load(&socket->options.send_timeout_ns), option);
        return 0;
    case OPTION_LINGER:
        option->value.words[0] = atomic_load(&socket->options.linger);
        option->size = sizeof(uint64_t);
        return 0;
    case OPTION_PEER_CREDENTIALS:
        get_peer_credentials(socket, option);
        return 0;
    }
    return get_number(socket, option->number, &option->value.number);
}

/* ---- SO_PEEK_OFF --------------------------------------------------------------------------- */

void socket_move_peek_offset(struct socket *socket, bool is_peek, uint64_t bytes)
{
    int32_t offset = atomic_load(&socket->options.peek_offset);
    int64_t moved = offset;

    ASSERT(mutex_is_held(&socket->read_lock));
    if (offset < 0)
        return;
    moved += is_peek ? (int64_t)bytes : -(int64_t)bytes;
    moved = moved < 0 ? 0 : moved > INT32_MAX ? INT32_MAX : moved;
    (void)atomic_compare_exchange_strong(&socket->options.peek_offset, &offset, (int32_t)moved);
}
