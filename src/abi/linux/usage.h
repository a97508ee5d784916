#pragma once
/* Writes struct rusage. */
#include "lib/error.h"
#include "machine/machine.h"

struct process_usage;

/* -EFAULT. */
MUST_CHECK int put_usage(user_address address, const struct process_usage *used);
