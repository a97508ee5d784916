/* Calls that send and receive on sockets. */
#include "abi/linux/clocks.h"
#include "abi/linux/socket_arguments.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "fs/path.h"
#include "memory/io_buffer.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/abi.h"
#include "process/process.h"
#include "signal/signal.h"

#define SEGMENTS_MAX 1024u                /* UIO_MAXIOV */
#define SEGMENTS_ON_STACK 8u
#define FLAG_COMPATIBLE 0x80000000u       /* MSG_CMSG_COMPAT: for programs of 32 bits */

struct linux_batch_entry {                /* struct mmsghdr */
    struct linux_message_header header;
    uint32_t length, padding;
};
LINUX_LAYOUT(struct linux_batch_entry, 64);

/* ---- Buffers of several pieces ------------------------------------------------------------- */

struct message_buffer {
    struct io_segment on_stack[SEGMENTS_ON_STACK];
    struct io_segment *segments;
    uint64_t count;
    struct io_buffer buffer;
};

static void close_buffer(struct message_buffer *pieces)
{
    if (pieces->segments != pieces->on_stack)
        memory_free(pieces->segments, pieces->count * sizeof(*pieces->segments));
}

/* The segments are there. */
static void begin_buffer(struct message_buffer *pieces)
{
    struct io_buffer buffer;

    io_buffer_init(&buffer, current_space(), pieces->segments, (unsigned)pieces->count);
    if (buffer.remaining > IO_SIZE_MAX)
        buffer.remaining = IO_SIZE_MAX;
    pieces->buffer = buffer;
}

/* -EMSGSIZE, -EFAULT, -EINVAL, -ENOMEM. */
static int open_buffer(const struct linux_message_header *header, struct message_buffer *pieces)
{
    int error;

    if (header->segment_count > SEGMENTS_MAX)
        return -EMSGSIZE;
    pieces->count = header->segment_count;
    pieces->segments = pieces->on_stack;
    if (pieces->count > SEGMENTS_ON_STACK)
        pieces->segments = memory_allocate(pieces->count * sizeof(*pieces->segments));
    if (!pieces->segments)
        return -ENOMEM;
    error = io_segments_get(pieces->segments, header->segments, pieces->count);
    if (error) {
        close_buffer(pieces);
        return error;
    }
    begin_buffer(pieces);
    return 0;
}

