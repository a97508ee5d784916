#!/usr/bin/env python3
"""The programs of the teaching ABI inside the kernel, against what the ABI's specification says.

Each runs in real time on one and on four virtual CPUs, and under seeds: as built plainly, where it
is preempted at its calls, and as built by eft-cc, where it is preempted at any basic block.

    run_teaching.py [--seeds LIST] [NAME...]     LIST like 1,2,5-9; a number COUNT means 1-COUNT
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import cases
import common
from common import SIM, execute, guest

SEEDS_DEFAULT = os.environ.get("EFT_SEEDS", "3")
CPUS = (1, 4)
GREETING = "Hello, there!\n"
FILES_OF_ROOT = ("fork", "hello_teaching", "hello", "sh", "behave", "raw/calls")
COMPILERS = ("gcc", "clang", "musl-gcc")
LINKS = {"static": ["-static"], "static_pie": ["-static-pie", "-fPIE"]}


def parse_seeds(text):
    if re.fullmatch(r"\d+", text):
        return list(range(1, int(text) + 1))
    seeds = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


class Run:
    """One start of the sim: a case, and how."""

    def __init__(self, case, build, label, options):
        self.case = case
        self.build = build          # "" or "blocks/"
        self.name = f"{case.name}_{label}"
        self.options = options

    def problems(self, root):
        path = guest(self.build + self.case.program)
        options = [*self.options, *self.case.options]
        if self.case.root:
            options.append(f"--root={root}")
            path = "/" + os.path.basename(path)
        result = execute([SIM, *options, path, *self.case.arguments], text=self.case.text)
        found = self.case.problems(result)
        if found:
            found.append(" ".join([os.path.relpath(SIM), *options, path, *self.case.arguments]))
        return found


def builds_of(case):
    return ("", "blocks/") if case.blocks else ("",)


def runs_in_real_time(case):
    for cpus in CPUS:
        for build in builds_of(case):
            kind = "blocks_" if build else ""
            yield Run(case, build, f"{kind}cpus_{cpus}", [f"--cpus={cpus}"])


def runs_with_seed(case, seed):
    for cpus in CPUS:
        for build in builds_of(case):
            kind = "blocks" if build else "traps"
            yield Run(case, build, f"{kind}_cpus_{cpus}_seed_{seed}",
                      [f"--cpus={cpus}", f"--seed={seed}", f"--preempt={kind}"])


def fill_root(root):
    for name in FILES_OF_ROOT:
        shutil.copy(guest(name), root)
    os.mkdir(os.path.join(root, "dev"))
    with open(os.path.join(root, "hello.txt"), "w", encoding="utf-8") as file:
        file.write(GREETING)


def run_all(suite, runs):
    """Two at a time; reports in order."""
    wanted = [run for run in runs if suite.wants(run.name)]
    with tempfile.TemporaryDirectory() as root, \
            concurrent.futures.ThreadPoolExecutor(max_workers=2) as workers:
        fill_root(root)
        results = workers.map(lambda run: run.problems(root), wanted)
        for run, problems in zip(wanted, results):
            suite.check(run.name, problems)


def existing_cases(suite):
    for case in cases.CASES:
        if os.path.exists(guest(case.program)):
            yield case
        elif case.program == "raw/rust":
            suite.skip("raw_rust", "there is no rustc")
        else:
            suite.fail(case.name, f"{case.program}.elf was not built")


def counter_result(seed):
    result = execute([SIM, f"--seed={seed}", "--preempt=blocks", guest("blocks/counter"), "none"])
    match = re.search(r"without protection: (\d+)", result.output)
    return int(match.group(1)) if match else None


def counter_loses_updates(suite, seeds):
    """Some seed shows the race, and shows the same each time."""
    name = "counter_loses_updates"
    if not suite.wants(name):
        return
    losing = [seed for seed in seeds if (counter_result(seed) or 800) < 800]
    if not losing:
        suite.fail(name, f"seeds {seeds} all give 800")
        return
    results = {counter_result(losing[0]) for _ in range(3)}
    suite.check(name, [] if len(results) == 1 else
                [f"seed {losing[0]} gives {sorted(map(str, results))}"])


def bugs_are_there(suite, seeds):
    """Each program with a classic bug fails under some seed; run_all saw the repaired not to."""
    for name in cases.CLASSICS:
        label = f"{name}_fails_under_some_seed"
        if suite.wants(label):
            failing = (execute([SIM, f"--seed={seed}", guest(name)]).status != 0 for seed in seeds)
            suite.check(label, [] if any(failing) else [f"none of {seeds} does it"])


def starving(suite, seeds):
    """Who starves is named, and nobody else: philosopher N is process N + 3."""
    for solution, process in cases.STARVING.items():
        for options in ([], *([f"--seed={seed}"] for seed in seeds[:3])):
            label = "_".join(["starving_in_dinner", solution, *options]).replace("--", "")
            if not suite.wants(label):
                continue
            result = execute([SIM, "--stats", *options, guest("dinner"), solution, "20", "1"])
            named = re.findall(r"^eft: starving: (process \d+|nobody)", result.errors,
                               re.MULTILINE)
            suite.check(label, [] if named == [process] else [f"named: {named}, not {process}"])


def repeats(suite, present, seed):
    """The same seed again gives the same output, byte for byte."""
    for case in present:
        for build in builds_of(case):
            label = f"{case.name}_{'blocks_' if build else ''}repeats"
            if not case.seeded or case.root or not suite.wants(label):
                continue
            command = [SIM, "--cpus=2", f"--seed={seed}", *case.options,
                       guest(build + case.program), *case.arguments]
            first, second = execute(command), execute(command)
            same = (first.bytes, first.errors, first.status) == \
                (second.bytes, second.errors, second.status)
            suite.check(label, [] if same else common.differences(first, second))


def note_is_there(program):
    notes = subprocess.run(["readelf", "-n", program], stdout=subprocess.PIPE, check=False,
                           stderr=subprocess.DEVNULL).stdout.decode()
    return re.search(r"^\s*Eft\s+0x0*8\b", notes, re.MULTILINE) is not None


def wrapper(suite):
    """eft-cc with each compiler: the program runs here and inside alike."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "counted.c")
    for compiler in COMPILERS:
        for link, flags in LINKS.items():
            name = f"eft_cc_{compiler.replace('-', '_')}_{link}"
            if not suite.wants(name):
                continue
            if not shutil.which(compiler):
                suite.skip(name, f"there is no {compiler}")
            elif compiler == "musl-gcc" and link == "static_pie":
                suite.skip(name, "musl-gcc does not link such programs")
            else:
                suite.check(name, wrapper_problems(compiler, flags, source))


