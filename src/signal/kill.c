/* kill, tgkill, sigqueue and signals to process groups: whom a number means, and who may. */
#include "process/process.h"
#include "process/process_file.h"
#include "signal/signal_internal.h"

static bool is_valid(int number)
{
    return number >= 0 && number <= SIGNAL_MAX;
}

/* With the capability, or the sender's real or effective user is the target's real or saved one;
 * SIGCONT also within a session. */
static bool permitted(struct process *target, struct thread *thread, int number)
{
    const struct process *sender = current_process();
    const struct credentials from = current_credentials();
    const struct credentials to = process_credentials(target, thread);

    if (target == sender || credentials_can(&from, CAPABILITY_KILL))
        return true;
    if (from.effective_user_id == to.user_id || from.effective_user_id == to.saved_user_id ||
        from.user_id == to.user_id || from.user_id == to.saved_user_id)
        return true;
    return number == SIGNAL_CONT && target->session_id == sender->session_id;
}

static void fill_sender(struct signal_information *information, int number, int code)
{
    *information = (struct signal_information){
        .number = number,
        .code = code,
        .sender = { .process_id = current_process()->id,
                    .user_id = current_credentials().user_id },
    };
}

struct group_send {
    int32_t group_id;        /* 0: all but the sender and the first process */
    struct signal_information information;
    bool from_kernel;
    unsigned found, sent;
    int error;
};

/* The sender's id as the receiver knows it. */
static struct signal_information as_seen(const struct process *receiver,
                                         const struct signal_information *information)
{
    struct signal_information seen = *information;

    if (seen.code == CODE_USER || seen.code == CODE_TKILL)
        seen.sender.process_id = pid_seen_in(receiver->pid_namespace, seen.sender.process_id);
    return seen;
}

/* Of those that kill(-1) means: all of the sender's PID namespace and those below, whose first
 * processes count as others do. */
static bool is_one_of_all(const struct process *process)
{
    const struct pid_namespace *space = pid_namespace_current();

    return process != current_process() && process->parent_id != 0 &&
           process->id != space->first_id && pid_is_within(process->id, space);
}

static void send_to_member(struct process *process, void *context)
{
    struct group_send *send = context;
    struct signal_information seen;
    int number = send->information.number;

    if (send->group_id != 0 ? process->group_id != send->group_id : !is_one_of_all(process))
        return;
    seen = as_seen(process, &send->information);
    send->found++;
    if (!is_valid(number)) {
        send->error = -EINVAL;
    } else if (!send->from_kernel && !permitted(process, NULL, number)) {
        /* As Linux: to all means to those that one may. */
        send->error = send->group_id != 0 ? -EPERM : send->error;
    } else if (number == 0 || signal_send_process(process, &seen) == 0) {
        send->sent++;
    }
}

unsigned signal_send_group(int32_t group_id, int number)
{
    struct group_send send = {
        .group_id = group_id,
        .information = { .number = number, .code = CODE_KERNEL },
        .from_kernel = true,
    };

    if (group_id > 0)
        process_for_each(send_to_member, &send);
    return send.found;
}

static int kill_group(int32_t group_id, int number)
{
    struct group_send send = { .group_id = group_id };

    fill_sender(&send.information, number, CODE_USER);
    process_for_each(send_to_member, &send);
    if (send.found == 0)
        return -ESRCH;
    return send.sent > 0 ? 0 : send.error;
}

/* The receiver is there. */
static int send_checked(struct process *process, struct thread *thread,
                        const struct signal_information *information)
{
    const struct signal_information seen = as_seen(process, information);
    int number = information->number;

    if (!is_valid(number))
        return -EINVAL;
    /* What the kernel could have sent was checked by whoever let it through (signal_queue). */
    if (information->code <= CODE_USER && !permitted(process, thread, number))
        return -EPERM;
    if (number == 0)
        return 0;
    return thread ? signal_send_thread(thread, &seen) : signal_send_process(process, &seen);
}

static int send_to_process(int32_t process_id, const struct signal_information *information)
{
    struct process *process = process_find_by_thread(process_id);
    int error;

    if (!process)
        return -ESRCH;
    error = send_checked(process, NULL, information);
    process_release(process);
    return error;
}

/* `process_id` 0: of any process. */
static int send_to_thread(int32_t process_id, int32_t thread_id,
                          const struct signal_information *information)
{
    struct thread *thread = thread_find(thread_id);
    int error = -ESRCH;

    if (!thread)    /* a zombie's is no longer there, but the number still means it */
        return !process_id || process_id == thread_id ? send_to_process(thread_id, information)
                                                      : -ESRCH;
    if (thread->process && (!process_id || thread->process->id == process_id) &&
        process_is_listed(thread->process))
        error = send_checked(thread->process, thread, information);
    thread_release(thread);
    return error;
}

static int kill_process(int32_t process_id, int number)
{
    struct signal_information information;

    fill_sender(&information, number, CODE_USER);
    return send_to_process(process_id, &information);
}

int signal_kill(int32_t process_id, int number)
{
    if (process_id > 0)
        return kill_process(process_id, number);
    if (process_id == 0)
        return kill_group(current_process()->group_id, number);
    if (process_id == -1)
        return kill_group(0, number);
    return process_id == INT32_MIN ? -ESRCH : kill_group(-process_id, number);
}

int signal_thread_kill(int32_t process_id, int32_t thread_id, int number)
{
    struct signal_information information;

    fill_sender(&information, number, CODE_TKILL);
    return send_to_thread(process_id, thread_id, &information);
}

/* Only to itself may a program say what the kernel, kill and tgkill say. */
static bool may_say(int32_t id, const struct signal_information *information)
{
    return (information->code < 0 && information->code != CODE_TKILL) || id == current_thread()->id;
}

int signal_queue(int32_t process_id, const struct signal_information *information)
{
    if (!may_say(process_id, information))
        return -EPERM;
    return send_to_process(process_id, information);
}

int signal_thread_queue(int32_t process_id, int32_t thread_id,
                        const struct signal_information *information)
{
    if (!may_say(thread_id, information))
        return -EPERM;
    return send_to_thread(process_id, thread_id, information);
}

int signal_send_to(struct process *process, int number,
                   const struct signal_information *information)
{
    struct signal_information own;

    if (information && !may_say(process->id, information))
        return -EPERM;
    if (!information) {
        fill_sender(&own, number, CODE_USER);
        information = &own;
    }
    return process_is_gone(process) ? -ESRCH : send_checked(process, NULL, information);
}
