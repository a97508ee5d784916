/*
 * Controlling terminals, sessions and foreground groups.
 *
 * Locking: one lock for all terminals, because a ticket may name any of them; it is taken when
 * control changes hands, not by reads and writes.  Signals are sent after it has been given back.
 *
 *   process                                   device
 *   looks: has not hung up                    goes: hung up; nobody is controlled
 *   gets the ticket of a terminal that
 *   nobody voids before its memory goes       <- forbidden: hung_up is looked at under the lock,
 *                                                and set before that is taken to void the ticket
 */
#include "tty/job_control.h"

#include "memory/user_memory.h"
#include "process/process.h"
#include "process/relatives.h"
#include "signal/signal.h"
#include "tty/tty.h"

static struct {
    struct spinlock lock;       /* RANK_TERMINALS */

    /* Protected by `lock`. */
    struct list controlling;    /* terminals, by control.node */
    uint64_t last_ticket;
} control = {
    .lock = SPINLOCK_INITIAL(RANK_TERMINALS, "controlling terminals"),
    .controlling = LIST_INITIAL(control.controlling),
};

static struct tty *tty_of_node(struct list *node)
{
    return LIST_ENTRY(node, struct tty, control.node);
}

/* ---- Tickets: with the lock held ----------------------------------------------------------- */

static struct tty *find(uint64_t ticket) REQUIRES(&control.lock)
{
    ASSERT(spin_is_held(&control.lock));
    if (ticket == 0)
        return NULL;
    LIST_FOR_EACH(node, &control.controlling) {
        if (tty_of_node(node)->control.ticket == ticket)
            return tty_of_node(node);
    }
    return NULL;
}

/* The terminal controls nobody any more.  Returns who was in the foreground. */
static int32_t void_ticket(struct tty *tty) REQUIRES(&control.lock)
{
    int32_t group = tty->control.foreground_group;

    ASSERT(spin_is_held(&control.lock));
    if (list_is_linked(&tty->control.node))
        list_remove(&tty->control.node);
    tty->control.ticket = 0;
    tty->control.session_id = 0;
    tty->control.foreground_group = 0;
    return group;
}

static void give_ticket(struct tty *tty, struct process *leader) REQUIRES(&control.lock)
{
    (void)void_ticket(tty);
    tty->control.session_id = leader->session_id;
    tty->control.foreground_group = leader->group_id;
    tty->control.ticket = ++control.last_ticket;
    list_append(&control.controlling, &tty->control.node);
    leader->terminal = control.last_ticket;
    leader->lost_foreground = 0;
}

bool tty_controls_current(const struct tty *tty)
{
    uint64_t ticket = tty->control.ticket;

    return ticket != 0 && ticket == current_process()->terminal;
}

static bool is_leader(const struct process *process)
{
    return process->session_id == process->id;
}

/* ---- Getting and losing a terminal --------------------------------------------------------- */

void tty_control_first(struct tty *tty, struct process *first, bool controls)
{
    spin_lock(&control.lock);
    if (controls)
        give_ticket(tty, first);
    tty->control.foreground_group = first->group_id;
    spin_unlock(&control.lock);
}

void tty_control_opener(struct tty *tty)
{
    struct process *process = current_process();

    spin_lock(&control.lock);
    if (is_leader(process) && !find(process->terminal) && tty->control.session_id == 0 &&
        !tty->hung_up)
        give_ticket(tty, process);
    spin_unlock(&control.lock);
}

int tty_take_control(struct tty *tty, bool may_read, bool steal)
{
    struct process *process = current_process();
    bool may_all = current_can(CAPABILITY_ADMINISTRATION);
    int error = -EPERM;

    spin_lock(&control.lock);
    if (tty->hung_up) {
        error = -EIO;
    } else if (is_leader(process) && tty->control.session_id == process->session_id) {
        error = 0;
    } else if (is_leader(process) && !find(process->terminal) &&
               (tty->control.session_id == 0 || (steal && may_all)) && (may_read || may_all)) {
        give_ticket(tty, process);
        error = 0;
    }
    spin_unlock(&control.lock);
    return error;
}

int tty_give_up(struct tty *tty)
{
    struct process *process = current_process();
    int32_t group = 0;

    if (!tty_controls_current(tty))
        return -ENOTTY;
    spin_lock(&control.lock);
    if (is_leader(process))
        group = void_ticket(tty);
    process->terminal = 0;
    spin_unlock(&control.lock);
    (void)signal_send_group(group, SIGNAL_HUP);
    (void)signal_send_group(group, SIGNAL_CONT);
    return 0;
}

