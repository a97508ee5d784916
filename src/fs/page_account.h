#pragma once
/*
 * How many pages of memory a filesystem's files may use, and do, and how many files there may be.
 * Caches outlive their filesystem while they are mapped, so each holds a reference to the account.
 */
#include <stdint.h>

#include "lib/error.h"
#include "lib/refcount.h"

struct page_account {
    uint64_t pages_max;    /* constant */
    uint64_t files_max;    /* constant from the first file on */
    struct refcount references;
    _Atomic uint64_t pages_used;
    _Atomic uint64_t files_used;
};

/* One reference; 0: half of the memory.  A file for each two pages of the memory.  -ENOMEM. */
MUST_CHECK int page_account_create(uint64_t pages_max, struct page_account **account);
void page_account_reference(struct page_account *account);
void page_account_release(struct page_account *account);
/* -ENOSPC. */
MUST_CHECK int page_account_charge(struct page_account *account, uint64_t pages);
void page_account_uncharge(struct page_account *account, uint64_t pages);
/* One file, or one further name of a file.  -ENOSPC. */
MUST_CHECK int page_account_charge_file(struct page_account *account);
void page_account_uncharge_files(struct page_account *account, uint64_t files);
