#!/usr/bin/env python3
"""Searches of the programs with one classic bug: each is found, explained, and repeats by the
printed command; the repaired ones are not called broken; DPOR decides small programs.

EFT_SEARCH_RUNS is how many runs a search without a failure has, and how many random runs are
compared with those of DPOR (default 300; `make conformance` has 10,000).
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import BUILD, ENVIRONMENT, SIM, Suite, execute, guest

RUNS = int(os.environ.get("EFT_SEARCH_RUNS", "300"))
TIMEOUT = 600
PATIENCE = 60
REPEATS = 20
DEADLOCK, TIME_LIMIT, INCOMPLETE, INTERRUPTED = 121, 122, 119, 130
PREEMPTIONS_MAX = 10    # of a program that sleeps
BROKEN = os.path.join(BUILD, "sim-broken")
REPEAT = re.compile(r"^repeat it:  (.*)$", re.MULTILINE)
# The last line, when so many were run and nothing was found.
ENDED = r"^{} schedules \(\d+ a second\), {} different ends?, 0 failures"
FOUND = re.compile(r"^schedule (\d+)", re.MULTILINE)
RUN = re.compile(r"^run (\d+): .*, hash (\w+), schedule (\S+)$", re.MULTILINE)
PREEMPTIONS = re.compile(r"^how it came about \((\d+) preemption", re.MULTILINE)
COUNTED = re.compile(r"^all (\d+) distinguishable schedules of this program were run: (.*)$",
                     re.MULTILINE)

# Program, arguments, status of the failure, and what the explanation must contain.
FAILING = [
    ("abba", [], DEADLOCK, ["lock_accounts", "it has to wait for semaphore 10"]),
    ("lost_wakeup", [], DEADLOCK, ["arrival_wait", "it has to wait for semaphore 21"]),
    ("freed_early", [], 1, ["wrong exit status: 1, not 0", "turn_remove"]),
    ("buffer", [], DEADLOCK, ["buffer_enter", "buffer.c:"]),
    ("lost_flag", [], TIME_LIMIT, ["hang", "point of no return: process 3 ends (main, lost_flag.c:",
                                   "and so on without an end"]),
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


def repeats(command, times, status, directory=None):
    """Runs the printed command; problems, or none if it ends in the same way each time."""
    reports = set()
    for _ in range(times):
        result = execute(["sh", "-c", command], directory, timeout=60)
        reports.add((result.status, result.output, result.errors))
    if len(reports) != 1:
        return [f"the command gave {len(reports)} different results: {command}"]
    found = reports.pop()[0]
    return [] if found == status else [f"the command ended with {found}, not {status}: {command}"]


def check_found(result, status, texts, times=3, directory=None):
    problems = []
    if result.status != status:
        problems.append(f"status {result.status}, not {status}")
    problems += [f"not explained by {text!r}" for text in texts if text not in result.output]
    command = REPEAT.search(result.output)
    if not command:
        return problems + ["no command that repeats it"] + result.output.splitlines()[-20:]
    return problems + repeats(command.group(1), times, status, directory)


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
    if not re.search(ENDED.format(RUNS, r"\d+"), result.output, re.MULTILINE):
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


def test_linux(suite):
    """Programs of Linux whose calls wait in their middle are decided as well."""
    names = ("pipe", "signal", "mutexes", "abba")
    if not any(suite.wants(f"decided_linux_{name}") for name in names):
        return
    with tempfile.TemporaryDirectory() as directory:
        program = os.path.join(directory, "linux.elf")
        subprocess.run(["gcc", "-O1", "-g", "-static", "-pthread", "-Wall", "-Wextra", "-Werror",
                        "-o", program, os.path.join(HERE, "linux.c")], check=True)
        for name in names:
            if not suite.wants(f"decided_linux_{name}"):
                continue
            result = execute([SIM, "--search", "--strategy=dpor", "--keep-going", program, name],
                             timeout=TIMEOUT)
            counted = COUNTED.search(result.output)
            wanted = "deadlock in" if name == "abba" else "no deadlock"
            good = counted and wanted in counted.group(2) and \
                result.status == (DEADLOCK if name == "abba" else 0) and \
                "200 random runs were all among them" in result.output
            suite.check(f"decided_linux_{name}", [] if good else
                        [f"status {result.status}"] + result.output.splitlines()[-6:])


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
    problems += check_found(result, DEADLOCK, ["schedules ("], 1)
    result = search("dinner", ["2", "1", "0"], ["--search=101", "--jobs=3"])
    if result.status != 0 or "101 schedules (" not in result.output:
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
    same = re.search(ENDED.format(20, 1), result.output, re.MULTILINE)
    suite.check(name, [] if result.status == 0 and same else
                [f"status {result.status}"] + result.output.splitlines())


def test_commands(suite):
    """The printed command gives the program the same input, arguments and options, wherever the
    search had them from."""
    with tempfile.TemporaryDirectory(prefix="eft search ") as directory:
        shutil.copy(guest("dinner"), os.path.join(directory, "the dinner's.elf"))
        with open(os.path.join(directory, "in put"), "w") as file:
            file.write("1\n3\n0\n")
        with open(os.path.join(directory, "second"), "w") as file:
            file.write("unused line\n1\n3\n0\n")
        program = f'{SIM} --search "the dinner\'s.elf"'
        blanks = " " * 500
        cases = {
            "pipe": f"printf '1\\n3\\n0\\n' | {program}",
            "long_pipe": f"printf '1\\n3\\n0\\n{blanks}' | {program}",
            "odd_pipe": f"printf '1\\n3\\n0\\n-%%\\047\\\\\\001\\000\\377' | {program}",
            "file": f"{program} < 'in put'",
            "file_rest": f"(read line; {program}) < second",
            "empty": f"{program} < /dev/null",
            "arguments": f"{program} 1 3 0",
            "options": f"{SIM} --sear=500 --strat random --env='A=b c' --seed=3 --job=2 "
                       "--mem 64M -- \"the dinner's.elf\" 1 3 0",
        }
        for name, command in cases.items():
            if not suite.wants(f"command_{name}"):
                continue
            result = execute(["sh", "-c", command], directory, timeout=TIMEOUT)
            suite.check(f"command_{name}", check_found(result, DEADLOCK, [], REPEATS, directory))


def test_root(suite):
    if not suite.wants("command_root"):
        return
    with tempfile.TemporaryDirectory(prefix="eft search ") as directory:
        shutil.copy(guest("dinner"), directory)
        result = execute([SIM, "--search", "--root", directory, "--cwd=/", "/dinner.elf", "1"],
                         timeout=TIMEOUT)
        suite.check("command_root", check_found(result, DEADLOCK, []))


class Load:
    """Keeps the host busy while it is open."""

    def __enter__(self):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
                          for _ in range(4)]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def told(result):
    """All that a search says but for how long it took."""
    return re.sub(r"\([0-9]+ a second\)|; [0-9.]+ s$", "", result.output, flags=re.MULTILINE)


def test_sleepers(suite):
    """Programs that sleep by looking at the clock: few preemptions are left, no file is needed, and
    a busy host finds and tells the same."""
    for seed in (0, 100, 200):
        name = f"sleepers_{seed}"
        if not suite.wants(name):
            continue
        with tempfile.TemporaryDirectory() as directory:
            command = [SIM, "--search", f"--seed={seed}", guest("dinner"), "1"]
            result = execute(command, directory, timeout=TIMEOUT)
            problems = check_found(result, DEADLOCK, ["take_forks, dinner.c:"], REPEATS, directory)
            preemptions = PREEMPTIONS.search(result.output)
            if not preemptions or int(preemptions.group(1)) > PREEMPTIONS_MAX:
                problems.append("many preemptions are left: " + str(preemptions))
            if os.listdir(directory):
                problems.append(f"it wrote {os.listdir(directory)}")
            with Load():
                busy = execute(command, directory, timeout=TIMEOUT)
            if told(busy) != told(result):
                problems += ["a busy host finds something else"] + busy.output.splitlines()
        suite.check(name, problems)


def test_verified_schedule(suite):
    name = "schedule_verify"
    if not suite.wants(name):
        return
    result = execute([SIM, "--schedule=6:4", "--verify", guest("abba")])
    problems = [] if result.status == DEADLOCK and \
        result.errors.endswith("verify: 2 runs, hash identical\n") else [result.errors]
    if "seed" in result.errors:
        problems.append("a schedule without a seed has seed 0")
    result = execute([SIM, "--search", "--verify", guest("abba")])
    if result.status != 2 or result.errors.count("\n") != 1:
        problems += [f"--search --verify: status {result.status}", result.errors]
    suite.check(name, problems)

def test_host_files(suite):
    """Files of the host that runs open do not add up; each run sees the same."""
    name = "host_files"
    if not suite.wants(name):
        return
    result = execute(["sh", "-c", f"ulimit -n 64; exec {SIM} --search=300 --root / /bin/busybox "
                      "cat /etc/passwd /etc/group /etc/hostname"])
    same = re.search(ENDED.format(300, 1), result.output, re.MULTILINE)
    suite.check(name, [] if result.status == 0 and same else
                [f"status {result.status}"] + result.output.splitlines() +
                result.errors.splitlines())


def endless(directory):
    source, program = (os.path.join(directory, name) for name in ("endless.c", "endless.elf"))
    with open(source, "w") as file:
        file.write("int main(void)\n{\n    volatile unsigned long n = 0;\n\n"
                   "    for (;;)\n        n++;\n}\n")
    subprocess.run(["gcc", "-O1", "-static", "-o", program, source], check=True)
    return program


def processes_of(program):
    """Those of the host that have it on their command line."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                if program.encode() in file.read():
                    found.append(int(number))
        except OSError:
            pass
    return found


