#!/usr/bin/env python3
"""Interactive sessions: shells with job control, editors and pagers, on a terminal.

Each session is typed twice, at a shell of the host and at the same shell inside the kernel, and
what appeared must be the same but for process ids and the terminal's name.  Every line is typed
when the answer to the one before has appeared.  Programs that draw screens run in tmux.
"""
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from common import SIM
from terminal import Terminal

BUSYBOX = "/usr/bin/busybox"
PROMPT = "ready> "
READY = rb"ready> (\x1b\[6n)?\Z"    # busybox asks where the cursor is
INTERRUPT, END, SUSPEND, UP, LEFT = b"\x03", b"\x04", b"\x1a", b"\x1b[A", b"\x1b[D"
SECONDS = 60
BOOT_SECONDS = 60
KEY_SECONDS = 4

# What is typed, and what must have appeared before the next; None: the prompt.
JOBS = [
    (b"echo hello\n", None),
    (b"sleep 97\n", rb"sleep 97\r\n"), (SUSPEND, None),
    (b"jobs\n", None),
    (b"bg\n", None), (b"jobs\n", None),
    (b"fg\n", rb"sleep 97\r\n"), (INTERRUPT, None),
    (b"echo $?\n", None),
    (b"cat\n", rb"cat\r\n"), (b"line\n", rb"line\r\nline\r\n"), (END, None),
    (b"cat > /dev/null & sleep 0.3\n", None), (b"jobs\n", None),
    (b"kill -9 %1; sleep 0.2\n", None), (b"jobs\n", None),
    (b"sleep 98 &\n", None), (b"sleep 99 | cat & sleep 0.2\n", None), (b"jobs\n", None),
    (b"kill %1 %2; sleep 0.2\n", None), (b"echo done\n", None),
    (b"stty tostop; (sleep 0.1; echo quiet) & sleep 0.4\n", None), (b"jobs\n", None),
    (b"fg\n", rb"quiet\r\n"), (b"", None), (b"stty -tostop\n", None),
    (b"trap 'echo interrupted' INT; echo set\n", None), (b"sleep 97\n", rb"sleep 97\r\n"),
    (INTERRUPT, None), (b"trap - INT\n", None),
    (b"(exit 3); echo $?\n", None),
    (b"read line\n", rb"read line\r\n"), (b"some input\n", None), (b"echo \"$line\"\n", None),
    (b"sh -c 'kill -STOP $$; echo went on'\n", None), (b"fg\n", rb"went on\r\n"), (b"", None),
]
EDITING = [
    (b"echo one two\n", None), (UP + b"\n", None),
    (b"echo oXne" + LEFT * 2 + b"\x7f\n", None),
    (b"wrong\x15echo right\n", None), (b"echo one two\x17three\n", None),
    (b"unfinished", rb"unfinished"), (INTERRUPT, None), (b"echo $?\n", None),
    (b"stty -echo\n", None), (b"echo unseen\n", rb"unseen\r\n"), (b"stty echo\n", None),
    (b"stty size; tty > /dev/null && echo terminal\n", None),
]
BACKGROUND = [
    (b"sleep 91 & sleep 92 & sleep 93 & sleep 0.2\n", None),
    (b"ps -o comm,args | grep '^sleep *sleep 9[123]'\n", None),
    (b"ls / > /dev/null && echo listed\n", None),
    (b"jobs\n", None), (b"kill %2; sleep 0.2\n", None), (b"jobs\n", None),
    (b"kill %1 %3; sleep 0.2\n", None), (b"jobs\n", None),
    (b"ps -o comm,args | grep -c '^sleep *sleep 9[123]'\n", None),
    (b"sleep 0.2 & wait $!; echo $?\n", None), (b"jobs\n", None),
]

