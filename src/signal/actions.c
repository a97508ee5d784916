/* What processes do about signals: default effects, handlers, names. */
#include "lib/container.h"
#include "lib/memory.h"
#include "memory/pool.h"
#include "process/process.h"
#include "sched/choice.h"
#include "signal/signal_internal.h"

#define ACTION_KNOWN_FLAGS                                                                     \
    (ACTION_NO_CHILD_STOP | ACTION_NO_CHILD_WAIT | ACTION_INFORMATION | ACTION_EXPOSE_TAG_BITS | \
     ACTION_RESTORER | ACTION_ON_STACK | ACTION_RESTART | ACTION_NO_DEFER | ACTION_RESET)

static struct pool actions_pool = POOL_INITIAL("signal actions", struct signal_actions, 0);

struct signal_kind {
    const char *name, *description;
    enum signal_effect effect;
};

static const struct signal_kind kinds[SIGNAL_RTMIN] = {
    [SIGNAL_HUP] = { "SIGHUP", "Hangup", EFFECT_TERMINATE },
    [SIGNAL_INT] = { "SIGINT", "Interrupt", EFFECT_TERMINATE },
    [SIGNAL_QUIT] = { "SIGQUIT", "Quit", EFFECT_TERMINATE },
    [SIGNAL_ILL] = { "SIGILL", "Illegal instruction", EFFECT_TERMINATE },
    [SIGNAL_TRAP] = { "SIGTRAP", "Trace/breakpoint trap", EFFECT_TERMINATE },
    [SIGNAL_ABRT] = { "SIGABRT", "Aborted", EFFECT_TERMINATE },
    [SIGNAL_BUS] = { "SIGBUS", "Bus error", EFFECT_TERMINATE },
    [SIGNAL_FPE] = { "SIGFPE", "Floating point exception", EFFECT_TERMINATE },
    [SIGNAL_KILL] = { "SIGKILL", "Killed", EFFECT_TERMINATE },
    [SIGNAL_USR1] = { "SIGUSR1", "User defined signal 1", EFFECT_TERMINATE },
    [SIGNAL_SEGV] = { "SIGSEGV", "Segmentation fault", EFFECT_TERMINATE },
    [SIGNAL_USR2] = { "SIGUSR2", "User defined signal 2", EFFECT_TERMINATE },
    [SIGNAL_PIPE] = { "SIGPIPE", "Broken pipe", EFFECT_TERMINATE },
    [SIGNAL_ALRM] = { "SIGALRM", "Alarm clock", EFFECT_TERMINATE },
    [SIGNAL_TERM] = { "SIGTERM", "Terminated", EFFECT_TERMINATE },
    [SIGNAL_STKFLT] = { "SIGSTKFLT", "Stack fault", EFFECT_TERMINATE },
    [SIGNAL_CHLD] = { "SIGCHLD", "Child exited", EFFECT_IGNORE },
    [SIGNAL_CONT] = { "SIGCONT", "Continued", EFFECT_CONTINUE },
    [SIGNAL_STOP] = { "SIGSTOP", "Stopped (signal)", EFFECT_STOP },
    [SIGNAL_TSTP] = { "SIGTSTP", "Stopped", EFFECT_STOP },
    [SIGNAL_TTIN] = { "SIGTTIN", "Stopped (tty input)", EFFECT_STOP },
    [SIGNAL_TTOU] = { "SIGTTOU", "Stopped (tty output)", EFFECT_STOP },
    [SIGNAL_URG] = { "SIGURG", "Urgent I/O condition", EFFECT_IGNORE },
    [SIGNAL_XCPU] = { "SIGXCPU", "CPU time limit exceeded", EFFECT_TERMINATE },
    [SIGNAL_XFSZ] = { "SIGXFSZ", "File size limit exceeded", EFFECT_TERMINATE },
    [SIGNAL_VTALRM] = { "SIGVTALRM", "Virtual timer expired", EFFECT_TERMINATE },
    [SIGNAL_PROF] = { "SIGPROF", "Profiling timer expired", EFFECT_TERMINATE },
    [SIGNAL_WINCH] = { "SIGWINCH", "Window changed", EFFECT_IGNORE },
    [SIGNAL_IO] = { "SIGIO", "I/O possible", EFFECT_TERMINATE },
    [SIGNAL_PWR] = { "SIGPWR", "Power failure", EFFECT_TERMINATE },
    [SIGNAL_SYS] = { "SIGSYS", "Bad system call", EFFECT_TERMINATE },
};

