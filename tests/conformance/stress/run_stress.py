#!/usr/bin/env python3
"""Stressors on one and four virtual CPUs, on both C libraries: everything that was sent, locked,
made or waited for must be counted at the end, and the kernel must hold no more than after a few
rounds.  Processes that are made and end, too: 1,000 of them must leave nothing, neither in the
kernel nor in the host's process; bombs and hogs must be ended, and the next program must run.

EFT_ALL: many more rounds each, 100,000 threads among them.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common

# Rounds of each of six workers: in every run, and with EFT_ALL.
ROUNDS = {"futex": (3000, 100000), "mutex": (1500, 60000), "sem": (800, 20000),
          "clone": (60, 1500), "threads": (300, 17000), "switch": (800, 20000),
          "signal": (300, 10000), "timer": (60, 2000)}
# Of processes: rounds one after the other.
PROCESSES = {"exec": (1000, 20000), "vfork": (300, 20000), "mixed": (200, 10000),
             "orphans": (300, 20000), "exec_threads": (60, 3000), "refused": (100, 5000),
             "namespaces": (100, 5000)}
# What would stop others: rounds, memory.
HOSTILE = {"bomb": ((1, 20), "96M"), "hog": ((1, 20), "96M"), "files": ((1, 20), "96M"),
           "beside": ((1, 10), "512M")}
WHOLE = os.environ.get("EFT_ALL") == "1"
LIMIT_SECONDS = 300
HOST_KEPT = 4      # stacks of the kernel's threads, what is opened at the first wait
OBJECTS_KEPT = 6   # of workers that have left the process but not yet their CPU when it ends
PAGES_KEPT = 64    # more, in caches: page tables, stacks of threads for the next ones


def command_of(program, cpus, *words):
    path = os.path.join(common.BUILD, f"conformance/stress/{program}.elf")
    return [common.SIM, f"--cpus={cpus}", "--leak-check", path, *words]


def held_in(errors):
    """What the kernel said at its end: {pool: objects}, pages"""
    held = {pool: int(count) for count, pool in
            re.findall(r'leak check: (\d+) more of "([^"]*)"', errors)}
    pages = re.search(r"leak check: (\d+) pages fewer", errors)
    return held, int(pages.group(1)) if pages else 0


def run(program, kind, cpus, rounds):
    return common.execute(command_of(program, cpus, kind, str(rounds)), common.TOP,
                          timeout=LIMIT_SECONDS)


def check(suite, program, kind, cpus, rounds):
    name = f"{program}_{kind}_on_{cpus}_cpus"
    if not suite.wants(name):
        return
    held_before, pages_before = held_in(run(program, kind, cpus, 8).errors)
    result = run(program, kind, cpus, rounds[WHOLE])
    held, pages = held_in(result.errors)
    problems = [f"{count} of {pool}, after 8 rounds {held_before.get(pool, 0)}"
                for pool, count in held.items()
                if count > held_before.get(pool, 0) + OBJECTS_KEPT]
    if pages > pages_before + PAGES_KEPT:
        problems.append(f"{pages} pages, after 8 rounds {pages_before}")
    if not held:
        problems.append("no report of what is held")
    if result.status != 0:
        problems += [f"status {result.status}", *result.output.splitlines()]
    suite.check(name, problems)


def host_holds(pid):
    """Mappings and descriptors of a process of the host."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        mappings = len(file.readlines())
    return mappings, len(os.listdir(f"/proc/{pid}/fd"))


def check_host(suite, kind, cpus):
    """The program stops when it is warm and at its end."""
    name = f"processes_{kind}_on_{cpus}_cpus_leave_nothing_on_the_host"
    if not suite.wants(name):
        return
    holds = []
    with subprocess.Popen(command_of("processes", cpus, kind, str(PROCESSES[kind][WHOLE])),
                          env={**common.ENVIRONMENT, "PROCESSES_WAIT": "1"},
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        for word in ("warm", "end"):
            if process.stdout.readline() != word + "\n":
                suite.fail(name, f"it does not say {word}")
                process.kill()
                return
            holds.append(host_holds(process.pid))
            process.stdin.write("go on\n")
            process.stdin.flush()
        process.stdin.close()
        process.wait(common.TIMEOUT_SECONDS)
    problems = [f"{what}: {before} when warm, {after} at the end"
                for what, before, after in zip(("mappings", "descriptors"), *holds)
                if after > before + HOST_KEPT]
    if process.returncode != 0:
        problems.append(f"status {process.returncode}")
    suite.check(name, problems)


def check_hostile(suite, kind, cpus):
    name = f"processes_{kind}_on_{cpus}_cpus_is_survived"
    if suite.wants(name):
        rounds, memory = HOSTILE[kind]
        command = command_of("processes", cpus, kind, str(rounds[WHOLE]))
        result = common.execute([*command[:1], f"--memory={memory}", *command[1:]], common.TOP,
                                timeout=LIMIT_SECONDS)
        suite.check(name, [] if result.status == 0 else
                    [f"status {result.status}", *result.output.splitlines()])


def main():
    suite = common.Suite()
    for kind in ROUNDS:
        for library in ("", "_musl"):
            for cpus in (1, 4):
                check(suite, "stress" + library, kind, cpus, ROUNDS[kind])
    for cpus in (1, 4):
        for kind in PROCESSES:
            check(suite, "processes", kind, cpus, PROCESSES[kind])
        for kind in HOSTILE:
            check_hostile(suite, kind, cpus)
        check_host(suite, "exec", cpus)
        check_host(suite, "mixed", cpus)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
