/* Files that messages carry, and how many each user has under way. */
#include "fs/file.h"
#include "fs/user_account.h"
#include "memory/pool.h"
#include "net/net_internal.h"

int rights_charge(struct socket_rights *rights, uint32_t user_id, uint64_t limit)
{
    struct user_account *account = user_account_open(user_id);

    ASSERT(!rights->account);
    if (!account)
        return -ENOMEM;
    if (!user_account_charge_many(account, USER_FILES_IN_MESSAGES, rights->count, limit)) {
        user_account_release(account);
        return -ETOOMANYREFS;
    }
    rights->account = account;
    return 0;
}

static void give_back(const struct socket_rights *rights)
{
    if (!rights->account)
        return;
    user_account_give_back_many(rights->account, USER_FILES_IN_MESSAGES, rights->count);
    user_account_release(rights->account);
}

/* ---- Rights -------------------------------------------------------------------------------- */

static size_t rights_size(unsigned capacity)
{
    return sizeof(struct socket_rights) + capacity * sizeof(struct flight);
}

struct socket_rights *rights_create(unsigned capacity)
{
    struct socket_rights *rights;

    ASSERT(capacity > 0);
    ASSERT(capacity <= RIGHTS_MAX);
    rights = memory_allocate(rights_size(capacity));
    if (rights)
        rights->capacity = capacity;
    return rights;
}

void rights_add(struct socket_rights *rights, struct file *file)
{
    struct flight *flight = &rights->flights[rights->count];

    ASSERT(rights->count < rights->capacity);
    ASSERT(!rights->is_flying);
    list_init(&flight->node);
    flight->file = file;
    flight->socket = socket_of(file);
    rights->count++;
}

unsigned rights_count(const struct socket_rights *rights)
{
    return rights->count;
}

struct file *rights_file(const struct socket_rights *rights, unsigned index)
{
    ASSERT(index < rights->count);
    return rights->flights[index].file;
}

int rights_duplicate(const struct socket_rights *rights, struct socket_rights **copy)
{
    *copy = rights_create(rights->count);
    if (!*copy)
        return -ENOMEM;
    for (unsigned i = 0; i < rights->count; i++) {
        file_reference(rights->flights[i].file);
        rights_add(*copy, rights->flights[i].file);
    }
    return 0;
}

void rights_free(struct socket_rights *rights)
{
    if (!rights)
        return;
    if (rights->is_flying)
        flight_end(rights);
    give_back(rights);
    for (unsigned i = 0; i < rights->count; i++)
        file_release(rights->flights[i].file);
    memory_free(rights, rights_size(rights->capacity));
}
