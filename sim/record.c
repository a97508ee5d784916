/*
 * Writing and reading recordings.
 *
 * An entry is a tag and numbers; a number is a little-endian base-128 varint, a signed one is
 * zigzag-coded.  The file ends with a checksum of everything before, so that one which was cut
 * short or changed is known before the replay starts; it is read as a whole.
 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "record_internal.h"
#include "sim.h"

#define BUFFER_SIZE 65536u
#define VARINT_MAX 10
#define TAG_EVENT 'E'
#define TAG_END 'Z'
#define CHECKSUM_SIZE 8u

static int output = -1;
static const char *output_name;
static unsigned char buffer[BUFFER_SIZE];
static size_t buffered;
static uint64_t written_size;
static uint64_t checksum = DIGEST_INITIAL;

static const unsigned char *input;      /* NULL: no replay */
static size_t input_size, input_next;
static const char *input_name;

static uint64_t last_time_ns;           /* of the last event, in either direction */
static bool ended;

bool record_is_recording(void)
{
    return output >= 0 && !ended;
}

bool record_is_replay(void)
{
    return input != NULL;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void flush(void)
{
    size_t done = 0;

    while (done < buffered) {
        ssize_t written = write(output, buffer + done, buffered - done);

        if (written < 0 && errno != EINTR) {
            output = -1;
            refuse("cannot write the recording %s: %s", output_name, strerror(errno));
        }
        if (written > 0)
            done += (size_t)written;
    }
    buffered = 0;
}

void record_bytes(const void *bytes, size_t size)
{
    const unsigned char *from = bytes;

    if (!record_is_recording())
        return;
    checksum = digest_add(checksum, bytes, size);
    written_size += size;
    while (size > 0) {
        size_t room = BUFFER_SIZE - buffered;
        size_t part = size < room ? size : room;

        memcpy(buffer + buffered, from, part);
        buffered += part;
        from += part;
        size -= part;
        if (buffered == BUFFER_SIZE)
            flush();
    }
}

void record_tag(char tag)
{
    record_bytes(&tag, 1);
}

void record_number(uint64_t number)
{
    unsigned char bytes[VARINT_MAX];
    size_t count = 0;

    do {
        bytes[count] = (unsigned char)(number & 0x7f);
        number >>= 7;
        bytes[count++] |= number ? 0x80 : 0;
    } while (number);
    record_bytes(bytes, count);
}

void record_signed(int64_t number)
{
    record_number((uint64_t)number << 1 ^ (uint64_t)(number >> 63));
}

uint64_t record_written(void)
{
    return written_size;
}

void record_text(const char *text)
{
    record_number(strlen(text));
    record_bytes(text, strlen(text));
}

void record_start(const char *name)
{
    output_name = name;
    output = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    if (output < 0)
        refuse("cannot write the recording %s: %s", name, strerror(errno));
    record_bytes(RECORD_MAGIC, sizeof(RECORD_MAGIC) - 1);
}

/* ---- Reading -------------------------------------------------------------------------------- */

static void load(const char *name)
{
    int descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (descriptor < 0 || fstat(descriptor, &status) != 0)
        refuse("cannot read the recording %s: %s", name, strerror(errno));
    if (!S_ISREG(status.st_mode))
        refuse("%s is not a recording of Eft: it is no regular file", name);
    input_name = name;
    input_size = (size_t)status.st_size;
    if (input_size > 0) {
        void *map = mmap(NULL, input_size, PROT_READ, MAP_PRIVATE, descriptor, 0);

        if (map == MAP_FAILED)
            refuse("cannot read the recording %s: %s", name, strerror(errno));
        input = map;
    }
    close(descriptor);
}

void record_load(const char *name)
{
    static const char magic[] = RECORD_MAGIC;
    const size_t kind = sizeof(RECORD_KIND) - 1, whole = sizeof(magic) - 1;
    uint64_t expected;

    load(name);
    if (input_size < kind || memcmp(input, magic, kind) != 0)
        refuse("%s is not a recording of Eft", name);
    if (input_size < whole || memcmp(input, magic, whole) != 0)
        refuse("%s is a recording of another version of Eft; this one reads version %s", name,
               RECORD_VERSION);
    if (input_size < whole + CHECKSUM_SIZE)
        refuse("the recording %s is cut short", name);
    input_size -= CHECKSUM_SIZE;
    memcpy(&expected, input + input_size, sizeof(expected));
    if (digest_add(DIGEST_INITIAL, input, input_size) != expected)
        refuse("the recording %s is cut short or damaged", name);
    input_next = whole;
}

void record_seek(size_t place)
{
    if (place > input_size)
        record_damaged();
    input_next = place;
}

size_t record_place(void)
{
    return input_next;
}

size_t record_size(void)
{
    return input_size;
}

void record_damaged(void)
{
    sim_note("the recording %s makes no sense at byte %zu", input_name, input_next);
    host_restore();
    _exit(EXIT_DIVERGED);
}

static unsigned char take_byte(void)
{
    if (input_next >= input_size)
        record_damaged();
    return input[input_next++];
}

uint64_t record_take_number(void)
{
    uint64_t number = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned char byte = take_byte();

        number |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return number;
    }
    record_damaged();
}

