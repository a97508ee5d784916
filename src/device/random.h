#pragma once
/* Random bytes for everybody, from the one generator that the machine's seed started: in a seeded
 * run they are the same every time. */
#include <stddef.h>

/* Any context. */
void random_bytes(void *bytes, size_t size);
