#pragma once
/*
 * The journal: the one place through which all events and all output of a watched run pass.  It
 * counts and hashes them, and hands them to a recording or to --verify.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/observer.h"

/* Output is a kind of event too: stream, length, digest of the bytes. */
#define JOURNAL_OUTPUT 0xffffu

/* Starts to listen. */
void journal_init(void);
void journal_output(unsigned stream, const void *bytes, size_t size);
uint64_t journal_count(void);
uint64_t journal_hash(void);

bool journal_same(const struct observer_event *a, const struct observer_event *b);
/* "switch from thread 1 to 2 at 1000 ns (CPU 0, 0.000001000 s)". */
void journal_describe(const struct observer_event *event, char *text, size_t size);
