#pragma once
/* Counters as files (eventfd): a write adds, a read takes all of it, or one at a time. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct file;

/* `by_one`: reads take 1 (EFD_SEMAPHORE).  `flags`: OPEN_NONBLOCK or 0.  -ENFILE, -ENOMEM. */
MUST_CHECK int event_file_create(uint64_t count, bool by_one, uint32_t flags, struct file **file);
