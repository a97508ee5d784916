#!/usr/bin/env python3
"""The programs of guests/ on Linux and inside the kernel.

hello and probe must print the same; every way of crashing must end with the status a shell sees on
Linux and with one line on standard error that names signal, address and function; wild pointers
must give the same errors.
"""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from common import SIM, execute, guest

# What the line on standard error must say, beside the signal, where that is known: the address
# that was accessed, or the function in which it happened.
DETAILS = {
    "divide_by_zero": r"divide_by_zero\b.*crash_faults\.c:\d+",
    "jump_to_zero": r"\b0x0\b",
    "undefined_instruction": r"undefined_instruction\b.*crash_faults\.c:\d+",
    "halt": r"halt\b.*crash_faults\.c:\d+",
    "breakpoint": r"breakpoint\b.*crash_faults\.c:\d+",
    "deep_recursion": r"deep_recursion\b.*crash_faults\.c:\d+",
    "write_to_text": r"0x40[0-9a-f]+.*crash_faults\.c:\d+",
    "write_null": r"\b0x0\b.*crash_faults\.c:\d+",
    "time_to_nowhere": r"\b0x10\b.*clock_gettime\+0x[0-9a-f]+ \(\[vdso\]\)",
    "read_high": r"0x7fff00000000\b.*crash_faults\.c:\d+",
    "misaligned_vector": r"misaligned_vector\b.*crash_faults\.c:\d+",
    "privileged_cli": r"privileged_cli\b.*crash_faults\.c:\d+",
    "fault_in_handler": r"crash_signals\.c:\d+",
    "flag_alignment_fault": r"flag_alignment_fault\b.*crash_states\.c:\d+",
}


def compare(suite, name, program, arguments):
    native = common.Oracle(lambda: common.execute_in_tmpfs([program, *arguments]))
    hosted = execute([SIM, "--cwd=/tmp", program, *arguments])
    suite.compare(name, native, hosted)


def compare_programs(suite):
    for name in ("hello", "probe", "probe_pie", "probe_musl", "probe_musl_pie"):
        if suite.wants(name):
            compare(suite, name, guest(name), ["one", "two words", "", "ünï"])


def problems_of_death(name, native, hosted):
    """A guest died of a signal: what is wrong with how the sim told it."""
    found = []
    number = native.status - 128
    lines = hosted.errors.splitlines()
    if len(lines) != 1:
        found.append(f"{len(lines)} lines on standard error, not one")
    named = f" ({signal.strsignal(number)})" if number < signal.SIGRTMIN else ""
    if f"killed by signal {number}{named}" not in hosted.errors:
        found.append(f"signal {number} is not named")
    if name in DETAILS and not re.search(DETAILS[name], hosted.errors):
        found.append(f"no {DETAILS[name]} in it")
    return found + lines if found else []


def crash(suite, kind, name):
    native = execute([guest("crash"), name])
    hosted = execute([SIM, guest("crash"), name])
    problems = []
    if (native.output, native.status) != (hosted.output, hosted.status):
        problems = [f"status on linux {native.status}, in eft {hosted.status}",
                    *native.output.splitlines(), "--", *hosted.output.splitlines(),
                    *hosted.errors.splitlines()]
    elif native.status > 128:
        problems = problems_of_death(name, native, hosted)
    suite.check(f"crash_{kind}_{name}", problems)


def crashes(suite):
    for line in execute([guest("crash"), "list"]).output.splitlines():
        kind, name = line.split()
        if suite.wants(f"crash_{kind}_{name}"):
            crash(suite, kind, name)


def wild(suite):
    if suite.wants("wild_compare"):
        compare(suite, "wild_compare", guest("wild"), ["compare"])
    if suite.wants("wild_all"):
        result = execute([SIM, guest("wild"), "all"])
        good = result.status == 0 and result.output.endswith("every call came back\n")
        suite.check("wild_all", [] if good else [f"status {result.status}", result.output,
                                                 *result.errors.splitlines()])


def main():
    suite = common.Suite()
    compare_programs(suite)
    crashes(suite)
    wild(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
