/*
 * Who a process is: changes of user and group ids, by Linux's rules, and the capability sets that
 * follow them.
 *
 * Root is whoever has the effective user id 0: capabilities are kept so that programs read back
 * what they expect, but no check below looks at single ones.  All change with the process locked.
 */
#include "process/credentials.h"

#include "lib/memory.h"
#include "process/process.h"

#define CAPABILITIES_ALL ((UINT64_C(1) << 41) - 1)

void credentials_init(struct credentials *who, uint32_t user_id, uint32_t group_id)
{
    memset(who, 0, sizeof(*who));
    who->user_id = who->effective_user_id = user_id;
    who->saved_user_id = who->file_user_id = user_id;
    who->group_id = who->effective_group_id = group_id;
    who->saved_group_id = who->file_group_id = group_id;
}

void capabilities_init(struct capabilities *capabilities, uint32_t user_id)
{
    uint64_t all = user_id == 0 ? CAPABILITIES_ALL : 0;

    *capabilities = (struct capabilities){ .effective = all, .permitted = all };
}

struct credentials process_credentials(struct process *process)
{
    spin_lock(&process->lock);
    struct credentials who = process->credentials;

    spin_unlock(&process->lock);
    return who;
}

struct credentials current_credentials(void)
{
    return process_credentials(current_process());
}

bool credentials_may_change(const struct credentials *who)
{
    return who->effective_user_id == 0;
}

static bool has_root_user(const struct credentials *who)
{
    return who->user_id == 0 || who->effective_user_id == 0 || who->saved_user_id == 0;
}

/* Giving up root gives up capabilities; becoming it effectively again brings them back. */
static void follow_user(struct process *process, const struct credentials *before,
                        const struct credentials *after)
{
    struct capabilities *capabilities = &process->capabilities;

    if (has_root_user(before) && !has_root_user(after)) {
        if (!process->keep_capabilities)
            capabilities->permitted = 0;
        capabilities->effective = 0;
    }
    if (before->effective_user_id == 0 && after->effective_user_id != 0)
        capabilities->effective = 0;
    if (before->effective_user_id != 0 && after->effective_user_id == 0)
        capabilities->effective = capabilities->permitted;
}

void credentials_set(const struct credentials *who)
{
    struct process *process = current_process();

    spin_lock(&process->lock);
    follow_user(process, &process->credentials, who);
    process->credentials = *who;
    spin_unlock(&process->lock);
}

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

int credentials_change(struct credentials *who, enum id_kind kind, enum id_change change,
                       const struct ids *wanted)
{
    struct ids ids = kind == ID_USER ? user_ids(who) : group_ids(who);
    bool privileged = credentials_may_change(who);
    int error = -EINVAL;

    switch (change) {
    case CHANGE_ONE_ID:
        error = change_one(&ids, wanted->effective, privileged);
        break;
    case CHANGE_TWO_IDS:
        error = change_two(&ids, wanted, privileged);
        break;
    case CHANGE_THREE_IDS:
        error = change_three(&ids, wanted, privileged);
        break;
    }
    if (error)
        return error;
    if (kind == ID_USER)
        store_user_ids(who, &ids);
    else
        store_group_ids(who, &ids);
    return 0;
}
