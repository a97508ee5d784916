#pragma once
/*
 * User memory as the kernel sees it: never by dereferencing a user address, always by walking the
 * page table and using the direct map.  Pages are brought in as for a fault.
 *
 * All may sleep, hold no spin lock, and take the address space's mutex: not with that held.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "memory/address_space.h"

/* Can [start, start + size) be user memory at all?  Linux's access_ok: calls that take a buffer
 * and a length check this before anything else, whatever is mapped. */
bool user_range_is_possible(user_address start, uint64_t size);

/* All or -EFAULT (an unknown part may have been copied then). */
MUST_CHECK int user_copy_in(struct address_space *space, void *target, user_address source,
                            size_t size);
MUST_CHECK int user_copy_out(struct address_space *space, user_address target,
                             const void *source, size_t size);
/* As much as is possible: returns the bytes copied before the first inaccessible one. */
size_t user_copy_in_partial(struct address_space *space, void *target, user_address source,
                            size_t size);
size_t user_copy_out_partial(struct address_space *space, user_address target,
                             const void *source, size_t size);
size_t user_zero_partial(struct address_space *space, user_address target, size_t size);
/* Copies up to and with the NUL; returns the length without it, -EFAULT, or -ENAMETOOLONG when no
 * NUL is within `size` bytes. */
MUST_CHECK int64_t user_copy_string(struct address_space *space, char *target,
                                    user_address source, size_t size);
