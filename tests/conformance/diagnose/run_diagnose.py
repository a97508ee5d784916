#!/usr/bin/env python3
"""Runs that cannot go on: what the kernel says about them, in words, as JSON and as a graph.

The programs are those of knots.c and stuck.c beside this file and the classics of guests/teaching.
Places in reports are checked against the sources: the line that is named must make the call.
"""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import common
from common import BUILD, SIM, TOP, execute, guest

STUCK = os.path.join(BUILD, "conformance/diagnose/stuck.elf")
DEADLOCK = 121
TIME_LIMIT = 122
SLOW_SECONDS = 20
SOURCES = {name: os.path.join(folder, name) for folder, name in (
    (HERE, "knots.c"), (HERE, "stuck.c"), (os.path.join(TOP, "guests/teaching"), "dinner.c"),
    (os.path.join(TOP, "guests/teaching"), "dinner_table.c"),
    (os.path.join(TOP, "guests/teaching"), "abba.c"),
    (os.path.join(TOP, "guests/teaching"), "lost_wakeup.c"),
    (os.path.join(TOP, "guests/lib/teaching"), "teaching.h"))}
# What the line that a report names for a wait must contain.
CALLS = {"semaphore": r"semaphore_wait|SEMAPHORE_GUARD|}", "child": r"process_wait"}
SEEDS = 60

# name, threads in circles (first process first in its list), patterns that the text must match
KNOTS = [
    ("circle", [3], [
        r"deadlock after .* s: nothing can ever run again; 4 threads wait, 3 of them for each "
        r"other in a circle",
        r"process 2 \(knots\.elf\) waits for process 3 \(knots\.elf\) to end, .* at circle "
        r"\(knots\.c:\d+\)",
        r"process 3 \(knots\.elf\) waits for semaphore 2, value 0, since .* at take_second "
        r"\(knots\.c:\d+\)\neft: +held by process 4 \(knots\.elf\) since .*, taken at take "
        r"\(knots\.c:\d+\)",
        r"\.-> process 3 \(knots\.elf\) waits for semaphore 2, held by\n"
        r"eft: +\| +process 4 \(knots\.elf\), which waits for semaphore 3, held by\n"
        r"eft: +\| +process 5 \(knots\.elf\), which waits for semaphore 1, held by\n"
        r"eft: +'-- process 3 \(knots\.elf\)"]),
    ("mixed", [2], [
        r"2 threads wait, 2 of them", r"process 2 .* waits for process 3 .* to end\n",
        r"process 3 .* which waits for semaphore 1, held by\neft: +'-- process 2"]),
    ("itself", [1], [r"1 thread waits, for itself", r"waits for itself \(process 2\) to end"]),
    ("twice", [1], [r"1 thread waits, for itself", r"held by process 2 .* taken at take \("]),
    ("dead_holder", [], [
        r"held by process 3 .* taken at take \(", r"process 3 .* ended at .* never gave it back"]),
    ("killed_holder", [], [r"process 3 .* ended at .* never gave it back"]),
    ("lost", [], [
        r"semaphore 0x2000, value 0", r"a signal was lost, because there was no such semaphore "
        r"then: process 2 .* lost \(knots\.c:\d+\)"]),
    ("never", [], [r"nobody has ever signalled it, and nobody is left who could"]),
    ("once_too_often", [], [
        r"it began with 0, was signalled once and taken once; the last signal came from process 2 "
        r".* once_too_often \(knots\.c:\d+\)"]),
    ("nobody", [], [r"process 2 .* waits for process 999 to end", r"there is no such process"]),
    ("endless", [], [
        r"process 2 .* waits for process 3 .* to end.* at endless", r"nobody has ever signalled"]),
]


def sources_agree(place, kind):
    """Does the line that a report names make such a call?"""
    path = SOURCES.get(place.get("file"))
    if path is None:
        return [f"a place in an unknown file: {place}"]
    with open(path, encoding="utf-8") as file:
        line = file.read().splitlines()[place["line"] - 1]
    return [] if re.search(CALLS[kind], line) else [f"{place} names the line {line.strip()!r}"]


