#!/usr/bin/env python3
"""Runs test suites one after the other and counts what they report.

A suite is an executable (or a .py file).  It is a libcheck program, whose TAP log is read, or it
prints lines of its own: `ok NAME`, `not ok NAME: why`, `skip NAME: why`.  A suite that ends with
a status other than 0 without reporting a failure, that reports nothing, or that does not end in
time counts as one failure.  Checks whose names begin with `qemu_` ran the kernel on QEMU; all
others are hosted.  A line `# ...` is a remark, which is shown whether the suite fails or not.  The
last line is always `N passed, N failed`, the one before it `hosted N, qemu N`.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

RESULT = re.compile(r"^(ok|not ok|skip)\s+(.*)$")
TAP_NUMBER = re.compile(r"^\d+ - ")
OUTPUT_LINES_SHOWN = 40
ON_QEMU = "qemu_"


class Report:
    """What one suite reported."""

    def __init__(self):
        self.passed = 0
        self.on_qemu = 0
        self.skipped = []
        self.failed = []
        self.remarks = []

    def add_lines(self, text):
        for line in text.splitlines():
            match = RESULT.match(line)
            if not match:
                continue
            name = TAP_NUMBER.sub("", match.group(2))
            self.on_qemu += name.startswith(ON_QEMU) and match.group(1) != "skip"
            if match.group(1) == "ok":
                self.passed += 1
            elif match.group(1) == "skip":
                self.skipped.append(name)
            else:
                self.failed.append(name)

    def is_empty(self):
        return not (self.passed or self.skipped or self.failed)


def stop(process):
    """Asks the suite's process group to end, then makes it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=5)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def execute(command, environment, timeout):
    """Returns (status, output); status is None when time ran out."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        try:
            status = process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            stop(process)
            status = None
        except BaseException:
            stop(process)
            raise
        output.seek(0)
        return status, output.read().decode(errors="replace")


def run_suite(path, build, timeout):
    """Returns the suite's Report and its output."""
    command = [sys.executable, path] if path.endswith(".py") else [os.path.abspath(path)]
    report = Report()
    with tempfile.NamedTemporaryFile(suffix=".tap") as tap:
        environment = dict(os.environ, BUILD=os.path.abspath(build),
                           CK_TAP_LOG_FILE_NAME=tap.name)
        status, output = execute(command, environment, timeout)
        with open(tap.name, errors="replace") as lines:
            tap_text = lines.read()
    report.add_lines(tap_text or output)
    report.remarks = [line for line in output.splitlines() if line.startswith("# ")]
    if status is None:
        report.failed.append(f"did not end within {timeout} s")
    elif status != 0 and not report.failed:
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        report.failed.append(f"{how}, though no test failed")
    elif report.is_empty():
        report.failed.append("reported no test at all")
    return report, output


def lines_of_failures(output):
    """What a suite says of the tests that failed; empty for one that reports by a TAP log."""
    lines, tells = [], False
    for line in output.splitlines():
        if RESULT.match(line):
            tells = line.startswith("not ok")
        if tells:
            lines.append(line)
    return lines


def show(name, report, output, seconds):
    counts = f"{report.passed} passed"
    if report.failed:
        counts += f", {len(report.failed)} FAILED"
    if report.skipped:
        counts += f", {len(report.skipped)} skipped"
    print(f"{name:<44} {counts:<36} {seconds:6.2f} s", flush=True)
    for line in report.skipped:
        print(f"    skip {line}")
    for line in report.remarks:
        print(f"    {line}")
    if report.failed:
        for line in report.failed:
            print(f"    not ok {line}")
        shown = (lines_of_failures(output) or output.splitlines())[-OUTPUT_LINES_SHOWN:]
        print("".join(f"    | {line}\n" for line in shown), end="", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="where the programs were built")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for one suite")
    parser.add_argument("suites", nargs="+")
    options = parser.parse_args()

    passed = failed = skipped = on_qemu = 0
    for suite in options.suites:
        began = time.monotonic()
        report, output = run_suite(suite, options.build, options.timeout)
        name = os.path.splitext(os.path.relpath(suite, options.build)
                                if suite.startswith(options.build) else suite)[0]
        show(name, report, output, time.monotonic() - began)
        passed += report.passed
        failed += len(report.failed)
        skipped += len(report.skipped)
        on_qemu += report.on_qemu
    if skipped:
        print(f"{skipped} skipped")
    print(f"hosted {passed + failed - on_qemu}, qemu {on_qemu}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
