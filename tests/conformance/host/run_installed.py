#!/usr/bin/env python3
"""What `make install` puts into a directory works from there, in another one: eft, eft-cc and the
commands for gdb.

Prints `ok NAME` / `not ok NAME: why` / `skip NAME: why`, as tests/run.py reads it.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from common import execute, guest

PROGRAM = """#include <stdio.h>
int main(void)
{
    for (int i = 0; i < 3; i++)
        printf("round %d\\n", i);
    return 7;
}
"""
COUNTED = "round 0\nround 1\nround 2\n"
COUNTED_STATUS = 7


def install(directory):
    """What is built already, below a name with a blank."""
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    subprocess.run(["make", "-s", "-C", common.TOP, "--old-file=all", "install", "PREFIX=/usr",
                    f"DESTDIR={directory}", f"BUILD={os.path.relpath(common.BUILD, common.TOP)}"],
                   check=True, env=environment, stdin=subprocess.DEVNULL)
    return os.path.join(directory, "usr")


def problems(result, output, status):
    if (result.output, result.status) == (output, status):
        return []
    return [f"status {result.status}", *result.output.splitlines(), *result.errors.splitlines()]


def check_compiler(suite, top, place):
    with open(os.path.join(place, "a program.c"), "w") as file:
        file.write(PROGRAM)
    eft, compiler = (os.path.join(top, "bin", name) for name in ("eft", "eft-cc"))
    made = execute([compiler, "-O2", "-static", "-o", "a program", "a program.c"], place)
    found = problems(made, "", 0)
    for command in (["./a program"], [eft, "./a program"],
                    [eft, "--seed=1", "--preempt=blocks", "./a program"]):
        found += problems(execute(command, place), COUNTED, COUNTED_STATUS)
    suite.check("installed_compiler", found)


def check_name(suite, top, place):
    """It goes by the name that it was started with."""
    result = execute([os.path.join(top, "bin/eft"), "--help"], place)
    usage = result.output.splitlines()[:2]
    good = len(usage) == 2 and all(" eft [OPTION...]" in line for line in usage)
    with open("/dev/full", "w") as full:
        failed = subprocess.run([os.path.join(top, "bin/eft"), "--help"], stdout=full, check=False,
                                stderr=subprocess.PIPE)
    good = good and failed.returncode == common.STATUS_REFUSED and \
        failed.stderr.startswith(b"eft: cannot write")
    suite.check("installed_name", [] if good else [*usage, str(failed)])


def check_gdb(suite, top, place):
    if not shutil.which("gdb"):
        suite.skip("installed_gdb", "gdb is not installed")
        return
    command = ["gdb", "-nx", "-batch", "-x", os.path.join(top, "share/eft/gdb/eft.py"),
               "-ex", "break sys_write", "-ex", "run", "-ex", "eft threads",
               "-ex", "info address __vdso_clock_gettime", "--args",
               os.path.join(top, "bin/eft"), guest("hello")]
    result = execute(command, place)
    missing = [f"no {words}" for words in ("Breakpoint 1, sys_write (fd=1", "running",
                                           '"__vdso_clock_gettime" is')
               if words not in result.output]
    suite.check("installed_gdb",
                missing and missing + (result.output + result.errors).splitlines())


def main():
    suite = common.Suite()
    with tempfile.TemporaryDirectory(prefix="eft installed ") as directory, \
            tempfile.TemporaryDirectory(prefix="eft elsewhere ") as place:
        top = install(directory)
        check_name(suite, top, place)
        check_compiler(suite, top, place)
        check_gdb(suite, top, place)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
