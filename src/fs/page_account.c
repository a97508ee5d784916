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
    account->files_max = page_statistics().total / 2;
    account->pages_max = pages_max > 0 ? pages_max : account->files_max;
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

static int charge(_Atomic uint64_t *used, uint64_t more, uint64_t most)
{
    if (atomic_fetch_add(used, more) + more <= most)
        return 0;
    atomic_fetch_sub(used, more);
    return -ENOSPC;
}

int page_account_charge(struct page_account *account, uint64_t pages)
{
    return charge(&account->pages_used, pages, account->pages_max);
}

void page_account_uncharge(struct page_account *account, uint64_t pages)
{
    atomic_fetch_sub(&account->pages_used, pages);
}

int page_account_charge_file(struct page_account *account)
{
    return charge(&account->files_used, 1, account->files_max);
}

void page_account_uncharge_files(struct page_account *account, uint64_t files)
{
    atomic_fetch_sub(&account->files_used, files);
}
