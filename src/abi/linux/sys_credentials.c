/* Calls about users, groups and capabilities: decoding; the rules are in process/credentials.c. */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "lib/container.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define GROUPS_LIMIT 65536    /* Linux's NGROUPS_MAX: more is EINVAL, whoever asks */

#define CAPABILITY_VERSION_1 0x19980330u
#define CAPABILITY_VERSION_2 0x20071026u
#define CAPABILITY_VERSION_3 0x20080522u

int64_t sys_getuid(void)
{
    return current_credentials().user_id;
}

int64_t sys_geteuid(void)
{
    return current_credentials().effective_user_id;
}

int64_t sys_getgid(void)
{
    return current_credentials().group_id;
}

int64_t sys_getegid(void)
{
    return current_credentials().effective_group_id;
}

static int64_t put_ids(const uint32_t *ids, const user_address *places)
{
    for (unsigned i = 0; i < 3; i++) {
        int error = user_copy_out(current_space(), places[i], &ids[i], sizeof(ids[i]));

        if (error)
            return error;
    }
    return 0;
}

int64_t sys_getresuid(user_address real, user_address effective, user_address saved)
{
    const struct credentials who = current_credentials();
    const uint32_t ids[] = { who.user_id, who.effective_user_id, who.saved_user_id };
    const user_address places[] = { real, effective, saved };

    return put_ids(ids, places);
}

int64_t sys_getresgid(user_address real, user_address effective, user_address saved)
{
    const struct credentials who = current_credentials();
    const uint32_t ids[] = { who.group_id, who.effective_group_id, who.saved_group_id };
    const user_address places[] = { real, effective, saved };

    return put_ids(ids, places);
}

static int64_t change(enum id_kind kind, enum id_change how, const struct ids *wanted)
{
    struct credentials who = current_credentials();
    int error = credentials_change(&who, kind, how, wanted);

    if (!error)
        credentials_set(&who);
    return error;
}

int64_t sys_setuid(uint32_t user)
{
    return change(ID_USER, CHANGE_ONE_ID, &(struct ids){ .effective = user });
}

int64_t sys_setgid(uint32_t group)
{
    return change(ID_GROUP, CHANGE_ONE_ID, &(struct ids){ .effective = group });
}

int64_t sys_setreuid(uint32_t real, uint32_t effective)
{
    return change(ID_USER, CHANGE_TWO_IDS, &(struct ids){ real, effective, ID_UNCHANGED });
}

int64_t sys_setregid(uint32_t real, uint32_t effective)
{
    return change(ID_GROUP, CHANGE_TWO_IDS, &(struct ids){ real, effective, ID_UNCHANGED });
}

int64_t sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved)
{
    return change(ID_USER, CHANGE_THREE_IDS, &(struct ids){ real, effective, saved });
}

int64_t sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved)
{
    return change(ID_GROUP, CHANGE_THREE_IDS, &(struct ids){ real, effective, saved });
}

/* Both never fail: they answer with the id that was in force. */
static int64_t change_file_id(enum id_kind kind, uint32_t id)
{
    struct credentials who = current_credentials();
    uint32_t before = kind == ID_USER ? who.file_user_id : who.file_group_id;

    if (credentials_change_file_id(&who, kind, id))
        credentials_set(&who);
    return before;
}

int64_t sys_setfsuid(uint32_t user)
{
    return change_file_id(ID_USER, user);
}

int64_t sys_setfsgid(uint32_t group)
{
    return change_file_id(ID_GROUP, group);
}

int64_t sys_getgroups(int32_t size, user_address groups)
{
    const struct credentials who = current_credentials();
    int error;

    if (size < 0 || (size > 0 && (uint32_t)size < who.group_count))
        return -EINVAL;
    if (size == 0)
        return who.group_count;
    error = user_copy_out(current_space(), groups, who.groups,
                          who.group_count * sizeof(who.groups[0]));
    return error ? error : (int64_t)who.group_count;
}

