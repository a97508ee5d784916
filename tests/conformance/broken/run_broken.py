#!/usr/bin/env python3
"""What cannot be run, and command lines that are wrong: one clear line, status 2, nothing else."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from common import SIM, execute, guest

NOBODY = 65534
HEADER_SIZE = 64
PROGRAM_HEADER_SIZE = 56
# Offsets in the ELF header and in a program header.
CLASS, DATA, TYPE, MACHINE, PHOFF, PHENTSIZE, PHNUM = 4, 5, 16, 18, 32, 54, 56
SEGMENT_OFFSET, SEGMENT_ADDRESS, SEGMENT_FILE_SIZE, SEGMENT_SIZE = 8, 16, 32, 40
INTERPRETER, STACK = 3, 0x6474e551    # kinds of segments


def patched(image, *changes):
    """A copy of the image with (offset, format, value) written into it."""
    copy = bytearray(image)
    for offset, kind, value in changes:
        struct.pack_into(kind, copy, offset, value)
    return bytes(copy)


def first_load(image):
    """Offset of the first PT_LOAD header."""
    count = struct.unpack_from("<H", image, PHNUM)[0]
    start = struct.unpack_from("<Q", image, PHOFF)[0]
    for index in range(count):
        at = start + index * PROGRAM_HEADER_SIZE
        if struct.unpack_from("<I", image, at)[0] == 1:
            return at
    raise ValueError("no segment to load")


def broken_files(image):
    """Name of the test -> contents."""
    load = first_load(image)
    address, = struct.unpack_from("<Q", image, load + SEGMENT_ADDRESS)
    return {
        "empty": b"",
        "one_byte": b"\x7f",
        "text": b"just some text\n",
        "script": b"#!/bin/sh\necho hello\n",
        "zeroes": bytes(10000),
        "cut_in_magic": image[:3],
        "cut_in_ident": image[:12],
        "cut_in_header": image[:HEADER_SIZE - 1],
        "cut_before_program_headers": image[:HEADER_SIZE],
        "cut_in_program_headers": image[:HEADER_SIZE + PROGRAM_HEADER_SIZE + 3],
        "elf_32": patched(image, (CLASS, "B", 1)),
        "big_endian": patched(image, (DATA, "B", 2)),
        "arm": patched(image, (MACHINE, "<H", 40)),
        "aarch64": patched(image, (MACHINE, "<H", 183)),
        "i386": patched(image, (CLASS, "B", 1), (MACHINE, "<H", 3)),
        "object_file": patched(image, (TYPE, "<H", 1)),
        "core_file": patched(image, (TYPE, "<H", 4)),
        "odd_header_size": patched(image, (PHENTSIZE, "<H", 32)),
        "no_program_headers": patched(image, (PHNUM, "<H", 0)),
        "many_program_headers": patched(image, (PHNUM, "<H", 65535)),
        "headers_beyond_the_end": patched(image, (PHOFF, "<Q", len(image))),
        "headers_wrap_around": patched(image, (PHOFF, "<Q", 2**64 - 8)),
        "segment_wraps_around": patched(image, (load + SEGMENT_SIZE, "<Q", 2**64 - 1)),
        "segment_in_kernel_half": patched(image,
                                          (load + SEGMENT_ADDRESS, "<Q", 0xffff800000000000)),
        "segment_larger_in_file": patched(image, (load + SEGMENT_SIZE, "<Q", 16),
                                          (load + SEGMENT_FILE_SIZE, "<Q", 4096)),
        "segment_not_congruent": patched(image, (load + SEGMENT_ADDRESS, "<Q", address + 8)),
        "segment_huge": patched(image, (load + SEGMENT_SIZE, "<Q", 2**46)),
    }


def problems(result, words=""):
    """What is wrong with a refusal; `words` are looked for in its line."""
    found = []
    lines = result.errors.splitlines()
    if result.status != common.STATUS_REFUSED:
        found.append(f"status {result.status}, not {common.STATUS_REFUSED}")
    if result.output:
        found.append(f"output: {result.output[:80]!r}")
    if len(lines) != 1:
        found.append(f"{len(lines)} lines on standard error, not one")
    if words and words not in result.errors:
        found.append(f"does not say {words!r}")
    return found + lines if found else []


def check_files(suite, directory):
    with open(guest("hello"), "rb") as file:
        image = file.read()
    for name, contents in broken_files(image).items():
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(contents)
        os.chmod(path, 0o755)
        for suffix, command in (("", [SIM, path]),
                                ("_root", [SIM, "--root", directory, "/" + name])):
            if suite.wants(f"broken_{name}{suffix}"):
                suite.check(f"broken_{name}{suffix}", problems(execute(command)))


def check_dynamic(suite):
    """A dynamic program without --root: its interpreter is not there."""
    program = shutil.which("env") or "/usr/bin/env"
    suite.check("broken_dynamic", problems(execute([SIM, program])))


def dynamic_program(name, size=None):
    """A copy of hello that asks for an interpreter: what it says of its stack becomes the name."""
    with open(guest("hello"), "rb") as file:
        image = file.read()
    at = struct.unpack_from("<Q", image, PHOFF)[0]
    while struct.unpack_from("<I", image, at)[0] != STACK:
        at += PROGRAM_HEADER_SIZE
    return patched(image, (at, "<I", INTERPRETER), (at + SEGMENT_OFFSET, "<Q", len(image)),
                   (at + SEGMENT_FILE_SIZE, "<Q", len(name) if size is None else size)) + name


def check_interpreters(suite, directory):
    """Interpreters that are missing or no programs, as the first program's."""
    with open(os.path.join(directory, "plain"), "w", encoding="ascii") as file:
        file.write("no program")
    os.makedirs(os.path.join(directory, "directory"), exist_ok=True)
    cannot = "cannot be opened"
    cases = {
        "missing": (dynamic_program(b"/nothing/ld\0"), "its interpreter /nothing/ld " + cannot),
        "relative": (dynamic_program(b"nothing\0"), "its interpreter nothing " + cannot),
        "odd": (dynamic_program(b"/\x1b[2J\n\xff\0"), "its interpreter /?[2J?? " + cannot),
        "long": (dynamic_program(b"/" + b"x" * 4094 + b"\0"), cannot),
        "without_end": (dynamic_program(b"/nothing"), "no proper name of an interpreter"),
        "without_name": (dynamic_program(b"\0"), "no proper name of an interpreter"),
        "too_long": (dynamic_program(b"/" + b"x" * 4096 + b"\0"), "no proper name"),
        "cut": (dynamic_program(b"/nothing\0", 4000), "is cut short"),
        "directory": (dynamic_program(b"/directory\0"), "its interpreter /directory " + cannot),
        "not_executable": (dynamic_program(b"/plain\0"), "its interpreter /plain " + cannot),
        "text": (dynamic_program(b"/script\0"), "its interpreter /script is a text file"),
    }
    path = os.path.join(directory, "script")
    with open(path, "w", encoding="ascii") as file:
        file.write("only text\n" * 10)
    os.chmod(path, 0o755)
    for name, (contents, words) in cases.items():
        path = os.path.join(directory, "dynamic")
        with open(path, "wb") as file:
            file.write(contents)
        os.chmod(path, 0o755)
        if suite.wants(f"broken_interpreter_{name}"):
            suite.check(f"broken_interpreter_{name}",
                        problems(execute([SIM, "--root", directory, "/dynamic"]), words))
        if name == "missing":
            suite.check(f"broken_interpreter_{name}_alone", problems(execute([SIM, path]), words))


