/*
 * The journal: counts and hashes what happens in a watched run.
 *
 * The hash is FNV-1a over the words of each event.  It covers everything that the kernel tells an
 * observer, and all bytes of output; the kernel's own messages for people are not part of it.
 */
#include "journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chooser.h"
#include "record.h"
#include "record_internal.h"
#include "sim.h"
#include "verify.h"

#define DIGEST_FACTOR UINT64_C(0x100000001b3)

static uint64_t count;
static uint64_t hash = DIGEST_INITIAL;

static const struct {
    const char *name, *format;
} kinds[] = {
#define EVENT(name, format) { #name, format },
#include "debug/events.def"
#undef EVENT
};

uint64_t digest_add(uint64_t digest, const void *bytes, size_t size)
{
    const unsigned char *next = bytes;

    for (size_t i = 0; i < size; i++)
        digest = (digest ^ next[i]) * DIGEST_FACTOR;
    return digest;
}

uint64_t journal_count(void)
{
    return count;
}

uint64_t journal_hash(void)
{
    return hash;
}

static void hash_word(uint64_t word)
{
    hash = (hash ^ word) * DIGEST_FACTOR;
    hash ^= hash >> 32;
}

static void happened(const struct observer_event *event)
{
    hash_word((uint64_t)event->kind << 32 | event->cpu);
    hash_word(event->time_ns);
    for (int i = 0; i < 3; i++)
        hash_word(event->numbers[i]);
    record_event(event);
    verify_event(event);
    count++;
}

void journal_init(void)
{
    chooser_listen(happened);
}

void journal_output(unsigned stream, const void *bytes, size_t size)
{
    if (!chooser_is_active() || size == 0)
        return;

    const struct observer_event event = {
        .time_ns = machine_time_ns(),
        .kind = JOURNAL_OUTPUT,
        .cpu = machine_cpu_index(),
        .numbers = { stream, size, digest_add(DIGEST_INITIAL, bytes, size) },
    };

    happened(&event);
}

bool journal_same(const struct observer_event *a, const struct observer_event *b)
{
    return a->kind == b->kind && a->cpu == b->cpu && a->time_ns == b->time_ns &&
           memcmp(a->numbers, b->numbers, sizeof(a->numbers)) == 0;
}

void journal_describe(const struct observer_event *event, char *text, size_t size)
{
    const char *name = "unknown";
    size_t used;

    if (event->kind == JOURNAL_OUTPUT)
        name = "output";
    else if (event->kind < sizeof(kinds) / sizeof(kinds[0]))
        name = kinds[event->kind].name;
    used = (size_t)snprintf(text, size, "%s(%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ")", name,
                            event->numbers[0], event->numbers[1], event->numbers[2]);
    if (used < size)
        snprintf(text + used, size - used, " on CPU %u at %" PRIu64 " ns", event->cpu,
                 event->time_ns);
}