def test_endless(suite):
    """One run that does not end: the time limit and a single Ctrl-C end the search at once, and all
    its processes."""
    with tempfile.TemporaryDirectory() as directory:
        program = endless(directory)
        for options in (["--search"], ["--search", "--jobs=2"],
                        ["--search", "--strategy=dpor"]):
            name = "endless_" + "_".join(options).replace("--", "").replace("=", "_")
            if not suite.wants(name):
                continue
            began = time.monotonic()
            result = execute([SIM, *options, "--time-limit=0.7", program], directory)
            problems = [] if result.status == TIME_LIMIT and "hang" in result.output else \
                [f"time limit: status {result.status}"] + result.output.splitlines()
            if "dpor" not in options[-1] and result.output.count("repeat it:") != 1:
                problems.append("it is not told once")
            if time.monotonic() - began > 20:
                problems.append("the time limit took long")
            with subprocess.Popen([SIM, *options, program], env=ENVIRONMENT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
                time.sleep(1)
                process.send_signal(2)
                output = process.communicate(timeout=PATIENCE)[0].decode()
            if process.returncode != INTERRUPTED:
                problems += [f"Ctrl-C: status {process.returncode}"] + output.splitlines()
            end = time.monotonic() + PATIENCE
            while processes_of(program) and time.monotonic() < end:
                time.sleep(0.1)
            if processes_of(program):
                problems.append("processes are left")
            suite.check(name, problems)


def test_interrupt(suite):
    """Ctrl-C ends a search with what was done so far."""
    name = "interrupt"
    if not suite.wants(name):
        return
    with subprocess.Popen([SIM, "--search=100000000", guest("abba_repaired")], env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        time.sleep(1.5)
        process.send_signal(2)
        output = process.communicate(timeout=PATIENCE)[0].decode()
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
    for test in (test_linux, test_incomplete, test_schedules, test_expectations, test_jobs,
                 test_snapshot, test_input, test_commands, test_root, test_sleepers,
                 test_verified_schedule, test_host_files, test_endless, test_interrupt,
                 test_kernel):
        test(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
