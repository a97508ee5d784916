#!/usr/bin/env python3
"""The sim on a terminal: keys become signals, lines can be edited, modes are always given back.

Each test has a pseudo terminal of its own.  Scenarios of typing run natively and inside, and what
came out on the terminal must be the same.
"""
import os
import pty
import re
import signal
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from common import SIM, guest
from terminal import Terminal

BUSYBOX = "/usr/bin/busybox"
INSIDE = [SIM, "--root", "/", BUSYBOX]
SLOW_SECONDS = 10    # an end that waits for something


def ends(terminal, status, problems):
    """Waits for the end; adds what is wrong with it."""
    began = time.monotonic()
    reached = terminal.wait()
    if reached != status:
        problems.append(f"status {reached}, not {status}")
    if time.monotonic() - began > SLOW_SECONDS:
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
    terminal.await_taken()
    terminal.type(b"x")
    if not terminal.read_until(rb"<120>"):
        problems.append("keys do not arrive after it went on")
    if terminal.modes()[3] & termios.ICANON:
        problems.append("went on, and the terminal is not raw")
    terminal.type(b"q")
    suite.check("stop_and_continue_on_a_terminal", ends(terminal, 0, problems))
    terminal.close()


def check_suspend(suite):
    """Ctrl-Z at a guest that does not heed it stops the sim as it would stop the program."""
    terminal = Terminal([*INSIDE, "cat"])
    terminal.type(b"one\n")
    problems = [] if terminal.read_until(rb"one\r\n.*one\r\n") else ["cat does not answer"]
    terminal.type(b"\x1a")
    if terminal.wait(os.WUNTRACED) != "stopped":
        problems.append("did not stop")
    if not terminal.is_sane():
        problems.append("stopped, and the terminal is still raw")
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.await_taken()
    terminal.type(b"two\n\x04")
    if not terminal.read_until(rb"two\r\n.*two\r\n"):
        problems.append("does not go on")
    suite.check("key_suspend_stops_the_sim", ends(terminal, 0, problems))
    terminal.close()


def check_background(suite):
    """A shell of the host starts the sim in the background, and brings it to the foreground."""
    if not os.path.exists("/bin/bash"):
        suite.skip("from_background_to_foreground", "no /bin/bash")
        return
    shell = Terminal(["/bin/bash", "--norc", "--noprofile", "-i"], environment={"PS1": "ready> "})
    problems = []
    for keys, pattern in (
            (b"", rb"ready> "),
            (f"{' '.join(INSIDE)} cat && echo ended well & echo begun\n".encode(), rb"\nbegun"),
            (b"sleep 0.5; echo now\n", rb"\nnow"), (b"fg\n", rb"cat && echo ended well\r\n"),
            (b"one\n", rb"one\r\n.*one\r\n"), (b"erXX\x7f\x7fased\n", rb"\nerased\r\n"),
            (b"\x04", rb"\nended well")):
        if not problems:
            shell.type(keys)
            if not shell.read_until(pattern):
                problems = [f"no answer to {keys}: {shell.seen[-200:]}"]
    suite.check("from_background_to_foreground", problems)
    shell.close()


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
    if steps and command[0] == SIM:
        terminal.await_taken()    # what is typed before would be echoed by the terminal itself
    time.sleep(0.1)
    for keys, pattern in steps:
        terminal.type(keys)
        if pattern != rb"\Z.":
            terminal.read_until(pattern)
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
    for check in (check_keys, check_signals, check_stop, check_suspend, check_background,
                  check_scenarios, check_hangup):
        check(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
