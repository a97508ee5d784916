/*
 * Signals to who owns a file: SIGIO, or the one that the program has chosen, which says what
 * happened and where.
 *
 * The sender is whoever set the owner, not who made the file ready: its user must be one that may
 * signal the receiver then.
 */
#include "signal/file_signal.h"

#include "fs/async.h"
#include "fs/vfs.h"
#include "process/process.h"
#include "signal/signal_internal.h"

/* Signals whose codes mean something else. */
#define HAS_OWN_CODES (SIGNALS_SYNCHRONOUS | SIGNAL_BIT(SIGNAL_CHLD))

static int64_t band_of(enum async_event event)
{
    switch (event) {
    case ASYNC_INPUT:
        return POLL_READABLE | POLL_READ_NORMAL;
    case ASYNC_OUTPUT:
        return POLL_WRITABLE | POLL_WRITE_NORMAL | POLL_WRITE_BAND;
    case ASYNC_HANGUP:
        return POLL_HANGUP | POLL_ERROR;
    }
    UNREACHABLE();
}

static bool may_tell(const struct file_owner *owner, struct process *process,
                     struct thread *thread)
{
    const struct credentials to = process_credentials(process, thread);
    uint32_t user = owner->ids.user_id, effective = owner->ids.effective_user_id;

    return effective == 0 || effective == to.user_id || effective == to.saved_user_id ||
           user == to.user_id || user == to.saved_user_id;
}

/* `thread` NULL: to the process.  A chosen signal that cannot be queued is SIGIO after all. */
static void send_to(const struct file_owner *owner, struct process *process,
                    struct thread *thread, enum async_event event)
{
    const struct signal_information plain = { .number = SIGNAL_IO, .code = CODE_KERNEL };
    struct signal_information chosen = {
        .number = owner->signal, .code = (int32_t)event,
        .file = { .band = band_of(event), .fd = owner->fd },
    };
    int error = -EAGAIN;

    if (!may_tell(owner, process, thread))
        return;
    if (owner->signal != 0) {
        if (SIGNAL_BIT(owner->signal) & HAS_OWN_CODES)
            chosen.code = CODE_FILE;
        error = thread ? signal_send_thread(thread, &chosen)
                       : signal_send_process(process, &chosen);
    }
    if (error)
        (void)(thread ? signal_send_thread(thread, &plain) : signal_send_process(process, &plain));
}

struct group_tell {
    const struct file_owner *owner;
    enum async_event event;
};

static void tell_member(struct process *process, void *context)
{
    const struct group_tell *group = context;

    if (process->group_id == group->owner->ids.id)
        send_to(group->owner, process, NULL, group->event);
}

static void tell_thread(const struct file_owner *owner, enum async_event event)
{
    struct thread *thread = thread_find(owner->ids.id);

    if (thread && thread->process)
        send_to(owner, thread->process, thread, event);
    if (thread)
        thread_release(thread);
}

/* As on Linux the id may be that of any of its threads. */
static void tell_process(const struct file_owner *owner, enum async_event event)
{
    struct process *process = process_find_by_thread(owner->ids.id);

    if (!process)
        return;
    send_to(owner, process, NULL, event);
    process_release(process);
}

static void tell_owner(const struct file_owner *owner, enum async_event event)
{
    struct group_tell group = { .owner = owner, .event = event };

    switch (owner->ids.kind) {
    case OWNER_THREAD:
        tell_thread(owner, event);
        return;
    case OWNER_PROCESS:
        tell_process(owner, event);
        return;
    case OWNER_GROUP:
        process_for_each(tell_member, &group);
        return;
    }
}

void file_signals_init(void)
{
    async_set_sender(tell_owner);
}
