#!/usr/bin/env python3
"""Tests that others wrote for Linux: how many pass natively, how many inside the kernel.

They come from Debian's source packages: the kernel's own tests and those of its C library.  Nothing
of them is part of this repository: downloads, programs and results are kept below BUILD/outside.
The status is 0 when each group reaches its goal.
"""
import argparse
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import building
import fetch
import glibc_tests
import linux_tests
import running

# How much of what passes natively must pass inside; None: it is only shown.
GOALS = {"futex": 1, "clone3": 1, "timers": 1, "sigaltstack": 1, "membarrier": 1, "kcmp": None,
         "exec": 0.85, "pidfd": 0.85, "proc": 0.85, "mqueue": 0.85, "memfd": 0.85, "openat2": 0.85,
         "vm": 0.85, "nptl": 0.9, "rt": 0.9, "signal": 0.9, "sysvipc": 0.9,
         "posix": 0.85, "io": 0.85, "misc": 0.85, "linux": 0.85, "time": 0.85}
CPUS = (1, 4)
LINES_SHOWN = 12


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--json", metavar="FILE", help="write the results there, too")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--fresh", action="store_true", help="run also what has not changed")
    parser.add_argument("--show", action="store_true", help="the output of those that differ")
    parser.add_argument("names", nargs="*", metavar="GROUP|NAME",
                        help="only these groups or tests")
    return parser.parse_args()


def collect(folder, jobs):
    tests = list(linux_tests.tests(fetch.linux_selftests(folder),
                                   os.path.join(folder, "programs")))
    tests += glibc_tests.tests(fetch.glibc_sources(folder), os.path.join(folder, "programs-glibc"),
                               jobs)
    return tests


def wanted(test, names):
    return not names or any(name in (test.group, test.name, test.name.split()[0])
                            for name in names)


def run_all(tests, runners, options):
    """{runner's name: {test's index: result}}"""
    def one(pair):
        runner, test = pair
        result = runner.run(test, options.fresh)
        print("." if result["passed"] else "x", end="", file=sys.stderr, flush=True)
        return result

    pairs = [(runner, test) for runner in runners for test in tests]
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(one, pairs))
    print(file=sys.stderr)
    return {runner.name: results[i * len(tests):(i + 1) * len(tests)]
            for i, runner in enumerate(runners)}


def group_row(group, tests, results, not_built):
    """What is shown and written of a group."""
    mine = [i for i, test in enumerate(tests) if test.group == group]
    native = [i for i in mine if results["native"][i]["passed"]]
    row = {"tests": len(mine), "not_built": not_built, "native": len(native), "here": {},
           "differ": {}}
    for name, list_of in results.items():
        if name != "native":
            failed = [tests[i].name for i in native if not list_of[i]["passed"]]
            row["here"][name] = len(native) - len(failed)
            row["differ"][name] = failed
    least = min(row["here"].values())
    goal = GOALS[group]
    row["goal"] = goal
    row["reached"] = goal is None or not native or least >= goal * len(native)
    return row


def show_table(rows):
    names = list(next(iter(rows.values()))["here"])
    print(f"{'group':<12} {'built':>6} {'not':>5} {'native':>7} "
          + " ".join(f"{name:>8}" for name in names) + "   goal")
    for group, row in rows.items():
        goal = row["goal"]
        verdict = "" if goal is None else \
            f"{goal:.0%}: {'reached' if row['reached'] else 'MISSED'}"
        counts = " ".join(f"{row['here'][name]:>8}" for name in names)
        print(f"{group:<12} {row['tests']:>6} {row['not_built']:>5} {row['native']:>7} {counts}   "
              f"{verdict}".rstrip())
    for group, row in rows.items():
        for name, differ in row["differ"].items():
            if differ:
                print(f"{group}, passes natively and not with {name}: {', '.join(differ)}")


def show_outputs(tests, results):
    for i, test in enumerate(tests):
        for name, list_of in results.items():
            if results["native"][i]["passed"] and not list_of[i]["passed"]:
                print(f"---- {test.group} {test.name}, {name}: status {list_of[i]['status']}")
                print("\n".join(list_of[i]["output"].rstrip().splitlines()[-LINES_SHOWN:]))


def main():
    options = parse()
    build = os.path.abspath(options.build)
    folder = os.path.join(build, "outside")
    try:
        tests = [test for test in collect(folder, options.jobs) if wanted(test, options.names)]
    except fetch.NotObtainable as why:
        print(f"outside: {why}", file=sys.stderr)
        return 2
    building.build_all({id(test.program): test.program for test in tests}.values(), options.jobs)
    absent = [test for test in tests if test.program.why_not]
    tests = [test for test in tests if not test.program.why_not]
    simulator = shutil.copy2(os.path.join(build, "sim"), folder)    # may be built anew meanwhile
    runners = [running.Runner("native", folder)]
    runners += [running.Runner(f"{cpus}-cpu", folder, simulator, [f"--cpus={cpus}"])
                for cpus in CPUS]
    results = run_all(tests, runners, options)
    rows = {group: group_row(group, tests, results,
                             sum(test.group == group for test in absent))
            for group in GOALS if any(test.group == group for test in tests)}
    show_table(rows)
    if options.show:
        show_outputs(tests, results)
    if options.json:
        report = {"groups": rows,
                  "not_built": {test.name: test.program.why_not for test in absent}}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
    return 0 if all(row["reached"] for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
