/*
 * The record of a run.
 *
 * Arrays only grow; they are used again by the next run, so that a search allocates nothing once
 * it has seen its longest run.
 */
#include "search/run.h"

#include <stdlib.h>
#include <string.h>

#include "debug/trace.h"
#include "search/array.h"

#define ALONE_MAX 1000    /* decisions for one thread; if it only looks, it waits for others */

void run_init(struct run *run)
{
    memset(run, 0, sizeof(*run));
    run->first_root = RUN_NOBODY;
    run_clear(run);
}

void run_destroy(struct run *run)
{
    free(run->threads);
    free(run->steps);
    free(run->decisions);
    free(run->ends);
    free(run->thread_of_id);
}

void run_clear(struct run *run)
{
    for (uint32_t i = 0; i < run->thread_count; i++) {
        struct run_thread *thread = &run->threads[i];

        if (thread->present)
            run->thread_of_id[thread->id] = RUN_NOBODY;
        thread->present = false;
    }
    for (unsigned cpu = 0; cpu < RUN_CPUS_MAX; cpu++)
        run->current[cpu] = RUN_NOBODY;
    run->step_count = run->decision_count = run->end_count = 0;
    run->root_count = 0;
    run->first_process = run->new_process = run->new_thread = 0;
    run->alone = 0;
    run->uses_time = run->is_irregular = false;
    run->outcome = OUTCOME_NONE;
    run->status = 0;
    run->output_hash = run->state_hash = HASH_START;
}

static void *copy_array(void *to, const void *from, size_t size)
{
    void *copy = realloc(to, size ? size : 1);

    if (!copy)
        abort();
    if (size)
        memcpy(copy, from, size);
    return copy;
}

void run_copy(struct run *to, const struct run *from)
{
    struct run old = *to;

    *to = *from;
    to->threads = copy_array(old.threads, from->threads, from->thread_count * sizeof(*to->threads));
    to->steps = copy_array(old.steps, from->steps, from->step_count * sizeof(*to->steps));
    to->decisions = copy_array(old.decisions, from->decisions,
                               from->decision_count * sizeof(*to->decisions));
    to->ends = copy_array(old.ends, from->ends, from->end_count * sizeof(*to->ends));
    to->thread_of_id = copy_array(old.thread_of_id, from->thread_of_id,
                                  from->id_room * sizeof(*to->thread_of_id));
    to->thread_room = from->thread_count;
    to->step_room = from->step_count;
    to->decision_room = from->decision_count;
    to->end_room = from->end_count;
}

static void rewind_thread(struct run *run, uint32_t index, const struct run_thread *base)
{
    struct run_thread *thread = &run->threads[index];
    struct run_thread was = *thread;

    *thread = *base;
    thread->first_child = was.first_child;
    thread->next_sibling = was.next_sibling;
    if (thread->present)
        run->thread_of_id[thread->id] = index;
}

void run_rewind(struct run *run, const struct run *base)
{
    run_clear(run);
    for (uint32_t i = 0; i < base->thread_count; i++)
        rewind_thread(run, i, &base->threads[i]);
    for (uint32_t i = 0; i < base->step_count; i++)
        run->steps[i] = base->steps[i];
    for (uint32_t i = 0; i < base->decision_count; i++)
        run->decisions[i] = base->decisions[i];
    for (uint32_t i = 0; i < base->end_count; i++)
        run->ends[i] = base->ends[i];
    run->step_count = base->step_count;
    run->decision_count = base->decision_count;
    run->end_count = base->end_count;
    run->root_count = base->root_count;
    run->first_process = base->first_process;
    run->new_process = base->new_process;
    run->new_thread = base->new_thread;
    run->alone = base->alone;
    run->uses_time = base->uses_time;
    memcpy(run->current, base->current, sizeof(run->current));
}

/* ---- Threads ------------------------------------------------------------------------------- */

uint32_t run_thread_of_id(const struct run *run, int32_t id)
{
    return id > 0 && (uint32_t)id < run->id_room ? run->thread_of_id[id] : RUN_NOBODY;
}

static void name_id(struct run *run, int32_t id, uint32_t thread)
{
    uint32_t old = run->id_room;

    ARRAY_GROW(run->thread_of_id, run->id_room, (uint32_t)id + 1);
    for (uint32_t i = old; i < run->id_room; i++)
        run->thread_of_id[i] = RUN_NOBODY;
    run->thread_of_id[id] = thread;
}

/* The list of all children that this parent ever had in any run. */
static uint32_t find_child(struct run *run, uint32_t parent, uint32_t nth)
{
    uint32_t *link = parent == RUN_NOBODY ? &run->first_root : &run->threads[parent].first_child;
    uint32_t added = run->thread_count;

    while (*link != RUN_NOBODY) {
        if (run->threads[*link].nth_child == nth)
            return *link;
        link = &run->threads[*link].next_sibling;
    }
    *link = added;
    ARRAY_GROW(run->threads, run->thread_room, added + 1);
    run->threads[added] = (struct run_thread){
        .parent = parent, .nth_child = nth, .first_child = RUN_NOBODY, .next_sibling = RUN_NOBODY,
    };
    run->thread_count++;
    return added;
}

