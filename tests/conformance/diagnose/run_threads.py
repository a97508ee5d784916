#!/usr/bin/env python3
"""Threads of glibc and musl that wait for each other, System V semaphores, hangs, and SIGQUIT.

The programs are those of threads.c beside this file.  Lines that reports name must be of threads.c
and take the lock that is meant.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import common
from common import BUILD, SIM, execute

LIBRARIES = {"glibc": "threads.elf", "musl": "threads_musl.elf", "dynamic": "threads_dynamic"}
STATIC = ("glibc", "musl")
DEADLOCK = 121
TIME_LIMIT = 122
LIMIT_SECONDS = 8 if "EFT_SIM" in os.environ else 1    # a machine that must boot takes longer
QUIT = 128 + signal.SIGQUIT
with open(os.path.join(HERE, "threads.c"), encoding="utf-8") as source:
    SOURCE = source.read().splitlines()

# How the report says that it knows a lock, and whether that is a guess.
MUTEXES = {"glibc": ("a mutex of glibc", True), "musl": ("a mutex of musl", True),
           "dynamic": ("a mutex of glibc", True)}
KNOTS = {
    "abba": MUTEXES,
    "checked": MUTEXES,
    "robust": {"glibc": ("a robust lock", False), "musl": ("a mutex of musl", True),
               "dynamic": ("a robust lock", False)},
}
TAKES = r"pthread_mutex_lock\(&(first|second|third)_lock\)"


def program(library):
    return os.path.join(BUILD, "conformance/diagnose", LIBRARIES[library])


def root_of(library):
    """A dynamic program needs its libraries."""
    return ["--root=/"] if library == "dynamic" else []


def reports_in(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def source_line(thread):
    place = thread.get("called_from", {})
    return SOURCE[place["line"] - 1] if place.get("file") == "threads.c" else ""


def problems_of_circle(report, kind, is_guess):
    """Two threads, each at the line that takes the other one's lock."""
    if [len(cycle) for cycle in report["cycles"]] != [2]:
        return [f"circles {report['cycles']}"]
    threads = {thread["thread"]: thread for thread in report["threads"]}
    first, second = (threads[number] for number in report["cycles"][0])
    found = []
    for waiting, holding in ((first, second), (second, first)):
        wait = waiting["waits_for"]
        if wait.get("lock") != kind or wait["held_by"]["thread"] != holding["thread"]:
            found.append(f"{wait} is not {kind} held by {holding['thread']}")
        elif wait["held_by"]["guess"] != is_guess:
            found.append(f"guess: {wait['held_by']['guess']}")
    functions = {thread.get("called_from", {}).get("function") for thread in (first, second)}
    if functions != {"take_forwards", "take_backwards"}:
        found.append(f"functions {functions}")
    locks = {match.group(1) for match in
             (re.search(TAKES, source_line(thread)) for thread in (first, second)) if match}
    if locks != {"first", "second"}:
        found.append(f"the lines are about the locks {locks}")
    return found


def circles(suite, directory):
    path = os.path.join(directory, "report.json")
    for name, expected in KNOTS.items():
        for library, (kind, is_guess) in expected.items():
            for cpus in (1, 4):
                test = f"threads_{name}_{library}" + ("_on_4_cpus" if cpus == 4 else "")
                if not suite.wants(test):
                    continue
                result = execute([SIM, f"--cpus={cpus}", f"--report-file={path}",
                                  *root_of(library), program(library), name])
                found = [] if result.status == DEADLOCK else [f"status {result.status}"]
                if not found:
                    found = problems_of_circle(reports_in(path)[-1], kind, is_guess)
                if is_guess and "a guess, its memory looks like" not in result.errors:
                    found.append("the text does not say that it guesses")
                suite.check(test, found + result.errors.splitlines() if found else [])


def semaphores(suite, directory):
    """System V semaphores, whose holders the kernel knows."""
    path = os.path.join(directory, "semaphores.json")
    for cpus in (1, 4):
        test = "system_v_circle" + ("_on_4_cpus" if cpus == 4 else "")
        if not suite.wants(test):
            continue
        result = execute([SIM, f"--cpus={cpus}", f"--report-file={path}", program("glibc"),
                          "semaphores"])
        found = [] if result.status == DEADLOCK else [f"status {result.status}"]
        report = reports_in(path)[-1] if not found else {"cycles": [], "threads": []}
        if [len(cycle) for cycle in report["cycles"]] != [2]:
            found.append(f"circles {report['cycles']}")
        waits = {thread["waits_for"]["kind"] for thread in report["threads"]}
        functions = {thread.get("called_from", {}).get("function")
                     for thread in report["threads"]}
        if waits != {"semop"} or functions != {"change"}:
            found.append(f"waits {waits} in {functions}")
        suite.check(test, found + result.errors.splitlines() if found else [])
    if suite.wants("system_v_dead_holder"):
        result = execute([SIM, program("musl"), "dead"])
        good = result.status == DEADLOCK and re.search(
            r"waits for semaphore 1 of System V set \d+, value 0.*\n.*held by process \d+.*\n"
            r".*ended at .* and never gave it back", result.errors)
        suite.check("system_v_dead_holder", [] if good else result.errors.splitlines())


