/*
 * The kernel's choices, with a look at what must hold before each operation; all else is the real
 * file.  Linked into build/sim-checked only.
 */
#define choice_before choice_before_unchecked
#include "../../src/sched/choice.c"
#undef choice_before

#include "invariants.h"

void choice_before(const struct operation *operation, const _Atomic int64_t *needs);

void choice_before(const struct operation *operation, const _Atomic int64_t *needs)
{
    if (choice_is_observed())
        invariants_check();
    choice_before_unchecked(operation, needs);
}
