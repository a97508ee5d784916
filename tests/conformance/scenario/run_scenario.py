#!/usr/bin/env python3
"""Whole-kernel scenarios: a program whose threads and processes lock, wait, signal, fork and die,
another one for each seed, on four virtual CPUs, in a kernel that looks at its run queues, its
priorities and its futexes before every operation (build/sim-checked).

EFT_SEEDS: four times as many seeds (`make conformance` has 200); by default 40.
"""
import concurrent.futures
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common

CHECKED = os.path.join(common.BUILD, "sim-checked")
SEEDS = 4 * int(os.environ.get("EFT_SEEDS", "0")) or 40
LIBRARIES = ("", "_musl")


def problems_of(seed):
    library = LIBRARIES[seed % len(LIBRARIES)]
    program = os.path.join(common.BUILD, f"conformance/scenario/scenario{library}.elf")
    command = [CHECKED, "--cpus=4", "--user=0", f"--seed={seed}", program, str(seed)]
    result = common.execute(command, common.TOP)
    if result.status == 0 and result.output == "all was counted\n":
        return []
    return [f"status {result.status}: {' '.join(command)}", *result.output.splitlines(),
            *result.errors.splitlines()[:common.LINES_SHOWN]]


def main():
    suite = common.Suite()
    if not suite.wants("scenarios"):
        return suite.status()
    problems = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(problems_of, range(1, SEEDS + 1)):
            problems += found
    suite.check("scenarios", problems)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
