"""Reads recordings (format: docs/simulation.md), independently of the code that writes them."""

MAGIC = b"EFT RECORDING 2\n"
DIGEST_INITIAL = 0xcbf29ce484222325
DIGEST_FACTOR = 0x100000001b3


class Reader:
    """Numbers and texts of a recording, one after the other."""

    def __init__(self, data):
        self.data = data
        self.place = 0

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.place]
            self.place += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if not byte & 0x80:
                return value

    def signed(self):
        value = self.number()
        return value >> 1 ^ -(value & 1)

    def bytes(self, size):
        part = self.data[self.place:self.place + size]
        self.place += size
        return part

    def text(self):
        return self.bytes(self.number()).decode()

    def texts(self):
        return [self.text() for _ in range(self.number())]


def digest(data):
    value = DIGEST_INITIAL
    for byte in data:
        value = (value ^ byte) * DIGEST_FACTOR & 0xffffffffffffffff
    return value


def read_header(reader):
    names = ("seed", "cpus", "memory", "flags", "preempt", "boot_wall_time", "vector_size")
    header = {name: reader.number() for name in names}
    for name in ("root", "program", "directory", "host_name"):
        header[name] = reader.text()
    for name in ("has_user", "user", "group"):
        header[name] = reader.number()
    header["arguments"] = reader.texts()
    header["environment"] = reader.texts()
    return header


def read_entry(reader, entries):
    """One entry of the run; False at its end."""
    tag = reader.bytes(1)
    if tag == b"E":
        kind, cpu, elapsed = (reader.number() for _ in range(3))
        entries.append(("E", kind, cpu, elapsed, [reader.number() for _ in range(3)]))
    elif tag == b"R":
        channel, result = reader.number(), reader.signed()
        entries.append(("R", channel, result, reader.bytes(max(result, 0))))
    elif tag in (b"K", b"S", b"W"):
        entries.append((tag.decode(), reader.signed()))
    elif tag == b"I":
        entries.append(("I", *(reader.number() for _ in range(3))))
    elif tag == b"B":
        entries.append(("B", *(reader.number() for _ in range(2))))
    elif tag == b"Z":
        entries.append(("Z", *(reader.number() for _ in range(3))))
        return False
    else:
        raise ValueError(f"tag {tag} at byte {reader.place - 1}")
    return True


def read(path):
    """(header, entries, files) of a whole recording."""
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(MAGIC):
        raise ValueError("no recording")
    if digest(data[:-8]) != int.from_bytes(data[-8:], "little"):
        raise ValueError("the checksum is wrong")
    reader = Reader(data[:-16])
    reader.place = len(MAGIC)
    header = read_header(reader)
    entries = []
    while read_entry(reader, entries):
        pass
    if reader.place != int.from_bytes(data[-16:-8], "little"):
        raise ValueError("the list of files is not where the end says")
    files = [(reader.text(), reader.number(), reader.number()) for _ in range(reader.number())]
    return header, entries, files
