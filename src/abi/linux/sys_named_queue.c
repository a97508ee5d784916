/* POSIX message queues: mq_open and its relatives. */
#include "abi/linux/clocks.h"
#include "abi/linux/file_arguments.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/path.h"
#include "ipc/named_queue.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "net/socket.h"
#include "process/process.h"

#define NOTIFY_SIGNAL 0
#define NOTIFY_NONE 1
#define NOTIFY_THREAD 2
#define COOKIE_SIZE 32          /* of NOTIFY_THREAD: what the C library wants to read back */
#define CODE_MESSAGE_QUEUE (-3)

struct linux_queue_attributes {
    int64_t flags, messages, size, count, reserved[4];
};
LINUX_LAYOUT(struct linux_queue_attributes, 64);

/* ---- Opening ------------------------------------------------------------------------------- */

static int open_queue(struct file_name *name, struct named_queue_request *request)
{
    struct file *file;
    int error;

    request->name = name->text;
    request->credentials = &name->context.credentials;
    request->mode &= ~name->context.umask;
    request->bytes_max = process_limit(current_process(), LIMIT_MESSAGE_QUEUE).soft;
    error = named_queue_open(request, &file);
    return error ? error : (int)fd_install(file, true);    /* Linux closes them on exec, always */
}

int64_t sys_mq_open(user_address name_address, uint32_t flags, uint32_t mode,
                    user_address attributes)
{
    struct named_queue_request request = { .flags = flags, .mode = mode };
    struct linux_queue_attributes wanted;
    struct named_queue_limits limits;
    struct file_name name;
    int error = 0;

    if (attributes) {
        error = user_copy_in(current_space(), &wanted, attributes, sizeof(wanted));
        if (error)
            return error;
        limits = (struct named_queue_limits){ wanted.messages, wanted.size };
        request.limits = &limits;
    }
    error = file_name_open(&name, AT_WORKING_DIRECTORY, name_address, false);
    if (error)
        return error;
    error = open_queue(&name, &request);
    file_name_close(&name);
    return error;
}

int64_t sys_mq_unlink(user_address name_address)
{
    struct file_name name;
    int error = file_name_open(&name, AT_WORKING_DIRECTORY, name_address, false);

    if (error)
        return error;
    error = named_queue_unlink(name.text, &name.context.credentials);
    file_name_close(&name);
    return error;
}

/* ---- Messages ------------------------------------------------------------------------------ */

/* A queue that is open for this, with a reference to its file. */
static int get_queue(int32_t fd, uint32_t permission, struct file **file,
                     struct named_queue **queue)
{
    int error = fd_get(fd, file);

    if (error)
        return error;
    *queue = named_queue_of(*file);
    if (!*queue || ((permission & PERMISSION_READ) && !file_is_readable(*file)) ||
        ((permission & PERMISSION_WRITE) && !file_is_writable(*file))) {
        file_release(*file);
        return -EBADF;
    }
    return 0;
}

static int get_wait(user_address timeout, struct named_queue_wait *wait)
{
    wait->until_ns = WAIT_FOREVER;
    return timeout ? timespec_get(timeout, &wait->until_ns) : 0;
}

static int send(struct named_queue *queue, user_address bytes, const struct named_message *like,
                const struct named_queue_wait *wait)
{
    struct named_message *message;
    int error = named_message_create(like->size, &message);

    if (error)
        return error;
    message->priority = like->priority;
    error = user_copy_in(current_space(), message->bytes, bytes, like->size);
    if (!error)
        error = named_queue_send(queue, message, wait);
    if (error)
        named_message_free(message);
    return error;
}

int64_t sys_mq_timedsend(int32_t fd, user_address bytes, uint64_t size, uint32_t priority,
                         user_address timeout)
{
    const struct named_message like = { .priority = priority, .size = size };
    struct named_queue_wait wait;
    struct named_queue *queue;
    struct file *file;
    int error = get_wait(timeout, &wait);

    if (!error && priority >= NAMED_QUEUE_PRIORITIES)
        error = -EINVAL;
    if (!error)
        error = get_queue(fd, PERMISSION_WRITE, &file, &queue);
    if (error)
        return error;
    wait.may_wait = !(file_flags(file) & OPEN_NONBLOCK);
    error = size > (uint64_t)named_queue_limits(queue).size ? -EMSGSIZE
                                                            : send(queue, bytes, &like, &wait);
    file_release(file);
    return error;
}

/* Returns the size of the message, which is lost if it cannot be written. */
static int64_t receive(struct named_queue *queue, user_address bytes, user_address priority,
                       const struct named_queue_wait *wait)
{
    struct named_message *message;
    int64_t result = named_queue_receive(queue, wait, &message);

    if (result)
        return result;
    result = (int64_t)message->size;
    if (priority && user_copy_out(current_space(), priority, &message->priority,
                                  sizeof(message->priority)) != 0)
        result = -EFAULT;
    else if (user_copy_out(current_space(), bytes, message->bytes, message->size) != 0)
        result = -EFAULT;
    named_message_free(message);
    return result;
}

