#!/usr/bin/env python3
"""Every guest with 1, 2 and 8 virtual CPUs: two runs of one seed give the same trace, byte for
byte, and the same output, whatever else is different: the host's load, the terminal and its kind,
how fast somebody reads, where the host places its mappings (setarch -R), the working directory.

EFT_SEEDS: twice as many seeds are tried (`make conformance` has 100); by default one a guest.
"""
import concurrent.futures
import glob
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
import common  # noqa: E402
import run_seed  # noqa: E402

SEEDS = 2 * int(os.environ.get("EFT_SEEDS", "0"))
CPUS = (1, 2, 8)

# What guests are given to do; the others need nothing.
TASKS = {
    "behave": [(["raw"], "x\n"), (["wait"], "")], "counter": [([], "both\n")],
    "crash": [([], ""), (["segv"], "")], "wild": [(["all"], "")],
    "dinner": [(["1", "5", "1"], ""), ([], "2\n"), ([], "5\n"), (["3", "4"], ""), (["4", "4"], "")],
    "fact": [([], "5000\n")], "mq": [([], "4\n"), ([], "32\n")], "mutex": [([], "both\n")],
    "knots": [(["circle"], ""), (["beside"], ""), (["mixed"], "")],
    "sh": [([], "help\nps\nexec /fork.elf\nexit\n")],
    "blocks/counter": [([], "none\n")], "blocks/dinner": [(["1", "5", "1"], ""), ([], "2\n")],
    "blocks/mutex": [([], "spin\n")], "blocks/mq": [([], "8\n")], "blocks/fact": [([], "500\n")],
}
# They take seconds: one seed in so many, and none by default.
SLOW = {"defect_spin_burn": 50, "blocks/defect_spin_burn": 10, "defect_exit_codes": 10,
        "blocks/defect_exit_codes": 10, "raw/kill": 20, "raw/many": 100}
# They measure, are given to other suites with arguments, or spin for ever in many schedules.
LEFT_OUT = ("measure", "fuzz_calls", "lost_flag", "blocks/lost_flag")


def guests():
    for path in sorted(glob.glob(os.path.join(common.GUESTS, "**", "*.elf"), recursive=True)):
        name = os.path.relpath(path, common.GUESTS)[:-len(".elf")]
        if name not in LEFT_OUT:
            yield name


def chosen(name):
    """(seed, cpus) of all that is to be run."""
    if SEEDS == 0:
        return [] if name in SLOW else [(1 + len(name) % 7, CPUS[len(name) % 3])]
    return [(seed, cpus) for seed in range(1, SEEDS + 1, SLOW.get(name, 1)) for cpus in CPUS]


def check_guest(name):
    """Returns the lines that tell what differed."""
    problems = []
    with tempfile.TemporaryDirectory(prefix="eft-repeat-") as directory:
        for number, (seed, cpus) in enumerate(chosen(name)):
            tasks = TASKS.get(name, [([], "")])
            arguments, text = tasks[number % len(tasks)]
            problems += run_seed.same_in_all_circumstances(directory, (name, arguments, text), seed,
                                                           cpus)
    return problems


def main():
    names = [name for name in guests() if chosen(name) and
             (len(sys.argv) < 2 or any(name.startswith(start) for start in sys.argv[1:]))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, problems in zip(names, pool.map(check_guest, names)):
            run_seed.report("repeats_" + name.replace("/", "_"), problems)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
