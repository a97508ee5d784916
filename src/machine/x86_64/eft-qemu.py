#!/usr/bin/env python3
"""Runs a static x86-64 Linux program inside the Eft kernel on a machine of QEMU.

It starts QEMU with build/eft.elf and an archive that holds the program, talks with the kernel over
the second serial port (link.h has the messages), does its input and output, and ends with the
program's status.
"""
import collections
import ctypes
import errno
import fcntl
import io
import os
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios
import time

NAME = "eft-qemu"
VERSION = "0.1.0"
BUILD = os.path.dirname(os.path.abspath(__file__))
KERNEL = os.path.join(BUILD, "eft.elf")

EXIT_REFUSED = 2
EXIT_PANIC = 120
EXIT_DEADLOCK = 121
EXIT_TIME_LIMIT = 122
HALT_OK, HALT_REFUSED, HALT_PANIC, HALT_DEADLOCK, HALT_TIME_LIMIT = range(5)
HALT_STATUS = {HALT_REFUSED: EXIT_REFUSED, HALT_PANIC: EXIT_PANIC, HALT_DEADLOCK: EXIT_DEADLOCK,
               HALT_TIME_LIMIT: EXIT_TIME_LIMIT}

MEMORY_DEFAULT = 1 << 30
MEMORY_MINIMUM = 64 << 20
MEMORY_MAXIMUM = 1 << 40
CPUS_MAXIMUM = 64
LEVELS = ("error", "warning", "notice", "info", "debug")
CONNECT_SECONDS = 20
AFTER_LIMIT_SECONDS = 10
EXIT_PORT = 0xf4

READABLE, WRITABLE, HANGUP, ERROR = 1, 2, 4, 8    # enum channel_ready
QUESTION = struct.Struct("<BB6xqq")
STATUS = struct.Struct("<IIQQQQQqqq")             # struct channel_status

HELP = """ [OPTION...] GUEST [ARGUMENT...]
Runs a static x86-64 Linux program inside the Eft kernel, on a machine of QEMU.

  --root=DIR          show the host's DIR as /, read-only; GUEST is a path below it.
                      Without it the guest finds only itself, /dev, /proc and /tmp
  --cwd=DIR           directory to start in (with --root: where you are now, if below DIR)
  --env=NAME=VALUE    set a variable of the guest's environment; --env=NAME removes it.
                      The rest is this process's environment
  --cpus=N            processors, 1 to 64 (default 1)
  --memory=SIZE       physical memory, for example 256M or 4G (default 1G)
  --seed=N            count instructions instead of time: one seed repeats one run
  --trace[=FILTER]    print system calls like strace; FILTER names calls or groups:
                      file, memory, process, signal, time, ..., !name to leave out
  --trace-file=FILE   print them to FILE instead of stderr
  --time-limit=SECONDS  stop after so much of your time, with exit status 122
  --report-file=FILE  reports of deadlocks and of the time limit as JSON, one a line
  --graph=FILE        who waits for whom, as DOT
  --stats             at the end: times and waits of each thread and semaphore; who starves
  --accel=NAME        what QEMU executes with: tcg (default) or kvm
  --link=NAME         how kernel and runner talk: virtio (default) or com2, which is slow
  --kernel=NAME=VALUE an option for the kernel itself (docs/bare-metal.md lists them)
  --gdb               wait for gdb on port 1234 before the first instruction
  --log-level=LEVEL   kernel messages: error, warning (default), notice, info, debug
  -v, --verbose       the same as --log-level=info
  -V, --version       print the version
  -h, --help          print this

Exit status: the guest's; 128+N if signal N killed it; 2 for a wrong command line, a missing QEMU or
a program that cannot be run; 120 if the kernel itself failed; 121 for a deadlock, when nothing can
ever run again; 122 if the time limit was over.
"""


class Refused(Exception):
    """One line for the user, then exit status 2."""


# ---- Command line ------------------------------------------------------------------------------

