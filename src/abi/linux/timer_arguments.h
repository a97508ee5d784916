#pragma once
/* struct itimerspec, which timers of all kinds are set with. */
#include <stdint.h>

#include "lib/error.h"
#include "machine/machine.h"

/* -EFAULT; -EINVAL: no such times. */
MUST_CHECK int itimerspec_get(user_address address, uint64_t *value_ns, uint64_t *interval_ns);
/* -EFAULT. */
MUST_CHECK int itimerspec_put(user_address address, uint64_t value_ns, uint64_t interval_ns);
