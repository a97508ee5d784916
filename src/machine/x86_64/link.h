#pragma once
/*
 * The link to the runner (eft-qemu): one ordered stream of messages each way.
 *
 * A message is a byte that says what it is, four bytes of length (little endian) and so many
 * bytes.  Without a runner there is no link; everything then goes to and comes from the console.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"

/* From the kernel. */
enum link_output {
    LINK_LOG = 'L',            /* text */
    LINK_TRACE = 'T',
    LINK_REPORT = 'R',
    LINK_GRAPH = 'G',
    LINK_EVENTS = 'V',         /* some struct observer_record */
    LINK_TERMINAL = 'C',       /* terminal output */
    LINK_WRITE = 'W',          /* channel (1 byte), data: taken whole, nothing comes back */
    LINK_CALL = 'Q',           /* a question: struct channel_question, data (channel.c) */
    LINK_DESCRIBE = 'D',       /* a question: enum link_code (1 byte), address, bias, path */
    LINK_SYNC = 'Y',           /* a question without words: has all come that was sent? */
    LINK_END = 'E',            /* why (1 byte), status (4 bytes): the last message */
};

/* What an address of LINK_DESCRIBE is. */
enum link_code {
    LINK_CODE_OF_PROGRAM,      /* with the bias added */
    LINK_CODE_OF_KERNEL,
    LINK_CODE_IN_FILE,         /* an offset */
};

/* From the runner. */
enum link_input {
    LINK_KEYS = 'k',           /* typed at the terminal */
    LINK_SIZE = 's',           /* of the terminal: rows, columns (2 bytes each) */
    LINK_READY = 'r',          /* a channel that answered -EAGAIN is ready */
    LINK_ANSWER = 'a',         /* to the last question */
    LINK_LIMIT = 'l',          /* the run's time is up */
};

/* If the options name one: "link=virtio" or "link=com2".  Before this, the console takes all. */
void link_init(void);
void link_init_interrupts(void);
bool link_is_up(void);
/* Bytes have arrived: takes them, and notes the interrupts that they mean for the kernel. */
void link_interrupt(void);

struct link_part {
    const void *bytes;
    size_t size;
};
#define LINK_PART_MAX 64    /* bytes of the first part of a message */
/* One message of two parts.  Any context. */
void link_send(enum link_output kind, struct link_part head, struct link_part body);
/* Sends a question and waits for the answer; returns its length, of which at most `room` bytes are
 * stored; -1: none came. */
int64_t link_ask(enum link_output kind, struct link_part head, struct link_part body,
                 void *answer, size_t room);
void link_send_end(enum machine_halt why, int status);
int link_read_key(void);       /* -1: none */
void link_terminal_size(uint16_t *rows, uint16_t *columns);
