#pragma once
/*
 * How many of some things each user has, where Linux limits that by user and not by process.
 *
 * An account is counted: what is charged to it holds a reference, so it goes with the last.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct user_account;

enum user_charge {
    USER_EPOLL_WATCHES,
    USER_NOTIFY_QUEUES,      /* inotify_init */
    USER_NOTIFY_WATCHES,
    USER_FILES_IN_MESSAGES,  /* of sockets */
    USER_PENDING_SIGNALS,
    USER_CHARGE_COUNT
};

/* The user's account, with a reference.  NULL: no memory, which never happens to the first user. */
struct user_account *user_account_open(uint32_t user_id);
void user_account_release(struct user_account *account);
/* How much is charged to the user. */
uint64_t user_account_charged(uint32_t user_id, enum user_charge what);

/* One more, unless there are `limit` already.  Any context, as the next one. */
MUST_CHECK bool user_account_charge(struct user_account *account, enum user_charge what,
                                    uint64_t limit);
void user_account_give_back(struct user_account *account, enum user_charge what);
/* So many more, unless there are more than `limit` already: they may go beyond it. */
MUST_CHECK bool user_account_charge_many(struct user_account *account, enum user_charge what,
                                         uint64_t count, uint64_t limit);
/* A reference and one more of something together; NULL: no memory, or there are `limit` already. */
struct user_account *user_account_open_charged(uint32_t user_id, enum user_charge what,
                                               uint64_t limit);
void user_account_release_charged(struct user_account *account, enum user_charge what);
void user_account_give_back_many(struct user_account *account, enum user_charge what,
                                 uint64_t count);
