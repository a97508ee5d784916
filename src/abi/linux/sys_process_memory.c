/*
 * The memory of other processes: process_vm_readv and process_vm_writev copy from and to it,
 * process_madvise gives advice about it.
 *
 * Bytes go through a page of the kernel's, so that no two address spaces are locked at once.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "memory/io_buffer.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "process/process_file.h"

#define SEGMENTS_MAX 1024u                /* UIO_MAXIOV */
#define TRANSFER_MAX UINT64_C(0x7ffff000) /* bytes of one call, as Linux's MAX_RW_COUNT */

/* The only advice that others may give. */
enum {
    ADVICE_WILL_NEED = 3,
    ADVICE_COLD = 20,
    ADVICE_PAGE_OUT = 21,
    ADVICE_COLLAPSE = 25,
};

/* ---- Segments ------------------------------------------------------------------------------ */

struct segments {
    struct io_segment *list;
    unsigned count;
};

static void segments_release(const struct segments *segments)
{
    memory_free(segments->list, segments->count * sizeof(segments->list[0]));
}

/* Of another process: addresses are looked at when they are used. */
static int get_foreign(struct io_segment *list, user_address source, uint64_t count)
{
    int error = user_copy_in(current_space(), list, source, count * sizeof(list[0]));

    for (uint64_t i = 0; i < count && !error; i++)
        error = (int64_t)list[i].length < 0 ? -EINVAL : 0;
    return error;
}

static int segments_get(struct segments *segments, user_address source, uint64_t count,
                        bool is_own)
{
    int error;

    *segments = (struct segments){ .list = NULL };
    if (count > SEGMENTS_MAX)
        return -EINVAL;
    if (count == 0)
        return 0;
    segments->count = (unsigned)count;
    segments->list = memory_allocate(count * sizeof(segments->list[0]));
    if (!segments->list)
        return -ENOMEM;
    error = is_own ? io_segments_get(segments->list, source, count)
                   : get_foreign(segments->list, source, count);
    if (error)
        segments_release(segments);
    return error;
}

/* ---- Whose memory -------------------------------------------------------------------------- */

/* With a reference.  -EPERM, -ESRCH. */
static int foreign_space(struct process *process, struct thread *thread, bool by_file_ids,
                         struct address_space **space)
{
    *space = process_space(process);
    if (!*space)
        return -ESRCH;
    if (*space == current_space() || process_may_inspect(process, thread, by_file_ids))
        return 0;
    address_space_release(*space);
    return -EPERM;
}

static int space_of_thread(int32_t id, struct address_space **space)
{
    struct thread *thread = id > 0 ? thread_find(id) : NULL;
    int error = -ESRCH;

    if (thread && thread->process)
        error = foreign_space(thread->process, thread, false, space);
    if (thread)
        thread_release(thread);
    return error;
}

/* ---- Copies -------------------------------------------------------------------------------- */

struct copying {
    struct address_space *space;    /* the other's */
    struct io_buffer own;
    char *bytes;                    /* a page */
    bool is_write;                  /* to the other's memory */
};

/* Within one page of the other's.  How many bytes, or -EFAULT. */
static int64_t copy_piece(struct copying *copying, user_address address, size_t size)
{
    int64_t moved;

    if (copying->is_write) {
        moved = io_buffer_get(&copying->own, copying->bytes, size);
        if (moved > 0)
            moved = (int64_t)user_copy_out_partial(copying->space, address, copying->bytes,
                                                   (size_t)moved);
    } else {
        /* What the processor cannot refuse to its program is refused to others. */
        if (!address_space_permits(copying->space, address, PROTECTION_READ))
            return -EFAULT;
        moved = (int64_t)user_copy_in_partial(copying->space, copying->bytes, address, size);
        if (moved > 0)
            moved = io_buffer_put(&copying->own, copying->bytes, (size_t)moved);
    }
    return moved > 0 ? moved : -EFAULT;
}

/* Until one side ends, or a page that cannot be reached. */
static int64_t copy_segments(struct copying *copying, const struct segments *foreign)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < foreign->count; i++) {
        uint64_t left = foreign->list[i].length;
        user_address address = foreign->list[i].address;

        while (left > 0 && copying->own.remaining > 0) {
            uint64_t piece = PAGE_SIZE - address % PAGE_SIZE;

            piece = left < piece ? left : piece;
            piece = copying->own.remaining < piece ? copying->own.remaining : piece;

            int64_t moved = copy_piece(copying, address, (size_t)piece);

            if (moved > 0)
                total += (uint64_t)moved;
            if (moved < (int64_t)piece)
                return total ? (int64_t)total : -EFAULT;
            address += piece;
            left -= piece;
        }
    }
    return (int64_t)total;
}

