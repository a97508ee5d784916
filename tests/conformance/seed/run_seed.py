#!/usr/bin/env python3
"""Runs that repeat: the same seed gives the same trace and output, whatever the host does.

EFT_SEEDS is the number of seeds of the large comparison (3 by default).
"""
import filecmp
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
import common  # noqa: E402
import recording  # noqa: E402

SEEDS = 2 * int(os.environ.get("EFT_SEEDS", "0")) or 3
CPUS = (1, 2, 8)
STATUS_DEADLOCK = 121
STATUS_TIME_LIMIT = 122
STATUS_DIVERGED = 123
EVENT_SWITCH = 1    # debug/events.def
INTERACTIVE_WAIT = 0.3
LIMIT_SECONDS = 600    # long runs on a busy host

# name, arguments, input
PROGRAMS = [
    ("hello", [], ""), ("probe_musl", [], ""), ("fact", [], "5000\n"), ("fork", [], ""),
    ("brk", [], ""), ("fish", [], ""), ("counter", [], "both\n"), ("mq", [], "4\n"),
    ("mutex", [], "both\n"), ("dinner", [], "2\n"), ("sh", [], "help\nps\nexit\n"),
    ("blocks/counter", [], "none\n"), ("blocks/mutex", [], "spin\n"), ("blocks/mq", [], "8\n"),
    ("blocks/fork", [], ""), ("blocks/dinner", [], "5\n"),
]
LOOPS = ("until_plain", "until_exchange", "until_called", "until_nested", "until_vector",
         "until_assembly", "until_used", "counts")
ATTACKS = (["none"], ["huge"], ["negative"], ["zero"], ["unmap"], ["protect"], ["over"],
           ["shared"], ["over", "huge", "zero"], ["shared", "negative", "unmap"])


def report(name, problems):
    if problems:
        print(f"not ok {name}: {problems[0]}")
        for line in problems[1:common.LINES_SHOWN]:
            print(f"  {line}")
    else:
        print(f"ok {name}")


class Load:
    """Keeps the host busy while it is open."""

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", "while True: pass"])

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def run(options, command, text="", **more):
    """Runs the sim; returns (status, output, errors)."""
    done = subprocess.run([common.SIM, *options, *command], input=text.encode(),
                          capture_output=True, timeout=LIMIT_SECONDS, check=False, **more)
    return common.shell_status(done.returncode), done.stdout, done.stderr.decode(errors="replace")


def run_on_terminal(command, text, environment):
    """Output goes to a terminal with a size of its own, input is a pipe; returns its output."""
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=slave, stderr=slave,
                               env=environment, start_new_session=True)
    os.close(slave)
    output = []

    def collect():
        try:
            while part := os.read(master, 65536):
                output.append(part)
        except OSError:
            pass

    reader = threading.Thread(target=collect)
    reader.start()
    process.communicate(text.encode(), timeout=LIMIT_SECONDS)
    reader.join()
    os.close(master)
    return common.shell_status(process.returncode), b"".join(output).replace(b"\r\n", b"\n")


class Slow:
    """Reads output as slowly as a person."""

    def run(self, command, text):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        feeder = threading.Thread(target=self.feed, args=(process, text))
        feeder.start()
        output = b""
        time.sleep(0.05)
        while part := process.stdout.read1(512):
            output += part
            if len(output) < 8192:
                time.sleep(0.002)
        feeder.join()
        return common.shell_status(process.wait()), output

    def feed(self, process, text):
        try:
            for byte in text.encode():
                process.stdin.write(bytes([byte]))
                process.stdin.flush()
                time.sleep(0.005)
            process.stdin.close()
        except BrokenPipeError:
            pass


def traced(options, directory, name):
    return [*options, "--trace", "--trace-file", os.path.join(directory, name)]


def compare_traces(directory, first, second):
    first, second = os.path.join(directory, first), os.path.join(directory, second)
    if os.path.getsize(first) == 0:
        return ["the trace is empty"]
    if filecmp.cmp(first, second, shallow=False):
        return []
    with open(first) as a, open(second) as b:
        for number, (one, other) in enumerate(zip(a, b), 1):
            if one != other:
                return [f"traces differ in line {number}", one.rstrip(), other.rstrip()]
    return ["one trace is longer"]


