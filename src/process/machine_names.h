#pragma once
/* What the machine is called: the names of uname that programs may change.  Any context. */
#include <stddef.h>

#define MACHINE_NAME_MAX 64u    /* as Linux, without the NUL */

enum machine_name {
    MACHINE_NAME_NODE,      /* at first the machine's own */
    MACHINE_NAME_DOMAIN,
};

/* `text` has MACHINE_NAME_MAX + 1 bytes and is terminated. */
void machine_name_read(enum machine_name which, char *text);
/* `length` bytes without a NUL at the end, at most MACHINE_NAME_MAX. */
void machine_name_set(enum machine_name which, const char *text, size_t length);
