#pragma once
/* What the parts of dinner share: the table, its semaphores, and the solutions 3 and 4. */
#include "teaching.h"

enum { PHILOSOPHERS = 5 };

/* The forks have the keys 0 to 4: the fork left of philosopher N is N. */
enum semaphore {
    FORK_0,
    FORK_1,
    FORK_2,
    FORK_3,
    FORK_4,
    WAITER = 64,          /* how many more may reach for forks */
    TABLE = 65,           /* guards what everybody is doing */
    SEAT_0 = 0x100,       /* philosopher N waits at SEAT_0 + N for both forks at once */
    BATON_1 = 0x200,      /* signalled when philosopher 1 has begun a further meal */
    BATON_3 = 0x201,      /* the same of philosopher 3 */
};

#pragma GCC visibility push(hidden)    /* in this program, so not by way of a table */
extern uint64_t dinner_rounds;
#pragma GCC visibility pop

/* Everybody sits down, hungry.  The conspiracy is solution 3, otherwise it is 4. */
void table_set(bool conspiracy);
void table_take_forks(int philosopher, uint64_t round);
void table_put_forks(int philosopher, uint64_t round);
/* Who had to wait longest, in meals of the others. */
void table_tell(void);