/* One piece.  -EFAULT. */
static int open_single(struct message_buffer *pieces, user_address address, uint64_t size)
{
    if (!user_range_is_valid(address, size))
        return -EFAULT;
    pieces->segments = pieces->on_stack;
    pieces->count = 1;
    pieces->on_stack[0] = (struct io_segment){ address, size };
    begin_buffer(pieces);
    return 0;
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* To whom; a stream says what it thinks of any name. */
struct destination {
    struct linux_socket_address address;
    int32_t length;                       /* 0: none */
    struct socket_name name;              /* of a datagram */
    struct fs_context context;            /* filled while it is sent */
};

static int get_destination(user_address source, int32_t length, struct destination *to)
{
    to->length = source ? length : 0;
    return source ? socket_address_get(source, length, &to->address) : 0;
}

static int64_t send_to(struct file *file, struct socket_send *send, struct destination *to,
                       struct io_buffer *buffer)
{
    int64_t result = 0;

    to->name.length = 0;
    if (to->length > 0) {
        if (socket_type(socket_of(file)) == SOCKET_DATAGRAM)
            result = socket_address_name(&to->address, to->length, &to->name);
        if (result)
            return result;
        fs_context_of_process(&to->context);
        send->to = &to->name;
        send->context = &to->context;
    }
    result = socket_send(file, send, buffer);
    if (to->length > 0)
        fs_context_release(&to->context);
    if (result == -EPIPE && socket_raises_signal(file) && !(send->flags & MESSAGE_NO_SIGNAL))
        signal_raise(SIGNAL_PIPE);
    return result;
}

int64_t sys_sendto(int32_t fd, user_address bytes, uint64_t count, uint32_t flags,
                   user_address address, int32_t length)
{
    struct socket_send send = { .flags = flags };
    struct message_buffer pieces;
    struct destination to;
    struct file *file;
    int64_t result = open_single(&pieces, bytes, count);

    if (result)
        return result;
    result = socket_get(fd, &file);
    if (result)
        return result;
    result = get_destination(address, length, &to);
    if (!result)
        result = send_to(file, &send, &to, &pieces.buffer);
    file_release(file);
    return result;
}

static int64_t send_message(struct file *file, const struct linux_message_header *header,
                            uint32_t flags, bool *is_complete)
{
    struct socket_send send = { .flags = flags };
    struct message_buffer pieces;
    struct destination to;
    int64_t result;

    if (header->name && header->name_length < 0)
        return -EINVAL;
    result = get_destination(header->name, header->name_length < (int32_t)sizeof(to.address)
                                               ? header->name_length : (int32_t)sizeof(to.address),
                             &to);
    if (!result)
        result = open_buffer(header, &pieces);
    if (result)
        return result;
    result = socket_control_get(header, &send);
    if (!result)
        result = send_to(file, &send, &to, &pieces.buffer);
    *is_complete = pieces.buffer.remaining == 0;
    rights_free(send.rights);
    close_buffer(&pieces);
    return result;
}

static int64_t send_at(struct file *file, user_address message, uint32_t flags, bool *is_complete)
{
    struct linux_message_header header;
    int error = user_copy_in(current_space(), &header, message, sizeof(header));

    return error ? error : send_message(file, &header, flags, is_complete);
}

int64_t sys_sendmsg(int32_t fd, user_address message, uint32_t flags)
{
    struct file *file;
    bool is_complete;
    int64_t result;

    if (flags & FLAG_COMPATIBLE)
        return -EINVAL;
    result = socket_get(fd, &file);
    if (result)
        return result;
    result = send_at(file, message, flags, &is_complete);
    file_release(file);
    return result;
}

static int put_length(user_address entry, int64_t length)
{
    uint32_t value = (uint32_t)length;

    return user_copy_out(current_space(), entry + offsetof(struct linux_batch_entry, length),
                         &value, sizeof(value));
}

int64_t sys_sendmmsg(int32_t fd, user_address messages, uint32_t count, uint32_t flags)
{
    struct file *file;
    int64_t result, done = 0;

    if (flags & FLAG_COMPATIBLE)
        return -EINVAL;
    result = socket_get(fd, &file);
    if (result)
        return result;
    if (count > SEGMENTS_MAX)
        count = SEGMENTS_MAX;
    for (uint32_t i = 0; i < count && result >= 0; i++) {
        user_address entry = messages + i * sizeof(struct linux_batch_entry);
        bool is_complete = false;

        result = send_at(file, entry, flags, &is_complete);
        if (result >= 0)
            result = put_length(entry, result);
        if (result >= 0)
            done++;
        if (result >= 0 && !is_complete)
            break;
    }
    file_release(file);
    return done > 0 ? done : result;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

/* The address of who sent it; nothing for one without a name. */
static int put_sender(const struct socket_receive *receive, user_address target,
                      user_address length)
{
    static const struct socket_name nobody;
    bool has_name = receive->has_name && receive->from.length > 0;

    return socket_address_put(has_name ? &receive->from : &nobody,
                              has_name ? socket_address_length(&receive->from) : 0, target,
                              length);
}

int64_t sys_recvfrom(int32_t fd, user_address bytes, uint64_t count, uint32_t flags,
                     user_address address, user_address length)
{
    struct socket_receive receive = { .flags = flags };
    struct message_buffer pieces;
    struct file *file;
    int64_t result = open_single(&pieces, bytes, count);

    if (result)
        return result;
    result = socket_get(fd, &file);
    if (result)
        return result;
    result = socket_receive(file, &receive, &pieces.buffer);
    rights_free(receive.rights);
    file_release(file);
    if (result >= 0 && address) {
        int error = put_sender(&receive, address, length);

        if (error)
            result = error;
    }
    return result;
}

/* What the program gets besides the bytes. */
static int put_results(user_address message, struct linux_message_header *header,
                       struct socket_receive *receive)
{
    int error = 0;

    socket_control_put(header, receive);
    if (header->name)
        error = put_sender(receive, header->name,
                           message + offsetof(struct linux_message_header, name_length));
    header->flags = receive->result_flags | (receive->flags & MESSAGE_CLOSE_ON_EXEC);
    if (!error)
        error = user_copy_out(current_space(),
                              message + offsetof(struct linux_message_header, flags),
                              &header->flags, sizeof(header->flags));
    if (!error)
        error = user_copy_out(current_space(),
                              message + offsetof(struct linux_message_header, control_length),
                              &header->control_length, sizeof(header->control_length));
    return error;
}

static int64_t receive_at(struct file *file, user_address message, uint32_t flags)
{
    struct socket_receive receive = { .flags = flags };
    struct linux_message_header header;
    struct message_buffer pieces;
    int64_t result = user_copy_in(current_space(), &header, message, sizeof(header));
    int error;

    if (!result && header.name && header.name_length < 0)
        result = -EINVAL;
    if (!result)
        result = open_buffer(&header, &pieces);
    if (result)
        return result;
    result = socket_receive(file, &receive, &pieces.buffer);
    close_buffer(&pieces);
    if (result < 0) {
        rights_free(receive.rights);
        return result;
    }
    error = put_results(message, &header, &receive);
    return error ? error : result;
}

int64_t sys_recvmsg(int32_t fd, user_address message, uint32_t flags)
{
    struct file *file;
    int64_t result;

    if (flags & FLAG_COMPATIBLE)
        return -EINVAL;
    result = socket_get(fd, &file);
    if (result)
        return result;
    result = receive_at(file, message, flags);
    file_release(file);
    return result;
}

/* A batch of messages; the time limit is looked at between them only, as on Linux. */
static int64_t receive_batch(struct file *file, user_address messages, uint32_t count,
                             uint32_t flags, uint64_t deadline_ns)
{
    int64_t result = 0;
    uint32_t done = 0;

    while (done < count) {
        user_address entry = messages + done * sizeof(struct linux_batch_entry);

        result = receive_at(file, entry, flags & ~MESSAGE_WAIT_FOR_ONE);
        if (result >= 0)
            result = put_length(entry, result);
        if (result < 0)
            break;
        done++;
        if (flags & MESSAGE_WAIT_FOR_ONE)
            flags |= MESSAGE_NO_WAIT;
        if (clock_monotonic_ns() >= deadline_ns)
            break;
    }
    return done > 0 ? done : result;
}

static int put_time_left(user_address timeout, uint64_t deadline_ns)
{
    uint64_t now_ns = clock_monotonic_ns();

    return timespec_put(timeout, now_ns < deadline_ns ? deadline_ns - now_ns : 0);
}

int64_t sys_recvmmsg(int32_t fd, user_address messages, uint32_t count, uint32_t flags,
                     user_address timeout)
{
    uint64_t deadline_ns = WAIT_FOREVER;
    struct file *file;
    int64_t result;

    if (flags & FLAG_COMPATIBLE)
        return -EINVAL;
    if (timeout) {
        result = timespec_get(timeout, &deadline_ns);
        if (result)
            return result;
        deadline_ns = clock_add_saturated(clock_monotonic_ns(), deadline_ns);
    }
    result = socket_get(fd, &file);
    if (result)
        return result;
    result = receive_batch(file, messages, count, flags, deadline_ns);
    file_release(file);
    if (result > 0 && timeout && put_time_left(timeout, deadline_ns) != 0)
        result = -EFAULT;
    return result;
}
