#pragma once
/* Options of this boot: the "name" and "name=value" strings of machine_info()->options. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Value of the last option of this name; "" when it was given without one; NULL when absent. */
const char *option_value(const char *name);
bool option_is_set(const char *name);

/* Whose the first program and the terminal are: as `user` and `group` say (two numbers, given
 * together), else whoever runs the machine. */
struct first_user {
    uint32_t user_id, group_id;
    bool is_chosen;    /* then it is in no further groups */
};
struct first_user option_first_user(void);
