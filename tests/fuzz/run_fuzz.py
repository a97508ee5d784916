#!/usr/bin/env python3
"""Random system calls and broken programs, for TIME seconds (`make fuzz TIME=s`).

Two thirds of the time the guest fuzz_calls makes random calls, seed after seed, with and without a
folder of the host as its root and on one and on four CPUs.  It may end by itself or kill itself,
but the kernel must live, be in time, and leave the folder as it was.  A third of the time goes to
the libFuzzer programs, where clang could build them; their inputs stay in BUILD/fuzz/corpus, and
what broke them in BUILD/fuzz/found.

Prints `ok`, `not ok` and `skip` lines, and the counts at the end.
"""
import argparse
import glob
import hashlib
import os
import random
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

OUTPUT_LINES_SHOWN = 60
OUTPUT_BYTES_KEPT = 1 << 17
SECONDS_FOR_A_SEED = 3
SECONDS_OVER = 10
# A guest dies of the signals from 1 to 64; the kernel ends with 120 when it failed.
STATUS_SIGNALS = range(129, 193)
GUEST = "fuzz_calls.elf"


class Counts:
    """Prints the result of each check."""

    def __init__(self):
        self.passed = self.failed = 0

    def add(self, name, problem, details=""):
        if not problem:
            self.passed += 1
            print(f"ok {name}", flush=True)
            return
        self.failed += 1
        print(f"not ok {name}: {problem}\n{details}", flush=True)


# ---- Random calls --------------------------------------------------------------------------------

def make_folder(folder, program):
    """Something of every kind that a guest may meet."""
    os.makedirs(os.path.join(folder, "directory", "inner"))
    for name in ("dev", "proc", "tmp", "private"):
        os.mkdir(os.path.join(folder, name))
    for name, size in (("file", 70000), ("empty", 0), ("directory/a", 5000), ("directory/b", 1)):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(random.Random(name).randbytes(size))
    for name, target in (("link", "file"), ("loop", "loop"), ("dangling", "missing/file"),
                         ("directory/up", ".."), ("away", "/etc/passwd")):
        os.symlink(target, os.path.join(folder, name))
    os.link(os.path.join(folder, "file"), os.path.join(folder, "second"))
    os.mkfifo(os.path.join(folder, "fifo"))
    os.chmod(os.path.join(folder, "private"), 0)
    shutil.copy(program, os.path.join(folder, GUEST))


def folder_state(folder):
    """Names, kinds, modes, owners, times of change and contents of all there is."""
    state = {}
    for path, folders, files in os.walk(folder):
        for name in [".", *folders, *files]:
            full = os.path.join(path, name)
            status = os.lstat(full)
            content = ""
            if stat.S_ISREG(status.st_mode):
                with open(full, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(full)
            state[os.path.relpath(full, folder)] = (
                status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_size,
                status.st_mtime_ns, status.st_ctime_ns, content)
    return state


def keep_tail(stream, kept):
    """What a guest writes may be endless: only the last of it is of use."""
    while data := stream.read1(65536):
        kept[0] = (kept[0] + data)[-OUTPUT_BYTES_KEPT:]


def execute(command, seconds):
    """Returns (status, last bytes of standard error); status is None when time ran out."""
    kept = [b""]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, start_new_session=True) as process:
        reader = threading.Thread(target=keep_tail, args=(process.stderr, kept))
        reader.start()
        try:
            status = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            # It may tell where it is before it ends.
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                process.kill()
            status = None
        except BaseException:
            process.kill()
            raise
        reader.join()
    return status, kept[0].decode(errors="replace")


def problem_of(status, seconds):
    if status is None:
        return f"did not end within {seconds} s"
    if status < 0:
        return f"the kernel was killed by signal {-status}"
    if status == 0 or status in STATUS_SIGNALS:
        return None
    return f"status {status}"


def run_seed(build, seed, seconds):
    """Returns (what was run, problem, details)."""
    program = os.path.join(build, "guests", GUEST)
    cpus = 1 if seed % 2 else 4
    with_root = seed // 2 % 2
    with tempfile.TemporaryDirectory(prefix="eft-fuzz-") as folder:
        command = [os.environ.get("EFT_SIM", os.path.join(build, "sim")), f"--cpus={cpus}"]
        if with_root:
            make_folder(folder, program)
            command += [f"--root={folder}", "--cwd=/", "/" + GUEST]
        else:
            command += [program]
        command += [str(seed), str(seconds)]
        before = folder_state(folder)
        status, output = execute(command, seconds + SECONDS_OVER)
        problem = problem_of(status, seconds + SECONDS_OVER)
        after = folder_state(folder)
        if before != after:
            changed = sorted(name for name in before.keys() | after.keys()
                             if before.get(name) != after.get(name))
            problem = f"changed the host's {', '.join(changed[:5])}"
    details = "\n".join([shlex.join(command), *output.splitlines()[-OUTPUT_LINES_SHOWN:]])
    name = f"fuzz/calls seed {seed}, {cpus} CPUs{', host folder' if with_root else ''}"
    return name, problem, details


def fuzz_calls(build, first_seed, seconds, counts):
    end = time.monotonic() + seconds
    seed = first_seed
    while True:
        left = end - time.monotonic()
        if left < 1 and seed > first_seed:
            return
        counts.add(*run_seed(build, seed, max(1, min(SECONDS_FOR_A_SEED, int(left)))))
        seed += 1


# ---- libFuzzer -----------------------------------------------------------------------------------

def corpus_of(build, name):
    corpus = os.path.join(build, "fuzz", "corpus", name)
    os.makedirs(corpus, exist_ok=True)
    if name == "elf_fuzz":
        for path in glob.glob(os.path.join(build, "guests", "*.elf")):
            shutil.copy(path, corpus)
    return corpus


def fuzz_parser(build, program, seconds, counts):
    name = os.path.basename(program)
    found = os.path.join(build, "fuzz", "found", "")
    os.makedirs(found, exist_ok=True)
    result = subprocess.run(
        [program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
         "-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={found}{name}-",
         corpus_of(build, name)],
        capture_output=True, text=True, errors="replace", check=False)
    runs = [line.split()[-1] for line in result.stderr.splitlines()
            if "number_of_executed_units" in line]
    problem = f"status {result.returncode}" if result.returncode else None
    counts.add(f"fuzz/{name} ({runs[0] if runs else '?'} runs)", problem,
               "\n".join(result.stderr.splitlines()[-OUTPUT_LINES_SHOWN:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--time", type=int, default=60, help="seconds in all")
    parser.add_argument("--seed", type=int, help="of the first run (default: by the clock)")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    seed = int(time.time()) % 1000000 * 4 if options.seed is None else options.seed
    counts = Counts()
    programs = sorted(path for path in glob.glob(
        os.path.join(build, "fuzz", "tests", "fuzz", "*_fuzz")) if os.access(path, os.X_OK))
    for program in programs:
        fuzz_parser(build, program, max(1, options.time // 3 // len(programs)), counts)
    if not programs:
        print("skip fuzz/parsers: clang, which builds them, is not here")
    fuzz_calls(build, seed, options.time - options.time // 3 if programs else options.time, counts)
    print(f"{counts.passed} passed, {counts.failed} failed")
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
