/*
 * Copies between kernel memory and user memory.
 *
 * Each call holds the space's mutex from the first byte to the last, so no page can go away under
 * a copy; a page that is not there, or that may not be written yet, is brought in by the same
 * code as for a page fault.  The mutex may sleep in there (a file's page), which is why no spin
 * lock may be held.
 *
 * Invariant: a byte is touched only through an entry that is present and, for a write, permits
 * writing at that moment.
 */
#include "memory/user_memory.h"

#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/memory_internal.h"

/* Where the byte lies in the direct map; NULL if user code could not access it.  Space locked. */
static char *reach(struct address_space *space, user_address address, bool write)
    REQUIRES(&space->lock)
{
    uint64_t needed = ENTRY_PRESENT | (write ? ENTRY_WRITE : 0);
    page_entry *entry;

    ASSERT(mutex_is_held(&space->lock));
    if (address >= USER_ADDRESS_LIMIT)
        return NULL;
    entry = page_table_find(space->root, address);
    if (!entry || (entry_load(entry) & needed) != needed) {
        if (space_fault(space, address, write ? ACCESS_WRITE : 0) != FAULT_RESOLVED)
            return NULL;
        entry = page_table_find(space->root, address);
    }
    ASSERT((entry_load(entry) & needed) == needed);
    return machine_info()->direct_map + (entry_load(entry) & ENTRY_ADDRESS) + address % PAGE_SIZE;
}

/* How much of `size` bytes lies in the page of the address. */
static size_t within_page(user_address address, size_t size)
{
    size_t room = PAGE_SIZE - address % PAGE_SIZE;

    return size < room ? size : room;
}

bool user_range_is_possible(user_address start, uint64_t size)
{
    return range_within(start, size, 0, USER_SPACE_END);
}

size_t user_copy_in_partial(struct address_space *space, void *target, user_address source,
                            size_t size)
{
    size_t done = 0;

    space_lock(space);
    while (done < size) {
        size_t piece = within_page(source + done, size - done);
        const char *data = reach(space, source + done, false);

        if (!data)
            break;
        memcpy((char *)target + done, data, piece);
        done += piece;
    }
    space_unlock(space);
    return done;
}

size_t user_copy_out_partial(struct address_space *space, user_address target,
                             const void *source, size_t size)
{
    size_t done = 0;

    space_lock(space);
    while (done < size) {
        size_t piece = within_page(target + done, size - done);
        char *data = reach(space, target + done, true);

        if (!data)
            break;
        memcpy(data, (const char *)source + done, piece);
        done += piece;
    }
    space_unlock(space);
    return done;
}

size_t user_zero_partial(struct address_space *space, user_address target, size_t size)
{
    size_t done = 0;

    space_lock(space);
    while (done < size) {
        size_t piece = within_page(target + done, size - done);
        char *data = reach(space, target + done, true);

        if (!data)
            break;
        memset(data, 0, piece);
        done += piece;
    }
    space_unlock(space);
    return done;
}

int user_copy_in(struct address_space *space, void *target, user_address source, size_t size)
{
    if (!user_range_is_possible(source, size))
        return -EFAULT;
    return user_copy_in_partial(space, target, source, size) == size ? 0 : -EFAULT;
}

int user_copy_out(struct address_space *space, user_address target, const void *source,
                  size_t size)
{
    if (!user_range_is_possible(target, size))
        return -EFAULT;
    return user_copy_out_partial(space, target, source, size) == size ? 0 : -EFAULT;
}

/* Copies up to and with a NUL; returns whether there was one. */
static bool copy_until_nul(char *target, const char *source, size_t size, size_t *copied)
{
    for (size_t i = 0; i < size; i++) {
        target[i] = source[i];
        if (source[i] == '\0') {
            *copied = i;
            return true;
        }
    }
    *copied = size;
    return false;
}

int64_t user_copy_string(struct address_space *space, char *target, user_address source,
                         size_t size)
{
    int64_t result = -ENAMETOOLONG;
    size_t done = 0;

    space_lock(space);
    while (done < size) {
        const char *data = reach(space, source + done, false);
        size_t copied;

        if (!data) {
            result = -EFAULT;
            break;
        }
        if (copy_until_nul(target + done, data, within_page(source + done, size - done),
                           &copied)) {
            result = (int64_t)(done + copied);
            break;
        }
        done += copied;
    }
    space_unlock(space);
    return result;
}
