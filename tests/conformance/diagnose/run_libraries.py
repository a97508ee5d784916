#!/usr/bin/env python3
"""Names in reports of programs with shared libraries: where they died and where they wait.

The program is libraries.c beside this file, with library.c as a shared library or linked in; the
lines that reports name must be those with the comment that is meant.
"""
import json
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import common
from common import BUILD, SIM, execute

PROGRAMS = os.path.join(BUILD, "conformance/diagnose")
RUNNER = os.path.join(BUILD, "eft-qemu")
DEADLOCK = 121
KILLED = 139


def line_of(name, words):
    """The number of the line with these words."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if words in line)


DIES = line_of("library.c", "/* dies here */")
DIES_IN_PROGRAM = line_of("libraries.c", "/* dies in the program */")
CHILD = line_of("libraries.c", "/* the child waits here */")
PARENT = line_of("libraries.c", "/* the parent waits here */")
OFFSET = r"\+0x[0-9a-f]+"

# How the program died -> what the line about it ends with.
LIBRARY = rf"at library_write{OFFSET} \(library\.c:{DIES}\) of libknots\.so$"
BACK = rf"at write_myself{OFFSET} \(libraries\.c:{DIES_IN_PROGRAM}\)$"
LIBC = rf"at (__strlen\w*{OFFSET}( \(\S+:\d+\))?|libc\.so\.6{OFFSET}) of libc\.so\.6$"
LINKER = rf"at \w*tls_get_addr\w*{OFFSET}( \(\S+:\d+\))? of ld-linux-x86-64\.so\.2$"
DEATHS = (
    ("library", "libraries", "library", LIBRARY),
    ("library_at_its_place", "libraries_fixed", "library", LIBRARY),
    ("library_called_back", "libraries", "back", BACK),
    ("program_at_its_place", "libraries_fixed", "back", BACK),
    ("program_alone", "libraries_alone", "back", BACK),
    ("library_linked_in", "libraries_alone", "library",
     rf"at library_write{OFFSET} \(library\.c:{DIES}\)$"),
    ("without_symbols", "libraries_bare", "back", rf"at libraries_bare{OFFSET}$"),
    ("library_of_c", "libraries", "libc", LIBC),
    ("linker", "libraries", "linker", LINKER),
)


def died(result, pattern):
    lines = result.errors.splitlines()
    found = [] if result.status == KILLED else [f"status {result.status}"]
    if len(lines) != 1 or not re.search(pattern, lines[0]):
        found += [f"not one line with {pattern!r}", *lines]
    return found


def deaths(suite):
    for name, program, what, pattern in DEATHS:
        if not suite.wants("death_in_" + name):
            continue
        path = os.path.join(PROGRAMS, program)
        for cpus in (1, 4) if name == "library" else (1,):
            result = execute([SIM, f"--cpus={cpus}", "--root=/", path, what])
            suite.check(f"death_in_{name}" + (f"_on_{cpus}_cpus" if cpus > 1 else ""),
                        died(result, pattern))
    ways = {
        "bound": ["--root=/", f"--bind={PROGRAMS}:/mnt/knots:ro", "/mnt/knots/libraries",
                  "library"],
        "by_shell": ["--root=/", f"--cwd={PROGRAMS}", "/bin/sh", "-c", "exec ./libraries library"],
        "seeded": ["--root=/", "--seed=3", os.path.join(PROGRAMS, "libraries"), "library"],
    }
    for name, words in ways.items():
        if suite.wants("death_" + name):
            suite.check("death_" + name, died(execute([SIM, *words]), LIBRARY))
    if suite.wants("death_alone"):
        path = os.path.join(PROGRAMS, "libraries_alone")
        suite.check("death_alone", died(execute([SIM, path, "back"]), BACK))
    if os.path.exists(RUNNER) and suite.wants("qemu_death"):
        path = os.path.join(PROGRAMS, "libraries")
        suite.check("qemu_death", died(execute([RUNNER, "--root=/", path, "library"]), LIBRARY))


def problems_of_waits(report):
    """The parent at its wait, the child in a library that the program has called."""
    found = []
    lines = []
    for thread in report["threads"]:
        place = thread.get("called_from", thread["where"])
        lines.append((place.get("function"), place.get("file"), place.get("line")))
    if sorted(lines) != sorted([("wait_in_child", "libraries.c", PARENT),
                                ("wait_in_child", "libraries.c", CHILD)]):
        found.append(f"they wait at {lines}")
    libraries = [thread["where"].get("library") for thread in report["threads"]]
    if libraries != ["libc.so.6", "libc.so.6"]:
        found.append(f"they wait in {libraries}")
    return found


def waits(suite):
    program = os.path.join(PROGRAMS, "libraries")
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "report.json")
        for cpus in (1, 4):
            name = "wait_in_library" + (f"_on_{cpus}_cpus" if cpus > 1 else "")
            if not suite.wants(name):
                continue
            result = execute([SIM, f"--cpus={cpus}", f"--report-file={path}", "--root=/", program,
                              "wait"])
            found = [] if result.status == DEADLOCK else [f"status {result.status}"]
            if not found:
                with open(path, encoding="utf-8") as lines:
                    found = problems_of_waits(json.loads(lines.readlines()[-1]))
            suite.check(name, found + result.errors.splitlines() if found else [])


def main():
    suite = common.Suite()
    deaths(suite)
    waits(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
