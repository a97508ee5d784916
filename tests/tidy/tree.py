"""The files that the checks look at, read once; a test makes a small one from a dictionary."""
import os
import re

from c_source import Source

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FOLDERS = ("src", "sim", "guests", "tests", "docs", ".ci")
FILES = ("README.md", "Makefile")
SKIPPED = ("__pycache__",)


class Tree:
    """Maps the path of every text file, relative to the root, to its text."""

    def __init__(self, files):
        self.files = dict(sorted(files.items()))
        self._sources = {}

    @classmethod
    def read(cls, root):
        paths = [name for name in FILES if os.path.exists(os.path.join(root, name))]
        for folder in FOLDERS:
            for place, folders, names in os.walk(os.path.join(root, folder)):
                folders[:] = [name for name in folders if name not in SKIPPED]
                paths += [os.path.relpath(os.path.join(place, name), root) for name in names]
        files = {}
        for path in paths:
            try:
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    files[path] = file.read()
            except UnicodeDecodeError:
                continue    # a binary test input
            except FileNotFoundError:
                continue    # removed while we looked, or a dangling link
        return cls(files)

    def paths(self, folders, suffixes=""):
        """Paths below the folders (or equal to one of them) that end in one of the suffixes."""
        endings = tuple(suffixes.split()) or ("",)
        return [path for path in self.files
                if any(path == folder or path.startswith(folder + "/")
                       for folder in folders.split())
                and path.endswith(endings)]

    def text(self, path):
        return self.files.get(path, "")

    def lines(self, path):
        return self.text(path).splitlines()

    def source(self, path):
        if path not in self._sources:
            self._sources[path] = Source(self.text(path))
        return self._sources[path]

    def table(self, path):
        """The lines of a small table of ours: no comments, no blank lines."""
        return [line for line in self.lines(path) if line.strip() and not line.startswith("#")]


def words(text):
    """The set of identifiers in a text."""
    return set(re.findall(r"\w+", text))
