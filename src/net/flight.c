/*
 * Sockets in messages to sockets: who carries whom, and the end of circles of them.
 *
 * A socket whose open file is only in messages cannot be reached if those messages wait, in the
 * end, for sockets of the same sort: nobody will ever read them.  Reference counts do not see
 * that, so such circles are looked for, when there may be one: a circle is closed by a message
 * to a socket that is itself under way.  The look costs as much as there is under way, and happens
 * when a socket is closed, or the descriptor of one that is under way.
 *
 *   collector                                receiver
 *   finds a socket that nobody holds
 *                                            takes the message that carries it
 *   empties its queue                        <- forbidden: only who holds the carrier's file can
 *                                               take the message, and then the carrier, and what
 *                                               it carries, is reachable
 *
 * Sockets that are not accepted yet have no file: what they carry counts as carried by who listens,
 * and they are accepted with the flights locked.
 *
 * Invariants: socket->flights counts the entries with `socket` that are linked to a carrier; each
 * of them stands for a reference to the socket's file.
 */
#include "fs/file.h"
#include "net/net_internal.h"

static struct {
    struct mutex lock;                 /* RANK_FLIGHTS */

    /* Protected by `lock`. */
    struct list flying;                /* sockets with flights */

    _Atomic bool may_have_circles;     /* written with `lock` held */
} flights = {
    .lock = { .lock = SPINLOCK_INITIAL(RANK_MUTEX_INTERNAL, "flights"), .rank = RANK_FLIGHTS,
              .name = "flights" },
    .flying = LIST_INITIAL(flights.flying),
};

/* ---- Beginning and end --------------------------------------------------------------------- */

static bool is_flying(const struct socket *socket)
{
    return socket->flights > 0;
}

void flight_begin(struct socket_rights *rights, struct socket *receiver)
{
    ASSERT(!rights->is_flying);
    mutex_lock(&flights.lock);
    rights->is_flying = true;
    for (unsigned i = 0; i < rights->count; i++) {
        struct flight *flight = &rights->flights[i];

        if (!flight->socket)
            continue;
        list_append(&receiver->carried, &flight->node);
        if (flight->socket->flights++ == 0)
            list_append(&flights.flying, &flight->socket->flight_node);
        if (is_flying(receiver) || !atomic_load(&receiver->file))
            atomic_store(&flights.may_have_circles, true);
    }
    mutex_unlock(&flights.lock);
}

static void end_locked(struct socket_rights *rights) REQUIRES(&flights.lock)
{
    ASSERT(mutex_is_held(&flights.lock));
    for (unsigned i = 0; i < rights->count; i++) {
        struct flight *flight = &rights->flights[i];

        if (!flight->socket)
            continue;
        ASSERT(flight->socket->flights > 0);
        list_remove(&flight->node);
        if (--flight->socket->flights == 0)
            list_remove(&flight->socket->flight_node);
    }
    rights->is_flying = false;
}

void flight_end(struct socket_rights *rights)
{
    mutex_lock(&flights.lock);
    end_locked(rights);
    mutex_unlock(&flights.lock);
}

struct socket *flight_accept(struct socket *listener)
{
    struct list *node;

    mutex_lock(&flights.lock);
    spin_lock(&listener->lock);
    node = list_take_first(&listener->connections);
    if (node)
        listener->connection_count--;
    spin_unlock(&listener->lock);
    mutex_unlock(&flights.lock);
    return node ? LIST_ENTRY(node, struct socket, connection_node) : NULL;
}

/* ---- Collection ---------------------------------------------------------------------------- */

#define FOR_EACH_FLYING(flying_socket)                         \
    for (struct socket *flying_socket = first_flying(); flying_socket; \
         flying_socket = next_flying(flying_socket))

static struct socket *flying_at(struct list *node)
{
    return node == &flights.flying ? NULL : LIST_ENTRY(node, struct socket, flight_node);
}

static struct socket *first_flying(void) REQUIRES(&flights.lock)
{
    ASSERT(mutex_is_held(&flights.lock));
    return flying_at(flights.flying.next);
}

static struct socket *next_flying(struct socket *socket)
{
    return flying_at(socket->flight_node.next);
}

