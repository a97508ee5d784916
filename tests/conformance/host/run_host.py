#!/usr/bin/env python3
"""The sim as a command among others: streams, statuses, idleness, and nothing left behind."""
import ctypes
import errno
import hashlib
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from common import ENVIRONMENT, SIM, execute, guest, shell_status

BUSYBOX = "/usr/bin/busybox"
INSIDE = [SIM, "--root", "/", BUSYBOX]
MEGABYTES = 8
IDLE_SECONDS = 2
IDLE_CPU_SECONDS = 0.2
SLOW_SECONDS = 10    # an end that waits for something
# Of seccomp filters.
SYS_PRCTL, FIRST_ARGUMENT = 157, 16
PR_SET_SYSCALL_USER_DISPATCH, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 59, 38, 22
SECCOMP_MODE_FILTER, SECCOMP_ERRNO, SECCOMP_ALLOW = 2, 0x00050000, 0x7FFF0000


def both(arguments):
    """The same applet natively and inside."""
    return [BUSYBOX, *arguments], [*INSIDE, *arguments]


def closed_pipe_status(command, read_first):
    """Status of a command whose output goes to a pipe that is closed, after some bytes or none."""
    process = subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = process.stdout.read(2) if read_first else b""
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    return first, shell_status(process.wait(timeout=common.TIMEOUT_SECONDS)), errors


def check_pipes(suite):
    for name, arguments, read_first in (("closed_pipe_after_a_line", ["yes"], True),
                                        ("closed_pipe_at_once", ["seq", "1", "100000"], False)):
        native, hosted = (closed_pipe_status(command, read_first) for command in both(arguments))
        suite.check(name, [] if native[:2] == hosted[:2] else [f"native {native}, eft {hosted}"])
    data = os.urandom(1 << 20) * MEGABYTES
    result = subprocess.run([*INSIDE, "cat"], input=data, capture_output=True, check=False,
                            env=ENVIRONMENT)
    same = hashlib.sha256(result.stdout).digest() == hashlib.sha256(data).digest()
    suite.check("much_through_pipes", [] if same else
                [f"{len(result.stdout)} bytes of {len(data)} came back, status "
                 f"{result.returncode}", *result.stderr.decode().splitlines()])


def check_slow_pipes(suite):
    """The writer waits for a full pipe, the reader for an empty one."""
    process = subprocess.Popen([*INSIDE, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=ENVIRONMENT)
    answers = []
    for word in (b"one\n", b"two\n", b"three\n"):
        process.stdin.write(word)
        process.stdin.flush()
        answers.append(process.stdout.readline())
        time.sleep(0.05)
    process.stdin.close()
    rest = process.stdout.read()
    process.stdout.close()
    good = answers == [b"one\n", b"two\n", b"three\n"] and rest == b"" and process.wait() == 0
    suite.check("input_as_it_comes", [] if good else [f"{answers} {rest}"])
    process = subprocess.Popen([*INSIDE, "seq", "1", "200000"], stdout=subprocess.PIPE,
                               env=ENVIRONMENT)
    time.sleep(0.3)
    lines = process.stdout.read().split()
    process.stdout.close()
    good = process.wait() == 0 and lines == [b"%d" % n for n in range(1, 200001)]
    suite.check("output_to_a_slow_reader", [] if good else [f"{len(lines)} lines"])


def run_with_closed(command, descriptors):
    def close():
        for descriptor in descriptors:
            os.close(descriptor)

    read_end, write_end = os.pipe()
    errors_read, errors_write = os.pipe()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=write_end,
                               stderr=errors_write, env=ENVIRONMENT, preexec_fn=close)
    os.close(write_end)
    os.close(errors_write)
    with os.fdopen(read_end, "rb") as output, os.fdopen(errors_read, "rb") as errors:
        return output.read(), errors.read(), shell_status(process.wait(timeout=60))


def check_closed_descriptors(suite):
    for closed in ([0], [1], [2], [0, 1], [0, 1, 2]):
        for arguments in (["cat"], ["echo", "hello"], ["ls", "/absent"]):
            native, hosted = (run_with_closed(command, closed) for command in both(arguments))
            name = f"closed_{'_'.join(map(str, closed))}_{arguments[0]}"
            suite.check(name, [] if native == hosted else [f"native {native}, eft {hosted}"])


def shell(line, directory):
    return subprocess.run(["/bin/sh", "-c", line], cwd=directory, env=ENVIRONMENT, check=False,
                          capture_output=True, stdin=subprocess.DEVNULL)


def check_files(suite):
    """Standard streams that are regular files share their position with the shell's commands."""
    lines = {
        "two_to_one_file": "(B echo one; B echo two; echo three) > out; cat out",
        "append": "echo zero > out; B echo one >> out; B echo two >> out; cat out",
        "output_and_errors_to_one": "B ls small /absent > out 2>&1; cat out",
        "input_file": "B cat < small; B wc -c < small; B tail -n 1 < small",
        "input_position": "(read line; B cat) < small",
        "seek_in_input": "B dd bs=1 skip=3 count=4 < small 2>/dev/null",
        "read_only_output": "B echo x 1< small; echo $?",
        "write_only_input": "B cat 0> out; echo $?",
        "pipeline": "B seq 1 1000 | B grep 7 | B wc -l",
        "full_device": "B echo x > /dev/full; echo $?",
    }
    for name, line in lines.items():
        results = []
        for command in both([]):
            with tempfile.TemporaryDirectory() as directory:
                with open(os.path.join(directory, "small"), "w") as file:
                    file.write("first\nsecond\nthird\n")
                result = shell(line.replace("B ", " ".join(command) + " "), directory)
                results.append((result.stdout, result.stderr, result.returncode))
        suite.check("stream_" + name, [] if results[0] == results[1] else
                    [f"native {results[0]}", f"eft    {results[1]}"])


