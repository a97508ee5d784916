/*
 * Who a thread is: changes of user and group ids, by Linux's rules, and the capability sets that
 * follow them.
 *
 * As on Linux the calls change the calling thread only; C libraries make all threads call.  A
 * process's own credentials are those of its first thread, for whoever asks about the process.  All
 * change with the process locked; a thread reads its own without.
 */
#include "process/credentials.h"

#include "fs/inode.h"
#include "fs/mount.h"
#include "lib/memory.h"
#include "process/process.h"

/* What goes and comes with file_user_id 0. */
#define CAPABILITY_IMMUTABLE 9
#define CAPABILITY_MANDATORY 32
#define CAPABILITIES_OF_FILES                                                          \
    (CAPABILITY_BIT(CAPABILITY_CHOWN) | CAPABILITY_BIT(CAPABILITY_FILE_ACCESS) |       \
     CAPABILITY_BIT(CAPABILITY_FILE_SEARCH) | CAPABILITY_BIT(CAPABILITY_FILE_OWNER) |  \
     CAPABILITY_BIT(CAPABILITY_FILE_SET_ID) | CAPABILITY_BIT(CAPABILITY_MAKE_NODES) |  \
     CAPABILITY_BIT(CAPABILITY_IMMUTABLE) | CAPABILITY_BIT(CAPABILITY_MANDATORY))

void credentials_init(struct credentials *who, uint32_t user_id, uint32_t group_id)
{
    memset(who, 0, sizeof(*who));
    who->user_id = who->effective_user_id = user_id;
    who->saved_user_id = who->file_user_id = user_id;
    who->group_id = who->effective_group_id = group_id;
    who->saved_group_id = who->file_group_id = group_id;
    who->capabilities.bounding = CAPABILITIES_ALL;
    if (user_id == 0)
        who->capabilities = (struct capabilities)CAPABILITIES_OF_ROOT;
}

/* ---- Whose --------------------------------------------------------------------------------- */

struct credentials process_credentials(struct process *process, struct thread *thread)
{
    spin_lock(&process->lock);
    struct credentials who = thread ? user_thread_of(thread)->credentials : process->credentials;

    spin_unlock(&process->lock);
    return who;
}

struct credentials current_credentials(void)
{
    return user_thread_of(current_thread())->credentials;
}

bool current_can(enum capability capability)
{
    return credentials_can(&user_thread_of(current_thread())->credentials, capability);
}

/* Who has become another, or more, than it was is not to be looked at by those it was before. */
static bool is_to_be_hidden(const struct credentials *before, const struct credentials *after)
{
    return before->effective_user_id != after->effective_user_id ||
           before->effective_group_id != after->effective_group_id ||
           before->file_user_id != after->file_user_id ||
           before->file_group_id != after->file_group_id ||
           (after->capabilities.permitted & ~before->capabilities.permitted);
}

void credentials_set(const struct credentials *who)
{
    struct process *process = current_process();
    struct thread *thread = current_thread();
    struct credentials *own = &user_thread_of(thread)->credentials;

    spin_lock(&process->lock);
    if (is_to_be_hidden(own, who)) {
        process->dumpable = 0;
        process->parent_death_signal = 0;
    }
    *own = *who;
    if (process->leader == thread)
        process->credentials = *who;
    spin_unlock(&process->lock);
}

/* ---- Who may look -------------------------------------------------------------------------- */

bool process_may_inspect(struct process *process, struct thread *thread, bool by_file_ids)
{
    const struct credentials other = process_credentials(process, thread);
    const struct credentials own = current_credentials();
    uint32_t user_id = by_file_ids ? own.file_user_id : own.user_id;
    uint32_t group_id = by_file_ids ? own.file_group_id : own.group_id;
    uint64_t can = by_file_ids ? own.capabilities.effective : own.capabilities.permitted;

    if (process == current_process() || credentials_can(&own, CAPABILITY_TRACE))
        return true;
    return user_id == other.user_id && user_id == other.effective_user_id &&
           user_id == other.saved_user_id && group_id == other.group_id &&
           group_id == other.effective_group_id && group_id == other.saved_group_id &&
           process->dumpable == 1 && (other.capabilities.permitted & ~can) == 0;
}

