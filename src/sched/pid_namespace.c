/*
 * PID namespaces: see pid_namespace.h.  Their ids are in the thread table, whose lock protects
 * them; their memory is the business of those who make them (process/pid_names.c).
 */
#include "sched/pid_namespace.h"

#include "lib/assert.h"
#include "lib/namespace.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

static struct pid_namespace own_space = { .number = NAMESPACE_OF_PROCESSES };

struct pid_namespace *pid_namespace_own(void)
{
    return &own_space;
}

struct pid_namespace *pid_namespace_current(void)
{
    struct pid_namespace *space = current_thread()->pid_namespace;

    return space ? space : &own_space;    /* an idle thread has none */
}

void pid_namespace_init(struct pid_namespace *space, struct pid_namespace *parent)
{
    ASSERT(parent->level < PID_LEVELS_MAX);
    *space = (struct pid_namespace){ .parent = parent, .level = parent->level + 1,
                                      .number = namespace_number_new() };
    refcount_init(&space->references, 1);
    pid_namespace_reference(parent);
}

void pid_namespace_reference(struct pid_namespace *space)
{
    if (space->level > 0)
        refcount_take(&space->references);
}

bool pid_namespace_drop(struct pid_namespace *space)
{
    return space->level > 0 && refcount_drop(&space->references);
}

void pid_namespace_end(struct pid_namespace *space)
{
    spin_lock(thread_table_lock());
    space->has_ended = true;
    spin_unlock(thread_table_lock());
}

bool pid_namespace_has_ended(struct pid_namespace *space)
{
    if (space->level == 0)
        return false;
    spin_lock(thread_table_lock());
    bool has_ended = space->has_ended;

    spin_unlock(thread_table_lock());
    return has_ended;
}

void pid_namespace_begin(struct thread *first)
{
    struct pid_namespace *space = first->pid_namespace;

    if (space->level == 0)
        return;
    spin_lock(thread_table_lock());
    if (space->first_id == 0)
        space->first_id = first->id;
    spin_unlock(thread_table_lock());
}

struct pid_namespace *pid_namespace_above(struct pid_namespace *space, unsigned level)
{
    while (space->level > level)
        space = space->parent;
    return space;
}

static bool is_within(const struct thread *thread, const struct pid_namespace *space)
{
    return thread->pid_namespace->level >= space->level &&
           pid_namespace_above(thread->pid_namespace, space->level) == space;
}

static int32_t look_up(struct pid_namespace *space, int32_t id)
{
    int32_t seen = 0;

    spin_lock(thread_table_lock());
    struct thread *thread = thread_table_find(&own_space, id);

    if (thread && is_within(thread, space))
        seen = thread_name_in(thread, space)->id;
    spin_unlock(thread_table_lock());
    return seen;
}

int32_t pid_named_in(struct pid_namespace *space, int32_t seen)
{
    spin_lock(thread_table_lock());
    struct thread *thread = thread_table_find(space, seen);
    int32_t id = thread ? thread->id : PID_NOBODY;

    spin_unlock(thread_table_lock());
    return id;
}

int32_t pid_namespace_last_id(struct pid_namespace *space)
{
    spin_lock(thread_table_lock());
    int32_t last_id = space->last_id;

    spin_unlock(thread_table_lock());
    return last_id;
}

int32_t pid_seen_in(struct pid_namespace *space, int32_t id)
{
    if (space->level == 0 || id == 0)
        return id;
    return id > 0 ? look_up(space, id) : -look_up(space, -id);
}

int32_t pid_seen(int32_t id)
{
    return pid_seen_in(pid_namespace_current(), id);
}

int32_t pid_named(int32_t seen)
{
    struct pid_namespace *space = pid_namespace_current();

    if (space->level == 0 || seen == 0 || seen == -1 || seen == INT32_MIN)
        return seen;
    return seen > 0 ? pid_named_in(space, seen) : -pid_named_in(space, -seen);
}

int32_t pid_own(const struct thread *thread)
{
    const struct pid_namespace *space = thread->pid_namespace;

    return !space || space->level == 0 ? thread->id : thread->names[space->level - 1].id;
}

bool pid_is_within(int32_t id, const struct pid_namespace *space)
{
    if (space->level == 0)
        return true;
    spin_lock(thread_table_lock());
    const struct thread *thread = thread_table_find(&own_space, id);
    bool within = thread && is_within(thread, space);

    spin_unlock(thread_table_lock());
    return within;
}
