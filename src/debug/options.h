#pragma once
/* Options of this boot: the "name" and "name=value" strings of machine_info()->options. */
#include <stdbool.h>
#include <stddef.h>

/* Value of the last option of this name; "" when it was given without one; NULL when absent. */
const char *option_value(const char *name);
bool option_is_set(const char *name);