def same_in_all_circumstances(directory, name, seed, cpus):
    """Runs once in peace, and once in a way that depends on the seed; returns what differs."""
    program, arguments, text = name
    command = [common.guest(program), *arguments]
    options = ["--seed", str(seed), "--cpus", str(cpus)]
    peace = run(traced(options, directory, "a"), command, text)
    again = [common.SIM, *traced(options, directory, "b"), *command]
    way = (seed + cpus + len(program)) % 5
    if way == 0:
        again = ["setarch", "-R", *again]
    if way == 1:
        status, output = run_on_terminal(again, text, {"TERM": "vt52", "SEED_TEST": "x" * 99})
    elif way == 2:
        status, output = Slow().run(again, text)
    elif way == 3:
        with Load():
            status, output, _ = run(again[1:], [], text)
    else:
        done = subprocess.run(again, input=text.encode(), capture_output=True, check=False,
                              cwd=directory, timeout=LIMIT_SECONDS)
        status, output = common.shell_status(done.returncode), done.stdout
    problems = compare_traces(directory, "a", "b")
    if way == 1:    # a terminal shows messages of the kernel, too
        output = peace[1] if peace[1] in output or peace[2] else output
    if not problems and (status, output) != peace[:2]:
        problems = [f"status {peace[0]} and {status}, {len(peace[1])} and {len(output)} bytes"]
    if problems and peace[2]:
        problems += peace[2].splitlines()[:3]
    if peace[0] in (common.STATUS_PANIC, common.STATUS_REFUSED):
        problems.append(f"status {peace[0]}: {peace[2]}")
    return [f"--seed {seed} --cpus {cpus}: {problem}" for problem in problems]


def test_same_seed(directory):
    for program in PROGRAMS:
        for cpus in CPUS:
            problems = []
            for seed in range(1, SEEDS + 1):
                problems += same_in_all_circumstances(directory, program, seed, cpus)
            report(f"seed_{program[0]}_{cpus}_cpus", problems)


def test_seeds_differ(guests):
    results = {run(["--seed", str(seed)], [common.guest("blocks/counter"), "none"])[1]
               for seed in range(1, 9)}
    report("seed_different_seeds_differ", [] if len(results) > 2 else ["all the same"])
    chance = {run(["--seed", str(seed)], [guests["clocks"]])[1] for seed in range(1, 4)}
    report("seed_random_bytes_differ", [] if len(chance) == 3 else ["the same bytes"])
    status, _, errors = run(["--seed", "random"], [common.guest("hello")])
    words = errors.split()
    good = status == 0 and words[:2] == ["sim:", "seed"] and words[2].isdigit()
    report("seed_random_prints_it", [] if good else [errors])


def test_preemption_is_exact():
    """Lost updates are the same number each time, and only where blocks count."""
    command = [common.guest("blocks/counter"), "none"]
    outputs = [run(["--seed", "4"], command)[1] for _ in range(5)]
    problems = [] if len(set(outputs)) == 1 and b"800" not in outputs[0] else [str(outputs)]
    report("blocks_same_lost_updates", problems)
    output = run(["--seed", "4", "--preempt=traps"], command)[1]
    report("traps_lose_nothing_between_calls", [] if b" 800" in output else [output.decode()])
    status, _, errors = run(["--seed", "4", "--preempt=blocks"], [common.guest("hello")])
    good = status == common.STATUS_REFUSED and "eft-cc" in errors
    report("blocks_need_a_program_that_counts", [] if good else [errors])


def test_circumstances(guests, directory):
    """Nothing of the host is to be seen, and what is to be seen is the same."""
    first = run(["--seed", "5"], [guests["clocks"]])
    second = run(["--seed", "5"], [guests["clocks"]], cwd=directory,
                 env={"EVERYTHING": "else", "TZ": "Asia/Tokyo"})
    problems = [] if first == second else [first[1].decode(), second[1].decode()]
    if b"slept 100." not in first[1] or b"eft 1000 1000" not in first[1]:
        problems.append(first[1].decode())
    report("seed_hides_the_host", problems)
    given = run(["--seed", "5", "--env", "EVERYTHING=else"], [guests["clocks"]])[1]
    report("seed_environment_is_what_was_given",
           [] if b"\nEVERYTHING=else\n" in given else [given.decode()])


