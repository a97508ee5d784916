#pragma once
/* Signals as programs describe them. */
#include <stdint.h>

#include "lib/error.h"
#include "machine/machine.h"
#include "signal/signal.h"

/* A siginfo, its number too.  -EFAULT; -E2BIG: it says more than is known here. */
MUST_CHECK int signal_information_read(user_address address,
                                       struct signal_information *information);
