"""Runs tests natively and inside the kernel, and remembers what came of it.

A result is kept under the sum of the program, its arguments and who ran it (Linux's version, or the
sum of the simulator with its options), so whatever has not changed is not run again.
"""
import hashlib
import json
import os
import platform
import signal
import subprocess
import tempfile

LIMIT_SECONDS = 150
# glibc's tests end themselves after 20 seconds times this.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC", "HOME": "/root",
               "TIMEOUTFACTOR": "2"}
OUTPUT_KEPT = 4000
# Tests map 2 GiB; Linux, too, promises no more than there is.
MEMORY = "--memory=4G"


def file_sum(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def run_to_end(command, directory, environment, limit_seconds):
    """Its status, or words if it does not end, and what it said.  What it leaves behind ends."""
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                              stdout=output, stderr=subprocess.STDOUT,
                              start_new_session=True) as process:
            try:
                status = process.wait(limit_seconds)
            except subprocess.TimeoutExpired:
                status = "does not end"
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        output.seek(0)
        return status, output.read().decode(errors="replace")


class Runner:
    """One way to run a test: natively, or a simulator with options."""

    def __init__(self, name, folder, simulator=None, options=()):
        self.name = name
        self.prefix = [simulator, *options, MEMORY, "--root=/", "--cwd=/tmp"] if simulator else []
        self.folder = os.path.join(folder, "results", name)
        identity = [file_sum(simulator), *options] if simulator else [platform.release()]
        self.identity = " ".join(identity)
        os.makedirs(self.folder, exist_ok=True)

    def path(self, test):
        name = test.name.replace(" ", "_").replace("/", "_")
        return os.path.join(self.folder, f"{test.group}.{name}.json")

    def key(self, test):
        return hashlib.sha256(
            f"{self.identity} {file_sum(test.program.path)} {test.arguments}".encode()).hexdigest()

    def known(self, test):
        try:
            with open(self.path(test), encoding="utf-8") as file:
                result = json.load(file)
        except (OSError, ValueError):
            return None
        return result if result["key"] == self.key(test) else None

    def run(self, test, fresh=False):
        """{"passed": bool, "status": number or text, "output": its end}"""
        result = None if fresh else self.known(test)
        if result is None:
            result = self.execute(test)
            with open(self.path(test), "w", encoding="utf-8") as file:
                json.dump(result, file)
        return result

    def execute(self, test):
        command = [*self.prefix, test.program.path, *test.arguments]
        with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
            status, text = run_to_end(command, directory, ENVIRONMENT, LIMIT_SECONDS)
        passed = status == 0 and test.passes(status, text)
        return {"key": self.key(test), "passed": passed, "status": status,
                "output": text[-OUTPUT_KEPT:]}
