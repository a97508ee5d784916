/*
 * Words of user memory, through the page table and the direct map.
 *
 * Reading an entry and using its page without the space's mutex is what the processor does, and is
 * safe for the same reason: whoever takes a page away flushes the TLB of every CPU on which the
 * space is active before he releases the page, and a CPU with interrupts off does not answer before
 * it has done with the page.
 */
#include "memory/user_word.h"

#include <stdatomic.h>

#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/memory_internal.h"

/* Space locked. */
static void fill_place(struct address_space *space, user_address word, uint64_t entry,
                       struct user_word_place *place)
{
    const struct region *region = region_find(&space->regions, word);

    ASSERT(region);    /* there was no fault */
    if (entry & ENTRY_OBJECT) {
        ASSERT(region->object);
        memory_object_reference(region->object);
        place->object = region->object;
        place->position = region->object_offset + (word - region->start);
        return;
    }
    place->object = NULL;
    place->position = word;
}

static int locate_locked(struct address_space *space, user_address word, bool write,
                         struct user_word_place *place) REQUIRES(&space->lock)
{
    bool writable = space_fault(space, word, ACCESS_WRITE) == FAULT_RESOLVED;

    if (!writable && (write || space_fault(space, word, 0) != FAULT_RESOLVED))
        return -EFAULT;

    page_entry *link = page_table_find(space->root, word);
    uint64_t entry = link ? entry_load(link) : 0;

    ASSERT(entry & ENTRY_PRESENT);
    ASSERT_IMPLIES(writable, entry & ENTRY_WRITE);
    if (!writable && !(entry & ENTRY_OBJECT))
        return -EFAULT;
    fill_place(space, word, entry, place);
    return 0;
}

int user_word_locate(struct address_space *space, user_address word, bool write,
                     struct user_word_place *place)
{
    ASSERT(is_aligned(word, sizeof(uint32_t)));
    if (word >= USER_SPACE_END)
        return -EFAULT;
    space_lock(space);
    int error = locate_locked(space, word, write, place);

    space_unlock(space);
    return error;
}

int user_word_bring_in(struct address_space *space, user_address word, bool write)
{
    if (word >= USER_SPACE_END)
        return -EFAULT;
    return address_space_fault(space, word, write ? ACCESS_WRITE : 0) == FAULT_RESOLVED ? 0
                                                                                      : -EFAULT;
}

/* NULL: not there, or not for this access. */
static _Atomic uint32_t *reach(const struct address_space *space, user_address word, bool write)
{
    uint64_t needed = ENTRY_PRESENT | (write ? ENTRY_WRITE : 0);
    user_address start, end;
    uint64_t entry;

    ASSERT(!machine_interrupts_enabled());
    ASSERT(is_aligned(word, sizeof(uint32_t)));
    if (word >= USER_SPACE_END)
        return NULL;
    entry = page_table_lookup(space->root, word, 0, &start, &end);
    if ((entry & needed) != needed)
        return NULL;
    return (_Atomic uint32_t *)(void *)(machine_info()->direct_map + (entry & ENTRY_ADDRESS) +
                                        word % PAGE_SIZE);
}

enum user_word_result user_word_read(struct address_space *space, user_address word,
                                     uint32_t *value)
{
    const _Atomic uint32_t *place = reach(space, word, false);

    if (!place)
        return WORD_ABSENT;
    *value = atomic_load(place);
    return WORD_DONE;
}

enum user_word_result user_word_exchange(struct address_space *space, user_address word,
                                         uint32_t *value, uint32_t wanted)
{
    _Atomic uint32_t *place = reach(space, word, true);

    if (!place)
        return WORD_ABSENT;
    return atomic_compare_exchange_strong(place, value, wanted) ? WORD_DONE : WORD_DIFFERS;
}