def test_spins(guests, directory):
    for loop in LOOPS:
        problems = []
        for seed in (1, 2):
            outcome = set()
            for busy in range(2):
                command = [guests["spins"], loop]
                options = traced(["--seed", str(seed)], directory, f"spin{busy}")
                if busy:
                    with Load():
                        outcome.add(run(options, command))
                else:
                    outcome.add(run(options, command))
            problems += compare_traces(directory, "spin0", "spin1")
            status, output, _ = next(iter(outcome))
            if len(outcome) > 1 or status != 0 or b" ended after" not in output:
                problems.append(str(outcome))
        report(f"spin_{loop}", problems)
    status, _, errors = run(["--seed", "1"], [guests["spins"], "forever"])
    good = status == STATUS_DEADLOCK and "goes round in a loop" in errors
    report("spin_forever_is_a_hang", [] if good else [f"status {status}", errors])
    for program in ("spins", "spins_blocks"):
        output = run([], [guests[program], "until_assembly"])[1]
        report(f"{program}_in_real_time", [] if b"ended after 1 s" in output else [output.decode()])
    status, output, errors = run(["--seed", "1", "--verify"],
                                 [guests["spins_blocks"], "until_assembly"])
    good = status == 0 and b"ended after 1 s" in output and "identical" in errors
    report("spin_that_does_not_count", [] if good else [f"status {status}", errors])


def not_ended(options, program, said, unsaid=None):
    """What is wrong with how the time limit ends the endless loop.  A busy host may not have come
    to it within a short one."""
    for limit in ("0.3", "2", "20"):
        status, _, errors = run([*options, "--time-limit", limit], [program, "endless"])
        if status == STATUS_TIME_LIMIT and said in errors and not (unsaid and unsaid in errors):
            return []
    return [f"{options}: status {status}", errors]


def test_endless(guests, directory):
    """A program that computes for ever is ended by the time limit, on whichever CPU it is; the
    report names its function, also where each block calls a counter."""
    place = "at endless (spins.c:"
    for program in ("spins", "spins_blocks"):
        problems = []
        for cpus, seed in ((1, 1), (4, 2), (4, 3), (8, 4)):
            options = ["--seed", str(seed), "--cpus", str(cpus)]
            problems += not_ended(options, guests[program], place)
        report(f"endless_{program}", problems)
    report("endless_in_real_time", not_ended([], guests["spins_blocks"], place))
    options = ["--seed", "3", "--record", os.path.join(directory, "endless.rec")]
    stopped = "sim: the time limit stopped a program"
    report("endless_recorded", not_ended(options, guests["spins"], stopped, "key"))


def test_hostile(guests):
    for attack in ATTACKS:
        status, output, errors = run(["--seed", "3", "--verify"], [guests["hostile"], *attack])
        dies = "unmap" in attack or "protect" in attack
        problems = [] if status == (139 if dies else 0) else [f"status {status}"]
        if "verify: 2 runs, hash identical" not in errors:
            problems.append(errors)
        if not dies and f"worked {150000 * len(attack)}".encode() not in output:
            problems.append(output.decode())
        report(f"hostile_{'_'.join(attack)}", problems)
        status, _, errors = run([], [guests["hostile"], *attack])
        report(f"hostile_{'_'.join(attack)}_in_real_time",
               [] if status == (139 if dies else 0) else [f"status {status}", errors])


def test_verify(guests):
    status, output, errors = run(["--seed", "2", "--verify"], [common.guest("fact")], "7\n")
    good = status == 0 and output.count(b" is 5040") == 1 and \
        errors == "verify: 2 runs, hash identical\n"
    report("verify_identical", [] if good else [f"status {status}", errors])
    status, _, errors = run(["--verify", "--seed", "1"], [guests["spins"], "nothing"])
    report("verify_gives_the_guests_status", [] if status == 1 else [f"status {status}", errors])
    with open("/proc/cpuinfo") as flags:
        if " rdrand" not in flags.read():
            print("skip verify_difference: this processor has no random numbers")
            return
    status, _, errors = run(["--verify", "--seed", "1"], [guests["chance"]])
    good = status == STATUS_DIVERGED and "verify: the runs differ at event " in errors and \
        " in the first, " in errors
    report("verify_difference", [] if good else [f"status {status}", errors])


