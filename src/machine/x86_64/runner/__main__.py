"""Runs an x86-64 Linux program inside the Eft kernel on a machine of QEMU.

It starts QEMU with build/eft.elf and an archive that holds the program, talks with the kernel
(link.h has the messages), does its input and output, and ends with the program's status.
"""
import sys

from options import NAME, Options, Refused
from run import EXIT_REFUSED, Run


def main():
    try:
        return Run(Options(sys.argv[1:])).run()
    except Refused as refused:
        print(f"{NAME}: {refused}", file=sys.stderr)
        return EXIT_REFUSED


sys.exit(main())
