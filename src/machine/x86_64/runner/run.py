"""One run of a machine of QEMU: starting it, its messages (link.h), its end."""
import collections
import ctypes
import errno
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time

from archive import write_archive
from options import NAME, Refused
from streams import READABLE, WRITABLE, Stream
from symbols import Symbols

# This file is in BUILD/eft-qemu, an archive.
BUILD = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KERNEL = os.path.join(BUILD, "eft.elf")
HOSTED = os.path.join(BUILD, "sim")

CODE_OF_KERNEL, CODE_IN_FILE = 1, 2               # enum link_code

EXIT_REFUSED = 2
EXIT_PANIC = 120
EXIT_DEADLOCK = 121
EXIT_TIME_LIMIT = 122
HALT_OK, HALT_REFUSED, HALT_PANIC, HALT_DEADLOCK, HALT_TIME_LIMIT, HALT_RESTART = range(6)
HALT_STATUS = {HALT_REFUSED: EXIT_REFUSED, HALT_PANIC: EXIT_PANIC, HALT_DEADLOCK: EXIT_DEADLOCK,
               HALT_TIME_LIMIT: EXIT_TIME_LIMIT}
# What a timeline says of it.
HALT_ENDING = {HALT_PANIC: "panic", HALT_DEADLOCK: "deadlock", HALT_TIME_LIMIT: "time limit"}
RUN_ENDED = struct.Struct("<QII24x24s")           # struct observer_record
RUN_ENDED_KIND = 0xffffffff

