#pragma once
/*
 * What must hold whenever the locks that protect it are free, looked at by build/sim-checked before
 * each operation of an observed run (--seed).  A violation is a panic.  Another virtual CPU may be
 * anywhere, also within a critical section: so the locks are taken, all that matter at once.
 */

/* No lock held. */
void invariants_check(void);

/* Parts of it, in the files that know the locks and the data they protect. */
void invariants_check_futexes(void);       /* futex_queue_checked.c */
void invariants_lock_priorities(void);     /* pi_mutex_checked.c */
void invariants_unlock_priorities(void);
