/*
 * Parents and children: who begins, who ends, who is told, and who inherits whose children.
 *
 * All of it happens with the process table locked, which is also the lock that a parent waits with:
 *
 *   parent                                    child
 *   looks at its children: none has ended
 *                                             ends, wakes the parent: nobody waits
 *   waits for ever                            <- forbidden: ending and looking take the same lock
 *
 * A process of a family (the teaching ABI) leaves no zombie, and nor do its children: who waits for
 * them reads exit codes (endings.c).
 *
 * Invariants:
 * - A process is on the list of the process that has its parent_id, from its start until it is
 *   taken out of the table.
 * - A zombie is in the table because its parent may still ask for it, so its parent has not ended.
 */
#include "process/relatives.h"

#include "process/endings.h"
#include "process/process_internal.h"
#include "time/clock.h"

#define NS_PER_TICK 10000000    /* of the times in a siginfo */

static struct process *child_of(struct list *node)
{
    return LIST_ENTRY(node, struct process, child_node);
}

static struct process *parent_of(const struct process *process) REQUIRES(process_table_lock())
{
    return process->parent_id ? process_table_find(process->parent_id) : NULL;
}

static void count_child(struct process *parent, bool more)
{
    spin_lock(&parent->lock);
    ASSERT(more || parent->children > 0);
    parent->children += more ? 1u : -1u;
    spin_unlock(&parent->lock);
}

/* `parent` NULL: nobody. */
static void set_parent(struct process *child, struct process *parent)
    REQUIRES(process_table_lock())
{
    ASSERT(spin_is_held(process_table_lock()));
    spin_lock(&child->lock);
    child->parent_id = parent ? parent->id : 0;
    spin_unlock(&child->lock);
    if (list_is_linked(&child->child_node))
        list_remove(&child->child_node);
    if (parent)
        list_append(&parent->children_list, &child->child_node);
}

/* Not if its maker is to end, nor in a namespace that has ended: whoever ends all others there may
 * have looked for them before this one came. */
static bool may_begin(const struct process *process)
{
    return !signal_is_pending() && !current_process()->exiting &&
           !pid_namespace_has_ended(process->pid_namespace);
}

bool process_begin(struct process *process, bool may_be_refused)
{
    spin_lock(process_table_lock());
    if (may_be_refused && !may_begin(process)) {
        spin_unlock(process_table_lock());
        return false;
    }

    struct process *parent = parent_of(process);

    process->of_family = process->family != NULL;
    if (process->of_family && parent)
        parent->of_family = true;
    process_table_add(process);
    pid_namespace_begin(process->leader);
    set_parent(process, parent && !parent->ended ? parent : NULL);
    if (process->parent_id)
        count_child(parent, true);
    spin_unlock(process_table_lock());
    return true;
}

/* ---- Telling the parent -------------------------------------------------------------------- */

void exit_status_describe(int status, int *code, int *number)
{
    if (status == STATUS_CONTINUED) {
        *code = CODE_CHILD_CONTINUED;
        *number = SIGNAL_CONT;
    } else if ((status & 0xff) == STATUS_STOPPED) {
        *code = CODE_CHILD_STOPPED;
        *number = (status >> 8) & 0xff;
    } else if (status & 0x7f) {
        *code = CODE_CHILD_KILLED;
        *number = status & 0x7f;
    } else {
        *code = CODE_CHILD_EXITED;
        *number = (status >> 8) & 0xff;
    }
}

static void send_to_parent(struct process *parent, struct process *child, int number, int status)
{
    struct signal_information information = { .number = number };
    struct process_times used = { child->usage.user_ns, child->usage.system_ns, 0, 0 };
    int code, value;

    exit_status_describe(status, &code, &value);
    information.code = code;
    information.child.process_id = pid_seen_in(parent->pid_namespace, child->id);
    information.child.user_id = child->credentials.user_id;
    information.child.status = value;
    if (!child->ended)
        process_times(child, &used);
    information.child.user_ticks = (int64_t)(used.user_ns / NS_PER_TICK);
    information.child.system_ticks = (int64_t)(used.system_ns / NS_PER_TICK);
    (void)signal_send_process(parent, &information);    /* ordinary signals are never refused */
}

