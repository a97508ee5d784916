"""Directories that the suites of this folder give to the machine as roots."""
import hashlib
import os
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common

RUNNER = os.path.join(common.BUILD, "eft-qemu")
# There, what the host shows can be changed by no program: no --root-rw, --bind, --save-changes.
IS_QEMU = common.SIM == RUNNER
BUSYBOX = "/usr/bin/busybox"
APPLETS = ("sh", "cat", "ls", "id", "hostname", "pwd", "env", "ln", "mkdir", "rm", "mv", "cp",
           "chmod", "touch", "mount", "umount", "stat", "dd", "sync", "sed", "find", "sort",
           "rmdir", "chown", "mkfifo", "mknod", "readlink", "test", "head", "wc", "sleep", "grep",
           "chroot", "truncate", "true")


def finish(suite):
    """The end of a suite.  With EFT_ALL in the environment it runs once more, on QEMU."""
    if IS_QEMU or not os.path.exists(RUNNER) or not os.environ.get("EFT_ALL"):
        return suite.status()
    result = subprocess.run([sys.executable, *sys.argv], env={**os.environ, "EFT_SIM": RUNNER},
                            stdout=subprocess.PIPE, text=True, check=False)
    for line in result.stdout.splitlines():
        word = next((word for word in ("ok ", "not ok ", "skip ") if line.startswith(word)), "")
        print(word + "qemu_" + line[len(word):] if word else line)
    return suite.status() or result.returncode


def make_root(directory):
    """A small root with busybox's programs in /bin."""
    os.chmod(directory, 0o755)
    for name in ("bin", "dev", "proc", "tmp", "etc"):
        os.mkdir(os.path.join(directory, name))
    shutil.copy(BUSYBOX, os.path.join(directory, "bin/busybox"))
    for applet in APPLETS:
        os.symlink("busybox", os.path.join(directory, "bin", applet))
    return directory


def describe(top, with_times=True):
    """Everything below a directory: one line each, with a digest of what is in files."""
    lines = []
    for directory, names, files in os.walk(top):
        for name in sorted(names + files):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            words = [os.fsencode(os.path.relpath(path, top)).decode(errors="backslashreplace"),
                     oct(status.st_mode), str(status.st_uid), str(status.st_gid),
                     str(status.st_size) if not stat.S_ISDIR(status.st_mode) else "-"]
            if with_times:
                words.append(str(status.st_mtime_ns))
            if stat.S_ISLNK(status.st_mode):
                words.append("-> " + os.fsencode(os.readlink(path)).decode(
                    errors="backslashreplace"))
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    words.append(hashlib.sha256(file.read()).hexdigest())
            lines.append(" ".join(words))
    return sorted(lines)


def inside(options, program, text=None, environment=None, directory=None):
    """Runs a program inside; `environment` replaces the suites' own."""
    saved = dict(common.ENVIRONMENT)
    if environment is not None:
        common.ENVIRONMENT.clear()
        common.ENVIRONMENT.update(environment)
    try:
        return common.execute([common.SIM, *options, *program], directory, text)
    finally:
        common.ENVIRONMENT.clear()
        common.ENVIRONMENT.update(saved)


def expect(result, output, status=0, errors=""):
    """Lines that tell what is not as expected; `errors` must be a part of the error output."""
    problems = []
    if result.status != status:
        problems.append(f"status {result.status}, expected {status}")
    if output is not None and result.output != output:
        problems.append(f"output {result.output!r}, expected {output!r}")
    if errors not in result.errors or (not errors and result.errors):
        problems.append(f"errors {result.errors!r}, expected {errors!r}")
    return problems
