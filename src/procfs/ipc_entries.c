/* /proc/sysvipc: the System V objects, one a line, in the order of their places. */
#include "ipc/message_box.h"
#include "ipc/semaphore_array.h"
#include "ipc/shared_segment.h"
#include "procfs/procfs_internal.h"

typedef unsigned long long number;    /* what the formats want */

static void print_name(struct proc_output *output, const struct ipc_status *status)
{
    proc_print(output, "%10d %10d  %4o ", status->key, status->id, status->mode);
}

static void print_owners(struct proc_output *output, const struct ipc_status *status)
{
    proc_print(output, "%5u %5u %5u %5u ", status->user_id, status->group_id,
               status->creator_user_id, status->creator_group_id);
}

void proc_write_semaphores(struct proc_output *output, const struct proc_subject *subject)
{
    struct semaphore_arrays_usage usage;
    struct semaphore_array_status status;

    (void)subject;
    semaphore_arrays_usage(&usage);
    proc_print(output, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
                       "      ctime\n");
    for (int32_t place = 0; place <= usage.last_place; place++) {
        if (semaphore_array_status(place, NULL, IPC_BY_PLACE_UNCHECKED, &status) != 0)
            continue;
        print_name(output, &status.ipc);
        proc_print(output, "%10llu ", (number)status.count);
        print_owners(output, &status.ipc);
        proc_print(output, "%10llu %10llu\n", (number)status.operated_s,
                   (number)status.changed_s);
    }
}

void proc_write_segments(struct proc_output *output, const struct proc_subject *subject)
{
    struct shared_segments_usage usage;
    struct shared_segment_status status;

    (void)subject;
    shared_segments_usage(&usage);
    proc_print(output, "       key      shmid perms                  size  cpid  lpid nattch   uid"
                       "   gid  cuid  cgid      atime      dtime      ctime                   rss"
                       "                  swap\n");
    for (int32_t place = 0; place <= usage.last_place; place++) {
        if (shared_segment_status(place, NULL, IPC_BY_PLACE_UNCHECKED, &status) != 0)
            continue;
        print_name(output, &status.ipc);
        proc_print(output, "%21llu %5d %5d  %5llu ", (number)status.size, status.creator_id,
                   status.last_id, (number)status.attached);
        print_owners(output, &status.ipc);
        proc_print(output, "%10llu %10llu %10llu %21d %21d\n", (number)status.attached_s,
                   (number)status.detached_s, (number)status.changed_s, 0, 0);
    }
}

void proc_write_message_boxes(struct proc_output *output, const struct proc_subject *subject)
{
    struct message_boxes_usage usage;
    struct message_box_status status;

    (void)subject;
    message_boxes_usage(&usage);
    proc_print(output, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid"
                       "  cuid  cgid      stime      rtime      ctime\n");
    for (int32_t place = 0; place <= usage.last_place; place++) {
        if (message_box_status(place, NULL, IPC_BY_PLACE_UNCHECKED, &status) != 0)
            continue;
        print_name(output, &status.ipc);
        proc_print(output, " %10llu %10llu %5d %5d ", (number)status.bytes,
                   (number)status.messages, status.sender_id, status.receiver_id);
        print_owners(output, &status.ipc);
        proc_print(output, "%10llu %10llu %10llu\n", (number)status.sent_s,
                   (number)status.received_s, (number)status.changed_s);
    }
}

void proc_write_semaphore_limits(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%u\t%u\t%u\t%u\n", SEMAPHORE_ARRAY_MAX, SEMAPHORES_OF_ARRAYS_MAX,
               SEMAPHORE_OPERATIONS_MAX, IPC_OBJECTS_MAX);
}

void proc_write_segment_size_limit(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%llu\n", (number)SHARED_SIZE_MAX);
}