static const char *const real_time_names[SIGNAL_MAX - SIGNAL_RTMIN + 1] = {
    "SIGRTMIN",    "SIGRT_1",  "SIGRT_2",  "SIGRT_3",  "SIGRT_4",  "SIGRT_5",  "SIGRT_6",
    "SIGRT_7",  "SIGRT_8",  "SIGRT_9",  "SIGRT_10", "SIGRT_11", "SIGRT_12", "SIGRT_13",
    "SIGRT_14", "SIGRT_15", "SIGRT_16", "SIGRT_17", "SIGRT_18", "SIGRT_19", "SIGRT_20",
    "SIGRT_21", "SIGRT_22", "SIGRT_23", "SIGRT_24", "SIGRT_25", "SIGRT_26", "SIGRT_27",
    "SIGRT_28", "SIGRT_29", "SIGRT_30", "SIGRT_31", "SIGRT_32",
};

static bool is_real_time(int number)
{
    return number >= SIGNAL_RTMIN && number <= SIGNAL_MAX;
}

const char *signal_name(int number)
{
    if (is_real_time(number))
        return real_time_names[number - SIGNAL_RTMIN];
    return number > 0 && number < SIGNAL_RTMIN ? kinds[number].name : "no signal";
}

const char *signal_description(int number)
{
    if (is_real_time(number))
        return "Real-time signal";
    return number > 0 && number < SIGNAL_RTMIN ? kinds[number].description : "No signal";
}

enum signal_effect signal_default_effect(int number)
{
    return is_real_time(number) ? EFFECT_TERMINATE : kinds[number].effect;
}

bool signal_action_ignores(const struct signal_action *action, int number)
{
    enum signal_effect effect = signal_default_effect(number);

    if (action->handler == SIGNAL_IGNORE)
        return true;
    return action->handler == SIGNAL_DEFAULT &&
           (effect == EFFECT_IGNORE || effect == EFFECT_CONTINUE);
}

/* An action that ignores takes back what is pending. */
static void discard_everywhere(struct process *process, signal_set set)
{
    signal_pending_discard(&process->signals.pending, set);
    LIST_FOR_EACH(node, &process->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, sibling_node);

        signal_pending_discard(&user_thread_of(thread)->signals.pending, set);
    }
}

int signal_action_change(int number, const struct signal_action *wanted,
                         struct signal_action *before)
{
    struct process *process = current_process();
    struct signals *signals = &process->signals;

    if (number < 1 || number > SIGNAL_MAX)
        return -EINVAL;
    if (wanted && (SIGNAL_BIT(number) & SIGNALS_UNBLOCKABLE))
        return -EINVAL;
    spin_lock(&process->lock);
    spin_lock(&signals->lock);

    struct signal_action *action = signal_action_lock(signals, number);

    if (before)
        *before = *action;
    if (wanted) {
        *action = *wanted;
        action->flags &= ACTION_KNOWN_FLAGS;
        action->mask &= ~SIGNALS_UNBLOCKABLE;
    }

    bool ignores = signal_action_ignores(action, number);

    signal_action_unlock(signals);
    if (wanted && ignores)
        discard_everywhere(process, SIGNAL_BIT(number));
    else if (wanted)
        timer_signals_unignore(process, number);
    spin_unlock(&signals->lock);
    spin_unlock(&process->lock);
    return 0;
}

void signal_actions_reset(struct signals *signals)
{
    spin_lock(&signals->lock);
    spin_lock(&signals->actions->lock);
    for (size_t i = 0; i < ARRAY_SIZE(signals->actions->of); i++) {
        struct signal_action *action = &signals->actions->of[i];
        bool ignored = action->handler == SIGNAL_IGNORE;

        memset(action, 0, sizeof(*action));
        action->handler = ignored ? SIGNAL_IGNORE : SIGNAL_DEFAULT;
    }
    spin_unlock(&signals->actions->lock);
    spin_unlock(&signals->lock);
}

