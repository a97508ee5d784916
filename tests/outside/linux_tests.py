"""The kernel's own tests: which there are, with which arguments, and how each is built.

Left out are those of timers that set the machine's clock, change its rate or put it to sleep.
"""
import glob
import os
import re

from building import Program, Test

PASSED, SKIPPED = 0, 4
CHANGE_THE_CLOCK = {"alarmtimer-suspend", "valid-adjtimex", "adjtick", "change_skew", "freq-step",
                    "skew_consistency", "clocksource-switch", "leap-a-day", "leapcrash",
                    "set-tai", "set-2038", "set-tz"}
FOLDERS = {"futex": "futex/functional", "clone3": "clone3", "timers": "timers",
           "sigaltstack": "sigaltstack", "membarrier": "membarrier", "kcmp": "kcmp",
           "exec": "exec", "pidfd": "pidfd", "proc": "proc", "mqueue": "mqueue", "memfd": "memfd",
           "openat2": "openat2", "vm": "vm"}
# Parts of other programs; what wants a machine of its own, many gigabytes or another kernel.
NOT_ALONE = {"helpers", "common", "vm_util", "fuse_mnt", "fuse_test", "hugepage-mmap",
             "hugepage-mremap", "hugepage-shm", "hugepage-vmemmap", "map_hugetlb",
             "hugetlb-madvise", "thuge-gen", "transhuge-stress", "va_128TBswitch", "gup_test",
             "hmm-tests", "ksm_tests", "virtual_address_range", "userfaultfd",
             "write_to_hugetlbfs", "migration",
             "split_huge_page_test", "khugepaged", "charge_reserved_hugetlb", "soft-dirty",
             "compaction_test", "protection_keys", "memfd_secret"}
HELPERS = {"openat2": "helpers.c", "memfd": "common.c", "vm": "vm_util.c"}
# A quarter of an hour otherwise.
ARGUMENTS = {"inconsistency-check": ["-t", "1"], "threadtest": ["-t", "3", "-n", "8"]}


def passes(status, output):
    """A test of many checks may end with 0 though it skipped or failed some."""
    return status == PASSED and not re.search(r"^not ok (?!.*# SKIP)", output,
                                              re.MULTILINE)


def command_lines(top):
    """Of the futex tests: their script says with which arguments they are to run."""
    lines = {}
    with open(os.path.join(top, "futex/functional/run.sh"), encoding="utf-8") as file:
        for match in re.finditer(r"^\./(\w+) \$COLOR *(.*)$", file.read(), re.MULTILINE):
            lines.setdefault(match.group(1), []).append(match.group(2).split())
    return lines


def sources(folder, name, top):
    """Some are made of several files: those that have no main of their own."""
    found = [os.path.join(folder, name + ".c")]
    if os.path.basename(folder) == "rseq":
        found.append(os.path.join(top, "rseq/rseq.c"))
    helpers = os.path.join(folder, HELPERS.get(os.path.basename(folder), "no helpers"))
    return found + ([helpers] if os.path.exists(helpers) else [])


def tests(top, build):
    arguments = command_lines(top)
    for group, part in FOLDERS.items():
        folder = os.path.join(top, part)
        for path in sorted(glob.glob(os.path.join(folder, "*.c"))):
            name = os.path.basename(path)[:-2]
            if name in CHANGE_THE_CLOCK | NOT_ALONE:
                continue
            program = Program(
                os.path.join(build, group, name), sources(folder, name, top),
                ["-I" + top, "-I" + os.path.join(folder, "../include"), "-I" + folder],
                ["-lrt", "-lm", *(["-lcap"] if group in ("clone3", "pidfd") else []),
                 *(["-lpopt"] if group == "mqueue" else [])])
            for words in arguments.get(name, [ARGUMENTS.get(name, [])]):
                yield Test(group, " ".join([name, *words]), program, words, passes)
