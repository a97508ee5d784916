/* The System V objects of all kinds: their beginning and end. */
#include "ipc/ipc_table.h"
#include "ipc/message_box.h"
#include "ipc/named_queue.h"
#include "ipc/semaphore_array.h"
#include "ipc/shared_segment.h"
#include "lib/namespace.h"
#include "time/clock.h"

static int32_t (*process_id_of_current)(void);            /* both constant after boot */
static uint64_t (*space_of_current)(void);                /* NULL: there is only one */

void ipc_init(int32_t (*process_id)(void))
{
    process_id_of_current = process_id;
    semaphore_arrays_init();
    shared_segments_init();
    message_boxes_init();
    named_queues_init();
}

void ipc_space_end(uint64_t space)
{
    semaphore_arrays_end(space);
    shared_segments_end(space);
    message_boxes_end(space);
    named_queues_end(space);
}

void ipc_set_space(uint64_t (*space)(void))
{
    space_of_current = space;
}

uint64_t ipc_space(void)
{
    return space_of_current ? space_of_current() : NAMESPACE_OF_IPC;
}

int32_t ipc_process_id(void)
{
    return process_id_of_current();
}

uint64_t ipc_now_s(void)
{
    return clock_real_ns() / NS_PER_SECOND;
}