# ---- Recordings -----------------------------------------------------------------------------


def test_record_pipe(directory):
    path = os.path.join(directory, "pipe.rec")
    for program, arguments, text in PROGRAMS:
        for options in ([], ["--seed", "6", "--cpus", "2"]):
            command = [common.guest(program), *arguments]
            first = run([*options, "--record", path], command, text)
            again = run(["--replay", path], [])
            problems = [] if first[:2] == again[:2] else \
                [f"status {first[0]} and {again[0]}", again[2], first[2]]
            report(f"record_{program}{'_seeded' if options else ''}", problems)


def test_recorded_preemption(directory):
    """In real time slices end at any block; the replay ends them at the same."""
    path = os.path.join(directory, "slices.rec")
    problems, slices = [], 0
    for _ in range(5):
        first = run(["--record", path], [common.guest("blocks/counter"), "both"])
        again = run(["--replay", path], [])
        slices += sum(entry[0] == "B" for entry in recording.read(path)[1])
        if first[:2] != again[:2]:
            problems.append(f"{first} {again}")
    if slices == 0:
        problems.append("no slice ended in five runs")
    report("record_slices_to_the_block", problems)


def converse(command, lines):
    """Types lines into a program on a terminal; returns (status, what the terminal showed)."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    shown = b""
    end = time.monotonic() + common.TIMEOUT_SECONDS
    pending = list(lines)
    due = time.monotonic() + INTERACTIVE_WAIT
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            shown += part
        if pending and time.monotonic() > due:
            os.write(terminal, pending.pop(0))
            due = time.monotonic() + INTERACTIVE_WAIT
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return status, shown


def test_record_session(directory):
    path = os.path.join(directory, "session.rec")
    lines = [b"help\r", b"p", b"x\x7fs\r", b"exec /sh.elf\r", b"ps\r", b"exit\r", b"exit\r"]
    for options in ([], ["--seed", "3"]):
        name = "record_session" + ("_seeded" if options else "")
        status, shown = converse([common.SIM, *options, "--record", path, common.guest("sh")],
                                 lines)
        again = run(["--replay", path], [])
        problems = [] if (status, shown) == again[:2] and b"Process Name" in shown else \
            [f"status {status} and {again[0]}", repr(shown[-300:]), repr(again[1][-300:]),
             again[2]]
        report(name, problems)
    status, shown = converse([common.SIM, "--seed", "3", common.guest("sh")], [b"exit\r"])
    report("seed_says_that_a_terminal_does_not_repeat",
           [] if shown.count(b"cannot be repeated") == 1 else [repr(shown)])


def test_recording_format(directory):
    path = os.path.join(directory, "format.rec")
    run(["--record", path, "--seed", "11", "--cpus", "4"], [common.guest("blocks/counter")],
        "none\n")
    header, entries, files = recording.read(path)
    inputs = b"".join(entry[3] for entry in entries if entry[0] == "R")
    count = sum(entry[0] == "E" for entry in entries)
    problems = []
    if (header["seed"], header["cpus"]) != (11, 4) or inputs != b"none\n":
        problems.append(f"{header} {inputs}")
    if entries[-1][1] != count:
        problems.append(f"{count} events, the end says {entries[-1][1]}")
    if [file[0] for file in files] != [os.path.realpath(common.guest("blocks/counter"))]:
        problems.append(str(files))
    report("record_format", problems)
    busy = {entry[2] for entry in entries
            if entry[0] == "E" and entry[1] == EVENT_SWITCH and entry[4][1] != 0}
    report("all_cpus_get_work", [] if busy == {0, 1, 2, 3} else [f"only {sorted(busy)}"])


def test_bad_recordings(directory):
    good, bad = (os.path.join(directory, name) for name in ("good.rec", "bad.rec"))
    guest = os.path.join(directory, "guest.elf")
    shutil.copy(common.guest("hello"), guest)
    run(["--record", good, "--seed", "1"], [guest])
    with open(good, "rb") as file:
        data = file.read()
    pieces = {
        "empty": b"", "foreign": b"#!/bin/sh\n" * 100, "half": data[:len(data) // 2],
        "magic_alone": data[:16], "last_byte_missing": data[:-1],
        "other_version": data.replace(b"RECORDING 2", b"RECORDING 9", 1),
        "bit_flipped": data[:60] + bytes([data[60] ^ 4]) + data[61:],
        "longer": data + b"x",
    }
    for name, contents in pieces.items():
        with open(bad, "wb") as file:
            file.write(contents)
        status, output, errors = run(["--replay", bad], [])
        fine = status == common.STATUS_REFUSED and errors.count("\n") == 1 and not output
        report(f"replay_refuses_{name}", [] if fine else [f"status {status}", errors])
    with open(guest, "ab") as file:
        file.write(b"x")
    status, output, errors = run(["--replay", good], [])
    fine = status == common.STATUS_REFUSED and guest in errors and not output
    report("replay_refuses_changed_program", [] if fine else [f"status {status}", errors])
    status, output, _ = run(["--replay", good], [common.guest("hello")])
    report("replay_of_a_moved_program", [] if status == 0 and output else [f"status {status}"])


def test_divergence(directory):
    busybox = shutil.which("busybox")
    if not busybox:
        print("skip replay_divergence: no busybox")
        return
    path = os.path.join(directory, "root.rec")
    shown = os.path.join(directory, "shown")
    os.mkdir(shown)
    for name in ("one", "two"):
        with open(os.path.join(shown, name), "w") as file:
            file.write(name)
    command = [busybox, "cat", os.path.join(shown, "one")]
    first = run(["--record", path, "--seed", "1", "--root", "/"], command)
    again = run(["--replay", path], [])
    report("replay_with_root", [] if first[:2] == again[:2] == (0, b"one") else [str(again)])
    with open(os.path.join(shown, "one"), "w") as file:
        file.write("ONE")
    status, output, errors = run(["--replay", path], [])
    fine = status == common.STATUS_REFUSED and "shown/one" in errors and not output
    report("replay_refuses_changed_file", [] if fine else [f"status {status}", errors])
    run(["--record", path, "--seed", "1", "--root", "/"], [busybox, "ls", shown])
    with open(os.path.join(shown, "three"), "w") as file:
        file.write("3")
    status, _, errors = run(["--replay", path], [])
    fine = status == STATUS_DIVERGED and "the replay diverges at event " in errors and \
        ": expected " in errors and ", got " in errors
    report("replay_divergence", [] if fine else [f"status {status}", errors])


def test_command_line():
    hello = common.guest("hello")
    for name, options in (
            ("seed", ["--seed", "x"]), ("seed_negative", ["--seed", "-1"]),
            ("preempt", ["--preempt", "never"]), ("preempt_alone", ["--preempt", "traps"]),
            ("verify_record", ["--verify", "--record", "x"]),
            ("replay_seed", ["--replay", "x", "--seed", "1"]), ("cpus", ["--cpus", "65"])):
        status, _, errors = run(options, [hello])
        fine = status == common.STATUS_REFUSED and errors.count("\n") == 1
        report(f"refuses_{name}", [] if fine else [f"status {status}", errors])


# ---- Programs of our own --------------------------------------------------------------------


def build(directory):
    guests = {}
    counting = os.path.join(common.BUILD, "eft-cc")
    for name, source, compiler in (("spins", "spins", "gcc"), ("clocks", "clocks", "gcc"),
                                   ("chance", "chance", "gcc"), ("hostile", "hostile", counting),
                                   ("spins_blocks", "spins", counting)):
        guests[name] = os.path.join(directory, name + ".elf")
        subprocess.run([compiler, "-O1", "-g", "-static", "-Wall", "-Wextra", "-Werror", "-o",
                        guests[name], os.path.join(HERE, source + ".c")], check=True)
    return guests


def main():
    with tempfile.TemporaryDirectory(prefix="eft-seed-") as directory:
        guests = build(directory)
        test_same_seed(directory)
        test_seeds_differ(guests)
        test_preemption_is_exact()
        test_circumstances(guests, directory)
        test_spins(guests, directory)
        test_endless(guests, directory)
        test_hostile(guests)
        test_verify(guests)
        test_record_pipe(directory)
        test_recorded_preemption(directory)
        test_record_session(directory)
        test_recording_format(directory)
        test_bad_recordings(directory)
        test_divergence(directory)
        test_command_line()


if __name__ == "__main__":
    main()
