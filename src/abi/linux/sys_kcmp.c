/*
 * kcmp: do two threads share something?
 *
 * The order of two different objects is one that holds as long as both live, and says nothing about
 * where they are.
 */
#include "abi/linux/syscalls.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "process/process.h"
#include "process/shares.h"

enum kind { KIND_OF_FILE, KIND_OF_SPACE, KIND_OF_FILES, KIND_OF_PLACES, KIND_OF_ACTIONS,
            KIND_OF_IO, KIND_OF_UNDO };

#define RESULT_EQUAL 0
#define RESULT_LESS 1
#define RESULT_GREATER 2
#define ORDER_FACTOR UINT64_C(0x9e3779b97f4a7c15)    /* odd: different ones stay different */

/* A thread of a program, with a reference, or NULL. */
static struct thread *find_thread(int32_t id)
{
    struct thread *thread = id > 0 ? thread_find(id) : NULL;

    if (thread && !thread->process) {
        thread_release(thread);
        return NULL;
    }
    return thread;
}

static int file_of(struct thread *thread, uint64_t fd, const void **object)
{
    struct file_table *files = process_files(thread->process, thread);
    struct file *file = files && fd <= INT32_MAX ? file_table_get(files, (int)fd) : NULL;

    *object = file;
    if (file)
        file_release(file);    /* only compared */
    if (files)
        file_table_release(files);
    return file ? 0 : -EBADF;
}

/* What a thread has of that kind; NULL: nothing. */
static const void *object_of(struct thread *thread, enum kind kind)
{
    struct process *process = thread->process;
    const struct user_thread *part = user_thread_of(thread);
    const void *object = NULL;

    spin_lock(&process->lock);
    switch (kind) {
    case KIND_OF_SPACE:
        object = process->space;
        break;
    case KIND_OF_FILES:
        object = part->shares.files;
        break;
    case KIND_OF_PLACES:
        object = part->shares.places;
        break;
    case KIND_OF_ACTIONS:
        spin_lock(&process->signals.lock);
        object = process->signals.actions;
        spin_unlock(&process->signals.lock);
        break;
    case KIND_OF_UNDO:
        object = part->semaphore_undo;
        break;
    case KIND_OF_FILE:
    case KIND_OF_IO:    /* nobody has any context of that kind */
        break;
    }
    spin_unlock(&process->lock);
    return object;
}

static int64_t compare_objects(const void *first, const void *second, enum kind kind)
{
    uint64_t factor = ORDER_FACTOR + 2 * (uint64_t)kind;
    uint64_t a = (uint64_t)((uintptr_t)first - (uintptr_t)machine_info()->direct_map) * factor;
    uint64_t b = (uint64_t)((uintptr_t)second - (uintptr_t)machine_info()->direct_map) * factor;

    return first == second ? RESULT_EQUAL : a < b ? RESULT_LESS : RESULT_GREATER;
}

static int64_t compare_threads(struct thread *const threads[2], int32_t type,
                               const uint64_t indices[2])
{
    const void *objects[2];

    if (!process_may_inspect(threads[0]->process, threads[0], false) ||
        !process_may_inspect(threads[1]->process, threads[1], false))
        return -EPERM;
    if (type < KIND_OF_FILE || type > KIND_OF_UNDO)
        return -EINVAL;
    for (int i = 0; i < 2; i++) {
        if (type != KIND_OF_FILE)
            objects[i] = object_of(threads[i], (enum kind)type);
        else if (file_of(threads[i], indices[i], &objects[i]) != 0)
            return -EBADF;
    }
    return compare_objects(objects[0], objects[1], (enum kind)type);
}

int64_t sys_kcmp(int32_t id1, int32_t id2, int32_t type, uint64_t index1, uint64_t index2)
{
    struct thread *const threads[2] = { find_thread(id1), find_thread(id2) };
    const uint64_t indices[2] = { index1, index2 };
    int64_t result = -ESRCH;

    if (threads[0] && threads[1])
        result = compare_threads(threads, type, indices);
    for (int i = 0; i < 2; i++) {
        if (threads[i])
            thread_release(threads[i]);
    }
    return result;
}
