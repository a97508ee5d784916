/*
 * Trace rings.
 *
 * A record is 32 bytes: three numbers, and one word with the event and a sequence number that all
 * CPUs share, which gives the order of records of different CPUs without reading a clock.  (Times
 * are in the numbers of some events, such as `switch`.)
 *
 * Writers take no lock: each CPU writes its own ring.  An interrupt between the two halves of
 * `next++` may cost one record.  The reader copies a record and takes it only if its sequence
 * number did not change meanwhile.
 */
#include "debug/trace.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "config.h"
#include "lib/format.h"
#include "machine/machine.h"
#include "machine/observer.h"

#define EVENT_BITS 8
#define LINE_SIZE 160

struct trace_entry {
    _Atomic uint64_t sequence_and_event;    /* 0: empty or being written */
    _Atomic uint64_t numbers[3];
};

struct trace_ring {
    _Atomic uint64_t next;
    struct trace_entry entries[TRACE_RING_EVENTS];
};

_Static_assert(sizeof(struct trace_entry) == 32, "two records fit a cache line");
_Static_assert(TRACE_EVENT_COUNT < (1 << EVENT_BITS), "events fit their bits");

/* Not touched until a CPU writes, so the rings of absent CPUs take no memory. */
static struct trace_ring rings[CPUS_MAX];
static _Atomic uint64_t last_sequence;

static const char *const formats[] = {
#define EVENT(name, format) format,
#include "debug/events.def"
#undef EVENT
};

/* Each store is seen only after those before it, each load happens before those after it. */
static void store(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

static uint64_t load(_Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

static void observe(enum trace_event event, uint64_t a, uint64_t b, uint64_t c)
{
    const struct observer_event seen = {
        .time_ns = machine_time_ns(),
        .kind = event,
        .cpu = machine_cpu_index(),
        .numbers = { a, b, c },
    };

    machine_info()->observer->event(&seen);
}

void trace_record(enum trace_event event, uint64_t a, uint64_t b, uint64_t c)
{
    struct trace_ring *ring = &rings[machine_cpu_index()];
    uint64_t slot = load(&ring->next);
    struct trace_entry *entry = &ring->entries[slot % TRACE_RING_EVENTS];
    uint64_t sequence = atomic_fetch_add_explicit(&last_sequence, 1, memory_order_relaxed) + 1;

    store(&ring->next, slot + 1);
    store(&entry->sequence_and_event, 0);    /* new numbers are not seen with the old head */
    store(&entry->numbers[0], a);
    store(&entry->numbers[1], b);
    store(&entry->numbers[2], c);
    store(&entry->sequence_and_event, sequence << EVENT_BITS | event);
    if (__builtin_expect(machine_info()->observer != NULL, 0))
        observe(event, a, b, c);
}

/* ---- Reading ------------------------------------------------------------------------------- */

struct record {
    uint64_t sequence;
    unsigned event;
    unsigned cpu;
    uint64_t numbers[3];
};

/* False if the entry is empty or was written meanwhile. */
static bool read_entry(struct trace_entry *entry, struct record *record)
{
    uint64_t head = load(&entry->sequence_and_event);

    for (int i = 0; i < 3; i++)
        record->numbers[i] = load(&entry->numbers[i]);
    record->sequence = head >> EVENT_BITS;
    record->event = head & ((1u << EVENT_BITS) - 1);
    return head != 0 && load(&entry->sequence_and_event) == head;
}

/* The oldest record of a CPU with at least this sequence number.  Its ring is in order, so the
 * search goes back from the newest. */
static bool find_first_from(unsigned cpu, uint64_t sequence, struct record *found)
{
    struct trace_ring *ring = &rings[cpu];
    uint64_t next = load(&ring->next);
    uint64_t oldest = next > TRACE_RING_EVENTS ? next - TRACE_RING_EVENTS : 0;
    struct record record;
    bool any = false;

    for (uint64_t slot = next; slot > oldest; slot--) {
        if (!read_entry(&ring->entries[(slot - 1) % TRACE_RING_EVENTS], &record))
            continue;
        if (record.sequence < sequence)
            break;
        *found = record;
        found->cpu = cpu;
        any = true;
    }
    return any;
}

/* The oldest record of all CPUs with at least this sequence number. */
static bool find_next(uint64_t sequence, struct record *oldest)
{
    struct record record;
    bool any = false;

    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++) {
        if (!find_first_from(cpu, sequence, &record))
            continue;
        if (!any || record.sequence < oldest->sequence)
            *oldest = record;
        any = true;
    }
    return any;
}

/* The formats are in events.def, checked against the three numbers by a test. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
static void print_record(const struct record *record, void (*sink)(const char *line))
{
    char line[LINE_SIZE];
    struct text_builder builder;

    text_builder_init(&builder, line, sizeof(line));
    text_builder_add(&builder, "[%u] %llu ", record->cpu, (unsigned long long)record->sequence);
    text_builder_add(&builder, formats[record->event], (unsigned long long)record->numbers[0],
                     (unsigned long long)record->numbers[1],
                     (unsigned long long)record->numbers[2]);
    sink(line);
}
#pragma GCC diagnostic pop

void trace_print_last(size_t count, void (*sink)(const char *line))
{
    uint64_t end = atomic_load_explicit(&last_sequence, memory_order_relaxed);
    uint64_t sequence = end > count ? end - count + 1 : 1;
    struct record record;

    while (find_next(sequence, &record) && record.sequence <= end) {
        print_record(&record, sink);
        sequence = record.sequence + 1;
    }
}
