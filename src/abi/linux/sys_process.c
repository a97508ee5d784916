/* Calls about processes and threads: who they are, their end, their relatives. */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "memory/user_memory.h"
#include "process/credentials.h"
#include "process/process.h"
#include "process/relatives.h"

#define ROBUST_LIST_HEAD_SIZE 24

#define PERSONALITY_READ UINT32_MAX

#define ADDRESS_END UINT64_C(0x7ffffffff000)    /* Linux's TASK_SIZE_MAX */
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
#define ARCH_GET_CPUID 0x1011
#define ARCH_SET_CPUID 0x1012
#define ARCH_GET_XCOMP_SUPP 0x1021
#define ARCH_GET_XCOMP_PERM 0x1022
#define ARCH_REQ_XCOMP_PERM 0x1023

int64_t sys_exit(int32_t status)
{
    process_exit_thread(status & 0xff);
}

int64_t sys_exit_group(int32_t status)
{
    process_exit_all((status & 0xff) << 8);
}

int64_t sys_getpid(void)
{
    return pid_seen(current_process()->id);
}

int64_t sys_gettid(void)
{
    return pid_own(current_thread());
}

int64_t sys_getppid(void)
{
    return pid_seen(current_process()->parent_id);
}

int64_t sys_set_tid_address(user_address word)
{
    user_thread_of(current_thread())->clear_child_id = word;
    return pid_own(current_thread());
}

int64_t sys_set_robust_list(user_address head, uint64_t size)
{
    struct user_thread *part = user_thread_of(current_thread());

    if (size != ROBUST_LIST_HEAD_SIZE)
        return -EINVAL;
    part->robust_list = head;
    return 0;
}

int64_t sys_get_robust_list(int32_t id, user_address head, user_address size)
{
    const uint64_t head_size = ROBUST_LIST_HEAD_SIZE;
    struct thread *thread = thread_find(id ? id : current_thread()->id);
    uint64_t list;
    int error = 0;

    if (!thread || !thread->process) {
        error = -ESRCH;
    } else if (!process_may_inspect(thread->process, thread, false)) {
        error = -EPERM;
    } else {
        list = user_thread_of(thread)->robust_list;
        error = user_copy_out(current_space(), size, &head_size, sizeof(head_size));
        if (!error)
            error = user_copy_out(current_space(), head, &list, sizeof(list));
    }
    if (thread)
        thread_release(thread);
    return error;
}

/* ---- Groups and sessions ------------------------------------------------------------------- */

int64_t sys_getpgrp(void)
{
    return pid_seen(current_process()->group_id);
}

/* Which of the two ids of process `id` (0: the caller). */
static int64_t id_of(int32_t id, bool session)
{
    struct process *process = process_find_by_thread(id ? id : current_process()->id);

    if (!process)
        return -ESRCH;

    int64_t result = session ? process->session_id : process->group_id;

    process_release(process);
    return pid_seen((int32_t)result);
}

int64_t sys_getpgid(int32_t id)
{
    return id_of(id, false);
}

int64_t sys_getsid(int32_t id)
{
    return id_of(id, true);
}

int64_t sys_setpgid(int32_t id, int32_t group)
{
    return process_set_group(id, group);
}

int64_t sys_setsid(void)
{
    int error = process_new_session();

    return error ? error : pid_seen(current_process()->id);
}

/* ---- Conventions of the processor ---------------------------------------------------------- */

int64_t sys_personality(uint32_t persona)
{
    struct process *process = current_process();

    spin_lock(&process->lock);
    uint32_t before = process->personality;

    if (persona != PERSONALITY_READ)
        process->personality = persona;
    spin_unlock(&process->lock);
    return before;
}

static int64_t set_base(uint64_t *base, user_address address)
{
    if (address >= ADDRESS_END)
        return -EPERM;
    *base = address;
    return 0;
}

int64_t sys_arch_prctl(int32_t code, user_address address)
{
    struct user_registers *registers = &current_thread()->registers;
    const uint64_t features = machine_info()->vector_features;

    switch (code) {
    case ARCH_SET_FS:
        return set_base(&registers->fs_base, address);
    case ARCH_SET_GS:
        return set_base(&registers->gs_base, address);
    case ARCH_GET_FS:
        return user_copy_out(current_space(), address, &registers->fs_base, sizeof(uint64_t));
    case ARCH_GET_GS:
        return user_copy_out(current_space(), address, &registers->gs_base, sizeof(uint64_t));
    case ARCH_GET_CPUID:
        return 1;
    case ARCH_SET_CPUID:
        return -ENODEV;
    case ARCH_GET_XCOMP_SUPP:
    case ARCH_GET_XCOMP_PERM:
        return user_copy_out(current_space(), address, &features, sizeof(features));
    case ARCH_REQ_XCOMP_PERM:
        return -EOPNOTSUPP;
    }
    return -EINVAL;
}