/* ---- Capabilities -------------------------------------------------------------------------- */

static bool has_root_user(const struct credentials *who)
{
    return who->user_id == 0 || who->effective_user_id == 0 || who->saved_user_id == 0;
}

/* Giving up root gives up capabilities; becoming it effectively again brings them back. */
static void follow_users(struct credentials *who, const struct credentials *before)
{
    struct capabilities *sets = &who->capabilities;

    if (has_root_user(before) && !has_root_user(who)) {
        if (!who->keeps_capabilities)
            sets->permitted = sets->effective = 0;
        sets->ambient = 0;
    }
    if (before->effective_user_id == 0 && who->effective_user_id != 0)
        sets->effective = 0;
    if (before->effective_user_id != 0 && who->effective_user_id == 0)
        sets->effective = sets->permitted;
}

int capabilities_change(struct credentials *who, const struct capabilities *wanted)
{
    struct capabilities *old = &who->capabilities;
    uint64_t inheritable = old->inheritable | old->bounding;

    if (!credentials_can(who, CAPABILITY_SET_CAPABILITIES))
        inheritable &= old->inheritable | old->permitted;
    if ((wanted->inheritable & ~inheritable) || (wanted->permitted & ~old->permitted) ||
        (wanted->effective & ~wanted->permitted))
        return -EPERM;
    old->effective = wanted->effective;
    old->permitted = wanted->permitted;
    old->inheritable = wanted->inheritable;
    old->ambient &= old->permitted & old->inheritable;
    return 0;
}

/* ---- Another program ----------------------------------------------------------------------- */

static void take_file_ids(struct credentials *who, const struct file *file)
{
    const uint32_t group_program = MODE_SET_GID | 0010;
    const struct inode *inode = file->inode;

    if (who->no_new_privileges ||
        (file->path.mount && (file->path.mount->flags & MOUNT_NO_SET_ID)))
        return;
    if (inode->mode & MODE_SET_UID)
        who->effective_user_id = inode->user_id;
    if ((inode->mode & group_program) == group_program)
        who->effective_group_id = inode->group_id;
}

bool credentials_execute(struct credentials *who, const struct file *file)
{
    struct capabilities *sets = &who->capabilities;

    take_file_ids(who, file);

    bool is_root = who->effective_user_id == 0;
    bool has_set_id = who->effective_user_id != who->user_id ||
                      who->effective_group_id != who->group_id;

    who->saved_user_id = who->file_user_id = who->effective_user_id;
    who->saved_group_id = who->file_group_id = who->effective_group_id;
    who->keeps_capabilities = false;
    if (has_set_id)
        sets->ambient = 0;
    sets->permitted = is_root || who->user_id == 0 ? sets->bounding | sets->inheritable : 0;
    sets->permitted |= sets->ambient;
    sets->effective = is_root ? sets->permitted : sets->ambient;
    return has_set_id || (is_root && who->user_id != 0);
}

/* ---- Ids ----------------------------------------------------------------------------------- */

/* The three ids of one kind, so that users and groups share the rules. */
static struct ids user_ids(const struct credentials *who)
{
    return (struct ids){ who->user_id, who->effective_user_id, who->saved_user_id };
}

static struct ids group_ids(const struct credentials *who)
{
    return (struct ids){ who->group_id, who->effective_group_id, who->saved_group_id };
}

static void store_user_ids(struct credentials *who, const struct ids *ids)
{
    who->user_id = ids->real;
    who->effective_user_id = who->file_user_id = ids->effective;
    who->saved_user_id = ids->saved;
}

