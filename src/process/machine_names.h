#pragma once
/* What the machine is called: the names of uname that programs may change, in the namespace of the
 * current thread.  Any context. */
#include <stdbool.h>
#include <stddef.h>

#include "lib/namespace.h"

#define MACHINE_NAME_MAX 64u    /* as Linux, without the NUL */

enum machine_name {
    MACHINE_NAME_NODE,      /* at first the machine's own */
    MACHINE_NAME_DOMAIN,
};

/* A namespace of names (CLONE_NEWUTS). */
struct machine_names {
    struct namespace namespace;    /* first */

    struct changed_name {          /* written and read through the functions below */
        bool is_set;
        char text[MACHINE_NAME_MAX + 1];
    } of[MACHINE_NAME_DOMAIN + 1];
};

/* A new namespace begins with the names of another one. */
void machine_names_copy(struct namespace *to, struct namespace *from);

/* `text` has MACHINE_NAME_MAX + 1 bytes and is terminated. */
void machine_name_read(enum machine_name which, char *text);
/* `length` bytes without a NUL at the end, at most MACHINE_NAME_MAX. */
void machine_name_set(enum machine_name which, const char *text, size_t length);
