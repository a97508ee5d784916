/*
 * signalfd: signals as bytes.
 *
 * A file has a set of signals and nothing else: whose signals a read or poll is about depends on
 * the thread that makes it, which sees its own and those of its process.
 *
 *   reader                                    sender
 *   looks: nothing of the set is pending
 *                                             makes one pending: nobody waits in `readers`
 *   waits for ever                            <- forbidden: both with signals.lock held
 *
 * A poll is on the queue before it looks, so that it too is there when the sender looks.
 */
#include "signal/signal_file.h"

#include "fs/anonymous_file.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "memory/pool.h"
#include "process/process.h"
#include "process/relatives.h"
#include "sched/choice.h"
#include "signal/signal_internal.h"

struct signal_file {
    _Atomic signal_set wanted;
};

static struct pool file_pool = POOL_INITIAL("signal file", struct signal_file, 0);

static signal_set wanted_by(const struct file *file)
{
    const struct signal_file *signals = file->contents;

    return atomic_load(&signals->wanted);
}

/* signals.lock held. */
static bool any_is_pending(const struct process *process, signal_set wanted)
{
    return ((thread_signals_of(current_thread())->pending.set | process->signals.pending.set) &
            wanted) != 0;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static bool is_fault(const struct signal_information *information)
{
    return information->code > 0 && information->code < CODE_KERNEL &&
           (SIGNAL_BIT(information->number) & SIGNALS_SYNCHRONOUS);
}

static bool is_of_child(const struct signal_information *information)
{
    return information->number == SIGNAL_CHLD && information->code > 0 &&
           information->code <= CODE_CHILD_CONTINUED;
}

static void describe(const struct signal_information *information, struct signal_record *record)
{
    *record = (struct signal_record){
        .number = (uint32_t)information->number,
        .error = information->error,
        .code = information->code,
    };
    if (information->code == CODE_TIMER) {
        record->timer_id = (uint32_t)information->timer.timer_id;
        record->overrun = (uint32_t)information->timer.overrun;
        record->pointer = information->timer.value;
        record->value = (int32_t)information->timer.value;
    } else if (is_fault(information)) {
        record->address = information->fault.address;
    } else {
        record->process_id = (uint32_t)information->sender.process_id;
        record->user_id = information->sender.user_id;
    }
    if (is_of_child(information)) {
        record->status = information->child.status;
        record->user_ticks = (uint64_t)information->child.user_ticks;
        record->system_ticks = (uint64_t)information->child.system_ticks;
    } else if (information->code < 0 && information->code != CODE_TIMER) {
        record->pointer = information->sender.value;
        record->value = (int32_t)information->sender.value;
    }
}

/* Until one of them is pending.  -EINTR. */
static int wait_for(struct process *process, signal_set wanted)
{
    /* Somebody outside can send one, except in a run that repeats. */
    const struct wait_reason reason = { .kind = WAIT_SIGNAL, .external = !choice_is_observed() };
    struct signals *signals = &process->signals;
    int error = 0;

    spin_lock(&signals->lock);
    while (!any_is_pending(process, wanted) && !error)
        error = wait_queue_wait(&signals->readers, &signals->lock, &reason, WAIT_FOREVER);
    spin_unlock(&signals->lock);
    return error;
}

/* The next one.  -EAGAIN, -EINTR. */
static int take_one(struct file *file, bool waits, struct signal_information *information)
{
    for (;;) {
        signal_set wanted = wanted_by(file);
        int error;

        if (signal_take(wanted, information) != 0)
            return 0;
        if (!waits)
            return -EAGAIN;
        error = wait_for(current_process(), wanted);
        if (error)
            return error;
    }
}

static int64_t signal_file_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    bool waits = !(file_flags(file) & OPEN_NONBLOCK) && !buffer->may_not_wait;
    uint64_t count = buffer->remaining / sizeof(struct signal_record);
    struct signal_information information;
    struct signal_record record;
    int64_t done = 0, result = 0;

    (void)position;
    if (count == 0)
        return -EINVAL;
    for (; count > 0; count--) {
        result = take_one(file, waits && done == 0, &information);
        if (result)
            break;
        describe(&information, &record);
        result = io_buffer_put(buffer, &record, sizeof(record));
        if (result != (int64_t)sizeof(record)) {
            result = -EFAULT;    /* the signal is lost, as on Linux */
            break;
        }
        done += result;
    }
    return done > 0 ? done : result;
}

/* ---- Polling ------------------------------------------------------------------------------- */

static uint32_t signal_file_poll(struct file *file, struct poll_table *table)
{
    struct process *process = current_process();

    /* The queue is the caller's, who waits no longer than he lives. */
    poll_table_add(table, &process->signals.readers);
    spin_lock(&process->signals.lock);

    bool ready = any_is_pending(process, wanted_by(file));

    spin_unlock(&process->signals.lock);
    return ready ? POLL_READABLE : 0;
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void signal_file_release(struct file *file)
{
    pool_free(&file_pool, file->contents);
}

static const struct file_operations signal_file_operations = {
    .read = signal_file_read,
    .poll = signal_file_poll,
    .seek = anonymous_file_seek,
    .release = signal_file_release,
};

int signal_file_create(signal_set wanted, uint32_t flags, struct file **file)
{
    struct signal_file *signals = pool_allocate(&file_pool);
    int error;

    if (!signals)
        return -ENOMEM;
    atomic_init(&signals->wanted, wanted & ~SIGNALS_UNBLOCKABLE);
    error = anonymous_file_create(&signal_file_operations, "anon_inode:[signalfd]", flags, signals,
                                  file);
    if (error)
        pool_free(&file_pool, signals);
    return error;
}

int signal_file_change(struct file *file, signal_set wanted)
{
    struct process *process = current_process();
    struct signal_file *signals = file->contents;

    if (file->operations != &signal_file_operations)
        return -EINVAL;
    atomic_store(&signals->wanted, wanted & ~SIGNALS_UNBLOCKABLE);
    spin_lock(&process->signals.lock);
    wait_queue_wake_all(&process->signals.readers);
    spin_unlock(&process->signals.lock);
    return 0;
}