int64_t sys_mq_timedreceive(int32_t fd, user_address bytes, uint64_t size, user_address priority,
                            user_address timeout)
{
    struct named_queue_wait wait;
    struct named_queue *queue;
    struct file *file;
    int64_t result = get_wait(timeout, &wait);

    if (!result)
        result = get_queue(fd, PERMISSION_READ, &file, &queue);
    if (result)
        return result;
    wait.may_wait = !(file_flags(file) & OPEN_NONBLOCK);
    result = size < (uint64_t)named_queue_limits(queue).size
                 ? -EMSGSIZE : receive(queue, bytes, priority, &wait);
    file_release(file);
    return result;
}

/* ---- mq_notify ----------------------------------------------------------------------------- */

struct signal_notice {
    struct named_queue_notice notice;
    struct process *process;
    struct signal_information information;
    bool is_silent;
};

static void notice_arrived(struct named_queue_notice *notice)
{
    struct signal_notice *own = CONTAINER_OF(notice, struct signal_notice, notice);

    if (own->is_silent || own->information.number == 0)
        return;
    own->information.sender.process_id = current_process()->id;
    own->information.sender.user_id = current_credentials().user_id;
    (void)signal_send_process(own->process, &own->information);
}

static bool notice_is_stale(struct named_queue_notice *notice)
{
    return CONTAINER_OF(notice, struct signal_notice, notice)->process->ended;
}

static void notice_release(struct named_queue_notice *notice)
{
    struct signal_notice *own = CONTAINER_OF(notice, struct signal_notice, notice);

    process_release(own->process);
    memory_free(own, sizeof(*own));
}

static int check_event(const struct linux_sigevent *event)
{
    uint8_t cookie[COOKIE_SIZE];
    struct file *file;
    int error;

    switch (event->notify) {
    case NOTIFY_NONE:
        return 0;
    case NOTIFY_SIGNAL:
        return event->number < 0 || event->number > SIGNAL_MAX ? -EINVAL : 0;
    case NOTIFY_THREAD:    /* through a socket of AF_NETLINK, of which there are none */
        if (user_copy_in(current_space(), cookie, event->value, sizeof(cookie)) != 0)
            return -EFAULT;
        if (fd_get(event->number, &file) != 0)
            return -EBADF;
        error = socket_of(file) ? -EINVAL : -ENOTSOCK;
        file_release(file);
        return error;
    default:
        return -EINVAL;
    }
}

static int create_notice(const struct linux_sigevent *event, struct named_queue_notice **notice)
{
    struct signal_notice *own = memory_allocate(sizeof(*own));

    if (!own)
        return -ENOMEM;
    *own = (struct signal_notice){
        .notice = {
            .owner_id = current_process()->id,
            .arrived = notice_arrived,
            .is_stale = notice_is_stale,
            .release = notice_release,
        },
        .process = current_process(),
        .information = {
            .number = event->number,
            .code = CODE_MESSAGE_QUEUE,
            .sender.value = event->value,
        },
        .is_silent = event->notify == NOTIFY_NONE,
    };
    process_reference(own->process);
    *notice = &own->notice;
    return 0;
}

static int ask(struct named_queue *queue, const struct linux_sigevent *event)
{
    struct named_queue_notice *notice;
    int error = create_notice(event, &notice);

    if (error)
        return error;
    error = named_queue_notify(queue, notice);
    if (error)
        notice_release(notice);
    return error;
}

int64_t sys_mq_notify(int32_t fd, user_address event_address)
{
    struct linux_sigevent event;
    struct named_queue *queue;
    struct file *file;
    int error = 0;

    if (event_address) {
        error = user_copy_in(current_space(), &event, event_address, sizeof(event));
        if (!error)
            error = check_event(&event);
    }
    if (!error)
        error = get_queue(fd, 0, &file, &queue);
    if (error)
        return error;
    if (event_address)
        error = ask(queue, &event);
    else
        named_queue_forget(queue, current_process()->id);
    file_release(file);
    return error;
}

/* ---- Attributes ---------------------------------------------------------------------------- */

static void change_flags(struct file *file, uint32_t flags)
{
    if (flags & OPEN_NONBLOCK)
        atomic_fetch_or(&file->flags, OPEN_NONBLOCK);
    else
        atomic_fetch_and(&file->flags, ~OPEN_NONBLOCK);
}

int64_t sys_mq_getsetattr(int32_t fd, user_address attributes, user_address before_address)
{
    struct linux_queue_attributes wanted, before;
    struct named_queue *queue;
    struct file *file;
    int error = 0;

    if (attributes) {
        error = user_copy_in(current_space(), &wanted, attributes, sizeof(wanted));
        if (!error && ((uint64_t)wanted.flags & ~(uint64_t)OPEN_NONBLOCK))
            error = -EINVAL;
    }
    if (!error)
        error = get_queue(fd, 0, &file, &queue);
    if (error)
        return error;

    const struct named_queue_limits limits = named_queue_limits(queue);

    before = (struct linux_queue_attributes){
        .flags = file_flags(file) & OPEN_NONBLOCK,
        .messages = limits.messages,
        .size = limits.size,
        .count = named_queue_count(queue),
    };
    if (attributes)
        change_flags(file, (uint32_t)wanted.flags);
    file_release(file);
    return before_address ? user_copy_out(current_space(), before_address, &before,
                                          sizeof(before)) : 0;
}
