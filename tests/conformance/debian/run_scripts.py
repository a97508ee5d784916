#!/usr/bin/env python3
"""The scripts of programs/: each on Linux and inside the kernel; what it prints, its status and
all files that it leaves are compared.

A script's name says who runs it: .sh dash, bash and busybox's shell, the others one interpreter.
Natively it runs in a copy of the prepared directory, inside in the directory itself, which must
not change.  Hosted with one and with four virtual CPUs; on QEMU, with the host's root through
virtio-9p, a few of them, and with EFT_ALL in the environment all (these few with one processor
and with four, the others with two, which is as many as a small host has).  A script that says
"needs:" is about these programs, so that one shell will do.  What is not on this machine is
skipped.  Names on the command line select scripts.
"""
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import common
from machines import EVERYWHERE, machines
from working_directory import TEXT, changes, checksums, execute_in_copy, prepared

PROGRAMS = os.path.join(HERE, "programs")
INTERPRETERS = {".sh": (["dash"], ["bash"], ["busybox", "sh"]), ".bash": (["bash"],),
                ".py": (["python3"],), ".pl": (["perl"],), ".lua": (["lua5.4"],)}
ON_QEMU = {"pipelines.sh", "languages.lua"}
MEMORY = "--memory=2G"
# After the script all files are shown, in the same run.
BOTH = """script=$1; shift; "$@" "$script"; status=$?; echo "-- files"
find . -type f | sort | xargs -r cksum; find . -printf '%P %y %m %l\\n' | sort; exit $status"""


def needs(path):
    with open(path, encoding="utf-8") as file:
        found = re.search(r"needs: *(.*)", file.read(1000))
    return found.group(1).split() if found else []


def interpreters(name):
    found = INTERPRETERS[os.path.splitext(name)[1]]
    return found[:1] if needs(os.path.join(PROGRAMS, name)) else found


def command_of(interpreter, path):
    return ["/bin/sh", "-c", BOTH, "sh", path, *interpreter]


def processors(name):
    """On QEMU."""
    if EVERYWHERE:
        return (1, 4) if name in ON_QEMU else (2,)
    return (2,) if name in ON_QEMU else ()


def compare(suite, directory, name, interpreter, before):
    path = os.path.join(PROGRAMS, name)
    label = f"{name} by {' '.join(interpreter)}"
    missing = [word for word in (interpreter[0], *needs(path))
               if not shutil.which(word, path=common.ENVIRONMENT["PATH"])]
    if missing:
        suite.skip(f"debian script {label}", f"{missing[0]} is not installed")
        return
    command = command_of(interpreter, path)
    native = common.Oracle(lambda: execute_in_copy(command, directory))
    for form, start, seconds in machines(on_qemu=processors(name)):
        inside = common.execute([*start, MEMORY, "--root=/", *command], directory, TEXT, seconds)
        suite.compare(form.format(f"debian script {label}"), native, inside,
                      changes(directory, before))


def main():
    suite = common.Suite()
    with prepared() as directory:
        before = checksums(directory)
        for name in sorted(os.listdir(PROGRAMS)):
            if suite.wants(name):
                for interpreter in interpreters(name):
                    compare(suite, directory, name, interpreter, before)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
