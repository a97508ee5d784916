#!/usr/bin/env python3
"""The kernel on QEMU against the hosted one: the same programs, with 1 and with 4 processors.

Output, error output and status must be the same line by line, but for what differences.txt allows.
hostile.elf, which attacks the kernel from user mode, is compared with Linux.  A few programs are
run by default; EFT_ALL in the environment runs all, EFT_ACCEL=kvm lets the host's processor run
them.  Names on the command line select tests.
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
RUNNER = os.path.join(common.BUILD, "eft-qemu")
ACCEL = os.environ.get("EFT_ACCEL", "tcg")
QEMU = [RUNNER, "--accel=" + ACCEL]
PROGRAMS = os.path.join(common.BUILD, "conformance/linux")
HOSTILE = os.path.join(common.BUILD, "conformance/qemu/hostile.elf")
PROCESSORS = os.path.join(common.BUILD, "conformance/qemu/processors.elf")
RESTART = os.path.join(common.BUILD, "conformance/qemu/restart.elf")
STRESS = os.path.join(common.BUILD, "conformance/qemu/stress.elf")
UEFI_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
UEFI_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"
ALL = bool(os.environ.get("EFT_ALL"))
INPUT = "line one\nline two\n"
QUICK_PROGRAMS = ("descriptors", "file_transfer", "memory_map", "memory_protect", "poll_select",
                  "process_end", "pty_pair", "signal_handlers", "signal_order_musl", "time_clocks",
                  "tty_jobs")
QUICK_CRASHES = ("divide_by_zero", "breakpoint", "write_null", "flag_trap", "single_steps",
                 "registers_across_call", "segment_bases", "legacy_gate", "abort_program",
                 "deep_recursion")
EVERY_CALL_CAME_BACK = 42
# Programs of the teaching ABI whose output does not depend on who comes first.
TEACHING = {"fish": ["5"], "counter": ["semaphore"], "pingpong": ["50"], "brk": []}
TEACHING_MORE = {"abba_repaired": [], "buffer_repaired": [], "lost_wakeup_repaired": [],
                 "freed_early_repaired": [], "defect_kill_blocked": [], "defect_wait_race": [],
                 "hello_teaching": [], "mutex": [], "raw/order": [], "raw/registers": []}
# What the imitated processor does not do: there is nothing to compare.
NOT_WITHOUT_KVM = {
    "unmask_vector_exception": "the imitated processor raises no SSE exceptions",
    "flag_alignment_fault": "the imitated processor raises no alignment faults",
    "jump_non_canonical": "the imitated processor jumps first, and faults at the target",
}
# Other machines and processors: what they lack must not be missed.
MACHINES = {
    "old_chipset": "-machine pc", "old_processor": "-cpu core2duo", "no_hpet": "-machine hpet=off",
    "no_guards": "-cpu max,-smap,-smep,-umip,-fsgsbase", "no_xsave": "-cpu max,-xsave",
    "much_memory": "-m 6G",
}
# Of the first stack and of what mmap chooses: hosted, addresses of programs end lower.
HIGH_ADDRESS = re.compile(r"\b0x[47]f[0-9a-f]{10}\b")
STARVING = re.compile(r"^eft: starving: +process \d+", re.MULTILINE)
IDLE_SECONDS = 3
IDLE_CPU_SECONDS = 0.6
TIME = re.compile(r"\b\d+\.\d{6} s\b")
SELF_TESTS = {
    "stack": r"kernel stack overflow in the kernel .*",
    "text": r"page fault in the kernel at address 0xffffffff80\w+.*",
    "alias": r"page fault in the kernel at address 0xffff8000\w+.*",
    "data": r"page fault in the kernel .*",
    "user": r"page fault in the kernel at address 0x4\w{5},.*",
    "user-code": r"page fault in the kernel at address (0x4\w{5}), by the instruction at \1\b.*",
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
        a, b = HIGH_ADDRESS.sub("HIGH", a), HIGH_ADDRESS.sub("HIGH", b)
        lines += difflib.unified_diff(a.splitlines(), b.splitlines(), f"expected {name}",
                                      f"qemu {name}", lineterm="", n=1)
    same_text = expected.output == found.output and expected.errors == found.errors
    if expected.bytes != found.bytes and same_text:
        lines.append("output differs in bytes that are not text")
    if expected.status != found.status:
        lines.append(f"status {expected.status}, on qemu {found.status}")
    return lines


def compare(suite, test, command, expected, cpus, text=None):
    """`command` on QEMU must do what `expected` (gives a result) says."""
    name = f"qemu_{cpus}_{test}"
    if not suite.wants(name):
        return
    found = execute([*QEMU, f"--cpus={cpus}", *command], common.TOP, text)
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


def final_report(result):
    """From where nothing can run any more: in real time the circle may have been told before, while
    something else was still going on."""
    errors = TIME.sub("TIME", result.errors)
    result.errors = errors[max(errors.find("eft: deadlock after "), 0):]
    return result


def compare_reports(suite):
    """A deadlock is told as hosted, with symbols."""
    command = [guest("knots"), "circle"]
    for cpus in (1, 4):
        name = f"qemu_{cpus}_deadlock_report"
        if suite.wants(name):
            found = final_report(execute([*QEMU, f"--cpus={cpus}", *command]))
            suite.check(name, differences(final_report(execute([SIM, *command])), found))


def draw_timeline(suite):
    """With 4 processors: tracks of all of them, and no slice that overlaps the one before."""
    if not suite.wants("qemu_4_timeline"):
        return
    tracks = {}
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "trace.json")
        found = execute([*QEMU, "--cpus=4", f"--timeline={path}", guest("dinner"), "3", "5"])
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
            if ACCEL != "kvm" and name in NOT_WITHOUT_KVM:
                if suite.wants("qemu_1_crash_" + name):
                    suite.skip("qemu_1_crash_" + name, NOT_WITHOUT_KVM[name])
                continue
            compare(suite, "crash_" + name, [guest("crash"), name], expected, 1)


def attack(suite):
    expected = once([HOSTILE])
    for cpus in (1, 4):
        compare(suite, "hostile", [HOSTILE], expected, cpus)
        name = f"qemu_{cpus}_hostile_calls"
        if suite.wants(name):
            found = execute([*QEMU, f"--cpus={cpus}", "--log-level=error", HOSTILE, "calls"])
            good = found.status == EVERY_CALL_CAME_BACK
            suite.check(name, [] if good else [f"status {found.status}", found.errors])
    name = "qemu_4_wild_all"
    if suite.wants(name):
        found = execute([*QEMU, "--cpus=4", guest("wild"), "all"])
        good = found.status == 0 and found.output.endswith("every call came back\n")
        suite.check(name, [] if good else [f"status {found.status}", found.errors])


def break_kernel(suite):
    """Faults of the kernel itself end with a report of every processor, and status 120."""
    for test, pattern in SELF_TESTS.items():
        name = f"qemu_panic_{test}"
        if not suite.wants(name):
            continue
        found = execute([*QEMU, "--cpus=2", f"--kernel=self-test={test}", guest("hello")])
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


def start_image(image, *firmware):
    return execute([
        "/usr/bin/qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-smp", "2",
        "-m", "512", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-cdrom", image, *firmware])


def boot_image(suite):
    """The image that GRUB boots, under BIOS and UEFI; nobody is there who could be asked for names
    of functions."""
    names = [name for name in ("qemu_image_bios", "qemu_image_uefi", "qemu_image_panic")
             if suite.wants(name)]
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
        firmware = {"qemu_image_uefi": [
            "-drive", f"if=pflash,format=raw,readonly=on,file={UEFI_CODE}",
            "-drive", f"if=pflash,format=raw,file={variables}"]}
        for name in names:
            panics = name == "qemu_image_panic"
            made = execute([RUNNER, "--image=" + image,
                            *(["--kernel=self-test=text"] if panics else []),
                            guest("hello"), "from", "an image"])
            found = start_image(image, *firmware.get(name, []))
            good = re.search(r"self_test\+0x[0-9a-f]+\s", found.output) if panics else \
                found.status == 1 and "an image" in found.output
            suite.check(name, [] if made.status == 0 and good else
                        [f"status {made.status}, {found.status}", made.errors,
                         *found.output.splitlines()[-20:]])


def run_lines(suite, name, command, text, expected):
    """A run whose output and status are known; `expected` is a status and some lines."""
    if suite.wants(name):
        found = execute(command, text=text)
        status, *lines = expected
        good = found.status == status and found.output.splitlines() == lines
        suite.check(name, [] if good else [f"status {found.status}", *found.output.splitlines(),
                                           *found.errors.splitlines()])


def restart(suite):
    """reboot(2): each start takes a letter from the input, which the host keeps."""
    starts = (0, "start for r", "start for t", "start for p")
    run_lines(suite, "hosted_restart", [SIM, RESTART], "rtp", starts)
    for cpus in (1, 4):
        run_lines(suite, f"qemu_{cpus}_restart", [*QEMU, f"--cpus={cpus}", RESTART], "rtp", starts)
    for way in ("acpi", "keyboard", "fault"):
        run_lines(suite, "qemu_restart_by_" + way,
                  [*QEMU, "--cpus=2", "--kernel=reset=" + way, RESTART], "rh",
                  (0, "start for r", "start for h"))
    command = [RESTART] if os.geteuid() == 0 else []
    for cpus in (1, 4) if command else ():
        compare(suite, "restart_errors", command, hosted(command, "e"), cpus, "e")


def use_processors(suite):
    for count in (4, 16, 64) if ALL else (4, 64):
        lines = [f"{count} threads on {count} processors, counter right"] if count < 64 else []
        if lines:
            run_lines(suite, f"hosted_{count}_processors",
                      [SIM, f"--cpus={count}", PROCESSORS, str(count)], "", (0, *lines))
            run_lines(suite, f"qemu_{count}_processors",
                      [*QEMU, f"--cpus={count}", PROCESSORS, str(count)], "", (0, *lines))
        else:
            run_lines(suite, f"qemu_{count}_counter",
                      [*QEMU, f"--cpus={count}", guest("counter"), "semaphore"], "",
                      (0, *execute([SIM, guest("counter"), "semaphore"]).output.splitlines()))
    run_lines(suite, "qemu_4_stress", [*QEMU, "--cpus=4", STRESS, "5" if ALL else "1"], "",
              (0, "every count is right"))


def idle(suite):
    """A shell that waits for a key costs the host next to nothing."""
    for cpus in (1, 4):
        name = f"qemu_{cpus}_idle_shell"
        if suite.wants(name):
            command = [*QEMU, f"--cpus={cpus}", guest("sh")]
            used = common.cost_of_waiting(command, IDLE_SECONDS)
            suite.check(name, [] if used <= IDLE_CPU_SECONDS else
                        [f"{used:.2f} s of CPU time for {IDLE_SECONDS} s of waiting for a key"])


def vary_machine(suite):
    """Other machines, and devices that are missing."""
    expected = (0, *execute([SIM, guest("hello"), "there"]).output.splitlines())
    for name, words in MACHINES.items():
        run_lines(suite, "qemu_machine_" + name,
                  [*QEMU, "--cpus=2", "--qemu=" + words, guest("hello"), "there"], None, expected)
    run_lines(suite, "qemu_no_virtio_console", [*QEMU, "--link=com2", guest("hello"), "there"],
              None, expected)
    for name, words, line in (
            ("link", ["--link=com2", "--kernel=link=virtio"], "link=virtio: there is no such"),
            ("9p", ["--kernel=root=9p"], "root=9p: there is no virtio-9p device")):
        if suite.wants("qemu_absent_" + name):
            found = execute([*QEMU, *words, guest("hello"), "there"])
            told = any(line in text for text in found.errors.splitlines())
            works = "argument 1: there" in found.output + found.errors
            suite.check("qemu_absent_" + name, [] if told and works else [f"status {found.status}",
                                                               *found.errors.splitlines()])


def use_other_clock(suite):
    """Time from the HPET: calls, the vDSO and timers, with time stamps that nobody may use."""
    for name in ("time_vdso", "timer_posix"):
        command = [os.path.join(PROGRAMS, name + ".elf")]
        compare(suite, "hpet_" + name, ["--kernel=clock=hpet", *command], hosted(command), 4)
    name = "qemu_absent_hpet"
    if suite.wants(name):
        found = execute([*QEMU, "--kernel=clock=hpet", "--qemu=-machine hpet=off", guest("hello")])
        told = "clock=hpet, and there is no HPET" in found.errors
        suite.check(name, [] if told and found.status == 0 else [f"status {found.status}",
                                                                *found.errors.splitlines()])


def tell_of_starvation(suite):
    """The solution in which two philosophers starve the third."""
    for cpus in (1, 4):
        name = f"qemu_{cpus}_starvation"
        if suite.wants(name):
            found = execute([*QEMU, f"--cpus={cpus}", "--stats", guest("dinner"), "3", "20", "1"])
            suite.check(name, [] if STARVING.search(found.errors) else
                        [f"status {found.status}", *found.errors.splitlines()])
    # With several processors it may be on its way from one to another.
    for cpus, state in ((1, r"is running on CPU 0, at spinner \(knots"),
                        (4, r"is (ready|running on CPU \d, at spinner \(knots)")):
        name = f"qemu_{cpus}_time_limit_report"
        if suite.wants(name):
            found = execute([*QEMU, f"--cpus={cpus}", "--time-limit=2", guest("knots"), "spinner"])
            good = found.status == 122 and re.search(state, found.errors)
            suite.check(name, [] if good else [f"status {found.status}",
                                               *found.errors.splitlines()])


def limits(suite):
    """The time limit ends a program that spins; a seed repeats a run."""
    if suite.wants("qemu_time_limit"):
        found = execute([*QEMU, "--time-limit=2", HOSTILE, "spin"])
        good = found.status == 122 and "does not answer" not in found.errors
        suite.check("qemu_time_limit", [] if good else [f"status {found.status}", found.errors])
    if suite.wants("qemu_seed"):
        runs = {execute([*QEMU, "--seed=7", "--cpus=2", guest("probe")]).bytes for _ in range(2)}
        suite.check("qemu_seed", [] if len(runs) == 1 else ["two runs with one seed differ"])


def refuse(suite):
    """Mistakes are one line and status 2."""
    cases = {
        "absent_program": ["/absent/program"], "no_program": [], "cpus": ["--cpus=65", "x"],
        "memory": ["--memory=1K", "x"], "option": ["--absent", "x"], "no_elf": [__file__],
        "accel": ["--accel=fast", "x"], "qemu_words": ["--qemu=-cpu absent", guest("hello")],
    }
    for name, words in cases.items():
        if suite.wants("qemu_refuse_" + name):
            found = execute([*QEMU, *words])
            good = found.status == 2 and len(found.errors.splitlines()) == 1
            suite.check("qemu_refuse_" + name,
                        [] if good else [f"status {found.status}", *found.errors.splitlines()])
    if suite.wants("qemu_refuse_no_qemu"):
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(sys.executable, os.path.join(directory, "python3"))
            path, common.ENVIRONMENT["PATH"] = common.ENVIRONMENT["PATH"], directory
            found = execute([sys.executable, RUNNER, guest("hello")])
            common.ENVIRONMENT["PATH"] = path
        good = found.status == 2 and "qemu-system-x86" in found.errors
        suite.check("qemu_refuse_no_qemu", [] if good else [found.errors])


def main():
    suite = common.Suite()
    if not shutil.which("qemu-system-x86_64"):
        suite.skip("qemu", "qemu-system-x86_64 is not installed")
        return suite.status()
    for part in (compare_guests, compare_teaching, compare_reports, draw_timeline,
                 compare_programs, compare_crashes, attack, break_kernel, restart,
                 use_processors, idle, vary_machine, use_other_clock, tell_of_starvation,
                 boot_image, limits, refuse):
        part(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