int64_t sys_setgroups(int32_t count, user_address groups)
{
    struct credentials who = current_credentials();
    int error;

    if (!credentials_can(&who, CAPABILITY_SET_GROUPS))
        return -EPERM;
    if (count < 0 || count > GROUPS_LIMIT)
        return -EINVAL;
    if ((uint32_t)count > ARRAY_SIZE(who.groups))
        return -ENOMEM;
    error = user_copy_in(current_space(), who.groups, groups,
                         (uint32_t)count * sizeof(who.groups[0]));
    if (error)
        return error;
    who.group_count = (unsigned)count;
    credentials_set(&who);
    return 0;
}

/* ---- Capabilities -------------------------------------------------------------------------- */

/* How many words of 32 bits a version has; for unknown ones the header is told the right one. */
static int check_version(user_address header_address, const struct linux_capability_header *header,
                         unsigned *words)
{
    const uint32_t right = CAPABILITY_VERSION_3;
    int error;

    *words = header->version == CAPABILITY_VERSION_1 ? 1 : 2;
    if (header->version == CAPABILITY_VERSION_1 || header->version == CAPABILITY_VERSION_2 ||
        header->version == CAPABILITY_VERSION_3)
        return 0;
    error = user_copy_out(current_space(), header_address, &right, sizeof(right));
    return error ? error : -EINVAL;
}

/* 0: of the current thread. */
static int capabilities_of(int32_t thread_id, struct capabilities *capabilities)
{
    struct thread *thread = thread_find(thread_id ? pid_named(thread_id) : current_thread()->id);

    if (thread && thread->process)
        *capabilities = process_credentials(thread->process, thread).capabilities;

    int error = thread && thread->process ? 0 : -ESRCH;

    if (thread)
        thread_release(thread);
    return error;
}

int64_t sys_capget(user_address header_address, user_address data)
{
    struct linux_capability_header header;
    struct linux_capability_data sets[2];
    struct capabilities capabilities;
    unsigned words;
    int error = user_copy_in(current_space(), &header, header_address, sizeof(header));

    if (!error)
        error = check_version(header_address, &header, &words);
    if (error)
        return error == -EINVAL && data == 0 ? 0 : error;
    if (header.process_id < 0)
        return -EINVAL;
    error = capabilities_of(header.process_id, &capabilities);
    if (error)
        return error;
    for (unsigned i = 0; i < 2; i++) {
        sets[i].effective = (uint32_t)(capabilities.effective >> (32 * i));
        sets[i].permitted = (uint32_t)(capabilities.permitted >> (32 * i));
        sets[i].inheritable = (uint32_t)(capabilities.inheritable >> (32 * i));
    }
    if (data == 0)
        return 0;
    return user_copy_out(current_space(), data, sets, words * sizeof(sets[0]));
}

static struct capabilities join(const struct linux_capability_data *sets)
{
    return (struct capabilities){
        .effective = sets[0].effective | (uint64_t)sets[1].effective << 32,
        .permitted = sets[0].permitted | (uint64_t)sets[1].permitted << 32,
        .inheritable = sets[0].inheritable | (uint64_t)sets[1].inheritable << 32,
    };
}

int64_t sys_capset(user_address header_address, user_address data)
{
    struct linux_capability_header header;
    struct linux_capability_data sets[2] = { { 0 }, { 0 } };
    struct credentials who = current_credentials();
    struct capabilities wanted;
    unsigned words;
    int error = user_copy_in(current_space(), &header, header_address, sizeof(header));

    if (!error)
        error = check_version(header_address, &header, &words);
    if (error)
        return error;
    if (header.process_id != 0 && header.process_id != pid_own(current_thread()))
        return -EPERM;
    error = user_copy_in(current_space(), sets, data, words * sizeof(sets[0]));
    if (error)
        return error;
    wanted = join(sets);
    error = capabilities_change(&who, &wanted);
    if (!error)
        credentials_set(&who);
    return error;
}
