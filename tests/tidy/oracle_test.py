#!/usr/bin/env python3
"""What happens inside is compared with what Linux does, and Linux may do several things
(tests/conformance/common.py)."""
import contextlib
import io
import os
import sys

from tree import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests", "conformance"))
import common

# name, what the native runs print, what two runs inside print, how often it runs natively, what
# the suite says
CASES = [
    ("the_same", "a", "aa", 1, "ok 0, ok 1"),
    ("another_that_linux_never_gives", "aaaaaa", "ba", 5, "not ok 0: status, ok 1"),
    ("another_that_linux_gives_too", "aab", "bb", 3, "ok 0, # 2: 0, ok 1, # 2: 1"),
    ("another_though_linux_gives_two", "abababa", "ca", 5,
     "not ok 0: status, # 2: 0, ok 1, # 2: 1"),
    ("what_was_seen_is_remembered", "aabaca", "cd", 5,
     "ok 0, # 3: 0, not ok 1: status, # 3: 1"),
    ("others_are_not_asked_after_an_end", "aaaab", "cc", 5,
     "not ok 0: status, # 2: 0, not ok 1: status, # 2: 1"),
]


def compare(expected, found):
    return ["status"] if expected.status != found.status else []


def problem(natives, hosted, runs, says):
    """What is wrong with such a test, or None."""
    results = iter([common.Result(b"", b"", letter) for letter in natives])
    with contextlib.redirect_stdout(io.StringIO()) as output:
        suite = common.Suite()
        oracle = common.Oracle(lambda: next(results), compare)
        for number, letter in enumerate(hosted):
            suite.compare(str(number), oracle, common.Result(b"", b"", letter))
    said = ", ".join(line.replace("linux itself gave ", "").replace(" different outputs", "")
                     for line in output.getvalue().splitlines() if not line.startswith(" "))
    if said != says:
        return f"it says {said!r}"
    if len(oracle.results) != runs:
        return f"{len(oracle.results)} native runs"
    if suite.failed != says.count("not ok"):
        return f"{suite.failed} count as failed"
    return None


def main():
    failed = 0
    for name, *case in CASES:
        why = problem(*case)
        failed += why is not None
        print(f"not ok oracle/{name}: {why}" if why else f"ok oracle/{name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
