/*
 * Accounts of users.
 *
 * Invariant: an account is in the table from its first to its last reference, both with the lock.
 * One needs no memory from the pool: mostly there is one user only, and signals should not be lost.
 */
#include "fs/user_account.h"

#include "lib/assert.h"
#include "lib/list.h"
#include "memory/pool.h"
#include "sync/spinlock.h"

#define BUCKETS 16u

struct user_account {
    struct list node;
    uint32_t user_id;          /* constant */
    uint32_t references;       /* protected by the table's lock, as `node` */
    _Atomic uint64_t charged[USER_CHARGE_COUNT];
};

static struct pool account_pool = POOL_INITIAL("user account", struct user_account, 0);

static struct {
    struct spinlock lock;             /* RANK_USER_ACCOUNTS */

    /* Protected by `lock`. */
    struct list buckets[BUCKETS];     /* by user; initialised when first used */
    struct user_account spare;        /* for one user, without memory from the pool */
    bool spare_taken;
} accounts = { .lock = SPINLOCK_INITIAL(RANK_USER_ACCOUNTS, "user accounts") };

static struct list *bucket_of(uint32_t user_id) REQUIRES(&accounts.lock)
{
    struct list *bucket = &accounts.buckets[user_id % BUCKETS];

    ASSERT(spin_is_held(&accounts.lock));
    if (!bucket->next)
        list_init(bucket);
    return bucket;
}

static struct user_account *find(uint32_t user_id) REQUIRES(&accounts.lock)
{
    LIST_FOR_EACH(node, bucket_of(user_id)) {
        struct user_account *account = LIST_ENTRY(node, struct user_account, node);

        if (account->user_id == user_id)
            return account;
    }
    return NULL;
}

static struct user_account *create(uint32_t user_id) REQUIRES(&accounts.lock)
{
    struct user_account *account =
        accounts.spare_taken ? pool_allocate(&account_pool) : &accounts.spare;

    if (!account)
        return NULL;
    if (account == &accounts.spare)
        accounts.spare_taken = true;
    account->user_id = user_id;
    list_init(&account->node);
    list_append(bucket_of(user_id), &account->node);
    return account;
}

static void destroy(struct user_account *account) REQUIRES(&accounts.lock)
{
    list_remove(&account->node);
    if (account == &accounts.spare)
        accounts.spare_taken = false;
    else
        pool_free(&account_pool, account);
}

struct user_account *user_account_open(uint32_t user_id)
{
    spin_lock(&accounts.lock);

    struct user_account *account = find(user_id);

    if (!account)
        account = create(user_id);
    if (account)
        account->references++;
    spin_unlock(&accounts.lock);
    return account;
}

void user_account_release(struct user_account *account)
{
    spin_lock(&accounts.lock);
    if (--account->references == 0)
        destroy(account);
    spin_unlock(&accounts.lock);
}

uint64_t user_account_charged(uint32_t user_id, enum user_charge what)
{
    spin_lock(&accounts.lock);

    const struct user_account *account = find(user_id);
    uint64_t charged = account ? atomic_load(&account->charged[what]) : 0;

    spin_unlock(&accounts.lock);
    return charged;
}

bool user_account_charge(struct user_account *account, enum user_charge what, uint64_t limit)
{
    if (atomic_fetch_add(&account->charged[what], 1) < limit)
        return true;
    user_account_give_back(account, what);
    return false;
}

void user_account_give_back(struct user_account *account, enum user_charge what)
{
    user_account_give_back_many(account, what, 1);
}

struct user_account *user_account_open_charged(uint32_t user_id, enum user_charge what,
                                               uint64_t limit)
{
    struct user_account *account = user_account_open(user_id);

    if (!account || user_account_charge(account, what, limit))
        return account;
    user_account_release(account);
    return NULL;
}

void user_account_release_charged(struct user_account *account, enum user_charge what)
{
    user_account_give_back(account, what);
    user_account_release(account);
}

bool user_account_charge_many(struct user_account *account, enum user_charge what, uint64_t count,
                              uint64_t limit)
{
    if (atomic_fetch_add(&account->charged[what], count) <= limit)
        return true;
    user_account_give_back_many(account, what, count);
    return false;
}

void user_account_give_back_many(struct user_account *account, enum user_charge what,
                                 uint64_t count)
{
    uint64_t before = atomic_fetch_sub(&account->charged[what], count);

    ASSERT(before >= count);
}
