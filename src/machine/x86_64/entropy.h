#pragma once
/* The kernel's random seed.  Once, before memory_finish. */
#include <stdint.h>

uint64_t entropy_seed(void);