def check_unreadable(suite, directory):
    path = os.path.join(directory, "unreadable")
    shutil.copy(guest("hello"), path)
    command = [SIM, path]
    if os.geteuid() == 0:    # root reads everything: be somebody else, who must reach the files
        sim = os.path.join(directory, "sim")
        shutil.copy(SIM, sim)
        os.chmod(sim, 0o755)
        os.chmod(directory, 0o755)
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sim, path]
        if not shutil.which("setpriv"):
            suite.skip("broken_unreadable", "no setpriv here")
            return
    os.chmod(path, 0o755)
    good = execute(command)
    os.chmod(path, 0o000)
    bad = execute(command)
    wrong = problems(bad)
    if good.status != 0:
        wrong = [f"even readable: status {good.status}", good.errors]
    suite.check("broken_unreadable", wrong)


def check_command_lines(suite, directory):
    hello = guest("hello")
    lines = {
        "no_arguments": [],
        "unknown_option": ["--no-such-option", hello],
        "unknown_letter": ["-Q", hello],
        "option_without_value": ["--memory"],
        "value_where_none_belongs": ["--version=3"],
        "cpus_zero": ["--cpus=0", hello],
        "cpus_many": ["--cpus=65", hello],
        "cpus_text": ["--cpus=two", hello],
        "cpus_empty": ["--cpus=", hello],
        "memory_text": ["--memory=lots", hello],
        "memory_little": ["--memory=1K", hello],
        "memory_negative": ["--memory=-1G", hello],
        "memory_huge": ["--memory=99999999999T", hello],
        "memory_suffix": ["--memory=64Q", hello],
        "log_level": ["--log-level=loud", hello],
        "sched": ["--sched=quick", hello],
        "trace_filter": ["--trace=nosuchcall", hello],
        "trace_file_impossible": ["--trace", "--trace-file=/absent/file", hello],
        "env_without_name": ["--env==x", hello],
        "root_absent": ["--root=/absent/directory", "/hello"],
        "root_is_a_file": ["--root=" + hello, "/hello"],
        "guest_absent": ["/absent/guest"],
        "guest_empty": [""],
        "guest_directory": [directory],
        "guest_directory_in_root": ["--root", directory, "/"],
        "guest_absent_in_root": ["--root", directory, "/absent"],
        "guest_below_a_file": [hello + "/x"],
        "guest_device": ["/dev/null"],
        "cwd_absent": ["--cwd=/absent", hello],
        "search_of_nothing": ["--search", "--jobs=3", "/absent/guest"],
        "search_of_a_directory": ["--search", "--jobs=3", directory],
        "search_in_absent_directory": ["--search", "--jobs=3", "--cwd=/absent", hello],
        "search_expects_absent_file": ["--search", "--jobs=3", "--expect-output=/absent", hello],
    }
    for name, arguments in lines.items():
        if suite.wants("command_line_" + name):
            suite.check("command_line_" + name, problems(execute([SIM, *arguments])))


