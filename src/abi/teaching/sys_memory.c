/* Calls about memory: Brk, Allocate, Deallocate. */
#include <stdatomic.h>

#include "abi/teaching/calls.h"
#include "abi/teaching/layout.h"
#include "abi/teaching/structures.h"
#include "debug/log.h"
#include "lib/checked.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/family.h"
#include "process/process.h"

/* ---- Brk ----------------------------------------------------------------------------------- */

/* The page that holds the end is mapped, too; nothing is at the start. */
static user_address mapped_end(user_address end)
{
    user_address last = TEACHING_BREAK_START + TEACHING_BREAK_SIZE;

    if (end == TEACHING_BREAK_START)
        return end;
    return end == last ? last : round_down(end, PAGE_SIZE) + PAGE_SIZE;
}

static int move_break(struct process *process, user_address end)
{
    user_address wanted = mapped_end(end);

    if (end < TEACHING_BREAK_START || end - TEACHING_BREAK_START > TEACHING_BREAK_SIZE)
        return -ENOMEM;
    return address_space_break(process->space, wanted, TEACHING_BREAK_SIZE) == wanted ? 0 : -ENOMEM;
}

int64_t teaching_brk(user_address end)
{
    struct process *process = current_process();
    struct family *family = process->family;
    int64_t result = FAILED;

    mutex_lock(&family->lock);
    if (end != 0 && move_break(process, end) == 0)
        family->break_end = end;
    if (end == 0 || family->break_end == end)
        result = (int64_t)family->break_end;
    mutex_unlock(&family->lock);
    return result;
}

/* ---- Allocate and Deallocate --------------------------------------------------------------- */

static bool is_alignment(uint64_t value)
{
    return value > 0 && value <= LAYOUT_ALIGNMENT_MAX && is_aligned(value, value);
}

/* The words stand the other way round only if they make sense in no other way. */
static bool read_layout(user_address address, struct teaching_layout *layout)
{
    uint64_t first;

    if (user_copy_in(current_space(), layout, address, sizeof(*layout)) != 0)
        return false;
    if (is_alignment(layout->alignment))
        return true;
    first = layout->alignment;
    layout->alignment = layout->size;
    layout->size = first;
    return is_alignment(layout->alignment);
}

int64_t teaching_allocate(user_address layout)
{
    struct teaching_layout wanted;

    if (!read_layout(layout, &wanted))
        return 0;
    return (int64_t)teaching_heap_take(wanted.size, wanted.alignment);
}

/* The heap knows how large its blocks are. */
int64_t teaching_deallocate(user_address address, user_address layout)
{
    static _Atomic bool logged;

    (void)layout;
    if (address == 0 || teaching_heap_give(address))
        return 0;
    if (!atomic_exchange_explicit(&logged, true, memory_order_relaxed))
        log_line(LOG_WARNING, "%s (process %d) gives back 0x%llx, where no block begins",
                 current_thread()->name, current_process()->id, (unsigned long long)address);
    return 0;
}
