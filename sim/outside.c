/*
 * The world outside, in runs that repeat.
 *
 * With a seed alone nothing comes in by itself: standard input is read when the guest asks
 * (stream.c), and the host waits.  Only a terminal has its own time; that cannot be repeated from a
 * seed, but it can be recorded: an interrupt comes in at a point, points are counted, and the
 * number of the point goes into the recording.
 */
#include "outside.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record.h"
#include "sim.h"

#define TAG_INTERRUPT 'I'
#define TAG_READ 'R'
#define TAG_SLICE 'B'

static bool interactive;
static bool real_preemption;
static uint64_t points;             /* of the run so far */

void outside_init(const struct options *options)
{
    interactive = record_is_replay() ? options->interactive : isatty(STDIN_FILENO);
    real_preemption = options->real_preemption;
}

bool outside_is_interactive(void)
{
    return interactive;
}

bool outside_is_replayed(void)
{
    return record_is_replay();
}

bool outside_preempts_in_real_time(void)
{
    return real_preemption;
}

static void say_once(void)
{
    static bool said;

    if (said || record_is_recording() || record_is_replay())
        return;
    said = true;
    sim_note("input from a terminal comes when it comes: this run cannot be repeated from its seed "
             "alone (--record can; or give the input as a file)");
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static void let_in(uint32_t interrupts, uint64_t waited_ns)
{
    clock_advance(waited_ns);
    for (; interrupts; interrupts &= interrupts - 1)
        interrupt_raise(0, (enum machine_interrupt)__builtin_ctz(interrupts));
}

static void live_point(uint64_t waited_ns)
{
    uint32_t interrupts = interrupt_take_outside();

    if (!interrupts)
        return;
    say_once();
    record_tag(TAG_INTERRUPT);
    record_number(points);
    record_number(interrupts);
    record_number(waited_ns);
    let_in(interrupts, waited_ns);
}

/* Returns whether the recording has something for this point. */
static bool replayed_point(void)
{
    if (!record_next_is(TAG_INTERRUPT, points))
        return false;

    uint32_t interrupts = (uint32_t)record_take_number();
    uint64_t waited_ns = record_take_number();

    let_in(interrupts, waited_ns);
    return true;
}

void outside_point(void)
{
    points++;
    if (record_is_replay())
        (void)replayed_point();
    else
        live_point(0);
}

/* A terminal: whoever types has time.  Virtual time waits for the real one here, or timers would
 * run away while a person thinks. */
static void wait_for_terminal(uint64_t deadline_ns)
{
    uint64_t now = machine_time_ns();
    uint64_t limit = deadline_ns == UINT64_MAX ? UINT64_MAX : deadline_ns - now;
    uint64_t began = clock_host_ns();
    uint64_t waited = 0;

    if (deadline_ns <= now)
        return;
    for (;;) {
        interrupt_collect();
        if (interrupt_outside_waits() || waited >= limit)
            break;
        signals_wait_host(limit == UINT64_MAX ? UINT64_MAX : limit - waited);
        waited = clock_host_ns() - began;
    }
    if (interrupt_outside_waits())
        live_point(waited < limit ? waited : limit);
    else
        clock_jump(deadline_ns);
}

/* The kernel notices that nothing can ever run again before it comes to this. */
static void jump(uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX) {
        sim_note("nothing can ever run again");
        machine_halt(MACHINE_HALT_DEADLOCK, 0);
    }
    clock_jump(deadline_ns);
}

void outside_idle(uint64_t deadline_ns)
{
    points++;
    if (record_is_replay()) {
        if (!replayed_point())
            jump(deadline_ns);
    } else if (interactive) {
        wait_for_terminal(deadline_ns);
    } else {
        jump(deadline_ns);
    }
}

/* ---- Answers ------------------------------------------------------------------------------- */

int64_t outside_answer(enum outside_question question, int64_t live)
{
    if (record_is_replay())
        return record_expect_tag((char)question) ? record_take_signed() : live;
    record_tag((char)question);
    record_signed(live);
    return live;
}

int64_t outside_bytes(unsigned channel, void *buffer, size_t size, int64_t live)
{
    if (record_is_replay()) {
        if (!record_expect_tag(TAG_READ) || record_take_number() != channel)
            record_damaged();
        live = record_take_signed();
        if (live > 0 && (uint64_t)live > size)
            record_damaged();
        if (live > 0)
            record_take_bytes(buffer, (size_t)live);
        return live;
    }
    record_tag(TAG_READ);
    record_number(channel);
    record_signed(live);
    if (live > 0)
        record_bytes(buffer, (size_t)live);
    return live;
}

/* ---- Slices that the host's alarm ended ---------------------------------------------------- */

void outside_slice_ended(uint64_t blocks)
{
    record_tag(TAG_SLICE);
    record_number(points);
    record_number(blocks);
}

int64_t outside_slice(void)
{
    if (!record_is_replay() || !record_next_is(TAG_SLICE, points))
        return -1;
    return (int64_t)record_take_number();
}

void outside_file_opened(int descriptor)
{
    if (record_is_recording())
        record_file(descriptor);
}
