#!/usr/bin/env python3
"""gdb on the sim and on QEMU, in batch mode: what a person does first, and what must come out.

Prints `ok NAME` / `not ok NAME: why` / `skip NAME: why`, as tests/run.py reads it.
"""
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
SCRIPT = os.path.join(TOP, "src/debug/gdb/eft.py")
HELLO = os.path.join(BUILD, "guests/hello.elf")
DYNAMIC = os.path.join(BUILD, "conformance/diagnose/threads_dynamic")
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
        "symbols_of_the_vdso",
        ["break sys_write", "run", "info address __vdso_clock_gettime"],
        [r'"__vdso_clock_gettime" is (a function|at)'],
    ),
    (
        "break_in_the_guest_and_step_into_the_kernel",
        [
            "tbreak symbols_loaded",
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
        "threads_in_libraries_have_names",
        ["break machine_halt", "run", "eft threads", "eft user 1"],
        [
            r"dynamic +blocked +0 +futex \S+ +\w*futex\w* \+ \d+",
            r"dynamic +blocked +0 +futex \S+ +\w*lll_lock_wait\w* \+ \d+",
            r"at +\w*futex\w* \+ \d+",
        ],
        ["--root=/", DYNAMIC, "abba"],
    ),
    (
        "symbols_of_a_program_below_the_root",
        ["break sys_write", "run", "info address print_format", "delete", "continue"],
        [r"Breakpoint 1, sys_write", r'"print_format" is a function', r"Hello!"],
        ["--root=" + os.path.join(BUILD, "guests"), "/hello.elf"],
    ),
    (
        "trace_events_are_listed",
        ["break sys_write", "run", "eft trace 10"],
        [r"syscall"],
    ),
]


# One step after the other while the program counter is in the guest.
STEP_OUT_OF_GUEST = ("python while int(gdb.parse_and_eval('$pc')) >> 48 == 0: "
                     "gdb.execute('stepi', to_string=True)")

# The same with options and guest of a machine of QEMU.
QEMU_CASES = [
    (
        "every_processor_is_a_thread",
        ["info threads", "break sys_write", "continue", "bt", "eft threads", "eft user 1",
         "eft trace 10", "info threads"],
        [
            r"CPU#0", r"CPU#1", r"CPU#2", r"CPU#3",
            r"hit Breakpoint 1, sys_write \(fd=1",
            r"user_loop",
            r"thread_begin",
            r"ID +NAME +STATE",
            r"1 +hello\S* +running",
            r"rip +0x0000000000[0-9a-f]+",
            r"at +print_format ",
            r"syscall enter",
            r"CPU#0", r"CPU#1", r"CPU#2", r"CPU#3",
        ],
        ["--cpus=4", HELLO],
    ),
    (
        "from_the_guest_through_the_kernel_into_the_next_thread",
        [
            "break machine_program_loaded", "continue", "finish",
            "break pong_run", "continue", STEP_OUT_OF_GUEST, "bt 2",
            "break schedule", "continue", "bt", "eft threads",
            "break machine_context_switch", "continue", "stepi 15", "bt", "eft threads", "eft bt 3",
            "break ping_run", "continue",
        ],
        [
            r"Breakpoint 2, pong_run",
            r"#0 +entry_\w+", r"#1 .*call3",
            r"Breakpoint 3, schedule", r"semaphore_wait", r"user_loop", r"thread_begin",
            r"3 +pingpong\S* +running +0 +- +pong_run",
            r"Breakpoint 4, machine_context_switch", r"#0 +schedule", r"after_fork", r"user_loop",
            r"2 +pingpong\S* +running", r"3 +pingpong\S* +blocked +0 +semaphore 256, value 0 ",
            r"schedule", r"semaphore_wait", r"user_loop",
            r"Breakpoint 5, ping_run", r"pingpong\.c",
        ],
        ["--sched=fifo", os.path.join(BUILD, "guests/pingpong.elf"), "5"],
    ),
    (
        "deadlocked_threads_show_semaphores_and_holders",
        ["break machine_halt", "continue", "eft threads", "eft bt 3"],
        [
            r"knots\S* +blocked +\d +process 3 to end",
            r"knots\S* +blocked +\d +semaphore 2, value 0, held by thread 4",
            r"knots\S* +blocked +\d +semaphore 1, value 0, held by thread 3",
            r"schedule", r"semaphore_wait",
        ],
        ["--cpus=2", os.path.join(BUILD, "guests/knots.elf"), "circle"],
    ),
    (
        "symbols_of_a_program_below_the_root",
        ["break sys_write", "continue", "info address print_format", "delete", "continue"],
        [r"Breakpoint 1, sys_write", r'"print_format" is a function', r"Hello!"],
        ["--root=" + os.path.join(BUILD, "guests"), "/hello.elf"],
    ),
    (
        "wrong_words_are_refused",
        ["info threads"],
        [r"--cpus=0 is not a number", r"No threads"],
        ["--cpus=0", HELLO],
    ),
]


def hosted(guest):
    return [], ["--args", os.path.join(BUILD, "sim"), *guest]


def on_qemu(guest):
    words = [os.path.join(BUILD, "eft-qemu"), *guest]
    return ["-ex", "eft qemu " + " ".join(words)], [os.path.join(BUILD, "eft.elf")]


def run_gdb(commands, before, behind):
    line = ["gdb", "-nx", "-batch", "-x", SCRIPT, *before]
    for command in commands:
        line += ["-ex", command]
    result = subprocess.run(
        line + behind, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
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


def check(name, case, machine):
    """Whether all that must be in the output is there."""
    _, commands, patterns, *guest = case
    try:
        text = run_gdb(commands, *machine(guest[0] if guest else [HELLO]))
        missing = first_missing(text, patterns)
    except subprocess.TimeoutExpired:
        text, missing = "", "an end within the time limit"
    if missing is None:
        print(f"ok {name}", flush=True)
        return True
    print(f"not ok {name}: no {missing!r} in the output")
    print(text, flush=True)
    return False


def main():
    good = True
    for prefix, cases, machine, tools in (("gdb_", CASES, hosted, ["gdb"]),
                                          ("qemu_gdb_", QEMU_CASES, on_qemu,
                                           ["gdb", "qemu-system-x86_64"])):
        absent = [tool for tool in tools if not shutil.which(tool)]
        for case in cases:
            name = prefix + case[0]
            if sys.argv[1:] and not name.startswith(tuple(sys.argv[1:])):
                continue
            if absent:
                print(f"skip {name}: {absent[0]} is not installed")
            else:
                good = check(name, case, machine) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
