"""The standard streams of this process, as the kernel's channels use them (channel.c)."""
import errno
import fcntl
import os
import select
import socket
import stat
import struct

READABLE, WRITABLE, HANGUP, ERROR = 1, 2, 4, 8    # enum channel_ready
STATUS = struct.Struct("<IIQQQQQqqq")             # struct channel_status


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
