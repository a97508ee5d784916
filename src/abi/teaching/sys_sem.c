/* Sem: four operations on semaphores by key.  Whatever way it took, success is 0. */
#include "abi/teaching/calls.h"
#include "process/family.h"
#include "process/process.h"
#include "sched/choice.h"

enum semaphore_operation { SEMAPHORE_NEW, SEMAPHORE_REMOVE, SEMAPHORE_SIGNAL, SEMAPHORE_WAIT };

static int64_t result_of(int error)
{
    return error == -ENOENT ? SEMAPHORE_MISSING : error < 0 ? FAILED : error;
}

/* A count that cannot be reached is as good as the largest one. */
static int64_t count_of(uint64_t value)
{
    return value > SEMAPHORE_COUNT_MAX ? SEMAPHORE_COUNT_MAX : (int64_t)value;
}

static int64_t wait(struct semaphore_set *set, uint32_t key, struct operation *operation)
{
    int error = semaphore_set_wait(set, key, operation);

    return error == -EINTR ? teaching_interrupted() : result_of(error);
}

static int64_t act(struct semaphore_set *set, uint8_t operation, uint32_t key, uint64_t value)
{
    if (operation == SEMAPHORE_NEW)
        return result_of(semaphore_set_create(set, key, count_of(value)));
    if (operation == SEMAPHORE_REMOVE)
        return result_of(semaphore_set_remove(set, key));
    return result_of(semaphore_set_signal(set, key));
}

int64_t teaching_sem(uint8_t operation, uint32_t key, uint64_t value)
{
    struct process *process = current_process();
    struct semaphore_set *set = &process->family->semaphores;
    struct operation announced = teaching_operation(
        OBJECT_SEMAPHORE, operation == SEMAPHORE_SIGNAL ? OPERATION_GIVE : OPERATION_CHANGE,
        (uint64_t)set->id << 32 | key);
    int64_t result;

    if (operation > SEMAPHORE_WAIT)
        return FAILED;
    if (operation == SEMAPHORE_WAIT)
        return wait(set, key, &announced);
    choice_before(&announced, NULL);
    if (process->exiting)    /* killed while others went first */
        return teaching_interrupted();
    result = act(set, operation, key, value);
    choice_done(&announced);
    return result;
}
