"""Addresses in words: function, offset, file and line."""
import os
import shutil
import struct
import subprocess


class Symbols:
    """Functions and variables of one ELF file; lines come from addr2line."""

    def __init__(self, path):
        self.path = path
        self.known = []
        self.described = {}
        try:
            with open(path, "rb") as file:
                self.read(file.read())
        except (OSError, struct.error):
            pass
        self.known.sort()

    def read(self, data):
        sections_at, = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, sections_at + i * size)
                    for i in range(count)]
        for section in sections:
            if section[1] != 2:    # symbol table
                continue
            names = sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], 24):
                name, kind, _, _, value, length = struct.unpack_from("<IBBHQQ", data, at)
                if kind & 15 in (1, 2):    # variable, function
                    end = data.index(b"\0", names + name)
                    self.known.append((value, length, data[names + name:end].decode(),
                                       kind & 15 == 2))

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