static int64_t copy(int32_t id, const struct segments *own, const struct segments *foreign,
                    bool is_write)
{
    struct copying copying = { .is_write = is_write };
    int64_t result;

    io_buffer_init(&copying.own, current_space(), own->list, own->count);
    if (copying.own.remaining > TRANSFER_MAX)
        copying.own.remaining = TRANSFER_MAX;
    result = space_of_thread(id, &copying.space);
    if (result)
        return result;
    copying.bytes = memory_allocate(PAGE_SIZE);
    result = copying.bytes ? copy_segments(&copying, foreign) : -ENOMEM;
    memory_free(copying.bytes, copying.bytes ? PAGE_SIZE : 0);
    address_space_release(copying.space);
    return result;
}

static bool segments_are_empty(const struct segments *segments)
{
    for (unsigned i = 0; i < segments->count; i++)
        if (segments->list[i].length > 0)
            return false;
    return true;
}

struct vector {
    user_address segments;
    uint64_t count;
};

/* Where there is nothing to copy, it does not matter whether there is such a process. */
static int64_t transfer(int32_t id, const struct vector *own, const struct vector *foreign,
                        bool is_write)
{
    struct segments own_segments, foreign_segments;
    int64_t result = segments_get(&own_segments, own->segments, (uint32_t)own->count, true);

    if (result)
        return result;
    if (segments_are_empty(&own_segments)) {
        segments_release(&own_segments);
        return 0;
    }
    result = segments_get(&foreign_segments, foreign->segments, foreign->count, false);
    if (!result) {
        if (!segments_are_empty(&foreign_segments))
            result = copy(id, &own_segments, &foreign_segments, is_write);
        segments_release(&foreign_segments);
    }
    segments_release(&own_segments);
    return result;
}

int64_t sys_process_vm_readv(int32_t id, user_address local, uint64_t local_count,
                             user_address remote, uint64_t remote_count, uint64_t flags)
{
    if (flags != 0)
        return -EINVAL;
    return transfer(id, &(struct vector){ local, local_count },
                    &(struct vector){ remote, remote_count }, false);
}

int64_t sys_process_vm_writev(int32_t id, user_address local, uint64_t local_count,
                              user_address remote, uint64_t remote_count, uint64_t flags)
{
    if (flags != 0)
        return -EINVAL;
    return transfer(id, &(struct vector){ local, local_count },
                    &(struct vector){ remote, remote_count }, true);
}

/* ---- Advice -------------------------------------------------------------------------------- */

static bool may_advise_others(int32_t advice)
{
    return advice == ADVICE_WILL_NEED || advice == ADVICE_COLD || advice == ADVICE_PAGE_OUT ||
           advice == ADVICE_COLLAPSE;
}

/* How many bytes were advised, or why the first ones were not. */
static int64_t advise(struct address_space *space, const struct segments *segments, int32_t advice)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < segments->count && total < TRANSFER_MAX; i++) {
        uint64_t length = segments->list[i].length;

        length = length < TRANSFER_MAX - total ? length : TRANSFER_MAX - total;

        int error = length ? address_space_advise(space, segments->list[i].address, length, advice)
                           : 0;

        if (error)
            return total ? (int64_t)total : error;
        total += length;
    }
    return (int64_t)total;
}

static int64_t advise_process(struct process *process, const struct segments *segments,
                              int32_t advice)
{
    struct address_space *space;
    int64_t result = foreign_space(process, NULL, true, &space);

    if (result)
        return result == -EPERM ? -EACCES : result;
    if (space == current_space())
        result = 0;
    else if (!may_advise_others(advice))
        result = -EINVAL;
    else if (!current_can(CAPABILITY_NICE))
        result = -EPERM;
    if (!result)
        result = advise(space, segments, advice);
    address_space_release(space);
    return result;
}

int64_t sys_process_madvise(int32_t fd, user_address address, uint64_t count, int32_t advice,
                            uint32_t flags)
{
    struct segments segments;
    struct process *process;
    struct file *file;
    int64_t result;

    if (flags != 0)
        return -EINVAL;
    result = segments_get(&segments, address, (uint32_t)count, true);
    if (result)
        return result;
    result = fd_get(fd, &file);
    if (!result) {
        process = process_of_file(file);
        result = process ? advise_process(process, &segments, advice) : -EBADF;
        file_release(file);
    }
    segments_release(&segments);
    return result;
}
