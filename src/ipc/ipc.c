/* The System V objects of all kinds: their beginning and end. */
#include "ipc/ipc_table.h"
#include "ipc/message_box.h"
#include "ipc/named_queue.h"
#include "ipc/semaphore_array.h"
#include "ipc/shared_segment.h"
#include "time/clock.h"

static int32_t (*process_id_of_current)(void);    /* constant after boot */

void ipc_init(int32_t (*process_id)(void))
{
    process_id_of_current = process_id;
    semaphore_arrays_init();
    shared_segments_init();
    message_boxes_init();
    named_queues_init();
}

void ipc_end(void)
{
    semaphore_arrays_end();
    shared_segments_end();
    message_boxes_end();
    named_queues_end();
}

int32_t ipc_process_id(void)
{
    return process_id_of_current();
}

uint64_t ipc_now_s(void)
{
    return clock_real_ns() / NS_PER_SECOND;
}
