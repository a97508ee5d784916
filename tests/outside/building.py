"""What a test is, and compiling several at a time, each into a program or into a reason why not."""
import hashlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

FLAGS = ["-std=gnu11", "-O2", "-g", "-w", "-static", "-pthread", "-D_GNU_SOURCE"]


@dataclass
class Program:
    path: str                  # of the program
    sources: list
    flags: list = field(default_factory=list)
    libraries: list = field(default_factory=list)
    why_not: str = ""          # it cannot be built here


@dataclass
class Test:
    group: str
    name: str                  # with its arguments
    program: Program
    arguments: list = field(default_factory=list)
    # Does a status and an output mean that it passed?
    passes: object = None


def first_error(text):
    lines = [line for line in text.splitlines()
             if " error: " in line and "ld returned" not in line or "undefined" in line
             or "cannot find" in line]
    return (lines or text.splitlines() or ["?"])[0].strip()[-160:]


def compile_file(command, output, sources):
    """Runs the compiler unless the same command made the output from the same sources.

    Returns why it could not, or nothing.
    """
    state = hashlib.sha256("\0".join(command).encode())
    for source in sources:
        with open(source, "rb") as file:
            state.update(file.read())
    stamp = output + ".made"
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == state.hexdigest() and os.path.exists(output):
                return ""
    os.makedirs(os.path.dirname(output), exist_ok=True)
    result = subprocess.run(command, capture_output=True, text=True, errors="replace",
                            check=False)
    if result.returncode != 0:
        return first_error(result.stderr)
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(state.hexdigest())
    return ""


def build_program(program):
    command = ["gcc", *FLAGS, *program.flags, "-o", program.path, *program.sources,
               *program.libraries]
    made_of = [name for name in program.sources + program.libraries if not name.startswith("-")]
    program.why_not = compile_file(command, program.path, made_of)


def build_all(programs, jobs):
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(build_program, programs))
