#!/usr/bin/env python3
"""Checks of the source text that no compiler makes: the rules of docs/style.md.

Each check is a generator that takes the Tree and yields problems as (path, line, message).
Prints `ok tidy/NAME` or `not ok tidy/NAME: ...` for each, with the problems above it.
"""
import re
import sys

import check_c
import check_docs
import check_relations
from tree import ROOT, Tree

CHECKS = check_c.CHECKS + check_relations.CHECKS + check_docs.CHECKS
PROBLEMS_SHOWN = 25


def name_of(check):
    return check.__name__.replace("check_", "", 1)


def run(tree, checks):
    """Prints every check's result; returns how many failed."""
    failed = 0
    for check in checks:
        problems = list(check(tree))
        for path, line, message in problems[:PROBLEMS_SHOWN]:
            print(f"{path}:{line}: {message}")
        if problems:
            failed += 1
            path, line, message = problems[0]
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            print(f"not ok tidy/{name_of(check)}: {path}:{line}: {message}{more}")
        else:
            print(f"ok tidy/{name_of(check)}")
    return failed


ASSERTION = re.compile(r"\b(?:ASSERT\w*|REQUIRES|_Static_assert)\s*\(")


def assertion_density(tree):
    """Assertions per function, by folder, those of the compilers too: a figure to look at, not a
    rule."""
    rows = []
    for folder in ("sched", "sync", "time", "memory", "futex"):
        sources = [tree.source(path) for path in tree.paths(f"src/{folder}", ".c")]
        functions = sum(len(source.functions) for source in sources)
        assertions = sum(len(ASSERTION.findall(source.code)) for source in sources)
        if functions:
            rows.append(f"{folder} {assertions / functions:.2f}")
    return ", ".join(rows)


def main():
    tree = Tree.read(ROOT)
    failed = run(tree, CHECKS)
    print("assertions per function: " + assertion_density(tree))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
