#!/usr/bin/env python3
"""Searches of the programs with one classic bug: each is found, explained, and repeats by the
printed command; the repaired ones are not called broken; DPOR decides small programs.

EFT_SEARCH_RUNS is how many runs a search without a failure has, and how many random runs are
compared with those of DPOR (default 300; `make conformance` has 10,000).
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import BUILD, ENVIRONMENT, SIM, Suite, execute, guest

RUNS = int(os.environ.get("EFT_SEARCH_RUNS", "300"))
TIMEOUT = 600
REPEATS = 20
DEADLOCK, INCOMPLETE = 121, 119
BROKEN = os.path.join(BUILD, "sim-broken")
REPEAT = re.compile(r"^repeat it:  (.*)$", re.MULTILINE)
FOUND = re.compile(r"^schedule (\d+)", re.MULTILINE)
RUN = re.compile(r"^run (\d+): .*, hash (\w+), schedule (\S+)$", re.MULTILINE)
COUNTED = re.compile(r"^all (\d+) distinguishable schedules of this program were run: (.*)$",
                     re.MULTILINE)

# Program, arguments, status of the failure, and what the explanation must contain.
FAILING = [
    ("abba", [], DEADLOCK, ["lock_accounts", "it has to wait for semaphore 10"]),
    ("lost_wakeup", [], DEADLOCK, ["arrival_wait", "it has to wait for semaphore 21"]),
    ("freed_early", [], 1, ["wrong exit status: 1, not 0", "turn_remove"]),
    ("buffer", [], DEADLOCK, ["buffer_enter", "buffer.c:"]),
]
# Program, arguments, distinguishable schedules, how many of them deadlock.
DECIDED = [
    ("dinner", ["1", "1", "0"], 31, 1),
    ("dinner", ["2", "1", "0"], 30, 0),
    ("abba", [], 3, 1),
    ("abba_repaired", [], 2, 0),
    ("lost_wakeup_repaired", [], 2, 0),
    ("freed_early_repaired", [], 6, 0),
    ("buffer_repaired", [], 1, 0),
]


def search(program, arguments=(), options=(), sim=SIM, timeout=TIMEOUT):
    return execute([sim, *options, guest(program), *arguments], timeout=timeout)


def repeats(command, times, status):
    """Runs the printed command; problems, or none if it ends in the same way each time."""
    reports = set()
    for _ in range(times):
        result = execute(shlex.split(command), timeout=60)
        reports.add((result.status, result.output, result.errors))
    if len(reports) != 1:
        return [f"the command gave {len(reports)} different results: {command}"]
    found = reports.pop()[0]
    return [] if found == status else [f"the command ended with {found}, not {status}: {command}"]


def check_found(result, status, texts, times=3):
    problems = []
    if result.status != status:
        problems.append(f"status {result.status}, not {status}")
    problems += [f"not explained by {text!r}" for text in texts if text not in result.output]
    command = REPEAT.search(result.output)
    if not command:
        return problems + ["no command that repeats it"] + result.output.splitlines()[-20:]
    return problems + repeats(command.group(1), times, status)


def test_found(suite, name, program, arguments, status, texts):
    if suite.wants(name):
        suite.check(name, check_found(search(program, arguments, ["--search=2000"]), status,
                                      texts))


def test_philosophers(suite):
    """Everyone left first: within 200 schedules, the circle of five with names and places, and
    the printed command repeats it each time."""
    name = "philosophers_found"
    if not suite.wants(name):
        return
    began = time.monotonic()
    result = search("dinner", ["1"], ["--search"])
    seconds = time.monotonic() - began
    problems = check_found(result, DEADLOCK, ["take_forks (dinner.c:", "5 of them for each other",
                                              "which waits for semaphore"], REPEATS)
    found = FOUND.search(result.output)
    if not found or int(found.group(1)) > 200:
        problems.append("not found within 200 schedules")
    if result.output.count("held by process") < 5:
        problems.append("not all five are named")
    if seconds > 5 * max(1, os.getloadavg()[0]):
        problems.append(f"took {seconds:.1f} s")
    suite.check(name, problems)


def test_short_schedule(suite):
    """Three rounds without thinking: the schedule is told in a dozen lines and has a point of no
    return."""
    name = "philosophers_explained"
    if not suite.wants(name):
        return
    result = search("dinner", ["1", "3", "0"], ["--search"])
    problems = check_found(result, DEADLOCK, ["it is preempted", "point of no return: process",
                                              "takes semaphore 4 (take_forks, dinner.c:"])
    lines = [line for line in result.output.splitlines() if line.startswith("  process")]
    if not 5 <= len(lines) <= 13:
        problems.append(f"told in {len(lines)} lines")
    suite.check(name, problems)


def test_not_found(suite, program, arguments):
    name = f"no_failure_{program}"
    if not suite.wants(name):
        return
    result = search(program, arguments, [f"--search={RUNS}"])
    problems = [] if result.status == 0 else [f"status {result.status}"]
    if f"{RUNS} schedules, " not in result.output or " 0 failures" not in result.output:
        problems += ["not all were run"] + result.output.splitlines()
    suite.check(name, problems)


def test_decided(suite, program, arguments, schedules, deadlocks):
    """DPOR runs each order once, and knows the order of every random run."""
    name = "_".join(["decided", program, *arguments])
    if not suite.wants(name):
        return
    result = search(program, arguments, ["--search", "--strategy=dpor", "--keep-going",
                                         f"--check={RUNS}"])
    counted = COUNTED.search(result.output)
    problems = []
    if not counted:
        problems = ["not decided"] + result.output.splitlines()[-5:]
    elif (int(counted.group(1)), deadlocks == 0) != (schedules, "no deadlock" in counted.group(2)):
        problems = [counted.group(0)]
    elif f"{RUNS} random runs were all among them" not in result.output:
        problems = ["not compared with random runs"]
    if deadlocks and f"deadlock in {deadlocks} of them" not in result.output:
        problems.append(f"not {deadlocks} deadlocks")
    if result.status != (DEADLOCK if deadlocks else 0):
        problems.append(f"status {result.status}")
    suite.check(name, problems)


def test_incomplete(suite):
    """What is not covered is never called decided."""
    name = "incomplete"
    if not suite.wants(name):
        return
    problems = []
    for arguments, options, why in ((["2", "1", "3"], [], "looks at the clock"),
                                    (["2", "1", "0"], ["--cpus=2"], "several CPUs"),
                                    (["2", "3", "0"], ["--time-limit=0.05"], "stopped before")):
        result = search("dinner", arguments, ["--search=200", "--strategy=dpor", *options])
        if result.status != INCOMPLETE or "incomplete: " not in result.output:
            problems.append(f"{why}: status {result.status}")
        if why not in result.output or "all " in result.output:
            problems += [f"not said: {why}"] + result.output.splitlines()
    suite.check(name, problems)


def test_schedules(suite):
    """A schedule of another program says where it does not fit; so does nonsense."""
    name = "schedule_diverges"
    if not suite.wants(name):
        return
    problems = []
    for text, why in (("3:99", "decision 3 is between threads"), ("1:x", "neither a schedule"),
                      ("5:2,3:4", "neither a schedule"), ("999999:3", "the run ended after")):
        result = execute([SIM, f"--schedule={text}", guest("abba_repaired")])
        if why not in result.errors:
            problems.append(f"{text}: {result.errors.strip()}")
    with tempfile.NamedTemporaryFile("w", suffix=".schedule") as file:
        file.write("# found on a Tuesday\n6:4\n")
        file.flush()
        result = execute([SIM, "--schedule", file.name, guest("abba")])
        if result.status != DEADLOCK:
            problems.append(f"from a file: status {result.status}")
    suite.check(name, problems)


def test_expectations(suite):
    name = "expectations"
    if not suite.wants(name):
        return
    problems = []
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("something else\n")
        file.flush()
        result = search("abba_repaired", [], ["--search=5", f"--expect-output={file.name}"])
        if result.status != 1 or "wrong output" not in result.output:
            problems.append(f"other output: status {result.status}")
    good = execute([SIM, "--seed=0", guest("abba_repaired")])
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(good.output)
        file.flush()
        result = search("abba_repaired", [], ["--search=5", f"--expect-output={file.name}"])
        if result.status != 0:
            problems.append(f"the right output: status {result.status}")
    if search("hello_teaching", [], ["--search=5"]).status == 0:
        problems.append("another status than 0 is no failure")
    if search("hello_teaching", [], ["--search=5", "--expect-status=233"]).status != 0:
        problems.append("the expected status is a failure")
    suite.check(name, problems)


def test_jobs(suite):
    """Several processes and several machines share the work and miss nothing."""
    name = "jobs_and_shards"
    if not suite.wants(name):
        return
    problems = []
    result = search("dinner", ["1", "3", "0"], ["--search=200", "--jobs=2"])
    problems += check_found(result, DEADLOCK, ["schedules, "], 1)
    result = search("dinner", ["2", "1", "0"], ["--search=101", "--jobs=3"])
    if result.status != 0 or "101 schedules, " not in result.output:
        problems += ["3 jobs do not make 101 runs"] + result.output.splitlines()
    parts = [search("dinner", ["2", "1", "0"], ["--search=50", f"--shard={i}/3"])
             for i in (1, 2, 3)]
    counts = [int(re.search(r"^(\d+) schedules", part.output, re.M).group(1)) for part in parts]
    if sum(counts) != 50 or max(counts) > 17:
        problems.append(f"the parts have {counts} runs")
    suite.check(name, problems)


def test_snapshot(suite):
    """A run from the snapshot is the same, event by event, as one from the start."""
    name = "snapshot"
    if not suite.wants(name):
        return
    problems = []
    for program, arguments, options in (("dinner", ["2", "2", "0"], []),
                                        ("mq", ["4"], []), ("fork", [], ["--expect-status=32"]),
                                        ("dinner", ["5", "2", "1"], ["--cpus=3"])):
        result = search(program, arguments, ["-v", "--search=6", "--keep-going", *options])
        runs = RUN.findall(result.output)
        shared = [option for option in options if "cpus" in option]
        for number, expected, schedule in runs:
            again = execute([SIM, "-v", "--seed=0", f"--schedule={schedule}", *shared,
                             guest(program), *arguments])
            if f"hash {expected}" not in again.errors:
                problems.append(f"{program}: run {number} has hash {expected}; from the start: " +
                                again.errors[-200:])
        if len(runs) != 6:
            problems.append(f"{program}: {len(runs)} runs")
    suite.check(name, problems)


def test_input(suite):
    """Standard input from a pipe is the same in every run."""
    name = "input"
    if not suite.wants(name):
        return
    result = execute([SIM, "--search=20", guest("dinner")], text="2\n1\n0\n")
    problems = [] if result.status == 0 and "20 schedules, 1 different" in result.output else \
        [f"status {result.status}"] + result.output.splitlines()
    suite.check(name, problems)


def test_host_files(suite):
    """Files of the host that runs open do not add up; each run sees the same."""
    name = "host_files"
    if not suite.wants(name):
        return
    result = execute(["sh", "-c", f"ulimit -n 64; exec {SIM} --search=300 --root / /bin/busybox "
                      "cat /etc/passwd /etc/group /etc/hostname"])
    suite.check(name, [] if result.status == 0 and "300 schedules, 1 different" in
                result.output else [f"status {result.status}"] + result.output.splitlines() +
                result.errors.splitlines())


def test_interrupt(suite):
    """Ctrl-C ends a search with what was done so far."""
    name = "interrupt"
    if not suite.wants(name):
        return
    with subprocess.Popen([SIM, "--search=100000000", guest("abba_repaired")], env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        time.sleep(1.5)
        process.send_signal(2)
        output = process.communicate(timeout=30)[0].decode()
    suite.check(name, [] if "interrupted: " in output and "schedules" in output
                else ["nothing said: " + output])


def test_kernel(suite):
    """Wait queues with a mistake lose a wake-up that the search finds; the real ones do not."""
    for cpus in (2, 3, 4):
        name = f"kernel_broken_{cpus}_cpus"
        if suite.wants(name):
            result = search("pingpong", ["3"], ["--search=2000", f"--cpus={cpus}"], BROKEN)
            suite.check(name, check_found(result, DEADLOCK, ["waits for"]))
        name = f"kernel_good_{cpus}_cpus"
        if suite.wants(name):
            runs = 2000 if RUNS >= 2000 else RUNS
            result = search("pingpong", ["3"], [f"--search={runs}", f"--cpus={cpus}"])
            suite.check(name, [] if result.status == 0 else
                        [f"status {result.status}"] + result.output.splitlines())


def main():
    suite = Suite()
    test_philosophers(suite)
    test_short_schedule(suite)
    for program, arguments, status, texts in FAILING:
        test_found(suite, f"found_{program}", program, arguments, status, texts)
        test_not_found(suite, f"{program}_repaired", arguments)
    test_not_found(suite, "dinner", ["2", "1", "0"])
    for case in DECIDED:
        test_decided(suite, *case)
    for test in (test_incomplete, test_schedules, test_expectations, test_jobs, test_snapshot,
                 test_input, test_host_files,
                 test_interrupt, test_kernel):
        test(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