def check_statuses(suite):
    wrong = []
    for status in [*range(0, 256, 15), 1, 2, 120, 126, 127, 128, 139, 254, 256, 300, -1]:
        command = [guest("crash"), "status", str(status)]
        native, hosted = execute(command), execute([SIM, *command])
        if native.status != hosted.status or hosted.errors:
            wrong.append(f"status {status}: native {native.status}, eft {hosted.status}")
    suite.check("exit_statuses", wrong)


def check_idle(suite):
    began = time.monotonic()
    execute([*INSIDE, "sleep", str(IDLE_SECONDS)])
    lasted = time.monotonic() - began
    suite.check("sleep_lasts", [] if lasted >= IDLE_SECONDS else [f"slept only {lasted:.2f} s"])
    for name, command in (("", [*INSIDE, "sleep", "1000"]), ("_shell", [SIM, guest("sh")])):
        used = common.cost_of_waiting(command, IDLE_SECONDS)
        suite.check(f"idle{name}_costs_nothing", [] if used <= IDLE_CPU_SECONDS else
                    [f"{used:.2f} s of CPU time for {IDLE_SECONDS} s of waiting"])


def ready(command):
    """Starts a command and waits until it has said so."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=ENVIRONMENT)
    process.stdout.readline()
    return process


def check_signals(suite):
    for way in ("spin", "wait"):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
                       signal.SIGKILL):
            process = ready([SIM, guest("behave"), way])
            began = time.monotonic()
            process.send_signal(number)
            try:
                process.communicate(timeout=common.TIMEOUT_SECONDS)
                status = shell_status(process.returncode)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                status = "does not end"
            took = time.monotonic() - began
            good = status == 128 + number and took < SLOW_SECONDS
            suite.check(f"{signal.Signals(number).name}_ends_{way}",
                        [] if good else [f"status {status} after {took:.1f} s"])


def check_stop_and_continue(suite):
    process = ready([SIM, guest("behave"), "spin"])
    process.send_signal(signal.SIGSTOP)
    stopped = os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
    process.send_signal(signal.SIGCONT)
    time.sleep(0.05)
    running = process.poll() is None
    process.terminate()
    process.communicate(timeout=common.TIMEOUT_SECONDS)
    suite.check("stop_and_continue", [] if stopped and running else
                [f"stopped {stopped}, running {running}"])


def check_ignored_hangup(suite):
    """As under nohup: what the user had ignored stays ignored."""
    process = subprocess.Popen(
        [SIM, guest("behave"), "spin"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    suite.check("ignored_hangup", [] if alive else ["ended all the same"])


def without_dispatch():
    """This process, and what it executes, finds a host older than Linux 5.11."""
    filters = ((0x20, 0, 0, 0), (0x15, 0, 3, SYS_PRCTL), (0x20, 0, 0, FIRST_ARGUMENT),
               (0x15, 0, 1, PR_SET_SYSCALL_USER_DISPATCH),
               (0x06, 0, 0, SECCOMP_ERRNO | errno.EINVAL), (0x06, 0, 0, SECCOMP_ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in filters))
    program = struct.pack("HxxxxxxP", len(filters), ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program)


def check_old_host(suite):
    result = subprocess.run([SIM, guest("hello")], stdin=subprocess.DEVNULL, capture_output=True,
                            check=False, preexec_fn=without_dispatch)
    lines = result.stderr.decode().splitlines()
    good = result.returncode == common.STATUS_REFUSED and not result.stdout and \
        len(lines) == 1 and "Linux 5.11 or newer on x86-64 is needed" in lines[0]
    if result.returncode == 0:
        suite.skip("old_host", "the host allows no seccomp filters")
    else:
        suite.check("old_host", [] if good else [f"status {result.returncode}", *lines])


def check_nothing_left(suite):
    with tempfile.TemporaryDirectory() as directory:
        environment = dict(ENVIRONMENT, TMPDIR=directory, HOME=directory)
        for command in ([SIM, guest("probe_musl")], [SIM, guest("crash"), "halt"], [SIM, "/absent"],
                        [*INSIDE, "ls", "-R", "/usr/share/doc"]):
            subprocess.run(command, cwd=directory, env=environment, capture_output=True,
                           stdin=subprocess.DEVNULL, check=False)
        left = os.listdir(directory)
    suite.check("nothing_left_behind", [str(left)] if left else [])


def check_legacy_layout(suite):
    """An unlimited stack makes the host place its libraries where guests live."""
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    result = subprocess.run([*INSIDE, "env"], env={"ONE": "1"}, stdin=subprocess.DEVNULL,
                            capture_output=True, timeout=common.TIMEOUT_SECONDS, check=False,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, unlimited))
    suite.check("unlimited_stack", [] if result.stdout == b"ONE=1\n" else [f"{result}"])


def main():
    suite = common.Suite()
    checks = (check_pipes, check_slow_pipes, check_closed_descriptors, check_files, check_statuses,
              check_idle, check_signals, check_stop_and_continue, check_ignored_hangup,
              check_nothing_left, check_legacy_layout, check_old_host)
    for check in checks:
        if suite.wants(check.__name__[len("check_"):]):
            check(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
