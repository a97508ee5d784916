/*
 * The stack of a child: a slot of the family's space for itself alone, with a copy of what its
 * parent's stack holds above the stack pointer.
 *
 * What lies further down is no part of the stack, except for the 128 bytes that compilers use below
 * the stack pointer; when it is touched it grows as any stack does.  Pages of the parent's that
 * were never written need no copy.
 */
#include "abi/teaching/calls.h"
#include "abi/teaching/layout.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/family.h"
#include "process/process.h"

#define RED_ZONE_SIZE 128u
#define PAGES_AT_ONCE 64u

struct stack_copy {
    struct address_space *space;
    user_address from;         /* first page to copy */
    user_address end;          /* of the parent's stack */
    uint64_t distance;         /* how far below the child's lies */
    struct page *buffer;
};

static int copy_page(const struct stack_copy *copy, user_address address)
{
    void *data = page_data(copy->buffer);
    int error = user_copy_in(copy->space, data, address, PAGE_SIZE);

    return error ? error : user_copy_out(copy->space, address - copy->distance, data, PAGE_SIZE);
}

static int copy_some_pages(const struct stack_copy *copy, user_address start, unsigned count)
{
    uint8_t resident[PAGES_AT_ONCE];
    int error = address_space_resident(copy->space, start, (uint64_t)count * PAGE_SIZE, resident);

    for (unsigned i = 0; i < count && !error; i++) {
        if (resident[i])
            error = copy_page(copy, start + (user_address)i * PAGE_SIZE);
    }
    return error;
}

static int copy_pages(struct stack_copy *copy)
{
    int error = 0;

    copy->buffer = page_allocate(PAGE_DIRTY);
    if (!copy->buffer)
        return -ENOMEM;
    for (user_address at = copy->from; at < copy->end && !error;
         at += (user_address)PAGES_AT_ONCE * PAGE_SIZE) {
        uint64_t left = (copy->end - at) / PAGE_SIZE;

        error = copy_some_pages(copy, at, left < PAGES_AT_ONCE ? (unsigned)left : PAGES_AT_ONCE);
    }
    page_release(copy->buffer);
    return error;
}

/* The stack of another slot must not become one region with its neighbour's, or it would not know
 * where to end: the two kinds have different names. */
static int map_stack(struct address_space *space, unsigned slot, uint64_t size)
{
    static const char even[] = "[stack]", odd[] = "[stack of child]";
    const struct map_request request = {
        .address = teaching_slot_end(slot) - size,
        .length = size,
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_NOT_REPLACE | MAP_GROWS_DOWN | MAP_NO_ACCOUNT,
        .label = slot % 2 ? odd : even,
    };
    user_address address;

    return address_space_map(space, &request, &address);
}

/* The region of the process's own slot that its stack pointer is in. */
static int find_stack(const struct process *process, user_address pointer, user_address *start)
{
    user_address slot_end = teaching_slot_end(process->stack_slot);
    user_address end;

    if (pointer >= slot_end || slot_end - pointer > TEACHING_SLOT_SIZE)
        return -EFAULT;
    if (!address_space_region_at(process->space, pointer, start, &end) || end != slot_end)
        return -EFAULT;
    return 0;
}

/* What its stack pointer shows: one slot further down for each child that lives. */
static unsigned preferred_slot(const struct process *process)
{
    unsigned slot = process->stack_slot + process->children + 1;

    return slot < STACK_SLOTS_MAX ? slot : 0;
}

int teaching_stack_copy(unsigned *slot, uint64_t *distance)
{
    struct process *process = current_process();
    user_address pointer = current_thread()->registers.rsp;
    struct stack_copy copy = { .space = process->space };
    user_address start;
    int error = find_stack(process, pointer, &start);
    int taken;

    if (error)
        return error;
    taken = family_take_slot(process->family, preferred_slot(process));
    if (taken < 0)
        return -EAGAIN;
    *slot = (unsigned)taken;
    /* Wraps when the child's slot is above, as the subtraction of it does. */
    *distance = ((uint64_t)*slot - process->stack_slot) * TEACHING_SLOT_SIZE;
    copy.distance = *distance;
    copy.end = teaching_slot_end(process->stack_slot);
    copy.from = round_down(pointer - RED_ZONE_SIZE, PAGE_SIZE);
    if (copy.from < start)
        copy.from = start;
    error = map_stack(process->space, *slot, copy.end - copy.from);
    if (!error)
        error = copy_pages(&copy);
    if (error)
        teaching_stack_release(process, *slot);
    return error;
}

void teaching_stack_release(struct process *process, unsigned slot)
{
    int error = address_space_unmap(process->space, teaching_slot_end(slot) - TEACHING_SLOT_SIZE,
                                    TEACHING_SLOT_SIZE);

    ASSERT(!error);    /* whole regions: nothing is split */
    family_free_slot(process->family, slot);
}
