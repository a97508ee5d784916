/* Accounts of pages. */
#include "fs/page_account.h"

#include "memory/page.h"
#include "memory/pool.h"

static struct pool account_pool = POOL_INITIAL("page account", struct page_account, 0);

int page_account_create(uint64_t pages_max, struct page_account **result)
{
    struct page_account *account = pool_allocate(&account_pool);

    if (!account)
        return -ENOMEM;
    refcount_init(&account->references, 1);
    account->pages_max = pages_max > 0 ? pages_max : page_statistics().total / 2;
    *result = account;
    return 0;
}

void page_account_reference(struct page_account *account)
{
    refcount_take(&account->references);
}

void page_account_release(struct page_account *account)
{
    if (refcount_drop(&account->references))
        pool_free(&account_pool, account);
}

int page_account_charge(struct page_account *account, uint64_t pages)
{
    uint64_t used = atomic_fetch_add(&account->pages_used, pages);

    if (used + pages <= account->pages_max)
        return 0;
    atomic_fetch_sub(&account->pages_used, pages);
    return -ENOSPC;
}

void page_account_uncharge(struct page_account *account, uint64_t pages)
{
    atomic_fetch_sub(&account->pages_used, pages);
}