struct signal_action signal_action_of(struct signals *signals, int number)
{
    ASSERT(spin_is_held(&signals->lock));

    struct signal_action action = *signal_action_lock(signals, number);

    signal_action_unlock(signals);
    return action;
}

struct signal_action signal_action_read(struct signals *signals, int number)
{
    spin_lock(&signals->lock);

    struct signal_action action = signal_action_of(signals, number);

    spin_unlock(&signals->lock);
    return action;
}

/* ---- Sharing ------------------------------------------------------------------------------- */

static struct signal_actions *create_actions(void)
{
    struct signal_actions *actions = pool_allocate(&actions_pool);

    if (!actions)
        return NULL;
    refcount_init(&actions->references, 1);
    spin_init(&actions->lock, RANK_SIGNAL_ACTIONS, "signal actions");
    return actions;
}

static void release_actions(struct signal_actions *actions)
{
    if (refcount_drop(&actions->references))
        pool_free(&actions_pool, actions);
}

/* Returns those that it had. */
static struct signal_actions *replace_actions(struct signals *signals,
                                              struct signal_actions *actions)
{
    spin_lock(&signals->lock);

    struct signal_actions *before = signals->actions;

    signals->actions = actions;
    spin_unlock(&signals->lock);
    return before;
}

void signal_actions_share(struct signals *signals, struct signals *parent)
{
    spin_lock(&parent->lock);

    struct signal_actions *actions = parent->actions;

    refcount_take(&actions->references);
    spin_unlock(&parent->lock);
    release_actions(replace_actions(signals, actions));
}

/* `copy` is nobody else's. */
static void copy_actions(struct signal_actions *copy, struct signals *from)
{
    spin_lock(&from->lock);
    spin_lock(&from->actions->lock);
    memcpy(copy->of, from->actions->of, sizeof(copy->of));
    spin_unlock(&from->actions->lock);
    spin_unlock(&from->lock);
}

void signal_actions_copy(struct signals *signals, struct signals *parent)
{
    copy_actions(signals->actions, parent);
}

bool signal_actions_are_shared(struct signals *signals)
{
    spin_lock(&signals->lock);

    bool shared = refcount_value(&signals->actions->references) > 1;

    spin_unlock(&signals->lock);
    return shared;
}

int signal_actions_unshare(struct signals *signals)
{
    struct signal_actions *copy;

    if (!signal_actions_are_shared(signals))
        return 0;
    copy = create_actions();
    if (!copy)
        return -ENOMEM;
    copy_actions(copy, signals);
    release_actions(replace_actions(signals, copy));
    return 0;
}

/* ---- Life ---------------------------------------------------------------------------------- */

int signals_init(struct signals *signals)
{
    signals->actions = create_actions();
    if (!signals->actions)
        return -ENOMEM;
    spin_init(&signals->lock, RANK_SIGNAL, "signals");
    signal_pending_init(&signals->pending);
    list_init(&signals->ignored_timers);
    /* Somebody outside can send one, except in a run that repeats. */
    if (choice_is_observed())
        wait_queue_init(&signals->readers);
    else
        wait_queue_init_external(&signals->readers);
    signals->readers.may_end = true;
    wait_queue_init(&signals->continued);
    return 0;
}

void signals_release(struct signals *signals)
{
    wait_queue_end(&signals->readers);
    release_actions(signals->actions);
    signals->actions = NULL;
}

void signals_destroy(struct signals *signals)
{
    spin_lock(&signals->lock);
    signal_pending_discard(&signals->pending, ~UINT64_C(0));
    timer_signals_discard(signals, NULL);
    spin_unlock(&signals->lock);
}

void thread_signals_init(struct thread_signals *signals)
{
    signal_pending_init(&signals->pending);
}

void thread_signals_destroy(struct thread_signals *signals)
{
    signal_pending_discard(&signals->pending, ~UINT64_C(0));
}
