/*
 * The link to the runner: messages.  Where their bytes go is the transports' affair.
 *
 * Output: `output_lock` is held for one message.  Input: whoever has `input_lock` takes the bytes
 * that have come, be it after an interrupt or while it waits for an answer.  Both are taken with
 * interrupts off, and given up waiting for after a while: in a panic the owner may be stopped.
 *
 * Invariant: one question is on its way at a time (`question_lock`), so an answer needs no number.
 */
#include "machine/x86_64/link.h"

#include "lib/memory.h"
#include "lib/text.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"
#include "machine/x86_64/transport.h"

#define ANSWER_WAIT_NS UINT64_C(20000000000)
/* Between looks at the port: each is an exit to QEMU, which has the answer to bring meanwhile. */
#define PAUSE_MIN_NS 5000
#define PAUSE_MAX_NS 80000
#define HEAD_SIZE 5
#define MESSAGES_AHEAD 32u
#define BYTES_AHEAD 32768u
#define INPUT_SIZE 512
#define KEYS_SIZE 1024    /* a power of two */
#define SIZE_BYTES 4

static const struct link_transport *transport;    /* NULL: no link */
static _Atomic bool output_lock, input_lock, question_lock;

/* The message that is arriving; protected by input_lock. */
static struct {
    uint8_t head[HEAD_SIZE];
    uint32_t received;            /* of the head, then of the body */
    uint8_t body[SIZE_BYTES];     /* of short messages */
    uint32_t raised;              /* bits of enum machine_interrupt */
} message;

/* The answer that is waited for; protected by question_lock, filled under input_lock. */
static struct {
    uint8_t *bytes;
    size_t room;
    uint32_t size;
    _Atomic bool is_complete;
} answer;

/* Typed keys; written under input_lock, read under it too. */
static uint8_t keys[KEYS_SIZE];
static uint32_t keys_written, keys_read;
static uint16_t terminal_rows, terminal_columns;

bool link_is_up(void)
{
    return transport != NULL;
}

static bool is_named(const struct link_transport *which, const char *option)
{
    return text_equal(option, which->name) && which->init();
}

static void choose_transport(const char *option)
{
    if (is_named(&transport_virtio, option))
        transport = &transport_virtio;
    else if (is_named(&transport_serial, option))
        transport = &transport_serial;
    else
        port_log("link=%s: there is no such device", option);
}

void link_init(void)
{
    const char *option = port_option("link");

    if (option)
        choose_transport(option);
    if (!transport)
        info_edit()->channels = NULL;    /* they are the runner's: all streams are the console */
}

void link_init_interrupts(void)
{
    if (!transport)
        return;
    transport->init_interrupts();
    link_interrupt();    /* what came before */
}

/* ---- Output -------------------------------------------------------------------------------- */

/* QEMU drops what a socket has no room for, and says nothing: so little is sent before the runner
 * has said that it has it all.  In a run with a seed nothing may come back: the risk stays. */
static void keep_pace(size_t size)
{
    static _Atomic uint32_t messages, bytes;

    if (atomic_fetch_add(&messages, 1) < MESSAGES_AHEAD &&
        atomic_fetch_add(&bytes, (uint32_t)size) < BYTES_AHEAD)
        return;
    messages = bytes = 0;
    if (!port_option("seed"))
        (void)link_ask(LINK_SYNC, (struct link_part){ NULL, 0 }, (struct link_part){ NULL, 0 },
                       NULL, 0);
}

static bool is_question(enum link_output kind)
{
    return kind == LINK_CALL || kind == LINK_DESCRIBE || kind == LINK_SYNC || kind == LINK_END;
}

void link_send(enum link_output kind, struct link_part head, struct link_part body)
{
    uint32_t size = (uint32_t)(head.size + body.size);
    uint8_t start[HEAD_SIZE + LINK_PART_MAX] = { (uint8_t)kind };
    bool were_on = lock_take(&output_lock);

    memcpy(start + 1, &size, sizeof(size));
    memcpy(start + HEAD_SIZE, head.bytes, head.size);
    transport->write(start, HEAD_SIZE + head.size);
    if (body.size > 0)
        transport->write(body.bytes, body.size);
    lock_release(&output_lock, were_on);
    if (!is_question(kind))
        keep_pace(size);
}

