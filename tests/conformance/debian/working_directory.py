"""The directory in which Debian's programs are compared: what is in it, and what became of it."""
import contextlib
import os
import tempfile

import common

TEXT = "".join(
    f"{(number * 7919) % 1000:03d} word{number % 13} line {number}\n" for number in range(400)
)
TIME = 10 ** 9


@contextlib.contextmanager
def prepared():
    """The directory, in one that nobody else changes."""
    with tempfile.TemporaryDirectory(prefix="eft-debian-") as above:
        directory = os.path.join(above, "files")
        prepare(directory)
        os.utime(above, (TIME, TIME))
        yield directory


def prepare(directory):
    os.makedirs(os.path.join(directory, "sub"))
    os.chmod(directory, 0o700)
    for name, text in (("words", TEXT), ("other", TEXT.replace("word7", "changed")),
                       ("sub/one.txt", "a needle here\n"), ("sub/two.txt", "nothing\n")):
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text)
    os.symlink("words", os.path.join(directory, "link"))
    common.execute(["tar", "-cf", "archive.tar", "sub"], directory)
    common.execute(["gzip", "-nk", "words"], directory)
    for folder, _, names in os.walk(directory, topdown=False):
        for name in names:
            os.utime(os.path.join(folder, name), (TIME, TIME), follow_symlinks=False)
        os.utime(folder, (TIME, TIME))


def checksums(directory):
    """A text that differs when anything in the directory does."""
    return common.execute(["sh", "-c", "find . -printf '%P %y %m %n %T@ %l\\n' | sort; "
                           "find . -type f | sort | xargs cksum"], directory).output


def changes(directory, before):
    """What is wrong with it if its checksums are not these any more."""
    return [] if checksums(directory) == before else ["the host's files have changed"]


def execute_in_copy(command, directory):
    """Natively, in a copy, with TEXT as input."""
    with tempfile.TemporaryDirectory() as copy:
        common.execute(["cp", "-a", directory + "/.", copy])
        return common.execute(command, copy, TEXT)
