"""What the conformance suites share: running a command natively and inside the kernel.

A suite prints `ok NAME`, `not ok NAME: why` and `skip NAME: why`, as tests/run.py reads it, and
behind a failure whatever helps to understand it.
"""
import difflib
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.path.join(TOP, os.environ.get("BUILD", "build")))
# EFT_SIM: another program that takes the same options (build/eft-qemu).
SIM = os.path.abspath(os.environ.get("EFT_SIM", os.path.join(BUILD, "sim")))
GUESTS = os.path.join(BUILD, "guests")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC", "HOME": "/root"}
TIMEOUT_SECONDS = 60
LINES_SHOWN = 30
NATIVE_TMPFS = "/dev/shm"
NATIVE_RUNS = 5
QUIET_SHARE = 0.1    # of a processor, for who waits
DEATH_LINE = re.compile(r"^eft: .*killed by signal.*\n", re.MULTILINE)

# How the sim itself ends when something is wrong with its arguments, or with itself.
STATUS_REFUSED = 2
STATUS_PANIC = 120

# How a program ends on a Linux that has not what it is about; its output says what that is.
STATUS_NOT_HERE = 77

# A shell starts background jobs with these ignored, and what we start would inherit that.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else
                  signal.SIG_DFL)


def guest(name):
    return os.path.join(GUESTS, name + ".elf")


def shell_status(returncode):
    """The status as a shell gives it: 128 + N for death by signal N."""
    return returncode if returncode >= 0 else 128 - returncode


class Result:
    """What a person would see of a command."""

    def __init__(self, output, errors, status):
        self.bytes = output
        self.output = output.decode(errors="replace")
        self.errors = errors.decode(errors="replace")
        self.status = status


def no_core_files():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def execute(command, directory=None, text=None, timeout=TIMEOUT_SECONDS):
    """Runs a command with the suites' environment; `text` is its input, by default none."""
    stdin = {"stdin": subprocess.DEVNULL} if text is None else {"input": text.encode()}
    try:
        result = subprocess.run(command, cwd=directory, env=ENVIRONMENT, timeout=timeout,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                preexec_fn=no_core_files, **stdin)
    except subprocess.TimeoutExpired as late:
        return Result(late.stdout or b"", late.stderr or b"", "does not end")
    return Result(result.stdout, result.stderr, shell_status(result.returncode))


def execute_in_tmpfs(command, text=None):
    """Natively, in an empty directory of a tmpfs."""
    with tempfile.TemporaryDirectory(dir=NATIVE_TMPFS) as directory:
        return execute(command, directory, text)


def used_by_session(leader):
    """CPU seconds of the processes of a session so far."""
    ticks = 0
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:    # it has ended
            continue
        if int(fields[3]) == leader:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cost_of_waiting(command, seconds):
    """CPU seconds of a command that waits, in so many seconds: from when it has begun to wait, so
    that its start does not count, however long that takes."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=ENVIRONMENT, start_new_session=True)
    end = time.monotonic() + TIMEOUT_SECONDS
    cost = float(seconds)
    time.sleep(1)
    while cost >= QUIET_SHARE * seconds and time.monotonic() < end:
        before = used_by_session(process.pid)
        time.sleep(seconds)
        cost = used_by_session(process.pid) - before
    process.terminate()
    process.communicate()
    return cost


def differences(native, hosted):
    """Lines that tell how two results differ; none if they do not.

    The sim's own line about a death is left out: natively the shell says it.
    """
    found = []
    errors = DEATH_LINE.sub("", hosted.errors) if hosted.status == native.status else hosted.errors
    for name, a, b in (("output", native.output, hosted.output),
                       ("error output", native.errors, errors)):
        found += difflib.unified_diff(a.splitlines(), b.splitlines(), f"linux {name}",
                                      f"eft {name}", lineterm="", n=1)
    if native.bytes != hosted.bytes and not found:
        found.append("output differs in bytes that are not text")
    if native.status != hosted.status:
        found.append(f"status on linux {native.status}, in eft {hosted.status}")
    return found


class Oracle:
    """What Linux does: `run` runs something natively and gives a Result, `compare` gives the lines
    by which a result from inside differs from a native one.

    A result that differs from the first native run is asked of further ones: Linux may do several
    things where time decides.  Inside nothing is run again: what goes wrong there once is wrong.
    """

    def __init__(self, run, compare=differences):
        self.run = run
        self.compare = compare
        self.results = [run()]
        self.first = self.results[0]

    def differences(self, hosted):
        """How a result differs from the first of Linux; no lines if it is one of Linux."""
        found = self.compare(self.first, hosted)
        if not found or any(not self.compare(native, hosted) for native in self.results):
            return []
        while len(self.results) < NATIVE_RUNS:
            self.results.append(self.run())
            if not self.compare(self.results[-1], hosted):
                return []
        return found

    def outputs(self):
        """How many different ones there were so far."""
        return len({(native.bytes, native.errors, native.status) for native in self.results})


class Suite:
    """Counts and prints; names given on the command line select tests by their start."""

    def __init__(self):
        self.chosen = sys.argv[1:]
        self.failed = 0

    def wants(self, name):
        return not self.chosen or any(name.startswith(start) for start in self.chosen)

    def ok(self, name):
        print(f"ok {name}", flush=True)

    def skip(self, name, why):
        print(f"skip {name}: {why}", flush=True)

    def fail(self, name, why, lines=()):
        self.failed += 1
        print(f"not ok {name}: {why}")
        for line in list(lines)[:LINES_SHOWN]:
            print(f"    {line}")
        sys.stdout.flush()

    def check(self, name, problems):
        """`problems` is a list of lines; none is good."""
        if problems:
            self.fail(name, problems[0] if len(problems) == 1 else
                      f"{len(problems)} lines of difference", problems)
        else:
            self.ok(name)

    def compare(self, name, oracle, hosted, problems=()):
        """A result from inside with what Linux does; `problems` are others of the same test."""
        self.check(name, oracle.differences(hosted) + list(problems))
        if oracle.outputs() > 1:
            print(f"# linux itself gave {oracle.outputs()} different outputs: {name}", flush=True)

    def status(self):
        return 1 if self.failed else 0
