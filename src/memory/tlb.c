/*
 * TLB shootdown by notify and acknowledgement.
 *
 * Each CPU has one slot for a request.  The requester puts its request (on its own stack) into the
 * slot of every CPU concerned, notifies them, and waits until all have acknowledged.
 *
 *   CPU 0                              CPU 1
 *   request for 1, waits               request for 0, waits
 *   interrupts off: never answers      interrupts off: never answers   <- forbidden: whoever waits
 *                                                                         serves its own slot
 *
 * Who waits holds no spin lock: another CPU might want it with interrupts off, and never answer.
 *
 * Invariant: a request is referred to by a slot or by a CPU that serves it only while its
 * `unacknowledged` counts that CPU; the acknowledgement is the last access.
 */
#include "memory/tlb.h"

#include <stdatomic.h>

#include "config.h"
#include "lib/assert.h"
#include "lib/mark.h"
#include "sched/per_cpu.h"

struct tlb_request {
    physical_address root;
    user_address start, end;
    bool forget;                         /* leave the root altogether */
    bool only_barrier;                   /* on every CPU, if the root is 0 */
    _Atomic unsigned unacknowledged;
};

static _Atomic(struct tlb_request *) slots[CPUS_MAX];

static uint64_t *active_root_of(unsigned cpu)
{
    return &cpu_at(cpu)->active_root;
}

/* On the CPU that the request is for, interrupts off. */
static void serve(const struct tlb_request *request)
{
    uint64_t *active = active_root_of(machine_cpu_index());

    if (request->only_barrier) {
        atomic_thread_fence(memory_order_seq_cst);
        return;
    }
    MARK_IF(*active != request->root, tlb_root_was_left);
    if (*active != request->root)
        return;    /* it has left the root meanwhile, and its translations with it */
    if (request->forget) {
        __atomic_store_n(active, 0, __ATOMIC_SEQ_CST);
        machine_address_space_activate(0);
    } else {
        machine_tlb_flush(request->start, request->end);
    }
}

void tlb_notified(void)
{
    ASSERT(!machine_interrupts_enabled());

    struct tlb_request *request = atomic_exchange_explicit(&slots[machine_cpu_index()], NULL,
                                                           memory_order_acquire);

    if (!request)
        return;
    serve(request);
    atomic_fetch_sub_explicit(&request->unacknowledged, 1, memory_order_release);
}

static void post(unsigned cpu, struct tlb_request *request)
{
    struct tlb_request *none = NULL;

    atomic_fetch_add_explicit(&request->unacknowledged, 1, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&slots[cpu], &none, request,
                                                  memory_order_release, memory_order_relaxed)) {
        none = NULL;
        tlb_notified();
        machine_cpu_relax();
    }
    machine_cpu_notify(cpu);
}

/* Interrupts stay off from the first look at active_root to the last acknowledgement: the thread
 * must not move to a CPU that it took for "this one" before. */
static void ask_all(struct tlb_request *request)
{
    bool interrupts = machine_interrupts_disable();
    unsigned self = machine_cpu_index();
    unsigned count = machine_info()->cpu_count;

    ASSERT(!this_cpu()->held);
    ASSERT(this_cpu()->interrupt_depth == 0);
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned cpu = 0; cpu < count; cpu++) {
        if (request->root != 0 &&
            __atomic_load_n(active_root_of(cpu), __ATOMIC_RELAXED) != request->root)
            continue;
        if (cpu == self)
            serve(request);
        else
            post(cpu, request);
    }
    while (atomic_load_explicit(&request->unacknowledged, memory_order_acquire) != 0) {
        tlb_notified();
        machine_cpu_relax();
    }
    machine_interrupts_restore(interrupts);
}

void tlb_flush(physical_address root, user_address start, user_address end)
{
    struct tlb_request request = { .root = root, .start = start, .end = end };

    ASSERT(root != 0);
    ASSERT(start < end);
    ask_all(&request);
}

void tlb_forget_root(physical_address root)
{
    struct tlb_request request = { .root = root, .forget = true };

    ASSERT(root != 0);
    ask_all(&request);
}

void tlb_barrier(physical_address root)
{
    struct tlb_request request = { .root = root, .only_barrier = true };

    ask_all(&request);
}
