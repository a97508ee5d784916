#!/usr/bin/env python3
"""Compiles every header of src/ and sim/ alone: each includes what it uses (`make headers`)."""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tree import ROOT, Tree

CORE = ["-std=c11", "-ffreestanding", "-mgeneral-regs-only"]
SIM = ["-std=gnu11", "-D_GNU_SOURCE"]


def compile_alone(path):
    """Returns what the compiler says; nothing when all is well."""
    flags = CORE if path.startswith("src/") else [*SIM, "-Isim"]
    command = ["gcc", *flags, "-Wall", "-Wextra", "-Werror", "-Isrc", "-fsyntax-only",
               "-x", "c", "-include", path, os.devnull]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True,
                          check=False).stderr


def main():
    paths = Tree.read(ROOT).paths("src sim", ".h")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(zip(paths, pool.map(compile_alone, paths)))
    failed = 0
    for path, complaint in results:
        if complaint:
            failed += 1
            print(complaint)
            print(f"not ok headers/{path}: does not compile alone")
    print(f"ok headers ({len(paths) - failed} of {len(paths)} compile alone)"
          if not failed else f"{failed} headers failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
