"""gdb for Eft, hosted and on QEMU; this script is loaded by

    make gdb GUEST=...         gdb -x eft.py --args build/sim guest.elf
    make qemu-gdb GUEST=...    gdb -x eft.py -ex 'eft qemu build/eft-qemu guest.elf' build/eft.elf

The guest's symbols load by themselves when the kernel has loaded it, those of libraries when a
thread is shown that is in one.  On QEMU gdb's threads are the
processors.  Hosted, the sim works with three signals (system calls, page faults, the timer): they
pass silently.  Commands:

    eft threads     the kernel's threads: state, CPU, class, priority, what each waits for
    eft bt ID       the kernel backtrace of a thread that is not running
    eft user [ID]   the user registers of a thread, and where in the guest it is
    eft trace [N]   the last N trace events
    eft qemu RUNNER [OPTION...] GUEST [ARGUMENT...]
                    starts a machine of QEMU and stops before its first instruction
"""

import atexit
import importlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

import gdb
import gdb.unwinder

CONNECT_SECONDS = 20
END_SECONDS = 5
LOAD = 1    # a kind of segment of an ELF file


def setup():
    for command in (
        "handle SIGSYS SIGSEGV SIGALRM nostop noprint pass",
        "set breakpoint pending on",
        "set debuginfod enabled off",
        "set print thread-events off",
    ):
        gdb.execute(command, to_string=True)


def mark_code(path):
    """Guest code is mapped when it is first executed, and read-only: an int3 cannot be written
    there in time.  For memory marked as read-only gdb takes hardware breakpoints by itself."""
    gdb.execute("set mem inaccessible-by-default off")
    for line in gdb.execute("info files", to_string=True).splitlines():
        words = line.split()
        if len(words) >= 7 and words[4] == ".text" and words[-1] == path:
            gdb.execute(f"mem {words[0]} {words[2]} ro", to_string=True)


def vdso_path():
    """It is built beside the kernel, and installed where its other parts are."""
    folder = os.path.dirname(gdb.current_progspace().filename)
    places = [os.path.join(folder, place) for place in ("vdso.so", "../lib/eft/vdso.so")]
    return next((place for place in places if os.path.exists(place)), places[0])


class GuestFiles:
    """The files whose symbols are loaded.

    `host_path` makes a path of the host of a guest's.
    """

    def __init__(self, host_path):
        self.host_path = host_path
        self.loaded = set()

    def load(self, path, bias):
        """`path` is one of the host, `bias` what was added to the file's addresses."""
        if (path, bias) in self.loaded:
            return
        self.loaded.add((path, bias))
        if not os.path.exists(path):    # gdb would lose track of who runs if it failed in here
            gdb.write(f"eft: no symbols of {path}: there is no such file\n")
            return
        try:
            gdb.execute(f'add-symbol-file "{path}" -o {bias:#x}', to_string=True)
            mark_code(path)
        except gdb.error as error:
            gdb.write(f"eft: no symbols of {path}: {error}\n")


class ProgramLoaded(gdb.Breakpoint):
    """Stops for no time where the kernel has loaded a guest, and loads its symbols."""

    def __init__(self, function):
        super().__init__(function, internal=True)
        self.silent = True

    def stop(self):
        name = gdb.parse_and_eval("path").string()
        path = vdso_path() if name == "[vdso]" else GUEST_FILES.host_path(name)
        GUEST_FILES.load(path, int(gdb.parse_and_eval("bias")))
        return False


def leads_to(path, place):
    """Whether a path of the guest is that place or below it."""
    return (path + "/").startswith(place.rstrip("/") + "/")


def hosted_path(path):
    """The host's name of a file of the guest, as sim/symbols.c and hostfs_open_path find it."""
    program = gdb.parse_and_eval("'symbols.c'::command_line_program")
    if int(program):    # that one, or one beside it
        return os.path.join(os.path.dirname(program.string()), os.path.basename(path))
    machine = gdb.parse_and_eval("'hostfs_server.c'::hostfs_operations")
    for index in reversed(range(int(machine["root_count"]))):
        place = machine["roots"][index]["place"]
        if int(place) and leads_to(path, place.string()):
            number = int(gdb.parse_and_eval(f"'hostfs_server.c'::root_descriptors[{index}]"))
            top = os.readlink(f"/proc/{gdb.selected_inferior().pid}/fd/{number}")
            below = path[len(place.string().rstrip("/")):].lstrip("/")
            return os.path.join(top, below) if below else top
    return path