class Options:
    """What the command line says."""

    WITH_VALUE = {"root", "cwd", "env", "cpus", "memory", "seed", "trace-file", "time-limit",
                  "report-file", "graph", "accel", "link", "log-level", "kernel"}
    WITHOUT_VALUE = {"stats", "gdb", "verbose", "version", "help"}
    LETTERS = {"v": "verbose", "V": "version", "h": "help"}

    def __init__(self, words):
        self.root = self.directory = self.trace_file = None
        self.report_file = self.graph = self.time_limit = self.seed = None
        self.cpus, self.memory, self.accel, self.gdb = 1, MEMORY_DEFAULT, "tcg", False
        self.link = "virtio"
        self.environment = initial_environment()
        self.kernel = []
        rest = list(words)
        while rest and rest[0].startswith("-") and rest[0] != "-":
            word = rest.pop(0)
            if word == "--":
                break
            self.parse(word, rest)
        if not rest:
            raise Refused(f"no guest program given; try: {NAME} --help")
        self.arguments = rest
        if self.root and not self.directory:
            self.directory = default_directory(self.root)

    def parse(self, word, rest):
        if not word.startswith("--"):
            for letter in word[1:]:
                if letter not in self.LETTERS:
                    raise Refused(f"invalid option -- '{letter}'")
                self.take(self.LETTERS[letter], None)
            return
        name, equals, value = word[2:].partition("=")
        if name == "trace":
            self.kernel.append("trace=" + value)
        elif name in self.WITH_VALUE:
            if not equals:
                if not rest:
                    raise Refused(f"option '--{name}' requires an argument")
                value = rest.pop(0)
            self.take(name, value)
        elif name in self.WITHOUT_VALUE:
            if equals:
                raise Refused(f"option '--{name}' doesn't allow an argument")
            self.take(name, None)
        else:
            raise Refused(f"unrecognized option '--{name}'")

    def take(self, name, value):
        getattr(self, "take_" + name.replace("-", "_"))(value)

    def take_root(self, value):
        self.root = value

    def take_cwd(self, value):
        self.directory = value

    def take_env(self, value):
        name, equals, setting = value.partition("=")
        if not name:
            raise Refused(f"--env={value} has no name; write --env=NAME=VALUE")
        if equals:
            self.environment[name] = setting
        else:
            self.environment.pop(name, None)

    def take_cpus(self, value):
        self.cpus = number(value)
        if self.cpus is None or not 1 <= self.cpus <= CPUS_MAXIMUM:
            raise Refused(f"--cpus={value} is not a number from 1 to {CPUS_MAXIMUM}")

    def take_memory(self, value):
        letters = "KMGT"
        shift = 0
        digits = value
        if value and value[-1].upper() in letters:
            shift = 10 * (letters.index(value[-1].upper()) + 1)
            digits = value[:-1]
        count = number(digits)
        if count is None or count > MEMORY_MAXIMUM >> shift:
            raise Refused(f"--memory={value} is not a size; write for example 256M or 4G")
        self.memory = count << shift
        if self.memory < MEMORY_MINIMUM:
            raise Refused(f"--memory={value} is too little; the minimum is "
                          f"{MEMORY_MINIMUM >> 20}M")

    def take_seed(self, value):
        self.seed = number(value)
        if self.seed is None or self.seed >= 1 << 64:
            raise Refused(f"--seed={value} is not a number")

    def take_trace_file(self, value):
        if not value:
            raise Refused("--trace-file needs a name")
        self.trace_file = value

    def take_time_limit(self, value):
        try:
            self.time_limit = float(value)
        except ValueError:
            self.time_limit = 0
        if not 0 < self.time_limit < 1e9:
            raise Refused(f"--time-limit={value} is not a number of seconds")

    def take_report_file(self, value):
        self.report_file = value

    def take_graph(self, value):
        self.graph = value
        self.kernel.append("graph=")

    def take_accel(self, value):
        if value not in ("tcg", "kvm"):
            raise Refused(f"--accel={value} is neither tcg nor kvm")
        self.accel = value

    def take_link(self, value):
        if value not in ("virtio", "com2"):
            raise Refused(f"--link={value} is neither virtio nor com2")
        self.link = value

    def take_kernel(self, value):
        self.kernel.append(value)

    def take_log_level(self, value):
        if value not in LEVELS:
            raise Refused(f"--log-level={value} is not one of {', '.join(LEVELS)}")
        self.kernel.append("log-level=" + value)

    def take_verbose(self, _):
        self.kernel.append("log-level=info")

    def take_stats(self, _):
        self.kernel.append("stats=")

    def take_gdb(self, _):
        self.gdb = True

    def take_version(self, _):
        print(f"{NAME} (Eft) {VERSION}")
        sys.exit(0)

    def take_help(self, _):
        print("Usage: " + NAME + HELP, end="")
        sys.exit(0)


