#!/usr/bin/env python3
"""What the documents show of programs is what the programs print now.

Commands of build/sim and build/eft-cc are run as they stand there.  Each line that follows one must
be in its output, but for numbers; names of functions and lines of sources must be the same.

Prints `ok NAME` / `not ok NAME: why` / `skip NAME: why`, as tests/run.py reads it.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common

DOCUMENTS = ("README.md", "docs/search.md", "docs/diagnose.md", "docs/simulation.md",
             "docs/abi-teaching.md")
# Which schedule fails, and at which line, is a matter of the compiler.
COMPILER = "12"
TAKES_LONG = ("dinner.elf 2 3 0", "--hang-after", "lost_flag.elf", "sim-broken", "make ",
              "parallel ")
# They show one line of a program that stands elsewhere.
OF_OTHERS = ("spins.elf", "shared.c", "seq 1 1000")
LEFT_OUT = ("...", "[...]")
# Numbers change with every call the kernel makes more or less; lines of a source stay to be true.
ADDRESS = re.compile(r"0x[0-9a-f]+")
SCHEDULE = re.compile(r"--schedule \S+")
NUMBER = re.compile(r"(\.[ch]:)?\d[\d.]*")


class Shown:
    """A command in a document, and the lines shown below it."""

    def __init__(self, place, command):
        self.place = place
        self.command = command
        self.lines = []


def shown_in(path):
    """All commands of a document, in order; a line ending in a backslash goes on."""
    found, current = [], None
    with open(os.path.join(common.TOP, path)) as file:
        text = re.sub(r"\\\n\s+", "", file.read())
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced, current = not fenced, None
            continue
        inside = fenced or line.startswith("    ")
        plain = line if fenced else line[4:]
        if inside and plain.startswith("$ "):
            current = Shown(f"{path}:{number}", plain[2:])
            found.append(current)
        elif not inside and line:
            current = None
        elif current and plain.strip() and plain not in LEFT_OUT:
            current.lines.append(plain)
    return found


def plain_text(line):
    line = SCHEDULE.sub("--schedule S", ADDRESS.sub("ADDRESS", line.rstrip()))
    return NUMBER.sub(lambda match: match.group(0) if match.group(1) else "N", line)


def first_missing(shown, output):
    """The first line of those shown that the output does not have."""
    lines = {plain_text(line) for line in output.splitlines()}
    return next((line for line in shown if plain_text(line) not in lines), None)


def make_place(directory):
    """The checkout as a reader has it, with this build in it."""
    os.symlink(common.BUILD, os.path.join(directory, "build"))
    for name in ("guests", "tests", "src"):
        os.symlink(os.path.join(common.TOP, name), os.path.join(directory, name))
    with open(os.path.join(common.TOP, "docs/abi-teaching.md")) as file:
        program = re.search(r"^```c\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
    with open(os.path.join(directory, "race.c"), "w") as file:
        file.write(program.group(1))


def is_run(command):
    return re.search(r"build/(sim|eft-cc|objects)|^find ", command) and \
        not any(word in command for word in TAKES_LONG + OF_OTHERS)


def run(command, directory):
    result = subprocess.run(["bash", "-c", command], cwd=directory, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            timeout=common.TIMEOUT_SECONDS)
    return common.shell_status(result.returncode), result.stdout.decode()


def check(suite, name, directory):
    status = None    # of the command before; None: it was not run
    problems = []
    for shown in shown_in(name):
        if shown.command == "echo $?":
            if status is not None and shown.lines != [str(status)]:
                problems.append(f"{shown.place}: the status is {status}")
        elif not is_run(shown.command):
            status = None
        else:
            status, output = run(shown.command, directory)
            missing = first_missing(shown.lines, output)
            if missing is not None:
                problems += [f"{shown.place}: {shown.command}", f"does not print: {missing}",
                             *output.splitlines()[-12:]]
    suite.check(f"shown_in_{name}", problems)


def main():
    suite = common.Suite()
    version = subprocess.run(["gcc", "-dumpversion"], capture_output=True, text=True, check=True)
    if version.stdout.split(".")[0].strip() != COMPILER or not shutil.which("bash"):
        suite.skip("documents", f"what they show was made by gcc {COMPILER}")
        return suite.status()
    for name in DOCUMENTS:
        if suite.wants(f"shown_in_{name}"):
            with tempfile.TemporaryDirectory() as directory:
                make_place(directory)
                check(suite, name, directory)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
