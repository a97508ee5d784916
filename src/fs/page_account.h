#pragma once
/*
 * How many pages of memory a filesystem's files may use, and do.  Caches outlive their filesystem
 * while they are mapped, so each holds a reference to the account.
 */
#include <stdint.h>

#include "lib/error.h"
#include "lib/refcount.h"

struct page_account {
    uint64_t pages_max;    /* constant */
    struct refcount references;
    _Atomic uint64_t pages_used;
};

/* One reference; 0: half of the memory.  -ENOMEM. */
MUST_CHECK int page_account_create(uint64_t pages_max, struct page_account **account);
void page_account_reference(struct page_account *account);
void page_account_release(struct page_account *account);
/* -ENOSPC. */
MUST_CHECK int page_account_charge(struct page_account *account, uint64_t pages);
void page_account_uncharge(struct page_account *account, uint64_t pages);