def check_words(suite, directory):
    """Lines that name what is wrong, and where."""
    hello = guest("hello")
    for name, words, arguments in (
            ("jobs_alone", "--jobs", ["--jobs=2", hello]),
            ("check_alone", "--check", ["--check=2", hello]),
            ("memory_too_much", "the maximum is 1024G", ["--memory=1025G", hello]),
            ("memory_beyond_numbers", "the maximum is 1024G", ["--memory=" + 30 * "9", hello]),
            ("guest_not_where_it_starts", "no such file in /", ["--root", directory, "absent/x"]),
            ("seed_starts_at_the_root", "no such file in /",
             ["--seed=1", "--root=/", "./hello.elf"])):
        if suite.wants("command_line_" + name):
            suite.check("command_line_" + name, problems(execute([SIM, *arguments]), words))


def check_trace_file(suite, directory):
    """It is enough to name the file."""
    path = os.path.join(directory, "the trace")
    result = execute([SIM, "--trace-file", path, guest("hello")])
    with open(path) as file:
        trace = file.read()
    good = result.status == 0 and not result.errors and "exit_group(0)" in trace
    suite.check("command_line_trace_file_alone", [] if good else
                [f"status {result.status}", result.errors, trace])


def check_good_options(suite):
    """What must work, next to what must not."""
    hello = guest("hello")
    for name, arguments, words in (
            ("version", ["--version"], "sim"), ("version_short", ["-V"], "sim"),
            ("help", ["--help"], "--root"), ("help_short", ["-h"], "--root"),
            ("two_cpus", ["--cpus=2", hello], "Hello"),
            ("little_memory", ["--memory", "16M", hello], "Hello"),
            ("double_dash", ["--", hello, "--cpus=0"], "argument 1: --cpus=0"),
            ("options_behind_the_guest", [hello, "--help"], "argument 1: --help")):
        result = execute([SIM, *arguments])
        good = result.status == 0 and words in result.output and not result.errors
        suite.check("command_line_" + name, [] if good else
                    [f"status {result.status}", result.output, result.errors])


def check_no_descriptors(suite):
    """A refusal must not depend on standard error being open."""
    result = subprocess.run([SIM, "/absent"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            preexec_fn=lambda: os.close(2), check=False)
    suite.check("broken_without_stderr", [] if result.returncode == common.STATUS_REFUSED else
                [f"status {result.returncode}"])


def main():
    suite = common.Suite()
    with tempfile.TemporaryDirectory() as directory:
        check_files(suite, directory)
        check_dynamic(suite)
        check_interpreters(suite, directory)
        check_unreadable(suite, directory)
        check_command_lines(suite, directory)
        check_words(suite, directory)
        check_trace_file(suite, directory)
        check_good_options(suite)
        check_no_descriptors(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())