/* It waits until nobody is left in the namespace (process_end_namespace), and for nothing else. */
static bool is_ending_namespace(const struct process *process)
{
    return process_is_first_of_namespace(process) &&
           pid_namespace_has_ended(process->pid_namespace);
}

/* Tells the parent of a zombie.  Returns whether nobody will wait for it. */
static bool notify_end(struct process *parent, struct process *child)
    REQUIRES(process_table_lock())
{
    struct signal_action action;
    bool is_forgotten = false;
    int number = child->exit_signal;

    if (!parent || parent->of_family || is_ending_namespace(parent))
        return true;
    action = signal_action_read(&parent->signals, SIGNAL_CHLD);
    if (number == SIGNAL_CHLD) {
        is_forgotten = action.handler == SIGNAL_IGNORE || (action.flags & ACTION_NO_CHILD_WAIT);
        if (action.handler == SIGNAL_IGNORE)
            number = 0;
    }
    if (number > 0 && number <= SIGNAL_MAX)
        send_to_parent(parent, child, number, child->exit_status);
    wait_queue_wake_all(&parent->children_queue);
    return is_forgotten;
}

void process_notify_stop(struct process *process, const struct stop_news *news)
{
    bool stopped = news->code == CODE_CHILD_STOPPED;

    spin_lock(process_table_lock());

    struct process *parent = parent_of(process);

    if (parent && !process->ended) {
        struct signal_action action = signal_action_read(&parent->signals, SIGNAL_CHLD);

        if (action.handler != SIGNAL_IGNORE && !(action.flags & ACTION_NO_CHILD_STOP))
            send_to_parent(parent, process, SIGNAL_CHLD,
                           stopped ? news->number << 8 | STATUS_STOPPED : STATUS_CONTINUED);
        wait_queue_wake_all(&parent->children_queue);
    }
    spin_unlock(process_table_lock());
}

/* ---- The end ------------------------------------------------------------------------------- */

/* The first process of a namespace and of each one above may wait until it is the last one. */
static void tell_namespaces(const struct process *process) REQUIRES(process_table_lock())
{
    struct pid_namespace *space = process->pid_namespace;

    for (; space->level > 0; space = space->parent) {
        struct process *first = space->processes == 1 ? process_table_find(space->first_id) : NULL;

        if (first)
            wait_queue_wake_all(&first->children_queue);
    }
}

/* Takes an ended process out of the table; the caller drops its reference. */
static void forget(struct process *process) REQUIRES(process_table_lock())
{
    ASSERT(spin_is_held(process_table_lock()));
    ASSERT(process->ended);
    if (list_is_linked(&process->child_node))
        list_remove(&process->child_node);
    process->is_zombie = false;
    wait_queue_wake_all(&process->ended_queue);
    process_table_remove(process);
    tell_namespaces(process);
}

/* Who gets the children of a process that ends: of a family, its parent; else the nearest ancestor
 * of the same PID namespace that wants orphans, or the first process there. */
static struct process *heir_of(const struct process *process) REQUIRES(process_table_lock())
{
    struct pid_namespace *space = process->pid_namespace;
    struct process *first = process_table_first();
    struct process *parent = parent_of(process);

    if (process->of_family || !parent)
        return parent && !parent->ended ? parent : NULL;
    for (struct process *at = parent; at && at->pid_namespace == space; at = parent_of(at)) {
        if (at->child_subreaper && !at->ended)
            return at;
    }
    if (space->level > 0)
        first = process_table_find(space->first_id);
    return first && first != process && !first->ended ? first : NULL;
}

/* The signal that a child asked for (prctl), and its new parent.  A zombie that nobody will wait
 * for goes to the list `gone`. */
static void give_child(struct process *child, struct process *heir, struct list *gone)
    REQUIRES(process_table_lock())
{
    int number = child->parent_death_signal;

    const struct process *before = parent_of(child);

    set_parent(child, heir);
    process_group_parted(child, before);
    if (!child->ended) {
        if (heir)
            count_child(heir, true);
        if (number != 0)
            signal_send_kernel(child, number);
    } else if (notify_end(heir, child)) {
        forget(child);
        list_append(gone, &child->child_node);
    }
}

