#pragma once
/* Sleeping until a time. */
#include <stdint.h>

#include "lib/error.h"

/* 0 at the absolute deadline (machine_time_ns), -EINTR when a signal came first. */
MUST_CHECK int sleep_until(uint64_t deadline_ns);
/* The same until a real time, however the clock is set meanwhile. */
MUST_CHECK int sleep_until_real(uint64_t real_ns);
