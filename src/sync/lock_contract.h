#pragma once
/*
 * What functions do with locks, in their types: clang -Wthread-safety checks every caller against
 * them (`make analyze-clang`); gcc knows nothing of it.  A function that needs a lock says so and
 * asserts it, so that what the compiler cannot follow is found at run time.
 * https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
 */

#if defined(__clang__)
#define LOCK_CONTRACT(contract) __attribute__((contract))
#else
#define LOCK_CONTRACT(contract)
#endif

#define LOCK_TYPE(kind) LOCK_CONTRACT(capability(kind))
/* Comes back with the locks held; gives them back; does so if it returns `result`. */
#define ACQUIRES(...) LOCK_CONTRACT(acquire_capability(__VA_ARGS__))
#define RELEASES(...) LOCK_CONTRACT(release_capability(__VA_ARGS__))
#define TRIES_TO_ACQUIRE(result, ...) LOCK_CONTRACT(try_acquire_capability(result, __VA_ARGS__))
/* The caller holds them, before and after. */
#define REQUIRES(...) LOCK_CONTRACT(requires_capability(__VA_ARGS__))
/* It is an error if the lock is not held: what follows is checked as if it were. */
#define ASSERTS_HELD(...) LOCK_CONTRACT(assert_capability(__VA_ARGS__))
/* What it does with locks depends on its arguments, which the compiler does not follow. */
#define LOCKS_UNCHECKED LOCK_CONTRACT(no_thread_safety_analysis)