void tty_hang_up_session(struct tty *tty)
{
    int32_t session = tty->control.session_id;
    struct process *leader = session > 0 ? process_find(session) : NULL;

    spin_lock(&control.lock);
    int32_t group = void_ticket(tty);

    if (leader)
        leader->lost_foreground = group;
    spin_unlock(&control.lock);
    if (!leader)
        return;
    signal_send_kernel(leader, SIGNAL_HUP);
    signal_send_kernel(leader, SIGNAL_CONT);
    process_release(leader);
}

/* A leader ends.  Its session loses the terminal, and who is in the foreground is told; if the
 * terminal had gone before, who was in the foreground then. */
static void leader_ends(struct process *leader)
{
    spin_lock(&control.lock);
    struct tty *tty = find(leader->terminal);
    int32_t group = tty ? void_ticket(tty) : leader->lost_foreground;

    leader->lost_foreground = 0;
    spin_unlock(&control.lock);
    (void)signal_send_group(group, SIGNAL_HUP);
    if (!tty)
        (void)signal_send_group(group, SIGNAL_CONT);
}

void job_control_init(void)
{
    process_set_leader_end(leader_ends);
}

/* ---- Foreground and background ------------------------------------------------------------- */

static bool is_heeded(struct process *process, int number)
{
    return !(signal_blocked() & SIGNAL_BIT(number)) &&
           signal_action_read(&process->signals, number).handler != SIGNAL_IGNORE;
}

int tty_check_foreground(struct tty *tty, int number)
{
    struct process *process = current_process();
    int32_t foreground = tty->control.foreground_group;

    if (!tty_controls_current(tty) || foreground == 0 || foreground == process->group_id)
        return 0;
    if (!is_heeded(process, number))
        return number == SIGNAL_TTIN ? -EIO : 0;
    if (process_group_is_orphaned())
        return -EIO;
    (void)signal_send_group(process->group_id, number);
    return -EINTR;
}

int64_t tty_get_foreground(struct tty *tty, bool is_master, user_address argument)
{
    int32_t group = pid_seen(tty->control.foreground_group);

    if (!is_master && !tty_controls_current(tty))
        return -ENOTTY;
    return user_copy_out(current_space(), argument, &group, sizeof(group));
}

int64_t tty_get_session(struct tty *tty, bool is_master, user_address argument)
{
    int32_t session = pid_seen(tty->control.session_id);

    if ((!is_master && !tty_controls_current(tty)) || session == 0)
        return -ENOTTY;
    return user_copy_out(current_space(), argument, &session, sizeof(session));
}

/* Whose number it is: of a group, or else of a process. */
struct group_search {
    int32_t number;
    int32_t group_session, process_session;    /* 0: there is none */
    bool found;
};

static void look_for_group(struct process *process, void *context)
{
    struct group_search *search = context;

    if (process->group_id == search->number)
        search->group_session = process->session_id;
    if (process->id == search->number)
        search->process_session = process->session_id;
    search->found |= process->group_id == search->number || process->id == search->number ||
                     process->session_id == search->number;
}

int64_t tty_set_foreground(struct tty *tty, user_address argument)
{
    struct group_search search = { .found = false };
    int32_t own = current_process()->session_id;
    int error = tty_check_foreground(tty, SIGNAL_TTOU);

    if (error)
        return error == -EIO ? -ENOTTY : error;
    error = user_copy_in(current_space(), &search.number, argument, sizeof(search.number));
    if (error)
        return error;
    if (search.number < 0)
        return -EINVAL;
    search.number = pid_named(search.number);
    if (!tty_controls_current(tty) || tty->control.session_id != own)
        return -ENOTTY;
    process_for_each(look_for_group, &search);
    if (!search.found)
        return -ESRCH;
    if ((search.group_session ? search.group_session : search.process_session) != own)
        return -EPERM;
    spin_lock(&control.lock);
    if (tty->control.session_id == own)
        tty->control.foreground_group = search.number;
    spin_unlock(&control.lock);
    return 0;
}

/* ---- Looking up ---------------------------------------------------------------------------- */

struct tty *tty_of_process(void)
{
    spin_lock(&control.lock);
    struct tty *tty = find(current_process()->terminal);

    if (tty)
        tty_reference(tty);
    spin_unlock(&control.lock);
    return tty;
}

bool tty_describe(uint64_t ticket, struct tty_summary *summary)
{
    spin_lock(&control.lock);
    const struct tty *tty = find(ticket);

    if (tty) {
        summary->device_id = tty->device_id;
        summary->foreground_group = tty->control.foreground_group;
    }
    spin_unlock(&control.lock);
    return tty != NULL;
}
