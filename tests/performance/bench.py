#!/usr/bin/env python3
"""The sim against native Linux, in one run: the same static programs, alternately, medians.

Prints a table of both figures, their ratio and the goal, with a line on what each measures;
`--json FILE` writes the figures as well.  Timings never decide a test: the status is 0 unless
something could not be measured.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import peers

FILE_SIZE = 8 << 20

# name, unit, what one unit is, goal: a ratio, or None
MEASURES = [
    ("cpu_bound", "ns", "a step of integer arithmetic in one loop", 1.03),
    ("memory_copy", "ns", "1 KiB copied by memcpy, in blocks of 1 MiB", 1.03),
    ("null_call", "ns", "getppid: into the kernel and out again", 3),
    ("clock_call", "ns", "clock_gettime of libc, which the vDSO answers", 1.2),
    ("timer_life", "ns", "timer_create, timer_settime twice and timer_delete", None),
    ("signal_self", "ns", "a signal to oneself (getpid twice, tgkill), handler and return", None),
    ("touch_in_order", "ns", "first write to a page of 64 MiB, one after the other", 1),
    ("touch_scattered", "ns", "first write to a single page far from all others", 4),
    ("read_small", "ns", "read of 4 KiB of a cached file (inside: of --root)", None),
    ("read_large", "ns", "4 KiB of a read of 1 MiB of a cached file", None),
    ("write_small", "ns", "write of 4 KiB to a file of /tmp", None),
    ("open_close", "ns", "open and close of a file (inside: of --root)", None),
    ("stat", "ns", "stat of a file (inside: of --root)", None),
    ("fork_exit", "ns", "fork, exit and waitpid of a process that does nothing", 1),
    ("fork_exec", "ns", "the same with an exec of a static program", 1),
    ("vfork_exec", "ns", "vfork, exec and waitpid", None),
    ("copy_on_write", "ns", "first write to a page after a fork", None),
    ("pipe_turns", "ns", "from one process to another by a pipe, one way; on one processor", None),
    ("shell_200", "ns", "a script of 200 commands that are programs", None),
    ("compile", "ns", "gcc of a small program, and running it", None),
    ("futex_wake", "ns", "a wake-up that finds nobody", None),
    ("futex_turns", "ns", "from one thread to another that waits; native on one processor", 1.5),
    ("mutex_of_four", "ns", "a lock and unlock of a mutex that four threads want", None),
    ("semop", "ns", "a wait for a free System V semaphore, and giving it back", None),
    ("semop_turns", "ns", "two processes that wake each other by semop; on one processor", None),
    ("thread_create", "ns", "pthread_create and pthread_join", 1),
    ("wake_among_10", "ns", "a wake-up of nobody while 10 threads wait for other words", None),
    ("wake_among_10000", "ns", "the same while 10,000 wait", None),
    ("sched_yield", "ns", "sched_yield of a thread that is alone", None),
    ("ready_10", "ns", "from one thread to the next by sched_yield, 10 ready; on one processor",
     None),
    ("ready_1000", "ns", "the same with 1,000 ready", None),
    ("ready_10000", "ns", "the same with 10,000 ready", None),
]
# What must not grow: the second is at most so many times the first, inside.
GROWTHS = [("wake_among_10", "wake_among_10000", 1.2), ("ready_10", "ready_1000", None),
           ("ready_10", "ready_10000", None)]
# Stacks of 10,000 threads.
SIM_OPTIONS = {name: ["--memory=2G"] for name in ("wake_among_10", "wake_among_10000",
                                                  "ready_10000")}
# The same for the teaching ABI; natively by processes and System V semaphores on one processor.
TEACHING_MEASURES = [
    ("alone", ["alone"], "a wait for a free semaphore, and the signal"),
    ("pair", ["pair"], "two processes that wake each other: one way"),
    ("fork", ["fork"], "fork, exit and waitpid of a process that does nothing"),
    ("many", ["ring", "1000"], "a pass in a ring of 1,000 processes, 500 of them ready"),
]
HELLO_TIME_GOAL_MS = 5
HELLO_MEMORY_GOAL_MIB = 12
QEMU_BOOT_GOAL_MS = 1000


class Bench:
    def __init__(self, build, rounds, data):
        self.guests = os.path.join(build, "guests")
        self.measure = os.path.join(self.guests, "measure.elf")
        self.timing = os.path.join(self.guests, "timing.elf")
        self.dinner = os.path.join(self.guests, "dinner.elf")
        self.sim = [os.path.join(build, "sim")]
        self.qemu = os.path.join(build, "eft-qemu")
        self.rounds = rounds
        self.data = data

    def alternate(self, native, hosted):
        """Runs both commands in turn; returns two lists of their words of output."""
        results = ([], [])
        for _ in range(self.rounds):
            for command, words in zip((native, hosted), results):
                run = subprocess.run(command, capture_output=True, text=True, check=True)
                words.append([float(word) for word in run.stdout.split()[-2:]])
        return results

    def ratio(self, name):
        """Medians of a measure that the guest makes of itself."""
        native = [self.measure, name, self.data]
        hosted = [*self.sim, "--root", "/", *SIM_OPTIONS.get(name, []), *native]
        return [statistics.median(words[-1] for words in results)
                for results in self.alternate(native, hosted)]

    def teaching_ratio(self, name, arguments):
        """Medians of what guests/teaching/timing.c measures: "NAME NUMBER ns"."""
        native, hosted = [], []
        for _ in range(self.rounds):
            for command, numbers, word in (([self.measure, name], native, -1),
                                           ([*self.sim, self.timing, *arguments], hosted, -2)):
                run = subprocess.run(command, capture_output=True, text=True, check=True)
                numbers.append(float(run.stdout.split()[word]))
        return statistics.median(native), statistics.median(hosted)

    def schedules_per_second(self):
        """Of a search through a program that has no failure."""
        count = 2000
        start = time.monotonic()
        subprocess.run([*self.sim, f"--search={count}", self.dinner, "2", "3", "0"],
                       capture_output=True, check=True)
        return count / (time.monotonic() - start)

    def hello(self):
        """Medians of (ms, MiB) for a whole run of the smallest guest."""
        hello = os.path.join(self.guests, "hello.elf")
        measured = []
        for results in self.alternate([self.measure, "run", hello],
                                      [self.measure, "run", *self.sim, hello]):
            times, sizes = zip(*results)
            measured.append((statistics.median(times) / 1e6, statistics.median(sizes) / 1024))
        return measured


    def boot(self):
        """Median ms from the start of the runner to the first output of a program on QEMU."""
        times = []
        for _ in range(self.rounds):
            start = time.monotonic()
            with subprocess.Popen([self.qemu, os.path.join(self.guests, "hello.elf")],
                                  stdout=subprocess.PIPE) as process:
                if not process.stdout.read(1):
                    raise subprocess.CalledProcessError(process.wait(), self.qemu)
                times.append((time.monotonic() - start) * 1000)
        return statistics.median(times)


def verdict(reached, goal):
    if goal is None:
        return ""
    return f"goal {goal:g}: {'reached' if reached <= goal else 'MISSED'}"


def show(name, native, hosted, unit, goal_text, what):
    print(f"{name:<16} {native:10.2f} {hosted:10.2f} {unit:<4} {hosted / native:7.2f}x   "
          f"{goal_text:<20} {what}", flush=True)


def show_hello(bench, results):
    (native_ms, native_mib), (hosted_ms, hosted_mib) = bench.hello()
    show("hello_time", native_ms, hosted_ms, "ms",
         verdict(hosted_ms - native_ms, HELLO_TIME_GOAL_MS).replace("goal ", "goal +"),
         "start to exit of hello.elf, parent to parent")
    show("hello_memory", native_mib, hosted_mib, "MiB",
         verdict(hosted_mib - native_mib, HELLO_MEMORY_GOAL_MIB).replace("goal ", "goal +"),
         "its peak resident memory")
    results["hello_time"] = {"native": native_ms, "sim": hosted_ms, "unit": "ms"}
    results["hello_memory"] = {"native": native_mib, "sim": hosted_mib, "unit": "MiB"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=7, help="runs of each, medians are shown")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--peers", action="store_true",
                        help="also User Mode Linux and gVisor, where they are installed")
    parser.add_argument("names", nargs="*", help="only these measures")
    options = parser.parse_args()
    results = {}

    with tempfile.NamedTemporaryFile(prefix="eft-bench-", dir=options.build) as data:
        data.write(os.urandom(FILE_SIZE))
        data.flush()
        bench = Bench(os.path.abspath(options.build), options.rounds, data.name)
        print(f"{'what':<16} {'native':>10} {'sim':>10} {'':<4} {'ratio':>8}")
        if not options.names or "hello" in options.names:
            show_hello(bench, results)
        for name, unit, what, goal in MEASURES:
            if options.names and name not in options.names:
                continue
            native, hosted = bench.ratio(name)
            show(name, native, hosted, unit, verdict(hosted / native, goal), what)
            results[name] = {"native": native, "sim": hosted, "unit": unit}
        for few, many, limit in GROWTHS:
            if few in results and many in results:
                growth = results[many]["sim"] / results[few]["sim"]
                print(f"{many}: {growth:.2f} times {few} inside   {verdict(growth, limit)}")
        for name, arguments, what in TEACHING_MEASURES:
            if options.names and name not in options.names:
                continue
            native, hosted = bench.teaching_ratio(name, arguments)
            show(name, native, hosted, "ns", "", what)
            results[name] = {"native": native, "sim": hosted, "unit": "ns"}
        if options.peers:
            peers.show(bench.measure, data.name, results)
        if not options.names or "qemu_boot" in options.names:
            boot_ms = bench.boot()
            print(f"{'qemu_boot':<16} {'':10} {boot_ms:10.2f} ms{'':13}"
                  f"{verdict(boot_ms, QEMU_BOOT_GOAL_MS):<20} start to the first output there")
            results["qemu_boot"] = {"sim": boot_ms, "unit": "ms"}
        if not options.names or "search" in options.names:
            rate = bench.schedules_per_second()
            print(f"{'search':<16} {'':10} {rate:10.0f} /s{'':35}schedules of five philosophers, "
                  "three rounds each")
            results["search"] = {"sim": rate, "unit": "schedules/s"}
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=2)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
