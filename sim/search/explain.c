/*
 * What a failure is, in words: what failed, how it came about, when nothing could be done any more,
 * and the command that repeats it.
 *
 * The schedule is told in turns: what a thread did from when it went on until another one did.
 * Looks at the clock are left out; a program that sleeps makes hundreds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "search/array.h"
#include "search/search_internal.h"

#define TURNS_MAX 12           /* more are not told, but for the last ones */
#define TURNS_AFTER 2          /* the last departure, when it hangs */
#define ENDLESS_TIMES 20u      /* from then on it seems to be for ever */
#define OPERATIONS_TOLD 3      /* of one turn */
#define TEXT_SIZE 256
#define KEY_MASK UINT32_MAX

static const struct run *told;
static uint32_t *steps;        /* of the run that are told: indexes */
static uint32_t step_count, step_room;

const char *outcome_name(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_NONE:
    case OUTCOME_ABANDONED:
        return "no end";
    case OUTCOME_PASSED:
        return "no failure";
    case OUTCOME_DEADLOCK:
        return "deadlock";
    case OUTCOME_HANG:
        return "hang";
    case OUTCOME_CRASH:
        return "crash";
    case OUTCOME_PANIC:
        return "kernel panic";
    case OUTCOME_STATUS:
        return "wrong exit status";
    case OUTCOME_OUTPUT:
        return "wrong output";
    case OUTCOME_REFUSED:
        return "refused program";
    }
    __builtin_unreachable();
}

int outcome_status(const struct run *run)
{
    switch (run->outcome) {
    case OUTCOME_NONE:
    case OUTCOME_PASSED:
    case OUTCOME_ABANDONED:
        return 0;
    case OUTCOME_DEADLOCK:
        return EXIT_DEADLOCK;
    case OUTCOME_HANG:
        return EXIT_TIME_LIMIT;
    case OUTCOME_CRASH:
        return run->status;
    case OUTCOME_PANIC:
        return EXIT_PANIC;
    case OUTCOME_STATUS:
        return run->status != 0 ? run->status & 0xff : 1;
    case OUTCOME_OUTPUT:
        return 1;
    case OUTCOME_REFUSED:
        return EXIT_REFUSED;
    }
    __builtin_unreachable();
}

/* ---- Names --------------------------------------------------------------------------------- */

static void describe_place(uint64_t root, uint64_t instruction, char *text, size_t size)
{
    char place[TEXT_SIZE / 2];
    size_t length = instruction ? machine_describe_address(root, instruction, place,
                                                           sizeof(place)) : 0;
    char *plus, *open;

    *text = '\0';
    if (length == 0 || length >= sizeof(place))
        return;
    place[length] = '\0';
    plus = strchr(place, '+');
    open = strchr(place, '(');
    if (plus)
        *plus = '\0';
    else if (open && open > place)
        open[-1] = '\0';
    if (open) {
        open[strcspn(open, ")")] = '\0';
        snprintf(text, size, " (%s, %s)", place, open + 1);
    } else {
        snprintf(text, size, " (%s)", place);
    }
}

static void describe_thread(uint32_t index, char *text, size_t size)
{
    const struct run_thread *thread = &told->threads[index];

    if (!thread->process)
        snprintf(text, size, "kernel thread %d", thread->id);
    else if (thread->process == thread->id)
        snprintf(text, size, "process %d", thread->process);
    else
        snprintf(text, size, "thread %d of process %d", thread->id, thread->process);
}

/* What an operation does, or is about to do; `started`: the process that it has started, or 0. */
static void describe_operation(const struct operation *operation, int32_t started, char *text,
                               size_t size)
{
    unsigned long long object = operation->object;

    switch ((enum object_kind)operation->object_kind) {
    case OBJECT_NONE:
        snprintf(text, size, "computes");
        return;
    case OBJECT_SEMAPHORE:
        snprintf(text, size, "%s semaphore %llu",
                 operation->access == OPERATION_TAKE ? "takes" :
                 operation->access == OPERATION_GIVE ? "signals" : "makes or removes",
                 object & KEY_MASK);
        return;
    case OBJECT_PROCESS:
        if (operation->access == OPERATION_TAKE)
            snprintf(text, size, "sees the end of process %llu", object);
        else if (operation->access == OPERATION_GIVE)
            snprintf(text, size, "ends");
        else if (started)
            snprintf(text, size, "starts process %d", started);
        else
            snprintf(text, size, "asks about processes");
        return;
    case OBJECT_CONSOLE:
        snprintf(text, size, "%s", operation->access == OPERATION_READ ? "reads" : "writes");
        return;
    case OBJECT_MEMORY:
        snprintf(text, size, "asks for memory");
        return;
    case OBJECT_FILE:
        snprintf(text, size, "uses a file");
        return;
    case OBJECT_CLOCK:
        snprintf(text, size, "looks at the clock");
        return;
    case OBJECT_FUTEX:
        snprintf(text, size, "uses a futex");
        return;
    case OBJECT_EVERYTHING:
        snprintf(text, size, operation->access == OPERATION_GIVE ? "ends, and the run with it"
                                                                 : "makes call %u",
                 operation->call);
        return;
    }
}