uint32_t run_add_thread(struct run *run, int32_t id, int32_t parent_id)
{
    uint32_t parent = run_thread_of_id(run, parent_id);
    uint32_t nth = parent == RUN_NOBODY ? run->root_count++ : run->threads[parent].children++;
    uint32_t index = find_child(run, parent, nth);
    struct run_thread *thread = &run->threads[index];

    thread->present = true;
    thread->id = id;
    thread->process = id == run->new_thread ? run->new_process :
                      parent != RUN_NOBODY ? run->threads[parent].process : 0;
    thread->children = thread->operations = thread->acts = 0;
    thread->has_started = false;
    if (parent != RUN_NOBODY)
        run->threads[parent].has_started = true;
    thread->birth = parent == RUN_NOBODY ? 0 : run->threads[parent].operations +
                                                   run->threads[parent].announced;
    thread->announced = false;
    thread->name[0] = '\0';
    name_id(run, id, index);
    return index;
}

void run_announce(struct run *run, uint32_t thread, const struct operation *next)
{
    run->threads[thread].next = *next;
    run->threads[thread].announced = next->object_kind != OBJECT_NONE;
}

/* ---- Events -------------------------------------------------------------------------------- */

void run_add_step(struct run *run, uint32_t thread, const struct operation *operation)
{
    ARRAY_GROW(run->steps, run->step_room, run->step_count + 1);
    run->steps[run->step_count++] = (struct run_step){
        .thread = thread,
        .nth = run->threads[thread].operations++,
        .decision = run->decision_count,
        .root = run->threads[thread].root,
        .operation = *operation,
    };
    run->threads[thread].announced = false;
    if (operation->object_kind == OBJECT_CLOCK)
        run->uses_time = true;
    else
        run->threads[thread].acts++;
}

/* The end of the first process ends the run: everything else comes before it or not at all. */
static struct operation seen_as(const struct run *run, struct operation operation)
{
    if (operation.object_kind == OBJECT_PROCESS && operation.access == OPERATION_GIVE &&
        operation.object == (uint64_t)run->first_process)
        operation.object_kind = OBJECT_EVERYTHING;
    return operation;
}

static void note_next(struct run *run, const struct observer_event *event, uint64_t root)
{
    uint32_t thread = run_thread_of_id(run, (int32_t)(event->numbers[0] >> 32));

    if (thread == RUN_NOBODY)
        return;
    run->threads[thread].root = root;

    struct operation next = seen_as(run, (struct operation){
        .object_kind = (uint8_t)(event->numbers[0] >> 8),
        .access = (uint8_t)event->numbers[0],
        .call = (uint16_t)(event->numbers[0] >> 16),
        .object = event->numbers[1],
        .instruction = event->numbers[2],
    });

    run_announce(run, thread, &next);
}

static bool note_operation(struct run *run, const struct observer_event *event)
{
    uint32_t thread = run->current[event->cpu];
    struct operation operation = seen_as(run, (struct operation){
        .object_kind = (uint8_t)(event->numbers[0] >> 8),
        .access = (uint8_t)event->numbers[0],
        .call = (uint16_t)event->numbers[2],
        .object = event->numbers[1],
    });

    if (thread == RUN_NOBODY || operation.object_kind == OBJECT_NONE)
        return false;
    if (run->threads[thread].announced)
        operation.instruction = run->threads[thread].next.instruction;
    run_add_step(run, thread, &operation);
    return true;
}

/* A call that anything may depend on goes to sleep in its middle: what it has done so far is a
 * step, and the rest of it is what the thread does next. */
static bool note_wait(struct run *run, const struct observer_event *event)
{
    uint32_t index = run->current[event->cpu];
    struct operation operation;

    if (index == RUN_NOBODY || !run->threads[index].announced ||
        run->threads[index].next.object_kind != OBJECT_EVERYTHING)
        return false;
    operation = run->threads[index].next;
    run_add_step(run, index, &operation);
    run_announce(run, index, &operation);
    return true;
}

static void note_process(struct run *run, const struct observer_event *event)
{
    uint32_t thread = run_thread_of_id(run, (int32_t)event->numbers[2]);

    if (event->numbers[1] == 0)
        run->first_process = (int32_t)event->numbers[0];
    run->new_process = (int32_t)event->numbers[0];
    run->new_thread = (int32_t)event->numbers[2];
    if (thread != RUN_NOBODY)
        run->threads[thread].process = run->new_process;
}

static void note_end(struct run *run, const struct observer_event *event)
{
    ARRAY_GROW(run->ends, run->end_room, run->end_count + 1);
    run->ends[run->end_count++] = (struct run_end){ (int32_t)event->numbers[0],
                                                    (int32_t)event->numbers[1] };
}

static void note_name(struct run *run, const struct observer_event *event)
{
    uint32_t thread = run_thread_of_id(run, (int32_t)event->numbers[0]);

    if (thread == RUN_NOBODY)
        return;
    memcpy(run->threads[thread].name, &event->numbers[1], RUN_NAME_SIZE - 1);
    run->threads[thread].name[RUN_NAME_SIZE - 1] = '\0';
}

