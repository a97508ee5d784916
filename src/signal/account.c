/*
 * How many signals each user has pending, in all of his processes: what RLIMIT_SIGPENDING limits.
 *
 * Invariant: an account is in the table while something is charged to it; `pending` says how much.
 * One needs no memory from the pool: mostly there is one user only.
 */
#include "lib/list.h"
#include "memory/pool.h"
#include "signal/signal_internal.h"

#define BUCKETS 16u

struct signal_account {
    struct list node;
    uint32_t user_id;
    uint64_t pending;
};

static struct pool account_pool = POOL_INITIAL("signal account", struct signal_account, 0);

static struct {
    struct spinlock lock;    /* RANK_SIGNAL_ACCOUNT */

    /* Protected by `lock`. */
    struct list buckets[BUCKETS];      /* by user; initialised when first used */
    struct signal_account spare;       /* for one user, without memory from the pool */
    bool spare_taken;
} accounts = { .lock = SPINLOCK_INITIAL(RANK_SIGNAL_ACCOUNT, "signal accounts") };

static struct list *bucket_of(uint32_t user_id)
{
    struct list *bucket = &accounts.buckets[user_id % BUCKETS];

    ASSERT(spin_is_held(&accounts.lock));
    if (!bucket->next)
        list_init(bucket);
    return bucket;
}

static struct signal_account *find(uint32_t user_id)
{
    LIST_FOR_EACH(node, bucket_of(user_id)) {
        struct signal_account *account = LIST_ENTRY(node, struct signal_account, node);

        if (account->user_id == user_id)
            return account;
    }
    return NULL;
}

static struct signal_account *create(uint32_t user_id)
{
    struct signal_account *account =
        accounts.spare_taken ? pool_allocate(&account_pool) : &accounts.spare;

    if (!account)
        return NULL;
    if (account == &accounts.spare)
        accounts.spare_taken = true;
    account->user_id = user_id;
    account->pending = 0;
    list_init(&account->node);
    list_append(bucket_of(user_id), &account->node);
    return account;
}

static void destroy(struct signal_account *account)
{
    ASSERT(account->pending == 0);
    list_remove(&account->node);
    if (account == &accounts.spare)
        accounts.spare_taken = false;
    else
        pool_free(&account_pool, account);
}

struct signal_account *signal_account_charge(uint32_t user_id, uint64_t limit)
{
    spin_lock(&accounts.lock);

    struct signal_account *account = find(user_id);

    if (account && account->pending >= limit)
        account = NULL;
    else if (!account && limit > 0)
        account = create(user_id);
    if (account)
        account->pending++;
    spin_unlock(&accounts.lock);
    return account;
}

void signal_account_give_back(struct signal_account *account)
{
    spin_lock(&accounts.lock);
    ASSERT(account->pending > 0);
    if (--account->pending == 0)
        destroy(account);
    spin_unlock(&accounts.lock);
}

uint64_t signal_pending_of_user(uint32_t user_id)
{
    spin_lock(&accounts.lock);

    const struct signal_account *account = find(user_id);
    uint64_t pending = account ? account->pending : 0;

    spin_unlock(&accounts.lock);
    return pending;
}