SHELLS = {
    "bash": ["/bin/bash", "--norc", "--noprofile", "-i"],
    "dash": ["/bin/dash", "-i"],
    "busybox": [BUSYBOX, "sh", "-i"],
}
SESSIONS = [("bash", "jobs", JOBS), ("bash", "editing", EDITING), ("dash", "jobs", JOBS),
            ("busybox", "jobs", JOBS), ("busybox", "editing", EDITING),
            ("busybox", "background", BACKGROUND)]
QEMU = os.path.join(common.BUILD, "eft-qemu")
ON_QEMU = [("bash", "jobs"), ("busybox", "background")]


def play(command, steps, cwd):
    """Types the steps; what appeared, the status, and as error output what went wrong."""
    history = os.path.join(cwd, "no_history")
    terminal = Terminal(command, kind="vt100",
                        environment={"PS1": PROMPT, "HISTFILE": history, "PWD": "/"})
    problems = [] if terminal.read_until(READY, seconds=BOOT_SECONDS) else ["no prompt"]
    before = None
    for keys, pattern in steps + [(b"exit\n", rb"exit\r\n")]:
        if before:
            time.sleep(0.1)    # the program that is to read it begins
        before = pattern
        if problems or not answers(terminal, keys, pattern or READY):
            problems.append(f"no answer to {keys}")
            break
    status = None if problems else terminal.wait()
    if status is None and not problems:
        problems.append("the shell does not end")
    seen = clean(terminal.seen)
    terminal.close()
    return common.Result(seen.encode(), "\n".join(problems).encode(), status)


def answers(terminal, keys, pattern):
    """Types and waits.  A key that means a signal finds nobody while the shell has not yet given
    the terminal to its job; then it is typed again."""
    start = len(terminal.seen) if keys else 0
    if keys not in (INTERRUPT, SUSPEND):
        terminal.type(keys)
        return terminal.read_until(pattern, start=start)
    for _ in range(5):
        terminal.type(keys)
        if terminal.read_until(pattern, seconds=KEY_SECONDS, start=start):
            return True
    return False


def clean(seen):
    text = seen.decode(errors="replace").replace("\r", "")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    text = re.sub(r"(\^[CZ])+", r"\1", text)
    text = re.sub(r"^(\[\d+\])[-+]", r"\1 ", text, flags=re.MULTILINE)    # the current job
    text = re.sub(r"^(\[\d+\]) \d+$", r"\1 PID", text, flags=re.MULTILINE)
    text = re.sub(r"^(\[\d+\][-+ ]*) \d+ ", r"\1 PID ", text, flags=re.MULTILINE)
    return re.sub(r"^( +) \d+ ", r"\1 PID ", text, flags=re.MULTILINE)


def machines_for(shell, name):
    """Names of the test, and what runs a command inside."""
    session = f"session_{shell}_{name}"
    found = [(f"{session}_on_{cpus}_cpus", [SIM, f"--cpus={cpus}"]) for cpus in (1, 4)]
    if (shell, name) in ON_QEMU and os.path.exists(QEMU):
        found.append((f"qemu_4_{session}", [QEMU, "--cpus=4"]))
    return found


def check_sessions(suite, directory):
    for shell, name, steps in SESSIONS:
        command = SHELLS[shell]
        machines = [each for each in machines_for(shell, name) if suite.wants(each[0])]
        if not os.path.exists(command[0]):
            for test, _ in machines:
                suite.skip(test, f"no {command[0]}")
            continue
        if not machines:
            continue
        native = common.Oracle(functools.partial(play, command, steps, directory))
        for test, inside in machines:
            found = play([*inside, "--root", "/", *command], steps, directory)
            suite.compare(test, native, found, found.errors.splitlines())


# ---- Programs that make terminals ---------------------------------------------------------------