def problems_of_report(report, circles):
    """What is wrong with one JSON report."""
    found = []
    if report.get("format") != "eft report" or report.get("version") != 1:
        found.append("not an eft report of version 1")
    lengths = sorted(len(cycle) for cycle in report["cycles"])
    if lengths != sorted(circles):
        found.append(f"circles of {lengths} threads, not {circles}")
    ids = [thread["thread"] for thread in report["threads"]]
    if ids != sorted(set(ids)):
        found.append(f"threads are not in order: {ids}")
    threads = {thread["thread"]: thread for thread in report["threads"]}
    for number, cycle in enumerate(report["cycles"], 1):
        for member, following in zip(cycle, cycle[1:] + cycle[:1]):
            if threads[member].get("cycle") != number:
                found.append(f"thread {member} is not marked as of circle {number}")
            if threads[member]["waits_for"]["held_by"]["thread"] != following:
                found.append(f"thread {member} does not wait for thread {following}")
    for thread in report["threads"]:
        wait = thread.get("waits_for")
        if wait and wait["kind"] in CALLS:
            found += sources_agree(thread["where"], wait["kind"])
            if wait.get("held_by", {}).get("where"):
                found += sources_agree(wait["held_by"]["where"], "semaphore")
    return found


def problems_of_graph(text, circles):
    """DOT that graphviz takes, with the circles in red."""
    found = []
    if text.count("{") != 1 or not text.startswith("digraph") or not text.endswith("}\n"):
        found.append("not one digraph")
    if bool(circles) != ("#c0392b" in text):
        found.append("red where there is no circle, or the other way round")
    if shutil.which("dot"):
        drawn = subprocess.run(["dot", "-Tsvg"], input=text.encode(), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, check=False)
        if drawn.returncode != 0 or b"<svg" not in drawn.stdout:
            found.append("dot does not take it: " + drawn.stderr.decode())
    return found


def missing(patterns, text):
    return [f"no {pattern!r} in it" for pattern in patterns if not re.search(pattern, text)]


def knot(suite, directory, name, circles, patterns, options=()):
    report_path = os.path.join(directory, "report.json")
    graph_path = os.path.join(directory, "graph.dot")
    result = execute([SIM, *options, f"--report-file={report_path}", f"--graph={graph_path}",
                      guest("knots"), name])
    found = [] if result.status == DEADLOCK else [f"status {result.status}, not {DEADLOCK}"]
    found += missing(patterns, result.errors)
    if not found:
        with open(report_path, encoding="utf-8") as lines:
            reports = [json.loads(line) for line in lines]
        found += [] if len(reports) == 1 else [f"{len(reports)} reports"]
        found += problems_of_report(reports[-1], circles)
        with open(graph_path, encoding="utf-8") as file:
            found += problems_of_graph(file.read(), circles)
    suffix = "".join(options).replace("--", "_").replace("=", "")
    suite.check(f"diagnose_{name}{suffix}", found + result.errors.splitlines() if found else [])


def knots(suite, directory):
    for name, circles, patterns in KNOTS:
        if suite.wants(f"diagnose_{name}"):
            knot(suite, directory, name, circles, patterns)
            knot(suite, directory, name, circles, patterns, ["--cpus=4"])
            if has_seeds():
                knot(suite, directory, name, circles, patterns, ["--seed=5"])


def beside(suite, directory):
    """A circle while another one runs: reported at once, once, and the run goes on."""
    if not suite.wants("diagnose_beside"):
        return
    report_path = os.path.join(directory, "beside.json")
    result = execute([SIM, f"--report-file={report_path}", guest("knots"), "beside"])
    found = [] if result.status == DEADLOCK else [f"status {result.status}, not {DEADLOCK}"]
    with open(report_path, encoding="utf-8") as lines:
        reports = [json.loads(line) for line in lines]
    if [report["kind"] for report in reports] != ["cycle", "deadlock"]:
        found.append(f"reports of kinds {[report['kind'] for report in reports]}")
    else:
        for report in reports:
            found += problems_of_report(report, [2])
        if reports[1]["time_ns"] - reports[0]["time_ns"] < 100_000_000:
            found.append("the circle was not reported before the runner was done")
    if "the runner is done" not in result.output:
        found.append("the run did not go on")
    suite.check("diagnose_beside", found + result.errors.splitlines() if found else [])


