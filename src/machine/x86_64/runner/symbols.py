"""Addresses in words: function, offset, file and line."""
import os
import shutil
import struct
import subprocess


SYMBOLS, DYNAMIC_SYMBOLS = 2, 11    # kinds of sections
LOAD, NOTE = 1, 4                   # kinds of segments
BUILD_ID = 3                        # a kind of note
VARIABLE = 1
FUNCTIONS = (2, 10)                 # kinds of symbols; the second is chosen when it is first called
DEBUG_FILES = "/usr/lib/debug/.build-id"


class Symbols:
    """Functions and variables of one ELF file; lines come from addr2line."""

    def __init__(self, path):
        self.path = path
        self.known = []
        self.segments = []
        self.described = {}
        try:
            with open(path, "rb") as file:
                data = file.read()
            self.read_segments(data)
            if not self.read_symbols(data, SYMBOLS) and not self.read_debug_file(data):
                self.read_symbols(data, DYNAMIC_SYMBOLS)
        except (OSError, ValueError, IndexError, struct.error):
            pass
        self.known.sort()

    def read_segments(self, data):
        segments_at, = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        self.segments = [struct.unpack_from("<IIQQQQQQ", data, segments_at + i * size)
                         for i in range(count)]

    def read_debug_file(self, data):
        """The symbols that were taken out of the file, if they are installed; else False."""
        for kind, _, at, _, _, size, _, _ in self.segments:
            end = at + size
            while kind == NOTE and at < end:
                name, length, note = struct.unpack_from("<III", data, at)
                text = at + 12 + (name + 3 & ~3)
                if note == BUILD_ID:
                    number = data[text:text + length].hex()
                    path = os.path.join(DEBUG_FILES, number[:2], number[2:] + ".debug")
                    if not os.path.exists(path):
                        return False
                    with open(path, "rb") as file:
                        return self.read_symbols(file.read(), SYMBOLS)
                at = text + (length + 3 & ~3)
        return False

    def read_symbols(self, data, kind_of_table):
        """Whether there is such a table."""
        sections_at, = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, sections_at + i * size)
                    for i in range(count)]
        tables = [section for section in sections if section[1] == kind_of_table]
        for section in tables:
            names = sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], 24):
                name, kind, _, _, value, length = struct.unpack_from("<IBBHQQ", data, at)
                if kind & 15 == VARIABLE or kind & 15 in FUNCTIONS:
                    end = data.index(b"\0", names + name)
                    self.known.append((value, length, data[names + name:end].decode(),
                                       kind & 15 in FUNCTIONS))
        return bool(tables)

    def address_of(self, offset):
        """Where a byte of the file would be, were it loaded as it says itself; -1: nowhere."""
        for segment in self.segments:
            kind, _, start, address, _, size, _, _ = segment
            if kind == LOAD and start <= offset < start + size:
                return address + offset - start
        return -1

    def describe(self, address):
        if address not in self.described:
            self.described[address] = self.find(address)
        return self.described[address]

    def find(self, address):
        holders = [entry for entry in self.known
                   if entry[0] <= address < entry[0] + max(entry[1], 1)]
        if not holders:
            return ""
        start, _, name, is_function = holders[0]
        text = f"{name}+{address - start:#x}"
        places = self.places(address) if is_function else []
        if not places:
            return text
        # From the innermost inlined function outwards: the first in the program's own file.
        own = places[-1][1]
        index = next(i for i, place in enumerate(places) if place[1] == own)
        function, file, line = places[index]
        return f"{text if index == len(places) - 1 else function} ({file}:{line})"

    def places(self, address):
        """(function, file, line) of an address, the innermost first; none if nothing is known."""
        tool = shutil.which("addr2line")
        if not tool:
            return []
        result = subprocess.run([tool, "-f", "-i", "-e", self.path, f"{address:#x}"], text=True,
                                capture_output=True, check=False)
        lines = result.stdout.splitlines()
        found = []
        for function, place in zip(lines[0::2], lines[1::2]):
            file, _, line = place.split(" ")[0].rpartition(":")
            if not file or file.startswith("?") or not line.isdigit() or line == "0":
                return []
            found.append((function, os.path.basename(file), line))
        return found