PROGRAMS = [
    ("script", ["/usr/bin/script", "-qec", "stty size; stty -a | tail -n 3; exit 3", "/dev/null"]),
    ("python_spawn", ["/usr/bin/python3", "-c", "import pty, sys; sys.exit(pty.spawn(["
                      "'/bin/sh', '-c', 'test -t 0 && test -c $(tty) && echo on a terminal']))"]),
    ("python_fork", ["/usr/bin/python3", "-c", """
import os, pty
child, master = pty.fork()
if child == 0:
    print(os.ttyname(0) == os.ttyname(1), os.tcgetpgrp(0) == os.getpid() == os.getsid(0))
    print(input('what? ')[::-1])
    os._exit(0)
seen = b''
while b'what? ' not in seen:
    seen += os.read(master, 100)
os.write(master, b'abc\\x7fd\\n')
try:
    while data := os.read(master, 100):
        seen += data
except OSError as error:
    print(error.errno)
print(seen, os.waitpid(child, 0)[1])
"""]),
    ("setsid_ctty", ["/usr/bin/script", "-qec", "setsid -w cat /dev/tty; echo $?", "/dev/null"]),
]


def check_programs(suite, directory):
    for name, command in PROGRAMS:
        if not suite.wants("terminal_by_" + name):
            continue
        if not os.path.exists(command[0]):
            suite.skip("terminal_by_" + name, f"no {command[0]}")
            continue
        native = common.Oracle(functools.partial(common.execute, command, directory))
        hosted = common.execute([SIM, "--cpus=4", "--root", "/", *command], directory)
        suite.compare("terminal_by_" + name, native, hosted)


# ---- In tmux ----------------------------------------------------------------------------------