def dead_holder_beside(suite):
    """Who begins to wait for a lock whose holder has ended is told of while others still run."""
    if not suite.wants("diagnose_dead_holder_beside"):
        return
    result = execute([SIM, guest("knots"), "dead_holder_beside"])
    lines = result.errors.splitlines()
    warning = (r"eft: process 5 \(knots\.elf\) waits for semaphore 0x2000, which process 4 "
               r"\(knots\.elf\) held when it ended$")
    found = [] if result.status == DEADLOCK else [f"status {result.status}"]
    if sum(bool(re.match(warning, line)) for line in lines) != 1 or not re.match(warning, lines[0]):
        found.append("the line about the dead holder is not there, once and first")
    suite.check("diagnose_dead_holder_beside", found + lines if found else [])


def quiet(suite, name, command, status, output, text=None):
    """Nothing is wrong: no report, and the usual end."""
    if not suite.wants(f"diagnose_{name}"):
        return
    result = execute(command, text=text)
    found = []
    if result.status != status or output not in result.output:
        found.append(f"status {result.status}, output {result.output!r}")
    if result.errors:
        found.append(f"it says {result.errors!r}")
    suite.check(f"diagnose_{name}", found)


def no_false_alarms(suite):
    quiet(suite, "ping_pong", [SIM, guest("knots"), "ping_pong"], 0, "the runner is done")
    quiet(suite, "ping_pong_cpus", [SIM, "--cpus=4", guest("knots"), "ping_pong"], 0,
          "the runner is done")
    quiet(suite, "alarm", [SIM, STUCK, "alarm"], 0, "the alarm came")
    quiet(suite, "read_end_of_input", [SIM, STUCK, "read"], 0, "read 0")
    quiet(suite, "mq", [SIM, "--cpus=2", guest("mq"), "1"], 0, "0")
    for name in ("abba", "lost_wakeup", "freed_early", "buffer"):
        quiet(suite, f"{name}_repaired", [SIM, guest(f"{name}_repaired")], 0, "")
    if suite.wants("diagnose_freed_early"):
        result = execute([SIM, guest("freed_early")])
        suite.check("diagnose_freed_early", [] if result.status in (0, 1) and
                    "deadlock" not in result.errors else [f"status {result.status}", result.errors])


def wait_for_output(stream, text):
    seen = b""
    while text not in seen:
        piece = stream.read1(1000)
        if not piece:
            break
        seen += piece
    return seen


