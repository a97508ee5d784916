#!/usr/bin/env python3
"""The sim on a terminal: keys become signals, lines can be edited, modes are always given back.

Each test has a pseudo terminal of its own.  Scenarios of typing run natively and inside, and what
came out on the terminal must be the same.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from common import ENVIRONMENT, SIM, guest, shell_status

BUSYBOX = "/usr/bin/busybox"
INSIDE = [SIM, "--root", "/", BUSYBOX]
SECONDS = 10


class Terminal:
    """A command that has a pseudo terminal as its controlling terminal."""

    def __init__(self, command, rows=24, columns=80):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.status = None
        self.pid = os.fork()
        if self.pid == 0:
            self.become(command)

    def become(self, command):
        try:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for descriptor in range(3):
                os.dup2(self.slave, descriptor)
            os.closerange(3, 256)
            common.no_core_files()
            os.execve(command[0], command, dict(ENVIRONMENT, TERM="dumb"))
        finally:
            os._exit(127)

    def read_until(self, pattern, seconds=SECONDS):
        """Reads what appears until it matches; False if it never does."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                return False
            try:
                data = os.read(self.master, 4096)
            except OSError:    # the last user has gone
                return False
            if not data:
                return False
            self.seen += data
        return True

    def type(self, keys):
        os.write(self.master, keys)

    def wait(self, flags=0):
        """The status as a shell gives it, None if time ran out."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG | flags)
            if pid:
                if os.WIFSTOPPED(status):
                    return "stopped"
                self.status = shell_status(os.waitstatus_to_exitcode(status))
                return self.status
            self.read_until(rb"\Z.", 0.01)    # keeps the terminal from filling up
        return None

    def modes(self):
        return termios.tcgetattr(self.slave)

    def is_sane(self):
        return self.modes() == self.before

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.slave)
        os.close(self.master)


def ends(terminal, status, problems):
    """Waits for the end; adds what is wrong with it."""
    began = time.monotonic()
    reached = terminal.wait()
    if reached != status:
        problems.append(f"status {reached}, not {status}")
    if time.monotonic() - began > 2:
        problems.append(f"took {time.monotonic() - began:.1f} s")
    if not terminal.is_sane():
        problems.append("the terminal's modes are not what they were")
    if problems:
        problems.append(repr(terminal.seen[-300:]))
    return problems


def check_keys(suite):
    """Keys that end a program, typed at one that spins or sleeps."""
    for key, name, status in ((b"\x03", "interrupt", 130), (b"\x1c", "quit", 131)):
        for way in ("spin", "wait"):
            terminal = Terminal([SIM, guest("behave"), way])
            problems = [] if terminal.read_until(rb"ready") else ["never ready"]
            terminal.type(key)
            suite.check(f"key_{name}_ends_{way}", ends(terminal, status, problems))
            terminal.close()


def check_signals(suite):
    """The terminal is given back however the sim ends; the guest has made it raw."""
    for name, action, status in (
            ("exit", lambda terminal: terminal.type(b"q"), 0),
            ("fault", lambda terminal: terminal.type(b"d"), 136),
            ("SIGTERM", lambda terminal: os.kill(terminal.pid, signal.SIGTERM), 143),
            ("SIGHUP", lambda terminal: os.kill(terminal.pid, signal.SIGHUP), 129)):
        terminal = Terminal([SIM, guest("behave"), "raw"])
        problems = [] if terminal.read_until(rb"ready\r\n") else ["never ready"]
        if terminal.modes()[3] & termios.ICANON:
            problems.append("the terminal is not in raw mode while the guest reads keys")
        terminal.type(b"x")
        if not terminal.read_until(rb"<120>"):
            problems.append("a key did not arrive at once")
        terminal.type(b"\x03")
        if not terminal.read_until(rb"<3>"):
            problems.append("Ctrl-C did not arrive as a key")
        action(terminal)
        suite.check(f"raw_terminal_after_{name}", ends(terminal, status, problems))
        terminal.close()


def check_stop(suite):
    """SIGTSTP gives the terminal back, SIGCONT takes it again."""
    terminal = Terminal([SIM, guest("behave"), "raw"])
    problems = [] if terminal.read_until(rb"ready\r\n") else ["never ready"]
    os.kill(terminal.pid, signal.SIGTSTP)
    if terminal.wait(os.WUNTRACED) != "stopped":
        problems.append("did not stop")
    if not terminal.is_sane():
        problems.append("stopped, and the terminal is still raw")
    os.kill(terminal.pid, signal.SIGCONT)
    time.sleep(0.1)
    terminal.type(b"x")
    if not terminal.read_until(rb"<120>"):
        problems.append("keys do not arrive after it went on")
    if terminal.modes()[3] & termios.ICANON:
        problems.append("went on, and the terminal is not raw")
    terminal.type(b"q")
    suite.check("stop_and_continue_on_a_terminal", ends(terminal, 0, problems))
    terminal.close()


# name, applet and arguments, then pairs of keys and what to wait for
SCENARIOS = [
    ("echo_and_end_of_file", ["cat"], [(b"hello\n", rb"hello\r\nhello\r\n"), (b"\x04", rb"\Z.")]),
    ("erase", ["cat"], [(b"abX\x7fc\n", rb"abc\r\n"), (b"\x04", rb"\Z.")]),
    ("erase_at_the_start", ["cat"], [(b"\x7f\x7fa\n", rb"a\r\na\r\n"), (b"\x04", rb"\Z.")]),
    ("kill_line", ["cat"], [(b"wrong line\x15right\n", rb"\r\nright\r\n"), (b"\x04", rb"\Z.")]),
    ("erase_word", ["cat"], [(b"one two\x17three\n", rb"\r\none three\r\n"), (b"\x04", rb"\Z.")]),
    ("literal_next", ["cat"], [(b"a\x16\x03b\n", rb"a\x03b\r\n"), (b"\x04", rb"\Z.")]),
    ("end_of_file_in_a_line", ["cat"], [(b"half\x04", rb"halfhalf"), (b"\x04", rb"\Z.")]),
    ("interrupt", ["cat"], [(b"abc", rb"abc"), (b"\x03", rb"\Z.")]),
    ("quit", ["cat"], [(b"x\n", rb"x\r\nx\r\n"), (b"\x1c", rb"\Z.")]),
    ("typed_ahead", ["head", "-n", "2"], [(b"one\ntwo\n", rb"two\r\n.*two\r\n")]),
    ("control_characters", ["cat"], [(b"\x01\x02\n", rb"\^A\^B\r\n"), (b"\x04", rb"\Z.")]),
    ("size", ["stty", "size"], []),
    ("settings", ["stty", "-a"], []),
    ("is_a_terminal", ["test", "-t", "0"], []),
    ("output_lines", ["seq", "3"], []),
    ("echo_off", ["stty", "-echo"], []),
]


def play(command, steps):
    terminal = Terminal(command, 33, 101)
    time.sleep(0.1)    # typing before it is there would be echoed by the terminal itself
    for keys, pattern in steps:
        terminal.type(keys)
        if pattern != rb"\Z.":
            terminal.read_until(pattern, 3)
    status = terminal.wait()
    terminal.read_until(rb"\Z.", 0.05)
    seen = terminal.seen
    terminal.close()
    return seen, status


def check_scenarios(suite):
    for name, arguments, steps in SCENARIOS:
        if not suite.wants("typing_" + name):
            continue
        native = play([BUSYBOX, *arguments], steps)
        hosted = play([*INSIDE, *arguments], steps)
        # Inside, the sim adds its line about a death by a signal.
        seen = re.sub(rb"eft: [^\n]*\n", b"", hosted[0])    # the sim's own lines
        seen = re.sub(rb" -?iutf8", b"", seen)    # what new terminals have differs
        expected = re.sub(rb" -?iutf8", b"", native[0])
        same = (expected.rstrip(), native[1]) == (seen.rstrip(), hosted[1])
        suite.check("typing_" + name, [] if same else [f"native {native}", f"eft    {hosted}"])


def check_hangup(suite):
    """The terminal goes away: the sim must not stay."""
    terminal = Terminal([SIM, guest("behave"), "spin"])
    problems = [] if terminal.read_until(rb"ready") else ["never ready"]
    os.close(terminal.slave)
    os.close(terminal.master)
    terminal.master, terminal.slave = pty.openpty()    # for close()
    status = terminal.wait()
    if status != 129:
        problems.append(f"status {status}, not 129")
    suite.check("hangup_ends_it", problems)
    terminal.close()


def main():
    suite = common.Suite()
    for check in (check_keys, check_signals, check_stop, check_scenarios, check_hangup):
        check(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
