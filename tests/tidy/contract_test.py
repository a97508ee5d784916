#!/usr/bin/env python3
"""The compiler checks what functions say about locks (src/sync/lock_contract.h), and can fail.

Each case is the body of a function that uses a lock, and a text in the compiler's warning; none
when there is nothing to warn of.
"""
import os
import shutil
import subprocess
import sys

from tree import ROOT

SOURCE = """\
#include "sync/mutex.h"
#include "sync/spinlock.h"
struct thing {
    struct spinlock lock;
    struct mutex sleeping;
};
static void change(struct thing *thing) REQUIRES(&thing->lock, &thing->sleeping);
static int find(struct thing **thing) TRIES_TO_ACQUIRE(0, &(*thing)->lock);
static struct thing *find_locked(void);
void act(struct thing *thing) %s
{
    %s
}
"""
BOTH = "REQUIRES(&thing->lock, &thing->sleeping)"
LOCKED = "mutex_lock(&thing->sleeping); spin_lock(&thing->lock); %s mutex_unlock(&thing->sleeping);"

CASES = [
    ("both_are_held", "", LOCKED % "change(thing); spin_unlock(&thing->lock);", None),
    ("callers_hold_them", BOTH, "change(thing);", None),
    ("they_are_asserted", "", "if (spin_is_held(&thing->lock) && mutex_is_held(&thing->sleeping))"
                              " change(thing);", None),
    ("nothing_is_held", "", "change(thing);", "'thing->lock'"),
    ("the_mutex_is_not_held", "REQUIRES(&thing->lock)", "change(thing);", "'thing->sleeping'"),
    ("given_back_too_early", "", LOCKED % "spin_unlock(&thing->lock); change(thing);",
     "requires holding"),
    ("never_given_back", "", LOCKED % "", "still held at the end"),
    ("taken_twice", "REQUIRES(&thing->lock)", "spin_lock(&thing->lock);", "already held"),
    ("given_back_for_the_caller", "", "spin_unlock(&thing->lock);", "was not held"),
    ("only_tried", "", "(void)mutex_try_lock(&thing->sleeping); mutex_unlock(&thing->sleeping);",
     "was not held"),
    ("found", "", "if (!find(&thing)) spin_unlock(&thing->lock);", None),
    ("not_found", "", "if (find(&thing)) spin_unlock(&thing->lock);", "not held"),
    ("comes_back_with_it", "", "thing = find_locked(); spin_lock_taken(&thing->lock);"
                               " spin_unlock(&thing->lock);", None),
    ("unchecked", "LOCKS_UNCHECKED", "change(thing);", None),
]


def problem(clang, contract, body, wanted):
    command = [clang, "-std=c11", "-ffreestanding", "-I" + os.path.join(ROOT, "src"), "-x", "c",
               "-Wthread-safety", "-fsyntax-only", "-"]
    result = subprocess.run(command, input=SOURCE % (contract, body), capture_output=True,
                            text=True, check=False)
    warnings = [line for line in result.stderr.splitlines() if "-Wthread-safety" in line]
    if result.returncode != 0:
        return "does not compile: " + result.stderr.splitlines()[0]
    if wanted is None:
        return f"there is a warning: {warnings[0]}" if warnings else None
    return None if any(wanted in line for line in warnings) else f"no warning has {wanted!r}"


def main():
    clang = shutil.which(os.environ.get("CLANG", "clang"))
    if not clang:
        print("skip contract: there is no clang")
        return 0
    failed = 0
    for name, *case in CASES:
        why = problem(clang, *case)
        failed += why is not None
        print(f"not ok contract/{name}: {why}" if why else f"ok contract/{name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