def pipe_that_stays_open(suite):
    """Input that may still come is no deadlock, and a signal that may still come neither."""
    if suite.wants("diagnose_read_pipe"):
        process = subprocess.Popen([SIM, STUCK, "read"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.5)
        output, errors = process.communicate(b"x", timeout=common.TIMEOUT_SECONDS)
        suite.check("diagnose_read_pipe", [] if (process.returncode, output, errors) ==
                    (0, b"read 1\n", b"") else [f"{process.returncode} {output} {errors}"])
    if suite.wants("diagnose_handler"):
        process = subprocess.Popen([SIM, STUCK, "handler"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for_output(process.stdout, b"SIGINT\n")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=common.TIMEOUT_SECONDS)
        suite.check("diagnose_handler", [] if (process.returncode, output, errors) ==
                    (0, b"got it\n", b"") else [f"{process.returncode} {output} {errors}"])


def terminal(suite):
    """Waiting for somebody to type is no deadlock."""
    if not suite.wants("diagnose_read_terminal"):
        return
    pid, master = pty.fork()
    if pid == 0:
        os.execv(SIM, [SIM, "--time-limit=1", STUCK, "read"])
    seen = b""
    try:
        while piece := os.read(master, 1000):
            seen += piece
    except OSError:
        pass
    status = common.shell_status(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(master)
    good = status == TIME_LIMIT and b"deadlock" not in seen and b"waits for input" in seen
    suite.check("diagnose_read_terminal", [] if good else [f"status {status}", seen.decode()])


def linux_programs(suite):
    for name, pattern in (("pause", r"waits for a signal"), ("futex", r"waits for futex 0x")):
        if suite.wants(f"diagnose_{name}"):
            result = execute([SIM, "--seed=1", STUCK, name])
            found = [] if result.status == DEADLOCK else [f"status {result.status}"]
            found += missing([r"nothing can ever run again; 1 thread waits\n", pattern,
                              "nobody is left who could"], result.errors)
            suite.check(f"diagnose_{name}", found)


def time_limit(suite, directory):
    cases = (("spin", [STUCK, "spin"], r"is running on CPU 0, at \w+ \(stuck\.c:\d+\)"),
             ("sleep", [STUCK, "sleep"], r"waits for a time to come"),
             ("spinner", [guest("knots"), "spinner"], r"is running on CPU 0, at spinner \(knots"),
             ("sleeper", [guest("knots"), "sleeper"], r"process 2 \(knots\.elf\)"))
    for name, command, pattern in cases:
        if not suite.wants(f"diagnose_limit_{name}"):
            continue
        path = os.path.join(directory, "limit.json")
        for limit in ("0.4", "3.4"):    # a busy host may not have come to it
            began = time.monotonic()
            result = execute([SIM, f"--time-limit={limit}", f"--report-file={path}", *command])
            took = time.monotonic() - began
            if not missing([pattern], result.errors):
                break
        found = [] if result.status == TIME_LIMIT else [f"status {result.status}"]
        found += missing([rf"time limit after {re.escape(limit)}", pattern], result.errors)
        with open(path, encoding="utf-8") as file:
            kinds = [json.loads(line)["kind"] for line in file]
        found += [] if kinds == ["time limit"] else [f"reports {kinds}"]
        found += [] if took < SLOW_SECONDS else [f"it took {took:.1f} s"]
        suite.check(f"diagnose_limit_{name}", found + result.errors.splitlines() if found else [])
    if suite.wants("diagnose_limit_seeded"):
        began = time.monotonic()
        result = execute([SIM, "--seed=1", "--time-limit=0.4", guest("knots"), "sleeper"])
        found = [] if result.status == TIME_LIMIT else [f"status {result.status}"]
        found += [] if time.monotonic() - began < SLOW_SECONDS else ["it took long"]
        suite.check("diagnose_limit_seeded", found + result.errors.splitlines() if found else [])
    quiet(suite, "limit_not_reached", [SIM, "--time-limit=30", guest("hello")], 0, "Hello")
    if suite.wants("diagnose_limit_wrong"):
        wrong = [value for value in ("0", "-1", "x", "1s", "", "nan")
                 if execute([SIM, f"--time-limit={value}", guest("hello")]).status !=
                 common.STATUS_REFUSED]
        suite.check("diagnose_limit_wrong", [f"--time-limit={value} is taken" for value in wrong])


def drawings(suite, directory):
    path = os.path.join(directory, "graph.svg")
    command = [SIM, f"--graph={path}", guest("knots"), "circle"]
    for name, options in (("diagnose_svg", []), ("diagnose_svg_seeded", ["--seed=1"])):
        if not suite.wants(name):
            continue
        if not shutil.which("dot"):
            suite.skip(name, "graphviz is not installed")
            continue
        result = execute([SIM, *options, *command[1:]])
        with open(path, encoding="utf-8") as file:
            text = file.read()
        suite.check(name, [] if result.status == DEADLOCK and "<svg" in text and
                    "semaphore 2" in text else [f"status {result.status}", text[:300]])
    if suite.wants("diagnose_svg_without_dot"):
        empty = dict(common.ENVIRONMENT, PATH=directory)
        result = subprocess.run(command, env=empty, stdin=subprocess.DEVNULL, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = [line for line in result.stderr.decode().splitlines() if line.startswith("sim:")]
        good = (result.returncode == DEADLOCK and len(lines) == 1 and "graphviz" in lines[0]
                and os.path.exists(path + ".dot"))
        suite.check("diagnose_svg_without_dot", [] if good else [str(lines)])
    if suite.wants("diagnose_graph_of_nothing"):
        execute([SIM, f"--graph={path}", guest("hello")])
        suite.check("diagnose_graph_of_nothing",
                    ["a graph is left of a run that went well"] if os.path.exists(path) else [])
    for option in ("--report-file", "--graph"):
        name = f"diagnose_unwritable{option[1:].replace('-', '_')}"
        if suite.wants(name):
            result = execute([SIM, f"{option}=/nonexistent/file", guest("hello")])
            suite.check(name, [] if result.status == common.STATUS_REFUSED and
                        len(result.errors.splitlines()) == 1 else [result.errors])


def has_seeds():
    return "--seed" in execute([SIM, "--help"]).output


def starving(errors):
    """The processes that are called starving; None when nothing is said about it."""
    names = re.findall(r"^eft: starving: (?:process (\d+)|nobody)", errors, re.MULTILINE)
    return [int(name) for name in names if name] if names else None


def problems_of_dinner(solution, options, arguments):
    # The first process is 2, and the philosophers 0 to 4 are 3 to 7.
    expected = {2: [], 3: [5], 4: [7], 5: []}[solution]
    result = execute([SIM, *options, "--stats", guest("dinner"), str(solution), *arguments])
    if result.status != 0 or starving(result.errors) != expected:
        return [f"{options}: status {result.status}, starving {starving(result.errors)}, "
                f"expected {expected}"]
    return [] if re.search(r"fairness of dinner\.elf: [01]\.\d{3} ", result.errors) else \
        ["no line about fairness"]


def fairness(suite):
    seeded = [[f"--seed={seed}"] for seed in range(1, 11)] if has_seeds() else []
    for solution in (2, 3, 4, 5):
        name = f"diagnose_dinner_{solution}"
        if not suite.wants(name):
            continue
        found = []
        for options in [[], ["--cpus=4"], *seeded]:
            found += problems_of_dinner(solution, options, ["30"])
        for options in seeded:    # no time passes: the seed alone decides
            found += problems_of_dinner(solution, options, ["30", "0"])
        suite.check(name, found)


def seeded_classics(suite, directory):
    """A seed under which each classic fails is found, and its report names the program's lines."""
    cases = (("dinner", ["1", "1", "0"], [5], r"take_forks \(dinner\.c:\d+\)"),
             ("abba", [], [2], r"lock_accounts \(abba\.c:\d+\)"),
             ("lost_wakeup", [], [], r"arrival_wait \(lost_wakeup\.c:\d+\)"))
    for name, arguments, circles, pattern in cases:
        if not suite.wants(f"diagnose_{name}_seeded"):
            continue
        if not has_seeds():
            suite.skip(f"diagnose_{name}_seeded", "there are no seeded runs")
            continue
        path = os.path.join(directory, "seeded.json")
        for seed in range(1, SEEDS + 1):
            result = execute([SIM, f"--seed={seed}", f"--report-file={path}", guest(name),
                              *arguments])
            if result.status == DEADLOCK:
                break
        found = [] if result.status == DEADLOCK else [f"no deadlock within {SEEDS} seeds"]
        found += missing([pattern], result.errors)
        if not found:
            with open(path, encoding="utf-8") as file:
                found += problems_of_report(json.loads(file.readlines()[-1]), circles)
        suite.check(f"diagnose_{name}_seeded",
                    found + result.errors.splitlines() if found else [])


def main():
    suite = common.Suite()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        knots(suite, directory)
        beside(suite, directory)
        dead_holder_beside(suite)
        no_false_alarms(suite)
        pipe_that_stays_open(suite)
        terminal(suite)
        linux_programs(suite)
        time_limit(suite, directory)
        drawings(suite, directory)
        fairness(suite)
        seeded_classics(suite, directory)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