bool run_event(struct run *run, const struct observer_event *event, uint64_t root)
{
    switch (event->kind) {
    case TRACE_switch:
        run->current[event->cpu] = run_thread_of_id(run, (int32_t)event->numbers[1]);
        return false;
    case TRACE_thread_start:
        run_add_thread(run, (int32_t)event->numbers[0], (int32_t)event->numbers[1]);
        return false;
    case TRACE_thread_name:
        note_name(run, event);
        return false;
    case TRACE_process_start:
        note_process(run, event);
        return false;
    case TRACE_process_end:
        note_end(run, event);
        return false;
    case TRACE_operation_next:
        note_next(run, event, root);
        return false;
    case TRACE_operation:
        return note_operation(run, event);
    case TRACE_wait_begin:
        return note_wait(run, event);
    default:
        return false;
    }
}

/* ---- Decisions ----------------------------------------------------------------------------- */

/* Who ran goes on, unless it was stopped in a computation of its own (it may be waiting for
 * somebody in a loop) or has been alone for very long; else the first one in the queue. */
static unsigned usual_choice(const struct run *run, const struct turn *turn)
{
    unsigned first_other = 0;

    for (unsigned i = 0; i < turn->count; i++) {
        if (turn->threads[i] != turn->current)
            continue;
        if (run->alone < ALONE_MAX && (run->threads[turn->current].has_started ||
                                       !operation_is_computation(&turn->candidates[i].next)))
            return i;
        first_other = i == 0 ? 1 : 0;
    }
    return first_other;
}

static enum run_point point_before(const struct operation *next)
{
    return next->object_kind == OBJECT_CLOCK || operation_is_computation(next) ? POINT_LOOK
                                                                               : POINT_ACT;
}

struct turn run_turn(const struct run *run, int32_t current, const struct candidate *candidates,
                     unsigned count, uint32_t *threads)
{
    struct turn turn = {
        .current = run_thread_of_id(run, current),
        .point = POINT_AWAY,
        .count = count,
        .threads = threads,
        .candidates = candidates,
    };

    for (unsigned i = 0; i < count; i++) {
        threads[i] = run_thread_of_id(run, candidates[i].thread);
        if (threads[i] != turn.current)
            continue;
        turn.current_can_go_on = true;
        turn.point = point_before(&candidates[i].next);
        turn.current_gives_way = operation_gives_way(&candidates[i].next);
    }
    turn.usual = usual_choice(run, &turn);
    return turn;
}

uint32_t run_acts(const struct run *run, const struct turn *turn)
{
    return turn->current == RUN_NOBODY ? 0 : run->threads[turn->current].acts;
}

uint32_t run_serial(const struct run *run, const struct turn *turn)
{
    uint32_t acts = run_acts(run, turn);

    for (uint32_t i = run->decision_count; i > 0; i--) {
        const struct run_decision *decision = &run->decisions[i - 1];

        if (decision->current != turn->current)
            continue;
        if (decision->current_acts != acts)
            return 0;
        if (decision->point == turn->point)
            return decision->serial + 1;
    }
    return 0;
}

void run_decided(struct run *run, const struct turn *turn, unsigned chosen)
{
    uint32_t thread = turn->threads[chosen];
    struct run_decision decision = {
        .current = turn->current,
        .current_acts = run_acts(run, turn),
        .serial = run_serial(run, turn),
        .point = turn->point,
        .usual = turn->threads[turn->usual],
        .chosen = thread,
        .chosen_id = turn->candidates[chosen].thread,
        .step = run->step_count,
        .preempts = turn->current_can_go_on && !turn->current_gives_way &&
                    thread != turn->current,
    };

    ARRAY_GROW(run->decisions, run->decision_room, run->decision_count + 1);
    run->decisions[run->decision_count++] = decision;
    run->alone = thread == turn->current ? run->alone + 1 : 0;
    if (turn->current != RUN_NOBODY)
        run->threads[turn->current].has_started = false;
}

unsigned run_preemptions(const struct run *run)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < run->decision_count; i++)
        count += run->decisions[i].preempts;
    return count;
}

unsigned run_deviations(const struct run *run)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < run->decision_count; i++)
        count += run->decisions[i].chosen != run->decisions[i].usual;
    return count;
}

/* ---- Ends ---------------------------------------------------------------------------------- */

bool run_failed(const struct run *run)
{
    return run->outcome != OUTCOME_NONE && run->outcome != OUTCOME_PASSED &&
           run->outcome != OUTCOME_ABANDONED;
}

uint32_t run_last_departure(const struct run *run)
{
    uint32_t step = 0;

    for (uint32_t i = 0; i < run->decision_count; i++) {
        if (run->decisions[i].chosen != run->decisions[i].usual)
            step = run->decisions[i].step;
    }
    return step;
}

bool run_same_failure(const struct run *a, const struct run *b)
{
    return run_failed(a) && a->outcome == b->outcome;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *next = bytes;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ next[i]) * UINT64_C(0x100000001b3);
    return hash;
}
