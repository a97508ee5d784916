#!/usr/bin/env python3
"""Proves by `nm` that the core touches the outside only through the seam (`make symbols`).

  undefined    what the core needs is declared in machine.h, or is one of the four functions of
               lib/memory.h that compilers call by themselves
  memory       with lib/memory.o linked in, nothing but the seam is left
  seam         the core uses every machine_ function that machine.h declares, and defines the others
  data         no variable is shared between files but the tables named in symbols.txt
"""
import os
import re
import subprocess
import sys

from c_source import without_comments
from tree import ROOT

# The linker makes it where position-independent code refers to the table of addresses.
BY_THE_LINKER = {"_GLOBAL_OFFSET_TABLE_"}
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def declared_functions(header):
    """Names of the functions that a header declares and does not define itself."""
    code = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", without_comments(read(header)))
    code = re.sub(r"^static inline .*", "", code, flags=re.MULTILINE)
    return set(re.findall(r"^[A-Za-z_][\w \t*]*?\b(\w+)\(", code, re.MULTILINE))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def undefined(name):
    output = run("nm", "--undefined-only", "--format=posix", os.path.join(BUILD, name))
    return {line.split()[0] for line in output.splitlines()} - BY_THE_LINKER


def defined(name):
    """Every global symbol that an object defines, with the section it lies in."""
    lines = run("objdump", "--syms", os.path.join(BUILD, name)).splitlines()
    found = {}
    for line in lines:
        match = re.match(r"[0-9a-f]+ g.{6} (\S+)\t[0-9a-f]+ (?:\.\w+ )?(\w+)$", line)
        if match and match.group(1) != "*UND*":
            found[match.group(2)] = match.group(1)
    return found


def listed(word):
    """The names that symbols.txt lists under a word."""
    rows = [line.split() for line in read("tests/tidy/symbols.txt").splitlines()]
    return {row[1] for row in rows if row and row[0] == word}


def check_undefined(seam, memory):
    return [f"the core needs {name}, which is no part of the seam"
            for name in sorted(undefined("core.o") - seam - memory)]


def check_memory(seam, memory):
    left = undefined("core-with-memory.o")
    return [f"with lib/memory.o the core still needs {name}" for name in sorted(left - seam)]


def check_seam(seam, memory):
    asked = {name for name in seam if name.startswith("machine_")}
    needed, given = undefined("core.o"), set(defined("core.o"))
    unused = listed("unused")
    problems = [f"machine.h declares {name}, which the core never uses"
                for name in sorted(asked - needed - unused)]
    problems += [f"{name} is used after all: take it out of symbols.txt"
                 for name in sorted(unused & needed)]
    problems += [f"machine.h declares {name}, which the core does not define"
                 for name in sorted(seam - asked - given)]
    problems += [f"the core gives a port {name}, which machine.h does not declare"
                 for name in sorted(given - seam)]
    return problems


def check_data(seam, memory):
    found = {name for name, section in defined("core-all-names.o").items()
             if re.match(r"\.(data|bss)(?!\.rel\.ro)|\*COM\*", section)}
    problems = [f"{name} is a variable that any file could change: make it static"
                for name in sorted(found - listed("data"))]
    return problems + [f"symbols.txt lists {name}, which is no such variable"
                       for name in sorted(listed("data") - found)]


def main():
    seam = declared_functions("src/machine/machine.h")
    memory = declared_functions("src/lib/memory.h")
    failed = 0
    for check in (check_undefined, check_memory, check_seam, check_data):
        problems = check(seam, memory)
        name = check.__name__.replace("check_", "symbols/")
        for problem in problems:
            print(f"not ok {name}: {problem}")
        if not problems:
            print(f"ok {name}")
        failed += len(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