GRUB_SETTINGS = """set timeout=0
menuentry Eft {
    multiboot2 /boot/eft.elf exit-port=0xf4
    module2 /boot/archive
}
"""
CONNECT_SECONDS = 20
AFTER_LIMIT_SECONDS = 10
REPORTING = "LRGD"
EXIT_PORT = 0xf4
QUESTION = struct.Struct("<BB6xqq")               # struct channel_question


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
        self.starts_again = self.has_spoken = False
        self.ending = "the machine was stopped"
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

    def draw_timeline(self, path):
        """The hosted kernel's program has what it takes to draw what the events tell."""
        self.files["V"].write(RUN_ENDED.pack(0, RUN_ENDED_KIND, 0, self.ending.encode()))
        subprocess.run([HOSTED, f"--timeline={self.options.timeline}", f"--timeline-events={path}"],
                       check=False)

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
        self.has_spoken = True
        self.incoming += data
        while len(self.incoming) >= 5 and self.status is None:
            size, = struct.unpack_from("<I", self.incoming, 1)
            if len(self.incoming) < 5 + size:
                return
            kind, body = chr(self.incoming[0]), bytes(self.incoming[5:5 + size])
            del self.incoming[:5 + size]
            self.handle(kind, body)

    def handle(self, kind, body):
        if self.limit_sent and kind in REPORTING:    # a long report, but it goes on
            self.deadline = time.monotonic() + AFTER_LIMIT_SECONDS
        if kind in "LT":
            file = self.files.get(kind)
            if file:
                file.write(body)
            else:
                self.print_error(body)
        elif kind in "RGV":
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
        elif kind == "Y":
            self.send(b"a")
        elif kind == "E":
            why, status = struct.unpack("<Bi", body)
            if why == HALT_RESTART:
                self.starts_again = True    # when the reset has ended QEMU
                return
            self.status = HALT_STATUS.get(why, status & 0xff)
            self.ending = HALT_ENDING.get(why, "")
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
        kind, address, bias = struct.unpack_from("<BQQ", body)
        if kind == CODE_OF_KERNEL:
            path = KERNEL
        elif self.options.root:
            path = os.path.join(self.options.root, os.fsdecode(body[17:]).lstrip("/"))
        else:
            path = self.options.arguments[0]
        if path not in self.symbols:
            self.symbols[path] = Symbols(path)
        symbols = self.symbols[path]
        if kind == CODE_IN_FILE:
            return symbols.describe(symbols.address_of(address))
        return symbols.describe(address if kind == CODE_OF_KERNEL else address - bias)

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
            # The processor that rings does the work: no other thread has a part in it.
            words += ["-device", "virtio-serial-pci,max_ports=1,disable-legacy=on,"
                      "ioeventfd=off", "-device", "virtconsole,chardev=link"]
        else:
            words += ["-serial", "chardev:link"]
        if options.seed is not None:
            words += ["-icount", "shift=1,align=off,sleep=off",
                      "-rtc", "base=2024-01-01T00:00:00,clock=vm"]
        else:
            words += ["-device", "virtio-rng-pci,disable-legacy=on"]
        if options.gdb:
            place = f"path={options.gdb.replace(',', ',,')}" if "/" in options.gdb else \
                f"host=127.0.0.1,port={options.gdb}"
            words += ["-chardev", f"socket,id=gdb,server=on,wait=off,{place}",
                      "-gdb", "chardev:gdb", "-S"]
        if options.root:
            source = options.root.replace(",", ",,")
            words += ["-fsdev", f"local,id=root,path={source},security_model=none,readonly=on,"
                      "multidevs=remap",
                      "-device", "virtio-9p-pci,fsdev=root,mount_tag=root,disable-legacy=on"]
        return words + options.qemu

    def start(self, directory):
        listeners = []
        self.status, self.starts_again, self.has_spoken = None, False, False
        self.incoming.clear()
        self.outgoing.clear()
        self.promises.clear()
        for name in ("console", "link"):
            listener = socket.socket(socket.AF_UNIX)
            path = os.path.join(directory, name)
            if os.path.exists(path):    # of the start before
                os.unlink(path)
            listener.bind(path)
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
        """QEMU has ended, because of a reset or before the kernel said how."""
        if self.status is not None:
            return
        self.process.wait()
        if self.console:
            self.drain_console()
        if self.starts_again and self.process.returncode == 0:
            self.status = 0
            return
        self.starts_again = False
        if not self.has_spoken:
            raise Refused(f"QEMU ended (status {self.process.returncode}) before the kernel ran: " +
                          self.qemu_says())
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
            self.has_spoken = True
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
            self.flush()
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

    def write_image(self):
        """A disk image that GRUB boots, under BIOS and UEFI; the console is the serial port."""
        tool = shutil.which("grub-mkrescue")
        if not tool:
            raise Refused("grub-mkrescue is not installed (Debian packages grub-common, "
                          "grub-pc-bin, grub-efi-amd64-bin, xorriso, mtools)")
        with tempfile.TemporaryDirectory(prefix="eft-qemu-") as directory:
            boot = os.path.join(directory, "boot")
            os.makedirs(os.path.join(boot, "grub"))
            shutil.copy(KERNEL, boot)
            write_archive(os.path.join(boot, "archive"), self.options, [])
            with open(os.path.join(boot, "grub/grub.cfg"), "w", encoding="ascii") as file:
                file.write(GRUB_SETTINGS)
            result = subprocess.run([tool, "-o", self.options.image, directory], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if result.returncode != 0:
            raise Refused("grub-mkrescue failed: " + " ".join(result.stdout.split("\n")[-4:]))
        return 0

    def run(self):
        if self.options.image:
            return self.write_image()
        self.open_file("T", self.options.trace_file)
        self.open_file("R", self.options.report_file)
        self.open_file("G", self.options.graph)
        self.open_file("timeline", self.options.timeline)
        wakeup, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number_of in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP,
                          signal.SIGWINCH):
            signal.signal(number_of, lambda *_: None)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with tempfile.TemporaryDirectory(prefix="eft-qemu-") as directory:
            events = os.path.join(directory, "events")
            if self.options.timeline:
                self.open_file("V", events)
            try:
                self.make_raw()
                if self.options.time_limit:
                    self.deadline = time.monotonic() + self.options.time_limit
                self.start(directory)
                self.loop(wakeup)
                while self.starts_again:
                    self.start(directory)
                    self.loop(wakeup)
                while self.console and self.drain_console():
                    pass
            finally:
                self.restore_terminal()
                self.stop()
            if self.options.timeline:
                self.draw_timeline(events)
        return self.status


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)    # PR_SET_PDEATHSIG
