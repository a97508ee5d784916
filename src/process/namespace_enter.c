/*
 * setns: see namespace_enter.h.
 *
 * All that can fail comes first, in Linux's order of kinds: mounts, names, System V objects,
 * processes, sockets.
 */
#include "process/namespace_enter.h"

#include "fs/mount.h"
#include "fs/path.h"
#include "process/clone.h"
#include "process/pid_names.h"
#include "process/places.h"
#include "process/process.h"
#include "sched/pid_namespace.h"

int namespace_target_of(struct process *process, uint64_t flags, struct namespace_target *target)
{
    struct namespaces *set = process_namespaces(process, NULL);

    *target = (struct namespace_target){ .processes = NULL };
    if (!set)
        return -ESRCH;
    for (unsigned kind = 0; kind < NAMESPACES; kind++) {
        if (!(flags & namespace_flag((enum namespace_kind)kind)))
            continue;
        target->of[kind] = set->of[kind];
        namespace_reference(set->of[kind]);
    }
    if (flags & CLONE_NEW_PROCESSES) {
        target->processes = process->pid_namespace;
        pid_namespace_reference(target->processes);
    }
    namespaces_release(set);
    return 0;
}

void namespace_target_release(struct namespace_target *target)
{
    for (unsigned kind = 0; kind < NAMESPACES; kind++) {
        if (target->of[kind])
            namespace_release((enum namespace_kind)kind, target->of[kind]);
    }
    if (target->processes)
        pid_namespace_release(target->processes);
}

/* Only its own namespace, or one below. */
static int check_processes(struct pid_namespace *wanted)
{
    struct pid_namespace *own = pid_namespace_current();

    if (wanted->level < own->level || pid_namespace_above(wanted, own->level) != own)
        return -EINVAL;
    return 0;
}

static int check_mounts(const struct namespace *wanted, struct path *root)
{
    if (!current_can(CAPABILITY_CHROOT))
        return -EPERM;
    return places_are_shared(current_places()) ? -EINVAL : mount_space_root(wanted->number, root);
}

/* The processes' namespace is not in the set. */
static void commit(const struct namespace_target *target, struct namespaces *set,
                   struct path *root)
{
    current_namespaces_set(set);
    if (root->mount) {
        path_reference(root);
        places_set_root(current_places(), root);
        places_set_working_directory(current_places(), root);
    }
    if (target->of[NAMESPACE_IPC])
        thread_leave_undo();
    if (target->processes) {
        pid_namespace_reference(target->processes);
        children_space_set(target->processes);
    }
}

int namespace_enter(const struct namespace_target *target)
{
    struct path root = { NULL, NULL };
    struct namespaces *set;
    int error = current_can(CAPABILITY_ADMINISTRATION) ? 0 : -EPERM;

    if (!error && target->of[NAMESPACE_MOUNTS])
        error = check_mounts(target->of[NAMESPACE_MOUNTS], &root);
    if (!error && target->processes)
        error = check_processes(target->processes);
    if (!error)
        error = namespaces_with(current_namespaces(), target->of, &set);
    if (error)
        path_release(&root);
    else
        commit(target, set, &root);
    return error;
}
