#!/usr/bin/env python3
"""gdb on the sim, in batch mode: what a person does first, and what must come out.

Prints `ok NAME` / `not ok NAME: why` / `skip NAME: why`, as tests/run.py reads it.
"""
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
SCRIPT = os.path.join(TOP, "sim/gdb/eft.py")
HELLO = os.path.join(BUILD, "guests/hello.elf")
TIMEOUT_SECONDS = 120

# name, commands, patterns that must be found in this order
CASES = [
    (
        "break_in_the_scheduler",
        ["break schedule", "run", "bt"],
        [r"Breakpoint 1, schedule", r"#0 +schedule", r"kernel_start|user_loop"],
    ),
    (
        "signals_of_the_machine_pass_silently",
        ["run"],
        [r"Hello!", r"exited normally"],
    ),
    (
        "break_in_a_system_call_shows_thread_and_guest",
        ["break sys_write", "run", "bt", "eft threads", "eft user 1"],
        [
            r"Breakpoint 1, sys_write",
            r"user_loop",
            r"ID +NAME +STATE",
            r"hello\S* +running",
            r"rip +0x0000000000[0-9a-f]+",
            r"at +\w+ ",
        ],
    ),
    (
        "guest_symbols_load_by_themselves",
        ["break sys_write", "run", "info address print_format", "break print_format",
         "info breakpoints"],
        [r'"print_format" is (a function|at)', r"print\.c"],
    ),
    (
        "break_in_the_guest_and_step_into_the_kernel",
        [
            "break symbols_loaded",
            "run",
            "finish",
            "break print_format",
            "continue",
            "bt",
            "break abi_dispatch",
            "continue",
            "bt 2",
            "finish",
        ],
        [r"Breakpoint 2, print_format", r"main .*hello\.c", r"Breakpoint 3, abi_dispatch",
         r"user_loop", r"handle_trap \(.*user_loop"],
    ),
    (
        "single_steps_through_trap_scheduler_and_return",
        ["break abi_dispatch", "run", "stepi 300", "next", "next", "delete", "continue"],
        [r"Breakpoint 1, abi_dispatch", r"exited normally"],
    ),
    (
        "blocked_thread_has_a_backtrace_and_a_reason",
        ["break machine_cpu_idle", "run", "eft threads", "eft bt 1"],
        [r"blocked", r"sleep", r"schedule", r"sleep_until"],
        ["--root", "/", "/usr/bin/busybox", "sleep", "0.2"],
    ),
    (
        "deadlocked_threads_show_semaphores_and_holders",
        ["break machine_halt", "run", "eft threads"],
        [
            r"knots\S* +blocked +0 +process 3 to end",
            r"knots\S* +blocked +0 +semaphore 2, value 0, held by thread 4",
            r"knots\S* +blocked +0 +semaphore 1, value 0, held by thread 3",
        ],
        [os.path.join(BUILD, "guests/knots.elf"), "circle"],
    ),
    (
        "trace_events_are_listed",
        ["break sys_write", "run", "eft trace 10"],
        [r"syscall"],
    ),
]


def run_gdb(commands, guest):
    line = ["gdb", "-nx", "-batch", "-x", SCRIPT]
    for command in commands:
        line += ["-ex", command]
    line += ["--args", os.path.join(BUILD, "sim"), *guest]
    result = subprocess.run(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=TIMEOUT_SECONDS, check=False,
    )
    return result.stdout.decode(errors="replace")


def first_missing(text, patterns):
    position = 0
    for pattern in patterns:
        match = re.compile(pattern).search(text, position)
        if not match:
            return pattern
        position = match.start() + 1
    return None


def main():
    failed = False
    for name, commands, patterns, *guest in CASES:
        if not shutil.which("gdb"):
            print(f"skip gdb_{name}: gdb is not installed")
            continue
        try:
            text = run_gdb(commands, guest[0] if guest else [HELLO])
            missing = first_missing(text, patterns)
        except subprocess.TimeoutExpired:
            text, missing = "", "an end within the time limit"
        if missing is None:
            print(f"ok gdb_{name}")
        else:
            failed = True
            print(f"not ok gdb_{name}: no {missing!r} in the output")
            print(text)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