static void store_group_ids(struct credentials *who, const struct ids *ids)
{
    who->group_id = ids->real;
    who->effective_group_id = who->file_group_id = ids->effective;
    who->saved_group_id = ids->saved;
}

static bool is_one_of(const struct ids *ids, uint32_t id)
{
    return id == ids->real || id == ids->effective || id == ids->saved;
}

/* setuid, setgid */
static int change_one(struct ids *ids, uint32_t id, bool privileged)
{
    if (id == ID_UNCHANGED)
        return -EINVAL;
    if (privileged)
        ids->real = ids->saved = id;
    else if (id != ids->real && id != ids->saved)
        return -EPERM;
    ids->effective = id;
    return 0;
}

/* setreuid, setregid */
static int change_two(struct ids *ids, const struct ids *wanted, bool privileged)
{
    struct ids old = *ids;

    if (wanted->real != ID_UNCHANGED) {
        if (!privileged && wanted->real != old.real && wanted->real != old.effective)
            return -EPERM;
        ids->real = wanted->real;
    }
    if (wanted->effective != ID_UNCHANGED) {
        if (!privileged && !is_one_of(&old, wanted->effective))
            return -EPERM;
        ids->effective = wanted->effective;
    }
    if (wanted->real != ID_UNCHANGED ||
        (wanted->effective != ID_UNCHANGED && wanted->effective != old.real))
        ids->saved = ids->effective;
    return 0;
}

/* setresuid, setresgid */
static int change_three(struct ids *ids, const struct ids *wanted, bool privileged)
{
    struct ids old = *ids;
    const uint32_t new_ids[] = { wanted->real, wanted->effective, wanted->saved };
    uint32_t *const places[] = { &ids->real, &ids->effective, &ids->saved };

    for (unsigned i = 0; i < 3; i++) {
        if (new_ids[i] == ID_UNCHANGED)
            continue;
        if (!privileged && !is_one_of(&old, new_ids[i]))
            return -EPERM;
        *places[i] = new_ids[i];
    }
    return 0;
}

static int change_ids(struct ids *ids, enum id_change change, const struct ids *wanted,
                      bool privileged)
{
    switch (change) {
    case CHANGE_ONE_ID:
        return change_one(ids, wanted->effective, privileged);
    case CHANGE_TWO_IDS:
        return change_two(ids, wanted, privileged);
    case CHANGE_THREE_IDS:
        return change_three(ids, wanted, privileged);
    }
    UNREACHABLE();
}

int credentials_change(struct credentials *who, enum id_kind kind, enum id_change change,
                       const struct ids *wanted)
{
    const struct credentials before = *who;
    struct ids ids = kind == ID_USER ? user_ids(who) : group_ids(who);
    enum capability needed = kind == ID_USER ? CAPABILITY_SET_USERS : CAPABILITY_SET_GROUPS;
    int error = change_ids(&ids, change, wanted, credentials_can(who, needed));

    if (error)
        return error;
    if (kind == ID_USER) {
        store_user_ids(who, &ids);
        follow_users(who, &before);
    } else {
        store_group_ids(who, &ids);
    }
    return 0;
}

bool credentials_change_file_id(struct credentials *who, enum id_kind kind, uint32_t id)
{
    struct capabilities *sets = &who->capabilities;
    struct ids ids = kind == ID_USER ? user_ids(who) : group_ids(who);
    uint32_t *own = kind == ID_USER ? &who->file_user_id : &who->file_group_id;
    enum capability needed = kind == ID_USER ? CAPABILITY_SET_USERS : CAPABILITY_SET_GROUPS;
    uint32_t before = *own;

    if (id == ID_UNCHANGED || id == before ||
        (!is_one_of(&ids, id) && !credentials_can(who, needed)))
        return false;
    *own = id;
    if (kind == ID_USER && before == 0)
        sets->effective &= ~CAPABILITIES_OF_FILES;
    if (kind == ID_USER && id == 0)
        sets->effective |= sets->permitted & CAPABILITIES_OF_FILES;
    return true;
}