static int32_t started_by(const struct run_step *step)
{
    for (uint32_t i = 0; i < told->thread_count; i++) {
        const struct run_thread *thread = &told->threads[i];

        if (thread->present && thread->parent == step->thread && thread->birth == step->nth + 1)
            return thread->process;
    }
    return 0;
}

/* ---- Turns --------------------------------------------------------------------------------- */

static void choose_steps(void)
{
    step_count = 0;
    ARRAY_GROW(steps, step_room, told->step_count + 1);
    for (uint32_t i = execute_base()->step_count; i < told->step_count; i++) {
        if (told->steps[i].operation.object_kind != OBJECT_CLOCK)
            steps[step_count++] = i;
    }
}

/* Positions in `steps` from here on. */
static const struct run_step *step_at(uint32_t position)
{
    return &told->steps[steps[position]];
}

static uint32_t turn_end(uint32_t start)
{
    uint32_t end = start;

    while (end < step_count && step_at(end)->thread == step_at(start)->thread)
        end++;
    return end;
}

static bool was_preempted(uint32_t end)
{
    const struct run_step *last = step_at(end - 1);
    uint32_t after = steps[end - 1] + 1;

    for (uint32_t i = last->decision; i < told->decision_count; i++) {
        if (told->decisions[i].step == after && told->decisions[i].current == last->thread)
            return told->decisions[i].preempts;
        if (told->decisions[i].step > after)
            break;
    }
    return false;
}

/* What the thread of a turn does after it: its next operation in the run, or the one that it still
 * waits for. */
static const struct operation *operation_after(uint32_t end, uint64_t *root)
{
    uint32_t thread = step_at(end - 1)->thread;

    for (uint32_t i = end; i < step_count; i++) {
        if (step_at(i)->thread == thread) {
            *root = step_at(i)->root;
            return &step_at(i)->operation;
        }
    }
    *root = told->threads[thread].root;
    return told->threads[thread].announced ? &told->threads[thread].next : NULL;
}

static void print_operation(const struct run_step *step, const char *before)
{
    char what[TEXT_SIZE], place[TEXT_SIZE];

    describe_operation(&step->operation, started_by(step), what, sizeof(what));
    describe_place(step->root, step->operation.instruction, place, sizeof(place));
    printf("%s%s%s", before, what, place);
}

static void print_operations(uint32_t start, uint32_t end)
{
    uint32_t first = start;

    if (end - start > OPERATIONS_TOLD) {
        printf(" makes %u calls;", end - start - OPERATIONS_TOLD + 1);
        first = end - OPERATIONS_TOLD + 1;
    }
    for (uint32_t i = first; i < end; i++)
        print_operation(step_at(i), i == first ? " " : i + 1 == end ? " and " : ", ");
}

/* It sleeps, as programs do that have nothing else to tell the time by. */
static bool looks_at_clock(uint32_t end)
{
    uint32_t thread = step_at(end - 1)->thread;

    for (uint32_t i = steps[end - 1] + 1; i < told->step_count; i++) {
        if (told->steps[i].thread == thread)
            return told->steps[i].operation.object_kind == OBJECT_CLOCK;
    }
    return told->threads[thread].announced &&
           told->threads[thread].next.object_kind == OBJECT_CLOCK;
}

static void print_reason(uint32_t end)
{
    char place[TEXT_SIZE];
    uint64_t root;
    const struct operation *next = operation_after(end, &root);

    if (was_preempted(end)) {
        printf("; it is preempted");
        return;
    }
    if (looks_at_clock(end)) {
        printf("; it waits for its time");
        return;
    }
    if (!next || next->access != OPERATION_TAKE)
        return;
    describe_place(root, next->instruction, place, sizeof(place));
    if (next->object_kind == OBJECT_SEMAPHORE)
        printf("; it has to wait for semaphore %llu%s",
               (unsigned long long)(next->object & KEY_MASK), place);
    else if (next->object_kind == OBJECT_PROCESS)
        printf("; it has to wait for the end of process %llu%s",
               (unsigned long long)next->object, place);
}

