#!/usr/bin/env python3
"""Programs in Java and Go: each natively and below --root / on one and four virtual CPUs, and with
EFT_ALL on QEMU; output and status are compared.

They are compiled natively, where the compiler is installed; what is not there is skipped.
"""
import functools
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import common
from machines import machines

SOURCES = os.path.join(HERE, "runtimes")
PLACE = os.path.join(common.BUILD, "conformance/debian")

# name -> compiler, its words, what it makes, how that is run, what the kernel needs
RUNTIMES = {
    "java": ("javac", ["-d", PLACE, os.path.join(SOURCES, "Hello.java")], "Hello.class",
             ["java", "-Xshare:auto", "-cp", PLACE, "Hello"], ["--memory=2G"]),
    "go": ("go", ["build", "-o", os.path.join(PLACE, "hello_go"),
                  os.path.join(SOURCES, "hello.go")], "hello_go",
           [os.path.join(PLACE, "hello_go")], []),
}


def compile_program(compiler, words, made):
    """Once; what went wrong, or None."""
    target = os.path.join(PLACE, made)
    if os.path.exists(target) and os.path.getmtime(target) > os.path.getmtime(words[-1]):
        return None
    os.makedirs(PLACE, exist_ok=True)
    common.ENVIRONMENT["GOCACHE"] = os.path.join(PLACE, "go-cache")
    result = common.execute([compiler, *words], PLACE, timeout=300)
    return None if result.status == 0 else result.output + result.errors


def main():
    suite = common.Suite()
    for name, (compiler, words, made, command, options) in RUNTIMES.items():
        if not suite.wants("runtime " + name):
            continue
        missing = [tool for tool in (compiler, command[0])
                   if not shutil.which(tool) and not tool.startswith("/")]
        if missing:
            suite.skip("runtime " + name, f"{missing[0]} is not installed")
            continue
        wrong = compile_program(compiler, words, made)
        if wrong is not None:
            suite.fail("runtime " + name, "it does not compile", wrong.splitlines())
            continue
        command = [shutil.which(command[0]), *command[1:], "one", "two words"]
        native = common.Oracle(functools.partial(common.execute, command, PLACE))
        for form, start, seconds in machines():
            inside = common.execute([*start, *options, "--root=/", *command], PLACE,
                                    timeout=seconds)
            suite.compare(form.format(f"runtime {name}"), native, inside)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
