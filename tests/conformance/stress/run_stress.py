#!/usr/bin/env python3
"""Stressors on one and four virtual CPUs, on both C libraries: everything that was sent, locked,
made or waited for must be counted at the end, and the kernel must hold no more than after a few
rounds.

EFT_ALL: many more rounds each, 100,000 threads among them.
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common

# Rounds of each of six workers: in every run, and with EFT_ALL.
ROUNDS = {"futex": (3000, 100000), "mutex": (1500, 60000), "sem": (800, 20000),
          "clone": (60, 1500), "threads": (300, 17000), "switch": (800, 20000),
          "signal": (300, 10000), "timer": (60, 2000)}
WHOLE = os.environ.get("EFT_ALL") == "1"
LIMIT_SECONDS = 300
PAGES_KEPT = 64    # more, in caches: page tables, stacks of threads for the next ones


def run(kind, library, cpus, rounds):
    program = os.path.join(common.BUILD, f"conformance/stress/stress{library}.elf")
    result = common.execute([common.SIM, f"--cpus={cpus}", "--leak-check", program, kind,
                             str(rounds)], common.TOP, timeout=LIMIT_SECONDS)
    held = {pool: int(count) for count, pool in
            re.findall(r'leak check: (\d+) more of "([^"]*)"', result.errors)}
    pages = re.search(r"leak check: (\d+) pages fewer", result.errors)
    return result, held, int(pages.group(1)) if pages else 0


def check(suite, kind, library, cpus):
    name = f"stress_{kind}{library}_on_{cpus}_cpus"
    if not suite.wants(name):
        return
    _, held_before, pages_before = run(kind, library, cpus, 8)
    result, held, pages = run(kind, library, cpus, ROUNDS[kind][WHOLE])
    problems = [f"{count} of {pool}, after 8 rounds {held_before.get(pool, 0)}"
                for pool, count in held.items() if count > held_before.get(pool, 0)]
    if pages > pages_before + PAGES_KEPT:
        problems.append(f"{pages} pages, after 8 rounds {pages_before}")
    if not held:
        problems.append("no report of what is held")
    if result.status != 0:
        problems += [f"status {result.status}", *result.output.splitlines()]
    suite.check(name, problems)


def main():
    suite = common.Suite()
    for kind in ROUNDS:
        for library in ("", "_musl"):
            for cpus in (1, 4):
                check(suite, kind, library, cpus)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