static uint32_t print_turn(uint32_t start)
{
    uint32_t end = turn_end(start);
    char name[TEXT_SIZE];

    describe_thread(step_at(start)->thread, name, sizeof(name));
    printf("  %s", name);
    print_operations(start, end);
    print_reason(end);
    putchar('\n');
    return end;
}

static unsigned count_turns(uint32_t start, uint32_t end)
{
    unsigned count = 0;

    for (; start < end; start = turn_end(start))
        count++;
    return count;
}

/* A run that hangs is told until shortly after it has left the usual order for the last time: from
 * there on it repeats itself. */
static uint32_t story_end(void)
{
    uint32_t departed = run_last_departure(told);
    uint32_t end = 0;

    if (told->outcome != OUTCOME_HANG)
        return step_count;
    while (end < step_count && steps[end] < departed)
        end = turn_end(end);
    for (unsigned i = 0; i < TURNS_AFTER && end < step_count; i++)
        end = turn_end(end);
    return end;
}

/* What a thread that hangs does for ever, judged by the last that it did. */
static void print_endless_thread(uint32_t thread, uint32_t from)
{
    const struct run_step *last = NULL;
    char name[TEXT_SIZE];
    uint32_t times = 0;

    for (uint32_t i = from; i < told->step_count; i++) {
        if (told->steps[i].thread == thread) {
            last = &told->steps[i];
            times++;
        }
    }
    if (!last || times < ENDLESS_TIMES)
        return;
    describe_thread(thread, name, sizeof(name));
    printf("  %s", name);
    print_operation(last, " ");
    printf("; and so on without an end (%u times in this run)\n", times);
}

static void print_endless(uint32_t end)
{
    uint32_t from = end > 0 ? steps[end - 1] + 1 : execute_base()->step_count;
    uint32_t last = told->decision_count > 0 ? told->decisions[told->decision_count - 1].chosen
                                             : RUN_NOBODY;
    char name[TEXT_SIZE];

    for (uint32_t thread = 0; thread < told->thread_count; thread++)
        print_endless_thread(thread, from);
    if (told->step_count - from >= ENDLESS_TIMES || last == RUN_NOBODY)
        return;
    describe_thread(last, name, sizeof(name));
    printf("  %s computes without an end\n", name);
}

static void print_turns(void)
{
    uint32_t start = 0;
    uint32_t end;
    unsigned turns;

    choose_steps();
    end = story_end();
    turns = count_turns(start, end);

    if (turns > TURNS_MAX) {
        unsigned skipped = turns - TURNS_MAX + 1;

        printf("  ... %u turns of threads before ...\n", skipped);
        for (unsigned i = 0; i < skipped; i++)
            start = turn_end(start);
    }
    while (start < end)
        start = print_turn(start);
    if (told->outcome == OUTCOME_HANG)
        print_endless(end);
}

/* ---- All of it ----------------------------------------------------------------------------- */

static void print_no_return(uint32_t step)
{
    char name[TEXT_SIZE];

    if (step == UINT32_MAX)
        return;
    describe_thread(told->steps[step].thread, name, sizeof(name));
    printf("point of no return: %s", name);
    print_operation(&told->steps[step], " ");
    printf("; from there on every continuation that was tried fails\n");
}

/* What the run itself said: the kernel's report, and what a failed program printed. */
static void print_output(void)
{
    size_t length;
    const char *text = execute_log(&length);

    fwrite(text, 1, length, stdout);
    text = execute_output(&length);
    if (told->outcome == OUTCOME_DEADLOCK || length == 0)
        return;
    printf("its output:\n");
    fwrite(text, 1, length, stdout);
    if (text[length - 1] != '\n')
        putchar('\n');
}

static void print_headline(void)
{
    printf("%s", outcome_name(told->outcome));
    if (told->outcome == OUTCOME_STATUS)
        printf(": %d, not %d", told->status, search_settings.expect_status);
    else if (told->outcome == OUTCOME_OUTPUT)
        printf(": not that of %s", search_settings.expect_output);
    else if (told->outcome == OUTCOME_CRASH)
        printf(" by signal %d", told->status - 128);
    printf("\n");
}

void explain(const struct minimal *minimal)
{
    told = &minimal->run;
    print_headline();
    print_output();
    printf("how it came about (%u preemption%s, found with %u; %" PRIu64
           " runs to make it simple):\n",
           run_preemptions(told), run_preemptions(told) == 1 ? "" : "s",
           minimal->preemptions_before, minimal->runs);
    print_turns();
    print_no_return(minimal->no_return);
    command_print(minimal);
}