static void give_children(struct process *process, struct list *gone)
    REQUIRES(process_table_lock())
{
    struct process *heir = heir_of(process);

    while (!list_is_empty(&process->children_list))
        give_child(child_of(list_first(&process->children_list)), heir, gone);
}

static void release_all(struct list *gone)
{
    struct list *node;

    while ((node = list_take_first(gone)))
        process_give_id_up(child_of(node));
}

static void end_others(const struct process *process, struct pid_namespace *space)
    REQUIRES(process_table_lock())
{
    pid_namespace_end(space);
    for (struct process *at = process_table_next(NULL); at; at = process_table_next(at)) {
        if (!at->ended && at != process && pid_is_within(at->id, space))
            process_end(at, SIGNAL_KILL, 128 + SIGNAL_KILL);
    }
}

static void forget_dead_children(struct process *process, struct list *gone)
    REQUIRES(process_table_lock())
{
    LIST_FOR_EACH_SAFE(node, next, &process->children_list) {
        if (!child_of(node)->ended)
            continue;
        forget(child_of(node));
        list_append(gone, node);
    }
}

/* The zombies of other parents are those of whoever made them from outside: until these have waited
 * for them, the namespace is not empty. */
void process_end_namespace(struct process *process)
{
    static const struct wait_reason reason = { .kind = WAIT_CHILD, .uninterruptible = true };

    struct pid_namespace *space = process->pid_namespace;
    struct list gone = LIST_INITIAL(gone);

    if (!process_is_first_of_namespace(process))
        return;
    spin_lock(process_table_lock());
    end_others(process, space);
    forget_dead_children(process, &gone);
    spin_unlock(process_table_lock());
    release_all(&gone);
    spin_lock(process_table_lock());
    while (space->processes > 1) {
        int error = wait_queue_wait(&process->children_queue, process_table_lock(), &reason,
                                    WAIT_FOREVER);

        ASSERT(!error);
    }
    spin_unlock(process_table_lock());
}

