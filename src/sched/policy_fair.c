/*
 * Shares of the processor by weight, for ordinary threads: earliest eligible virtual deadline first
 * (EEVDF), as Linux has it since 6.6.
 *
 * Every thread has used some virtual time (processor time * 1024 / weight).  V is the average of
 * that over all threads of the queue that want to run, weighted.  What a thread is owed, its lag,
 * is V minus its own; the lags of a queue, times the weights, sum to zero.  A thread is eligible
 * while it owes nothing.  It asks for the processor in requests of `request_ns`; the deadline of a
 * request is the virtual time at which it is served if it gets its share from now on.  Who runs is
 * the eligible one with the earliest deadline.  So no lag ever exceeds one request (plus what
 * cannot be preempted), however many threads there are.
 *
 * Invariants, with the queue locked:
 * - `weight` and `moment` of a queue are the exact sums over all threads with `is_counted`; V is
 *   zero + moment / weight.  The running one is counted, not in the tree.
 * - The tree is sorted by deadline, then by age; every node knows the least vruntime of its
 *   subtree.  So the first eligible one is found on one way down, and at least one is eligible,
 *   because not all can be above the average.
 * - A queue that counts nobody has no weight and no moment.
 * - A thread that is not counted keeps its lag and the rest of its request, which is where it
 *   begins when it comes back, to this queue or another.
 *
 * A thread that an interrupt woke and that sleeps more than it runs (`urgent`) asks for a short
 * request first: its share is the same, but its deadline is early, and who runs is preempted for it
 * after TIME_SLICE_SHORT_NS.
 */
#include "sched/fair.h"

#include "config.h"
#include "lib/assert.h"
#include "lib/container.h"
#include "sched/policy.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

#define LAG_MAX_NS (2 * FAIR_SLICE_NS)    /* owed or owing while it sleeps, at nice 0 */

__extension__ typedef __int128 wide;

/* As Linux: each step is a quarter more or less, so about a tenth of the processor. */
static const uint32_t weights[NICE_MAX - NICE_MIN + 1] = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
    9548,  7620,  6100,  4904,  3906,  3121,  2501,  1991,  1586,  1277,
    1024,  820,   655,   526,   423,   335,   272,   215,   172,   137,
    110,   87,    70,    56,    45,    36,    29,    23,    18,    15,
};

static struct fair *fair_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct fair, node);
}

static struct thread *thread_of(struct tree_node *node)
{
    return CONTAINER_OF(fair_of(node), struct thread, fair);
}

