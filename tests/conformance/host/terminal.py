"""A command that has a pseudo terminal of its own as its controlling terminal."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import common

SECONDS = 60


class Terminal:
    def __init__(self, command, rows=24, columns=80, kind="dumb", environment=None):
        self.master, self.slave = pty.openpty()
        self.environment = dict(common.ENVIRONMENT, TERM=kind, **(environment or {}))
        self.resize(rows, columns)
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
            os.execve(command[0], command, self.environment)
        finally:
            os._exit(127)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, pattern, seconds=SECONDS, start=0):
        """Reads what appears until it matches behind `start`; None if it never does."""
        end = time.monotonic() + seconds
        compiled = re.compile(pattern, re.DOTALL)
        while not (match := compiled.search(self.seen, start)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                return None
            try:
                data = os.read(self.master, 4096)
            except OSError:    # the last user has gone
                return None
            if not data:
                return None
            self.seen += data
        return match

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
                self.status = common.shell_status(os.waitstatus_to_exitcode(status))
                return self.status
            self.read_until(rb"\Z.", 0.01)    # keeps the terminal from filling up
        return None

    def modes(self):
        return termios.tcgetattr(self.slave)

    def await_taken(self):
        """Until somebody has set its modes, as the sim does when it begins and when it goes on."""
        end = time.monotonic() + SECONDS
        while self.is_sane() and time.monotonic() < end:
            time.sleep(0.005)

    def is_sane(self):
        return self.modes() == self.before

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.slave)
        os.close(self.master)
