/*
 * The standard streams of the runner's process as channels 0, 1 and 2.
 *
 * Each operation is a question to the runner, which does it without waiting and answers: so all is
 * exactly as on the host, position and flags of a shared file too.  After -EAGAIN the runner tells
 * when the stream is ready.
 *
 * A posted stream is written without an answer, and never full: then nothing the host does can
 * change the course of a run, which runs that are to be repeatable need.
 */
#include "machine/x86_64/channel.h"

#include "device/channel.h"
#include "lib/error.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "machine/x86_64/link.h"
#include "machine/x86_64/port.h"

#define CHANNELS 3
#define TRANSFER_MAX 32768u

/* Of LINK_CALL; the runner knows it as "<BBxxxxxxqq". */
struct channel_question {
    uint8_t operation, channel, reserved[6];
    int64_t number, second;
};
enum channel_operation {
    CHANNEL_READ = 'r',        /* size */
    CHANNEL_WRITE = 'w',       /* the data follow */
    CHANNEL_SEEK = 'k',        /* offset, whence */
    CHANNEL_STATUS = 's',
    CHANNEL_POLL = 'p',        /* wanted */
};
/* The answer: a result, then bytes. */
#define RESULT_SIZE 8

struct channel {
    enum channel_kind kind;
    bool is_posted;
    struct channel_status status;
};

static struct channel channels[CHANNELS];
static _Atomic bool answer_lock;
/* Protected by `answer_lock`; too large for a stack. */
static uint8_t answer[RESULT_SIZE + TRANSFER_MAX];

/* ---- The boot file ------------------------------------------------------------------------- */

static uint64_t next_number(const char **text)
{
    uint64_t value = 0;

    while (**text == ' ')
        (*text)++;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        value = value * 10 + (uint64_t)(**text - '0');
    return value;
}

static enum channel_kind kind_of(const char *text)
{
    if (text_starts_with(text, "terminal"))
        return CHANNEL_TERMINAL;
    if (text_starts_with(text, "file"))
        return CHANNEL_FILE;
    if (text_starts_with(text, "stream") || text_starts_with(text, "posted"))
        return CHANNEL_STREAM;
    return CHANNEL_ABSENT;
}

static const struct channel_operations operations;

void channel_add(const char *text)
{
    uint64_t number = next_number(&text);
    struct channel *channel;

    if (number >= CHANNELS || *text++ != ' ')
        port_refuse("the boot file: wrong channel");
    channel = &channels[number];
    channel->kind = kind_of(text);
    channel->is_posted = text_starts_with(text, "posted");
    while (*text && *text != ' ')
        text++;
    channel->status.mode = (uint32_t)next_number(&text);
    channel->status.flags = (uint32_t)next_number(&text);
    channel->status.inode = next_number(&text);
    channel->status.device = next_number(&text);
    channel->status.device_id = next_number(&text);
    info_edit()->channels = &operations;
}

/* ---- Questions ----------------------------------------------------------------------------- */

/* The answer's bytes go to `data`.  Returns the result. */
static int64_t ask(const struct channel_question *question, struct link_part body, void *data,
                   size_t room)
{
    bool were_on = lock_take(&answer_lock);
    int64_t length = link_ask(LINK_CALL, (struct link_part){ question, sizeof(*question) }, body,
                              answer, sizeof(answer));
    int64_t result = -EIO;

    if (length >= RESULT_SIZE) {
        memcpy(&result, answer, sizeof(result));
        if ((uint64_t)length - RESULT_SIZE < room)
            room = (size_t)length - RESULT_SIZE;
        if (room > 0)
            memcpy(data, answer + RESULT_SIZE, room);
    }
    lock_release(&answer_lock, were_on);
    return result;
}

static enum channel_kind channel_kind_of(unsigned number)
{
    return channels[number].kind;
}

static int64_t channel_read(unsigned number, void *buffer, size_t size)
{
    struct channel_question question = { CHANNEL_READ, (uint8_t)number, { 0 }, 0, 0 };

    if (size > TRANSFER_MAX)
        size = TRANSFER_MAX;
    question.number = (int64_t)size;
    return ask(&question, (struct link_part){ NULL, 0 }, buffer, size);
}

static int64_t channel_write(unsigned number, const void *buffer, size_t size)
{
    struct channel_question question = { CHANNEL_WRITE, (uint8_t)number, { 0 }, 0, 0 };

    if (size > TRANSFER_MAX)
        size = TRANSFER_MAX;
    if (!channels[number].is_posted)
        return ask(&question, (struct link_part){ buffer, size }, NULL, 0);
    link_send(LINK_WRITE, (struct link_part){ &question.channel, 1 },
              (struct link_part){ buffer, size });
    return (int64_t)size;
}

static int64_t channel_seek(unsigned number, int64_t offset, int whence)
{
    struct channel_question question = { CHANNEL_SEEK, (uint8_t)number, { 0 }, offset, whence };

    return ask(&question, (struct link_part){ NULL, 0 }, NULL, 0);
}

static int channel_status_of(unsigned number, struct channel_status *status)
{
    struct channel_question question = { CHANNEL_STATUS, (uint8_t)number, { 0 }, 0, 0 };

    *status = channels[number].status;
    if (channels[number].is_posted)
        return 0;
    return (int)ask(&question, (struct link_part){ NULL, 0 }, status, sizeof(*status));
}

static uint32_t channel_ready(unsigned number, uint32_t wanted)
{
    struct channel_question question = { CHANNEL_POLL, (uint8_t)number, { 0 }, wanted, 0 };
    int64_t ready;

    if (channels[number].is_posted)
        return CHANNEL_WRITABLE;
    ready = ask(&question, (struct link_part){ NULL, 0 }, NULL, 0);
    return ready < 0 ? CHANNEL_ERROR : (uint32_t)ready;
}

static const struct channel_operations operations = {
    .count = CHANNELS,
    .kind = channel_kind_of,
    .read = channel_read,
    .write = channel_write,
    .seek = channel_seek,
    .status = channel_status_of,
    .ready = channel_ready,
};
