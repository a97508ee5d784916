/*
 * Where user code faults soon after its address space comes back to the window.  Mapping such a
 * page before it is asked for costs a third of the fault.
 *
 * These are only guesses: the page tables decide whether there is anything to map.  A page that
 * is mapped in advance tells nobody whether it was needed, so a space begins anew every few turns.
 */
#include "working_set.h"

#include <stddef.h>

#define SETS_MAX 16
#define TURNS_MAX 32

static struct working_set sets[SETS_MAX];
static struct working_set *current = &sets[0];
static uint64_t turns;

static struct working_set *find(physical_address root)
{
    struct working_set *oldest = &sets[0];

    for (size_t i = 0; i < SETS_MAX; i++) {
        if (sets[i].root == root)
            return &sets[i];
        if (sets[i].used < oldest->used)
            oldest = &sets[i];
    }
    *oldest = (struct working_set){ .root = root };
    return oldest;
}

const struct working_set *working_set_of(physical_address root)
{
    current = find(root);
    current->used = ++turns;
    if (current->turns++ % TURNS_MAX == 1)    /* the first turn of all is no typical one */
        current->count = 0;
    return current;
}

void working_set_note(physical_address root, user_address address, uint32_t access)
{
    unsigned place = current->count;

    if (current->root != root || current->count == WORKING_SET_MAX)
        return;
    for (; place > 0 && current->faults[place - 1].address > address; place--)
        current->faults[place] = current->faults[place - 1];
    current->faults[place] = (struct working_set_fault){ address, access };
    current->count++;
}