bool process_finish(struct process *process, struct process **first)
{
    struct list gone = LIST_INITIAL(gone);

    spin_lock(process_table_lock());

    struct process *parent = parent_of(process);

    spin_lock(&process->lock);
    process->ended = true;
    spin_unlock(&process->lock);
    if (process == process_table_first() && !process->of_family)
        end_others(process, process->pid_namespace);
    give_children(process, &gone);
    process_group_parted(process, parent);
    if (parent)
        count_child(parent, false);
    ending_record(process->id, process->exit_code);
    process->is_zombie = true;
    wait_queue_wake_all(&process->ended_queue);
    if (notify_end(parent, process)) {
        forget(process);
        list_append(&gone, &process->child_node);
    }

    bool was_last = process_table_ended(first);

    spin_unlock(process_table_lock());
    release_all(&gone);
    return was_last;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* Is the child one that the wait is about? */
static bool is_wanted(const struct process *child, const struct wait_request *wait)
{
    bool is_clone = child->exit_signal != SIGNAL_CHLD;

    if (wait->which == WAIT_FOR_PROCESS && child->id != wait->id)
        return false;
    if (wait->which == WAIT_FOR_VERY_PROCESS && child != wait->process)
        return false;
    if (wait->which == WAIT_FOR_GROUP && child->group_id != wait->id)
        return false;
    if (child->is_zombie && !(wait->flags & WAIT_ENDED))
        return false;
    return (wait->flags & WAIT_ALL_KINDS) || is_clone == ((wait->flags & WAIT_CLONES) != 0);
}

static void add_usage(struct process_usage *sum, const struct process_usage *usage)
{
    sum->user_ns += usage->user_ns;
    sum->system_ns += usage->system_ns;
    sum->voluntary_switches += usage->voluntary_switches;
    sum->involuntary_switches += usage->involuntary_switches;
    sum->minor_faults += usage->minor_faults;
    sum->major_faults += usage->major_faults;
    if (usage->peak_resident_pages > sum->peak_resident_pages)
        sum->peak_resident_pages = usage->peak_resident_pages;
}

/* What there is to say about the child, if anything; it is said once unless WAIT_LEAVE is set. */
static bool take_news(struct process *child, const struct wait_request *wait,
                      struct wait_result *result)
{
    bool leave = (wait->flags & WAIT_LEAVE) != 0;
    int stop_signal;

    if (child->is_zombie) {
        result->status = child->exit_status;
    } else if ((wait->flags & WAIT_STOPPED) &&
               (stop_signal = signal_stop_report(child, leave)) != 0) {
        result->status = stop_signal << 8 | STATUS_STOPPED;
    } else if ((wait->flags & WAIT_CONTINUED) && signal_continue_report(child, leave)) {
        result->status = STATUS_CONTINUED;
    } else {
        return false;
    }
    result->id = pid_seen(child->id);
    result->user_id = child->credentials.user_id;
    return true;
}

/* The zombie's usage becomes part of its parent's; the reference becomes the caller's. */
static void reap(struct process *parent, struct process *child, struct wait_result *result)
    REQUIRES(process_table_lock())
{
    result->usage = child->usage;
    add_usage(&result->usage, &child->children_usage);
    add_usage(&parent->children_usage, &result->usage);
    forget(child);
}

/* The first child with news, whom the wait was for in any case, and whether there is any such. */
struct search {
    unsigned wanted;
    int32_t last_id;
    bool found;
    struct process *gone;    /* with the table's reference */
};

static struct search look(struct process *parent, const struct wait_request *wait,
                          struct wait_result *result) REQUIRES(process_table_lock())
{
    struct search search = { .wanted = 0 };

    LIST_FOR_EACH(node, &parent->children_list) {
        struct process *child = child_of(node);

        if (!is_wanted(child, wait))
            continue;
        search.wanted++;
        search.last_id = child->id;
        if (!take_news(child, wait, result))
            continue;
        search.found = true;
        if (child->is_zombie && !(wait->flags & WAIT_LEAVE)) {
            search.gone = child;
            reap(parent, child, result);
        } else if (child->is_zombie) {
            result->usage = child->usage;
            add_usage(&result->usage, &child->children_usage);
        }
        break;
    }
    return search;
}

static int wait_for_news(struct process *parent, const struct search *search)
    REQUIRES(process_table_lock())
{
    const struct wait_reason reason = {
        .kind = WAIT_CHILD,
        .object = search->wanted == 1 ? (uint64_t)search->last_id : 0,
    };

    return wait_queue_wait(&parent->children_queue, process_table_lock(), &reason, WAIT_FOREVER);
}

int64_t process_wait(const struct wait_request *wait, struct wait_result *result)
{
    struct process *parent = current_process();
    struct search search;
    int64_t error = 0;

    *result = (struct wait_result){ .id = 0 };
    spin_lock(process_table_lock());
    for (;;) {
        search = look(parent, wait, result);
        if (search.found || (wait->flags & WAIT_NOT) || error)
            break;
        if (search.wanted == 0)
            break;
        error = wait_for_news(parent, &search);
    }
    spin_unlock(process_table_lock());
    if (search.gone)
        process_give_id_up(search.gone);
    if (search.found)
        return result->id;
    return search.wanted == 0 ? -ECHILD : error;
}

/* ---- Usage --------------------------------------------------------------------------------- */

void process_usage_of_children(struct process *process, struct process_usage *usage)
{
    spin_lock(process_table_lock());
    *usage = process->children_usage;
    spin_unlock(process_table_lock());
}

void process_usage(struct process *process, struct process_usage *usage)
{
    struct address_space_statistics memory = { .minor_faults = 0 };
    struct process_times times;

    process_times(process, &times);
    if (process->space)
        address_space_statistics(process->space, &memory);
    *usage = (struct process_usage){
        .user_ns = times.user_ns,
        .system_ns = times.system_ns,
        .voluntary_switches = times.voluntary_switches,
        .involuntary_switches = times.involuntary_switches,
        .minor_faults = memory.minor_faults,
        .major_faults = memory.major_faults,
        .peak_resident_pages = memory.peak_resident_pages,
    };
}