def number(text):
    return int(text) if text.isascii() and text.isdigit() else None


def initial_environment():
    """What we were started with: Python itself adds to its own in the C locale."""
    with open("/proc/self/environ", "rb") as file:
        settings = os.fsdecode(file.read()).split("\0")
    return dict(setting.split("=", 1) for setting in settings if "=" in setting)


def default_directory(root):
    """The current directory as the guest sees it: below the root, or "/"."""
    top, here = os.path.realpath(root), os.getcwd()
    top = "" if top == "/" else top
    return here[len(top):] if here.startswith(top + "/") else "/"


# ---- The archive -------------------------------------------------------------------------------

def member(archive, name, contents, mode, modified):
    header = tarfile.TarInfo(name)
    header.size, header.mode, header.mtime = len(contents), mode, modified
    archive.addfile(header, io.BytesIO(contents))


def read_program(path):
    """Contents and status of the program's file."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Refused(f"{path} is not a regular file")
            return file.read(), status
    except IsADirectoryError:
        raise Refused(f"{path} is a directory, not a program") from None
    except OSError as error:
        raise Refused(f"cannot open {path}: {error.strerror}") from None


def boot_fields(options, program, streams):
    """The fields of `.eft/boot`: see boot_file.c."""
    kernel = list(options.kernel)
    if program:
        kernel.append("program=" + program)
    if options.seed is not None:
        kernel.append(f"seed={options.seed}")
    fields = [("option", option) for option in kernel]
    fields += [("argument", argument) for argument in options.arguments]
    fields += [("environment", f"{name}={value}") for name, value in options.environment.items()]
    if options.directory:
        fields.append(("directory", options.directory))
    fields.append(("node", os.uname().nodename))
    fields.append(("user", os.geteuid()))
    fields.append(("group", os.getegid()))
    fields.append(("groups", ",".join(str(group) for group in os.getgroups())))
    fields += [("channel", stream.field()) for stream in streams]
    return b"".join(os.fsencode(f"{word} {value}") + b"\0" for word, value in fields)


def write_archive(path, options, streams):
    program, contents, status = None, b"", None
    if not options.root:
        contents, status = read_program(options.arguments[0])
        base = os.path.basename(options.arguments[0])
        program = "/" + (base if len(os.fsencode(base)) < 100 else "guest")
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT, errors="surrogateescape") as archive:
        member(archive, ".eft/boot", boot_fields(options, program, streams), 0o600, 0)
        if program:
            member(archive, program[1:], contents, (status.st_mode & 0o777) | 0o111,
                   int(status.st_mtime))


# ---- Standard streams --------------------------------------------------------------------------

class Stream:
    """One of the standard streams; operations never wait, and give negative error numbers."""

    def __init__(self, index, is_posted):
        self.index = index
        self.fd = index
        self.socket = None
        self.may_block = False
        self.kind = "absent"
        try:
            status = os.fstat(index)
        except OSError:
            return
        if os.isatty(index):
            self.kind = "terminal"
            return
        self.kind = "file" if stat.S_ISREG(status.st_mode) else "stream"
        if stat.S_ISSOCK(status.st_mode):
            self.socket = socket.socket(fileno=os.dup(index))
        elif stat.S_ISFIFO(status.st_mode):
            self.reopen()
        if is_posted and self.flags() & os.O_ACCMODE == os.O_WRONLY:
            self.kind = "posted"

    def flags(self):
        kept = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK
        return fcntl.fcntl(self.index, fcntl.F_GETFL) & kept

    def reopen(self):
        """A description of our own, because O_NONBLOCK on the shared one is not ours to set."""
        try:
            mode = self.flags() & os.O_ACCMODE
            self.fd = os.open(f"/proc/self/fd/{self.index}", mode | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            self.may_block = True

    def field(self):
        if self.kind in ("absent", "terminal"):
            return f"{self.index} {self.kind}"
        status = os.fstat(self.index)
        return (f"{self.index} {self.kind} {status.st_mode} {self.flags()} {status.st_ino} "
                f"{status.st_dev} {status.st_rdev}")

    def is_ready(self, events):
        polled = select.poll()
        polled.register(self.fd, events)
        return bool(polled.poll(0))

    def attempt(self, operation):
        try:
            return operation()
        except OSError as error:
            return -error.errno

    def read(self, size):
        if self.socket:
            return self.attempt(lambda: self.socket.recv(size, socket.MSG_DONTWAIT))
        if self.may_block and not self.is_ready(select.POLLIN):
            return -errno.EAGAIN
        return self.attempt(lambda: os.read(self.fd, size))

    def write(self, data):
        if self.socket:
            flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
            return self.attempt(lambda: self.socket.send(data, flags))
        if self.may_block:
            if not self.is_ready(select.POLLOUT):
                return -errno.EAGAIN
            data = data[:select.PIPE_BUF]
        return self.attempt(lambda: os.write(self.fd, data))

    def write_all(self, data):
        """Of a posted stream: waits; what nobody reads is dropped."""
        while data:
            done = self.write(data)
            if done == -errno.EAGAIN:
                select.select([], [self.fd], [])
            elif done < 0:
                return
            else:
                data = data[done:]

    def seek(self, offset, whence):
        return self.attempt(lambda: os.lseek(self.fd, offset, whence))

    def status(self):
        status = os.fstat(self.fd)
        return STATUS.pack(status.st_mode, self.flags(), status.st_size, status.st_blocks,
                           status.st_ino, status.st_dev, status.st_rdev, status.st_atime_ns,
                           status.st_mtime_ns, status.st_ctime_ns)

    def poll(self):
        polled = select.poll()
        polled.register(self.fd, select.POLLIN | select.POLLOUT)
        ready = 0
        for _, events in polled.poll(0):
            ready |= READABLE if events & select.POLLIN else 0
            ready |= WRITABLE if events & select.POLLOUT else 0
            ready |= HANGUP if events & select.POLLHUP else 0
            ready |= ERROR if events & select.POLLERR else 0
        return ready


# ---- Addresses in words ------------------------------------------------------------------------

class Symbols:
    """Functions of one ELF file; lines come from addr2line."""

    def __init__(self, path):
        self.path = path
        self.functions = []
        try:
            with open(path, "rb") as file:
                self.read(file.read())
        except (OSError, struct.error):
            pass
        self.functions.sort()

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
                if kind & 15 == 2:    # function
                    end = data.index(b"\0", names + name)
                    self.functions.append((value, length, data[names + name:end].decode()))

    def describe(self, address):
        known = [entry for entry in self.functions
                 if entry[0] <= address < entry[0] + max(entry[1], 1)]
        if not known:
            return ""
        start, _, name = known[0]
        text = f"{name}+{address - start:#x}"
        places = self.places(address)
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


# ---- The run -----------------------------------------------------------------------------------

class Run:
    """One machine from its start to its end."""

    def __init__(self, options):
        self.options = options
        self.streams = [Stream(index, options.seed is not None) for index in range(3)]
        self.terminal_input = 0 if self.streams[0].kind == "terminal" else None
        self.terminal_output = next((stream.index for stream in
                                     (self.streams[1], self.streams[2], self.streams[0])
                                     if stream.kind == "terminal"), None)
        self.symbols = {}
        self.saved_modes = None
        self.status = None
        self.incoming = bytearray()
        self.outgoing = collections.deque()
        self.promises = {}
        self.deadline = None
        self.limit_sent = False
        self.interrupts = 0
        self.files = {}
        self.link = self.console = self.process = None
        self.console_text = b""

    # Output of the kernel's own

    def open_file(self, kind, path):
        if path is None:
            return
        try:
            self.files[kind] = open(path, "wb", buffering=0)
        except OSError as error:
            raise Refused(f"cannot write {path}: {error.strerror}") from None

    def print_error(self, text):
        if self.saved_modes:
            text = text.replace(b"\n", b"\r\n")
        try:
            os.write(2, text)
        except OSError:
            pass

    # Terminal

    def make_raw(self):
        if self.terminal_input is None or os.tcgetpgrp(0) != os.getpgrp():
            return
        self.saved_modes = termios.tcgetattr(0)
        modes = termios.tcgetattr(0)
        modes[0] &= ~(termios.BRKINT | termios.ICRNL | termios.IGNCR | termios.INLCR |
                      termios.INPCK | termios.ISTRIP | termios.IXON | termios.IXOFF)
        modes[1] &= ~termios.OPOST
        modes[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN |
                      termios.ISIG)
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(0, termios.TCSANOW, modes)

    def restore_terminal(self):
        if self.saved_modes:
            termios.tcsetattr(0, termios.TCSANOW, self.saved_modes)
            self.saved_modes = None

    def send_size(self):
        if self.terminal_output is None:
            return
        try:
            size = os.get_terminal_size(self.terminal_output)
        except OSError:
            return
        self.send(b"s", struct.pack("<HH", size.lines, size.columns))

    # Messages

    def send(self, kind, body=b""):
        self.outgoing.append(kind + struct.pack("<I", len(body)) + body)

    def flush(self):
        while self.outgoing:
            try:
                done = self.link.send(self.outgoing[0])
            except BlockingIOError:
                return
            except OSError:
                self.outgoing.clear()
                return
            if done == len(self.outgoing[0]):
                self.outgoing.popleft()
            else:
                self.outgoing[0] = self.outgoing[0][done:]

    def receive(self):
        try:
            data = self.link.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.link_ended()
            return
        self.incoming += data
        while len(self.incoming) >= 5 and self.status is None:
            size, = struct.unpack_from("<I", self.incoming, 1)
            if len(self.incoming) < 5 + size:
                return
            kind, body = chr(self.incoming[0]), bytes(self.incoming[5:5 + size])
            del self.incoming[:5 + size]
            self.handle(kind, body)

    def handle(self, kind, body):
        if kind in "LT":
            file = self.files.get(kind)
            if file:
                file.write(body)
            else:
                self.print_error(body)
        elif kind in "RG":
            if kind in self.files:
                self.files[kind].write(body)
        elif kind == "C":
            self.write_terminal(body)
        elif kind == "W":
            self.streams[body[0]].write_all(body[1:])
        elif kind == "Q":
            self.answer_call(body)
        elif kind == "D":
            self.send(b"a", self.describe(body).encode())
        elif kind == "E":
            why, status = struct.unpack("<Bi", body)
            self.status = HALT_STATUS.get(why, status & 0xff)
        else:
            raise Refused(f"the kernel sent a message that means nothing ({kind!r})")

    def write_terminal(self, data):
        while data and self.terminal_output is not None:
            try:
                data = data[os.write(self.terminal_output, data):]
            except BlockingIOError:
                select.select([], [self.terminal_output], [])
            except OSError:
                return

    def promise(self, stream, events):
        self.promises[stream.fd] = self.promises.get(stream.fd, 0) | events

    def answer_call(self, body):
        operation, index, first, second = QUESTION.unpack_from(body)
        stream = self.streams[index]
        data = b""
        if operation == ord("r"):
            result = stream.read(first)
            if isinstance(result, bytes):
                data, result = result, len(result)
            if result == -errno.EAGAIN:
                self.promise(stream, select.POLLIN)
        elif operation == ord("w"):
            result = stream.write(body[QUESTION.size:])
            if result == -errno.EAGAIN:
                self.promise(stream, select.POLLOUT)
        elif operation == ord("k"):
            result = stream.seek(first, second)
        elif operation == ord("s"):
            result, data = 0, stream.status()
        else:
            result = stream.poll()
            missing = first & ~result
            if missing & (READABLE | WRITABLE):
                self.promise(stream, (select.POLLIN if missing & READABLE else 0) |
                             (select.POLLOUT if missing & WRITABLE else 0))
        self.send(b"a", struct.pack("<q", result) + data)

    def describe(self, body):
        is_kernel, address, bias = struct.unpack_from("<BQQ", body)
        if is_kernel:
            path = KERNEL
        elif self.options.root:
            path = os.path.join(self.options.root, os.fsdecode(body[17:]).lstrip("/"))
        else:
            path = self.options.arguments[0]
        if path not in self.symbols:
            self.symbols[path] = Symbols(path)
        return self.symbols[path].describe(address if is_kernel else address - bias)

    # QEMU

    def command(self, directory):
        options = self.options
        tool = shutil.which("qemu-system-x86_64")
        if not tool:
            raise Refused("qemu-system-x86_64 is not installed (Debian package qemu-system-x86)")
        words = [tool, "-machine", "q35", "-nodefaults", "-no-user-config", "-no-reboot",
                 "-display", "none", "-accel", options.accel,
                 "-cpu", "max" if options.accel == "tcg" else "host",
                 "-smp", str(options.cpus), "-m", f"{options.memory >> 20}M",
                 "-kernel", KERNEL, "-initrd", os.path.join(directory, "archive"),
                 "-append", f"link={options.link} exit-port={EXIT_PORT:#x}",
                 "-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=4",
                 "-chardev", f"socket,id=console,path={directory}/console",
                 "-serial", "chardev:console",
                 "-chardev", f"socket,id=link,path={directory}/link"]
        if options.link == "virtio":
            words += ["-device", "virtio-serial-pci,max_ports=1,disable-legacy=on",
                      "-device", "virtconsole,chardev=link"]
        else:
            words += ["-serial", "chardev:link"]
        if options.seed is not None:
            words += ["-icount", "shift=1,align=off,sleep=off",
                      "-rtc", "base=2024-01-01T00:00:00,clock=vm"]
        if options.gdb:
            words += ["-gdb", "tcp::1234", "-S"]
        if options.root:
            source = options.root.replace(",", ",,")
            words += ["-fsdev", f"local,id=root,path={source},security_model=none,readonly=on,"
                      "multidevs=remap",
                      "-device", "virtio-9p-pci,fsdev=root,mount_tag=root,disable-legacy=on"]
        return words

    def start(self, directory):
        listeners = []
        for name in ("console", "link"):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(os.path.join(directory, name))
            listener.listen(1)
            listeners.append(listener)
        write_archive(os.path.join(directory, "archive"), self.options, self.streams)
        self.process = subprocess.Popen(
            self.command(directory), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, process_group=0, preexec_fn=die_with_parent)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.console, self.link = (self.accept(listener) for listener in listeners)

    def accept(self, listener):
        end = time.monotonic() + CONNECT_SECONDS
        while not select.select([listener], [], [], 0.05)[0]:
            if self.process.poll() is not None or time.monotonic() > end:
                raise Refused("QEMU does not start: " + self.qemu_says())
        connection, _ = listener.accept()
        connection.setblocking(False)
        listener.close()
        return connection

    def qemu_says(self):
        text = (self.process.stdout.read() or b"").decode(errors="replace").strip()
        return " ".join(text.split("\n")) or "it says nothing"

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def link_ended(self):
        """QEMU has ended before the kernel said how."""
        if self.status is not None:
            return
        self.process.wait()
        self.drain_console()
        said = (self.process.stdout.read() or b"").decode(errors="replace").strip()
        self.print_error(f"{NAME}: QEMU ended (status {self.process.returncode}) and the kernel "
                         f"did not say why{': ' + said if said else ''}\n".encode())
        self.status = EXIT_PANIC

    def drain_console(self):
        """The first serial port: only what the kernel says before the link is up."""
        try:
            data = self.console.recv(65536)
        except OSError:
            return False
        if data:
            self.print_error(data.replace(b"\r", b""))
        return bool(data)

    # Events

    def handle_signals(self, wakeup):
        for number_of in wakeup.recv(64):
            if number_of == signal.SIGWINCH:
                self.send_size()
            elif number_of in (signal.SIGINT, signal.SIGQUIT):
                self.interrupts += 1
                if self.interrupts > 2:
                    self.status = 128 + number_of
                self.send(b"k", b"\x03" if number_of == signal.SIGINT else b"\x1c")
            elif number_of in (signal.SIGTERM, signal.SIGHUP):
                self.status = 128 + number_of

    def timeout(self):
        """Milliseconds until the time limit needs something."""
        if self.deadline is None:
            return None
        left = self.deadline - time.monotonic()
        if left <= 0:
            if self.limit_sent:
                self.print_error(f"{NAME}: the time limit is over, and the kernel does not "
                                 "answer\n".encode())
                self.status = EXIT_TIME_LIMIT
                return 0
            self.limit_sent = True
            self.send(b"l")
            self.deadline = time.monotonic() + AFTER_LIMIT_SECONDS
            left = AFTER_LIMIT_SECONDS
        return int(left * 1000) + 1

    def wait(self, wakeup):
        poll = select.poll()
        poll.register(wakeup, select.POLLIN)
        poll.register(self.link, select.POLLIN | (select.POLLOUT if self.outgoing else 0))
        if self.console:
            poll.register(self.console, select.POLLIN)
        if self.terminal_input is not None and self.saved_modes:
            poll.register(0, select.POLLIN)
        for fd, events in self.promises.items():
            poll.register(fd, events)
        return poll.poll(self.timeout())

    def handle_event(self, fd, wakeup):
        if fd == wakeup.fileno():
            self.handle_signals(wakeup)
        elif fd == self.link.fileno():
            self.receive()
        elif self.console and fd == self.console.fileno():
            if not self.drain_console():
                self.console = None
        elif fd in self.promises:
            del self.promises[fd]
            self.send(b"r")
        elif fd == 0:
            keys = os.read(0, 256)
            if keys:
                self.send(b"k", keys)
            else:
                self.terminal_input = None

    def loop(self, wakeup):
        self.send_size()
        while self.status is None:
            self.flush()
            for fd, _ in self.wait(wakeup):
                self.handle_event(fd, wakeup)

    def run(self):
        self.open_file("T", self.options.trace_file)
        self.open_file("R", self.options.report_file)
        self.open_file("G", self.options.graph)
        wakeup, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number_of in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP,
                          signal.SIGWINCH):
            signal.signal(number_of, lambda *_: None)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with tempfile.TemporaryDirectory(prefix="eft-qemu-") as directory:
            try:
                self.start(directory)
                self.make_raw()
                if self.options.time_limit:
                    self.deadline = time.monotonic() + self.options.time_limit
                self.loop(wakeup)
                while self.console and self.drain_console():
                    pass
            finally:
                self.restore_terminal()
                self.stop()
        return self.status


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)    # PR_SET_PDEATHSIG


def main():
    try:
        return Run(Options(sys.argv[1:])).run()
    except Refused as refused:
        print(f"{NAME}: {refused}", file=sys.stderr)
        return EXIT_REFUSED


if __name__ == "__main__":
    sys.exit(main())
