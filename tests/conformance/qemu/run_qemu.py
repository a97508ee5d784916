#!/usr/bin/env python3
"""The kernel on QEMU against the hosted one: the same programs, with 1 and with 4 processors.

Output, error output and status must be the same line by line, but for what differences.txt allows.
hostile.elf, which attacks the kernel from user mode, is compared with Linux.  A few programs are
run by default; EFT_ALL in the environment runs all.  Names on the command line select tests.
"""
import difflib
import functools
import json
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from common import SIM, execute, guest

HERE = os.path.dirname(os.path.abspath(__file__))
QEMU = os.path.join(common.BUILD, "eft-qemu")
PROGRAMS = os.path.join(common.BUILD, "conformance/linux")
HOSTILE = os.path.join(common.BUILD, "conformance/qemu/hostile.elf")
UEFI_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
UEFI_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"
ALL = bool(os.environ.get("EFT_ALL"))
INPUT = "line one\nline two\n"
QUICK_PROGRAMS = ("descriptors", "file_transfer", "memory_map", "memory_protect", "poll_select",
                  "process_end", "signal_handlers", "signal_order_musl", "time_clocks")
QUICK_CRASHES = ("divide_by_zero", "breakpoint", "write_null", "flag_trap", "single_steps",
                 "registers_across_call", "segment_bases", "legacy_gate", "abort_program",
                 "deep_recursion")
EVERY_CALL_CAME_BACK = 42
# Programs of the teaching ABI whose output does not depend on who comes first.
TEACHING = {"fish": ["5"], "counter": ["semaphore"], "pingpong": ["50"], "brk": []}
TEACHING_MORE = {"abba_repaired": [], "buffer_repaired": [], "lost_wakeup_repaired": [],
                 "freed_early_repaired": [], "defect_kill_blocked": [], "defect_wait_race": [],
                 "hello_teaching": [], "mutex": [], "raw/order": [], "raw/registers": []}
TIME = re.compile(r"\b\d+\.\d{6} s\b")
SELF_TESTS = {
    "stack": r"kernel stack overflow in the kernel .*",
    "text": r"page fault in the kernel at address 0xffffffff80\w+.*",
    "alias": r"page fault in the kernel at address 0xffff8000\w+.*",
    "data": r"page fault in the kernel .*",
    "user": r"page fault in the kernel at address 0x400000,.*",
}


