/* F_SETOWN, F_SETSIG, O_ASYNC and what ioctl calls them. */
#include "abi/linux/file_owner.h"

#include "fs/async.h"
#include "fs/file.h"
#include "process/process.h"
#include "sched/pid_namespace.h"
#include "signal/signal.h"

struct owner_named {    /* struct f_owner_ex */
    int32_t kind, id;
};

enum owner_request {
    SET_OWNER = 0x8901, SET_GROUP = 0x8902, GET_OWNER = 0x8903, GET_GROUP = 0x8904,
};

/* ---- Who ----------------------------------------------------------------------------------- */

struct group_search {
    int32_t id;
    bool found;
};

static void look_for_group(struct process *process, void *context)
{
    struct group_search *search = context;

    search->found |= process->group_id == search->id || process->session_id == search->id;
}

/* Is it the id of anything: a thread, a process, a group, a session? */
static bool is_in_use(int32_t id)
{
    struct group_search search = { .id = id };
    struct process *process = process_find_by_thread(id);

    if (process)
        process_release(process);
    else
        process_for_each(look_for_group, &search);
    return process || search.found;
}

/* `id` as the program knows it; 0: nobody any more. */
static int64_t set_owner(struct file *file, enum owner_kind kind, int32_t id)
{
    const struct credentials credentials = current_credentials();
    const struct file_owner_ids ids = {
        .kind = kind,
        .id = id == 0 ? 0 : pid_named(id),
        .user_id = credentials.user_id,
        .effective_user_id = credentials.effective_user_id,
    };

    if (ids.id != 0 && !is_in_use(ids.id))
        return -ESRCH;
    return file_set_owner(file, &ids, true);
}

/* A negative one means a group. */
static int64_t set_owner_signed(struct file *file, int32_t id)
{
    if (id == INT32_MIN)
        return -EINVAL;
    return set_owner(file, id < 0 ? OWNER_GROUP : OWNER_PROCESS, id < 0 ? -id : id);
}

static struct owner_named get_owner(struct file *file)
{
    const struct file_owner_ids ids = file_get_owner(file);
    bool is_there = ids.id != 0 && is_in_use(ids.id);

    return (struct owner_named){ (int32_t)ids.kind, is_there ? pid_seen(ids.id) : 0 };
}

static int32_t get_owner_signed(struct file *file)
{
    const struct owner_named owner = get_owner(file);

    return owner.kind == OWNER_GROUP ? -owner.id : owner.id;
}

static int64_t set_owner_named(struct file *file, user_address argument)
{
    struct owner_named owner;
    int error = user_copy_in(current_space(), &owner, argument, sizeof(owner));

    if (error)
        return error;
    if (owner.kind < OWNER_THREAD || owner.kind > OWNER_GROUP)
        return -EINVAL;
    if (owner.id < 0)
        return -ESRCH;
    return set_owner(file, (enum owner_kind)owner.kind, owner.id);
}

static int64_t get_owner_named(struct file *file, user_address argument)
{
    const struct owner_named owner = get_owner(file);

    return user_copy_out(current_space(), argument, &owner, sizeof(owner));
}

int64_t file_owner_control(struct file *file, int32_t command, uint64_t argument)
{
    switch (command) {
    case FCNTL_SET_OWNER:
        return set_owner_signed(file, (int32_t)argument);
    case FCNTL_GET_OWNER:
        return get_owner_signed(file);
    case FCNTL_SET_OWNER_KIND:
        return set_owner_named(file, argument);
    case FCNTL_GET_OWNER_KIND:
        return get_owner_named(file, argument);
    case FCNTL_SET_SIGNAL:
        return argument > SIGNAL_MAX ? -EINVAL : file_set_signal(file, (int32_t)argument);
    case FCNTL_GET_SIGNAL:
        return file_get_signal(file);
    }
    return -EINVAL;
}

bool is_owner_request(uint32_t request)
{
    return request >= SET_OWNER && request <= GET_GROUP;
}

int64_t file_control_owner(struct file *file, uint32_t request, user_address argument)
{
    int32_t id = get_owner_signed(file);
    int error;

    if (request == GET_OWNER || request == GET_GROUP)
        return user_copy_out(current_space(), argument, &id, sizeof(id));
    error = user_copy_in(current_space(), &id, argument, sizeof(id));
    return error ? error : set_owner_signed(file, id);
}

/* ---- Whether ------------------------------------------------------------------------------- */

int64_t file_change_async(struct file *file, int32_t fd, bool on)
{
    if (on == ((file_flags(file) & OPEN_ASYNC) != 0))
        return 0;
    return file_set_async(file, fd, on);
}

int64_t file_control_async(struct file *file, int32_t fd, user_address argument)
{
    int32_t on;
    int error = user_copy_in(current_space(), &on, argument, sizeof(on));

    return error ? error : file_change_async(file, fd, on != 0);
}
