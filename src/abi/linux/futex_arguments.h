#pragma once
/* What the futex calls of all generations share: words and times as programs give them. */
#include <stdbool.h>
#include <stdint.h>

#include "futex/futex.h"
#include "process/process.h"

struct futex_word futex_word_of(user_address address, bool is_private);
/* The timespec at `time`, 0: none, as a time of this clock.  -EFAULT, -EINVAL. */
MUST_CHECK int futex_read_deadline(user_address time, bool real, struct futex_deadline *deadline);
/* The same for as long from now on. */
MUST_CHECK int futex_read_timeout(user_address time, struct futex_deadline *deadline);