def read_allowed():
    allowed = []
    with open(os.path.join(HERE, "differences.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                test, pattern, _ = (part.strip() for part in line.split(" | "))
                allowed.append((re.compile(test), re.compile(pattern)))
    return allowed


ALLOWED = read_allowed()


def is_allowed(test, line):
    """Of a unified difference, only the lines that are on one side count."""
    if not re.match(r"[-+](?![-+])|status|output", line):
        return True
    text = line[1:] if line[0] in "+-" else line
    return any(name.fullmatch(test) and pattern.fullmatch(text) for name, pattern in ALLOWED)


def remaining(test, problems):
    left = [line for line in problems if not is_allowed(test, line)]
    return problems if left else []


def differences(expected, found):
    """As common.differences, with the kernel's own lines: both sides have them."""
    lines = []
    for name, a, b in (("output", expected.output, found.output),
                       ("error output", expected.errors, found.errors)):
        lines += difflib.unified_diff(a.splitlines(), b.splitlines(), f"expected {name}",
                                      f"qemu {name}", lineterm="", n=1)
    if expected.bytes != found.bytes and not lines:
        lines.append("output differs in bytes that are not text")
    if expected.status != found.status:
        lines.append(f"status {expected.status}, on qemu {found.status}")
    return lines


def compare(suite, test, command, expected, cpus, text=None):
    """`command` on QEMU must do what `expected` (gives a result) says."""
    name = f"qemu_{cpus}_{test}"
    if not suite.wants(name):
        return
    found = execute([QEMU, f"--cpus={cpus}", *command], common.TOP, text)
    suite.check(name, remaining(test, differences(expected(), found)))


def once(command, text=None):
    """Runs the command when its result is asked for the first time."""
    return functools.cache(lambda: execute(command, common.TOP, text))


def hosted(command, text=None):
    return once([SIM, *command], text)


def programs():
    for entry in sorted(os.listdir(PROGRAMS)):
        name = entry.removesuffix(".elf")
        if entry.endswith(".elf") and (ALL or name in QUICK_PROGRAMS):
            yield name


def compare_programs(suite):
    for name in programs():
        command = ["--cwd=/tmp", os.path.join(PROGRAMS, name + ".elf")]
        expected = hosted(command, INPUT)
        for cpus in (1, 4):
            compare(suite, name, command, expected, cpus, INPUT)


def compare_guests(suite):
    for name in ("hello", "probe", "probe_musl_pie") if ALL else ("hello",):
        command = ["--cwd=/tmp", guest(name), "one", "two words", "", "a\nb", "ünï"]
        expected = hosted(command)
        for cpus in (1, 4):
            compare(suite, name, command, expected, cpus)


def compare_teaching(suite):
    for name, words in {**TEACHING, **(TEACHING_MORE if ALL else {})}.items():
        command = [guest(name), *words]
        expected = hosted(command, "")
        for cpus in (1, 4):
            compare(suite, name.replace("/", "_"), command, expected, cpus, "")


def without_times(result):
    result.errors = TIME.sub("TIME", result.errors)
    return result


def compare_reports(suite):
    """A deadlock is told as hosted, with symbols."""
    command = [guest("knots"), "circle"]
    for cpus in (1, 4):
        name = f"qemu_{cpus}_deadlock_report"
        if suite.wants(name):
            found = without_times(execute([QEMU, f"--cpus={cpus}", *command]))
            suite.check(name, differences(without_times(execute([SIM, *command])), found))


def draw_timeline(suite):
    """With 4 processors: tracks of all of them, and no slice that overlaps the one before."""
    if not suite.wants("qemu_4_timeline"):
        return
    tracks = {}
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "trace.json")
        found = execute([QEMU, "--cpus=4", f"--timeline={path}", guest("dinner"), "3", "5"])
        with open(path, encoding="utf-8") as file:
            text = file.read()
    problems = [] if found.status == 0 else [f"status {found.status}", found.errors]
    events = json.loads(text) if text else []
    for event in events:
        if event["ph"] == "X":
            tracks.setdefault((event["pid"], event["tid"]), []).append(event)
    for slices in tracks.values():
        problems += [f"{first} overlaps {second}" for first, second in zip(slices, slices[1:])
                     if first["ts"] + first["dur"] > second["ts"] + 0.01]
    names = {event["name"] for event in events}
    problems += [f"no {name!r} in it" for name in ("running", "semaphore 258", "Sem",
                                                   "process 3 to end") if name not in names]
    suite.check("qemu_4_timeline", problems)


def compare_crashes(suite):
    for line in execute([guest("crash"), "list"]).output.splitlines():
        name = line.split()[1]
        if ALL or name in QUICK_CRASHES:
            expected = hosted([guest("crash"), name])
            compare(suite, "crash_" + name, [guest("crash"), name], expected, 1)


def attack(suite):
    expected = once([HOSTILE])
    for cpus in (1, 4):
        compare(suite, "hostile", [HOSTILE], expected, cpus)
        name = f"qemu_{cpus}_hostile_calls"
        if suite.wants(name):
            found = execute([QEMU, f"--cpus={cpus}", "--log-level=error", HOSTILE, "calls"])
            good = found.status == EVERY_CALL_CAME_BACK
            suite.check(name, [] if good else [f"status {found.status}", found.errors])
    name = "qemu_4_wild_all"
    if suite.wants(name):
        found = execute([QEMU, "--cpus=4", guest("wild"), "all"])
        good = found.status == 0 and found.output.endswith("every call came back\n")
        suite.check(name, [] if good else [f"status {found.status}", found.errors])


def break_kernel(suite):
    """Faults of the kernel itself end with a report of every processor, and status 120."""
    for test, pattern in SELF_TESTS.items():
        name = f"qemu_panic_{test}"
        if not suite.wants(name):
            continue
        found = execute([QEMU, "--cpus=2", f"--kernel=self-test={test}", guest("hello")])
        problems = []
        if found.status != common.STATUS_PANIC:
            problems.append(f"status {found.status}, not {common.STATUS_PANIC}")
        if not re.search("panic: " + pattern, found.errors):
            problems.append(f"no {pattern}")
        if len(re.findall(r"CPU \d was in", found.errors)) != 1:
            problems.append("the other processor's place is not there")
        if test != "stack" and "user_loop" not in found.errors:
            problems.append("the calls are not named")
        suite.check(name, problems + (found.errors.splitlines() if problems else []))


def boot_image(suite):
    """The image that GRUB boots, under BIOS and UEFI."""
    names = [name for name in ("qemu_image_bios", "qemu_image_uefi") if suite.wants(name)]
    if not names or not ALL:
        return
    if not shutil.which("grub-mkrescue") or not os.path.exists(UEFI_CODE):
        for name in names:
            suite.skip(name, "grub-mkrescue or OVMF is not installed")
        return
    with tempfile.TemporaryDirectory() as directory:
        image = os.path.join(directory, "eft.iso")
        variables = os.path.join(directory, "variables")
        shutil.copy(UEFI_VARIABLES, variables)
        made = execute([QEMU, "--image=" + image, guest("hello"), "from", "an image"])
        for name in names:
            firmware = [] if name.endswith("bios") else [
                "-drive", f"if=pflash,format=raw,readonly=on,file={UEFI_CODE}",
                "-drive", f"if=pflash,format=raw,file={variables}"]
            found = execute([
                "/usr/bin/qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-smp", "2",
                "-m", "512", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-cdrom", image, *firmware])
            good = made.status == 0 and found.status == 1 and "an image" in found.output
            suite.check(name, [] if good else [f"status {made.status}, {found.status}",
                                               *found.output.splitlines()[-5:]])


def limits(suite):
    """The time limit ends a program that spins; a seed repeats a run."""
    if suite.wants("qemu_time_limit"):
        found = execute([QEMU, "--time-limit=2", HOSTILE, "spin"])
        good = found.status == 122 and "does not answer" not in found.errors
        suite.check("qemu_time_limit", [] if good else [f"status {found.status}", found.errors])
    if suite.wants("qemu_seed"):
        runs = {execute([QEMU, "--seed=7", "--cpus=2", guest("probe")]).bytes for _ in range(2)}
        suite.check("qemu_seed", [] if len(runs) == 1 else ["two runs with one seed differ"])


def refuse(suite):
    """Mistakes are one line and status 2."""
    cases = {
        "absent_program": ["/absent/program"], "no_program": [], "cpus": ["--cpus=65", "x"],
        "memory": ["--memory=1K", "x"], "option": ["--absent", "x"], "no_elf": [__file__],
    }
    for name, words in cases.items():
        if suite.wants("qemu_refuse_" + name):
            found = execute([QEMU, *words])
            good = found.status == 2 and len(found.errors.splitlines()) == 1
            suite.check("qemu_refuse_" + name,
                        [] if good else [f"status {found.status}", *found.errors.splitlines()])
    if suite.wants("qemu_refuse_no_qemu"):
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(sys.executable, os.path.join(directory, "python3"))
            path, common.ENVIRONMENT["PATH"] = common.ENVIRONMENT["PATH"], directory
            found = execute([sys.executable, QEMU, guest("hello")])
            common.ENVIRONMENT["PATH"] = path
        good = found.status == 2 and "qemu-system-x86" in found.errors
        suite.check("qemu_refuse_no_qemu", [] if good else [found.errors])


def main():
    suite = common.Suite()
    if not shutil.which("qemu-system-x86_64"):
        suite.skip("qemu", "qemu-system-x86_64 is not installed")
        return suite.status()
    for part in (compare_guests, compare_teaching, compare_reports, draw_timeline,
                 compare_programs, compare_crashes, attack, break_kernel,
                 boot_image, limits, refuse):
        part(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
