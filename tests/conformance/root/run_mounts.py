#!/usr/bin/env python3
"""Mounts and roots: the same program on Linux, in a mount namespace of its own, and inside."""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from roots import common, finish

PROGRAM = os.path.join(common.BUILD, "conformance/root/mounts.elf")


def natively():
    with tempfile.TemporaryDirectory() as directory:
        return common.execute([PROGRAM], directory)


def main():
    suite = common.Suite()
    unshare = shutil.which("unshare")
    if not unshare or common.execute([unshare, "-m", "true"]).status != 0:
        suite.skip("mounts", "no mount namespace can be had here")
        return suite.status()
    native = common.Oracle(natively)
    for cpus in (1, 4):
        with tempfile.TemporaryDirectory() as directory:
            hosted = common.execute([common.SIM, f"--cpus={cpus}", "--root=/", PROGRAM], directory)
            problems = [f"{name} is on the host" for name in os.listdir(directory)]
        suite.compare(f"mounts_on_{cpus}_cpus", native, hosted, problems)
    return finish(suite)


if __name__ == "__main__":
    sys.exit(main())