def wrapper_problems(compiler, flags, source):
    with tempfile.TemporaryDirectory() as directory:
        program = os.path.join(directory, "counted")
        built = subprocess.run([os.path.join(common.BUILD, "eft-cc"), f"--with={compiler}", "-O2",
                                *flags, "-o", program, source], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, check=False)
        if built.returncode != 0 or built.stdout:
            return [f"eft-cc ends with {built.returncode}", *built.stdout.decode().splitlines()]
        native = common.Oracle(lambda: execute([program]))
        found = native.differences(execute([SIM, program]))
        if not native.first.output.endswith("yes\n"):
            found.append(native.first.output)
        if not note_is_there(program):
            found.append("it has no note that says where the budget is")
    return found


def linux_program(suite):
    """A program of another ABI whose blocks count; sh has shown that both ABIs mix."""
    if suite.wants("probe_musl_blocks"):
        program = guest("blocks/probe_musl")
        native = common.Oracle(lambda: common.execute_in_tmpfs([program, "a", "b"]))
        hosted = execute([SIM, "--cwd=/tmp", program, "a", "b"])
        suite.compare("probe_musl_blocks", native, hosted)


def spin_holder_is_killed(suite, options_known):
    """Nothing is ever blocked, so only the time limit ends this."""
    name = "defect_kill_holder_spin"
    if not suite.wants(name):
        return
    if "--time-limit" not in options_known:
        suite.skip(name, "the sim has no --time-limit")
        return
    result = execute([SIM, "--time-limit=2", guest("defect_kill_holder"), "spin"])
    good = result.status == 122 and "the holder is dead" in result.output
    suite.check(name, [] if good else [f"status {result.status}", result.output, result.errors])


def closed_console(suite):
    """Nobody reads the output: the whole family dies of it, whatever the others wait for."""
    for program, arguments in (("mq", ["4"]), ("dinner", ["2", "100", "0"]), ("sh", [])):
        for options in ([], ["--cpus=4", "--seed=1"]):
            label = "_".join(["closed_console", program, *options]).replace("--", "")
            if suite.wants(label):
                suite.check(label, closed_console_problems(program, arguments, options))


def closed_console_problems(program, arguments, options):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        ended = subprocess.run([SIM, "--time-limit=60", *options, guest(program), *arguments],
                               input=b"ps\nps\n", stdout=output, stderr=subprocess.PIPE,
                               check=False)
    return [] if ended.returncode == 141 else \
        [f"status {ended.returncode}, not 141", *ended.stderr.decode().splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default=SEEDS_DEFAULT, help="a list, or how many")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    suite = common.Suite()
    suite.chosen = options.names
    seeds = parse_seeds(options.seeds)
    known = execute([SIM, "--help"]).output

    present = list(existing_cases(suite))
    run_all(suite, (run for case in present for run in runs_in_real_time(case)))
    wrapper(suite)
    linux_program(suite)
    spin_holder_is_killed(suite, known)
    closed_console(suite)
    if "--seed" not in known:
        suite.skip("seeds", "the sim has no --seed")
        return suite.status()
    run_all(suite, (run for seed in seeds for case in present if case.seeded
                    for run in runs_with_seed(case, seed)))
    counter_loses_updates(suite, range(1, 11))
    bugs_are_there(suite, range(1, 41))
    repeats(suite, present, seeds[0])
    if "--stats" in known:
        starving(suite, seeds)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