static bool is_before(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

/* Virtual time that a thread of this weight uses in so much processor time. */
static uint64_t virtual_time(const struct fair *fair, uint64_t time_ns)
{
    if (fair->weight == FAIR_WEIGHT_NORMAL)
        return time_ns;
    return time_ns * FAIR_WEIGHT_NORMAL / fair->weight;
}

static void recompute(struct tree_node *node)
{
    struct fair *fair = fair_of(node);

    fair->first_vruntime = fair->vruntime;
    if (node->left && is_before(fair_of(node->left)->first_vruntime, fair->first_vruntime))
        fair->first_vruntime = fair_of(node->left)->first_vruntime;
    if (node->right && is_before(fair_of(node->right)->first_vruntime, fair->first_vruntime))
        fair->first_vruntime = fair_of(node->right)->first_vruntime;
}

void fair_init(struct fair *fair)
{
    *fair = (struct fair){ .weight = FAIR_WEIGHT_NORMAL };
}

void fair_queue_init(struct fair_queue *queue)
{
    *queue = (struct fair_queue){ .short_end_ns = SLICE_FOREVER };
    tree_init(&queue->tree, recompute);
}

uint32_t fair_weight_of_nice(int nice)
{
    ASSERT(nice >= NICE_MIN);
    ASSERT(nice <= NICE_MAX);
    return weights[nice - NICE_MIN];
}

void fair_set_weight(struct fair *fair, uint32_t weight)
{
    ASSERT(!fair->is_counted);
    ASSERT(weight > 0);
    fair->lag = fair->lag * (int64_t)fair->weight / (int64_t)weight;
    fair->weight = weight;
}

/* ---- The sums ------------------------------------------------------------------------------ */

static int64_t moment_of(const struct fair_queue *queue, const struct fair *fair)
{
    return (int64_t)(fair->vruntime - queue->zero) * (int64_t)fair->weight;
}

/* V - zero. */
static int64_t average_offset(const struct fair_queue *queue)
{
    if (queue->weight == 0)
        return 0;

    int64_t weight = (int64_t)queue->weight;
    int64_t offset = queue->moment / weight;

    return queue->moment % weight < 0 ? offset - 1 : offset;
}

static uint64_t average(const struct fair_queue *queue)
{
    return queue->zero + (uint64_t)average_offset(queue);
}

/* Keeps `moment` small.  V stays where it is. */
static void move_zero(struct fair_queue *queue)
{
    int64_t offset = average_offset(queue);

    queue->zero += (uint64_t)offset;
    queue->moment -= offset * (int64_t)queue->weight;
}

static void count(struct fair_queue *queue, struct fair *fair)
{
    ASSERT(!fair->is_counted);
    ASSERT((queue->count == 0) == (queue->weight == 0));
    fair->is_counted = true;
    queue->moment += moment_of(queue, fair);
    queue->weight += fair->weight;
    queue->count++;
    move_zero(queue);
}

static int64_t clamp(int64_t value, int64_t limit)
{
    if (value > limit)
        return limit;
    return value < -limit ? -limit : value;
}

/* The thread leaves the sums and remembers what it is owed. */
static void count_no_more(struct fair_queue *queue, struct fair *fair)
{
    ASSERT(fair->is_counted);
    ASSERT(queue->count > 0);
    ASSERT(queue->weight >= fair->weight);
    fair->lag = clamp((int64_t)(average(queue) - fair->vruntime),
                      (int64_t)virtual_time(fair, LAG_MAX_NS));
    fair->request_left = fair->deadline - fair->vruntime;
    fair->left_queue = queue;
    fair->left_at = average(queue);
    fair->is_counted = false;
    queue->moment -= moment_of(queue, fair);
    queue->weight -= fair->weight;
    queue->count--;
    ASSERT((queue->count == 0) == (queue->weight == 0));
    ASSERT_IMPLIES(queue->count == 0, queue->moment == 0);
    if (queue->count == 0)
        queue->zero = fair->vruntime;    /* any number would do */
    move_zero(queue);
}

static bool is_eligible(const struct fair_queue *queue, uint64_t vruntime)
{
    return (wide)(int64_t)(vruntime - queue->zero) * (wide)queue->weight <= (wide)queue->moment;
}

/* ---- Time ---------------------------------------------------------------------------------- */

static void begin_request(struct fair *fair, uint64_t request_ns)
{
    fair->request_ns = request_ns;
    fair->deadline = fair->vruntime + virtual_time(fair, request_ns);
}

/* The thread runs, or has run, on the queue's CPU until now. */
static void charge(struct fair_queue *queue, struct fair *fair, uint64_t now_ns)
{
    if (now_ns <= fair->charged_ns)
        return;

    uint64_t used = virtual_time(fair, now_ns - fair->charged_ns);

    ASSERT(fair->is_counted);
    fair->charged_ns = now_ns;
    fair->vruntime += used;
    if (queue->count == 1) {    /* perhaps for days: the product below could overflow */
        queue->zero = fair->vruntime;
        queue->moment = 0;
    } else {
        queue->moment += (int64_t)used * (int64_t)fair->weight;
        move_zero(queue);
    }
    if (is_before(fair->vruntime, fair->deadline))
        return;
    begin_request(fair, FAIR_SLICE_NS);
    queue->short_end_ns = SLICE_OVER;
}

/* A thread that owes and sleeps owes less, the more the others get meanwhile. */
static void forgive(const struct fair_queue *queue, struct fair *fair)
{
    int64_t passed = (int64_t)(average(queue) - fair->left_at);

    if (fair->lag >= 0 || fair->left_queue != queue || passed <= 0)
        return;
    fair->lag = passed < -fair->lag ? fair->lag + passed : 0;
}

/*
 * Where a thread that comes to the queue begins: so far from V that its lag is what it was when it
 * left.  It is part of the average itself and draws V after it: hence the factor.
 */
static void set_start(const struct fair_queue *queue, struct fair *fair, bool keeps_request)
{
    int64_t lag = 0;

    if (queue->weight > 0)    /* lag * weight is processor time, and limited: see count_no_more */
        lag = fair->lag + fair->lag * (int64_t)fair->weight / (int64_t)queue->weight;
    fair->vruntime = average(queue) - (uint64_t)lag;
    if (keeps_request)
        fair->deadline = fair->vruntime + fair->request_left;
}

/* ---- Ready threads ------------------------------------------------------------------------- */

static void insert(struct fair_queue *queue, struct fair *fair)
{
    struct tree_node **link = &queue->tree.root;
    struct tree_node *parent = NULL;

    ASSERT(fair->is_counted);
    while (*link) {
        parent = *link;
        link = is_before(fair->deadline, fair_of(parent)->deadline) ? &parent->left
                                                                    : &parent->right;
    }
    tree_insert(&queue->tree, &fair->node, parent, link);
}

/* Of the running thread, which lets others go first: it goes on only when no other can.  What is
 * left of its request is forfeited, if it was eligible: else it had none. */
static void give_up_turn(const struct fair_queue *queue, struct fair *fair)
{
    uint64_t behind = average(queue) + 1;    /* of the others: it is not counted now */

    if (queue->count == 0)
        return;
    if (fair->lag >= 0 && is_before(fair->vruntime, fair->deadline))
        fair->vruntime = fair->deadline;
    if (is_before(fair->vruntime, behind))
        fair->vruntime = behind;
    begin_request(fair, FAIR_SLICE_NS);
}

static void set_place(struct fair_queue *queue, struct thread *thread, enum enqueue_reason why)
{
    struct fair *fair = &thread->fair;

    switch (why) {
    case ENQUEUE_PREEMPTED:    /* where it was, it has only just left */
        return;
    case ENQUEUE_YIELDED:
        give_up_turn(queue, fair);
        return;
    case ENQUEUE_NEW:          /* half a request, so that it begins soon */
        set_start(queue, fair, false);
        begin_request(fair, FAIR_SLICE_NS / 2);
        return;
    case ENQUEUE_WOKEN:
        forgive(queue, fair);
        set_start(queue, fair, false);
        begin_request(fair, thread->urgent ? TIME_SLICE_SHORT_NS : FAIR_SLICE_NS);
        return;
    case ENQUEUE_MOVED:
        set_start(queue, fair, true);
        return;
    case ENQUEUE_RAISED:
    case ENQUEUE_LOWERED:
        set_start(queue, fair, false);
        begin_request(fair, FAIR_SLICE_NS);
        return;
    }
    UNREACHABLE();
}

/* Does the running thread have to give way to this one, which was woken, before its request is
 * served? */
static bool is_too_late(const struct fair_queue *queue, const struct thread *woken,
                        const struct thread *running)
{
    if (woken->priority.class != CLASS_OTHER)
        return false;    /* SCHED_BATCH and SCHED_IDLE disturb nobody */
    return is_eligible(queue, woken->fair.vruntime) &&
           is_before(woken->fair.deadline, running->fair.deadline);
}

static void look_at_running(struct runqueue *queue, const struct thread *woken)
{
    const struct thread *running = queue->running;
    struct fair_queue *fair = &queue->fair;

    if (!running || !running->fair.is_counted)
        return;
    if (running->priority.class == CLASS_IDLE && woken->priority.class != CLASS_IDLE)
        fair->short_end_ns = SLICE_OVER;
    else if (is_too_late(fair, woken, running) &&
             running->fair.began_ns + TIME_SLICE_SHORT_NS < fair->short_end_ns)
        fair->short_end_ns = running->fair.began_ns + TIME_SLICE_SHORT_NS;
}

static void fair_enqueue(struct runqueue *queue, struct thread *thread, enum enqueue_reason why)
{
    struct fair_queue *fair = &queue->fair;

    if (queue->running && queue->running->fair.is_counted)
        charge(fair, &queue->running->fair, machine_time_ns());
    set_place(fair, thread, why);
    thread->urgent = false;
    count(fair, &thread->fair);
    insert(fair, &thread->fair);
    list_append(&queue->ready, &thread->run_node);
    if (why == ENQUEUE_WOKEN)
        look_at_running(queue, thread);
}

static void fair_dequeue(struct runqueue *queue, struct thread *thread)
{
    tree_remove(&queue->fair.tree, &thread->fair.node);
    count_no_more(&queue->fair, &thread->fair);
    list_remove(&thread->run_node);
}

static bool has_eligible(const struct fair_queue *queue, struct tree_node *node)
{
    return node && is_eligible(queue, fair_of(node)->first_vruntime);
}

/* The eligible one with the earliest deadline. */
static struct tree_node *find_next(const struct fair_queue *queue)
{
    struct tree_node *node = queue->tree.root;

    ASSERT(has_eligible(queue, node));
    while (has_eligible(queue, node->left) || !is_eligible(queue, fair_of(node)->vruntime)) {
        node = has_eligible(queue, node->left) ? node->left : node->right;
        ASSERT(node);
    }
    return node;
}

static struct thread *fair_take_next(struct runqueue *queue)
{
    if (!queue->fair.tree.root)
        return NULL;

    struct thread *thread = thread_of(find_next(&queue->fair));

    ASSERT(thread->fair.is_counted);
    tree_remove(&queue->fair.tree, &thread->fair.node);    /* and stays counted: it will run */
    list_remove(&thread->run_node);
    return thread;
}

/* ---- The running thread -------------------------------------------------------------------- */

static void fair_begin_run(struct runqueue *queue, struct thread *thread, uint64_t now_ns)
{
    struct fair *fair = &thread->fair;

    if (!fair->is_counted) {    /* it runs already, and comes back from another class or weight */
        set_start(&queue->fair, fair, false);
        begin_request(fair, FAIR_SLICE_NS);
        count(&queue->fair, fair);
    } else {
        fair->began_ns = now_ns;
        queue->fair.short_end_ns = SLICE_FOREVER;
    }
    fair->charged_ns = now_ns;
}

static void fair_end_run(struct runqueue *queue, struct thread *thread, uint64_t now_ns)
{
    charge(&queue->fair, &thread->fair, now_ns);
    count_no_more(&queue->fair, &thread->fair);
}

static uint64_t fair_slice_end(const struct runqueue *queue, const struct thread *running)
{
    const struct fair *fair = &running->fair;

    ASSERT(fair->is_counted);

    uint64_t left = is_before(fair->vruntime, fair->deadline) ? fair->deadline - fair->vruntime : 0;
    uint64_t end_ns = fair->charged_ns +
                      (left * fair->weight + FAIR_WEIGHT_NORMAL - 1) / FAIR_WEIGHT_NORMAL;

    return queue->fair.short_end_ns < end_ns ? queue->fair.short_end_ns : end_ns;
}

const struct sched_policy policy_fair = {
    .name = "fair",
    .slice_ns = FAIR_SLICE_NS,
    .enqueue = fair_enqueue,
    .dequeue = fair_dequeue,
    .take_next = fair_take_next,
    .begin_run = fair_begin_run,
    .end_run = fair_end_run,
    .slice_end = fair_slice_end,
};
