#!/usr/bin/env python3
"""The programs of this folder on Linux and inside the kernel: what they print must be the same.

Each runs in an empty directory of a tmpfs both times, with the same arguments, environment and
standard input; those about threads inside on one CPU and on four.  Names given on the command line
select programs.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common

PROGRAMS = os.path.join(common.BUILD, "conformance/linux")
INPUT = "line one\nline two\n"
ABOUT_THREADS = ("call_", "futex_", "signal_", "robust_", "thread_", "pthread_", "pipe_",
                 "process_", "sysv_", "event_", "socket_", "epoll_", "sched_", "tty_", "pty_",
                 "time_", "timer_")


def oracle(program):
    return common.Oracle(lambda: common.execute_in_tmpfs([program], INPUT))


def compare(suite, name):
    program = os.path.join(PROGRAMS, name + ".elf")
    native = oracle(program)
    if native.first.status == common.STATUS_NOT_HERE:
        suite.skip(f"linux_{name}", native.first.output.strip())
        return
    for cpus in (1, 4) if name.startswith(ABOUT_THREADS) else (1,):
        hosted = common.execute([common.SIM, f"--cpus={cpus}", "--cwd=/tmp", program], common.TOP,
                                INPUT)
        where = f"_on_{cpus}_cpus" if cpus > 1 else ""
        suite.compare(f"linux_{name}{where}", native, hosted)


# What all ways to schedule ordinary threads must get right.
WITH_ALL_POLICIES = ("futex_order", "pthread_mutex", "pthread_sync", "sched_order")


def compare_policies(suite, name):
    program = os.path.join(PROGRAMS, name + ".elf")
    native = oracle(program)
    for policy in ("rr", "fifo"):
        hosted = common.execute([common.SIM, f"--sched={policy}", "--cpus=2", "--cwd=/tmp",
                                 program], common.TOP, INPUT)
        suite.compare(f"linux_{name}_sched_{policy}", native, hosted)


# The same by signals of the host alone: what is right must not depend on how calls come.
BY_SIGNALS = ("call_places", "call_pages", "signal_registers")


def compare_by_signals(suite, name):
    program = os.path.join(PROGRAMS, name + ".elf")
    native = oracle(program)
    hosted = common.execute([common.SIM, "--no-direct-calls", "--cwd=/tmp", program], common.TOP,
                            INPUT)
    suite.compare(f"linux_{name}_by_signals", native, hosted)


def main():
    suite = common.Suite()
    names = sorted(entry[:-len(".elf")] for entry in os.listdir(PROGRAMS)
                   if entry.endswith(".elf"))
    for name in names:
        if suite.wants("linux_" + name):
            compare(suite, name)
            if name in WITH_ALL_POLICIES:
                compare_policies(suite, name)
            if name in BY_SIGNALS:
                compare_by_signals(suite, name)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
