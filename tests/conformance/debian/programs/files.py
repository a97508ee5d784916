"""selectors, mmap, tempfile, sqlite3, shutil, glob, fcntl, select: files and events."""
import errno
import fcntl
import glob
import hashlib
import mmap
import os
import select
import selectors
import shutil
import sqlite3
import stat
import tempfile
import threading
import time

kinds = [kind for kind in (getattr(selectors, name, None) for name in
                           ("SelectSelector", "PollSelector", "EpollSelector")) if kind]
for kind in kinds:
    selector = kind()
    ends = [os.pipe() for _ in range(5)]
    for number, (read_end, _) in enumerate(ends):
        selector.register(read_end, selectors.EVENT_READ, number)
    print(kind.__name__, selector.select(0.01))
    threading.Timer(0.02, os.write, (ends[3][1], b"x")).start()
    print([key.data for key, _ in selector.select(5)], os.read(ends[3][0], 5))
    os.close(ends[1][1])
    print([(key.data, mask) for key, mask in selector.select(5)])
    selector.close()
    for descriptor in {end for pair in ends for end in pair} - {ends[1][1]}:
        os.close(descriptor)

with open("mapped", "w+b") as file:
    file.truncate(3 * mmap.PAGESIZE)
    shared = mmap.mmap(file.fileno(), 0)
    private = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
    shared[5000:5005] = b"hello"
    private[0:3] = b"own"
    print(os.pread(file.fileno(), 5, 5000), private[5000:5005], shared[0:3], shared.find(b"llo"))
    os.pwrite(file.fileno(), b"HE", 5000)
    print(shared[5000:5005], private[5000:5005])
    child = os.fork()
    if child == 0:
        shared[:5] = b"child"
        private[:5] = b"ghost"
        os._exit(0)
    os.waitpid(child, 0)
    print(shared[:5], private[:5])
    shared.resize(5 * mmap.PAGESIZE)
    shared[-1] = 65
    shared.flush()
    shared.madvise(mmap.MADV_DONTNEED)
    print(os.fstat(file.fileno()).st_size, shared[-1], len(shared))
    shared.close()
anonymous = mmap.mmap(-1, 1 << 24)
anonymous[1 << 23] = 7
print(sum(anonymous[i] for i in range(0, 1 << 24, 1 << 16)))

with tempfile.TemporaryDirectory(dir=".") as directory:
    with tempfile.NamedTemporaryFile(dir=directory) as named:
        named.write(b"temporary")
        named.flush()
        print(os.path.getsize(named.name), stat.filemode(os.stat(named.name).st_mode))
    with tempfile.TemporaryFile(dir=directory) as unnamed:
        unnamed.write(b"12345")
        print(unnamed.tell(), os.fstat(unnamed.fileno()).st_nlink, os.listdir(directory))
    with tempfile.SpooledTemporaryFile(10) as spooled:
        spooled.write(b"more than ten bytes")
        spooled.seek(5)
        print(spooled.read(4))
print(glob.glob("tmp*"))

database = sqlite3.connect("test.db")
database.execute("create table t(a integer, b text)")
with database:
    database.executemany("insert into t values(?, ?)", ((i, str(i)) for i in range(10000)))
try:
    with database:
        database.execute("delete from t")
        raise ValueError
except ValueError:
    print(database.execute("select count(*), sum(a) from t").fetchone())
other = sqlite3.connect("test.db", timeout=0.05)
database.execute("begin exclusive")
try:
    other.execute("insert into t values(1, 2)")
except sqlite3.OperationalError as error:
    print(error)
database.close()
other.close()
os.unlink("test.db")

shutil.copytree("sub", "tree/of/sub")
shutil.move("tree/of/sub", "moved")
shutil.make_archive("packed", "tar", "moved")
shutil.unpack_archive("packed.tar", "unpacked")
print(sorted(os.listdir("unpacked")), sorted(entry.name for entry in os.scandir("moved")))
shutil.rmtree("tree")
os.unlink("packed.tar")
with open("words", "r+b") as file:
    print(hashlib.file_digest(file, "sha256").hexdigest()
          if hasattr(hashlib, "file_digest") else hashlib.sha256(file.read()).hexdigest())
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
    child = os.fork()
    if child == 0:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
        except OSError as error:
            os._exit(error.errno)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (errno.EAGAIN, errno.EACCES))
for call in (lambda: os.open("/nowhere/x", 0), lambda: os.mkdir("sub"), lambda: os.rmdir("sub"),
             lambda: os.rename("sub", "sub/sub"), lambda: os.readlink("words"),
             lambda: os.listdir("words"), lambda: os.truncate("sub", 0), lambda: os.unlink("sub"),
             lambda: os.open("x" * 300, os.O_CREAT), lambda: os.close(999)):
    try:
        call()
    except OSError as error:
        print(errno.errorcode[error.errno])
poll = select.poll()
read_end, write_end = os.pipe()
poll.register(read_end, select.POLLIN)
os.close(write_end)
print(poll.poll(1000) == [(read_end, select.POLLHUP)])
print(select.select([read_end], [], [], 1)[0] == [read_end])
before = time.monotonic()
select.select([], [], [], 0.02)
print(time.monotonic() - before >= 0.02)
print(sum(len(names) for _, _, names in os.walk("/usr/share/zoneinfo/Etc")) ==
      len(os.listdir("/usr/share/zoneinfo/Etc")))