/* Calls for each socket that is carried by this one, or by one that waits to be accepted by it. */
static void visit_carried(struct socket *carrier, struct list *work,
                          void (*visit)(struct socket *socket, struct list *work))
{
    LIST_FOR_EACH(node, &carrier->carried)
        visit(LIST_ENTRY(node, struct flight, node)->socket, work);
    spin_lock(&carrier->lock);
    LIST_FOR_EACH(waiting_node, &carrier->connections) {
        struct socket *waiting = LIST_ENTRY(waiting_node, struct socket, connection_node);

        LIST_FOR_EACH(node, &waiting->carried)
            visit(LIST_ENTRY(node, struct flight, node)->socket, work);
    }
    spin_unlock(&carrier->lock);
}

static void count_one(struct socket *socket, struct list *work)
{
    (void)work;
    socket->carried_by_flying++;
}

static void count_carried(void) REQUIRES(&flights.lock)
{
    FOR_EACH_FLYING(socket)
        socket->carried_by_flying = 0;
    FOR_EACH_FLYING(carrier)
        visit_carried(carrier, NULL, count_one);
}

/* Who holds it besides messages? */
static bool is_held(const struct socket *socket, const struct file *closing)
{
    const struct file *file = atomic_load(&socket->file);

    return refcount_value(&file->references) > socket->flights + (file == closing ? 1 : 0);
}

static void reach(struct socket *socket, struct list *work)
{
    if (socket->is_reachable)
        return;
    socket->is_reachable = true;
    list_append(work, &socket->work_node);
}

/* Reachable are those that are held, or in messages to sockets that are not under way, and those
 * that reachable ones carry. */
static void find_reachable(const struct file *closing) REQUIRES(&flights.lock)
{
    struct list work = LIST_INITIAL(work);
    struct list *node;

    FOR_EACH_FLYING(socket)
        socket->is_reachable = false;
    FOR_EACH_FLYING(socket) {
        if (is_held(socket, closing) || socket->flights > socket->carried_by_flying)
            reach(socket, &work);
    }
    while ((node = list_take_first(&work)))
        visit_carried(LIST_ENTRY(node, struct socket, work_node), &work, reach);
}

static void carried_by_one_less(struct socket *socket, struct list *work)
{
    if (--socket->carried_by_flying == 0)
        list_append(work, &socket->work_node);
}

/* Takes away whom nobody carries, again and again: what stays is in circles, or behind one. */
static bool finds_circle(void) REQUIRES(&flights.lock)
{
    struct list work = LIST_INITIAL(work);
    struct list *node;
    size_t left = 0;

    count_carried();
    FOR_EACH_FLYING(socket) {
        left++;
        if (socket->carried_by_flying == 0)
            list_append(&work, &socket->work_node);
    }
    while ((node = list_take_first(&work))) {
        left--;
        visit_carried(LIST_ENTRY(node, struct socket, work_node), &work, carried_by_one_less);
    }
    return left > 0;
}

static void take_messages(struct socket *socket, struct list *garbage) REQUIRES(&socket->lock)
{
    struct list *node;

    while ((node = list_first(&socket->messages))) {
        packet_take(socket, LIST_ENTRY(node, struct packet, node));
        list_append(garbage, node);
    }
}

/* Also those of the sockets that wait to be accepted by it: they are younger than it is. */
static void take_all_messages(struct socket *socket, struct list *garbage)
{
    spin_lock(&socket->lock);
    take_messages(socket, garbage);
    LIST_FOR_EACH(node, &socket->connections) {
        struct socket *waiting = LIST_ENTRY(node, struct socket, connection_node);

        spin_lock_same_rank(&waiting->lock);
        take_messages(waiting, garbage);
        spin_unlock(&waiting->lock);
    }
    spin_unlock(&socket->lock);
}

/* Unreachable sockets lose their messages.  These carry nobody from now on, so that it does not
 * matter in which order they go. */
static void collect_locked(const struct file *closing, struct list *garbage)
    REQUIRES(&flights.lock)
{
    count_carried();
    find_reachable(closing);
    FOR_EACH_FLYING(socket) {
        if (!socket->is_reachable)
            take_all_messages(socket, garbage);
    }
    LIST_FOR_EACH(node, garbage) {
        struct packet *message = LIST_ENTRY(node, struct packet, node);

        if (message->rights)
            end_locked(message->rights);
    }
    atomic_store(&flights.may_have_circles, finds_circle());
}

void flight_collect(const struct file *closing)
{
    struct list garbage = LIST_INITIAL(garbage);

    if (!atomic_load_explicit(&flights.may_have_circles, memory_order_relaxed))
        return;
    mutex_lock(&flights.lock);
    collect_locked(closing, &garbage);
    mutex_unlock(&flights.lock);
    packet_free_list(&garbage);
}