void link_send_end(enum machine_halt why, int status)
{
    uint8_t end[5] = { (uint8_t)why };

    memcpy(end + 1, &status, sizeof(status));
    if (transport)
        link_send(LINK_END, (struct link_part){ end, sizeof(end) }, (struct link_part){ NULL, 0 });
}

/* ---- Input --------------------------------------------------------------------------------- */

static uint32_t body_size(void)
{
    uint32_t size;

    memcpy(&size, message.head + 1, sizeof(size));
    return size;
}

static void take_body_byte(uint32_t place, uint8_t byte)
{
    switch (message.head[0]) {
    case LINK_ANSWER:
        if (place < answer.room)
            answer.bytes[place] = byte;
        return;
    case LINK_KEYS:
        if (keys_written - keys_read < KEYS_SIZE)
            keys[keys_written++ % KEYS_SIZE] = byte;
        return;
    }
    if (place < sizeof(message.body))
        message.body[place] = byte;
}

static void finish_message(void)
{
    switch (message.head[0]) {
    case LINK_ANSWER:
        answer.size = body_size();
        atomic_store_explicit(&answer.is_complete, true, memory_order_release);
        return;
    case LINK_SIZE:
        memcpy(&terminal_rows, message.body, sizeof(terminal_rows));
        memcpy(&terminal_columns, message.body + 2, sizeof(terminal_columns));
        message.raised |= 1u << INTERRUPT_CONSOLE;
        return;
    case LINK_KEYS:
        message.raised |= 1u << INTERRUPT_CONSOLE;
        return;
    case LINK_READY:
        message.raised |= 1u << INTERRUPT_CHANNEL;
        return;
    case LINK_LIMIT:
        message.raised |= 1u << INTERRUPT_TIME_LIMIT;
        return;
    }
}

static void take_byte(uint8_t byte)
{
    if (message.received < HEAD_SIZE)
        message.head[message.received] = byte;
    else
        take_body_byte(message.received - HEAD_SIZE, byte);
    message.received++;
    if (message.received >= HEAD_SIZE && message.received - HEAD_SIZE == body_size()) {
        message.received = 0;
        finish_message();
    }
}

void link_interrupt(void)
{
    bool were_on = lock_take(&input_lock);
    uint8_t bytes[INPUT_SIZE];
    uint32_t raised;
    size_t count;

    while ((count = transport->read(bytes, sizeof(bytes))) > 0) {
        for (size_t i = 0; i < count; i++)
            take_byte(bytes[i]);
    }
    raised = message.raised;
    message.raised = 0;
    for (; raised; raised &= raised - 1)
        interrupt_raise_here((enum machine_interrupt)__builtin_ctz(raised));
    lock_release(&input_lock, were_on);
}

int64_t link_ask(enum link_output kind, struct link_part head, struct link_part body, void *bytes,
                 size_t room)
{
    bool were_on = lock_take(&question_lock);
    uint64_t end = machine_time_ns() + ANSWER_WAIT_NS;
    uint64_t pause_ns = PAUSE_MIN_NS;
    int64_t result = -1;

    answer.bytes = bytes;
    answer.room = room;
    atomic_store_explicit(&answer.is_complete, false, memory_order_relaxed);
    link_send(kind, head, body);
    while (!atomic_load_explicit(&answer.is_complete, memory_order_acquire) &&
           machine_time_ns() < end) {
        if (transport->looks_are_dear)
            clock_wait_ns(pause_ns);
        link_interrupt();
        if (pause_ns < PAUSE_MAX_NS)
            pause_ns *= 2;
    }
    if (atomic_load_explicit(&answer.is_complete, memory_order_acquire))
        result = answer.size;
    answer.room = 0;
    lock_release(&question_lock, were_on);
    return result;
}

int link_read_key(void)
{
    bool were_on = lock_take(&input_lock);
    int key = keys_read == keys_written ? -1 : keys[keys_read++ % KEYS_SIZE];

    lock_release(&input_lock, were_on);
    return key;
}

void link_terminal_size(uint16_t *rows, uint16_t *columns)
{
    *rows = terminal_rows;
    *columns = terminal_columns;
}
