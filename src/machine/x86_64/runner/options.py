"""The command line of the runner."""
import os
import re
import shlex
import sys

NAME = "eft-qemu"
VERSION = "0.1.0"
MEMORY_DEFAULT = 1 << 30
MEMORY_MINIMUM = 64 << 20
MEMORY_MAXIMUM = 1 << 40
CPUS_MAXIMUM = 64
GDB_PORT = "1234"
LEVELS = ("error", "warning", "notice", "info", "debug")
POLICIES = ("fair", "rr", "fifo")

ID_MAX = (1 << 32) - 2
SHELL_DEFAULT = "/bin/sh"
LINKS_MAX = 40

HELP = """ [OPTION...] GUEST [ARGUMENT...]
       eft-qemu [OPTION...] --root=DIR [PROGRAM [ARGUMENT...]]
Runs an x86-64 Linux program inside the Eft kernel, on a machine of QEMU.

  --root=DIR          show the host's DIR as /; PROGRAM is a path below it, or a name that is
                      looked for in PATH; without it $SHELL runs, or /bin/sh.  What is
                      changed there stays in memory, the host's files are as before.
                      Without it the guest finds only itself, /dev, /proc and /tmp
  --cwd=DIR           directory to start in (with --root: where you are now, if below DIR)
  --env=NAME=VALUE    set a variable of the guest's environment; --env=NAME removes it.
                      The rest is this process's environment
  --user=UID[:GID]    who the guest is, by numbers (default: you; GID is UID)
  --hostname=NAME     what it finds the machine called (default: as the host is)
  --cpus=N            processors, 1 to 64 (default 1)
  --memory=SIZE       physical memory, for example 256M or 4G (default 1G)
  --sched=POLICY      how ordinary threads share a processor: fair (by nice values), rr (each a
                      slice in turn), fifo (until it waits); default: fair, and rr for programs of
                      the teaching ABI
  --seed=N            count instructions instead of time: one seed repeats one run
  --trace[=FILTER]    print system calls like strace; FILTER names calls or groups:
                      file, memory, process, signal, time, ..., !name to leave out
  --trace-file=FILE   print them to FILE instead of stderr; without --trace all of them
  --time-limit=SECONDS  stop after so much of your time, with exit status 122
  --hang-after=SECONDS  nothing ran for so long: say who waits for what (as Ctrl-\\ does)
  --report-file=FILE  reports (deadlock, hang, time limit, ...) as JSON, one a line
  --graph=FILE        who waits for whom, as DOT
  --timeline=FILE     what every processor and thread did when: a page if FILE ends in .html, a
                      picture if in .svg, else a trace for Perfetto or chrome://tracing
  --stats             at the end: times and waits of each thread and semaphore; who starves
  --accel=NAME        what QEMU executes with: tcg (default) or kvm
  --link=NAME         how kernel and runner talk: virtio (default) or com2, which is slow
  --kernel=NAME=VALUE an option for the kernel itself (docs/bare-metal.md lists them)
  --qemu=WORDS        more words for QEMU's command line, for example "-cpu Haswell"
  --image=FILE        write a disk image that GRUB boots, and run nothing
  --gdb[=WHERE]       wait for gdb before the first instruction: at a port of this host (default
                      1234), or at a socket if WHERE has a / in it; `make qemu-gdb` does all of it
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


class Options:
    """What the command line says."""

    WITH_VALUE = {"root", "cwd", "env", "cpus", "memory", "seed", "trace-file", "time-limit",
                  "hang-after", "report-file", "graph", "timeline", "accel", "link", "log-level",
                  "kernel", "image", "sched", "qemu", "user", "hostname"}
    HOSTED_ONLY = {"root-rw", "bind", "save-changes"}
    WITHOUT_VALUE = {"stats", "verbose", "version", "help"}
    LETTERS = {"v": "verbose", "V": "version", "h": "help"}

    def __init__(self, words):
        self.root = self.directory = self.trace_file = None
        self.report_file = self.graph = self.time_limit = self.seed = None
        self.cpus, self.memory, self.accel, self.gdb = 1, MEMORY_DEFAULT, "tcg", None
        self.link, self.image, self.timeline = "virtio", None, None
        self.host_name = os.uname().nodename
        self.environment = initial_environment()
        self.kernel, self.qemu = [], []
        rest = list(words)
        while rest and rest[0].startswith("-") and rest[0] != "-":
            word = rest.pop(0)
            if word == "--":
                break
            self.parse(word, rest)
        if self.root and not os.path.isdir(self.root):
            raise Refused(f"--root={self.root} is not a directory")
        if not rest and not self.root:
            raise Refused(f"no guest program given; try: {NAME} --help")
        if self.trace_file and not any(word.startswith("trace=") for word in self.kernel):
            self.kernel.append("trace=")
        self.arguments = rest or [self.choose_shell()]
        if self.root and rest and "/" not in rest[0]:
            self.search(rest[0])
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
        elif name == "gdb":
            self.take_gdb(value if equals else GDB_PORT)
        elif name in self.HOSTED_ONLY:
            raise Refused(f"--{name} is an option of the hosted machine only (sim)")
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

    def choose_shell(self):
        shell = self.environment.get("SHELL", "")
        if shell.startswith("/") and is_program(self.root, shell):
            return shell
        if not is_program(self.root, SHELL_DEFAULT):
            raise Refused(f"there is no shell ({SHELL_DEFAULT}) below the root; name a program")
        return SHELL_DEFAULT

    def search(self, name):
        """The first program of this name in the directories of PATH, for the kernel."""
        for directory in self.environment.get("PATH", "").split(":"):
            path = os.path.join(directory, name)
            if directory and is_program(self.root, path):
                self.kernel.append("program=" + path)
                return

    def take_user(self, value):
        match = re.fullmatch("([0-9]+)(?::([0-9]+))?", value, re.ASCII)
        ids = [int(text) for text in match.groups(match[1])] if match else [ID_MAX + 1]
        if max(ids) > ID_MAX:
            raise Refused(f"--user={value} is not UID or UID:GID, two numbers from 0 to {ID_MAX}")
        self.kernel += [f"user={ids[0]}", f"group={ids[1]}"]

    def take_hostname(self, value):
        if not re.fullmatch("[a-zA-Z0-9][a-zA-Z0-9.-]{0,63}", value, re.ASCII):
            raise Refused(f"--hostname={value} is not a name of 1 to 64 letters, digits, dots and "
                          "hyphens")
        self.host_name = value

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
        if count is None:
            raise Refused(f"--memory={value} is not a size; write for example 256M or 4G")
        if count > MEMORY_MAXIMUM >> shift:
            raise Refused(f"--memory={value} is too much; the maximum is {MEMORY_MAXIMUM >> 30}G")
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
        self.time_limit = seconds("time-limit", value)

    def take_hang_after(self, value):
        self.kernel.append(f"hang-after={int(seconds('hang-after', value) * 1e9)}")

    def take_report_file(self, value):
        self.report_file = value

    def take_graph(self, value):
        self.graph = value
        self.kernel.append("graph=")

    def take_timeline(self, value):
        self.timeline = value
        self.kernel.append("timeline=")

    def take_accel(self, value):
        if value not in ("tcg", "kvm"):
            raise Refused(f"--accel={value} is neither tcg nor kvm")
        if value == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
            raise Refused("--accel=kvm needs /dev/kvm, which is not there or not for you")
        self.accel = value

    def take_link(self, value):
        if value not in ("virtio", "com2"):
            raise Refused(f"--link={value} is neither virtio nor com2")
        self.link = value

    def take_image(self, value):
        self.image = value

    def take_kernel(self, value):
        self.kernel.append(value)

    def take_sched(self, value):
        if value not in POLICIES:
            raise Refused(f"--sched={value} is not one of {', '.join(POLICIES)}")
        self.kernel.append("sched=" + value)

    def take_qemu(self, value):
        try:
            self.qemu += shlex.split(value)
        except ValueError as error:
            raise Refused(f"--qemu={value}: {error}") from None

    def take_log_level(self, value):
        if value not in LEVELS:
            raise Refused(f"--log-level={value} is not one of {', '.join(LEVELS)}")
        self.kernel.append("log-level=" + value)

    def take_verbose(self, _):
        self.kernel.append("log-level=info")

    def take_stats(self, _):
        self.kernel.append("stats=")

    def take_gdb(self, value):
        if "/" not in value and not 0 < (number(value) or 0) < 1 << 16:
            raise Refused(f"--gdb={value} is neither a port nor a path with a /")
        self.gdb = value

    def take_version(self, _):
        print(f"{NAME} (Eft) {VERSION}")
        sys.exit(0)

    def take_help(self, _):
        print("Usage: " + NAME + HELP, end="")
        sys.exit(0)


def is_program(root, path):
    """Is that a program below the root?  Links lead nowhere out of it."""
    parts, at, links = path.split("/")[::-1], [], 0
    while parts:
        part = parts.pop()
        if part == "..":
            at = at[:-1]
        if part in ("", ".", ".."):
            continue
        place = os.path.join(root, *at, part)
        if not os.path.islink(place):
            at.append(part)
            continue
        target = os.readlink(place)
        links += 1
        if links > LINKS_MAX:
            return False
        at = [] if target.startswith("/") else at
        parts += target.split("/")[::-1]
    place = os.path.join(root, *at)
    return os.path.isfile(place) and os.stat(place).st_mode & 0o111 != 0


def number(text):
    return int(text) if text.isascii() and text.isdigit() else None


def seconds(option, text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:
        raise Refused(f"--{option}={text} is not a number of seconds")
    return value


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