# ---- Reading the kernel's data -----------------------------------------------------------------


def member_offset(type_name, member):
    return next(f.bitpos // 8 for f in gdb.lookup_type(type_name).fields() if f.name == member)


def container_of(pointer, type_name, member):
    address = int(pointer) - member_offset(type_name, member)
    return gdb.Value(address).cast(gdb.lookup_type(type_name).pointer())


def tree_nodes(node):
    """The nodes of a tree of lib/tree.h in order."""
    if int(node) == 0:
        return
    yield from tree_nodes(node["left"])
    yield node
    yield from tree_nodes(node["right"])


def threads():
    root = gdb.parse_and_eval("'pid_namespace.c'::own_space")["names"]["root"]
    for node in tree_nodes(root):
        yield container_of(node, "struct pid_name", "node")["thread"]


def find_thread(number):
    for thread in threads():
        if int(thread["id"]) == number:
            return thread
    raise gdb.GdbError(f"there is no thread {number}; see: eft threads")


def enum_name(value, prefix):
    """THREAD_BLOCKED -> blocked."""
    return str(value).replace(prefix, "").lower().replace("_", " ")


def list_nodes(head):
    """The nodes of a list of lib/list.h, without its head."""
    node = head["next"]
    while int(node) != int(head.address):
        yield node
        node = node["next"]


def find_semaphore(number):
    """The semaphore with this id: set << 32 | key."""
    for set_node in list_nodes(gdb.parse_and_eval("'semaphore_set.c'::all")["sets"]):
        semaphores = container_of(set_node, "struct semaphore_set", "sets_node")
        for node in tree_nodes(semaphores["tree"]["root"]):
            keyed = container_of(node, "struct keyed_semaphore", "node")
            if int(keyed["semaphore"]["id"]) == number:
                return keyed["semaphore"]
    return None


def describe_semaphore(number):
    """Key, value and holder, as the kernel's own reports have them."""
    key = number & 0xFFFFFFFF
    text = f"semaphore {key}" if key < 0x1000 else f"semaphore {key:#x}"
    semaphore = find_semaphore(number)
    if semaphore is None:
        return text
    text += f", value {int(semaphore['count'])}"
    holder = int(semaphore["statistics"]["holder"])
    return text + (f", held by thread {holder}" if holder else "")


def describe_wait(thread):
    reason = thread["waiting_for"]
    kind = enum_name(reason["kind"], "WAIT_")
    if enum_name(thread["state"], "THREAD_") != "blocked" or kind == "none":
        return ""
    if kind == "semaphore":
        return describe_semaphore(int(reason["object"]))
    if kind == "child":
        return f"process {int(reason['object'])} to end"
    text = f"{kind} {int(reason['object']):#x}"
    if int(reason["owner"]):
        text += f", held by thread {int(reason['owner']['id'])}"
    return text


CLASSES = {0: "other", 1: "fifo", 2: "rr", 3: "batch", 5: "idle"}


def describe_priority(thread):
    """Class and priority."""
    priority = thread["priority"]
    own, effective = int(priority["own"]), int(priority["effective"])
    text = str(own if own else int(priority["nice"]))
    if effective > own:
        text += f" ({effective})"
    return CLASSES[int(priority["class"])], text


def path_text(path):
    """The guest's text of a struct path."""
    mount, name = path["mount"], path["name"]
    parts = []
    while int(mount):
        while int(name) != int(mount["root"]) and int(name["parent"]):
            parts.append(name["text"].string())
            name = name["parent"]
        name, mount = mount["covered"], mount["parent"]
    return "/" + "/".join(reversed(parts))


def find_region(space, address):
    for node in tree_nodes(space["regions"]["tree"]["root"]):
        region = container_of(node, "struct region", "node")
        if int(region["start"]) <= address < int(region["end"]):
            return region
    return None


def file_address(path, offset):
    """Where a byte of an ELF file would be, were it loaded as it says itself; None: nowhere."""
    with open(path, "rb") as file:
        data = file.read()
    at, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _, start, address, _, length = struct.unpack_from("<IIQQQQ", data, at + index * size)
        if kind == LOAD and start <= offset < start + length:
            return address + offset - start
    return None


def load_file_at(thread, address):
    """The symbols of the file that is mapped there; its path, "" if there is none."""
    space = thread["process"]["space"]
    region = find_region(space, address) if int(space) else None
    if region is None or not int(region["file"]) or not int(region["file"]["path"]["name"]):
        return ""
    path = GUEST_FILES.host_path(path_text(region["file"]["path"]))
    offset = int(region["object_offset"]) + address - int(region["start"])
    try:
        linked = file_address(path, offset)
    except (OSError, struct.error):
        linked = None
    if linked is None:
        return ""
    GUEST_FILES.load(path, address - linked)
    return path


def where_in_guest(thread):
    """Programs may be at the same addresses: what is mapped there decides."""
    address = int(thread["registers"]["rip"])
    path = load_file_at(thread, address)
    lines = gdb.execute(f"info symbol {address:#x}", to_string=True).strip().splitlines()
    text = next((line for line in lines if line.endswith(" of " + path)), lines[0])
    if not text.startswith("No symbol"):
        return text.split(" in section")[0]
    # gdb's `info symbol` misses symbols of a debug file that the sim itself has loaded as well.
    found = re.search("<(.*)>", gdb.execute(f"output/a {address:#x}", to_string=True))
    return found.group(1).replace("+", " + ") if found else f"{address:#x}"


def cpu_count():
    return int(gdb.parse_and_eval("'info.c'::info")["cpu_count"])


def trace_records(cpu):
    """(sequence, cpu, event, numbers) of one ring of debug/trace.c."""
    ring = gdb.parse_and_eval("'trace.c'::rings")[cpu]
    size = ring["entries"].type.range()[1] + 1
    events = gdb.lookup_type("enum trace_event")
    newest = int(ring["next"])
    for slot in range(max(0, newest - size), newest):
        entry = ring["entries"][slot % size]
        head = int(entry["sequence_and_event"])
        event = enum_name(gdb.Value(head & 0xFF).cast(events), "TRACE_")
        yield head >> 8, cpu, event, [int(entry["numbers"][i]) for i in range(3)]


# ---- Switched-out threads ----------------------------------------------------------------------


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


class SavedContext(gdb.unwinder.Unwinder):
    """Claims the innermost frame while a thread is selected: gdb then unwinds from the registers
    that machine_context_switch saved.  No register of the live process is written."""

    ORDER = ("r15", "r14", "r13", "r12", "rbx", "rbp", "rip")

    def __init__(self):
        super().__init__("eft-saved-context")
        self.thread = None

    def __call__(self, pending_frame):
        if self.thread is None or pending_frame.level() != 0:
            return None
        word = gdb.lookup_type("unsigned long")
        top = int(self.thread["context"]["opaque"][0])
        stack = gdb.Value(top).cast(word.pointer())
        info = pending_frame.create_unwind_info(FrameId(top, int(stack[6])))
        for index, name in enumerate(self.ORDER):
            info.add_saved_register(name, stack[index])
        info.add_saved_register("rsp", gdb.Value(top + 8 * len(self.ORDER)).cast(word))
        return info


SAVED_CONTEXT = SavedContext()


def backtrace_of(thread):
    SAVED_CONTEXT.thread = thread
    try:
        gdb.invalidate_cached_frames()
        return gdb.execute("backtrace", to_string=True)
    finally:
        SAVED_CONTEXT.thread = None
        gdb.invalidate_cached_frames()


# ---- Commands ----------------------------------------------------------------------------------


class Eft(gdb.Command):
    """Commands of the Eft kernel."""

    def __init__(self):
        super().__init__("eft", gdb.COMMAND_STATUS, prefix=True)


class EftThreads(gdb.Command):
    """eft threads: the kernel's threads with state, CPU, class, priority and what they wait for.

    The priority is the nice value or, of the real-time classes, the priority; behind it, in
    brackets, a higher one that somebody lends."""

    def __init__(self):
        super().__init__("eft threads", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        rows = [("ID", "NAME", "STATE", "CPU", "WAITS FOR", "GUEST", "CLASS", "PRIORITY")]
        for thread in threads():
            rows.append(
                (
                    str(int(thread["id"])),
                    thread["name"].string(),
                    enum_name(thread["state"], "THREAD_"),
                    str(int(thread["cpu"])),
                    describe_wait(thread) or "-",
                    where_in_guest(thread) if int(thread["process"]) else "-",
                    *describe_priority(thread),
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            line = "  ".join(text.ljust(width) for text, width in zip(row, widths))
            gdb.write(line.rstrip() + "\n")


class EftBacktrace(gdb.Command):
    """eft bt ID: kernel backtrace of a thread; of the running one use plain bt."""

    def __init__(self):
        super().__init__("eft bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        thread = find_thread(int(argument or "1", 0))
        if enum_name(thread["state"], "THREAD_") == "running":
            gdb.execute("backtrace")
        else:
            gdb.write(backtrace_of(thread))


class EftUser(gdb.Command):
    """eft user [ID]: user registers of a thread as the kernel last saw them."""

    def __init__(self):
        super().__init__("eft user", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        thread = find_thread(int(argument or "1", 0))
        for field in thread["registers"].type.fields():
            gdb.write(f"{field.name:<10} {int(thread['registers'][field.name]):#018x}\n")
        gdb.write(f"{'at':<10} {where_in_guest(thread)}\n")


class EftTrace(gdb.Command):
    """eft trace [N]: the last N trace events of the kernel (default 20), oldest first."""

    def __init__(self):
        super().__init__("eft trace", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        records = sorted(record for cpu in range(cpu_count()) for record in trace_records(cpu))
        for sequence, cpu, event, numbers in records[-int(argument or "20", 0) :]:
            text = " ".join(f"{number:#x}" for number in numbers)
            gdb.write(f"[{cpu}] {sequence} {event} {text}\n")


# ---- A machine of QEMU -------------------------------------------------------------------------


class Machine:
    """The runner in a session of its own (gdb's Ctrl-C is not the guest's), and its end with gdb.

    The runner is an archive of Python: what its command line means is asked of its own module.
    """

    def __init__(self, words):
        sys.path.insert(0, os.path.abspath(words[0]))
        module = importlib.import_module("options")
        try:
            self.options = module.Options(words[1:])
        except module.Refused as refused:
            raise gdb.GdbError(str(refused)) from None
        self.directory = tempfile.TemporaryDirectory(prefix="eft-gdb-")
        self.socket = os.path.join(self.directory.name, "gdb")
        self.runner = subprocess.Popen(
            [words[0], f"--gdb={self.socket}", *words[1:]], stdin=subprocess.DEVNULL,
            start_new_session=True)
        atexit.register(self.end)

    def attach(self):
        end = time.monotonic() + CONNECT_SECONDS
        while not os.path.exists(self.socket):
            if self.runner.poll() is not None or time.monotonic() > end:
                raise gdb.GdbError("the machine does not start")
            time.sleep(0.05)
        gdb.execute(f"target remote {self.socket}", to_string=True)

    def host_path(self, path):
        if self.options.root:
            return os.path.join(self.options.root, path.lstrip("/"))
        return self.options.arguments[0]

    def end(self):
        self.runner.terminate()
        try:
            self.runner.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.runner.kill()
        self.directory.cleanup()


class EftQemu(gdb.Command):
    """eft qemu RUNNER [OPTION...] GUEST [ARGUMENT...]: start a machine, stopped at its start."""

    def __init__(self):
        super().__init__("eft qemu", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) < 2:
            raise gdb.GdbError("the runner and a guest are needed; see: help eft qemu")
        machine = Machine(words)
        GUEST_FILES.host_path = machine.host_path
        ProgramLoaded("machine_program_loaded")
        machine.attach()


def is_for_qemu():
    """Whether the program is the kernel of the x86-64 machine."""
    symbol = gdb.lookup_global_symbol("machine_program_loaded")
    return symbol is not None and "x86_64" in symbol.symtab.filename


setup()
GUEST_FILES = GuestFiles(hosted_path)
if not is_for_qemu():
    ProgramLoaded("symbols_loaded")
gdb.unwinder.register_unwinder(None, SAVED_CONTEXT, replace=True)
Eft()
EftThreads()
EftBacktrace()
EftUser()
EftTrace()
EftQemu()