def hang(directory, name, library, options=()):
    """A run with --hang-after and a time limit; its reports."""
    path = os.path.join(directory, "hang.json")
    for limit in (LIMIT_SECONDS, 10 * LIMIT_SECONDS):    # a busy host may not have come to it
        result = execute([SIM, "--hang-after=0.3", f"--time-limit={limit}",
                          f"--report-file={path}", *options, program(library), name])
        reports = reports_in(path)
        if [report["kind"] for report in reports] != ["time limit"]:
            break
    return result, reports


def hangs(suite, directory):
    for library in STATIC:
        for cpus in (1, 4):
            test = f"hang_asleep_{library}" + ("_on_4_cpus" if cpus == 4 else "")
            if not suite.wants(test):
                continue
            result, reports = hang(directory, "asleep", library, [f"--cpus={cpus}"])
            kinds = [report["kind"] for report in reports]
            found = [] if kinds == ["hang", "time limit"] else [f"reports {kinds}"]
            found += [] if result.status == TIME_LIMIT else [f"status {result.status}"]
            if not found:
                kind, is_guess = MUTEXES[library]
                found += problems_of_circle(reports[0], kind, is_guess)
                sleeping = [thread for thread in reports[0]["threads"]
                            if thread["waits_for"]["kind"] == "sleep"]
                if [thread.get("called_from", {}).get("function")
                    for thread in sleeping] != ["sleep_long"]:
                    found.append(f"who sleeps: {sleeping}")
                if reports[0]["time_ns"] < 300_000_000:
                    found.append("it was reported too early")
            suite.check(test, found + result.errors.splitlines() if found else [])
    if suite.wants("hang_chain"):
        # The kernel knows who holds a lock that lends priority: main -> second -> third.
        result, reports = hang(directory, "chain", "glibc")
        owners = {thread["thread"]: thread["waits_for"]["held_by"]
                  for thread in reports[0]["threads"] if "held_by" in thread["waits_for"]}
        first = min(owners, default=0)
        middle = owners[first]["thread"] if owners else 0
        good = (len(owners) == 2 and middle in owners and not owners[first]["guess"]
                and "a lock with priority inheritance" in result.errors)
        suite.check("hang_chain", [] if good else result.errors.splitlines())
    if suite.wants("hang_goes_on"):
        result, reports = hang(directory, "late", "glibc")
        good = (result.status == 0 and result.output == "done\n"
                and [report["kind"] for report in reports] == ["hang"])
        suite.check("hang_goes_on", [] if good else [str(reports), result.errors])
    if suite.wants("hang_not_while_something_runs"):
        result, reports = hang(directory, "busy", "musl")
        suite.check("hang_not_while_something_runs", [] if (result.status, reports) == (0, []) and
                    not result.errors else [result.errors])
    if suite.wants("hang_seeded"):
        result, reports = hang(directory, "asleep", "glibc", ["--seed=3", "--cpus=4"])
        kinds = [report["kind"] for report in reports]
        good = kinds == ["hang", "deadlock"] and 0.3e9 <= reports[0]["time_ns"] < 0.31e9
        suite.check("hang_seeded", [] if good else [f"{kinds}", result.errors])
    if suite.wants("hang_wrong"):
        wrong = [value for value in ("0", "-1", "x", "")
                 if execute([SIM, f"--hang-after={value}", program("glibc")]).status !=
                 common.STATUS_REFUSED]
        suite.check("hang_wrong", [f"--hang-after={value} is taken" for value in wrong])


def quits(suite, directory):
    """SIGQUIT to the sim: the report, and then what Linux does."""
    path = os.path.join(directory, "asked.json")
    for cpus in (1, 4):
        test = "quit" + ("_on_4_cpus" if cpus == 4 else "")
        if not suite.wants(test):
            continue
        with open(path, "w", encoding="utf-8"):
            pass
        process = subprocess.Popen([SIM, f"--cpus={cpus}", f"--report-file={path}",
                                    "--hang-after=0.2", program("glibc"), "asleep"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        end = time.monotonic() + common.TIMEOUT_SECONDS
        while os.path.getsize(path) == 0 and time.monotonic() < end:    # until the circle is there
            time.sleep(0.05)
        process.send_signal(signal.SIGQUIT)
        errors = process.communicate(timeout=common.TIMEOUT_SECONDS)[1].decode()
        status = common.shell_status(process.returncode)
        found = [] if status == QUIT else [f"status {status}"]
        reports = reports_in(path)
        if [report["kind"] for report in reports] != ["hang", "asked"]:
            found.append(f"reports {[report['kind'] for report in reports]}")
        else:
            found += problems_of_circle(reports[1], *MUTEXES["glibc"])
        if not re.search(r"asked for after .*(\n.*)*killed by signal 3", errors):
            found.append("the report does not come before the end")
        suite.check(test, found + errors.splitlines() if found else [])


def main():
    suite = common.Suite()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        circles(suite, directory)
        semaphores(suite, directory)
        hangs(suite, directory)
        quits(suite, directory)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
