#!/usr/bin/env python3
"""The runner counts what suites report, and what they fail to report (tests/run.py)."""
import os
import subprocess
import sys
import tempfile

from tree import ROOT

RUN = os.path.join(ROOT, "tests", "run.py")
TAP = 'printf "ok 1 - a.c:x:y: Passed\\nnot ok 2 - a.c:x:z: wrong\\n" > "$CK_TAP_LOG_FILE_NAME"'

# name, what the suite does, the runner's last line, its status, a text in its output
CASES = [
    ("lines_are_counted", "echo ok a; echo ok b", "2 passed, 0 failed", 0, ""),
    ("a_failure_is_shown", "echo ok a; echo 'not ok b: why'; echo detail; exit 1",
     "1 passed, 1 failed", 1, "| detail"),
    ("a_failure_counts_though_the_status_is_0", "echo 'not ok b'", "0 passed, 1 failed", 1, ""),
    ("skipping_is_neither", "echo ok a; echo 'skip b: no gdb'", "1 passed, 0 failed", 0,
     "skip b: no gdb"),
    ("a_silent_suite_fails", "true", "0 passed, 1 failed", 1, "reported no test"),
    ("a_bad_status_fails", "echo ok a; exit 3", "1 passed, 1 failed", 1, "status 3"),
    ("death_fails", "echo ok a; kill -SEGV $$", "1 passed, 1 failed", 1, "signal 11"),
    ("time_runs_out", "echo ok a; sleep 30", "1 passed, 1 failed", 1, "did not end"),
    ("libcheck_is_understood", TAP, "1 passed, 1 failed", 1, "a.c:x:z: wrong"),
    ("input_is_empty", "cat; echo ok a", "1 passed, 0 failed", 0, ""),
    ("machines_are_told_apart", "echo ok a; echo ok qemu_b; echo 'skip qemu_c: x'; echo ok qemu_d",
     "3 passed, 0 failed", 0, "hosted 1, qemu 2\n3 passed"),
    ("a_remark_is_shown", "echo ok a; echo '# twice'", "1 passed, 0 failed", 0, "    # twice"),
    ("the_build_folder_is_told", 'test -n "$BUILD" && echo ok a', "1 passed, 0 failed", 0, ""),
]


def problem(script, last_line, status, text):
    """Runs one suite with that script; what is wrong with the runner's answer, or None."""
    with tempfile.TemporaryDirectory() as place:
        suite = os.path.join(place, "suite")
        with open(suite, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(suite, 0o755)
        result = subprocess.run([sys.executable, RUN, "--timeout", "2", suite],
                                capture_output=True, text=True, check=False)
    if result.stdout.splitlines()[-1:] != [last_line]:
        return f"the last line is {result.stdout.splitlines()[-1:]}, not {last_line!r}"
    if result.returncode != status:
        return f"status {result.returncode}, not {status}"
    return None if text in result.stdout else f"{text!r} is not in the output"


def main():
    failed = 0
    for name, *case in CASES:
        why = problem(*case)
        failed += why is not None
        print(f"not ok run/{name}: {why}" if why else f"ok run/{name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
