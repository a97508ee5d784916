#!/usr/bin/env python3
"""Debian's stress-ng: every stressor of four classes for a second, natively and in the kernel.

Prints a line for each: pass, skip (stress-ng says it cannot run here) or fail on Linux, and the
same for the simulator with one and with four virtual CPUs, with what stress-ng said where that is
worse than on Linux.  The status is 0 if whatever passes natively passes inside, but for the
stressors of BEYOND, which need what the kernel does not have.  Names choose stressors.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

import running

CLASSES = ("scheduler", "pipe", "memory", "filesystem")
CPUS = (1, 4)
LIMIT_SECONDS = 60
MEMORY = "--memory=2G"
# Statuses of stress-ng.
PASSED, NO_RESOURCE, NOT_IMPLEMENTED = 0, 3, 4
# Break a machine on purpose (stress-ng itself leaves them out), or are not programs of one second.
LEFT_OUT = {"bind-mount", "oom-pipe", "softlockup", "binderfs"}
BEYOND = {
    "chattr": "no attributes of ext4", "cyclic": "no SCHED_DEADLINE", "dnotify": "no dnotify",
    "fanotify": "no fanotify", "fiemap": "no extents to tell of", "lease": "no leases",
    "netlink-proc": "no netlink", "netlink-task": "no netlink", "numa": "one node",
    "vm-segv": "no ptrace", "verity": "no fs-verity",
}
# 1 GiB otherwise: what is written inside is in memory.  For memrate all that it does is one
# operation.
SIZES = {name: [f"--{name}-bytes", "64M"] for name in ("fallocate", "iomix", "sync-file",
                                                       "memrate")}
# A hundred processes are made before the first operation counts, and compete with those before.
SECONDS = {"pipeherd": 5}
# stress-ng skips them for root.
NOT_ROOT = {"exec", "spawn"}
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
# What the kernel may hold more of at the end: what it knows of files of the host.
CACHES = {"page tree node", "page cache", "host inode", "host node", "inode", "name",
          "host change", "proc node", "memory-32", "memory-64", "memory-128", "memory-256"}
LEAK = re.compile(r'^eft: leak check: (\d+) more of "(.*)"$', re.MULTILINE)
PAGES = re.compile(r"^eft: leak check: .* pages .*\n?", re.MULTILINE)
OPERATIONS = re.compile(r"metrc: \[\d+\] (\S+) +(\d+) +[\d.]+ +[\d.]+ ")
SAID = re.compile(r"^stress-ng: (?:fail|error|warn)\S*: *\[\d+\] (.*)$|^(eft: .*)$", re.MULTILINE)
SKIPPED = re.compile(r"skipp(?:ed|ing)|not implemented|not available")
ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin", "LANG": "C", "HOME": "/root"}


def stressors():
    names = set()
    for kind in CLASSES:
        text = subprocess.run(["stress-ng", "--class", kind + "?"], capture_output=True, text=True,
                              check=False)
        names.update((text.stdout + text.stderr).partition("stressors:")[2].split())
    return sorted(names - LEFT_OUT)


def leaks(text):
    return {pool: int(number) for number, pool in LEAK.findall(text) if pool not in CACHES}


def execute(prefix, name, held):
    """(verdict, what it said).  `held` is what the kernel always holds at the end."""
    command = [*prefix, shutil.which("stress-ng"), "--verify", "--metrics-brief",
               f"--{name}", "1", "--timeout", str(SECONDS.get(name, 1)), "--temp-path", ".",
               *SIZES.get(name, [])]
    if name in NOT_ROOT and os.getuid() == 0:
        command = [*AS_NOBODY, *command]
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        status, text = running.run_to_end(command, directory, ENVIRONMENT, LIMIT_SECONDS)
    leaked = [f"{number} of {pool} leaked" for pool, number in leaks(text).items()
              if number > held.get(pool, 0)]
    text = PAGES.sub("", LEAK.sub("", text))
    said = "; ".join(a or b for a, b in SAID.findall(text)[:4])
    if status in (NO_RESOURCE, NOT_IMPLEMENTED) or status == PASSED and SKIPPED.search(text):
        return "skip", said or text.strip().splitlines()[-1]
    operations = OPERATIONS.search(text)
    if status != PASSED or leaked or said and "eft: " in said:
        return "fail", f"status {status}: {'; '.join(leaked) or said or text[-300:]}"
    if not operations or operations.group(2) == "0":
        return "idle", said
    return "pass", said


def held_at_end(prefix):
    result = subprocess.run([*prefix, "/bin/sh", "-c", "/bin/true > file; rm file"], check=True,
                            cwd=tempfile.gettempdir(), capture_output=True, text=True)
    return leaks(result.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--native", action="store_true", help="only on Linux")
    parser.add_argument("names", nargs="*", metavar="STRESSOR")
    options = parser.parse_args()
    if not shutil.which("stress-ng"):
        print("stress-ng is not installed", file=sys.stderr)
        return 2
    simulator = os.path.join(os.path.abspath(options.build), "sim")
    runners = {"native": []}
    if not options.native:
        runners |= {f"{cpus}-cpu": [simulator, f"--cpus={cpus}", MEMORY, "--leak-check", "--root=/"]
                    for cpus in CPUS}
    held = held_at_end(runners["1-cpu"]) if len(runners) > 1 else {}
    good = dict.fromkeys(runners, 0)
    failed = 0
    print(f"{'stressor':<16}" + "".join(f"{name:>8}" for name in runners))
    for name in options.names or stressors():
        results = {runner: execute(prefix, name, held) for runner, prefix in runners.items()}
        verdicts = [verdict for verdict, _ in results.values()]
        for runner, (verdict, _) in results.items():
            good[runner] += verdict == "pass"
        notes = {said for verdict, said in results.values() if verdict != verdicts[0] and said}
        if verdicts[0] == "pass" and set(verdicts) != {"pass"}:
            failed += name not in BEYOND
            notes |= {BEYOND[name]} if name in BEYOND else set()
        print(f"{name:<16}" + "".join(f"{verdict:>8}" for verdict in verdicts)
              + "".join(f"   {note}" for note in sorted(notes)), flush=True)
    print(f"{'passed':<16}" + "".join(f"{number:>8}" for number in good.values()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