int64_t record_take_signed(void)
{
    uint64_t number = record_take_number();

    return (int64_t)(number >> 1 ^ -(number & 1));
}

void record_take_bytes(void *bytes, size_t size)
{
    if (size > input_size - input_next)
        record_damaged();
    memcpy(bytes, input + input_next, size);
    input_next += size;
}

char *record_take_text(void)
{
    uint64_t length = record_take_number();

    if (length > input_size - input_next)
        record_damaged();

    char *text = malloc(length + 1);

    if (!text)
        refuse("no memory");
    record_take_bytes(text, length);
    text[length] = '\0';
    return text;
}

bool record_next_is(char tag, uint64_t point)
{
    size_t place = input_next;

    if (place < input_size && input[place] == (unsigned char)tag) {
        input_next++;
        if (record_take_number() == point)
            return true;
    }
    input_next = place;
    return false;
}

/* ---- Divergence ----------------------------------------------------------------------------- */

static void describe_entry(char *text, size_t size)
{
    struct observer_event event;

    if (input_next >= input_size) {
        snprintf(text, size, "nothing more");
        return;
    }
    switch (take_byte()) {
    case TAG_EVENT:
        record_take_event(&event);
        journal_describe(&event, text, size);
        break;
    case 'I':
        snprintf(text, size, "an interrupt from outside");
        break;
    case 'B':
        snprintf(text, size, "the end of a slice");
        break;
    case 'K':
    case 'R':
        snprintf(text, size, "input");
        break;
    case 'W':
        snprintf(text, size, "output");
        break;
    case 'S':
        snprintf(text, size, "a question for the size of the terminal");
        break;
    default:
        snprintf(text, size, "the end of the run");
        break;
    }
}

static _Noreturn void diverge(size_t place, const char *got)
{
    char expected[160];

    input_next = place;
    describe_entry(expected, sizeof(expected));
    host_restore();
    sim_note("the replay diverges at event %" PRIu64 ": expected %s, got %s%s", journal_count(),
             expected, got, cpu_count() > 1 ? " (recorded with other --trace, --stats or "
                                              "--leak-check?)" : "");
    _exit(EXIT_DIVERGED);
}

bool record_expect_tag(char tag)
{
    static const struct {
        char tag;
        const char *name;
    } names[] = {
        { 'K', "input from the terminal" },
        { 'R', "a read of a standard stream" },
        { 'W', "a write to a standard stream" },
        { 'S', "a question for the size of the terminal" },
    };
    const char *name = "something else";

    if (input_next < input_size && input[input_next] == (unsigned char)tag) {
        input_next++;
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].tag == tag)
            name = names[i].name;
    }
    diverge(input_next, name);
}

/* ---- Events --------------------------------------------------------------------------------- */

static void write_event(const struct observer_event *event)
{
    record_tag(TAG_EVENT);
    record_number(event->kind);
    record_number(event->cpu);
    record_number(event->time_ns - last_time_ns);
    for (int i = 0; i < 3; i++)
        record_number(event->numbers[i]);
    last_time_ns = event->time_ns;
}

void record_take_event(struct observer_event *event)
{
    event->kind = (uint32_t)record_take_number();
    event->cpu = (uint32_t)record_take_number();
    event->time_ns = last_time_ns + record_take_number();
    for (int i = 0; i < 3; i++)
        event->numbers[i] = record_take_number();
}

static void compare_event(const struct observer_event *event)
{
    size_t place = input_next;
    struct observer_event expected;
    char got[160];

    if (place < input_size && input[place] == TAG_EVENT) {
        input_next++;
        record_take_event(&expected);
        if (journal_same(event, &expected)) {
            last_time_ns = event->time_ns;
            return;
        }
    }
    journal_describe(event, got, sizeof(got));
    diverge(place, got);
}

void record_event(const struct observer_event *event)
{
    if (ended)
        return;
    if (input)
        compare_event(event);
    else if (output >= 0)
        write_event(event);
}

/* ---- The end -------------------------------------------------------------------------------- */

static void finish_recording(int status)
{
    record_tag(TAG_END);
    record_number(journal_count());
    record_number(journal_hash());
    record_number((uint64_t)status);
    record_files_write();

    uint64_t sum = checksum;

    record_bytes(&sum, sizeof(sum));
    flush();
    ended = true;
}

static int finish_replay(int status)
{
    size_t place = input_next;

    if (place >= input_size || take_byte() != TAG_END)
        diverge(place, "the end of the run");

    uint64_t count = record_take_number();
    uint64_t hash = record_take_number();
    int expected = (int)record_take_number();

    ended = true;
    if (count == journal_count() && hash == journal_hash() && expected == status)
        return status;
    sim_note("the replay diverges at its end: exit status %d, output or number of events (%" PRIu64
             ") are not those of the recording (%d, %" PRIu64 ")",
             status, journal_count(), expected, count);
    return EXIT_DIVERGED;
}

int record_finish(int status)
{
    if (ended)
        return status;
    if (input)
        return finish_replay(status);
    if (output >= 0)
        finish_recording(status);
    return status;
}