class Screen:
    """A shell inside the kernel in a window of tmux."""

    def __init__(self, directory, name):
        self.base = ["tmux", "-S", os.path.join(directory, name), "-f", "/dev/null"]
        self.run("new-session", "-d", "-x", "80", "-y", "24",
                 f"PS1='{PROMPT}' {SIM} --root / /bin/bash --norc --noprofile;"
                 "echo ended with $?; cat")

    def run(self, *words):
        return subprocess.run([*self.base, *words], env=common.ENVIRONMENT, check=False,
                              text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT).stdout

    def type(self, *keys):
        self.run("send-keys", *keys)

    def shows(self, pattern):
        """Waits until the screen matches."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if re.search(pattern, self.run("capture-pane", "-p"), re.MULTILINE):
                return True
            time.sleep(0.05)
        return False

    def close(self):
        self.run("kill-server")


def converse(screen, steps):
    """Keys, then what the screen must show; the problems."""
    for keys, pattern in steps:
        screen.type(*keys)
        if not screen.shows(pattern):
            return [f"after {keys} the screen never shows {pattern}",
                    *screen.run("capture-pane", "-p").rstrip().splitlines()]
    return []


VI = [
    (["cd /tmp; echo begun", "Enter"], r"^begun$"),
    (["vi written", "Enter"], r"^~$"),
    (["ifirst line", "Enter", "second", "Escape"], r"^second$"),
    (["yyp"], r"^second\nsecond$"),
    (["1Gdw"], r"^line$"),
    (["u"], r"^first line$"),
    ([":wq", "Enter"], r"ready>$"),
    (["clear; cat written; echo; wc -l < written", "Enter"],
     r"^first line\nsecond\nsecond\n\n3$"),
    (["vi written", "Enter"], r"^~$"),
    (["C-z"], r"Stopped +vi written"),
    (["fg", "Enter"], r"^~$"),
    ([":q!", "Enter"], r"ready>$"),
]
LESS = [
    (["seq 1000 | less", "Enter"], r"^1\n2\n(.*\n)*:$"),
    (["G"], r"^1000\n"),
    (["/", "500", "Enter"], r"pattern not found|Pattern not found"),
    (["Enter", "g", "/", "500", "Enter"], r"\A500$"),
    (["q"], r"ready>$"),
]
RESIZE = [
    (["stty size", "Enter"], r"^24 80$"),
    (["trap 'echo changed; stty size' WINCH; echo trap", "Enter"], r"^trap$"),
]
KEYS = [
    (["sleep 96", "Enter"], r"^ready> sleep 96$"), (["C-z"], r"Stopped +sleep 96"),
    (["fg", "Enter"], r"^sleep 96$"), (["C-c"], r"\^C\nready>$"),
    (["python3 -q", "Enter"], r"^>>>$"), (["6 * 7", "Enter"], r"^42\n>>>$"),
    (["C-d"], r"ready>$"),
    (["echo first", "Enter"], r"^first$"), (["clear", "Enter"], r"\Aready>$"),
    (["Up", "Up", "Enter"], r"^first$"),
]
# It shows processes, their tree, what they have open, and ends one of them.
HTOP = [
    (["sleep 97 &", "Enter"], r"^\[1\] \d+$"),
    (["htop", "Enter"], r"Tasks: 3,(.*\n)+.* S +0\.0 .* sleep 97$"),
    (["F5"], r"└─ htop$|`- htop$"),
    (["F3", "sleep", "Enter"], r"sleep 97$"),
    (["e"], r"PROMPT_COMMAND|PS1=|PWD="), (["Escape"], r"Tasks: 3"),
    (["F9"], r"^ 9 SIGKILL"), (["9", "Enter"], r"Tasks: 2,"),
    (["q"], r"ready>( \S*)?$"),
    (["", "Enter"], r"Killed +sleep 97"),
]
# A terminal emulator inside: two windows, one of them with two panes, which close one by one.
TMUX = [
    (["PS1='inner> ' TERM=screen tmux -f /dev/null new-session bash --norc --noprofile", "Enter"],
     r"\Ainner>(.*\n)+\[0\] 0:bash\*"),
    (["echo in$((1 + 1))", "Enter"], r"^in2$"),
    (["C-b", ":"], r"^:\n*\Z"), (["new-window bash --norc --noprofile", "Enter"],
     r"\Ainner>(.*\n)+\[0\] 0:bash- 1:bash\*"),
    (["C-b", ":"], r"^:\n*\Z"), (["split-window bash --norc --noprofile", "Enter"],
     r"\Ainner>(.*\n)+─+\ninner>"),
    (["stty size", "Enter"], r"^11 80$"),
    (["exit", "Enter"], r"\Ainner>\n\n+\[0\] 0:bash- 1:bash\*"),
    (["exit", "Enter"], r"^in2\n(.*\n)+\[0\] 0:bash\*"),
    (["exit", "Enter"], r"^\[exited\]\nready>"),
]


def check_screens(suite, directory):
    """What draws the whole screen, keys and sizes, in a real terminal emulator."""
    tests = {"screen_vi": (VI, "vi"), "screen_less": (LESS, "less"),
             "screen_keys": (KEYS, "python3"), "screen_resize": (RESIZE, "stty"),
             "screen_htop": (HTOP, "htop"), "screen_tmux": (TMUX, "tmux")}
    for name, (steps, program) in tests.items():
        if not suite.wants(name):
            continue
        missing = [each for each in ("tmux", program) if not shutil.which(each)]
        if missing:
            suite.skip(name, f"no {missing[0]} here")
            continue
        screen = Screen(directory, name)
        problems = [] if screen.shows(r"^ready>$") else ["no prompt"]
        problems += converse(screen, steps)
        if name == "screen_resize" and not problems:
            screen.run("resize-window", "-x", "70", "-y", "20")
            problems += converse(screen, [([], r"changed\n20 70$"),
                                          (["tput cols", "Enter"], r"^70$")])
        if not problems:
            problems += converse(screen, [(["exit", "Enter"], r"^ended with 0$")])
        screen.close()
        suite.check(name, problems)


def main():
    suite = common.Suite()
    with tempfile.TemporaryDirectory() as directory:
        check_sessions(suite, directory)
        check_programs(suite, directory)
        check_screens(suite, directory)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
