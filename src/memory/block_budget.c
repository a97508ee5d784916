/*
 * The word in which a program counts its basic blocks.
 *
 * It is memory of the program like any other: the program may write it, unmap it, or map something
 * else there.  So it is looked up each time before user code runs, and used only where the
 * program itself could write at that moment.  After a fork, or before the first touch, it cannot:
 * then its first block faults, and the word is found the next time.
 *
 * Whoever takes the page away makes the entry unreachable first and then waits for this CPU, which
 * does not answer with interrupts off, nor before user code has come back.
 */
#include "memory/address_space.h"
#include "memory/memory_internal.h"
#include "memory/page_table.h"

#define WORD_NEEDS (ENTRY_PRESENT | ENTRY_USER | ENTRY_WRITE)

void address_space_set_block_budget(struct address_space *space, user_address word)
{
    space->block_budget = word < USER_SPACE_END && word % sizeof(int64_t) == 0 ? word : 0;
}

int64_t *address_space_block_budget(const struct address_space *space)
{
    if (space->block_budget == 0)
        return NULL;

    page_entry *entry = page_table_find(space->root, space->block_budget);
    uint64_t value = entry ? entry_load(entry) : 0;

    if ((value & WORD_NEEDS) != WORD_NEEDS)
        return NULL;

    char *page = machine_info()->direct_map + (value & ENTRY_ADDRESS);

    return (int64_t *)(void *)(page + space->block_budget % PAGE_SIZE);
}
