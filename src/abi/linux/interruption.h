#pragma once
/* Which calls are repeated after a signal, and how. */
#include <stdint.h>

/* Operation `interruption` of struct abi. */
int call_interruption(uint32_t number, int64_t result);
