/* Families: life, and the slots of the stacks. */
#include "process/family.h"

#include "lib/assert.h"
#include "memory/pool.h"

static struct pool family_pool = POOL_INITIAL("family", struct family, 0);

struct family *family_create(void)
{
    struct family *family = pool_allocate(&family_pool);

    if (!family)
        return NULL;
    refcount_init(&family->references, 1);
    mutex_init(&family->lock, RANK_FAMILY, "family");
    semaphore_set_init(&family->semaphores);
    return family;
}

void family_reference(struct family *family)
{
    refcount_take(&family->references);
}

void family_release(struct family *family)
{
    if (!refcount_drop(&family->references))
        return;
    semaphore_set_destroy(&family->semaphores);
    if (family->released)
        family->released();
    pool_free(&family_pool, family);
}

int family_take_slot(struct family *family, unsigned preferred)
{
    mutex_lock(&family->lock);
    size_t slot = bitmap_find_clear(family->stack_slots, STACK_SLOTS_MAX, preferred);

    if (slot == BITMAP_NONE)
        slot = bitmap_find_clear(family->stack_slots, STACK_SLOTS_MAX, 0);
    if (slot != BITMAP_NONE)
        bitmap_set(family->stack_slots, slot);
    mutex_unlock(&family->lock);
    return slot == BITMAP_NONE ? -1 : (int)slot;
}

void family_free_slot(struct family *family, unsigned slot)
{
    mutex_lock(&family->lock);
    ASSERT(bitmap_test(family->stack_slots, slot));
    bitmap_clear(family->stack_slots, slot);
    mutex_unlock(&family->lock);
}
